"""Rows written by hand into a home of real warnings, with its dispatcher running: nothing of them
reaches the carrier, the broker or the staff, and each is in the audit."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from kentongan.db import audit, messages, outbox, receipts_early, recipients, segments, warnings
from kentongan.settings import Settings
from kentongan.times import iso
from notify.dispatcher.process import Dispatcher
from notify.firewall.inspection import SUPPRESSED
from tests.crash.homes import VILLAGES, now
from tests.crash.test_dispatch_faults import until


def lie(home, table, **values):
    with home.engine.begin() as connection:
        connection.execute(update(table).values(**values))


def answer_of_a_warning(home):
    """The text of an exercise as an answer to somebody."""
    lie(home, messages, purpose="answer", text="LATIHAN. AWAS tsunami")


def exercise_in_public_segments(home):
    lie(home, warnings, cap_status="Exercise")
    lie(home, segments, to_public=True, state=0, cursor="", rows=0)


def test_on_every_route(home):
    lie(home, warnings, cap_status="Test")
    lie(home, outbox, route="operator")


def broadcast_of_nothing(home):
    """A siren's message behind which no warning stands."""
    row = {"message_id": "w-x/v1/mqtt", "purpose": "broadcast", "warning_id": "w-x", "version": 1,
           "channel": "mqtt", "language": "id", "area_code": "53.07", "level": 4,
           "text": "AWAS TSUNAMI", "payload": None, "parts": 1}  # fmt: skip
    at = now()
    out = {"alert_version": "w-x/v1", "recipient_id": "mqtt:53.07.01", "channel": "mqtt", "part": 0,
           "message_id": "w-x/v1/mqtt", "route": "operator", "prio": 0, "state": 0, "attempts": 0,
           "created_at": iso(at), "due": iso(at), "not_after": iso(at + timedelta(hours=1)),
           "area_code": "53.07", "turn": 0}  # fmt: skip
    topic = {"recipient_id": "mqtt:53.07.01", "role": "topic", "adm4_code": VILLAGES[0][:8],
             "address": "+6281200000000", "language": "id", "synthetic": False, "by_sms": True,
             "by_push": True, "active": True}  # fmt: skip
    with home.engine.begin() as connection:
        connection.execute(outbox.delete())
        connection.execute(segments.delete())
        connection.execute(messages.insert().values(row))
        connection.execute(recipients.insert().values(topic))
        connection.execute(outbox.insert().values(out))


def task_of_an_exercise(home):
    lie(home, warnings, cap_status="Exercise")
    lie(home, messages, purpose="task")


FORGED = (
    answer_of_a_warning, exercise_in_public_segments, test_on_every_route, broadcast_of_nothing,
    task_of_an_exercise,
)  # fmt: skip
test_on_every_route.__test__ = False


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_was_written_by_hand_goes_nowhere(home, smsc, forge):
    one = home(5)
    one.warn()
    forge(one)
    with one.engine.begin() as connection:  # and a receipt of an id that nobody gave
        connection.execute(
            receipts_early.insert().values(
                route="operator", provider_id_norm="1", state=4, at=iso(now()), detail=""
            )
        )
    one.route(smsc.port)
    settings = Settings(
        home=one.folder, mode="actual", database_url=one.url,
        routes=one.folder / "routes.toml", dispatch_policy=one.folder / "dispatch.toml",
    )  # fmt: skip
    with Dispatcher(settings, tell=[].append):
        until(lambda: "ready" not in one.states() and "leased" not in one.states())
        time.sleep(0.3)
    assert smsc.accepted() == []
    assert set(one.states()) == {"suppressed"}
    with one.engine.connect() as connection:
        acts = connection.execute(select(audit.c.action)).scalars().all()
    assert SUPPRESSED in acts
