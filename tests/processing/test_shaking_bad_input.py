"""Quakes that cannot be, or that five feeds tell in five ways."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import numpy as np
import pytest

from kentongan.types import Quality
from processing.quakes import Past, quake_groups
from processing.run import hazard_fields
from processing.shaking import shaking_fields

MINUTE = timedelta(minutes=1)
FEEDS = ("bmkg-quakes", "bmkg-inatews", "bmkg-inatews-lists", "bmkg-detections", "mirror")


def test_magnitude_0_shakes_nobody(policy, quake):
    assert shaking_fields([quake(magnitude=0.0)], policy=policy) == []


@pytest.mark.parametrize("magnitude", [10.0, 9.6, -0.1, float("nan"), float("inf")])
def test_a_magnitude_that_no_quake_has_is_not_computed_with(policy, quake, magnitude):
    assert shaking_fields([quake(magnitude=magnitude)], policy=policy) == []
    (field,) = shaking_fields([quake(magnitude=magnitude), quake(key="b")], policy=policy)
    assert field.event.evidence["magnitude"] == 5.6


def test_the_largest_magnitude_on_record_is_computed_as_extrapolated(policy, quake):
    (field,) = shaking_fields([quake(magnitude=9.5)], policy=policy)
    assert (field.event.level, field.event.quality) == (4, Quality.EXTRAPOLATED)
    assert np.isfinite(field.raster.mmi).all()


@pytest.mark.parametrize("depth", [0.0, 0.1])
def test_depth_0_is_computed_as_1_km(policy, quake, depth):
    (field,) = shaking_fields([quake(depth_km=depth)], policy=policy)
    (shallow,) = shaking_fields([quake(depth_km=1.0)], policy=policy)
    np.testing.assert_allclose(field.raster.mmi_allen, shallow.raster.mmi_allen)
    assert (field.event.level, field.event.evidence["depth_km"]) == (4, depth)
    assert np.isfinite(field.raster.mmi).all()


def test_700_km_deep_is_watched_at_most(policy, quake):
    (field,) = shaking_fields([quake(magnitude=7.3, depth_km=700.0)], policy=policy)
    assert (field.event.level, field.event.quality) == (1, Quality.EXTRAPOLATED)
    assert field.event.evidence["gate"] == "depth 700 km > 300 km"


def test_a_missing_depth_is_assumed_and_said(policy, bulletin):
    told = bulletin(1, 2)
    told = told.model_copy(update={"quake": told.quake.model_copy(update={"depth_km": None})})
    (field,) = shaking_fields([told], policy=policy)
    said = field.event.evidence
    assert (said["depth_km"], said["depth_assumed"]) == (10.0, True)
    assert field.event.quality is Quality.EXTRAPOLATED
    assert "depth not published: 10 km assumed" in said["limits"]
    assert "kedalaman tidak diketahui" in field.event.title


def test_a_list_that_has_no_depth_yet_warns_all_the_same(policy, quake):
    (field,) = shaking_fields([quake(depth_km=None)], policy=policy)
    assert field.event.level >= 2
    assert "depth not published: 10 km assumed" in field.event.evidence["limits"]
    later = quake(key="deep", depth_km=40.0)
    (field,) = shaking_fields([quake(depth_km=None), later], policy=policy)
    assert field.event.evidence["depth_km"] == 40.0


@pytest.mark.parametrize("magnitude", [4.9, 5.8, 7.0, 7.3, 8.2])
def test_a_depth_that_is_not_known_is_never_the_safer_one(policy, quake, magnitude):
    """Whatever depth from 10 km is published later, the chain's line lay as high before."""
    (unknown,) = shaking_fields([quake(magnitude=magnitude, depth_km=None)], policy=policy)
    for depth in (10.0, 29.0, 33.0, 41.5, 60.0, 90.0, 160.0):
        for known in shaking_fields([quake(magnitude=magnitude, depth_km=depth)], policy=policy):
            there = known.raster.mmi_chain.reindex_like(unknown.raster.mmi_chain)
            assert float((there - unknown.raster.mmi_chain).max()) < 0.1, depth


def test_a_greater_quake_of_unknown_depth_shakes_no_less(policy, quake):
    """Above M 8.6 no slab quake is thought of: the field must not fall there."""
    most = []
    for magnitude in (8.0, 8.5, 8.6, 8.7, 9.2):
        (field,) = shaking_fields([quake(magnitude=magnitude, depth_km=None)], policy=policy)
        near = field.raster.mmi_chain.sel(
            latitude=-6.84, longitude=[107.05, 108.0], method="nearest"
        )
        most.append(near.to_numpy())
    assert (np.diff(most, axis=0) > -0.05).all()


def test_a_flood_of_weak_solutions_does_not_push_out_the_strong_one(policy, quake):
    """Thirteen and more states within the quarter of an hour in which no level falls."""
    weak = [quake(key=f"w{i}", magnitude=6.0 + i / 100) for i in range(20)]
    records = [quake(key="strong", magnitude=6.9), *weak]
    origin = records[0].origin_time
    known = {(r.source_id, r.key): origin + (1 + i / 4) * MINUTE for i, r in enumerate(records)}
    at, past = origin + 8 * MINUTE, Past(known_at=known)
    (strong,) = shaking_fields(records[:1], policy=policy, past=past, at=at)
    (field,) = shaking_fields(records, policy=policy, past=past, at=at)
    assert field.event.evidence["magnitude"] == pytest.approx(6.19)
    assert field.event.level == strong.event.level == 4


def test_a_known_depth_beats_a_newer_solution_without_one(policy, bulletin):
    first, second = bulletin(1, 2), bulletin(2, 9)
    second = second.model_copy(update={"quake": second.quake.model_copy(update={"depth_km": None})})
    (field,) = shaking_fields([first, second], policy=policy)
    assert field.event.evidence["depth_assumed"] is False


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(-20.0, 170.0), (-20.0, -170.0), (0.0, -179.99), (89.9, 107.0), (-90.0, 180.0)],
)
def test_a_quake_in_the_pacific_or_at_a_pole_shakes_nobody_here(policy, quake, latitude, longitude):
    far = quake(latitude=latitude, longitude=longitude, magnitude=8.0)
    assert shaking_fields([far], policy=policy) == []


def five(quake):
    """Five feeds, five magnitudes, each first read a minute after the one before."""
    records = [
        quake(source_id=feed, key=f"k{i}", magnitude=5.2 + 0.2 * i) for i, feed in enumerate(FEEDS)
    ]
    origin = records[0].origin_time
    known = {(r.source_id, r.key): origin + (i + 1) * MINUTE for i, r in enumerate(records)}
    return records, Past(known_at=known)


def test_five_feeds_with_five_magnitudes_are_one_quake(policy, quake):
    records, past = five(quake)
    (group,) = quake_groups(records, past=past)
    assert [round(s.quake.magnitude, 1) for s in group.solutions] == [5.2, 5.4, 5.6, 5.8, 6.0]
    (field,) = shaking_fields(records, policy=policy, past=past)
    assert (field.event.evidence["magnitude"], field.event.evidence["solutions"]) == (6.0, 5)
    assert len(field.event.observations) == 5


def test_updates_out_of_order_give_the_same_event(policy, quake):
    records, past = five(quake)
    at = records[0].origin_time + 10 * MINUTE
    events = [
        shaking_fields(order, policy=policy, past=past, at=at)[0].event
        for order in list(permutations(records))[::20]
    ]
    assert all(event == events[0] for event in events)


def test_bulletins_that_arrive_backwards_end_in_the_newest(policy, bulletin):
    """A feed that catches up: PD-3 is read before PD-1; each carries its own time."""
    said = [bulletin(stage, minutes, of={"magnitude": 6.4 + stage / 5}) for stage, minutes in
            ((3, 30), (2, 10), (1, 2))]  # fmt: skip
    known = {(b.source_id, b.key): b.sent + (40 - i) * MINUTE for i, b in enumerate(said)}
    (field,) = shaking_fields(said, policy=policy, past=Past(known_at=known))
    assert field.event.evidence["magnitude"] == pytest.approx(7.0)


def test_nonsense_beside_a_real_quake_stops_nothing(policy, gazetteer, quake):
    records = [
        quake(key="zero", magnitude=0.0, latitude=1.0, longitude=100.0),
        quake(key="ten", magnitude=10.0, latitude=2.0, longitude=101.0),
        quake(key="deep", depth_km=5000.0, latitude=3.0, longitude=98.0),
        quake(),
    ]
    fields = hazard_fields(
        records,
        at=records[0].origin_time + 5 * MINUTE,
        policy=policy,
        gazetteer=gazetteer,
        read=lambda _record: b"",
    )
    assert [f.event.event_id for f in fields] == ["shaking-20221121T062110Z"]
