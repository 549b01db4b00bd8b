"""The forecast planner over the nation: time of one plan, and what a simulated week comes to.

No peer does this; the limits are ours. A week takes minutes:
`python -m benchmarks feeds.forecast_week`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from benchmarks.forecast_week import START, Week, make_world, simulate, storm_day
from benchmarks.harness import Bench, Result, seconds, within

BUDGET = 40
WEEK_MINUTES = 7 * 24 * 60
SEED = 1


def plan() -> Iterator[Result]:
    """One plan for 83,762 villages when none was ever asked: the longest lists there are."""
    from ingest.forecast_plan.plan import nothing_known, plan_forecasts
    from orchestration.forecasts import villages_of
    from risk.layers.layerset import load_layers

    villages = villages_of(load_layers(""))
    known, calm = nothing_known(len(villages)), np.zeros(len(villages), dtype=np.int8)

    def once() -> int:
        return len(plan_forecasts(villages, known, calm, budget=BUDGET, at=START).asks)

    taken = sorted(seconds(once)[0] for _ in range(20))[10]
    yield within("feeds.forecast_plan", taken * 1000, "ms", at_most=50, seconds=taken)


def week() -> Iterator[Result]:
    """Seven days at 40 requests a minute, the fourth with 33 warnings."""
    from orchestration.forecasts import villages_of
    from risk.layers.layerset import load_layers

    villages = villages_of(load_layers(""))
    world = make_world(villages, seed=SEED, storms=storm_day(villages, day=3, seed=SEED))
    taken, found = seconds(lambda: simulate(world, budget=BUDGET, minutes=WEEK_MINUTES))
    yield from _told(found, taken)


def _told(found: Week, taken: float) -> Iterator[Result]:
    note = f"seed {SEED}, {found.requests} requests, {found.wasted} of them brought nothing new"
    warned = np.array(found.storm_minutes)
    districts = np.array(found.storm_district_minutes)
    ages = _ages(found)
    for name, value, unit, most in (
        ("all_districts", found.districts_after or np.inf, "h", 4.0),
        ("slowest_sweep_of_districts", max(found.sweeps), "h", 4.5),
        ("all_villages", found.villages_after or np.inf, "h", 60.0),
        ("longest_wait", found.longest_wait, "h", 60.0),
        ("median_age", float(np.median(ages)), "h", 48.0),
        ("greatest_age", float(ages.max()), "h", 72.0),
        ("warned_district", float(districts.max()), "min", 5.0),
        ("warned_village_median", float(np.median(warned)), "min", 5.0),
        ("warned_village_slowest", float(warned.max()), "min", 40.0),
    ):
        yield within(
            f"feeds.forecast_week.{name}", value, unit, at_most=most, seconds=taken, note=note
        )


def _ages(found: Week) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Hours since the model run, of each village that has a forecast at the end."""
    assert found.known is not None
    runs = found.known.analysis[np.isfinite(found.known.analysis)]
    end = (START + timedelta(minutes=WEEK_MINUTES)).timestamp()
    return (end - runs) / 3600


BENCHES: dict[str, Bench] = {"feeds.forecast_plan": plan, "feeds.forecast_week": week}
