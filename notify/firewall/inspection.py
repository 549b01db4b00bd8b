"""What the dispatcher looks at between its tables and a channel: the last look at every row.

A row is stopped here although somebody wrote it by hand into the database: one on a public route
whose warning is not Actual by every witness (`origin.py`), one whose text does not carry the mark
of its status, one whose warning has been taken back. Each stop of the firewall is audited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update

from kentongan import audit
from kentongan.db import messages, outbox, recipients, warnings
from kentongan.tables.sending import is_busy, is_ready
from kentongan.times import parse_instant
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.channels.channel import Origin, Outgoing
from notify.firewall.answers import Look, Looking, answers_of_a_real_home, look
from notify.firewall.gate import RECORDER, is_public
from notify.firewall.marks import is_marked
from notify.firewall.origin import origin_of
from notify.sending.rows import SUPPRESSED_BY_END, ended_later, is_told_by, lock, precise

Book = Callable[[Connection, Sequence[str], str], Mapping[str, str]]
"""Addresses of people (ids) on a channel, as far as they have one: `notify.registry.addresses`."""

NO_RECIPIENT = "no recipient"
OPTED_OUT = "opted out since"
NO_CONTACT = "no contact on this channel any more"
SUPPRESSED = "firewall.suppressed"
_SHOWN = 20
"""Rows that one line of the audit names; the outbox keeps the reason of each."""


@dataclass
class Inspection:
    """Rows of one batch: what may go on, and why the others may not."""

    passed: list[Outgoing] = field(default_factory=list)
    stopped: dict[str, list[int]] = field(default_factory=dict)
    """Reason -> ids; these are ordinary ends of a row."""
    breaches: dict[str, list[int]] = field(default_factory=dict)
    """Reason -> ids; each is a fault of ours or somebody's hand in the database."""

    def stop(self, reason: str, row_id: int) -> None:
        self.stopped.setdefault(reason, []).append(row_id)

    def breach(self, reason: str, row_id: int) -> None:
        self.breaches.setdefault(reason, []).append(row_id)

    def take(self, looked: Look, row_id: int) -> None:
        """What was found of an answer."""
        if row_id in looked.passed:
            self.passed.append(looked.passed[row_id])
        elif row_id in looked.stopped:
            self.stop(looked.stopped[row_id], row_id)
        else:
            self.breach(looked.breaches[row_id], row_id)


class Origins:
    """Where versions come from, looked up once for each call of the dispatcher."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Origin] = {}

    def of(self, connection: Connection, warning_id: str, version: int) -> Origin:
        key = (warning_id, version)
        if key not in self._known:
            self._known[key] = origin_of(connection, warning_id, version)
        return self._known[key]


def inspect(
    engine: Engine,
    route: str,
    ids: Sequence[int],
    origins: Origins,
    *,
    book: Book | None = None,
    answers: Looking = look,
) -> Inspection:
    """The messages of these rows, in their order, with what stops some of them.

    Texts are read once each, not once for each recipient; addresses are opened for routes that
    need them alone.

    Args:
        book: addresses of real people; those of made-up ones stand in `recipients`.
        answers: what looks at answers, behind which no warning stands; by default without keys,
            which serves the recorder alone.
    """
    found = Inspection()
    with engine.connect() as connection:
        looked = answers(connection, route, ids)
        rows = {row.id: row for row in connection.execute(_rows(ids))}
        texts = _texts(connection, {row.message_id for row in rows.values()})
        addresses = _addresses(connection, route, rows.values(), book)
        for row_id in ids:
            row = rows.get(row_id)
            text = texts.get(row.message_id) if row else None
            if row_id in looked:
                found.take(looked, row_id)
            elif row is None:
                found.stop(NO_RECIPIENT, row_id)
            elif text is None:
                found.breach("no warning of this home stands behind it", row_id)
            elif text["ended"]:
                found.stop(SUPPRESSED_BY_END, row_id)
            elif not row.told:
                found.stop(OPTED_OUT, row_id)
            elif (address := addresses.get((row.recipient_id, row.channel))) is None:
                found.stop(NO_CONTACT, row_id)
            else:
                _judge(connection, route, _outgoing(row, text, address), found, origins)
    return found


def _rows(ids: Sequence[int]) -> Any:
    return (
        select(
            outbox.c.id, outbox.c.message_id, outbox.c.channel, outbox.c.recipient_id,
            outbox.c.not_after, outbox.c.prio, outbox.c.part, recipients.c.address,
            recipients.c.synthetic, is_told_by(outbox.c.channel).label("told"),
        )
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.id.in_(ids))
    )  # fmt: skip


def _addresses(
    connection: Connection, route: str, rows: Iterable[Any], book: Book | None
) -> dict[tuple[str, str], str]:
    """(recipient, channel) -> address; who has none is left out. The recorder needs none."""
    found: dict[tuple[str, str], str] = {}
    sealed: dict[str, list[str]] = {}
    for row in rows:
        if row.address or route == RECORDER:
            found[row.recipient_id, row.channel] = row.address
        else:
            sealed.setdefault(row.channel, []).append(row.recipient_id)
    for channel, people in sealed.items():
        opened = book(connection, people, channel) if book else {}
        found.update({(person, channel): address for person, address in opened.items()})
    return found


def _texts(connection: Connection, message_ids: set[str]) -> dict[str, dict[str, Any]]:
    query = (
        select(
            messages.c.message_id, messages.c.warning_id, messages.c.version, messages.c.text,
            messages.c.payload, messages.c.level, messages.c.parts, warnings.c.cap_status,
            ended_later().label("ended"),
        )
        .join(
            warnings,
            (warnings.c.warning_id == messages.c.warning_id)
            & (warnings.c.version == messages.c.version),
        )
        .where(messages.c.message_id.in_(sorted(message_ids)))
    )  # fmt: skip
    rows = connection.execute(query).mappings()
    return {row["message_id"]: {k: v for k, v in row.items() if k != "message_id"} for row in rows}


def _outgoing(row: Any, text: Mapping[str, Any], address: str) -> Outgoing:
    return Outgoing(
        outbox_id=row.id,
        message_id=row.message_id,
        channel=row.channel,
        recipient_id=row.recipient_id,
        address=address,
        synthetic=row.synthetic,
        not_after=parse_instant(row.not_after),
        prio=row.prio,
        part=row.part,
        **{name: value for name, value in text.items() if name != "ended"},
    )


def _judge(
    connection: Connection, route: str, message: Outgoing, found: Inspection, origins: Origins
) -> None:
    if not is_marked(message.text, message.payload, message.cap_status):
        found.breach(f"a text of status {message.cap_status} without its mark", message.outbox_id)
        return
    if not is_public(route):
        found.passed.append(message)
        return
    origin = origins.of(connection, message.warning_id, message.version)
    if origin.status != "Actual":
        found.breach("; ".join(origin.doubts), message.outbox_id)
        return
    found.passed.append(replace(message, origin=origin))


def suppress(engine: Engine, route: str, found: Inspection, *, at: datetime) -> None:
    """Write down why rows go no further; whole or not at all."""
    if not found.stopped and not found.breaches:
        return
    every = [*found.stopped.items(), *found.breaches.items()]
    with writing(engine) as connection:
        lock(connection, outbox.c.id.in_([row_id for _, ids in every for row_id in ids]))
        for reason, ids in every:
            connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids), outbox.c.state == OutboxState.LEASED)
                .values(
                    state=OutboxState.SUPPRESSED, lease_until=None, lease_owner=None,
                    last_error=reason, final_at=precise(at),
                )
            )  # fmt: skip
        for reason, ids in found.breaches.items():
            note_breach(connection, route, reason, ids, at=at)


def note_breach(
    connection: Connection, route: str, reason: str, ids: Sequence[int], *, at: datetime
) -> None:
    body = {"route": route, "reason": reason, "rows": len(ids), "outbox_ids": list(ids[:_SHOWN])}
    audit.append(connection, at=at, actor="kentongan", action=SUPPRESSED, body=body)


def suppress_strays(engine: Engine, served: Sequence[str], *, at: datetime) -> int:
    """Rows on a public route that this run does not serve, whose warning is not Actual.

    Nobody would send them here, and a run that serves their route must not find them. Looked up by
    ranges of the route's name beside the recorder's, so it costs nothing where there are none.
    """
    unserved = or_(is_ready, is_busy & (outbox.c.state == OutboxState.LEASED)) & (
        (outbox.c.route < RECORDER)
        | ((outbox.c.route > RECORDER) & (outbox.c.route < "test"))
        | (outbox.c.route > "test")
    )
    real = (
        select(messages.c.message_id)
        .join(
            warnings,
            (warnings.c.warning_id == messages.c.warning_id)
            & (warnings.c.version == messages.c.version),
        )
        .where(warnings.c.cap_status == "Actual")
    )
    query = select(outbox.c.id, outbox.c.route).where(
        unserved,
        outbox.c.route.not_in(served),
        outbox.c.message_id.not_in(real),
        outbox.c.message_id.not_in(answers_of_a_real_home()),
    )
    with engine.connect() as connection:
        found = connection.execute(query).all()
    if not found:
        return 0
    reason = "its warning is not Actual, and its route leads to the public"
    with writing(engine) as connection:
        for route in sorted({row.route for row in found}):
            ids = [row.id for row in found if row.route == route]
            for start in range(0, len(ids), 5_000):
                connection.execute(
                    update(outbox)
                    .where(outbox.c.id.in_(ids[start : start + 5_000]))
                    .values(
                        state=OutboxState.SUPPRESSED,
                        lease_until=None,
                        last_error=reason,
                        final_at=precise(at),
                    )
                )
            note_breach(connection, route, reason, ids, at=at)
    return len(found)
