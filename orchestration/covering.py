"""Coverage of an area at a time, under a stored event or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import DataError
from orchestration.event_store import read_impact, stored
from orchestration.explaining import load_field

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.context import CycleContext
    from risk.coverage import LevelsOn
    from risk.coverage_table import CoverageTable
    from risk.layers.layerset import LayerSet


@dataclass(frozen=True, eq=False)
class Covered:
    table: CoverageTable
    title: str
    """Of the event; empty without one."""
    unknown_people: int = 0
    """People of the area for whom a hazard file says nothing; they are not among the exposed."""
    warnings: tuple[str, ...] = ()


Closing = tuple["LevelsOn | None", "pd.Series | None", str]
"""What closes roads, exposed people by adm4 code, and a title."""


@dataclass(frozen=True, eq=False)
class FileHazard:
    """A hazard of anybody's file.

    Attributes:
        known: people by adm4 code for whom the file says something.
        known_elsewhere: whether all others are safe, as beside polygons, or not known.
    """

    closing: Closing
    known: pd.Series
    known_elsewhere: bool
    warnings: tuple[str, ...]


def covered(
    context: CycleContext,
    area: str,
    at: datetime,
    *,
    event_id: str | None = None,
    given: FileHazard | None = None,
) -> Covered:
    """Whom Tagana reaches.

    Args:
        at: tells day from night by the area's own clock.
        event_id: a stored event: its hazard closes roads, its people are those to be reached.
        given: the same of a hazard that is no event of ours; see `closing_file`.

    Raises:
        DataError: no such area or event.
    """
    from risk.access.reach import is_night
    from risk.coverage import access_policy
    from risk.coverage_table import coverage_table

    layers = context.layers
    zone = layers.villages["utc_offset"].iloc[layers.within(area) if area else slice(None)]
    hours = int(zone.mode().iloc[0]) if len(zone) else 7
    night = is_night(at, hours, access_policy())
    levels_on, exposed, title = _event(context, event_id) if given is None else given.closing
    table = coverage_table(
        layers, area, context.levels.coverage, night=night, levels_on=levels_on, exposed=exposed
    )
    if given is None:
        return Covered(table, title)
    people = table.villages.set_index("adm4_code")["people"]
    known = given.known.reindex(people.index).fillna(people if given.known_elsewhere else 0)
    unknown = int((people - known).clip(lower=0).sum())
    said = (
        f"{title}: not known for {unknown:,} of {int(people.sum()):,} people, who are not counted "
        "as exposed"
    )
    return Covered(table, title, unknown, (*given.warnings, *([said] if unknown else [])))


def _event(context: CycleContext, event_id: str | None) -> Closing:
    if event_id is None:
        return None, None, ""
    event = stored(context.engine, event_id)
    if event is None or not context.runs.exists(event.impact_path):
        raise DataError(f"event {event_id}: not stored; expected one that 'kentongan run' printed")
    impact = read_impact(context.runs, event.impact_path)
    exposed = impact.set_index("adm4_code")["exposed_people"]
    from risk.coverage import closing

    return closing(load_field(context.runs, event)), exposed, event.event.title


def closing_file(path: Path, thresholds: Sequence[float] | None, layers: LayerSet) -> FileHazard:
    """A hazard of anybody's file: level 3 and above closes roads, level 2 and above is exposed."""
    import pandas as pd

    from kentongan.types import Level
    from risk.analyst.closing import closing_levels
    from risk.analyst.hazard import read_hazard
    from risk.analyst.overlay import overlay
    from risk.analyst.result import column_of

    hazard = read_hazard(path, thresholds, None)
    found = overlay(path, thresholds=thresholds, layers=layers)
    classes = [key for key in found.classes if key.isdigit()]
    keys = [key for key in classes if int(key) >= Level.WASPADA]
    codes = found.table["area_id"].to_numpy()
    exposed, known = (
        pd.Series(found.table[[column_of(key) for key in some]].sum(axis=1).to_numpy(), index=codes)
        for some in (keys, classes)
    )
    return FileHazard(
        (closing_levels(hazard), exposed, path.name), known, hazard.polygons is not None,
        found.warnings,
    )  # fmt: skip
