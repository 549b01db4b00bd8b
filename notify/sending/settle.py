"""What a channel answered, written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, literal_column, select, update

from kentongan.db import outbox
from kentongan.times import iso
from kentongan.types import OutboxState
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.sending import receipts as late
from notify.sending.rows import precise

RETRY_AFTER_S = (5, 15, 45, 120, 300)
"""Pauses before the second to the sixth try; after that the message has failed."""
JITTER = 0.2
"""Share by which a pause is longer or shorter, so that a carrier that comes back is not met by
all at once."""
STATES = {
    Outcome.ACCEPTED: OutboxState.ACCEPTED,
    Outcome.RECORDED: OutboxState.ACCEPTED,
    Outcome.REFUSED: OutboxState.FAILED,
    Outcome.UNKNOWN: OutboxState.UNKNOWN,
    Outcome.RETRY: OutboxState.READY,
}
_FINAL = (OutboxState.FAILED, OutboxState.UNKNOWN)
_MAY_BE_ACCEPTED = (
    OutboxState.READY, OutboxState.LEASED, OutboxState.ON_WIRE, OutboxState.UNKNOWN,
)  # fmt: skip
"""An answer that comes late, after somebody took the row for lost, still stops a second try."""
_WRITTEN_OUT: list[ColumnElement[int]] = [
    literal_column(str(int(state))) for state in _MAY_BE_ACCEPTED
]
"""A list of bound values cannot stand in a statement for many rows."""
_FREE = {"lease_until": None, "lease_owner": None}


def settle(
    connection: Connection,
    route: str,
    window: Sequence[Outgoing],
    receipts: Sequence[Receipt],
    *,
    now: datetime,
) -> None:
    """Outcomes of one window; receipts of the carrier that were faster are applied too.

    A row that is not on the wire any more is left alone, but for an acceptance that comes late.
    """
    alike: dict[tuple[Outcome, str], list[int]] = {}
    named: list[dict[str, Any]] = []
    again: list[tuple[int, Receipt]] = []
    for message, receipt in zip(window, receipts, strict=True):
        if receipt.outcome is Outcome.RETRY:
            again.append((message.outbox_id, receipt))
        elif receipt.provider_id:
            named.append(_named(message.outbox_id, receipt))
        else:
            alike.setdefault((receipt.outcome, receipt.detail), []).append(message.outbox_id)
    for (outcome, detail), ids in alike.items():
        _write(connection, ids, outcome, detail, now)
    if named:
        connection.execute(_BY_ID, [one | {"on": precise(now)} for one in named])
        late.match(connection, route, [one["norm"] for one in named])
    if again:
        _put_back(connection, again, now)


def _write(
    connection: Connection, ids: Sequence[int], outcome: Outcome, detail: str, now: datetime
) -> None:
    state = STATES[outcome]
    allowed = _MAY_BE_ACCEPTED if state is OutboxState.ACCEPTED else (OutboxState.ON_WIRE,)
    change = update(outbox).where(outbox.c.id.in_(ids), outbox.c.state.in_(allowed))
    connection.execute(
        change.values(
            state=state, attempts=outbox.c.attempts + 1, last_error=detail or None,
            final_at=precise(now) if state in _FINAL else None, **_FREE,
        )
    )  # fmt: skip


def _named(row_id: int, receipt: Receipt) -> dict[str, Any]:
    state = STATES[receipt.outcome]
    return {
        "row": row_id, "to": int(state), "final": state in _FINAL, "norm": receipt.provider_id,
        "said": receipt.detail or None,
    }  # fmt: skip


_BY_ID = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.state.in_(_WRITTEN_OUT))
    .values(
        state=bindparam("to"),
        attempts=outbox.c.attempts + 1,
        provider_id=bindparam("norm"),
        provider_id_norm=bindparam("norm"),
        last_error=bindparam("said"),
        final_at=case((bindparam("final"), bindparam("on")), else_=None),
        **_FREE,
    )
)


def _put_back(connection: Connection, again: Sequence[tuple[int, Receipt]], now: datetime) -> None:
    """Later and later, and after the last pause never again."""
    ids = [row_id for row_id, _ in again]
    query = select(outbox.c.id, outbox.c.attempts).where(outbox.c.id.in_(ids))
    attempts = {row.id: row.attempts for row in connection.execute(query)}
    changes = []
    for row_id, receipt in again:
        tries = attempts[row_id] + receipt.counts
        given_up = tries > len(RETRY_AFTER_S)
        pause = pause_after(max(tries, 1), row_id) if not given_up else timedelta()
        if receipt.retry_after_s is not None:  # never sooner than the other side asked for
            pause = max(pause, timedelta(seconds=receipt.retry_after_s))
        state = OutboxState.FAILED if given_up else OutboxState.READY
        changes.append(
            {
                "row": row_id, "to": int(state), "tries": tries, "due_at": iso(now + pause),
                "said": receipt.detail or None, "on": precise(now) if given_up else None,
            }
        )  # fmt: skip
    connection.execute(_AGAIN, changes)


def pause_after(tries: int, row_id: int) -> timedelta:
    """Pause after the n-th try, from 1; rows differ by their ids, a run done again does not."""
    spread = row_id * 2_654_435_761 % 1_000 / 999 * 2 - 1  # Knuth's multiplicative hash, -1..1
    return timedelta(seconds=RETRY_AFTER_S[tries - 1] * (1 + JITTER * spread))


_AGAIN = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.state == OutboxState.ON_WIRE)
    .values(
        state=bindparam("to"),
        attempts=bindparam("tries"),
        due=bindparam("due_at"),
        last_error=bindparam("said"),
        final_at=bindparam("on"),
        **_FREE,
    )
)
