"""Events with their hazard fields and impact tables, as each step leaves them for the next."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select

from kentongan.audit import canonical
from kentongan.db import events
from kentongan.hazard import HazardEvent, HazardField, attributes
from kentongan.store import Store, sha256_hex
from kentongan.times import compact, iso
from orchestration import event_versions

if TYPE_CHECKING:
    import pandas as pd

ACTIVE, ENDED = "active", "ended"


@dataclass(frozen=True)
class StoredEvent:
    event: HazardEvent
    state: str
    field_hash: str
    impact_path: str


def field_hash(event: HazardEvent, layers_version: str, policy: str) -> str:
    """Identity of an impact table: the event with its observations, layers, thresholds."""
    body = {"event": event.model_dump(mode="json"), "layers": layers_version, "policy": policy}
    return sha256_hex(canonical(body).encode())


def folder(event: HazardEvent, digest: str) -> str:
    return f"runs/{event.hazard_id}/{event.event_id}/{digest[:16]}"


def stored(engine: Engine, event_id: str) -> StoredEvent | None:
    with engine.connect() as connection:
        row = connection.execute(select(events).where(events.c.event_id == event_id)).first()
    return _from_row(row) if row else None


def active(engine: Engine, at: datetime | None = None) -> list[StoredEvent]:
    """Events that have not ended, in order of their ids.

    Args:
        at: a cycle's instant; events that it has ended itself are among them, so that a cycle that
            is done again sees the same ones.
    """
    wanted = events.c.state == ACTIVE
    if at is not None:
        wanted |= (events.c.state == ENDED) & (events.c.updated_at == iso(at))
    query = select(events).where(wanted).order_by(events.c.event_id)
    with engine.connect() as connection:
        return [_from_row(row) for row in connection.execute(query)]


def recent(engine: Engine, since: datetime) -> list[StoredEvent]:
    """Active events, and those that ended after `since`."""
    query = (
        select(events)
        .where((events.c.state == ACTIVE) | (events.c.valid_to >= iso(since)))
        .order_by(events.c.event_id)
    )
    with engine.connect() as connection:
        return [_from_row(row) for row in connection.execute(query)]


def _from_row(row: object) -> StoredEvent:
    values = row._mapping  # type: ignore[attr-defined]
    return StoredEvent(
        event=HazardEvent.model_validate_json(values["body"]),
        state=values["state"],
        field_hash=values["field_hash"],
        impact_path=values["impact_uri"],
    )


def save(
    engine: Engine,
    store: Store,
    field: HazardField,
    event: HazardEvent,
    impact: pd.DataFrame,
    *,
    digest: str,
    at: datetime,
) -> StoredEvent:
    """Write field and impact table, then the row of the event (again active if it grew) and, if
    anything changed, one of its versions."""
    place = folder(event, digest)
    _write_field(store, place, field, event)
    path = f"{place}/impact.parquet"
    store.write(path, impact_bytes(impact))
    row = {
        "hazard_id": str(event.hazard_id),
        "level": int(event.level),
        "valid_from": iso(event.valid_from),
        "valid_to": iso(event.valid_to),
        # What is known has changed: an event that had ended is looked at again.
        "state": ACTIVE,
        "field_hash": digest,
        "impact_uri": path,
        "updated_at": iso(at),
        "body": event.model_dump_json(),
    }
    with engine.begin() as connection:
        done = connection.execute(
            events.update().where(events.c.event_id == event.event_id).values(**row)
        )
        if not done.rowcount:
            connection.execute(events.insert().values(event_id=event.event_id, **row))
        event_versions.add(connection, event, digest=digest, impact_path=path, at=at)
    return StoredEvent(event, ACTIVE, digest, path)


def end(connection: Connection, event_id: str, at: datetime) -> None:
    connection.execute(
        events.update().where(events.c.event_id == event_id).values(state=ENDED, updated_at=iso(at))
    )


def impact_bytes(impact: pd.DataFrame) -> bytes:
    """Parquet, the same bytes for the same table."""
    buffer = io.BytesIO()
    impact.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def read_impact(store: Store, path: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(store.read(path)))


def unresolved_of(store: Store, stored_event: StoredEvent) -> list[str]:
    """Names in the source that no area could be found for; none if the table is lost."""
    if not store.exists(stored_event.impact_path):
        return []
    return [
        str(name)
        for name in read_impact(store, stored_event.impact_path).attrs.get("unresolved", ())
    ]


def write_impacts(store: Store, at: datetime, stored_events: Sequence[StoredEvent]) -> str | None:
    """All impact tables of these events in one, with `event_id` in front. Returns its URI."""
    import pandas as pd

    parts = []
    for one in stored_events:
        if not store.exists(one.impact_path):
            continue
        table = read_impact(store, one.impact_path)
        table.insert(0, "event_id", one.event.event_id)
        table.attrs = {}
        parts.append(table)
    if not parts:
        return None
    path = f"runs/cycles/{compact(at)}/impacts.parquet"
    return store.write(path, impact_bytes(pd.concat(parts, ignore_index=True)))


def _write_field(store: Store, place: str, field: HazardField, event: HazardEvent) -> None:
    if field.raster is not None:
        data = field.raster.assign_attrs(attributes(event)).to_netcdf(engine="scipy")
        store.write(f"{place}/field.nc", bytes(data))
    elif field.zones is not None:
        buffer = io.BytesIO()
        field.zones.to_parquet(buffer, index=False, compression="zstd")
        store.write(f"{place}/zones.parquet", buffer.getvalue())
