"""What the public may read: versions that became alerts, in force now or ever. No draft is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, Text, cast, func, select

from kentongan.db import alerts, warning_states, warnings
from kentongan.times import iso
from kentongan.types import HazardId, WarningState
from notify import versions
from notify.versions import Version
from notify.warning import ReleasedAlert

_released = warning_states.alias("released")

MOST = 200
"""Rows of one page of the archive."""


@dataclass(frozen=True)
class Published:
    """A version with the alert that it became."""

    version: Version
    alert: ReleasedAlert


@dataclass(frozen=True)
class Line:
    """A version in the archive, without its areas."""

    warning_id: str
    version: int
    identifier: str
    hazard_id: str
    title: str
    level: int
    msg_type: str
    all_clear: bool
    status: str
    sent: datetime
    expires: datetime
    state: str
    released_at: str
    """UTC; with the identifier, where a page goes on."""


def in_force(engine: Engine, *, actual: bool) -> list[Published]:
    """Released versions that nothing has closed, the highest level first.

    One past its end stays until a cycle closes it: if nothing closes it, nobody has looked.
    """
    with engine.connect() as connection:
        found = [
            Published(version, alert)
            for version in versions.in_state(connection, WarningState.RELEASED)
            if (version.body.status == "Actual") is actual and not version.body.is_end
            if (alert := versions.alert_of(connection, version.ref)) is not None
        ]
    return sorted(found, key=_urgency)


def _urgency(one: Published) -> tuple[bool, int, int, str]:
    body = one.version.body
    tsunami = body.hazard_id is not HazardId.TSUNAMI
    return (tsunami, -body.level, -body.exposed_people, one.version.warning_id)


def one(engine: Engine, identifier: str) -> Published | None:
    """A version by the identifier of its alert, whatever became of it."""
    query = select(alerts.c.warning_id, alerts.c.version).where(alerts.c.identifier == identifier)
    with engine.connect() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        version = versions.get(connection, row.warning_id, row.version)
        alert = versions.alert_of(connection, version.ref)
    return Published(version, alert) if alert else None


def archive(
    engine: Engine,
    *,
    actual: bool,
    before: tuple[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    hazard: str = "",
    area: str = "",
    limit: int = 50,
) -> list[Line]:
    """Alerts, the newest first.

    Args:
        before: (`released_at`, identifier) of the last line of the page before.
        since, until: of the time they were released.
        area: prefix of area codes, at a dot; only alerts that concern it.
        limit: at most `MOST`.
    """
    query = _lines(actual).limit(min(limit, MOST))
    if before is not None:
        at, identifier = before
        older = (_released.c.at < at) | (
            (_released.c.at == at) & (alerts.c.identifier < identifier)
        )
        query = query.where(older)
    if since is not None:
        query = query.where(_released.c.at >= iso(since))
    if until is not None:
        query = query.where(_released.c.at < iso(until))
    if hazard:
        query = query.where(warnings.c.hazard_id == hazard)
    if area:
        mark = f'"{area}' if len(area) == 13 else f'"{area}.'
        query = query.where(cast(warnings.c.body, Text).contains(mark, autoescape=True))
    with engine.connect() as connection:
        return [_line(row) for row in connection.execute(query).mappings()]


def thread(engine: Engine, warning_id: str, *, actual: bool) -> list[Published]:
    """Every alert of one warning, the oldest first."""
    query = _lines(actual).where(warnings.c.warning_id == warning_id)
    with engine.connect() as connection:
        numbers: Sequence[int] = [r["version"] for r in connection.execute(query).mappings()]
        found = [versions.get(connection, warning_id, number) for number in sorted(numbers)]
        pairs = [(version, versions.alert_of(connection, version.ref)) for version in found]
    return [Published(version, alert) for version, alert in pairs if alert is not None]


def watermark(connection: Connection) -> int:
    """Changes when any warning does."""
    return connection.execute(select(func.max(warning_states.c.id))).scalar() or 0


def _lines(actual: bool) -> Select[Any]:
    state = (
        select(warning_states.c.state)
        .where(
            warning_states.c.warning_id == warnings.c.warning_id,
            warning_states.c.version == warnings.c.version,
        )
        .order_by(warning_states.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    same = (warnings.c.warning_id == alerts.c.warning_id) & (warnings.c.version == alerts.c.version)
    columns = (
        warnings.c.warning_id, warnings.c.version, warnings.c.hazard_id, warnings.c.level,
        warnings.c.msg_type, warnings.c.all_clear, warnings.c.cap_status, warnings.c.expires,
        alerts.c.identifier, alerts.c.sent, warnings.c.body["title"].as_string().label("title"),
        state.label("state"), _released.c.at.label("released_at"),
    )  # fmt: skip
    wanted = warnings.c.cap_status == "Actual"
    return (
        select(*columns)
        .join(alerts, same)
        .join(
            _released,
            (_released.c.warning_id == warnings.c.warning_id)
            & (_released.c.version == warnings.c.version)
            & (_released.c.state == WarningState.RELEASED),
        )
        .where(wanted if actual else ~wanted)
        .order_by(_released.c.at.desc(), alerts.c.identifier.desc())
    )


def _line(row: RowMapping) -> Line:
    return Line(
        warning_id=row["warning_id"],
        version=row["version"],
        identifier=row["identifier"],
        hazard_id=row["hazard_id"],
        title=row["title"],
        level=row["level"],
        msg_type=row["msg_type"],
        all_clear=bool(row["all_clear"]),
        status=row["cap_status"],
        sent=datetime.fromisoformat(row["sent"]),
        expires=datetime.fromisoformat(row["expires"]),
        state=row["state"],
        released_at=row["released_at"],
    )
