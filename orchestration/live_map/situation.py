"""Everything that the live map shows of an instant but its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from kentongan.store import Store
from kentongan.view import FeedLine, UnknownArea
from orchestration.live_map.events import Known, events_at
from orchestration.live_map.heard import ReportDot, reports_at
from orchestration.live_map.held import Held, held_at
from orchestration.live_map.helpers import TaskDot, near, tasks_at
from orchestration.live_map.moment import BACK, Kind, Moment
from orchestration.live_map.not_known import (
    EVERYWHERE,
    areas_at,
    newest_run,
    run_is_old,
    villages_at,
)
from orchestration.live_map.rain_ahead import RainAhead
from orchestration.live_map.villages import Coloured, coloured, rows_of

if TYPE_CHECKING:
    from kentongan.settings import Settings
    from risk.layers.layerset import LayerSet

NEAR_KM = 60.0
"""Teams and shelters further from every warned village do not help a reader of the map."""


@dataclass(frozen=True)
class QuakeDot:
    event_id: str
    longitude: float
    latitude: float
    magnitude: float | None
    depth_km: float | None
    at: datetime


@dataclass(frozen=True, eq=False)
class Areas:
    """What changes with the warnings alone; made anew only when these change."""

    key: object
    villages: Coloured
    teams: pd.DataFrame
    shelters: pd.DataFrame
    """Those near a warned village."""


@dataclass(frozen=True, eq=False)
class Situation:
    moment: Moment
    held: list[Held]
    areas: Areas
    elsewhere: int
    """Level of every village that is not in `areas`: 0 nothing is in force, -1 not known."""
    unknown_areas: list[UnknownArea]
    events: list[Known]
    tasks: list[TaskDot]
    reports: list[ReportDot]
    quakes: list[QuakeDot]
    feeds: tuple[FeedLine, ...]
    rain: RainAhead | None
    """What the nowcast rests on; None where the instant is not ahead, or there is none."""


def situation_at(
    engine: Engine,
    runs: Store,
    layers: LayerSet,
    settings: Settings,
    moment: Moment,
    rain: RainAhead | None = None,
    before: Areas | None = None,
) -> Situation:
    """What held, was known and was done at the instant.

    Args:
        rain: the nowcast of villages, for an instant ahead; None: it is not known.
        before: areas made before, taken if they are still right.
    """
    from orchestration.view import feed_lines

    held = held_at(engine, moment)
    known = events_at(engine, moment, {one.content.event_id for one in held})
    unknown = areas_at(engine, runs, layers, moment, known)
    ahead = rain.villages_at(moment.at) if rain and moment.kind is Kind.FORECAST else None
    gaps = villages_at(runs, layers, known, unknown)
    feeds = feed_lines(engine, moment.known, settings)
    blind = moment.kind is Kind.FORECAST and ahead is None
    asleep = run_is_old(newest_run(engine, moment), moment.known)
    anywhere = any(area.province_code == EVERYWHERE for area in unknown)
    return Situation(
        moment=moment,
        held=held,
        areas=_areas(held, layers, gaps, ahead, before),
        elsewhere=-1 if blind or asleep or anywhere or _all_blind(feeds) else 0,
        unknown_areas=unknown,
        events=known,
        tasks=tasks_at(engine, moment, [one.warning_id for one in held]),
        reports=reports_at(engine, moment),
        quakes=_quakes(engine, moment),
        feeds=feeds,
        rain=rain if moment.kind is Kind.FORECAST else None,
    )


def _all_blind(feeds: Sequence[FeedLine]) -> bool:
    """Whether no feed that warns told anything then: no village is known to be safe."""
    polled = [f for f in feeds if f.tier == "warning" and f.state != "unconfigured"]
    return all(f.state == "unknown" or f.blind_since is not None for f in polled)


def _areas(
    held: Sequence[Held],
    layers: LayerSet,
    gaps: Sequence[str],
    ahead: tuple[Sequence[str], NDArray[np.int8]] | None,
    before: Areas | None,
) -> Areas:
    rain = (tuple(ahead[0]), ahead[1].tobytes()) if ahead else None
    key = (layers.version, [(h.warning_id, h.version, h.state) for h in held], gaps, rain)
    if before is not None and before.key == key:
        return before
    rows = rows_of({code for one in held for code in one.content.codes}, layers)
    points = layers.villages[["longitude", "latitude"]].to_numpy()[rows[rows >= 0]]
    return Areas(
        key=key,
        villages=coloured(held, layers, not_known=gaps, forecast=ahead),
        teams=near(layers.teams, points, NEAR_KM),
        shelters=near(layers.shelters, points, NEAR_KM),
    )


def _quakes(engine: Engine, moment: Moment) -> list[QuakeDot]:
    """Of the day before the instant, the newest first, by the best solution known then."""
    from orchestration.quakes import quakes

    since = moment.known - BACK
    found = []
    for group in quakes(engine, moment.known, since=BACK + timedelta(hours=1)):
        best = group.best.quake
        if best.origin_time >= since:
            found.append(
                QuakeDot(
                    event_id=f"shaking-{group.event_key}",
                    longitude=best.longitude,
                    latitude=best.latitude,
                    magnitude=best.magnitude,
                    depth_km=best.depth_km,
                    at=best.origin_time,
                )
            )
    return found
