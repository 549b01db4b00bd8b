"""What the retention policy gives up, and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import SettingsError
from kentongan.retention import Document, Rule, load_retention, thinnable
from kentongan.settings import data_dir

AT = datetime(2026, 11, 22, tzinfo=UTC)
RULE = Rule(keep_all_days=2, keep_hourly_days=10, keep_daily_days=30)
POLICY = """
author = "x"
date = 2026-11-22
thinned_kinds = ["forecast"]
[default]
keep_all_days = 30
keep_hourly_days = 0
keep_daily_days = 365
"""


def documents(*minutes_ago, url="/a"):
    """In the order of time, named by their age in minutes, each seen for one minute."""
    return [
        Document(url, f"{m}", AT - timedelta(minutes=m), AT - timedelta(minutes=m - 1), 10)
        for m in sorted(minutes_ago, reverse=True)
    ]


def given_up(found, protected=(), rule=RULE, at=AT):
    return [document.sha256 for document in thinnable(found, frozenset(protected), rule, at)]


DAY = 24 * 60


def test_the_newest_days_are_whole():
    assert given_up(documents(1, 2, 3, 2 * DAY)) == []


def test_then_the_first_of_each_hour():
    base = 5 * DAY
    assert given_up(documents(base, base - 10, base - 20, base - 60)) == [
        f"{base - 10}",
        f"{base - 20}",
    ]


def test_then_the_first_of_each_day():
    base = 20 * DAY
    assert given_up(documents(base, base - 60, base - 120, base - DAY)) == [
        f"{base - 60}",
        f"{base - 120}",
    ]


def test_then_nothing():
    assert given_up(documents(31 * DAY, 40 * DAY)) == [f"{40 * DAY}", f"{31 * DAY}"]


def test_each_address_has_hours_of_its_own():
    base = 5 * DAY
    assert given_up([*documents(base), *documents(base, url="/b")]) == []


def test_age_counts_from_the_last_time_that_it_came():
    """A list that did not change for a year and stands there today is no old list."""
    old = Document("/a", "x", AT - timedelta(days=400), AT, 10)
    assert given_up([old]) == []


def test_evidence_is_never_given_up_and_stands_for_its_hour():
    base = 5 * DAY
    assert given_up(documents(base, base - 10, base - 20), {f"{base}", f"{base - 20}"}) == [
        f"{base - 10}"
    ]
    assert given_up(documents(4000 * DAY), {f"{4000 * DAY}"}) == []


steps = st.tuples(st.floats(1, 50), st.floats(0, 400), st.floats(0, 4000)).map(
    lambda days: Rule(
        keep_all_days=days[0],
        keep_hourly_days=days[0] + days[1],
        keep_daily_days=days[0] + days[1] + days[2],
    )
)
ages = st.lists(st.integers(2, 6000 * DAY), unique=True, max_size=40)


@given(minutes=ages, rule=steps, protected=st.sets(st.integers(0, 39)))
def test_a_second_run_finds_nothing_and_evidence_stays(minutes, rule, protected):
    found = documents(*minutes)
    kept_for_ever = {found[i].sha256 for i in protected if i < len(found)}
    gone = set(given_up(found, kept_for_ever, rule))
    assert not gone & kept_for_ever
    left = [document for document in found if document.sha256 not in gone]
    assert given_up(left, kept_for_ever, rule) == []


@given(minutes=ages, rule=steps)
def test_nothing_younger_than_the_whole_days_goes(minutes, rule):
    found = documents(*minutes)
    young = {d.sha256 for d in found if AT - d.last <= timedelta(days=rule.keep_all_days)}
    assert not young & set(given_up(found, (), rule))


def test_the_policy_that_is_delivered_names_sources_that_exist():
    from ingest.registry import SOURCES

    policy = load_retention(data_dir() / "policy" / "retention.toml")
    assert set(policy.sources) <= set(SOURCES)
    assert {"quake", "bulletin", "nowcast", "nowcast_item"}.isdisjoint(policy.thinned_kinds)
    assert policy.rule("himawari-rp") == policy.sources["himawari-rp"]
    assert policy.rule("bmkg-quakes") == policy.default


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(("keep_all_days = 30", "keep_all_days = 0"), "keep_all_days", id="no-day"),
        pytest.param(("keep_daily_days = 365", "keep_daily_days = 7"), "<=", id="steps-shrink"),
        pytest.param(("keep_hourly_days = 0", "keep_hours = 3"), "keep_hours", id="unknown-key"),
        pytest.param(('author = "x"', 'author = ""'), "author", id="nobody"),
        pytest.param(('author = "x"', ""), "author", id="no-author"),
        pytest.param(("[default]", "[other]"), "default", id="no-default"),
        pytest.param(("[default]", "[default"), "policy", id="no-toml"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(tmp_path, change, says):
    path = tmp_path / "retention.toml"
    path.write_text(POLICY, encoding="utf-8")
    assert load_retention(path).author == "x"
    path.write_text(POLICY.replace(*change), encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        load_retention(path)
