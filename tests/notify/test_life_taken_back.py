"""An estimate that a person took back does not come back with the next run."""

from __future__ import annotations

import pytest

from kentongan.db import outbox
from kentongan.types import HazardId, Mode
from notify.ending import cancel
from notify.versions import newest
from tests.notify.life_centre import T0, A, B, C, Centre, minutes

STORM = HazardId.THUNDERSTORM


@pytest.fixture
def centre(tmp_path):
    return Centre(tmp_path)


def take_back(centre: Centre, levels, hazard=HazardId.FLOOD) -> None:
    centre.see("e1", levels, T0, hazard=hazard)
    centre.cycle(T0)
    for actor in ("ani", "budi"):  # a second ask is a second approval, where two are wanted
        cancel(
            centre.engine, "w-e1", centre.context.layers.villages, actor=actor,
            at=T0 + minutes(5), reason="salah", mode=Mode.EXERCISE, live=False,
        )  # fmt: skip
        centre.cycle(T0 + minutes(5))
        if action(centre)[1] == "cancelled":
            return
    raise AssertionError(action(centre))


def action(centre: Centre, event: str = "e1") -> tuple[str, str] | None:
    with centre.engine.connect() as connection:
        version = newest(connection, f"w-{event}")
    return (version.body.action, version.state) if version else None


def test_the_next_runs_say_nothing(centre):
    take_back(centre, {A: 3, B: 2})
    rows = len(centre.rows(outbox))
    for minute in (10, 40, 100):
        centre.see("e1", {A: 3, B: 3, C: 2}, T0 + minutes(minute))
        assert centre.cycle(T0 + minutes(minute)) == []
    assert action(centre) == ("cancel", "cancelled")
    assert len(centre.rows(outbox)) == rows


def test_a_danger_that_has_risen_is_told(centre):
    take_back(centre, {A: 2})
    centre.see("e1", {A: 3}, T0 + minutes(10))
    centre.cycle(T0 + minutes(10))
    assert action(centre) == ("alert", "released")


def test_after_its_silence_it_may_begin_again(centre):
    take_back(centre, {A: 3})
    centre.see("e1", {A: 3}, T0 + minutes(126))
    centre.cycle(T0 + minutes(126))
    assert action(centre) == ("alert", "released")


def test_bmkg_is_never_silenced(centre):
    take_back(centre, {A: 2, B: 2}, hazard=STORM)
    centre.see("e1", {A: 2, B: 2}, T0 + minutes(10), hazard=STORM)
    centre.cycle(T0 + minutes(10))
    assert action(centre) == ("alert", "released")


def test_another_estimate_does_not_take_over_what_was_taken_back(centre):
    take_back(centre, {A: 3, B: 3})
    centre.see("e2", {B: 3, C: 3}, T0 + minutes(6))
    centre.cycle(T0 + minutes(6))
    centre.see("e1", {A: 3, B: 3}, T0 + minutes(7))
    centre.see("e2", {B: 3, C: 3}, T0 + minutes(7))
    centre.cycle(T0 + minutes(7))
    assert action(centre) == ("cancel", "cancelled")
    assert set(centre.state("e2")[2]) == {B, C}
