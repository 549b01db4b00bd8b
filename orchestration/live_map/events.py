"""Events as they were known at an instant, with the villages of which a field knows nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from sqlalchemy import Engine, func, or_, select

from kentongan.db import event_versions, events
from kentongan.errors import KentonganError
from kentongan.hazard import HazardEvent
from kentongan.impact import UNASSIGNED
from kentongan.store import Store
from kentongan.times import iso, parse_instant
from orchestration.live_map.moment import Moment

log = logging.getLogger(__name__)

_BEFORE = timedelta(days=1)
"""Events whose knowledge had ended so long before an instant may still have a warning in force."""
NOT_KNOWN_SHARE = 0.1
"""Of a village's people: as many in a level give the village that level (`AreaRule`), so as many
of whom nothing is known may hide one."""
_READ = "damaged or gone table of %s: %s"


@dataclass(frozen=True)
class Known:
    """The version of an event that counted then."""

    event: HazardEvent
    version: int
    impact_path: str
    runs: bool
    """Whether it had not ended, and its knowledge still held."""

    @property
    def folder(self) -> str:
        return self.impact_path.rpartition("/")[0]


def events_at(engine: Engine, moment: Moment, also: Iterable[str] = ()) -> list[Known]:
    """Events that ran at the instant, and those named, in the version of then.

    Args:
        also: ids of the events of warnings in force.
    """
    named = sorted(set(also))
    lately = events.c.valid_to >= iso(moment.at - _BEFORE)
    last = (
        select(event_versions.c.event_id, func.max(event_versions.c.version).label("version"))
        .join(events, events.c.event_id == event_versions.c.event_id)
        .where(or_(lately, events.c.event_id.in_(named)), moment.knew(event_versions.c.at))
        .group_by(event_versions.c.event_id)
        .subquery()
    )
    query = (
        select(event_versions, events.c.state, events.c.updated_at)
        .join(
            last,
            (last.c.event_id == event_versions.c.event_id)
            & (last.c.version == event_versions.c.version),
        )
        .join(events, events.c.event_id == event_versions.c.event_id)
        .order_by(event_versions.c.event_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        event = HazardEvent.model_validate_json(row.body)
        ended = row.state == "ended" and parse_instant(row.updated_at) <= moment.known
        runs = not ended and event.valid_to > moment.at
        if runs or event.event_id in named:
            found.append(Known(event, row.version, row.impact_uri or "", runs))
    return found


@dataclass(frozen=True)
class Gaps:
    """What an impact table does not know."""

    codes: tuple[str, ...] = ()
    """Villages without a level of which too little is known to say that they are safe."""
    unresolved: tuple[str, ...] = ()
    """Names in the source that no area could be found for."""


def gaps_of(runs: Store, known: Known) -> Gaps:
    """Of the event's impact table; a table that cannot be read is a gap by itself."""
    return _gaps(runs.root, known.impact_path) if known.impact_path else Gaps()


@lru_cache(maxsize=256)
def _gaps(root: str, path: str) -> Gaps:
    import pandas as pd

    try:
        table = pd.read_parquet(io.BytesIO(Store(root).read(path)))
        doubtful = table["people_unknown"] >= NOT_KNOWN_SHARE * table["people"].clip(lower=1)
        rows = table[doubtful & (table["level"] < 2) & (table["adm4_code"] != UNASSIGNED)]
        names = tuple(str(name) for name in table.attrs.get("unresolved", ()))
        return Gaps(tuple(rows["adm4_code"].tolist()), names)
    except (OSError, ValueError, KeyError, KentonganError) as error:
        log.warning(_READ, path, error)
        return Gaps((), ("tabel dampak tidak terbaca",))
