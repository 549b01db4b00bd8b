"""Why an empty list may be wrong: what BMKG warns without our knowing where, villages of which a
field knows nothing, and a machine that stopped looking. For every face alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from kentongan.db import cycles
from kentongan.store import Store
from kentongan.times import parse_instant
from kentongan.view import UnknownArea
from orchestration.live_map.events import Known, events_at, gaps_of
from orchestration.live_map.moment import Moment

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

RUN_OLD = timedelta(minutes=10)
"""A cycle runs each minute, and takes at most one; the deadman's alarm is raised after three."""
EVERYWHERE = ""
"""Code of the province of what may be anywhere."""


@dataclass(frozen=True)
class NotKnown:
    newest_run: datetime | None
    """When anything was last worked out; None: never."""
    areas: tuple[UnknownArea, ...]
    villages: frozenset[str]
    """adm4 codes of which nothing can be said unless a warning does."""

    def is_old(self, at: datetime) -> bool:
        return run_is_old(self.newest_run, at)


def not_known(engine: Engine, runs: Store, layers: LayerSet, moment: Moment) -> NotKnown:
    """Of an instant."""
    known = events_at(engine, moment)
    areas = areas_at(engine, runs, layers, moment, known)
    return NotKnown(
        newest_run(engine, moment), tuple(areas), frozenset(villages_at(runs, layers, known, areas))
    )


def newest_run(engine: Engine, moment: Moment) -> datetime | None:
    query = select(cycles.c.at).where(moment.knew(cycles.c.at)).order_by(cycles.c.id.desc())
    with engine.connect() as connection:
        found: str | None = connection.execute(query.limit(1)).scalar()
    return parse_instant(found) if found else None


def run_is_old(newest: datetime | None, at: datetime) -> bool:
    """Whether nobody has looked lately: that nothing is in force says nothing then."""
    return newest is None or at - newest > RUN_OLD


def areas_at(
    engine: Engine, runs: Store, layers: LayerSet, moment: Moment, known: Sequence[Known]
) -> list[UnknownArea]:
    """Provinces that BMKG warns and whose area is not known; names that led to no area."""
    from ingest.known import unknown_areas

    listed = [
        (item.province_code, item.title, item.until)
        for item in unknown_areas(engine, moment.known)
        if item.until is None or item.until > moment.at
    ]
    for one in known:
        names = gaps_of(runs, one).unresolved if one.runs else ()
        # A document without a usable polygon is in the list above.
        names = tuple(name for name in names if not name.startswith("polygons of "))
        if names and one.event.official:
            title = f"{one.event.title}: {'; '.join(names)}"
            codes = one.event.province_codes or (EVERYWHERE,)
            listed += [(code, title, one.event.valid_to) for code in codes]
    places = layers.names if listed else {}
    return [
        UnknownArea(province_code=code, province=places.get(code, title), title=title, until=until)
        for code, title, until in listed
    ]


def villages_at(
    runs: Store, layers: LayerSet, known: Iterable[Known], areas: Iterable[UnknownArea]
) -> list[str]:
    """Villages of which nothing can be said unless a warning does."""
    found = {code for one in known if one.runs for code in gaps_of(runs, one).codes}
    for area in areas:
        if area.province_code:
            inside = layers.villages.iloc[layers.within(area.province_code)]
            found.update(inside["adm4_code"].tolist())
    return sorted(found)
