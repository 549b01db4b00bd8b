"""The rain of now, carried on: semi-Lagrangian extrapolation with a fading trend.

Backward trajectories in steps of the motion field (Germann & Zawadzki 2002, Mon. Wea. Rev. 130,
2859-2873); the displacement is followed on the coarse grid of the motion and read between its
cells. Nothing is invented: new cells are not forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit, jit_inline, jit_parallel
from processing.rain.motion import BLOCK, Motion, blurred, coarse

Field = npt.NDArray[np.float32]

TREND_LIMIT = math.log(2.0)
"""A trend of more than a doubling in a step is noise of the retrieval, not weather: ours."""


@dataclass(frozen=True)
class Trend:
    """Growth and decay along the motion."""

    log_growth: Field
    """ln of the factor of one step, on the grid of the motion."""
    fade_steps: float
    """e-folding time of the trend, steps: what grows now does not grow for long."""


def displacements(motion: Motion, steps: int) -> Field:
    """Where the air of each coarse cell was at the start: shape (steps, 2, rows, columns), cells.

    The first of the pair is east, the second north; a backward trajectory of `k` steps ends at the
    cell's place minus the displacement.
    """
    rows, columns = motion.east.shape
    way = np.empty((steps, 2, rows, columns), dtype=np.float32)
    at = np.zeros((2, rows, columns), dtype=np.float32)
    for step in range(steps):
        at = at + _velocity_at(motion.east, motion.north, at)
        way[step] = at
    return way


@jit
def _velocity_at(east: Any, north: Any, back: Any) -> Any:
    """The velocity half a step up the trajectory, in two rounds; bilinear, the rim repeated."""
    rows, columns = east.shape
    out = np.empty((2, rows, columns), dtype=np.float32)
    for i in range(rows):
        for j in range(columns):
            u, v = east[i, j], north[i, j]
            for _round in range(2):
                y = min(max(i - (back[1, i, j] + 0.5 * v) / BLOCK, 0.0), rows - 1.0)
                x = min(max(j - (back[0, i, j] + 0.5 * u) / BLOCK, 0.0), columns - 1.0)
                y0, x0 = min(int(y), rows - 2), min(int(x), columns - 2)
                u = _between(east, y0, x0, y - y0, x - x0)
                v = _between(north, y0, x0, y - y0, x - x0)
            out[0, i, j], out[1, i, j] = u, v
    return out


@jit_inline
def _between(field: Any, y0: Any, x0: Any, fy: Any, fx: Any) -> Any:
    low = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    high = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return low * (1 - fy) + high * fy


def extrapolate(rain: Field, motion: Motion, steps: int, trend: Trend | None = None) -> Field:
    """Rain of the next `steps` steps.

    Args:
        rain: rate now, mm/h, shape (rows, columns), at least 16 cells along each side; NaN: not
            known.
        motion: of this grid, cells a step.
        trend: growth and decay; None: what is there stays as it is.

    Returns:
        Rates, mm/h, shape (steps, rows, columns), float32. NaN where the air comes from outside
        the frame or from where nothing is known: what comes in over the rim is not "no rain".
    """
    field = np.ascontiguousarray(rain, dtype=np.float32)
    way = displacements(motion, steps)
    growth = _factors(trend, steps, motion.east.shape)
    out = np.empty((steps, *field.shape), dtype=np.float32)
    _carry(field, way, growth, out)
    return out


def _factors(trend: Trend | None, steps: int, shape: tuple[int, ...]) -> Field:
    """ln of the factor up to each step, on the coarse grid at the start."""
    if trend is None:
        return np.zeros((steps, *shape), dtype=np.float32)
    share = np.cumsum(np.exp(-np.arange(steps) / trend.fade_steps))
    limited = np.clip(trend.log_growth, -TREND_LIMIT, TREND_LIMIT)
    return (share[:, None, None] * limited).astype(np.float32)


@jit_parallel
def _carry(field: Any, way: Any, growth: Any, out: Any) -> None:
    steps, rows, columns = out.shape
    crows, ccolumns = way.shape[2], way.shape[3]
    for i in numba.prange(rows):
        cy = (i + 0.5) / BLOCK - 0.5
        cy = min(max(cy, 0.0), crows - 1.0)
        cy0 = min(int(cy), crows - 2)
        fcy = np.float32(cy - cy0)
        for step in range(steps):
            for cj in range(ccolumns - 1):
                left = int((cj + 0.5) * BLOCK) if cj else 0
                right = int((cj + 1.5) * BLOCK) if cj < ccolumns - 2 else columns
                e0 = way[step, 0, cy0, cj] * (1 - fcy) + way[step, 0, cy0 + 1, cj] * fcy
                e1 = way[step, 0, cy0, cj + 1] * (1 - fcy) + way[step, 0, cy0 + 1, cj + 1] * fcy
                n0 = way[step, 1, cy0, cj] * (1 - fcy) + way[step, 1, cy0 + 1, cj] * fcy
                n1 = way[step, 1, cy0, cj + 1] * (1 - fcy) + way[step, 1, cy0 + 1, cj + 1] * fcy
                g0 = growth[step, cy0, cj] * (1 - fcy) + growth[step, cy0 + 1, cj] * fcy
                g1 = growth[step, cy0, cj + 1] * (1 - fcy) + growth[step, cy0 + 1, cj + 1] * fcy
                for j in range(left, min(right, columns)):
                    t = np.float32((j + 0.5) / BLOCK - 0.5 - cj)
                    t = min(max(t, np.float32(0.0)), np.float32(1.0))
                    y = i - (n0 * (1 - t) + n1 * t)
                    x = j - (e0 * (1 - t) + e1 * t)
                    value = _rain_at(field, y, x)
                    if value > 0:
                        value = value * math.exp(g0 * (1 - t) + g1 * t)
                    out[step, i, j] = value


@jit_inline
def _rain_at(field: Any, y: Any, x: Any) -> Any:
    rows, columns = field.shape
    # Half a cell over the rim is still the rim's cell; more comes from outside.
    if y < -0.5 or x < -0.5 or y > rows - 0.5 or x > columns - 0.5:
        return np.nan
    y = min(max(y, 0.0), rows - 1.0)
    x = min(max(x, 0.0), columns - 1.0)
    y0, x0 = min(int(y), rows - 2), min(int(x), columns - 2)
    fy, fx = y - y0, x - x0
    low = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    high = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return low * (1 - fy) + high * fy


def growth(earlier: Field, later: Field, motion: Motion, *, fade_steps: float) -> Trend:
    """The trend between two frames, followed along the motion.

    ln of the ratio of what the last step brought to what the motion alone would have brought,
    as means over about 100 km, and drawn to 0 where there is little rain.
    """
    carried = extrapolate(earlier, motion, 1)[0]
    known = np.isfinite(carried) & np.isfinite(later)
    was, now = (blurred(coarse(np.where(known, f, 0.0))) for f in (carried, later))
    # 0.05 mm/h over the surroundings: with less rain than that a ratio says nothing.
    log_growth = np.log((now + 0.05) / (was + 0.05))
    return Trend(log_growth.astype(np.float32), fade_steps)
