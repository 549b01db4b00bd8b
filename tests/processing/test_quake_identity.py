"""Which records are one quake, and that its name never changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.types import DocumentStatus
from processing.quakes import Past, connected, quake_groups, same_quake


def shifted(quake, seconds=0.0, north=0.0, magnitude=5.6, **changes):
    first = quake()
    return quake(
        origin_time=first.origin_time + timedelta(seconds=seconds),
        latitude=first.latitude + north,
        magnitude=magnitude,
        **changes,
    )


@pytest.mark.parametrize(
    ("seconds", "north", "magnitude", "one"),
    [
        pytest.param(1, 0.1, 6.3, True, id="revised"),
        pytest.param(30, 0.0, 5.6, True, id="30-s"),
        pytest.param(31, 0.0, 5.6, False, id="31-s-is-an-aftershock"),
        pytest.param(0, 0.89, 5.6, True, id="99-km"),
        pytest.param(0, 0.91, 5.6, False, id="101-km"),
        pytest.param(0, 0.0, 6.6, True, id="1.0-in-magnitude"),
        pytest.param(0, 0.0, 6.7, False, id="1.1-in-magnitude"),
    ],
)
def test_window(quake, seconds, north, magnitude, one):
    assert same_quake(quake(), shifted(quake, seconds, north, magnitude)) is one


def test_first_known_solution_names_the_quake_and_the_newest_is_the_best(quake, bulletin):
    first = bulletin(1, 2)
    second = bulletin(
        2,
        11,
        of={
            "origin_time": first.quake.origin_time + timedelta(seconds=1),
            "latitude": -8.41,
            "longitude": 121.39,
            "magnitude": 7.7,
        },
    )
    (group,) = quake_groups([second, first])
    assert group.event_key == "20260814T215823Z"
    assert group.best.quake.magnitude == 7.7


def test_a_late_record_with_an_earlier_date_does_not_rename_the_quake(quake, bulletin):
    """The quake lists carry no time of issue: their document time is the origin."""
    first = bulletin(1, 2)
    listed = quake(
        key="list",
        origin_time=first.quake.origin_time + timedelta(seconds=1),
        latitude=-8.41,
        longitude=121.39,
        magnitude=7.0,
    )
    told = Past(issued_ids=frozenset({"shaking-20260814T215823Z"}))
    read = Past(
        known_at={
            ("inatews", first.key): first.sent,
            ("bmkg-quakes", "list"): first.sent + timedelta(minutes=3),
        }
    )
    for past in (told, read):
        (group,) = quake_groups([first, listed], past=past)
        assert group.event_key == "20260814T215823Z"


def test_of_list_entries_the_last_read_is_the_best(quake):
    old, new = shifted(quake, 0, key="old"), shifted(quake, -1, magnitude=5.9, key="new")
    known = {("bmkg-quakes", "old"): old.origin_time + timedelta(minutes=3)}
    known["bmkg-quakes", "new"] = old.origin_time + timedelta(minutes=9)
    (group,) = quake_groups([old, new], past=Past(known_at=known))
    assert group.best.key == "new"
    assert group.event_key == "20221121T062110Z"


def test_felt_reports_are_merged(quake, felt):
    one = shifted(quake, felt=(felt("Cianjur", 5, 6),))
    two = shifted(quake, 1, felt=(felt("Cianjur", 5, 6), felt("Garut", 4, 4)))
    (group,) = quake_groups([one, two])
    assert [entry.place for entry in group.felt] == ["Cianjur", "Garut"]


def test_a_test_never_meets_what_is_actual(quake):
    actual, test = quake(), quake(status=DocumentStatus.TEST, key="t")
    groups = quake_groups([actual, test])
    assert {(g.event_key, g.status) for g in groups} == {
        ("20221121T062110Z", DocumentStatus.ACTUAL),
        ("20221121T062110Z-test", DocumentStatus.TEST),
    }


def test_a_re_creation_marks_its_whole_quake(quake):
    (group,) = quake_groups([quake(), quake(re_creation=True, key="r")])
    assert group.re_creation


@given(st.lists(st.integers(0, 200), max_size=12), st.randoms())
def test_groups_do_not_depend_on_order(numbers, random):
    shuffled = random.sample(numbers, len(numbers))

    def groups(items):
        found = connected(items, lambda a, b: abs(a - b) <= 10)
        return sorted(sorted(group) for group in found)

    assert groups(numbers) == groups(shuffled)
    assert sorted(n for group in groups(numbers) for n in group) == sorted(numbers)
