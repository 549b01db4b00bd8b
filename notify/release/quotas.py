"""How much may go by itself in an hour. What goes over waits for people, with its reason."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from kentongan import audit
from kentongan.db import holds, insert_ignore, releases, warnings
from kentongan.release_policy import Quotas
from kentongan.times import iso
from notify.release.binding import Bound
from notify.versions import Version

HOUR = timedelta(hours=1)


def provinces(version: Version) -> tuple[str, ...]:
    """Two digits each, of the areas that are told or warned."""
    return tuple(sorted({group.adm2_code[:2] for group in version.body.groups}))


def exceeded(
    connection: Connection, version: Version, bound: Bound, quotas: Quotas, at: datetime
) -> str:
    """Which quota the version would go over if it went out now; empty: none.

    An end is never held back. Releases dated later than `at` count too: a clock that jumps back
    opens no new hour.
    """
    if version.body.is_end:
        return ""
    return _too_many_alerts(connection, version, quotas, at) or _too_many_messages(
        connection, bound, quotas, at
    )


def _lately(at: datetime) -> Select[Any]:
    joined = releases.join(
        warnings,
        (warnings.c.warning_id == releases.c.warning_id)
        & (warnings.c.version == releases.c.version),
    )
    return (
        select(releases.c.provinces, releases.c.messages)
        .select_from(joined)
        .where(releases.c.at > iso(at - HOUR), warnings.c.msg_type != "Cancel")
        .where(warnings.c.all_clear.is_(False))
    )


def _too_many_alerts(connection: Connection, version: Version, quotas: Quotas, at: datetime) -> str:
    limit = quotas.alerts_per_hour
    if limit is None:
        return ""
    hazard = str(version.body.hazard_id)
    rows = connection.execute(_lately(at).where(warnings.c.hazard_id == hazard))
    counts = Counter(province for row in rows for province in row.provinces)
    full = [province for province in provinces(version) if counts[province] >= limit]
    if not full:
        return ""
    return f"{limit} alerts of {hazard} within an hour in province {', '.join(full)}"


def _too_many_messages(connection: Connection, bound: Bound, quotas: Quotas, at: datetime) -> str:
    limit = quotas.messages_per_hour
    if limit is None:
        return ""
    spent = connection.execute(
        select(func.coalesce(func.sum(_lately(at).subquery().c.messages), 0))
    ).scalar_one()
    if spent + bound.binding.total <= limit:
        return ""
    return (
        f"{bound.binding.total} messages would go over the ceiling of {limit} an hour "
        f"({spent} are spent)"
    )


def hold(connection: Connection, version: Version, reason: str, at: datetime) -> None:
    """Note once that a version waits for people because of a quota."""
    row = {"warning_id": version.warning_id, "version": version.version}
    made = connection.execute(
        insert_ignore(connection, holds).values(**row, reason=reason, at=iso(at))
    )
    if made.rowcount > 0:
        body = {**row, "reason": reason, "official": version.body.official}
        audit.append(connection, at=at, actor="kentongan", action="warning.held", body=body)


def held_for(connection: Connection, version: Version) -> str:
    """The quota that keeps a version from going by itself; empty: none did."""
    found = connection.execute(
        select(holds.c.reason).where(
            holds.c.warning_id == version.warning_id, holds.c.version == version.version
        )
    ).scalar()
    return str(found or "")
