"""Versions of an event: what we knew, when, and why it changed. Rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from kentongan.db import event_versions
from kentongan.hazard import HazardEvent
from kentongan.times import iso, parse_instant

_PARTS = (("solution", "solution"), ("felt", "felt"), ("fault", "fault"), ("BMKG grid", "grid"))


@dataclass(frozen=True)
class EventVersion:
    version: int
    at: datetime
    reason: str
    field_hash: str
    impact_path: str
    event: HazardEvent


def reason_of(before: HazardEvent | None, after: HazardEvent) -> str:
    """What made the new version: `first`, `solution`, `felt`, `fault`, `grid` (several joined by
    `+`), `hold-over`, `document` or `policy` (thresholds or layers)."""
    if before is None:
        return "first"
    changed = _changed(_basis(before), _basis(after))
    if changed:
        return "+".join(changed)
    if before.evidence.get("cells_held") != after.evidence.get("cells_held"):
        return "hold-over"
    return "document" if before.observations != after.observations else "policy"


def _basis(event: HazardEvent) -> dict[str, str]:
    parts = str(event.evidence.get("basis") or "").split("; ")
    return {name: part for part in parts for prefix, name in _PARTS if part.startswith(prefix)}


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for _, name in _PARTS if before.get(name) != after.get(name)]


def add(
    connection: Connection, event: HazardEvent, *, digest: str, impact_path: str, at: datetime
) -> None:
    """One row, unless the newest has the same content."""
    newest = connection.execute(
        select(event_versions)
        .where(event_versions.c.event_id == event.event_id)
        .order_by(event_versions.c.version.desc())
        .limit(1)
    ).first()
    if newest is not None and newest.field_hash == digest:
        return
    before = None if newest is None else HazardEvent.model_validate_json(newest.body)
    connection.execute(
        event_versions.insert().values(
            event_id=event.event_id,
            version=1 if newest is None else newest.version + 1,
            at=iso(at),
            field_hash=digest,
            impact_uri=impact_path,
            level=int(event.level),
            method=event.method[:80],
            reason=reason_of(before, event),
            body=event.model_dump_json(),
        )
    )


def versions_of(engine: Engine, event_id: str) -> list[EventVersion]:
    """All versions, the first one first."""
    query = (
        select(event_versions)
        .where(event_versions.c.event_id == event_id)
        .order_by(event_versions.c.version)
    )
    with engine.connect() as connection:
        return [
            EventVersion(
                version=row.version,
                at=parse_instant(row.at),
                reason=row.reason,
                field_hash=row.field_hash,
                impact_path=row.impact_uri or "",
                event=HazardEvent.model_validate_json(row.body),
            )
            for row in connection.execute(query)
        ]
