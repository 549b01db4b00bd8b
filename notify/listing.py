"""The newest version of each warning, with the alert it became: for pages and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from kentongan.db import warning_states, warnings
from kentongan.times import iso
from kentongan.types import WarningState
from notify import versions
from notify.versions import Version
from notify.warning import ReleasedAlert

OPEN = (WarningState.DRAFT, WarningState.APPROVED, WarningState.RELEASED)


@dataclass(frozen=True)
class Listed:
    version: Version
    alert: ReleasedAlert | None


def recent_warnings(engine: Engine, since: datetime) -> list[Listed]:
    """Open warnings, and those whose state changed after `since`, by warning id."""
    newest = (
        select(warnings.c.warning_id, func.max(warnings.c.version).label("version"))
        .group_by(warnings.c.warning_id)
        .subquery()
    )
    changed = (
        select(warning_states.c.warning_id, func.max(warning_states.c.at).label("at"))
        .group_by(warning_states.c.warning_id)
        .subquery()
    )
    query = (
        select(newest.c.warning_id, newest.c.version, changed.c.at)
        .join(changed, changed.c.warning_id == newest.c.warning_id)
        .order_by(newest.c.warning_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
        found = [(versions.get(connection, r.warning_id, r.version), r.at) for r in rows]
        chosen = [v for v, at in found if v.state in OPEN or at >= iso(since)]
        return [Listed(v, versions.alert_of(connection, v.ref)) for v in chosen]


def in_force(engine: Engine, at: datetime) -> list[Listed]:
    """The released versions that hold at `at`, by warning id."""
    from notify.life import active_warnings

    held: Sequence[Version] = active_warnings(engine, at)
    with engine.connect() as connection:
        return [Listed(v, versions.alert_of(connection, v.ref)) for v in held]
