"""What became of each message: handlers are asked in order, and the first that knows it takes it.

Only who finds a message `new` may write what became of it, in the transaction in which its handler
writes: two workers never handle one message twice, and one that is killed half-way did nothing.
A few messages share a commit, each behind a savepoint of its own: one that breaks a handler is
marked and stops no other.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Row, bindparam, select, update
from sqlalchemy.exc import OperationalError

from kentongan.db import inbound
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import parse_instant
from kentongan.transactions import writing
from notify.inbox.answers import RECORDED, Ways, answer
from notify.inbox.store import DONE, FAILED, NEW, Incoming, open_sender, precise

log = logging.getLogger(__name__)

UNREAD = "no handler took it"
TOGETHER = 20
"""Messages of one commit: some 0.1 s of SQLite's only writer."""

_WAITS = select(inbound).where(inbound.c.id == bindparam("row"), inbound.c.state == NEW)
_LOCKED = _WAITS.with_for_update(skip_locked=True)
_END = update(inbound).where(inbound.c.id == bindparam("row"), inbound.c.state == NEW)


@dataclass(frozen=True, slots=True)
class Handled:
    """What a message was."""

    kind: str
    """`registry`, `reply`, `report` or `noise`."""
    ref: str = ""
    """Of what it became: a recipient, a task, a report."""
    answer: str = ""
    """One SMS back to the number that wrote; empty: none."""
    urgent: bool = False
    """The answer goes with Siaga, not behind the warnings."""
    detail: str = ""
    """Never a number, never the text."""


class Handler(Protocol):
    """Takes a message, or leaves it to the next. It writes with the connection that it is given,
    so that what it does and the message's state are one."""

    def __call__(
        self, connection: Connection, message: Incoming, *, at: datetime
    ) -> Handled | None: ...


def work(
    engine: Engine,
    keys: Keys,
    handlers: Sequence[Handler],
    *,
    at: datetime,
    ways: Ways = RECORDED,
    limit: int = 500,
) -> Counter[str]:
    """Handle what waits, ordinary messages before those of a flood; how many became what.

    Args:
        ways: where answers may go in this run; by default to the recorder alone.

    Raises:
        OperationalError: the database cannot be written; what was handled stays handled.
    """
    found: Counter[str] = Counter()
    waiting = _waiting(engine, limit)
    for start in range(0, len(waiting), TOGETHER):
        found += _handle_some(
            engine, keys, handlers, waiting[start : start + TOGETHER], at=at, ways=ways
        )
    return found


def _waiting(engine: Engine, limit: int) -> list[int]:
    query = (
        select(inbound.c.id)
        .where(inbound.c.state == NEW)
        .order_by(inbound.c.flood, inbound.c.id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def _handle_some(
    engine: Engine,
    keys: Keys,
    handlers: Sequence[Handler],
    ids: Sequence[int],
    *,
    at: datetime,
    ways: Ways,
) -> Counter[str]:
    """One transaction; what another worker has is left out."""
    found: Counter[str] = Counter()
    with writing(engine) as connection:
        for inbound_id in ids:
            row = _claimed(connection, inbound_id)
            if row is not None:
                found[_handle(connection, keys, handlers, row, at=at, ways=ways)] += 1
    return found


def _handle(
    connection: Connection,
    keys: Keys,
    handlers: Sequence[Handler],
    row: Row[Any],
    *,
    at: datetime,
    ways: Ways,
) -> str:
    """One message; its kind, or `failed` with nothing of it done.

    Raises:
        OperationalError: the database cannot be written; the message waits on.
    """
    try:
        with connection.begin_nested():
            message = incoming(keys, row)
            handled = next(_answers_of(connection, handlers, message, at), None)
            _close(connection, row.id, handled, at=at)
            if handled and handled.answer:
                answer(connection, message, handled.answer, at=at, ways=ways, urgent=handled.urgent)
            return handled.kind if handled else "unread"
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 whatever a stranger's text broke, the next one waits
        log.error("inbound %d: %s", row.id, _named(error))  # noqa: TRY400 a trace may hold it
        _fail(connection, row.id, _named(error), at=at)
        return FAILED


def _named(error: Exception) -> str:
    """Our own errors hold no number; of others only the kind is told."""
    kind = type(error).__name__
    return f"{kind}: {error}"[:200] if isinstance(error, RuleViolation) else kind


def _claimed(connection: Connection, inbound_id: int) -> Row[Any] | None:
    is_postgres = connection.dialect.name == "postgresql"
    return connection.execute(_LOCKED if is_postgres else _WAITS, {"row": inbound_id}).first()


def incoming(keys: Keys, row: Row[Any]) -> Incoming:
    """A row of `inbound` as the handlers get it.

    Raises:
        RuleViolation: its sender does not open.
    """
    return Incoming(
        inbound_id=row.id,
        route=row.route,
        sender=open_sender(
            keys, route=row.route, provider_key=row.provider_key, sealed=row.sender_sealed
        ),
        sender_blind=row.sender_blind,
        text=row.text,
        received_at=parse_instant(row.received_at),
        flood=row.flood,
    )


def _answers_of(
    connection: Connection, handlers: Sequence[Handler], message: Incoming, at: datetime
) -> Iterator[Handled]:
    """What each handler says, asked one after the other."""
    for handler in handlers:
        handled = handler(connection, message, at=at)
        if handled is not None:
            yield handled


def _close(
    connection: Connection, inbound_id: int, handled: Handled | None, *, at: datetime
) -> None:
    said = handled or Handled(kind="", detail=UNREAD)
    ended = {
        "row": inbound_id, "state": DONE, "kind": said.kind, "ref": said.ref,
        "detail": said.detail, "handled_at": precise(at),
    }  # fmt: skip
    connection.execute(_END, ended)


def _fail(connection: Connection, inbound_id: int, reason: str, *, at: datetime) -> None:
    mine = update(inbound).where(inbound.c.id == inbound_id, inbound.c.state == NEW)
    connection.execute(mine.values(state=FAILED, detail=reason, handled_at=precise(at)))
