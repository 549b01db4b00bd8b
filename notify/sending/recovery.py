"""What time does to rows: leases that ran out, doubt after a crash, ends, receipts that never come.

| row | after | becomes |
|---|---|---|
| leased by a worker that died | its lease | ready: it was never sent |
| on the wire when the worker died | a wait for its receipt | from level 3 up ready again, if the
warning stands (a double warning beats none); else unknown |
| ready or leased | its end | expired: a late warning can be harm |
| accepted, no receipt | its end | unknown, never failed |
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, or_, select, update

from kentongan.db import messages, outbox
from kentongan.tables.sending import is_busy, is_ready, is_with_carrier
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState
from notify.sending import segments
from notify.sending.rows import ended_later, lock, precise

RESEND_FROM_LEVEL = 3
NO_RECEIPT = "no receipt came"
_FREE: dict[str, Any] = {"lease_until": None, "lease_owner": None}


def recover(engine: Engine, *, at: datetime) -> Counter[str]:
    """Rows whose worker died; channel -> how many stay unknown."""
    dead = outbox.c.lease_until < iso(at)
    grave = select(messages.c.message_id).where(
        messages.c.level >= RESEND_FROM_LEVEL, ~ended_later()
    )
    on_wire = update(outbox).where(is_busy, outbox.c.state == OutboxState.ON_WIRE, dead)
    leased = update(outbox).where(is_busy, outbox.c.state == OutboxState.LEASED, dead)
    again = {"state": OutboxState.READY, "attempts": outbox.c.attempts + 1, **_FREE}
    doubt = {"state": OutboxState.UNKNOWN, "final_at": precise(at), **_FREE}
    with writing(engine) as connection:
        lock(connection, is_busy, dead)
        connection.execute(leased.values(state=OutboxState.READY, **_FREE))
        connection.execute(on_wire.where(outbox.c.message_id.in_(grave)).values(again))
        rest = on_wire.values(doubt).returning(outbox.c.channel)
        return Counter(connection.execute(rest).scalars().all())


def expire(engine: Engine, *, at: datetime) -> Counter[str]:
    """Rows and people without a row whose end has come; channel -> how many."""
    ended = outbox.c.not_after <= iso(at)
    values = {"state": OutboxState.EXPIRED, "final_at": precise(at), **_FREE}
    late = update(outbox).where(ended).values(values).returning(outbox.c.channel)
    found: Counter[str] = Counter()
    with writing(engine) as connection:
        lock(connection, ended, or_(is_ready, is_busy))
        found.update(connection.execute(late.where(is_ready)).scalars().all())
        leased = late.where(is_busy, outbox.c.state == OutboxState.LEASED)
        found.update(connection.execute(leased).scalars().all())
        found.update(segments.expire(connection, at=at))
    return found


def give_up_waiting(engine: Engine, *, at: datetime) -> int:
    """What a carrier took and never told of until its end is unknown; how many rows."""
    values = {"state": OutboxState.UNKNOWN, "last_error": NO_RECEIPT, "final_at": precise(at)}
    late = outbox.c.not_after <= iso(at)
    silent = update(outbox).where(is_with_carrier, late).values(values)
    with writing(engine) as connection:
        lock(connection, is_with_carrier, late)
        return int(connection.execute(silent).rowcount)
