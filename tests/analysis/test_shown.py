"""Pages that no network is asked for, pictures with units, and classes of round numbers."""

from __future__ import annotations

import re

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from folium.plugins import Fullscreen
from hypothesis import given
from hypothesis import strategies as st

from console.analysis import columns, lines, offline, open_home, picture, shaded
from console.analysis.shown import nice_edges
from kentongan.errors import DataError
from tests.faces.scenes import scene, scenes_folder

OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import""")


def is_closed(html: str) -> bool:
    """No script, style, picture or font of another host; a link to read is none."""
    return not OUTSIDE.search(re.sub(r"<a\s[^>]*>|<script.*?</script>", "", html, flags=re.DOTALL))


def areas() -> gpd.GeoDataFrame:
    shapes = [shapely.box(x, -7, x + 0.1, -6.9) for x in (107.0, 107.1, 107.2)]
    names = ["Desa A", "{{ 7*7 }}<script>alert(1)</script>", "Desa C"]
    table = {"name": names, "people": [120.0, 4000.0, np.nan]}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)


def field(name: str, units: str) -> xr.DataArray:
    values = np.linspace(0, 8, 300).reshape(15, 20)
    values[0, 0] = np.nan
    return xr.DataArray(
        values,
        coords={"latitude": -7 + 0.1 * np.arange(15), "longitude": 106 + 0.1 * np.arange(20)},
        dims=("latitude", "longitude"),
        name=name,
        attrs={"units": units},
    )


def test_the_situation_opens_without_internet(tmp_path_factory, tmp_path):
    home = open_home(scene(scenes_folder(tmp_path_factory), "cianjur").home)
    html = home.map(title="Malam").save(tmp_path / "map.html").read_text(encoding="utf-8")
    assert is_closed(html) and "Content-Security-Policy" in html and "LATIHAN" in html
    home.close()


def test_shaded_areas_have_units_and_harmless_names():
    page = shaded(areas(), "people", unit="orang", title="Penduduk")
    assert is_closed(page.html) and "orang" in page.html and "not known" in page.html
    assert (
        "<script>alert(1)" not in page.html and "49" not in page.html.split('id="areas"')[1][:400]
    )
    assert page._repr_html_().startswith("<div><iframe srcdoc=")


def test_a_map_of_folium_is_made_whole(tmp_path):
    chart = folium.Map(location=[-6.8, 107.1], tiles=None, prefer_canvas=True)
    folium.CircleMarker([-6.84, 107.05], tooltip="epicentre").add_to(chart)
    folium.GeoJson(areas()[["geometry"]]).add_to(chart)
    html = offline(chart).save(tmp_path / "own.html").read_text(encoding="utf-8")
    assert is_closed(html) and "epicentre" in html and "L.circleMarker" in html


def test_a_map_that_needs_the_internet_is_refused():
    with pytest.raises(DataError, match="tiles"):
        offline(folium.Map())
    chart = folium.Map(tiles=None)
    Fullscreen().add_to(chart)
    with pytest.raises(DataError, match="not carried here"):
        offline(chart)


def test_a_saved_map_asks_nobody(tmp_path, look):
    page = shaded(areas(), "people", unit="orang", title="Penduduk")
    seen = look(page.save(tmp_path / "map.html").as_uri(), offline=True)
    seen.page.wait_for_selector("canvas")
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []


def test_pictures_and_charts_have_units():
    drawn = picture(field("mmi", "MMI"), field("mmi_allen", "MMI"), title="Two")
    assert set(drawn._repr_mimebundle_()) == {"image/png"}
    assert drawn.content[:4] == b"\x89PNG"
    table = pd.DataFrame({"chain": [10, 2000]}, index=["V", "VI"])
    assert "orang" in columns("People", table, unit="orang")._repr_mimebundle_()["image/svg+xml"]
    cut = pd.DataFrame({"chain": [1.0, 4.5, 2.0]}, index=[-10.0, 0.0, 10.0])
    drawn = lines("Cut", cut, across="km east", up="MMI")
    assert "km east" in drawn.content and "MMI" in drawn.content


def test_a_field_of_more_dims_is_refused():
    with pytest.raises(DataError, match="choose one time"):
        picture(field("rain", "mm").expand_dims(lead_time=[10]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(2, 9))
def test_classes_are_few_ascending_and_hold_every_value(values, most):
    edges = nice_edges(values, most)
    assert 1 <= len(edges) <= most and edges == sorted(set(edges))
    assert edges[0] <= min(values) + 1e-6 and edges[-1] <= max(values) + 1e-6


def test_edges_are_round():
    assert nice_edges([120, 4000], 8) == [0, 1000, 2000, 3000, 4000]
    assert nice_edges([np.nan], 8) == [0.0]
