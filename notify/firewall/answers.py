"""What may go out without a warning behind it: one answer to one message that somebody sent us.

Its origin is that message. Each of these says no alone: the row names exactly one message of the
inbox, which was handled, within a day, not in a flood; the number is the one that wrote (sealed
with its row, so a number that was put there by hand does not open); the way is the one that it came
by; the text is one SMS with the mark of the home's runs and none of the words of a warning. The
outbox's unique key lets each message have one answer.

`look` is asked for every batch before it goes on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, literal, select

from kentongan.binding import bound_in
from kentongan.db import bindings, inbound, messages, outbox
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, blind, unseal
from kentongan.times import parse_instant
from notify.channels.channel import Origin, Outgoing
from notify.channels.chat.addresses import TELEGRAM, is_telegram
from notify.firewall.clearance import BOUND_TO_PUBLIC, is_synthetic
from notify.firewall.gate import RECORDER, is_public
from notify.firewall.marks import CapStatus, is_marked
from notify.wording.gsm7 import fits_one_part

PURPOSE = "answer"
ANSWERS = "answers"
"""Stands where a message has its warning; no warning has this name."""
ANOTHER_WAY = "an answer goes over the route that its message came by"
WITHIN = timedelta(hours=24)
"""Who wrote yesterday does not expect an answer, and may have given the number away."""
_AHEAD = timedelta(minutes=10)
"""A message from further in the future than two clocks differ is none."""

_WARNS = re.compile(
    r"\b(?:AWAS|SIAGA|WASPADA|WARNING|ADVISORY)\b|^\W*(?i:awas|siaga|waspada)\b|(?i:\bBMKG\b)"
)
"""Every text of a warning, of its end and to coordinators has a level's word or its source."""
_PERSON = re.compile(r"inbound/([1-9]\d{0,17})", re.ASCII)


def answer_id(inbound_id: int) -> str:
    """Of the message, and first part of the outbox's unique key."""
    return f"answer/{inbound_id}"


def person_id(inbound_id: int) -> str:
    """Stands where the outbox has a recipient: whoever wrote that message."""
    return f"inbound/{inbound_id}"


def status_of_home(connection: Connection) -> CapStatus:
    """What everything is marked with that this home sends by itself."""
    kind = bound_in(connection)
    if kind == BOUND_TO_PUBLIC:
        return "Actual"
    return "Test" if kind == "test" else "Exercise"


def refusal(text: str) -> str:
    """Why a text may be no answer; empty where it may."""
    if not text.strip():
        return "an empty text"
    if not fits_one_part(text):
        return f"expected one SMS in the basic GSM 7-bit alphabet, found {len(text)} characters"
    if _WARNS.search(text):
        return "a text with the words of a warning: only a released warning says them"
    return ""


@dataclass
class Look:
    """Answers among the rows of a batch."""

    passed: dict[int, Outgoing] = field(default_factory=dict)
    breaches: dict[int, str] = field(default_factory=dict)
    """Id of the outbox -> why it may not go: a fault of ours or somebody's hand in the database."""
    stopped: dict[int, str] = field(default_factory=dict)
    """Those that may go over the way that their message came, and not over this one."""

    def __contains__(self, row_id: int) -> bool:
        return row_id in self.passed or row_id in self.breaches or row_id in self.stopped


Looking = Callable[[Connection, str, Sequence[int]], Look]
"""`look` with its keys."""


def look(connection: Connection, route: str, ids: Sequence[int], keys: Keys | None = None) -> Look:
    """The rows among `ids` that are answers; all others are in neither part.

    A row is an answer if its message says so, or if it claims an answer's place in the outbox.

    Args:
        keys: open the number that wrote; the recorder, which reaches nobody, needs none.
    """
    found = Look()
    claims = connection.execute(_claims(ids)).all()
    if not claims:
        return found
    status = status_of_home(connection)
    asked = _messages_in(connection, [_inbound_id(row.recipient_id) for row in claims])
    for row in claims:
        came = asked.get(_inbound_id(row.recipient_id))
        doubts = [*_forms(row, status), *_origin(row, came)]
        sender = _sender(keys, route, came) if came is not None else None
        if sender is None:
            doubts.append("the number that wrote does not open, or is another one by its index")
        elif sender and (row.channel == TELEGRAM) != is_telegram(sender):
            doubts.append("an answer over a channel on which nobody of that address wrote")
        elif is_public(route) and is_synthetic(sender):
            doubts.append("synthetic number (+999): no real channel takes it")
        if doubts or sender is None:
            found.breaches[row.id] = "; ".join(doubts)
        elif is_public(route) and came is not None and came.route != route:
            found.stopped[row.id] = ANOTHER_WAY
        else:
            found.passed[row.id] = _outgoing(row, sender, status)
    return found


def answers_of_a_real_home() -> Select[tuple[str]]:
    """Ids of the messages that are answers, in a home of real warnings; elsewhere none."""
    real = exists(
        select(literal(1)).where(bindings.c.name == "run", bindings.c.value == BOUND_TO_PUBLIC)
    )
    return select(messages.c.message_id).where(messages.c.purpose == PURPOSE, real)


def _claims(ids: Sequence[int]) -> Select[Any]:
    return (
        select(
            outbox.c.id, outbox.c.alert_version, outbox.c.recipient_id, outbox.c.channel,
            outbox.c.part, outbox.c.message_id, outbox.c.prio, outbox.c.not_after,
            outbox.c.route, outbox.c.created_at, messages.c.purpose, messages.c.warning_id,
            messages.c.version,
            messages.c.level, messages.c.text, messages.c.payload,
        )
        .select_from(
            outbox.outerjoin(messages, messages.c.message_id == outbox.c.message_id)
        )
        .where(outbox.c.id.in_(ids))
        .where(
            (messages.c.purpose == PURPOSE)
            | outbox.c.alert_version.startswith("answer/")
            | outbox.c.message_id.startswith("answer/")
            | outbox.c.recipient_id.startswith("inbound/")
        )
    )  # fmt: skip


def _inbound_id(recipient_id: str) -> int:
    """0, which no row has, where the text is no such id."""
    found = _PERSON.fullmatch(recipient_id)
    return int(found[1]) if found else 0


def _messages_in(connection: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    query = select(inbound).where(inbound.c.id.in_(sorted(set(ids))))
    return {row.id: row for row in connection.execute(query)}


def _forms(row: Row[Any], status: CapStatus) -> Iterator[str]:
    """The row and its text are what `notify.inbox.answers` writes, and nothing of a warning."""
    inbound_id = _inbound_id(row.recipient_id)
    key = answer_id(inbound_id)
    place = (row.alert_version, row.message_id, row.part)
    if not inbound_id or place != (key, key, 0) or row.channel not in ("sms", TELEGRAM):
        yield "an answer that does not name one message as its own"
    said = (row.purpose, row.warning_id, row.version, row.level, row.payload)
    if said != (PURPOSE, ANSWERS, 0, 0, None):
        yield "an answer whose text belongs to something else"
        return
    if reason := refusal(row.text):
        yield reason
    if not is_marked(row.text, None, status):
        yield f"a text of status {status} without its mark"


def _origin(row: Row[Any], came: Row[Any] | None) -> Iterator[str]:
    """The message that is answered: it came, was handled, and the answer does not outlive it.

    The dispatcher claims no row after its `not_after`, so what is bound here is when it may go.
    """
    if came is None:
        yield "no message of the inbox stands behind it"
        return
    received = parse_instant(came.received_at)
    if parse_instant(row.not_after) > received + WITHIN:
        yield "it may go out more than 24 hours after its message came"
    if parse_instant(row.created_at) < received - _AHEAD:
        yield "it was written before its message came"
    if came.flood:
        yield "its message came in a flood, which is not answered"
    if came.state != "done":
        yield f"its message is {came.state}: only what was handled is answered"


def _sender(keys: Keys | None, route: str, came: Row[Any]) -> str | None:
    """The number that wrote; None where it does not open. Empty for the recorder without keys."""
    if keys is None:
        return "" if route == RECORDER else None
    try:
        sender = unseal(keys, came.sender_sealed, owner=sealed_for(came.route, came.provider_key))
    except RuleViolation:
        return None
    return sender if blind(keys, sender) == came.sender_blind else None


def sealed_for(route: str, provider_key: str) -> str:
    """What is authenticated beside a sealed sender: it opens in its own row alone."""
    return f"inbound/{route}/{provider_key}"


def _outgoing(row: Row[Any], sender: str, status: CapStatus) -> Outgoing:
    return Outgoing(
        outbox_id=row.id,
        message_id=row.message_id,
        warning_id=row.warning_id,
        version=row.version,
        channel=row.channel,
        recipient_id=row.recipient_id,
        address=sender,
        text=row.text,
        payload=None,
        level=row.level,
        cap_status=status,
        synthetic=is_synthetic(sender),
        origin=Origin(status),
        not_after=parse_instant(row.not_after),
        prio=row.prio,
    )
