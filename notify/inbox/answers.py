"""One short answer to a message that somebody sent us: a row of the outbox like any other.

No warning stands behind it, so it may do less: it goes to the number that wrote, over the way that
it came, once, within a day, and says nothing that a warning says. `notify.firewall.answers` looks
at all of that again when the row is claimed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from kentongan.db import insert_ignore, messages, outbox
from kentongan.errors import RuleViolation
from kentongan.times import iso
from kentongan.types import OutboxState
from notify.channels.chat.addresses import TELEGRAM, is_telegram
from notify.firewall.answers import ANSWERS, PURPOSE, answer_id, person_id, refusal, status_of_home
from notify.firewall.clearance import is_synthetic, number
from notify.firewall.gate import RECORDER, RECORDER_ONLY, TEST_ROUTE, Routes, mark
from notify.inbox.policy import inbox_policy
from notify.inbox.store import Incoming, precise
from notify.sending.urgency import Class, prio

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ways:
    """Where answers may go in a run."""

    routes: Routes = RECORDER_ONLY
    """From `notify.firewall.gate.all_routes`."""
    two_way: frozenset[str] = frozenset()
    """Names of the routes to which people can answer."""


RECORDED = Ways()


def answer(
    connection: Connection,
    to: Incoming,
    text: str,
    *,
    at: datetime,
    ways: Ways = RECORDED,
    urgent: bool = False,
) -> bool:
    """Put the answer into the outbox; whether there is one now that was not there before.

    Nobody is answered above the limits of the inbox, on a one-way route, or a day later.

    Args:
        text: plain words without a mark; the run's mark is put in front.

    Raises:
        RuleViolation: the text is longer than one SMS or says what only a warning may say.
    """
    status = status_of_home(connection)
    marked = mark(text, status)
    if reason := refusal(marked):
        raise RuleViolation(f"answer to message {to.inbound_id}: {reason}")
    route = _route(to, ways.routes.open_to(status), ways.two_way)
    not_after = to.received_at + timedelta(hours=inbox_policy().answer_hours)
    if to.flood or route is None or at >= not_after:
        return False
    key = answer_id(to.inbound_id)
    channel = TELEGRAM if is_telegram(to.sender) else "sms"
    connection.execute(insert_ignore(connection, messages), _message(key, marked, channel))
    row = {
        "alert_version": key, "recipient_id": person_id(to.inbound_id), "channel": channel,
        "part": 0, "message_id": key, "route": route,
        "prio": prio(Class.SIAGA if urgent else Class.READINESS, channel),
        "state": int(OutboxState.READY), "attempts": 0, "created_at": precise(at),
        "due": iso(at), "not_after": iso(not_after), "area_code": "",
    }  # fmt: skip
    return bool(connection.execute(insert_ignore(connection, outbox), row).rowcount)


def _route(to: Incoming, routes: Routes, two_way: frozenset[str]) -> str | None:
    """Back over the way that it came; None: nobody could be reached that way."""
    if routes.real:
        if is_synthetic(to.sender):
            return RECORDER
        return to.route if to.route in two_way else None
    if to.sender in {number(one) for one in routes.test_numbers}:
        return TEST_ROUTE
    return RECORDER


def _message(key: str, text: str, channel: str) -> dict[str, object]:
    return {
        "message_id": key, "purpose": PURPOSE, "warning_id": ANSWERS, "version": 0,
        "channel": channel, "language": "id", "area_code": "", "level": 0, "text": text,
        "payload": None, "parts": 1,
    }  # fmt: skip
