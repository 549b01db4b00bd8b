"""Charts as SVG: numbers, units, nothing outside the picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from console.charts import Axis, bars, curves

SVG = "{http://www.w3.org/2000/svg}"


def words(text: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(text).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_numbers() -> None:
    found = bars("People", "people", ["VI", "VII"], {"a": [1000, 500], "b": [0, 250]})
    lengths = [
        float(e.get("width", "0"))
        for e in ET.fromstring(found).iter(f"{SVG}rect")
        if e.get("height") == "11" and e.get("x") == "70" and e.get("y") not in (None, "32")
    ]
    assert lengths[0] == pytest.approx(4 * lengths[3]) == pytest.approx(2 * lengths[2])
    assert lengths[1] == 0
    assert {"1.000 people", "500 people", "VI", "VII", "a", "b"} <= set(words(found))


def test_nothing_to_draw_and_names_that_are_markup() -> None:
    found = bars("<script>", "&", ["<b>"], {"x": [0]})
    assert "<script>" in words(found) and "0 &" in words(found)
    assert "<script>" not in found
    assert ET.fromstring(bars("none", "people", [], {})) is not None


def test_curves_leave_out_what_is_not_known() -> None:
    x = np.array([-200.0, -100.0, 0.0, 100.0])
    y = np.array([3.0, np.nan, 6.0, 4.0])
    found = curves("t", x, {"y": y}, Axis("km", -150, 150, 50), Axis("MMI", 1, 8, 1))
    (line,) = ET.fromstring(found).iter(f"{SVG}polyline")
    assert len(line.get("points", "").split()) == 2
    assert {"km", "MMI", "-150", "150", "8"} <= set(words(found))
