"""The report's maps: which events are drawn, and what a picture holds."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from processing.gmm import proof
from processing.gmm.folder import ShakeMap
from processing.gmm.judged import versions
from processing.gmm.maps import DIFFERENCE_COLOURS, MMI_COLOURS, difference_map
from processing.gmm.proof import chosen
from processing.gmm.vs30 import merge

SVG = "{http://www.w3.org/2000/svg}"


def made(event_id: str = "20230101123456", magnitude: float = 6.0) -> ShakeMap:
    latitude, longitude = -8.6 + 0.05 * np.arange(80), 105.1 + 0.05 * np.arange(80)
    flat = np.full((80, 80), 3.0)
    return ShakeMap(
        event_id, magnitude, 12.0, -6.84, 107.05, exercise=False, model="",
        latitude=latitude, longitude=longitude, mmi=flat, pga_pctg=flat, pgv_cms=flat,
        vs30=np.full((80, 80), 270.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event_id", "exercise", "kind"),
    [
        ("20221121132110", False, "real"),
        ("20220101000000", False, "round time"),
        ("20210905060606", False, "round time"),
        ("20210905060606", True, "exercise"),
        ("bmg2010attp", False, "real"),
    ],
)
def test_what_an_event_is(event_id: str, exercise: bool, kind: str) -> None:
    assert replace(made(event_id), exercise=exercise).kind == kind


def test_a_picture_of_a_known_difference() -> None:
    one = made()
    ours = one.mmi + 0.25
    ours[:40] = one.mmi[:40]
    root = ET.fromstring(difference_map(one, ours, one.mmi))
    words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for expected in ("M 6.0", "MMI", "50 km", "chain minus BMKG", "107° E", "7° S"):
        assert expected in words
    pictures = [e.get("href", "") for e in root.iter(f"{SVG}image")]
    assert len(pictures) == 3
    pixels = np.array(Image.open(BytesIO(base64.b64decode(pictures[2].split(",")[1]))))
    # the picture has north above: 0.25 lies between 0.2 and 0.3, nothing between -0.02 and 0.02
    assert set(np.unique(pixels[:20])) == {10} and set(np.unique(pixels[-20:])) == {6}
    coast = [e for e in root.iter(f"{SVG}path") if len(e.get("d", "")) > 200]
    assert len(coast) == 3


def test_every_intensity_and_difference_has_a_colour() -> None:
    one = made()
    ours = np.linspace(1.0, 10.0, one.mmi.size).reshape(one.mmi.shape)
    text = difference_map(one, ours, ours[::-1])
    assert len(text.encode()) < 150_000
    assert len(MMI_COLOURS) == 18 and len(DIFFERENCE_COLOURS) == 13
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def rows(*events: tuple[str, float, float, int, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "event": event, "magnitude": magnitude, "merged_abs": off, "count": count,
                "kind": kind, "held_out": True, "from": 0.0, "to": 150.0, "cells": "shaken",
            }
            for event, magnitude, off, count, kind in events
        ]
    )  # fmt: skip


def test_which_events_are_drawn() -> None:
    found = rows(
        ("a", 6.1, 0.02, 900, "real"),
        ("b", 5.0, 0.01, 900, "real"),
        ("c", 4.4, 0.09, 900, "real"),
        ("d", 4.4, 0.30, 299, "real"),
        ("e", 3.9, 0.40, 900, "real"),
        ("f", 7.0, 0.50, 900, "round time"),
        ("g", 7.0, 0.50, 900, "exercise"),
        ("h", 4.4, 0.09, 900, "real"),
    )
    assert chosen(found) == {"best": "b", "worst": "c", "worst-large": "a"}
    assert chosen(found[found["kind"] != "real"]) == {}
    assert set(chosen(found[found["magnitude"] < 6])) == {"best", "worst"}


def test_the_command_writes_what_it_says(tmp_path, monkeypatch, capsys) -> None:
    """Six made maps that are the formula itself: every difference is nothing."""
    maps = []
    for i in range(6):
        one = made(f"2023010112345{i}", 6.0 + 0.1 * i)
        maps.append(replace(one, mmi=versions(one, merge([one])).own))
    monkeypatch.setattr(proof, "shakemaps", lambda _, unreadable: maps)
    picture = tmp_path / "all.svg"
    assert proof.main(["-", "--picture", str(picture), "--maps", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "### Real quakes, held out, within 150 km, all cells" in said
    assert "+0.000 | 0.000" in said
    names = {path.name for path in tmp_path.glob("*.svg")}
    assert names == {
        "all.svg", "shaking-best.svg", "shaking-worst.svg", "shaking-worst-large.svg"
    }  # fmt: skip
