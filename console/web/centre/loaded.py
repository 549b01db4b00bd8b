"""One event with its newest warning, found once for all of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import HTTPException
from sqlalchemy import select

from kentongan.db import warnings
from orchestration.event_store import stored

if TYPE_CHECKING:
    from console.web.reading import Reading
    from notify.versions import Version
    from orchestration.event_store import StoredEvent


LONGEST_ID = 80


@dataclass(frozen=True)
class Loaded:
    stored: StoredEvent
    warning_id: str
    """Empty: no warning was made of it."""
    newest: Version | None
    released: Version | None
    """The newest that became an alert."""

    @property
    def event_id(self) -> str:
        return self.stored.event.event_id


def _is_id(text: str) -> bool:
    """Whether a database can be asked for it."""
    return len(text) <= LONGEST_ID and text.isprintable()


def load(reading: Reading, event_id: str) -> Loaded:
    """The event of this id.

    Raises:
        HTTPException: 404, there is none.
    """
    from notify import versions

    found = stored(reading.engine, event_id) if _is_id(event_id) else None
    if found is None:
        raise HTTPException(404, "no such event")
    query = select(warnings.c.warning_id).where(warnings.c.event_id == event_id)
    newest_first = query.order_by(warnings.c.created_at.desc(), warnings.c.version.desc()).limit(1)
    with reading.engine.connect() as connection:
        held = connection.execute(newest_first).scalar() or ""
        newest = versions.newest(connection, held) if held else None
        released = versions.newest_released(connection, held) if held else None
    return Loaded(found, held, newest, released)
