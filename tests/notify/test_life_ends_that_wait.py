"""An end that one person asked for waits for a second one: no cycle in between may lose it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kentongan.db import audit, outbox
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import HazardId, Mode
from notify.ending import cancel
from notify.versions import newest
from tests.notify.life_centre import T0, A, B, C, Centre, minutes

TSUNAMI, FLOOD, STORM = HazardId.TSUNAMI, HazardId.FLOOD, HazardId.THUNDERSTORM


@pytest.fixture
def centre(tmp_path):
    return Centre(tmp_path)


def ask(centre: Centre, hazard: HazardId, **changes) -> None:
    """A warning that went out, and a cancel that waits for a second person."""
    centre.see("e1", {A: 3, B: 3}, T0, hazard=hazard, **changes)
    centre.cycle(T0)
    strict = load_policy(data_dir() / "policy" / "actual.toml", ReleasePolicy)
    centre.context = replace(centre.context, release=strict)
    cancel(
        centre.engine, "w-e1", centre.context.layers.villages, actor="ani", at=T0 + minutes(5),
        reason="salah", mode=Mode.EXERCISE, live=False,
    )  # fmt: skip


def now(centre: Centre) -> tuple[int, str, str]:
    with centre.engine.connect() as connection:
        version = newest(connection, "w-e1")
    assert version is not None
    return version.version, version.body.action, version.state


@pytest.mark.parametrize("hazard", [TSUNAMI, FLOOD, STORM])
def test_cycles_that_see_the_same_leave_the_waiting_end_and_tell_nobody(centre, hazard):
    ask(centre, hazard)
    before = len(centre.rows(outbox))
    for minute in (6, 7, 8):
        assert centre.cycle(T0 + minutes(minute)) == []
    centre.see("e1", {A: 3, B: 3}, T0 + minutes(9), hazard=hazard)
    assert centre.cycle(T0 + minutes(9)) == []
    assert now(centre) == (2, "cancel", "draft")
    assert len(centre.rows(outbox)) == before


@pytest.mark.parametrize("hazard", [TSUNAMI, STORM])
def test_new_danger_comes_before_a_waiting_end_and_the_audit_says_so(centre, hazard):
    ask(centre, hazard)
    centre.see("e1", {A: 3, B: 3, C: 3}, T0 + minutes(6), hazard=hazard)
    centre.cycle(T0 + minutes(6))
    assert now(centre) == (3, "update", "released")
    assert set(centre.told("e1", 3)) == {C}
    assert "warning.end-set-aside" in [row["action"] for row in centre.rows(audit)]


def test_the_authority_ends_it_while_an_end_waits(centre):
    ask(centre, TSUNAMI)
    centre.see("e1", {}, T0 + minutes(6), hazard=TSUNAMI, official_end=True)
    centre.cycle(T0 + minutes(6))
    assert now(centre) == (3, "all-clear", "ended")
    assert set(centre.told("e1", 3)) == {A, B}


def test_a_tsunami_is_renewed_while_an_end_waits_and_nobody_approves_it(centre):
    """Else the warning would run out in silence."""
    ask(centre, TSUNAMI, valid_to=T0 + minutes(30))
    centre.cycle(T0 + minutes(15))
    assert now(centre) == (2, "cancel", "draft")
    centre.cycle(T0 + minutes(21))
    assert now(centre) == (3, "renew", "released")


def test_its_own_end_closes_the_warning_and_the_end_that_waited(centre):
    ask(centre, STORM, valid_to=T0 + minutes(30))
    centre.cycle(T0 + minutes(31))
    assert now(centre)[2] == "expired"
