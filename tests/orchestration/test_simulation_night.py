"""A night with the real stages: the same by seed, the same after being killed, never in earnest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import event, select, update

from console.simulated import night_csv, night_report, night_svg
from kentongan.db import inbound, make_engine, metadata, outbox, recipients, task_steps, tasks
from kentongan.errors import RuleViolation, SettingsError
from kentongan.settings import Settings
from kentongan.types import Mode
from orchestration.simulation.behaviour import load_behaviour
from orchestration.simulation.night import open_night, story_of
from orchestration.simulation.outcome import outcome
from orchestration.simulation.rules import broken_rules

SEED, HOURS = 3, 1.3
_BEHAVIOUR = load_behaviour()
EAGER = _BEHAVIOUR.model_copy(
    update={
        "tagana": _BEHAVIOUR.tagana.model_copy(
            update={
                "off": 0.0, "misses_first": 0.2, "wrong_digit": 0.2, "wrong_number": 0.1,
                "no_number": 0.2, "unclear": 0.1, "twice": 0.3, "depart_min": (2, 4),
                "travel_min": (3, 6), "work_min": (5, 10), "visit_every_min": (4, 6),
            }
        ),
        "residents": _BEHAVIOUR.residents.model_copy(update={"reports": 0.4, "within_min": 60}),
    }
)  # fmt: skip
"""Much happens in little time."""
OF_THE_MOMENT = {"audit_heads": ("signature", "key_id"), "inbound": ("sender_sealed",)}
"""Sealed with fresh random bytes."""
ON_THE_WIRE = ("sent_at", "final_at", "lease_until", "lease_owner", "attempts", "provider_id",
               "provider_id_norm")  # fmt: skip
"""Sending takes real time."""
ONCE_A_CYCLE = ("cycles", "decided", "audit_heads", "bindings")
"""A cycle that died and is done again leaves another row."""


class Killed(BaseException):
    """The process died here."""


@contextmanager
def dies_at(engine, step: int) -> Iterator[None]:
    left = [step]

    def before(_c, _cu, statement, *_):
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)


def tables(engine, *, without=()):
    found = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            left_out = {*OF_THE_MOMENT.get(table.name, ())}
            left_out |= set(ON_THE_WIRE) if table.name == "outbox" else set()
            if table.name not in without:
                rows = connection.execute(select(table)).mappings()
                found[table.name] = sorted(
                    ({k: v for k, v in row.items() if k not in left_out} for row in rows), key=str
                )
    return found


@contextmanager
def night_of(home, *, name="flood-day", hours=HOURS, go_on=False):
    settings = Settings(home=home, _env_file=None)
    with open_night(name, settings, seed=SEED, behaviour=EAGER, hours=hours, go_on=go_on) as night:
        yield night


def rules_of(night):
    shelters = night.context.layers.shelters
    homes = dict(zip(shelters["shelter_id"], shelters["adm4_code"], strict=True))
    return broken_rules(night.context.engine, homes)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    with night_of(tmp_path_factory.mktemp("played")) as night:
        night.run()
        yield night


def test_a_flood_evening_brings_people_to_safety_and_breaks_no_rule(played):
    found = outcome(played)
    assert rules_of(played) == []
    assert found.tasks.get("evacuate/done", 0) >= 1 and found.brought > 0
    assert found.unmet_people > 0 and found.rungs
    assert {"reply", "report"} <= set(found.came_in)
    said = [one.what for one in found.milestones]
    assert any(re.fullmatch(r"\d+ people received or helped: T\d+", one) for one in said)
    assert any(one.startswith("the first yes") for one in said)
    hours = found.hours
    assert [h.brought for h in hours] == sorted(h.brought for h in hours)
    assert hours[-1].brought == found.brought
    assert sum(h.came_in for h in hours) == sum(found.came_in.values())


def test_it_is_told_with_the_unmet_need_first(played):
    found = outcome(played)
    lines = night_report(found, ["a rule"], seconds=3.2).splitlines()
    assert lines[0].startswith("UNMET NEED: ") and "LATIHAN" in lines[1]
    assert "BROKEN: a rule" in lines and lines[-1] == "CPU: 3 s"
    rows = night_csv(found).splitlines()
    assert len(rows) == 1 + len(found.hours)
    assert night_svg(found).startswith("<svg") and "somebody is on it" in night_svg(found)
    assert found.as_json()["unmet"]["people"] == found.unmet_people


def test_the_same_seed_gives_the_same_tables_and_so_does_a_night_killed_again_and_again(
    played, tmp_path
):
    """Killed before writes that are chosen beforehand, and continued each time."""
    with night_of(tmp_path) as night, dies_at(night.context.engine, 400), pytest.raises(Killed):
        night.run()
    for step in (37, 211, 90, 160):
        with (
            night_of(tmp_path, go_on=True) as night,
            dies_at(night.context.engine, step),
            pytest.raises(Killed),
        ):
            night.run()
    with night_of(tmp_path, go_on=True) as night:
        night.run()
        killed = tables(night.context.engine, without=(*ONCE_A_CYCLE, "audit"))
        assert rules_of(night) == []
    whole = tables(played.context.engine, without=(*ONCE_A_CYCLE, "audit"))
    assert {name for name in whole if whole[name] != killed[name]} == set()


def test_another_seed_is_another_night(played, tmp_path):
    settings = Settings(home=tmp_path, _env_file=None)
    with open_night("flood-day", settings, seed=4, behaviour=EAGER, hours=0.6) as night:
        night.run()
        with night.context.engine.connect() as connection:
            other = connection.execute(select(inbound.c.text)).scalars().all()
    with played.context.engine.connect() as connection:
        first = connection.execute(select(inbound.c.text)).scalars().all()
    assert other and other != first[: len(other)]


def test_nobody_real_is_ever_answered_for(tmp_path):
    for mode in (Mode.ACTUAL, Mode.TEST):
        settings = Settings(home=tmp_path, mode=mode, _env_file=None)
        with (
            pytest.raises(RuleViolation, match="expected mode exercise"),
            open_night("flood-day", settings, seed=1, behaviour=EAGER),
        ):
            pass
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    mine = tmp_path / "simulations" / "flood-day-3"
    mine.mkdir(parents=True)
    (mine / "letter.txt").write_text("mine")
    with pytest.raises(SettingsError, match="move it away"), night_of(tmp_path):
        pass
    assert (mine / "letter.txt").read_text() == "mine"
    with pytest.raises(SettingsError, match="nowhere"):
        story_of("nowhere")


# --- the rules find what is broken ------------------------------------------------------


def _broken_by(night, statement) -> list[str]:
    """What the rules say of tables in which one thing was changed; the change is taken back."""
    engine = night.context.engine
    found: list[str] = []
    path = engine.url.database
    copy = f"{path}.broken"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{copy}'")
    other = make_engine(f"sqlite:///{copy}")
    try:
        with other.begin() as connection:
            connection.execute(statement)
        found = broken_rules(other, {})
    finally:
        other.dispose()
        Path(copy).unlink()
    return found


def test_the_rules_find_what_was_broken_on_purpose(played):
    with played.context.engine.connect() as connection:
        done = connection.execute(select(tasks.c.task_id).where(tasks.c.state == "done")).scalar()
        answered = connection.execute(
            select(outbox.c.id).where(outbox.c.recipient_id.like("inbound/%")).limit(1)
        ).scalar()
    assert done and answered
    for statement, said in (
        (update(tasks).where(tasks.c.task_id == done).values(state="sent"), "its last step says"),
        (update(task_steps).where(task_steps.c.fence == 0, task_steps.c.task_id == done)
         .values(state="recalled"), "went from recalled to"),
        (update(inbound).values(state="new"), "expected done or failed"),
        (update(outbox).where(outbox.c.id == answered).values(route="carrier"), "route carrier"),
        (update(recipients).where(recipients.c.recipient_id == "o-command-centre")
         .values(address="+62811"), "not made up"),
        (task_steps.delete().where(task_steps.c.task_id == done, task_steps.c.fence == 1),
         "steps, fence"),
    ):  # fmt: skip
        assert any(said in one for one in _broken_by(played, statement)), said


def test_time_goes_by_minutes_and_by_the_moments_of_the_story(played):
    instants = list(played._instants(None))
    assert instants == sorted(set(instants))
    assert instants[0] == played.story.start and instants[-1] == played.end
    assert all(b - a <= timedelta(minutes=1) for a, b in pairwise(instants))
    assert list(played._instants(played.end)) == []
