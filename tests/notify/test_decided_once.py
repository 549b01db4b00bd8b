"""Decisions of one cycle are written together, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kentongan.db import decided, event_runs, warnings
from orchestration import deciding, stages
from tests.notify.life_centre import CODES, T0, Centre, Killed


@pytest.fixture
def centre(tmp_path):
    made = Centre(tmp_path)
    made.see("flood-1", {CODES[0]: 3}, T0)
    made.see("flood-2", {CODES[4]: 2}, T0)
    yield made
    made.engine.dispose()


def decide(centre, at=T0):
    troubles = []
    return stages.decide_all(centre.context, at, troubles), troubles


def test_the_same_cycle_again_says_the_same_and_writes_nothing(centre):
    said, _ = decide(centre)
    rows = centre.tables()
    assert {one["event_id"] for one in said} == {"flood-1", "flood-2"}
    assert decide(centre) == (said, []) and centre.tables() == rows


@pytest.mark.parametrize("step", range(1, 12))
def test_killed_before_its_end_it_has_changed_nothing(centre, step):
    before = centre.tables()
    with pytest.raises(Killed), centre.dies_at(step):
        stages.decide_all(centre.context, T0, [])
    assert centre.tables() == before
    said, troubles = decide(centre)
    assert len(said) == 2 and not troubles


def test_newer_knowledge_in_the_same_minute_is_decided(centre):
    decide(centre)
    centre.see("flood-1", {CODES[0]: 4}, T0 + timedelta(seconds=1), known_at=T0)
    said, _ = decide(centre)
    assert [one["action"] for one in said if one["event_id"] == "flood-1"]
    assert max(row["level"] for row in centre.rows(warnings)) == 4


def test_a_cycle_in_which_something_failed_decides_again(centre, monkeypatch):
    whole = deciding.decide_one

    def broken(context, one, *others):
        if one.known.id == "flood-1":
            raise RuntimeError("disk on fire")
        return whole(context, one, *others)

    monkeypatch.setattr(deciding, "decide_one", broken)
    said, troubles = decide(centre)
    assert [one["event_id"] for one in said] == ["flood-2"] and len(troubles) == 1
    assert centre.rows(decided) == []
    monkeypatch.undo()
    said, troubles = decide(centre)
    assert not troubles and "flood-1" in {one["event_id"] for one in said}


def test_a_version_that_cannot_be_written_leaves_the_others(centre, monkeypatch):
    from notify import life

    write = life.Ready.write

    def broken(self, connection):
        ref = write(self, connection)
        if self.warning_id == "w-flood-1":
            raise RuntimeError("half written")
        return ref

    monkeypatch.setattr(life.Ready, "write", broken)
    _, troubles = decide(centre)
    assert len(troubles) == 1
    assert {row["event_id"] for row in centre.rows(warnings)} == {"flood-2"}
    assert {row["event_id"] for row in centre.rows(event_runs)} == {"flood-2"}
