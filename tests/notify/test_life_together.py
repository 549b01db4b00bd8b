"""Estimates that begin in one cycle for the same villages: each village hears it once, and each
hears it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.db import warnings
from kentongan.decision_policy import DecisionPolicy
from kentongan.hazard import HazardEvent
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.decision.succession import Known, links_between
from tests.notify.life_centre import CODES, T0, A, B, C, Centre, D, E, F, minutes

RULES = load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy).succession


@pytest.fixture
def centre(tmp_path):
    return Centre(tmp_path)


def heard(centre: Centre, *events: str) -> Counter[str]:
    """Village -> how many SMS of first versions."""
    return Counter(code for event in events for code in centre.told(event, 1))


def test_when_a_long_flood_runs_out_one_of_its_followers_speaks_and_not_all(centre):
    centre.see("f0", {A: 3, B: 3}, T0, valid_to=T0 + minutes(60))
    centre.cycle(T0)
    for number in (1, 2, 3):
        at = T0 + minutes(10 * number)
        centre.see(f"f{number}", {A: 3, B: 3}, at, onset=at, valid_to=at + minutes(120))
        centre.cycle(at)
    centre.cycle(T0 + minutes(60))
    assert heard(centre, "f1", "f2", "f3") == {A: 1, B: 1}
    assert centre.state("f3")[1] == "released"  # the one that holds longest
    centre.cycle(T0 + minutes(61))
    assert heard(centre, "f1", "f2", "f3") == {A: 1, B: 1}


def test_of_a_chain_of_floods_every_village_is_warned_in_the_same_cycle(centre):
    """f2 meets f1 and f3, which do not meet: it must not speak for f1 and then be silent."""
    centre.see("f1", {A: 3, B: 3}, T0, valid_to=T0 + minutes(120))
    centre.see("f2", {B: 3, C: 3}, T0, valid_to=T0 + minutes(180))
    centre.see("f3", {C: 3, D: 3, E: 3}, T0, valid_to=T0 + minutes(240))
    centre.cycle(T0)
    assert set(heard(centre, "f1", "f2", "f3")) == {A, B, C, D, E}


def test_the_same_flood_twice_is_one_draft_for_people_to_read(centre):
    strict = load_policy(data_dir() / "policy" / "actual.toml", ReleasePolicy)
    centre.context = replace(centre.context, release=strict)
    centre.see("f1", {A: 3, B: 3}, T0)
    centre.cycle(T0)
    centre.see("f2", {A: 3, B: 3, F: 4}, T0 + minutes(5))
    centre.cycle(T0 + minutes(5))
    assert {row["warning_id"] for row in centre.rows(warnings)} == {"w-f1"}
    assert set(centre.state("f1")[2]) == {A, B, F}


def flood(number: int, codes: set[str], hours: int) -> Known:
    event = HazardEvent(
        event_id=f"f{number}", hazard_id=HazardId.FLOOD, level=Level.SIAGA, onset=T0,
        valid_from=T0, valid_to=T0 + minutes(60 * hours), official=False,
        status=DocumentStatus.ACTUAL, title="x", method="test/1", observations=(),
    )  # fmt: skip
    return Known(event, dict.fromkeys(codes, 3), None)


areas = st.sets(st.sampled_from(CODES), min_size=1)


@given(st.lists(st.tuples(areas, st.integers(1, 3)), max_size=7))
def test_no_village_is_left_to_an_event_that_says_nothing(made):
    floods = [flood(number, codes, hours) for number, (codes, hours) in enumerate(made)]
    links = links_between(floods, at=T0, rules=RULES)
    silent = {link.event_id for link in links}
    assert len(links) == len(silent)
    assert not {link.other_id for link in links} & silent
