"""Nobody is sent into a tsunami zone before PD-4: the rule itself, and a whole night of Flores."""

from __future__ import annotations

import pytest

from kentongan.db import make_engine, messages, metadata, outbox, tasks, warnings
from kentongan.settings import Settings
from orchestration.simulation.behaviour import load_behaviour
from orchestration.simulation.night import open_night
from orchestration.simulation.outcome import outcome
from orchestration.simulation.rules import _nobody_into_a_zone, broken_rules

ZONE, HIGH = "53.16.01.2001", "53.16.02.2002"
TASK = "T264623"


def _warning(version, at, *, all_clear=False):
    return {
        "warning_id": "w-1", "version": version, "event_id": "e", "hazard_id": "tsunami",
        "msg_type": "Update" if all_clear else "Alert", "cap_status": "Exercise", "level": 4,
        "all_clear": all_clear, "content_hash": "0" * 64, "created_at": at,
        "expires": "2026-08-15T04:00:00Z", "body": {"levels": {ZONE: 4}},
    }  # fmt: skip


def _asked(kind, village, shelter, at, text):
    task = {
        "task_id": TASK, "warning_id": "w-2", "version": 1, "kind": kind, "adm4_code": village,
        "level": 4, "people": 90, "unmet_people": 0, "team_id": "t", "shelter_id": shelter,
        "coordinator_id": "k", "state": "sent", "created_at": "2026-08-14T22:11:00Z", "body": {},
    }  # fmt: skip
    message = {
        "message_id": "m", "purpose": "task", "warning_id": "w-2", "version": 1, "channel": "sms",
        "language": "id", "area_code": village, "level": 4, "text": text, "payload": None,
    }  # fmt: skip
    row = {
        "alert_version": "m", "recipient_id": "k", "channel": "sms", "message_id": "m",
        "route": "recorder", "prio": 1, "created_at": at, "due": "x", "not_after": "y",
    }  # fmt: skip
    return task, message, row


@pytest.mark.parametrize(
    ("kind", "village", "shelter", "at", "text", "broken"),
    [
        ("assess", ZONE, None, "2026-08-14T22:20:00.000000Z", f"TUGAS {TASK}: periksa", True),
        ("assess", ZONE, None, "2026-08-15T00:40:00.000000Z", f"TUGAS {TASK}: periksa", False),
        ("assess", ZONE, None, "2026-08-14T21:59:00.000000Z", f"TUGAS {TASK}: periksa", False),
        ("assess", HIGH, None, "2026-08-14T22:20:00.000000Z", f"TUGAS {TASK}: periksa", False),
        ("receive", ZONE, "s-high", "2026-08-14T22:20:00.000000Z", f"TUGAS {TASK}: terima", False),
        ("receive", ZONE, "s-zone", "2026-08-14T22:20:00.000000Z", f"TUGAS {TASK}: terima", True),
        ("assess", ZONE, None, "2026-08-14T22:20:00.000000Z", f"BATAL TUGAS {TASK}", False),
    ],
)
def test_who_is_asked_into_a_zone_that_is_in_force_is_found(
    tmp_path, kind, village, shelter, at, text, broken
):
    engine = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    metadata.create_all(engine)
    task, message, row = _asked(kind, village, shelter, at, text)
    with engine.begin() as connection:
        given = [
            _warning(1, "2026-08-14T22:01:00Z"),
            _warning(2, "2026-08-15T00:32:00Z", all_clear=True),
        ]
        connection.execute(warnings.insert(), given)
        connection.execute(tasks.insert(), [task])
        connection.execute(messages.insert(), [message])
        connection.execute(outbox.insert(), [row])
    found = list(_nobody_into_a_zone(engine, {"s-high": HIGH, "s-zone": ZONE}))
    engine.dispose()
    assert bool(found) is broken


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_a_whole_night_of_flores_breaks_no_rule(tmp_path):
    settings = Settings(home=tmp_path, _env_file=None)
    with open_night("flores", settings, seed=1, behaviour=load_behaviour()) as night:
        night.run()
        shelters = night.context.layers.shelters
        homes = dict(zip(shelters["shelter_id"], shelters["adm4_code"], strict=True))
        assert broken_rules(night.context.engine, homes) == []
        found = outcome(night)
    assert found.tasks["receive/done"] > 0 and found.brought > 0
    assert not any(kind.startswith("evacuate") for kind in found.tasks)
