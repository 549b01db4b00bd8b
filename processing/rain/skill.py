"""How good the nowcast is, by lead time and threshold: `python -m processing.rain.skill`.

Synthetic afternoons (`processing.rain.synthetic`) are observed through our own chain, parallax and
calibration included; the calibration comes from other afternoons. Held against the true rain: our
nowcast, with and without trend, persistence, and pysteps (Lucas-Kanade and semi-Lagrangian
extrapolation) where that can be imported.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from processing.rain.advect import extrapolate, growth
from processing.rain.calibrate import Curve, fit
from processing.rain.motion import mean_motion, motion
from processing.rain.retrieve import moved, retrieve
from processing.rain.synthetic import Afternoon, afternoon

Grid2 = npt.NDArray[np.float32]
Nowcast = Callable[[Sequence[Grid2], int], Grid2]

THRESHOLDS = (1.0, 5.0, 10.0)
LEADS = (1, 3, 6, 9, 12, 15, 18)
"""Steps of ten minutes."""
STARTS = (6, 10)
"""Frames of an afternoon from which a nowcast begins: 18 steps later there still is truth."""
TRAINING = (101, 102, 103)
TEST = tuple(range(1, 7))
FADE_STEPS = 3.0
FSS_CELLS = 5
"""Neighbourhood of the fractions skill score on each side: about 11 km."""


@dataclass
class Counts:
    """A contingency table, and the sums of the fractions skill score."""

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    squares: float = 0.0
    reference: float = 0.0

    def add(self, forecast: Grid2, truth: Grid2, threshold: float) -> None:
        known = np.isfinite(forecast)
        there, said = (truth >= threshold) & known, (forecast >= threshold) & known
        self.hits += int((there & said).sum())
        self.misses += int((there & ~said).sum())
        self.false_alarms += int((~there & said).sum())
        near, observed = (_fractions(part) for part in (said, there))
        self.squares += float(((near - observed) ** 2).sum())
        self.reference += float((near**2).sum() + (observed**2).sum())

    @property
    def pod(self) -> float:
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def far(self) -> float:
        return self.false_alarms / max(self.hits + self.false_alarms, 1)

    @property
    def csi(self) -> float:
        return self.hits / max(self.hits + self.misses + self.false_alarms, 1)

    @property
    def bias(self) -> float:
        return (self.hits + self.false_alarms) / max(self.hits + self.misses, 1)

    @property
    def fss(self) -> float:
        """Roberts & Lean (2008), Mon. Wea. Rev. 136, 78-97."""
        return 1 - self.squares / self.reference if self.reference else float("nan")


def _fractions(said: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    from scipy import ndimage

    share: npt.NDArray[np.float64] = ndimage.uniform_filter(
        said.astype(float), FSS_CELLS, mode="constant"
    )
    return share


@dataclass
class Scores:
    """By method, threshold and lead."""

    table: dict[tuple[str, float, int], Counts] = field(default_factory=dict)

    def at(self, method: str, threshold: float, lead: int) -> Counts:
        return self.table.setdefault((method, threshold, lead), Counts())


def observed(day: Afternoon, frame: int, curve: Curve | None = None) -> Grid2:
    """Rain of one frame as our chain sees it, mm/h."""
    seen = day.temperature
    rate = retrieve(seen[frame], seen[frame - 1] if frame else None).rate
    there = moved(rate, seen[frame], day.latitude, day.longitude)
    return there if curve is None else curve.apply(there.astype(float))[1].astype(np.float32)


def calibration(seeds: Sequence[int] = TRAINING) -> Curve:
    """Ours against the truth of afternoons that are not in the test."""
    ours, truth = [], []
    for seed in seeds:
        day = afternoon(seed)
        for frame in range(1, len(day.rain), 3):
            ours.append(observed(day, frame).ravel())
            truth.append(day.rain[frame].ravel())
    return fit(np.concatenate(ours).astype(float), np.concatenate(truth).astype(float))


def persistence(frames: Sequence[Grid2], steps: int) -> Grid2:
    return np.repeat(frames[-1][None], steps, axis=0)


def moving(frames: Sequence[Grid2], steps: int) -> Grid2:
    """Ours without trend."""
    return extrapolate(frames[-1], _motion(frames), steps)


def growing(frames: Sequence[Grid2], steps: int) -> Grid2:
    """Ours."""
    found = _motion(frames)
    trend = growth(frames[-2], frames[-1], found, fade_steps=FADE_STEPS)
    return extrapolate(frames[-1], found, steps, trend)


def _motion(frames: Sequence[Grid2]) -> Any:
    return mean_motion([motion(a, b) for a, b in itertools.pairwise(frames)])


def with_pysteps(frames: Sequence[Grid2], steps: int) -> Grid2:
    """pysteps' dense Lucas-Kanade on dB, and its extrapolation; defaults."""
    from pysteps import motion as motions
    from pysteps import nowcasts

    now = np.stack([np.nan_to_num(f, nan=0.0) for f in frames]).astype(float)
    decibel = 10 * np.log10(np.maximum(now, 0.1))
    velocity = motions.get_method("LK")(decibel)
    made = nowcasts.get_method("extrapolation")(now[-1], velocity, steps)
    return np.asarray(made, dtype=np.float32)


def methods() -> dict[str, Nowcast]:
    found: dict[str, Nowcast] = {
        "ours": growing,
        "ours, no trend": moving,
        "persistence": persistence,
    }
    try:
        import pysteps  # noqa: F401
    except ImportError:
        return found
    return {**found, "pysteps": with_pysteps}


def scores(
    seeds: Sequence[int] = TEST, given: dict[str, Nowcast] | None = None, curve: Curve | None = None
) -> Scores:
    """All methods on the same frames."""
    curve = curve or calibration()
    found = Scores()
    for seed in seeds:
        day = afternoon(seed)
        for start in STARTS:
            frames = [observed(day, k, curve) for k in (start - 2, start - 1, start)]
            for name, nowcast in (given or methods()).items():
                _score(found, name, nowcast(frames, max(LEADS)), day.rain[start + 1 :])
    return found


def _score(found: Scores, name: str, made: Grid2, truth: Grid2) -> None:
    for lead in LEADS:
        for threshold in THRESHOLDS:
            found.at(name, threshold, lead).add(made[lead - 1], truth[lead - 1], threshold)


def table(found: Scores) -> str:
    """Markdown: one line a threshold, lead and method."""
    lines = [
        "| mm/h | lead, min | method | POD | FAR | CSI | bias | FSS 11 km |",
        "|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    names = list(dict.fromkeys(name for name, _, _ in found.table))
    for threshold in THRESHOLDS:
        for lead in LEADS:
            for name in names:
                c = found.at(name, threshold, lead)
                figures = " | ".join(f"{v:.2f}" for v in (c.pod, c.far, c.csi, c.bias, c.fss))
                lines.append(f"| {threshold:g} | {lead * 10} | {name} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    sys.stdout.write(table(scores()) + "\n")


if __name__ == "__main__":
    main()
