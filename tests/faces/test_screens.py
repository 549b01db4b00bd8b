"""The pictures and the servers of these tests hold what they promise."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.faces.looking import accessible, only_ours
from tests.faces.screens import HEIGHTS, keep


def test_a_page_of_the_middle_of_a_scenario_is_kept_at_three_sizes(
    served, look, tmp_path, monkeypatch
):
    monkeypatch.setattr("tests.faces.screens.SCREENS", tmp_path)
    monkeypatch.setattr("tests.faces.screens.WALLS", True)
    place = served("cianjur")
    assert place.get("/health").json()["at"] == "2022-11-21T06:28:00Z"
    seen = look(place.url + "/")
    files = keep(seen.page, "front", "cianjur")
    for file, (width, height) in zip(files, HEIGHTS.items(), strict=True):
        with Image.open(file) as image:
            assert image.size == (width, height)
    assert seen.page.viewport_size == {"width": 1280, "height": 800}
    assert served("cianjur") is place


def test_a_page_that_scrolls_sideways_is_refused(look, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.faces.screens.SCREENS", tmp_path)
    seen = look("data:text/html,<title>x</title><p style='width:600px'>too wide</p>")
    with pytest.raises(AssertionError, match=r"608 px in 390.*too wide"):
        keep(seen.page, "wide", "none", (390,))


def test_a_server_of_ones_own_has_its_own_clock_and_home(own, served):
    mine = own("empty", cap_sender_name="Regu")
    mine.clock.forward(hours=1)
    assert mine.get("/health").json()["at"] == "2022-11-21T07:17:00Z"
    assert mine.home != served("empty").home


def test_other_hosts_are_found():
    asked = ["http://127.0.0.1:1/a", "data:x", "https://example.org/x.js", "blob:http://x"]
    assert only_ours(asked) == ["https://example.org/x.js"]


def test_axe_says_what_is_wrong(look):
    seen = look("data:text/html,<title>x</title><html lang=id><main><h1>a</h1><img src=data:,>")
    with pytest.raises(AssertionError, match="image-alt"):
        accessible(seen.page)
    accessible(seen.page, but=("image-alt",))
