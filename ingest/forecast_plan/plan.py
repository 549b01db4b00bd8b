"""The choice: what to ask for with the requests of one cycle. Pure, no input or output.

Every answer carries the newest model run that BMKG has out, so asking for one village tells
whether all the others are outdated: as soon as a few villages came with a newer analysis, every
older one is due again, and until then nothing is asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from ingest.forecast_plan.villages import Mask, Rows, Villages

NEVER = -np.inf
"""Seconds since 1970 of what has not happened yet."""
RUN_EVERY = timedelta(hours=12)
"""BMKG computes at 00 and 12 UTC; when a run is published is not stated."""
RETRY_OLDER = timedelta(minutes=10)
"""A village that still came with the run before is asked again after this, then after twice …"""
RETRY_FAILED = timedelta(minutes=5)
RETRY_ABSENT = timedelta(days=7)
"""A village that BMKG does not know: a new decree takes months to reach its table."""
QUORUM = 3
"""Villages that must carry a run before everything older counts as outdated: one mis-stamped
answer must not set the whole nation back."""
ROTATION_SHARE = 20
"""One request in so many always goes to what is neither in danger nor a representative, so that
no village waits for ever behind a long emergency; below so few requests, nothing does."""
RETRY_SHARE = 4
"""At most one request in so many asks again for what failed: a village whose answer always breaks
must not use up the minute."""
SMALL_BUDGET = 5


class Came(IntEnum):
    """What the newest request for a village gave."""

    NOTHING_YET = 0
    FORECAST = 1
    ABSENT = 2
    """404: BMKG has no such village. Not assessed."""
    FAILED = 3
    ELSEWHERE = 4
    """A forecast for a point far from the village: the code names another place at BMKG."""


class Urgency(IntEnum):
    """Why a village's weather matters now; the lower the sooner."""

    NONE = 0
    WARNED = 1
    LIKELY = 2
    AREA_UNKNOWN = 3
    NEIGHBOUR = 4


class Why(StrEnum):
    HAZARD = "hazard"
    SCOUT = "scout"
    DISTRICT = "district"
    ROTATION = "rotation"


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Of each village (n,), in the order of `Villages`; times in seconds since 1970."""

    asked_at: NDArray[np.float64]
    answered_at: NDArray[np.float64]
    """When a forecast came last."""
    analysis: NDArray[np.float64]
    """Model run of the newest forecast that came."""
    came: NDArray[np.int8]
    asked_as: Mapping[int, str]
    """Code of the newest request, for rows where it is not the village's own."""


def nothing_known(n: int) -> Knowledge:
    never = np.full(n, NEVER)
    return Knowledge(never, never.copy(), never.copy(), np.zeros(n, dtype=np.int8), {})


@dataclass(frozen=True)
class Ask:
    adm4_code: str
    asked_as: str
    """The code to send: the village's own, or that of an older decree."""
    why: Why


@dataclass(frozen=True)
class Plan:
    asks: tuple[Ask, ...]
    run: datetime | None
    """Newest model run that is known to be out."""
    due: Mapping[Why, int]
    """How many are waiting, those of this plan included."""


def plan_forecasts(
    villages: Villages,
    known: Knowledge,
    urgency: NDArray[np.int8],
    *,
    budget: int,
    at: datetime,
    aliases: Mapping[int, Sequence[str]] | None = None,
) -> Plan:
    """At most `budget` villages to ask for at `at`.

    In order: villages under a warning, under a likely hazard, representatives where BMKG warns of
    an unknown area, representatives of neighbouring districts; then one representative of each
    district; then all others. Within each the one asked longest ago comes first; among those
    never asked the most populous of each district.

    Args:
        urgency: `Urgency` of each village, int8, dims (villages,).
        aliases: codes of older decrees by row, tried in turn where the own code is not known.
    """
    now, others = at.timestamp(), aliases or {}
    run = newest_run(known, now)
    untried = _untried(known, others)
    unknown = ((known.came == Came.ABSENT) | (known.came == Came.ELSEWHERE)) & ~untried
    stand_in = np.zeros(len(villages), dtype=bool)
    stand_in[villages.representatives(unknown)] = True
    due = _due(known, run, now, untried)
    danger = urgency > Urgency.NONE
    tiers = {
        Why.HAZARD: _order(villages, known, due & danger, urgency, ~stand_in),
        Why.DISTRICT: _order(villages, known, due & ~danger & stand_in),
        Why.ROTATION: _order(villages, known, due & ~danger & ~stand_in),
    }
    scouts = _scouts(known, urgency, stand_in, run, now, idle=not due.any())
    rows = _shared_out(tiers, scouts, known, max(0, budget))
    return Plan(
        asks=tuple(_ask(villages, known, others, row, why) for row, why in rows),
        run=datetime.fromtimestamp(run, UTC) if np.isfinite(run) else None,
        due={**{why: len(order) for why, order in tiers.items()}, Why.SCOUT: len(scouts)},
    )


def newest_run(known: Knowledge, now: float) -> float:
    """Newest analysis that at least `QUORUM` villages carry; with fewer answers, the newest."""
    runs, counts = np.unique(
        known.analysis[np.isfinite(known.analysis) & (known.analysis <= now)], return_counts=True
    )
    if not len(runs):
        return NEVER
    shared = runs[counts >= QUORUM]
    return float(shared[-1] if len(shared) else runs[-1])


def _untried(known: Knowledge, aliases: Mapping[int, Sequence[str]]) -> Mask:
    """Rows whose newest code was not found and which have another one to try."""
    left = np.zeros(len(known.came), dtype=bool)
    for row, codes in aliases.items():
        if codes and known.came[row] in (Came.ABSENT, Came.ELSEWHERE):
            left[row] = known.asked_as.get(row) != codes[-1]
    return left


def _due(known: Knowledge, run: float, now: float, untried: Mask) -> Mask:
    since = now - known.asked_at
    outdated = known.analysis < run
    late = known.asked_at - _first_seen(known, run, now)
    patience = np.maximum(RETRY_OLDER.total_seconds(), late)
    again = outdated & ((late < 0) | (since >= patience))
    absent = untried | (since >= RETRY_ABSENT.total_seconds())
    return np.select(
        [known.came == Came.NOTHING_YET, known.came == Came.FORECAST, known.came == Came.FAILED],
        [True, again, since >= RETRY_FAILED.total_seconds()],
        default=absent,
    ).astype(bool)


def _first_seen(known: Knowledge, run: float, now: float) -> float:
    """When the first forecast of this run came; now, if none did."""
    with_it = known.answered_at[(known.analysis == run) & np.isfinite(known.answered_at)]
    return float(with_it.min()) if len(with_it) and np.isfinite(run) else now


def _order(villages: Villages, known: Knowledge, chosen: Mask, *first: NDArray[np.generic]) -> Rows:
    """Rows of `chosen` by `first`, then by age, then the most populous of each district.

    What failed keeps the age of its last forecast: an outage must not send it to the back.
    """
    rows = np.flatnonzero(chosen)
    age = np.where(known.came == Came.FAILED, known.answered_at, known.asked_at)
    keys = (rows, villages.place[rows], age[rows], *(key[rows] for key in reversed(first)))
    return rows[np.lexsort(keys)].astype(np.int64)


def _scouts(
    known: Knowledge,
    urgency: NDArray[np.int8],
    stand_in: Mask,
    run: float,
    now: float,
    *,
    idle: bool,
) -> Rows:
    """Up to one village to ask although its forecast is of the newest run, once a newer one may
    be out: one in danger, or any representative when there is nothing else to ask."""
    if not np.isfinite(run) or now < run + RUN_EVERY.total_seconds():
        return np.empty(0, dtype=np.int64)
    ready = (known.came == Came.FORECAST) & (known.analysis == run)
    ready &= now - known.asked_at >= RETRY_OLDER.total_seconds()
    wanted = ready & (urgency > Urgency.NONE)
    rows = np.flatnonzero(wanted if wanted.any() or not idle else ready & stand_in)
    return rows[np.argsort(known.asked_at[rows], kind="stable")][:1].astype(np.int64)


def _shared_out(
    tiers: Mapping[Why, Rows], scouts: Rows, known: Knowledge, budget: int
) -> list[tuple[int, Why]]:
    """The budget over the tiers; what one does not need goes to the next."""
    again = max(1, budget // RETRY_SHARE)
    hazard, again = _without_failed(tiers[Why.HAZARD], known, again, budget)
    district, again = _without_failed(tiers[Why.DISTRICT], known, again, budget)
    rotation, _ = _without_failed(tiers[Why.ROTATION], known, again, budget)
    kept = max(1, budget // ROTATION_SHARE) if budget >= SMALL_BUDGET else 0
    kept = min(kept, len(rotation))
    scouts = scouts[: budget - kept]
    hazard = hazard[: budget - kept - len(scouts)]
    district = district[: budget - kept - len(scouts) - len(hazard)]
    rotation = rotation[: budget - len(scouts) - len(hazard) - len(district)]
    parts = ((Why.SCOUT, scouts), (Why.HAZARD, hazard), (Why.DISTRICT, district))
    return [(int(row), why) for why, rows in (*parts, (Why.ROTATION, rotation)) for row in rows]


def _without_failed(rows: Rows, known: Knowledge, allowed: int, budget: int) -> tuple[Rows, int]:
    """Rows with at most `allowed` that failed last, and how many more of those may follow."""
    failed = known.came[rows] == Came.FAILED
    kept = rows[~failed | (np.cumsum(failed) <= allowed)][:budget]
    return kept, allowed - int((known.came[kept] == Came.FAILED).sum())


def _ask(
    villages: Villages,
    known: Knowledge,
    aliases: Mapping[int, Sequence[str]],
    row: int,
    why: Why,
) -> Ask:
    own = str(villages.codes[row])
    tries = [own, *aliases.get(row, ())]
    last = known.asked_as.get(row, own)
    if known.came[row] in (Came.ABSENT, Came.ELSEWHERE):
        position = tries.index(last) if last in tries else -1
        return Ask(own, tries[(position + 1) % len(tries)], why)
    return Ask(own, last if last in tries else own, why)
