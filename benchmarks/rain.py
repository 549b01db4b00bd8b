"""Rain: sums against xarray, the nowcast against pysteps, one national frame to villages.

pysteps stands in an environment of its own; `PYSTEPS_PYTHON` names its interpreter.

    uv venv pysteps && uv pip install --python pysteps/bin/python pysteps opencv-python-headless
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import (
    Bench,
    Result,
    not_measured,
    run_process,
    seconds,
    times_faster,
    within,
)
from kentongan.grid import BASE_GRID
from kentongan.hazard import AreaRule, HazardEvent, HazardField, attributes
from kentongan.store import Store
from kentongan.types import DocumentStatus, HazardId, Level
from orchestration.rain.applying import apply_curves, with_bands
from orchestration.rain.history import FrameNote, RainHistory
from processing.rain import product
from processing.rain.advect import extrapolate, growth
from processing.rain.calibrate_curves import Calibration, fitted
from processing.rain.calibrate_samples import Reservoir, matched
from processing.rain.motion import mean_motion, motion
from processing.rain.policy import rain_policy
from processing.rain.product import Observed
from processing.rain.retrieve import METHOD as RETRIEVAL
from processing.rain.retrieve import moved, retrieve
from processing.rain.sums import RunningSums, increment, opened, running, stored

Grid2 = NDArray[np.float32]

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=10)
HOURS = (1, 3, 6)
FRAMES = 37
SUMS_AT_LEAST, NUMPY_AT_LEAST, NOWCAST_AT_LEAST = 20.0, 3.0, 20.0
STEPS = 12
CHAIN_WITHIN_S = 2.0
NOWCAST_WITHIN_S = 1.0
ENSEMBLE_WITHIN_S = 3.0
RUNS = 5
ROUNDS, CALLS = 4, 4


def frame(step: int, *, seed: int = 1, storms: int = 300) -> Grid2:
    """Gaussian storms over the base grid, in a wind of 2 to 4 cells a step that turns with the
    latitude; mm/h."""
    rows, columns = BASE_GRID.rows, BASE_GRID.columns
    random = np.random.default_rng(seed)
    rain = np.zeros((rows, columns), dtype=np.float32)
    for _ in range(storms):
        row, column = random.uniform(0, rows), random.uniform(0, columns)
        size, peak = random.uniform(4, 25), random.uniform(5, 60)
        row, column = row - 1.5 * step, column + (3 + np.sin(row / 300)) * step
        low, high = (int(np.clip(row + s * 4 * size, 0, rows)) for s in (-1, 1))
        left, right = (int(np.clip(column + s * 4 * size, 0, columns)) for s in (-1, 1))
        y, x = np.ogrid[low:high, left:right]
        away = (y - row) ** 2 + (x - column) ** 2
        rain[low:high, left:right] += peak * np.exp(-away / (2 * size**2))
    rain[rain < 0.1] = 0
    return rain


_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
_ALONE = "from benchmarks.rain import sums_of_one_thread as s; [print(r.line()) for r in s()]"


def sums() -> Iterator[Result]:
    """Both on one thread, in a process of their own: the threads of numpy's product and ours
    would wait for each other, the longer the busier the machine is."""
    done = run_process([sys.executable, "-c", _ALONE], _ONE_THREAD)
    assert done.status == 0, done
    yield from (Result(**{"note": "", **json.loads(line)}) for line in done.output.splitlines())


def sums_of_one_thread() -> Iterator[Result]:
    """The 1, 3 and 6 h sums after one more frame; each turn has a frame of its own."""
    import xarray as xr

    turns = 2 * (ROUNDS * CALLS + 2)
    kept = [(START + k * STEP, stored(frame(k))) for k in range(FRAMES + turns)]
    rates = xr.DataArray(
        np.stack([opened(field) for _, field in kept]), dims=("time", "latitude", "longitude")
    )
    total = running([(at, partial(_same, field)) for at, field in kept[:FRAMES]], HOURS)
    now = FRAMES - 1

    def ours() -> list[Grid2]:
        nonlocal now
        now += 1
        (start, earlier), (end, later) = kept[now - 1 : now + 1]
        step = increment(earlier, later, start=start, end=end)
        assert step is not None
        total.add(step, tell=True)
        return [total.sum_mm(h) for h in HOURS]

    def by_xarray() -> list[Grid2]:
        return [_window(rates, now, h).sum("time").to_numpy() / 6 for h in HOURS]

    def by_numpy() -> list[Grid2]:
        weights = [np.full(h * 6, 1 / 6, dtype=np.float32) for h in HOURS]
        return [np.tensordot(w, _window(rates, now, len(w) // 6).values, axes=1) for w in weights]

    for name, peer, least in (
        ("xarray, default sums", by_xarray, SUMS_AT_LEAST),
        ("numpy, one product a window", by_numpy, NUMPY_AT_LEAST),
    ):
        ours_s, peer_s = _best(ours, peer)
        yield times_faster(
            f"rain.sums_{name.split(',')[0]}", ours_s, name, peer_s, at_least=least
        )  # fmt: skip


def _best(ours: Any, peer: Any) -> tuple[float, float]:
    """Least seconds of each over rounds of several calls: what a machine that is busy otherwise
    adds is no part of either."""
    _alike(ours(), peer())
    least = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, work in enumerate((ours, peer)):
            for _ in range(CALLS):
                least[place] = min(least[place], seconds(work)[0])
    _alike(ours(), peer())
    return least[0], least[1]


def _same(field: Any) -> Any:
    return field


def _window(rates: Any, now: int, hours: int) -> Any:
    return rates.isel(time=slice(now + 1 - hours * 6, now + 1))


def _alike(ours: list[Grid2], peer: list[Grid2]) -> None:
    """The peers add rates, ours takes trapezoids: half a frame's rain apart at either end."""
    for left, right in zip(ours, peer, strict=True):
        assert np.isfinite(left).all()
        assert abs(float(left.mean()) - float(right.mean())) < 0.05 * float(right.mean())


def nowcast() -> Iterator[Result]:
    """Motion and twelve steps from three frames, and the error at the last one."""
    python = os.environ.get("PYSTEPS_PYTHON", "")
    frames = [frame(k) for k in range(3)]
    truth = frame(2 + STEPS)

    def ours() -> Grid2:
        found = mean_motion([motion(a, b) for a, b in pairwise(frames)])
        return extrapolate(frames[-1], found, STEPS)[-1]

    made = ours()
    if not python:
        taken = statistics.median(seconds(ours)[0] for _ in range(RUNS))
        yield not_measured("rain.nowcast", f"PYSTEPS_PYTHON is not set; ours {taken:.2f} s")
        return
    peer_s, theirs = _by_pysteps(python, frames)
    ours_s = statistics.median(seconds(ours)[0] for _ in range(RUNS))
    known = np.isfinite(made) & np.isfinite(theirs)
    errors = [float(np.abs(f - truth)[known].mean()) for f in (made, theirs)]
    assert errors[0] <= errors[1] * 1.02, errors
    yield times_faster(
        "rain.nowcast", ours_s, "pysteps LK and extrapolation, 12 steps", peer_s,
        at_least=NOWCAST_AT_LEAST,
        note=f"mean absolute error at step 12: ours {errors[0]:.3f}, theirs {errors[1]:.3f} mm/h",
    )  # fmt: skip


def _by_pysteps(python: str, frames: list[Grid2]) -> tuple[float, Grid2]:
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "frames.npy"), Path(folder, "answer.npy")
        np.save(given, np.stack(frames))
        script = Path(__file__).with_name("rain_peer.py")
        found = subprocess.run(
            [python, str(script), str(given), str(STEPS), str(answer)],
            input="\n" * 3, text=True, capture_output=True, check=True,
        )  # fmt: skip
        times = [float(line) for line in found.stdout.split() if line[0].isdigit()]
        return statistics.median(times[1:]), np.load(answer)


@contextmanager
def one_core() -> Iterator[None]:
    """One thread alone; what others do on the machine meanwhile is then no part of its time."""
    import cv2
    import numba

    threads, ours = cv2.getNumThreads(), numba.get_num_threads()
    cv2.setNumThreads(1)
    numba.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        numba.set_num_threads(ours)


def national() -> Iterator[Result]:
    """One frame of temperature to levels, villages and people: each part and the whole, in
    seconds of one core."""
    with one_core():
        yield from _national()


def _national() -> Iterator[Result]:
    from risk.layers.layerset import load_layers
    from risk.overlay import impact_table

    layers, policy = load_layers(""), rain_policy()
    tops = [290 - np.minimum(frame(k), 60) * np.float32(1.6) for k in range(3)]
    rates = [_rain(a, b) for a, b in zip(tops, [None, *tops], strict=False)]
    kept = [(START + k * STEP, stored(rates[k])) for k in range(3)]
    total = running([(at, partial(_same, field)) for at, field in kept], (1, 3, 6, 24))
    parts: dict[str, list[float]] = {}
    clock: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        curves = _Curves(folder, policy)
        for _ in range(RUNS + 1):
            _once(parts, clock, tops, rates, total, policy, layers, impact_table, curves)
    medians, by_clock = (
        {name: statistics.median(taken[1:]) for name, taken in kind.items()}
        for kind in (parts, clock)
    )
    told = ", ".join(f"{name} {s:.2f} s" for name, s in medians.items())
    whole = sum(medians.values()) - medians["ensemble"]
    told += f"; {sum(by_clock.values()) - by_clock['ensemble']:.2f} s by the clock"
    yield _within("rain.frame_to_villages", whole, CHAIN_WITHIN_S, told)
    yield _within("rain.nowcast_18_steps", medians["nowcast"], NOWCAST_WITHIN_S)
    yield _within("rain.ensemble", medians["ensemble"], ENSEMBLE_WITHIN_S)


def _within(bench: str, value: float, limit: float, note: str = "") -> Result:
    return within(bench, value, "s", at_most=limit, seconds=value, note=note)


def _rain(now: Grid2, before: Grid2 | None) -> Grid2:
    found = retrieve(now, before).rate
    return moved(found, now, BASE_GRID.latitude, BASE_GRID.longitude)


def _once(
    parts: dict[str, list[float]], clock: dict[str, list[float]], tops: list[Grid2],
    rates: list[Grid2], total: RunningSums, policy: Any, layers: Any, impact_table: Any,
    curves: _Curves,
) -> None:  # fmt: skip
    def note(name: str, work: Any) -> Any:
        start = time.process_time()
        taken, answer = seconds(work)
        parts.setdefault(name, []).append(time.process_time() - start)
        clock.setdefault(name, []).append(taken)
        return answer

    note("retrieval", lambda: _rain(tops[-1], tops[-2]))
    note("curves", curves.apply)
    sums_mm = note("sums", lambda: {h: total.sum_mm(h) for h in (1, 3, 6, 24)})
    # Two frames are no hour: what is not known would take no time.
    filled: Mapping[int, Grid2] = {h: np.nan_to_num(mm, nan=3.0 * h) for h, mm in sums_mm.items()}
    seen = Observed(START + 2 * STEP, tuple(rates), filled)
    found = note("nowcast", lambda: _plain(seen, policy))
    ahead = note("ensemble", lambda: product.outlook(seen, policy.nowcast, seed=1))
    for kind in (parts, clock):
        kind["ensemble"][-1] = max(kind["ensemble"][-1] - kind["nowcast"][-1], 0.0)
    assert found.shape == ahead.rates.shape
    levels, chance = note("levels", lambda: product.levels(seen, ahead, policy))
    raster = note("dataset", lambda: product.dataset(seen, levels, chance, policy))
    note("bands", lambda: curves.bands(raster))
    note("villages", lambda: impact_table(_field(raster), layers, _levels()))


class _Curves:
    """Three hours of retrievals, and curves fitted on some made-up days."""

    def __init__(self, folder: str, policy: Any) -> None:
        self._policy, self._history = policy, RainHistory(Store(folder))
        rules = policy.calibration.model_copy(update={"samples_a_frame": 3000})
        kept, random = Reservoir(rules.most_samples), np.random.default_rng(1)
        for day in range(6):
            ours = frame(day)
            theirs = (ours * 2 * np.exp(0.4 * random.standard_normal(ours.shape))).astype("f4")
            time = START + timedelta(days=day)
            kept.add(matched(ours, theirs, time=time, source_id="x", grid=BASE_GRID, rules=rules))
        made, counts = fitted(kept, rules)
        self._made = Calibration("noaa-err", RETRIEVAL, START, START, START, 6, made, counts)
        self._now = START + 18 * STEP
        for k in range(19):
            self._history.put_retrieved(START + k * STEP, frame(k), ("0" * 64,))
            self._put(START + k * STEP)

    def _put(self, time: datetime) -> None:
        note = FrameNote(time.isoformat(), "himawari-b13", RETRIEVAL, "ok", ("0" * 64,), False)
        apply_curves(self._history, time, note, self._made, self._policy, BASE_GRID)

    def apply(self) -> None:
        self._put(self._now)

    def bands(self, raster: Any) -> Any:
        made = with_bands(
            raster.copy(), self._history, self._now, self._made, self._policy, BASE_GRID
        )
        assert "rain_3h_p90" in made
        return made


def _plain(seen: Observed, policy: Any) -> NDArray[np.float32]:
    pairs = pairwise(seen.rates)
    found = mean_motion([motion(a, b) for a, b in pairs])
    trend = growth(seen.rates[-2], seen.rates[-1], found, fade_steps=3.0)
    return extrapolate(seen.rates[-1], found, policy.nowcast.steps, trend)


def _levels() -> Any:
    from kentongan.policy import LevelPolicy, load_policy
    from kentongan.settings import data_dir

    return load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)


def _field(raster: Any) -> HazardField:
    event = HazardEvent(
        event_id="rain-bench", hazard_id=HazardId.RAIN, level=Level.WASPADA, onset=START,
        valid_from=START, valid_to=START + timedelta(hours=3), official=False,
        status=DocumentStatus.EXERCISE, title="bench", method=product.METHOD, observations=(),
    )  # fmt: skip
    return HazardField(
        event, AreaRule.SHARE_OF_PEOPLE, raster=raster.assign_attrs(attributes(event))
    )


BENCHES: dict[str, Bench] = {
    "rain.sums": sums,
    "rain.nowcast": nowcast,
    "rain.national": national,
}
