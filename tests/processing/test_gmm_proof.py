"""The proof on maps that it never saw: which are judged, and whether the bounds are met."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from processing.gmm.bmkg import QuakeFacts, mmi_grid, sites
from processing.gmm.folder import shakemaps
from processing.gmm.proof import main
from processing.gmm.report import magnitude_depth
from processing.gmm.verdict import asked, met, verdict
from processing.gmm.vs30 import Vs30Map, empty_map, save

NORTH_FIRST = -6.0 - 0.05 * np.arange(33)
EAST = 106.2 + 0.05 * np.arange(33)
GROUND = 270


def document(
    event_id: str,
    *,
    magnitude: str = "5.6",
    depth: str = "11",
    added: float = 0.0,
    processed: str = "2022-11-21T06:55:00Z",
    origin: str = "2022-11-21T13:21:10WIB",
    kind: str = "ACTUAL",
) -> str:
    """A `grid.xml` that is the formula itself on ground of 270 m/s, and `added` on each cell."""
    facts = QuakeFacts(5.6, 11.0, -6.84, 107.05)
    ground = np.full((NORTH_FIRST.size, EAST.size), GROUND, np.uint16)
    mmi = mmi_grid(facts, sites(NORTH_FIRST[::-1], EAST, ground))[::-1] + added
    cells = "\n".join(
        f"{x:.4f} {y:.4f} {mmi[i, j]:.2f} {GROUND}"
        for i, y in enumerate(NORTH_FIRST)
        for j, x in enumerate(EAST)
    )
    fields = "\n".join(
        f'<grid_field index="{i}" name="{name}" units="{unit}" />'
        for i, (name, unit) in enumerate(
            (("LON", "dd"), ("LAT", "dd"), ("MMI", "intensity"), ("SVEL", "ms")), 1
        )
    )
    return (
        '<?xml version="1.0" encoding="US-ASCII"?>\n'
        f'<shakemap_grid event_id="{event_id}" process_timestamp="{processed}" '
        f'shakemap_event_type="{kind}">\n'
        f'<event magnitude="{magnitude}" depth="{depth}" lat="-6.84" lon="107.05" '
        f'event_timestamp="{origin}" />\n'
        f'<grid_specification nlon="{EAST.size}" nlat="{NORTH_FIRST.size}" />\n'
        f"{fields}\n<grid_data>\n{cells}\n</grid_data>\n</shakemap_grid>\n"
    )


INFO = '<info evid="a"><tag name="GMPE" value="GMPE::Zhao06_crustal" desc="GMPE type" /></info>'


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    nothing = empty_map()
    whole = Vs30Map(nothing.west, nothing.south, nothing.step, nothing.values + np.uint16(GROUND))
    save(whole, tmp_path / "vs30.npz")
    return tmp_path / "vs30.npz"


def folder_of(tmp_path: Path, **documents: str) -> Path:
    folder = tmp_path / "maps"
    folder.mkdir()
    for name, text in documents.items():
        (folder / f"{name}_grid.xml").write_text(text, encoding="ascii")
    return folder


def test_what_a_run_writes_beside_its_grid_is_no_map(tmp_path):
    folder = folder_of(tmp_path, a=document("a"))
    (folder / "a_info.xml").write_text(INFO)
    (folder / "a_stationlist.xml").write_text("<shakemap-data/>")
    (folder / "b").mkdir()
    (folder / "b" / "grid.xml").write_text(document("b"))
    (folder / "b" / "info.xml").write_bytes(b"\xff\xfe no text")
    first, second = shakemaps(folder)
    assert (first.event_id, first.model, first.exercise) == ("a", "Zhao06_crustal", False)
    assert (second.event_id, second.model) == ("b", "")


@pytest.mark.parametrize(
    ("changes", "exercise"),
    [
        ({}, False),
        ({"processed": "2022-11-21T06:21:09Z"}, True),
        ({"processed": "2022-11-21T06:21:10Z"}, False),
        ({"processed": "2022-11-21T06:21:11UTC"}, False),
        ({"origin": "2022-11-21T06:55:01GMT"}, True),
        ({"origin": "2022-11-21T15:55:01WIT"}, True),
        ({"origin": ""}, False),
        ({"processed": ""}, False),
        ({"kind": "SCENARIO"}, True),
    ],
)
def test_an_exercise_shows_by_its_own_times(tmp_path, changes, exercise):
    (one,) = shakemaps(folder_of(tmp_path, a=document("20221121132110", **changes)))
    assert one.exercise is exercise


@pytest.mark.parametrize("changes", [{"origin": "2022-11-21T13:21:10"}, {"processed": "today"}])
def test_a_time_that_is_none_is_named(tmp_path, changes):
    left: list[str] = []
    folder = folder_of(tmp_path, a=document("a", **changes), b=document("b"))
    assert [one.event_id for one in shakemaps(folder, unreadable=left)] == ["b"]
    assert len(left) == 1 and "a_grid.xml" in left[0]


def test_one_new_map_is_judged_with_ground_built_before(tmp_path, ground, capsys):
    folder = folder_of(tmp_path, a=document("20221121132110"))
    assert main([str(folder), "--vs30", str(ground)]) == 0
    said = capsys.readouterr()
    row = "| mean absolute, M 5 and more | 0.25 | real | all cells | 1 | 0.00"
    assert row in said.out and said.err == ""
    assert "| 20221121132110 | 5.6 | 11 | zhao06-crustal |" in said.out


def test_without_any_ground_600_stands_everywhere(tmp_path, capsys):
    """270 m/s is one class of Zhao's softer, 0.253 in ln: 0.16 MMI below the curve's knee, 0.35
    above."""
    folder = folder_of(tmp_path, a=document("20221121132110"))
    assert main([str(folder), "--vs30", "none"]) == 0
    (row,) = re.findall(r"M 5 and more \| 0.25 \| real \| all cells \| 1 \| (\S+)", _said(capsys))
    assert 0.16 < float(row) < 0.35


def _said(capsys) -> str:
    return str(capsys.readouterr().out)


def test_a_map_that_is_not_met_ends_so(tmp_path, ground, capsys):
    """0.26 above the formula everywhere, and 0.26 is more than 0.25."""
    folder = folder_of(tmp_path, a=document("20221121132110", added=0.26))
    assert main([str(folder), "--vs30", str(ground)]) == 1
    assert capsys.readouterr().out.count("NOT MET") == 4


def test_what_cannot_be_judged_is_named_and_the_rest_is_judged(tmp_path, ground, capsys):
    folder = folder_of(
        tmp_path,
        a=document("20221121132110"),
        b=document("broken")[:3000],
        c=document("twelve", magnitude="12"),
        d=document("comma", magnitude="5,6"),
        e=document("nan", magnitude="nan"),
    )
    assert main([str(folder), "--vs30", str(ground)]) == 0
    said = capsys.readouterr()
    named = said.err.splitlines()
    assert len(named) == 3
    assert "b_grid.xml" in named[0] and "e_grid.xml" in named[1]
    assert named[2] == "left out: twelve: M 12"
    assert "| all | all cells | 2 | 0.00" in said.out


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ({}, "found neither"),
        ({"a": document("a")}, "give a map of Vs30"),
        ({"a": document("a", magnitude="99")}, "found none"),
    ],
)
def test_without_anything_to_judge(tmp_path, capsys, documents, says):
    assert main([str(folder_of(tmp_path, **documents))]) == 2
    assert says in capsys.readouterr().err


def test_a_map_far_from_its_epicentre_says_nothing(tmp_path, ground, capsys):
    text = document("a").replace('lat="-6.84" lon="107.05"', 'lat="5.0" lon="120.0"')
    assert main([str(folder_of(tmp_path, a=text)), "--vs30", str(ground)]) == 2
    assert "within 300 km" in capsys.readouterr().err


def rows(*events: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "event": f"e{i}", "kind": kind, "magnitude": magnitude, "depth_km": 10.0,
                "merged_mean": mean, "merged_abs": off, "held_out": True, "from": 0.0,
                "to": 150.0, "cells": cells,
            }
            for i, (kind, magnitude, mean, off) in enumerate(events)
            for cells in ("all", "shaken")
        ]
    )  # fmt: skip


def test_bounds_by_hand():
    found = asked(rows(("real", 5.0, 0.0, 0.25), ("real", 4.9, 0.0, 0.35)))
    assert [one.value for one in found[:2]] == [0.25, 0.35] and met(found)
    found = asked(rows(("real", 5.0, 0.0, 0.2), ("real", 6.0, 0.0, 0.32)))
    assert found[0].value == pytest.approx(0.26) and not met(found)
    assert "| 0.260 | NOT MET |" in verdict(found)
    exercise = asked(rows(("real", 5.0, 0.0, 0.1), ("exercise", 6.0, 0.0, 0.9)))
    assert [one.met for one in exercise if one.asked.endswith("M 5 and more")] == [
        True, True, False, False
    ]  # fmt: skip


def test_a_bias_counts_from_five_events_whatever_its_sign():
    four = asked(rows(*[("real", 5.5, -0.16, 0.16)] * 4))
    assert four[2].value is None and met(four)
    five = asked(rows(*[("real", 5.5, -0.16, 0.16)] * 5, ("real", 7.5, 0.9, 0.1)))
    assert five[2].value == pytest.approx(-0.16) and not met(five)
    assert five[2].where == "M 5 to 6, depth 0 to 30 km"
    assert five[2].count == 1


@pytest.mark.parametrize(("depth", "words"), [(800.0, "150 to 800"), (30.0, "30 to 70")])
def test_the_class_of_a_depth(depth, words):
    row = pd.Series({"magnitude": 9.5, "depth_km": depth})
    assert magnitude_depth(row) == f"M 7 to 10, depth {words} km"
