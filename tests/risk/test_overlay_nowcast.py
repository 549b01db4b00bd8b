"""Which villages a nowcast polygon wakes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from kentongan.hazard import AreaRule
from kentongan.impact import COLUMNS, PEOPLE_BY_LEVEL, UNASSIGNED
from risk.layers.build import build_layers
from risk.layers.layerset import load_layers
from risk.nowcast_area import normalised
from risk.overlay import impact_table, roll_up

# Three villages of district Satu side by side, then two of Dua; each is one degree wide.
ROWS = [
    ("75.02.05.2001", "Satu", (120, 0, 121, 1), 100),
    ("75.02.05.2002", "Satu", (121, 0, 122, 1), 200),
    ("75.02.05.2003", "Satu", (122, 0, 123, 1), 300),
    ("75.02.06.2001", "Dua", (123, 0, 124, 1), 400),
    ("75.02.06.2002", "Dua", (124, 0, 125, 1), 500),
]


def levels(table) -> dict[str, int]:
    rows = table[table["adm4_code"] != UNASSIGNED]
    return dict(zip(rows["adm4_code"].str[6:], rows["level"].tolist(), strict=True))


@pytest.mark.parametrize(
    ("east", "named", "expected"),
    [
        pytest.param(121.5, "SATU", {"05.2001": 2, "05.2002": 2}, id="named-and-touched"),
        pytest.param(
            121.005, "SATU", {"05.2001": 2, "05.2002": 0}, id="half-a-percent-is-a-sliver"
        ),
        pytest.param(
            123.17,
            "SATU",
            {"05.2001": 2, "05.2002": 2, "05.2003": 2, "06.2001": 0},
            id="a-sixth-of-a-neighbour",
        ),
        pytest.param(
            123.81,
            "SATU",
            {"05.2001": 2, "05.2002": 2, "05.2003": 2, "06.2001": 2},
            id="most-of-a-neighbour",
        ),
        pytest.param(121.5, "", {"05.2001": 2, "05.2002": 2}, id="nothing-named-half-inside"),
        pytest.param(121.4, "", {"05.2001": 2, "05.2002": 0}, id="nothing-named-less-than-half"),
        pytest.param(121.5, "TIGA", {"05.2001": 2, "05.2002": 2}, id="a-name-elsewhere-is-no-name"),
    ],
)
def test_who_is_warned(make_layers, zone_field, policy, east, named, expected):
    zone = {"named_districts": named, "geometry": shapely.box(119, -1, east, 2)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), make_layers(ROWS), policy)
    assert levels(table) == expected


def test_the_rule_that_spoke_is_named(make_layers, zone_field, policy):
    zone = {"named_districts": "Satu", "geometry": shapely.box(120.5, 0, 123.9, 1)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), make_layers(ROWS), policy)
    assert table["rule"].tolist() == [*["named-district"] * 3, "80-percent", ""]


def test_only_people_of_warned_villages_are_exposed(make_layers, zone_field, policy):
    zone = {"named_districts": "Satu", "geometry": shapely.box(122.5, 0, 123.5, 1)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), make_layers(ROWS), policy)
    assert table["people_2"].tolist() == [150, 200, 0]
    assert table["exposed_people"].tolist() == [150, 0, 0]


def test_names_without_a_touched_district_are_told(make_layers, zone_field, policy):
    zone = {"named_districts": "SATU, Entah Di Mana", "geometry": shapely.box(120, 0, 121, 1)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), make_layers(ROWS), policy)
    assert table.attrs["unresolved"] == ["Entah Di Mana"]


def test_the_higher_of_two_zones_holds_where_both_are(make_layers, zone_field, policy):
    low = {"hazard_level": 2, "geometry": shapely.box(120, 0, 123, 1)}
    high = {"hazard_level": 3, "geometry": shapely.box(120, 0, 121.6, 1)}
    table = impact_table(zone_field(AreaRule.NOWCAST, low, high), make_layers(ROWS), policy)
    assert levels(table) == {"05.2001": 3, "05.2002": 3, "05.2003": 2}
    assert table["people_3"].tolist() == [100, 120, 0, 0]
    assert table["people_2"].tolist() == [0, 80, 300, 0]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(shapely.Polygon([(120, 0), (121, 1), (121, 0), (120, 1)]), id="bow-tie"),
        pytest.param(shapely.Polygon(), id="empty"),
        pytest.param(shapely.LineString([(120, 0), (125, 1)]), id="line"),
        pytest.param(shapely.box(10, 50, 11, 51), id="somewhere-in-europe"),
    ],
)
def test_a_broken_polygon_breaks_nothing(make_layers, zone_field, policy, shape):
    field = zone_field(AreaRule.NOWCAST, {"geometry": shape, "named_districts": "Satu"})
    table = impact_table(field, make_layers(ROWS), policy)
    assert table["adm4_code"].iloc[-1] == UNASSIGNED
    assert (table[[*PEOPLE_BY_LEVEL, "people_unknown"]].sum(axis=1) == table["people"]).all()


def test_no_zone_touches_nobody(make_layers, zone_field, policy):
    one = zone_field(AreaRule.NOWCAST, {})
    table = impact_table(replace(one, zones=one.zones.iloc[:0]), make_layers(ROWS), policy)
    assert list(table.columns) == list(COLUMNS)
    assert table["adm4_code"].tolist() == [UNASSIGNED]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("TANOH ALAS", "Tanoh Alas"),
        ("KOTA JANTHO", "Kota  Jantho"),
        ("Kec. MA'RANG", "Marang"),
        ("SERBA JADI", "Serbajadi"),
        ("Kecamatan St. Luar", "ST.LUAR"),
    ],
)
def test_names_match_whatever_their_case_spaces_and_marks(written, ours):
    assert normalised(written) == normalised(ours)


@pytest.mark.parametrize("level", range(5))
def test_sums_agree_at_every_level(make_layers, zone_field, policy, level):
    zone = {"geometry": shapely.box(120, 0, 123.3, 0.7)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), make_layers(ROWS), policy)
    rolled = roll_up(table, level)
    for column in ("people", *PEOPLE_BY_LEVEL, "people_unknown", "exposed_people"):
        assert rolled[column].sum() == table[column].sum()


def gorontalo(samples: Path) -> shapely.Geometry:
    path = samples / "bmkg" / "cap-nowcast" / "CGT20260924002_alert.id.xml"
    rings = re.findall("<polygon>(.*?)</polygon>", path.read_text(encoding="utf-8"))
    pairs = [[tuple(map(float, p.split(",")))[::-1] for p in ring.split()] for ring in rings]
    return shapely.MultiPolygon([shapely.Polygon(ring) for ring in pairs])


def assert_fourteen(table) -> None:
    warned = table[table["level"] >= 2]
    assert len(warned) == 14
    assert sorted(warned["adm4_code"].str[:8].unique()) == ["75.02.05", "75.04.08"]
    assert set(warned["rule"]) == {"named-district"}


def test_the_recorded_gorontalo_warning_wakes_fourteen_villages(samples, zone_field, policy):
    zone = {"named_districts": "DENGILO,MANANGGU", "geometry": gorontalo(samples)}
    assert_fourteen(impact_table(zone_field(AreaRule.NOWCAST, zone), load_layers(), policy))


def test_and_the_same_fourteen_on_real_polygons(samples, zone_field, policy, tmp_path):
    real = gpd.read_parquet(samples / "geo" / "adm4_villages_national_simplified.parquet")
    path = tmp_path / "gorontalo.gpkg"
    real[real["code"].str.startswith("75.")].to_file(path, engine="pyogrio")
    layers = build_layers(path, tmp_path / "layers")
    zone = {"named_districts": "DENGILO,MANANGGU", "geometry": gorontalo(samples)}
    table = impact_table(zone_field(AreaRule.NOWCAST, zone), layers, policy)
    assert_fourteen(table)
    touched = table[(table["level"] == 0) & (table["adm4_code"] != UNASSIGNED)]
    assert len(touched) == 10
    assert np.all(touched["share_inside"] < 0.18)
