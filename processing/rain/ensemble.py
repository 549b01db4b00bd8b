"""What may come instead: an ensemble of the next hours on a coarser grid, and its probabilities.

Members differ in motion and in intensity. Motion: a smooth error of the velocity, as large
everywhere in a forecast (Bowler, Pierson & Seed 2006, Q. J. R. Meteorol. Soc. 132, 2127-2155,
in a simpler form). Intensity: a factor whose logarithm is noise smooth in space that forgets
itself in time. Figures: `EnsembleRules`; what they are worth: `processing.rain.skill`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from processing.rain.advect import Trend, extrapolate
from processing.rain.motion import BLOCK, Motion

Grid2 = npt.NDArray[np.float32]


class EnsembleRules(BaseModel):
    """Figures of ours, settled on synthetic storms; unconfirmed on real ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(default=24, ge=2)
    cells: int = Field(default=5, ge=1)
    """Cells of a frame along each side of a cell of the ensemble: 0.1 degrees, about 11 km. On
    this scale satellite extrapolation has skill here (Smith et al. 2024, NHESS 24, 567-582)."""
    velocity_sigma: float = Field(default=0.35, ge=0)
    """Of each component, cells of the ensemble a step: 6 m/s at 10 minutes."""
    intensity_sigma: float = Field(default=0.9, ge=0)
    """Of ln(rate), reached when the noise has forgotten its beginning."""
    memory_steps: float = Field(default=9.0, gt=0)
    """After which the noise has fallen to 1/e."""
    noise_cells: float = Field(default=3.0, gt=0)
    """Standard deviation of the smoothing of the noise, cells."""


DEFAULT_RULES = EnsembleRules()


@dataclass(frozen=True)
class Ensemble:
    rates: npt.NDArray[np.float32]
    """mm/h, shape (members, steps, rows, columns) of the coarse grid; NaN: not known."""
    minutes: float
    """Length of a step."""


def ensemble(
    rain: Grid2,
    motion: Motion,
    *,
    steps: int,
    minutes: float = 10.0,
    seed: int,
    trend: Trend | None = None,
    rules: EnsembleRules = DEFAULT_RULES,
) -> Ensemble:
    """Members of the next `steps` steps; the same seed gives the same members.

    Args:
        rain: rate now on the fine grid, mm/h, NaN: not known.
        motion: of the fine grid, cells a step.
        trend: of the fine grid.
    """
    now = coarsened(rain, rules.cells)
    slow = _rescaled(motion, now.shape, rules.cells)
    grows = None if trend is None else _same_grid(trend, slow)
    random = np.random.default_rng(seed)
    rates = np.empty((rules.members, steps, *now.shape), dtype=np.float32)
    for member in range(rules.members):
        moved = _disturbed(slow, random, rules.velocity_sigma)
        rates[member] = extrapolate(now, moved, steps, grows)
        rates[member] *= _factors(random, rates.shape[1:], rules)
    return Ensemble(rates, minutes)


def coarsened(field: Grid2, cells: int) -> Grid2:
    """Means of `cells` by `cells`; rows and columns left over at the end are dropped.

    A mean is not known where any of its cells is not.
    """
    rows, columns = field.shape[0] // cells, field.shape[1] // cells
    cut = np.ascontiguousarray(field[: rows * cells, : columns * cells], dtype=np.float32)
    mean: Grid2 = cut.reshape(rows, cells, columns, cells).mean(axis=(1, 3))
    return mean


def sums_mm(found: Ensemble, first: int, last: int) -> npt.NDArray[np.float32]:
    """Rain of the steps `first` to `last` (from 1, both counted) of each member, mm."""
    part = found.rates[:, first - 1 : last]
    total: npt.NDArray[np.float32] = part.sum(axis=1) * np.float32(found.minutes / 60)
    return total


def exceedance(amounts: npt.NDArray[np.float32], threshold: float) -> Grid2:
    """Share of members at or above a threshold; NaN where any member is not known."""
    known = np.isfinite(amounts).all(axis=0)
    share = (amounts >= threshold).mean(axis=0, dtype=np.float32)
    return np.where(known, share, np.float32(np.nan))


def bands(amounts: npt.NDArray[np.float32]) -> Grid2:
    """p10, p50 and p90 over the members, shape (3, rows, columns); NaN where one is not known."""
    quantiles = np.quantile(amounts, (0.1, 0.5, 0.9), axis=0)
    return quantiles.astype(np.float32)


def _rescaled(motion: Motion, shape: tuple[int, ...], cells: int) -> Motion:
    """The motion of a grid that is `cells` times as coarse."""
    rows, columns = (-(-n // BLOCK) for n in shape)

    def fit(part: Grid2) -> Grid2:
        smaller: Grid2 = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        return smaller

    scale = np.float32(1 / cells)
    return Motion(fit(motion.east) * scale, fit(motion.north) * scale, fit(motion.seen))


def _same_grid(trend: Trend, motion: Motion) -> Trend:
    rows, columns = motion.east.shape
    log_growth = cv2.resize(trend.log_growth, (columns, rows), interpolation=cv2.INTER_AREA)
    return Trend(log_growth, trend.fade_steps)


def _disturbed(motion: Motion, random: np.random.Generator, sigma: float) -> Motion:
    """One velocity error for the member: half common to all, half smooth over the map."""
    parts = []
    for part in (motion.east, motion.north):
        common = random.standard_normal() * np.sqrt(0.5)
        local = _smooth_noise(random, part.shape, 1.5) * np.sqrt(0.5)
        parts.append((part + sigma * (common + local)).astype(np.float32))
    return Motion(parts[0], parts[1], motion.seen)


def _factors(
    random: np.random.Generator, shape: tuple[int, ...], rules: EnsembleRules
) -> npt.NDArray[np.float32]:
    """exp of an autoregressive noise, mean 1 at each step; nothing is disturbed at time 0."""
    steps, rows, columns = shape
    keep = float(np.exp(-1.0 / rules.memory_steps))
    state = np.zeros((rows, columns), dtype=np.float32)
    variance = 0.0
    out = np.empty(shape, dtype=np.float32)
    for step in range(steps):
        fresh = _smooth_noise(random, (rows, columns), rules.noise_cells)
        state = keep * state + np.float32(np.sqrt(1 - keep**2)) * fresh
        variance = keep**2 * variance + 1 - keep**2
        half = 0.5 * rules.intensity_sigma**2 * variance
        out[step] = np.exp(rules.intensity_sigma * state - half)
    return out


def _smooth_noise(random: np.random.Generator, shape: tuple[int, ...], cells: float) -> Grid2:
    """Normal noise, smoothed, of variance 1."""
    white = random.standard_normal(shape, dtype=np.float32)
    smooth: Grid2 = cv2.GaussianBlur(white, (0, 0), cells)
    # A Gaussian of width s leaves 1 / (4 pi s^2) of the variance of white noise.
    return smooth * np.float32(np.sqrt(4 * np.pi) * cells)
