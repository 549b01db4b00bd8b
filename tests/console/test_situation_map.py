"""The map in one file: closed, complete, the same every time, and honest about what is blind."""

from __future__ import annotations

import json
import re
import time
from html import unescape

import numpy as np
import pytest

from console.map_data import land
from console.situation_map import inline, page, situation_map
from kentongan.view import FeedLine, UnknownArea

HOSTILE = "</script><script>document.title='gotcha'</script>{{ 7*7 }}{% raise %}<img src=x>"


def test_the_same_view_gives_the_same_bytes(situation, tmp_path):
    one = situation_map(situation(20), tmp_path / "a" / "one.html")
    two = situation_map(situation(20), tmp_path / "two.html")
    assert one.read_bytes() == two.read_bytes()
    assert [p.name for p in one.parent.iterdir()] == ["one.html"]


def test_nothing_is_loaded_from_anywhere(situation):
    html = unescape(page(situation(20)))
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=(?!.data:)", html)
    assert "default-src 'none'" in html
    assert "unsafe-inline" not in html


def test_every_script_is_named_by_its_hash(situation):
    html = unescape(page(situation(3)))
    assert html.count("'sha256-") == html.count("<script>") + html.count("<style>")


def test_text_from_outside_cannot_become_markup_or_template(situation):
    view = situation(3, title=HOSTILE)
    view.villages["name"] = HOSTILE
    html = page(view)
    assert "<script>document.title" not in html
    assert "<img src=x" not in html
    assert "7*7" in html


def test_an_unvendored_script_is_an_error():
    with pytest.raises(KeyError):
        inline('<script src="https://example.org/x.js"></script>')


@pytest.mark.parametrize(
    ("changes", "there", "absent"),
    [
        pytest.param({}, "LATIHAN – bukan peringatan sungguhan", "REKA ULANG", id="exercise"),
        pytest.param({"mode": "test"}, "TES – bukan", "LATIHAN –", id="test"),
        pytest.param({"mode": "actual"}, "Keadaan pada", 'class="banner"', id="actual"),
        pytest.param({"mode": "actual", "re_creation": True}, "REKA ULANG", "LATIHAN –", id="re"),
    ],
)
def test_what_is_not_real_says_so(situation, changes, there, absent):
    html = page(situation(3, **changes))
    assert there in html
    assert absent not in html


def test_a_blind_feed_says_since_when_in_the_clock_of_the_place(situation):
    html = page(situation(3))
    assert "buta sejak 13.35 WITA" in html
    assert "bukan berarti aman" in html


def test_each_warning_says_until_when(situation):
    assert "sampai 17.35 WITA" in page(situation(3))


def test_no_warning_is_no_all_clear(situation):
    html = page(situation(0))
    assert "Ini bukan pernyataan aman" in html
    assert '"villages":{"name":[]' in html


def test_never_polled_says_so(situation):
    assert "Belum ada feed yang dibaca" in page(situation(0, feeds=()))


def test_a_level_that_is_not_known_is_shown_as_not_known(situation):
    villages = situation(4).villages.assign(level=np.array([-1] * 4, dtype="int8"))
    html = page(situation(4, villages=villages))
    assert "Tidak diketahui" in html
    assert '"level":[-1,-1,-1,-1]' in html


def test_bmkg_is_credited_whatever_the_feeds(situation):
    view = situation(3, feeds=(FeedLine("x", "X", "fresh", None, None, credit="NASA"),))
    assert "Sumber data: BMKG, NASA" in page(view)


def test_a_province_with_an_unknown_area_is_in_words_and_on_the_map(situation):
    area = UnknownArea("61", "Kalimantan Barat", "Hujan lebat", None, 7, 111.0, 0.0)
    html = page(situation(0, unknown_areas=(area,)))
    block = html.split('id="situation">')[1].split("</script>")[0]
    assert json.loads(block)["unknown_provinces"] == ["61"]
    assert "<strong>Kalimantan Barat</strong>: Hujan lebat" in html


def test_without_an_outline_the_map_has_none(tmp_path):
    assert land(tmp_path / "none.geojson") == []


def test_a_map_of_5000_real_villages_is_small_and_quick(situation, samples, tmp_path):
    """Target 2 s on an idle core; the bound leaves room for a busy machine."""
    import geopandas as gpd

    real = gpd.read_parquet(samples / "geo" / "adm4_villages_national_simplified.parquet")
    chosen = real[real["code"].str[:2].isin(["32", "33"])].iloc[:5000]
    view = situation(5000)
    view = situation(5000, villages=view.villages.set_geometry(chosen.geometry.values, crs=4326))
    started = time.monotonic()
    path = situation_map(view, tmp_path / "map.html")
    assert time.monotonic() - started < 6
    assert path.stat().st_size < 5_000_000


def test_a_browser_without_network_draws_it_and_asks_for_nothing(situation, tmp_path, visit):
    view = situation(600)
    view.villages["name"] = HOSTILE
    path = situation_map(view, tmp_path / "map.html")
    seen = visit(path.as_uri(), offline=True)
    seen.page.wait_for_selector("html[data-ready=yes]")
    assert seen.requests == [path.as_uri()]
    assert seen.complaints == []
    assert seen.page.title() == "Situasi Kentongan"
    assert seen.page.locator("canvas.leaflet-zoom-animated").count() == 1


def test_a_tooltip_tells_village_people_and_team_as_text(situation, tmp_path, visit):
    view = situation(1)
    view.villages["name"] = HOSTILE
    seen = visit(situation_map(view, tmp_path / "map.html").as_uri(), offline=True)
    seen.page.wait_for_selector("html[data-ready=yes]")
    box = seen.page.locator("#map_situation").bounding_box()
    # The one village lies in the middle of the map.
    seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    text = seen.page.locator(".leaflet-tooltip").inner_text()
    assert HOSTILE in text
    assert "Penduduk 1.200 · terpapar 1.000" in text
    assert "Tidak ada tim yang diketahui" in text
    assert seen.page.title() == "Situasi Kentongan"


def test_a_phone_scrolls_in_one_direction_only(situation, tmp_path, visit):
    seen = visit(situation_map(situation(20), tmp_path / "map.html").as_uri(), width=360)
    seen.page.wait_for_selector("html[data-ready=yes]")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
