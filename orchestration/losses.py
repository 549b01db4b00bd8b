"""What an event does to people, for those who send help: never part of an event or a text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kentongan.errors import DataError
from kentongan.types import HazardId, Level
from orchestration import event_store
from orchestration.secondary import (
    Secondary,
    inatews_spoke,
    read_field,
    read_secondary,
    secondary_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardEvent
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent
    from risk.losses.band import LossBand
    from risk.losses.needs import Amount

_KINDS = (HazardId.SHAKING, HazardId.TSUNAMI)


@dataclass(frozen=True)
class ShakingLosses:
    """One version of a shaking event.

    Attributes:
        people: by whole MMI, V to X.
        not_known: people for whom no intensity is known.
        deaths: orders of magnitude.
        deaths_low, deaths_high: the lowest and highest order when the people by intensity are the
            p10 and p90 over the errors of a first solution; None: no such band was made.
        roof: people who need one, by assumption, rounded up to two figures.
        needs: what these people need.
        hall_floor_m2: floor of halls for them.
    """

    event: HazardEvent
    layers_version: str
    people: Mapping[int, int]
    not_known: int
    deaths: LossBand
    deaths_low: str | None
    deaths_high: str | None
    roof: int
    needs: tuple[Amount, ...]
    hall_floor_m2: int
    secondary: Secondary
    watch_stands: bool


@dataclass(frozen=True)
class CoastLosses:
    """One version of a tsunami event.

    Attributes:
        coast: `risk.coast.walk.walk_table`.
        origin: of the quake, by the event's id.
        roof, needs, hall_floor_m2: as in `ShakingLosses`, from people by level.
    """

    event: HazardEvent
    layers_version: str
    origin: datetime
    coast: pd.DataFrame
    roof: int
    needs: tuple[Amount, ...]
    hall_floor_m2: int


def losses(context: CycleContext, name: str, at: datetime) -> ShakingLosses | CoastLosses:
    """Everything that follows from the newest version of a stored quake or tsunami.

    Args:
        name: `shaking-…`, `tsunami-…`, or the key alone (the shaking).

    Raises:
        DataError: there is none of this name, or its files are gone.
    """
    stored = find(context, name)
    if stored.event.hazard_id is HazardId.TSUNAMI:
        return _coast(context, stored)
    return _shaking(context, stored, at)


def find(context: CycleContext, name: str) -> StoredEvent:
    wanted = name if name.startswith(tuple(f"{kind}-" for kind in _KINDS)) else f"shaking-{name}"
    found = event_store.stored(context.engine, wanted)
    if found is None or found.event.hazard_id not in _KINDS:
        homes = sorted(map(str, (context.settings.home / "scenarios").glob("*")))
        played = f"; a played scenario has a home of its own: {', '.join(homes)}" if homes else ""
        raise DataError(
            f"event {wanted}: none is stored in {context.settings.home}; expected a quake or "
            f"tsunami that reached level 1, see: kentongan quakes{played}"
        )
    return found


def _shaking(context: CycleContext, stored: StoredEvent, at: datetime) -> ShakingLosses:
    from processing.secondary.pre_alert import PreAlert, stands
    from risk.losses.band import loss_band
    from risk.losses.models import load_losses
    from risk.losses.needs import (
        displaced_by_shaking,
        hall_floor_m2,
        load_needs,
        minimum_needs,
    )
    from risk.losses.people import shaken

    field = read_field(context.runs, stored)
    found, figures, wants = shaken(field, context.layers), load_losses(), load_needs()
    people, not_known = found.classes(), int(found.unknown.sum())
    roof = displaced_by_shaking(people, wants)
    noted = read_secondary(context.runs, stored) or secondary_of(context, stored.event, field)
    low, high = _with_doubt(context, stored, figures)
    watch = noted.watch
    spoke = inatews_spoke(stored.event)
    return ShakingLosses(
        event=stored.event,
        layers_version=context.layers.version,
        people=people,
        not_known=not_known,
        deaths=loss_band(people, figures, not_known=not_known),
        deaths_low=low,
        deaths_high=high,
        roof=roof,
        needs=minimum_needs(roof, wants),
        hall_floor_m2=hall_floor_m2(roof, wants),
        secondary=noted,
        watch_stands=watch is not None
        and stands(PreAlert(watch.until, watch.reason), at, inatews_spoke=spoke),
    )


def _with_doubt(
    context: CycleContext, stored: StoredEvent, figures: Any
) -> tuple[str | None, str | None]:
    """Lowest and highest order of deaths with p10 and p90 of the people at or above each MMI."""
    from orchestration.shaking import read_people
    from risk.losses.band import loss_band

    folder = stored.impact_path.rsplit("/", 1)[0]
    kept = read_people(context.runs, folder) or {}
    bands = kept.get("bands", {})
    at_least = bands.get("level", bands.get("bmkg_chain", {})).get("at_least")
    if not at_least or stored.event.method.startswith("bmkg-grid"):
        return None, None
    low, high = (
        loss_band(classes_of({int(mmi): band[q] for mmi, band in at_least.items()}), figures)
        for q in ("p10", "p90")
    )
    return low.low, high.high


def classes_of(at_least: Mapping[int, int]) -> dict[int, int]:
    """People in each class from those at or above it."""
    steps = sorted(at_least)
    above = {step: at_least[after] for step, after in itertools.pairwise(steps)}
    return {step: max(at_least[step] - above.get(step, 0), 0) for step in steps}


def _coast(context: CycleContext, stored: StoredEvent) -> CoastLosses:
    from risk.coast.walk import walk_table
    from risk.losses.needs import (
        displaced_by_level,
        hall_floor_m2,
        load_needs,
        minimum_needs,
    )

    if not context.runs.exists(stored.impact_path):
        raise DataError(f"event {stored.event.event_id}: its impact table is gone; run it again")
    impact = event_store.read_impact(context.runs, stored.impact_path)
    origin, wants = origin_of(stored.event), load_needs()
    by_level = {Level(i): int(impact[f"people_{i}"].sum()) for i in (2, 3, 4)}
    roof = displaced_by_level(by_level, wants)
    return CoastLosses(
        event=stored.event,
        layers_version=context.layers.version,
        origin=origin,
        coast=walk_table(
            impact,
            context.layers,
            origin=origin,
            rules=context.levels.tsunami.coast,
            detour=context.levels.coverage.detour_factor,
        ),
        roof=roof,
        needs=minimum_needs(roof, wants),
        hall_floor_m2=hall_floor_m2(roof, wants),
    )


def origin_of(event: HazardEvent) -> datetime:
    """Of the quake, from an id such as `tsunami-20260814T215823Z`.

    Raises:
        DataError: the id holds no time.
    """
    key = event.event_id.split("-")[1] if "-" in event.event_id else ""
    try:
        return datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise DataError(
            f"event {event.event_id}: expected the quake's origin in the id, found {key!r}"
        ) from error
