"""Every quake that is known, one event each, with all that the feeds said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from kentongan.db import records
from kentongan.errors import DataError
from kentongan.times import parse_instant

if TYPE_CHECKING:
    from processing.quakes import QuakeGroup

KINDS = ("quake", "bulletin", "detection", "catalogue_quake", "shake_grid")
_AROUND = timedelta(days=1)


def quakes(engine: Engine, at: datetime, *, since: timedelta) -> list[QuakeGroup]:
    """Quakes of which something was said within `since` before `at`, the newest first."""
    from ingest.known import known
    from processing.quakes import Past, quake_groups

    found = known(engine, at, kinds=KINDS, since=at - since, include_history=True)
    past = Past(known_at=_received(engine))
    groups = quake_groups(found, past=past, prefix="")
    return sorted(groups, key=lambda group: group.best.quake.origin_time, reverse=True)


def quake(engine: Engine, at: datetime, event: str, *, since: timedelta) -> QuakeGroup:
    """One of them, by its key or the id of an event (`shaking-…`, `tsunami-…`).

    A key that names its time is looked for at that time, however old it is.

    Raises:
        DataError: there is none of this name.
    """
    key = event.split("-", 1)[1] if event.startswith(("shaking-", "tsunami-")) else event
    reach = max(since, at - _time_of(key, at) + _AROUND)
    for group in quakes(engine, at, since=reach):
        if group.event_key == key:
            return group
    raise DataError(
        f"quake {event}: not known; expected a key as "
        "'kentongan quakes' prints it, e.g. 20221121T062110Z"
    )


def _time_of(key: str, otherwise: datetime) -> datetime:
    try:
        return datetime.strptime(key[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return otherwise


def _received(engine: Engine) -> dict[tuple[str, str], datetime]:
    query = select(records.c.source_id, records.c.key, records.c.known_at).where(
        records.c.kind.in_(KINDS)
    )
    with engine.connect() as connection:
        return {
            (row.source_id, row.key): parse_instant(row.known_at)
            for row in connection.execute(query)
        }
