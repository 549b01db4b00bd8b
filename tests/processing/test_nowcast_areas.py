"""Polygons of a nowcast warning become one area; what cannot be used is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from kentongan.hazard import ZONES, AreaRule
from kentongan.types import Level
from processing.nowcast import nowcast_fields, ring_polygon

AT = datetime(2026, 9, 24, 7, 35, tzinfo=UTC)
SQUARE = ((0.5, 122.0), (0.5, 122.2), (0.7, 122.2), (0.7, 122.0), (0.5, 122.0))
BESIDE = tuple((lat, lon + 0.2) for lat, lon in SQUARE)
BOW_TIE = ((0.0, 122.0), (0.2, 122.2), (0.0, 122.2), (0.2, 122.0), (0.0, 122.0))
SLIVER = ((0.48, 122.13), (0.48, 122.13), (0.48, 122.13), (0.48, 122.13))
SWAPPED = tuple((lon, lat) for lat, lon in ((0.5, 80.0), (0.5, 80.2), (0.7, 80.2), (0.5, 80.0)))


def fields(records, gazetteer, at=AT):
    return nowcast_fields(records, at=at, gazetteer=gazetteer)


def test_field_of_one_warning(gazetteer, nowcast):
    told = nowcast(polygons=(SQUARE, BESIDE, SLIVER))
    (field,) = fields([told], gazetteer)
    event, zone = field.event, field.zones.iloc[0]
    assert event.event_id == "thunderstorm-CGT20260924002"
    assert (event.level, event.official, event.official_end) == (Level.WASPADA, True, False)
    assert (event.onset, event.valid_to) == (told.effective, told.expires)
    assert event.province_codes == ("75",)
    assert event.place == "Gorontalo"
    assert field.rule is AreaRule.NOWCAST
    assert field.unresolved == (), "a sliver without area is no loss"
    assert list(field.zones.columns) == list(ZONES)
    assert zone.named_districts == "DENGILO,MANANGGU"
    assert zone.geometry.area == pytest.approx(0.08)
    assert zone.geometry.bounds == pytest.approx((122.0, 0.5, 122.4, 0.7))


@pytest.mark.parametrize(
    ("ring", "area"),
    [
        pytest.param(SQUARE, 0.04, id="closed"),
        pytest.param(SQUARE[:-1], 0.04, id="unclosed"),
        pytest.param(BOW_TIE, 0.02, id="self-crossing"),
        pytest.param(SLIVER, 0.0, id="one-point"),
        pytest.param(((0.0, 122.0), (0.1, 122.1), (0.2, 122.2)), 0.0, id="line"),
        pytest.param((), 0.0, id="nothing"),
        pytest.param(((float("nan"), 122.0), *SQUARE), 0.0, id="nan"),
        pytest.param(((1e300, 122.0), *SQUARE), 0.0, id="off-the-world"),
    ],
)
def test_rings(ring, area):
    found = ring_polygon(ring)
    assert found.is_valid
    assert found.area == pytest.approx(area)


@pytest.mark.parametrize("polygons", [(), (SLIVER,), (((0.0, 122.0), (1.0, 122.0)),), (SWAPPED,)])
def test_without_a_usable_polygon_the_warning_stays_and_says_so(gazetteer, nowcast, polygons):
    (field,) = fields([nowcast(polygons=polygons)], gazetteer)
    assert field.event.level == Level.WASPADA
    assert len(field.zones) == 0
    assert list(field.zones.columns) == list(ZONES)
    assert field.unresolved[0].startswith("polygons of CGT20260924002")


def test_lost_rings_are_counted(gazetteer, nowcast):
    (field,) = fields([nowcast(polygons=(SQUARE, ((0.0, 122.0),), SLIVER))], gazetteer)
    assert field.unresolved == ("polygons of CGT20260924002: 1 of 3 unusable",)


def test_the_newest_document_of_a_code_speaks(gazetteer, nowcast):
    old = nowcast()
    new = nowcast(sent=old.sent + timedelta(minutes=9), polygons=(BESIDE,))
    (field,) = fields([new, old], gazetteer)
    assert field.event.valid_from == new.sent
    assert field.zones.iloc[0].geometry.bounds[0] == pytest.approx(122.2)


def test_two_warnings_of_a_province_both_stay_and_the_older_is_marked(gazetteer, nowcast):
    old = nowcast(code="CGT20260924001", sent=AT - timedelta(minutes=50))
    new = nowcast(code="CGT20260924002", sent=AT - timedelta(minutes=20))
    first, second = fields([new, old], gazetteer)
    assert first.event.evidence["overlapped_by_newer"] == "CGT20260924002"
    assert "overlapped_by_newer" not in second.event.evidence


def test_cancel_of_the_same_code_ends_the_warned_area(gazetteer, nowcast):
    told = nowcast()
    cancel = nowcast(sent=told.sent + timedelta(minutes=30), msg_type="Cancel", polygons=())
    (field,) = fields([cancel, told], gazetteer)
    assert field.event.official_end
    assert field.event.valid_from == cancel.sent
    assert len(field.zones) == 1
    assert set(field.event.observations) == {told.sha256, cancel.sha256}


def cancelling(nowcast, sequence="002", sent="2026-09-24T15:07:00+08:00"):
    identifier = f"2.49.0.1.360.0.2026.09.24.09.75.{sequence}"
    return nowcast(
        code="CGT20260924003",
        sent=AT,
        msg_type="Cancel",
        polygons=(),
        references=(f"cuaca.ekstrem@bmkg.go.id,{identifier},{sent}",),
    )


def test_cancel_by_reference_ends_what_it_names_although_the_hour_differs(gazetteer, nowcast):
    (field,) = fields([nowcast(), cancelling(nowcast)], gazetteer)
    assert field.event.event_id == "thunderstorm-CGT20260924002"
    assert field.event.official_end


@pytest.mark.parametrize(
    "wrong", [{"sequence": "004"}, {"sent": "2026-09-24T15:08:00+08:00"}, {"sent": "soon"}]
)
def test_cancel_of_something_else_ends_nothing_and_is_shown(gazetteer, nowcast, wrong):
    told, loose = fields([nowcast(), cancelling(nowcast, **wrong)], gazetteer)
    assert not told.event.official_end
    assert loose.event.event_id == "thunderstorm-CGT20260924003"
    assert loose.unresolved == ("Cancel CGT20260924003: the warning that it ends is not known",)


def test_recorded_gorontalo_warning(samples, gazetteer, nowcast):
    path = samples / "bmkg" / "cap-nowcast" / "CGT20260924002_alert.id.xml"
    rings = [
        tuple(tuple(map(float, pair.split(","))) for pair in text.split())
        for text in re.findall(r"<polygon>(.*?)</polygon>", path.read_text(encoding="utf-8"))
    ]
    (field,) = fields([nowcast(polygons=tuple(rings))], gazetteer)
    area = field.zones.iloc[0].geometry
    assert area.is_valid
    assert field.unresolved == ()
    assert area.covers(shapely.Point(122.15, 0.60))
    assert area.area == pytest.approx(sum(ring_polygon(ring).area for ring in rings), rel=0.01)


points = st.tuples(st.floats(-91, 91), st.floats(-181, 181))


@given(st.lists(st.lists(points, max_size=8).map(tuple), max_size=4).map(tuple))
def test_any_rings_give_a_valid_area_or_a_word(gazetteer, nowcast, rings):
    (field,) = fields([nowcast(polygons=rings)], gazetteer)
    if len(field.zones):
        assert field.zones.geometry.is_valid.all()
    else:
        assert field.unresolved
