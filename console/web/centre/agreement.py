"""Where BMKG's word and our own estimates say the same of a place at one time, and where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from kentongan.db import alerts, warnings
from kentongan.hazard import HazardEvent
from kentongan.times import iso
from kentongan.types import HazardId

_WATER = frozenset({HazardId.THUNDERSTORM, HazardId.RAIN, HazardId.FLOOD, HazardId.LANDSLIDE})
_GROUND = frozenset({HazardId.SHAKING, HazardId.TSUNAMI})
MOST = 30
"""Other warnings that are compared."""


@dataclass(frozen=True)
class Agreement:
    """One other warning of the same time: BMKG's beside ours, or ours beside BMKG's."""

    warning_id: str
    event_id: str
    hazard_id: str
    official: bool
    both: int
    """Villages that both warn."""
    here_alone: int
    """Villages in the regencies of the other one that this one warns alone."""
    there_alone: int
    """Villages in the regencies of this one that the other one warns alone."""
    higher_here: int
    higher_there: int

    @property
    def conflict(self) -> bool:
        return bool(self.here_alone or self.there_alone or self.higher_here or self.higher_there)


def compared(here: Mapping[str, int], there: Mapping[str, int]) -> tuple[int, int, int, int, int]:
    """`both, here_alone, there_alone, higher_here, higher_there` of two sets of levels. Pure."""
    both = here.keys() & there.keys()
    own, other = {code[:5] for code in here}, {code[:5] for code in there}
    return (
        len(both),
        sum(code[:5] in other for code in here.keys() - both),
        sum(code[:5] in own for code in there.keys() - both),
        sum(here[code] > there[code] for code in both),
        sum(there[code] > here[code] for code in both),
    )


def agreements(
    connection: Connection, event: HazardEvent, levels: Mapping[str, int]
) -> list[Agreement]:
    """Those that share a regency with this event's warning, the most shared first."""
    found = []
    for row in _others(connection, event):
        counts = compared(levels, row["levels"] or {})
        if any(counts):
            found.append(
                Agreement(
                    row["warning_id"],
                    row["event_id"],
                    row["hazard_id"],
                    not event.official,
                    *counts,
                )
            )
    return sorted(found, key=lambda one: (-one.both, one.warning_id))


def _others(connection: Connection, event: HazardEvent) -> list[dict[str, Any]]:
    """The newest released version of each other warning of its family, that held at its time."""
    newest = (
        select(alerts.c.warning_id, func.max(alerts.c.version).label("version"))
        .group_by(alerts.c.warning_id)
        .subquery()
    )
    family = _WATER if event.hazard_id in _WATER else _GROUND
    table = warnings.c
    query = (
        select(
            table.warning_id, table.event_id, table.hazard_id, table.body["levels"].label("levels")
        )
        .join(
            newest,
            (newest.c.warning_id == table.warning_id) & (newest.c.version == table.version),
        )
        .where(table.event_id != event.event_id, table.hazard_id.in_([str(h) for h in family]))
        .where(table.body["official"].as_boolean().is_(not event.official))
        .where(table.created_at <= iso(event.valid_to), table.expires >= iso(event.valid_from))
        .order_by(table.created_at.desc(), table.warning_id)
        .limit(MOST)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
