"""Pictures of fields lie where their cells are, and show what is not known."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import delete, select, update

from console.live_state.pictures import COLOURS, degrees, drawn, mercator
from kentongan.db import event_versions
from kentongan.grid import BASE_GRID
from notify.listing import in_force
from risk.layers.layerset import load_layers

HAZARDS = "/centre/map/hazards.json"
STEP = BASE_GRID.step


def blank() -> np.ndarray:
    return np.zeros((BASE_GRID.rows, BASE_GRID.columns), dtype=np.int8)


def picture(level):
    return drawn(level, BASE_GRID.latitude, BASE_GRID.longitude)


def pixels(found):
    return np.asarray(Image.open(io.BytesIO(found.data)).convert("RGBA"))


def test_mercator_is_that_of_the_web():
    # EPSG:3857 of 45 degrees north: 5,621,521.486 m, on a sphere of 6,378,137 m.
    assert float(mercator(np.array(45.0))) * 6_378_137 == pytest.approx(5_621_521.486, abs=0.01)
    assert float(degrees(mercator(np.array(-8.5)))) == pytest.approx(-8.5)


@given(
    row=st.integers(0, BASE_GRID.rows - 60), column=st.integers(0, BASE_GRID.columns - 60),
    height=st.integers(1, 600), width=st.integers(1, 60), level=st.sampled_from([-1, 1, 2, 3, 4]),
)  # fmt: skip
def test_a_cell_is_drawn_where_it_lies(row, column, height, width, level):
    field = blank()
    field[row : row + height, column : column + width] = 1
    top = min(row + height, BASE_GRID.rows) - 1
    field[top, column] = level
    found = picture(field)
    west, south, east, north = found.bounds
    assert west == pytest.approx(BASE_GRID.west + column * STEP, abs=1e-6)
    assert south == pytest.approx(BASE_GRID.south + row * STEP, abs=1e-6)
    assert east - west == pytest.approx(width * STEP, abs=1e-6)
    assert north == pytest.approx(BASE_GRID.south + (top + 1) * STEP, abs=1e-6)
    shown = pixels(found)
    # MapLibre stretches a picture evenly in Mercator: each row lies within its own cell.
    edges = np.linspace(mercator(np.array(north)), mercator(np.array(south)), len(shown) + 1)
    middles = degrees((edges[1:] + edges[:-1]) / 2)
    index = np.floor((middles - BASE_GRID.south) / STEP + 1e-9).astype(int)
    for line, cell in zip(shown, index, strict=True):
        if cell != top and height > 1:
            assert tuple(line[0][:3]) == rgb(COLOURS[1])


def rgb(text):
    return tuple(int(text[k : k + 2], 16) for k in (1, 3, 5))


def test_none_is_clear_a_level_has_its_colour_and_not_known_is_hatched():
    field = blank()
    field[400, 1000:1005] = [1, 2, 3, 4, 0]
    field[401:440, 1000:1040] = -1
    found = picture(field)
    assert found.levels == (4, 3, 2, 1, -1)
    shown = pixels(found)
    bottom = shown[-1]
    assert [tuple(p[:3]) for p in bottom[:4]] == [rgb(COLOURS[k]) for k in (1, 2, 3, 4)]
    assert bottom[4][3] == 0
    grey = shown[:-1].reshape(-1, 4)
    assert (grey[:, 3] > 0).all(), "nowhere clear"
    assert len({tuple(p) for p in grey}) == 2, "stripes on grey"


def test_a_field_of_nothing_has_no_picture():
    assert picture(blank()) is None


def test_the_fields_of_a_scene_are_listed_and_served(served):
    place = served("flores")
    found = {one["hazard"]: one for one in place.get(HAZARDS).json()}
    assert set(found) == {"shaking", "tsunami"}
    shaking, tsunami = found["shaking"], found["tsunami"]
    assert (shaking["kind"], tsunami["kind"]) == ("image", "zones")
    assert shaking["unit"] == "mmi"
    assert [one["level"] for one in shaking["legend"]] == [4, 3, 2, 1]
    assert tsunami["credit"] == "Sumber: BMKG"
    answer = place.get(shaking["url"])
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    west, south, east, north = shaking["bounds"]
    assert west < 121.4 < east
    assert south < -8.4 < north
    shapes = place.get(tsunami["url"]).json()["features"]
    levels = {v.version.warning_id: v.version.body.levels for v in in_force(
        place.engine, place.clock.at)}["w-tsunami-20260814T215823Z"]  # fmt: skip
    layers = load_layers("")
    for feature in shapes:
        whole = shapely.from_geojson(json.dumps(feature["geometry"])).buffer(0.02)
        codes = [code for code, level in levels.items() if level == feature["properties"]["level"]]
        rows = layers.villages.iloc[layers.index(codes)]
        points = shapely.points(rows["longitude"], rows["latitude"])
        assert shapely.contains(whole, points).mean() > 0.98


def test_zones_that_bmkg_drew_are_shown_as_drawn(served):
    place = served("thunderstorm")
    zones = [one for one in place.get(HAZARDS).json() if one["kind"] == "zones"]
    assert zones
    for one in zones:
        (feature,) = place.get(one["url"]).json()["features"]
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.is_valid
        assert list(shape.bounds) == pytest.approx(one["bounds"], abs=0.01)


def test_rain_that_is_not_known_is_in_the_picture(served):
    place = served("thunderstorm")
    rain = [one for one in place.get(HAZARDS).json() if one["hazard"] == "rain"]
    assert rain
    assert {legend["level"] for one in rain for legend in one["legend"]} >= {-1, 2}


def test_the_past_has_the_field_of_then(served):
    place = served("flores")
    now = {one["event_id"]: one for one in place.get(HAZARDS).json()}
    then = place.get(HAZARDS, params={"at": "2026-08-14T22:05:00Z"}).json()
    assert {one["version"] for one in then} == {1}
    for one in then:
        assert one["url"] != now[one["event_id"]]["url"]
        assert place.get(one["url"]).status_code == 200
    assert place.get(HAZARDS, params={"at": "2026-08-14T21:00:00Z"}).json() == []


@pytest.mark.parametrize(
    "name",
    ["x.png", "0" * 16 + ".png", "%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25.png",
     "________________.png", "..%2f..%2fkentongan.sqlite", "0" * 16 + "-1-99999.png"],
)  # fmt: skip
def test_a_name_that_is_none_leads_nowhere(served, name):
    assert served("flores").get(f"/centre/map/hazards/{name}").status_code == 404


def test_a_field_that_is_gone_or_damaged_is_left_out_and_the_others_stay(own):
    place = own("flores")
    listed = {one["hazard"]: one for one in place.get(HAZARDS).json()}
    query = select(event_versions.c.impact_uri).where(
        event_versions.c.event_id == listed["shaking"]["event_id"],
        event_versions.c.version == listed["shaking"]["version"],
    )
    with place.engine.connect() as connection:
        folder = connection.execute(query).scalar_one().rpartition("/")[0]
    from console.live_state import pictures

    pictures.picture.cache_clear()
    (place.home / folder / "field.nc").write_bytes(b"damaged")
    assert [one["hazard"] for one in place.get(HAZARDS).json()] == ["tsunami"]
    assert place.get(listed["shaking"]["url"]).status_code == 404


def test_a_path_in_the_table_that_is_no_digest_is_not_listed(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        connection.execute(update(event_versions).values(impact_uri="../../etc/passwd"))
    assert place.get(HAZARDS).json() == []
    with place.engine.begin() as connection:
        connection.execute(delete(event_versions))
    assert place.get(HAZARDS).json() == []
