"""A week of the forecast planner against an invented BMKG, minute by minute, on a virtual clock.

BMKG is a pure function of village and time here: two model runs a day, each out 5 to 6 hours after
its analysis and for the last village 10 minutes after the first (unconfirmed figures: BMKG states
none); a share of the villages answers 404 for ever, a smaller one fails now and then. One day has
thunderstorm warnings. The same seed gives the same week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ingest.forecast_plan.plan import NEVER, Came, Knowledge, Urgency, Why, plan_forecasts
from ingest.forecast_plan.villages import Mask, Rows, Villages

START = datetime(2026, 11, 1, tzinfo=UTC)
_RUN_S = 12 * 3600
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Storm:
    """A warning: rows of villages, and from when to when, seconds since 1970."""

    rows: Rows
    begin: float
    end: float


@dataclass(frozen=True, eq=False)
class World:
    """What BMKG would answer."""

    villages: Villages
    absent: Mask
    slow_s: NDArray[np.float64]
    """Seconds by which a village's new forecast comes out after the first one's."""
    delays_s: NDArray[np.float64]
    """Of each run, from its analysis until the first village has it."""
    failing: float
    """Share of requests that give no answer."""
    seed: int
    storms: tuple[Storm, ...]

    def newest(self, now: float) -> NDArray[np.float64]:
        """Analysis that each village's forecast has at `now`, absent villages included."""
        first = np.floor(now / _RUN_S) - np.arange(2)
        out = np.full(len(self.villages), (first[-1] - 1) * _RUN_S)
        for run in first[::-1]:
            delay = self.delays_s[int(run) % len(self.delays_s)]
            out[now >= run * _RUN_S + delay + self.slow_s] = run * _RUN_S
        return out

    def fails(self, rows: Rows, now: float) -> Mask:
        """Whether a request of this minute fails: a hash, the same in every process."""
        mixed = (rows * 2654435761 + int(now) * 40503 + self.seed) % 100_003
        failed: Mask = mixed < self.failing * 100_003
        return failed


def make_world(
    villages: Villages, *, seed: int = 1, storms: Sequence[Storm] = (), absent: float = 0.03
) -> World:
    chance = np.random.default_rng(seed)
    return World(
        villages=villages,
        absent=chance.random(len(villages)) < absent,
        slow_s=chance.uniform(0, 600, len(villages)),
        delays_s=chance.uniform(5 * _HOUR_S, 6 * _HOUR_S, 29),
        failing=0.002,
        seed=seed,
        storms=tuple(storms),
    )


def storm_day(villages: Villages, *, day: int, seed: int = 1, warnings: int = 33) -> list[Storm]:
    """A warning every 20 minutes from 05 to 16 UTC, each for 2 to 12 districts around a village and
    for 2 to 4 hours; one in the middle takes 98 districts, as many as the largest on record."""
    chance = np.random.default_rng(seed + 1)
    storms = []
    for number in range(warnings):
        begin = (START + timedelta(days=day, hours=5, minutes=20 * number)).timestamp()
        districts = 98 if number == warnings // 2 else int(chance.integers(2, 13))
        rows = _around(villages, int(chance.integers(len(villages))), districts)
        storms.append(Storm(rows, begin, begin + float(chance.uniform(2, 4)) * _HOUR_S))
    return storms


def _around(villages: Villages, row: int, districts: int) -> Rows:
    """All villages of the districts whose first villages lie nearest to a village."""
    north = villages.latitude[villages.starts] - villages.latitude[row]
    east = villages.longitude[villages.starts] - villages.longitude[row]
    nearest = np.argsort(np.hypot(north, east), kind="stable")[:districts]
    return np.flatnonzero(np.isin(villages.district, nearest)).astype(np.int64)


@dataclass
class Week:
    """What was seen; times in hours unless the name says otherwise."""

    requests: int = 0
    wasted: int = 0
    """Requests that brought the forecast that was there already."""
    plan_ms: list[float] = field(default_factory=list)
    districts_after: float | None = None
    """Until one village of each district had a forecast."""
    villages_after: float | None = None
    """Until each village had been asked."""
    sweeps: list[float] = field(default_factory=list)
    """Of each further run: from its first forecast until each district had it."""
    longest_wait: float = 0.0
    """Longest time from one request for a village to the next, or from the start to the first."""
    storm_minutes: list[float] = field(default_factory=list)
    """Of each warned village: from its warning, or from a new run's coming out within it, until
    its newest forecast was at hand."""
    storm_district_minutes: list[float] = field(default_factory=list)
    """The same until the first village of each warned district had it."""
    unserved: int = 0
    """Of these, how many never had it while the warning ran."""
    by_why: dict[str, int] = field(default_factory=dict)
    known: Knowledge | None = None


def simulate(world: World, *, budget: int, minutes: int) -> Week:
    """`minutes` cycles of `budget` requests from `START` on."""
    return _Simulation(world, budget).run(minutes)


class _Simulation:
    def __init__(self, world: World, budget: int) -> None:
        n = len(world.villages)
        self.world, self.budget, self.week = world, budget, Week()
        self.asked, self.answered, self.analysis = (np.full(n, NEVER) for _ in range(3))
        self.came = np.zeros(n, dtype=np.int8)
        self.reachable = np.unique(world.villages.district[~world.absent])
        self.open: dict[int, float] = {}
        self.open_districts: dict[int, float] = {}
        self.swept = NEVER
        self.first_out: dict[float, float] = {}

    def known(self) -> Knowledge:
        return Knowledge(self.asked, self.answered, self.analysis, self.came, {})

    def run(self, minutes: int) -> Week:
        begin = START.timestamp()
        for minute in range(minutes):
            now = begin + 60.0 * minute
            self._cycle(now, begin)
        waiting = now - np.where(np.isfinite(self.asked), self.asked, begin)
        patient = ~self.world.absent
        self.week.longest_wait = max(self.week.longest_wait, waiting[patient].max() / _HOUR_S)
        self.week.unserved = len(self.open)
        self.week.known = self.known()
        return self.week

    def _cycle(self, now: float, begin: float) -> None:
        from time import perf_counter

        newest = self.world.newest(now)
        urgency = self._urgency(now)
        self._watch_storms(now, newest)
        at = datetime.fromtimestamp(now, UTC)
        started = perf_counter()
        plan = plan_forecasts(self.world.villages, self.known(), urgency, budget=self.budget, at=at)
        self.week.plan_ms.append((perf_counter() - started) * 1000)
        rows = self.world.villages.rows([ask.adm4_code for ask in plan.asks])
        for why in Why:
            count = sum(ask.why is why for ask in plan.asks)
            self.week.by_why[why] = self.week.by_why.get(why, 0) + count
        self._answer(rows, now, newest, begin)
        self._measure(now, begin, newest)

    def _urgency(self, now: float) -> NDArray[np.int8]:
        villages = self.world.villages
        marks = np.zeros(len(villages), dtype=np.int8)
        running = [s.rows for s in self.world.storms if s.begin <= now < s.end]
        if running:
            warned = np.unique(np.concatenate(running))
            stand_ins = villages.representatives(self.came == Came.ABSENT)
            marks[stand_ins[villages.districts_near(warned)]] = Urgency.NEIGHBOUR
            marks[warned] = Urgency.WARNED
        return marks

    def _answer(self, rows: Rows, now: float, newest: NDArray[np.float64], begin: float) -> None:
        since = now - np.where(np.isfinite(self.asked[rows]), self.asked[rows], begin)
        there = ~self.world.absent[rows]
        if there.any():
            longest = since[there].max() / _HOUR_S
            self.week.longest_wait = max(self.week.longest_wait, float(longest))
        failed = self.world.fails(rows, now)
        got = rows[~failed & there]
        self.week.requests += len(rows)
        self.week.wasted += int((self.analysis[got] == newest[got]).sum())
        self.asked[rows] = now
        self.came[rows[failed]] = Came.FAILED
        self.came[rows[~failed & ~there]] = Came.ABSENT
        self.came[got] = Came.FORECAST
        self.answered[got] = now
        self.analysis[got] = newest[got]

    def _watch_storms(self, now: float, newest: NDArray[np.float64]) -> None:
        """Note who needs a newer forecast from now on, and who got it or is out of danger."""
        running = [s.rows for s in self.world.storms if s.begin <= now < s.end]
        warned = np.unique(np.concatenate(running)) if running else np.empty(0, dtype=np.int64)
        warned = warned[~self.world.absent[warned]]
        for row in [r for r in self.open if self.analysis[r] >= newest[r]]:
            self.week.storm_minutes.append((now - self.open.pop(row)) / 60)
        still = set(warned.tolist())
        self.open = {row: since for row, since in self.open.items() if row in still}
        for row in warned[self.analysis[warned] < newest[warned]].tolist():
            self.open.setdefault(row, now)
        self._watch_districts(now, warned, newest)

    def _watch_districts(self, now: float, warned: Rows, newest: NDArray[np.float64]) -> None:
        district = self.world.villages.district[warned]
        served = set(district[self.analysis[warned] >= newest[warned]].tolist())
        for one in served & self.open_districts.keys():
            self.week.storm_district_minutes.append((now - self.open_districts.pop(one)) / 60)
        waiting = set(district.tolist()) - served
        for one in waiting:
            self.open_districts.setdefault(one, now)

    def _measure(self, now: float, begin: float, newest: NDArray[np.float64]) -> None:
        week, hours = self.week, (now - begin) / _HOUR_S
        if week.districts_after is None:
            reached = np.unique(self.world.villages.district[np.isfinite(self.analysis)])
            if len(reached) == len(self.reachable):
                week.districts_after, self.swept = hours, float(newest.max())
        if week.villages_after is None and np.isfinite(self.asked).all():
            week.villages_after = hours
        run = float(newest.max())
        self.first_out.setdefault(run, now)
        if week.districts_after is not None and run > self.swept:
            have = np.unique(self.world.villages.district[self.analysis >= run])
            if len(have) == len(self.reachable):
                week.sweeps.append((now - self.first_out[run]) / _HOUR_S)
                self.swept = run
