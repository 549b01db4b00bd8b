"""One event, many feeds: one group, and every solution in its history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.records import CatalogueQuake, Detection, ShakeGrid
from kentongan.types import DocumentStatus
from processing.quakes import Past, quake_groups

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def detection(quake, *, seconds=2.0, north=0.05, magnitude=5.4, **changes):
    first = quake()
    origin = first.origin_time + seconds * SECOND
    return Detection(
        **{
            "source_id": "bmkg-detections",
            "key": f"d{seconds}-{north}-{magnitude}",
            "sha256": "d" * 64,
            "document_time": origin,
            "event_id": "bmg2022abcd",
            "origin_time": origin,
            "latitude": first.latitude + north,
            "longitude": first.longitude,
            "depth_km": 10.0,
            "magnitude": magnitude,
            "review": "automatic",
            **changes,
        }
    )


def test_a_detection_alone_makes_no_quake(quake):
    assert quake_groups([detection(quake), detection(quake, magnitude=8.0)]) == []


def test_a_detection_joins_its_quake_and_moves_nothing_of_it(quake):
    (alone,) = quake_groups([quake()])
    (group,) = quake_groups([detection(quake, magnitude=6.5), quake()])
    for part in ("event_key", "solutions", "best", "felt", "status", "observations"):
        assert getattr(group, part) == getattr(alone, part)
    assert [s.kind for s in group.unannounced] == ["detection"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"seconds": 31}, id="31-s"),
        pytest.param({"north": 0.91}, id="101-km"),
        pytest.param({"magnitude": 6.7}, id="1.1-in-magnitude"),
        pytest.param({"status": DocumentStatus.TEST}, id="a-drill"),
    ],
)
def test_what_lies_outside_the_window_joins_nothing(quake, changes):
    (group,) = quake_groups([quake(), detection(quake, **changes)])
    assert group.unannounced == ()


def test_between_two_quakes_the_nearer_origin_takes_it(quake):
    first = quake()
    after = quake(key="after", origin_time=first.origin_time + 40 * SECOND)
    one, other = quake_groups([first, after, detection(quake, seconds=25)])
    assert (len(one.unannounced), len(other.unannounced)) == (0, 1)


def test_the_history_tells_who_said_what_and_when(quake):
    listed = quake(key="list")
    revised = quake(key="list2", magnitude=5.9)
    inatews = quake(
        source_id="bmkg-inatews", key="ina", document_time=listed.origin_time + 4 * MINUTE
    )
    found = detection(quake, magnitude=5.4)
    known = {
        (listed.source_id, "list"): listed.origin_time + 3 * MINUTE,
        (listed.source_id, "list2"): listed.origin_time + 9 * MINUTE,
        ("bmkg-inatews", "ina"): listed.origin_time + 5 * MINUTE,
        ("bmkg-detections", found.key): listed.origin_time + 2 * MINUTE,
    }
    (group,) = quake_groups([revised, inatews, found, listed], past=Past(known_at=known))
    told = [(s.source_id, s.magnitude, s.issued is not None, s.label) for s in group.history]
    assert told == [
        ("bmkg-detections", 5.4, False, "automatic"),
        ("bmkg-quakes", 5.6, False, ""),
        ("bmkg-inatews", 5.6, True, ""),
        ("bmkg-quakes", 5.9, False, ""),
    ]
    assert [s.received - listed.origin_time for s in group.history] == [
        m * MINUTE for m in (2, 3, 5, 9)
    ]
    assert group.best.quake.magnitude == 5.9


def test_bulletins_stand_in_the_history_under_their_label(bulletin):
    (group,) = quake_groups([bulletin(2, 11), bulletin(1, 2)])
    assert [(s.kind, s.label) for s in group.history] == [
        ("bulletin", "PD-1"),
        ("bulletin", "PD-2"),
    ]
    assert [s.issued for s in group.history] == [s.issued for s in group.solutions]


def test_the_catalogue_joins_as_history(quake):
    first = quake()
    row = CatalogueQuake(
        source_id="bmkg-catalogue",
        key="c",
        sha256="c" * 64,
        document_time=first.origin_time,
        event_id="rsk20221121132110",
        origin_time=first.origin_time,
        latitude=first.latitude,
        longitude=first.longitude,
        depth_km=11.0,
        magnitude=5.6,
        place="x",
    )
    (group,) = quake_groups([row, first])
    assert {s.kind for s in group.history} == {"quake", "catalogue_quake"}
    assert quake_groups([row]) == []


def shake_grid(quake, **changes):
    first = quake()
    return ShakeGrid(
        **{
            "source_id": "bmkg-shakemap",
            "key": "s",
            "sha256": "5" * 64,
            "document_time": first.origin_time + 15 * MINUTE,
            "event_id": "20221121132110",
            "version": "1",
            "origin_time": first.origin_time,
            "processed_at": first.origin_time + 15 * MINUTE,
            "latitude": first.latitude,
            "longitude": first.longitude,
            "depth_km": 11.0,
            "magnitude": 5.6,
            "place": "x",
            **dict(
                zip(("west", "east", "south", "north"), (106.0, 108.0, -8.0, -6.0), strict=True)
            ),
            "columns": 9,
            "rows": 9,
            "fields": (),
            "max_mmi": 7.5,
            **changes,
        }
    )


def test_a_shakemap_joins_its_quake_and_that_of_an_exercise_joins_none(quake):
    grid = shake_grid(quake)
    assert quake_groups([grid]) == [], "a hand-typed scenario that says ACTUAL has no quake"
    (group,) = quake_groups([grid, quake()])
    assert [(s.kind, s.label) for s in group.unannounced] == [("shake_grid", "1")]
    (group,) = quake_groups([quake(), shake_grid(quake, status=DocumentStatus.TEST)])
    assert group.unannounced == ()


def test_a_feed_that_lags_brings_nothing_newer(quake):
    """The list restates M5.6 after the revision to M5.9 was read: the revision stays."""
    first, revised = quake(key="a"), quake(key="b", magnitude=5.9)
    late = quake(source_id="bmkg-inatews-lists", key="c")
    origin = first.origin_time
    known = {
        ("bmkg-quakes", "a"): origin + 3 * MINUTE,
        ("bmkg-quakes", "b"): origin + 6 * MINUTE,
        ("bmkg-inatews-lists", "c"): origin + 8 * MINUTE,
    }
    (group,) = quake_groups([first, revised, late], past=Past(known_at=known))
    assert group.best.quake.magnitude == 5.9
    assert len(group.solutions) == 3


def test_a_feed_that_comes_back_to_its_own_figures_is_believed(quake):
    first, revised = quake(key="a"), quake(key="b", magnitude=5.9)
    again = quake(key="c", place="with a felt list")
    origin = first.origin_time
    known = {("bmkg-quakes", k): origin + n * MINUTE for k, n in (("a", 3), ("b", 6), ("c", 9))}
    (group,) = quake_groups([first, revised, again], past=Past(known_at=known))
    assert group.best.quake.magnitude == 5.6


def test_14_december_2021_one_quake_four_times_is_one_quake(quake):
    first = quake(magnitude=7.5)
    rest = [
        quake(
            key=f"q{n}",
            origin_time=first.origin_time + SECOND,
            longitude=first.longitude + n / 100,
            magnitude=7.4,
        )
        for n in range(3)
    ]
    (group,) = quake_groups([*rest, first])
    assert len(group.solutions) == 4
    assert [s.magnitude for s in group.history] == [7.5, 7.4, 7.4, 7.4]


@given(order=st.permutations(range(6)))
def test_the_order_of_records_changes_nothing(quake, order):
    first = quake()
    records = [
        first,
        quake(key="b", magnitude=5.9),
        quake(key="c", origin_time=first.origin_time + 41 * SECOND),
        detection(quake),
        detection(quake, seconds=20),
        detection(quake, seconds=25),
    ]
    assert quake_groups([records[i] for i in order]) == quake_groups(records)
