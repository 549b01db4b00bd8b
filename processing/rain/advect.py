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
    _carry(field, _wet_blocks(field), way, growth, out)
    return out


def _factors(trend: Trend | None, steps: int, shape: tuple[int, ...]) -> Field:
    """ln of the factor up to each step, on the coarse grid at the start."""
    if trend is None:
        return np.zeros((steps, *shape), dtype=np.float32)
    share = np.cumsum(np.exp(-np.arange(steps) / trend.fade_steps))
    limited = np.clip(trend.log_growth, -TREND_LIMIT, TREND_LIMIT)
    return (share[:, None, None] * limited).astype(np.float32)


@jit
def _wet_blocks(field: Any) -> Any:
    """Whether a block of the coarse grid has anything but zeros: rain, or what is not known."""
    rows, columns = field.shape
    out = np.zeros((-(-rows // BLOCK), -(-columns // BLOCK)), dtype=np.bool_)
    for i in range(rows):
        for bj in range(out.shape[1]):
            found = False
            for j in range(bj * BLOCK, min((bj + 1) * BLOCK, columns)):
                found |= field[i, j] != 0
            out[i // BLOCK, bj] |= found
    return out


@jit_parallel
def _carry(field: Any, wet: Any, way: Any, growth: Any, out: Any) -> None:
    for band in numba.prange(way.shape[2]):
        _carry_band(field, wet, way, growth, band, out)


_DRY, _INSIDE, _AT_RIM = 0, 1, 2


@jit
def _carry_band(field: Any, wet: Any, way: Any, growth: Any, band: Any, out: Any) -> None:
    """BLOCK rows of every step. A span lies between the middles of two coarse cells; one that
    reads zeros alone is zero, and others that stand side by side are read together."""
    rows, columns = field.shape
    spans = way.shape[3] - 1
    knots, cells = np.empty((3, spans + 1), np.float32), np.empty((5, columns), np.float32)
    kind, place = np.empty(spans, dtype=np.uint8), np.empty(columns, dtype=np.int32)
    for step in range(out.shape[0]):
        _sort_out(wet, field.shape, band, way[step], kind)
        for i in range(band * BLOCK, min((band + 1) * BLOCK, rows)):
            _across(way[step], growth[step], i, knots)
            span = 0
            while span < spans:
                first = span
                while span < spans and (kind[span] == _DRY) == (kind[first] == _DRY):
                    span += 1
                begin, end = _begin(first, spans, columns), _begin(span, spans, columns)
                if kind[first] == _DRY:
                    out[step, i, begin:end] = 0
                    continue
                for one in range(first, span):
                    _along(knots, one, columns, cells)
                _read(field, i, begin, end, cells, place, out[step, i])
                for one in range(first, span):
                    if kind[one] == _AT_RIM:
                        _read_rim(field, i, one, spans, cells, out[step, i])
                for j in range(begin, end):
                    if out[step, i, j] > 0:
                        out[step, i, j] *= np.float32(math.exp(cells[2, j]))


@jit
def _across(way: Any, growth: Any, i: Any, knots: Any) -> None:
    """East, north and ln of the growth in row `i`, at the middles of the coarse cells."""
    y = min(max((i + 0.5) / BLOCK - 0.5, 0.0), way.shape[1] - 1.0)
    row = min(int(y), way.shape[1] - 2)
    share = np.float32(y - row)
    rest = np.float32(1) - share
    for j in range(knots.shape[1]):
        knots[0, j] = way[0, row, j] * rest + way[0, row + 1, j] * share
        knots[1, j] = way[1, row, j] * rest + way[1, row + 1, j] * share
        knots[2, j] = growth[row, j] * rest + growth[row + 1, j] * share


@jit
def _sort_out(wet: Any, shape: Any, band: Any, way: Any, kind: Any) -> None:
    """Which spans of a band of rows read zeros alone, and which may read beside a rim; a cell more
    on each side is looked at, which is more than rounding moves a place."""
    rows, columns = shape
    top, bottom = min(band + 1, way.shape[1] - 1), max(band - 1, 0)
    for span in range(kind.size):
        west = east = way[0, band, span]
        south = north = way[1, band, span]
        for row in range(bottom, top + 1):
            for column in range(span, span + 2):
                east, west = max(east, way[0, row, column]), min(west, way[0, row, column])
                north, south = max(north, way[1, row, column]), min(south, way[1, row, column])
        low, high = band * BLOCK - north, min((band + 1) * BLOCK, rows) - 1 - south
        first = _begin(span, kind.size, columns) - east
        last = _begin(span + 1, kind.size, columns) - west
        if low < 1 or first < 1 or high > rows - 3 or last > columns - 3:
            kind[span] = _AT_RIM
            continue
        kind[span] = _DRY
        for bi in range((int(low) - 1) // BLOCK, (int(high) + 2) // BLOCK + 1):
            for bj in range((int(first) - 1) // BLOCK, (int(last) + 2) // BLOCK + 1):
                if wet[bi, bj]:
                    kind[span] = _INSIDE


@jit
def _begin(span: Any, spans: Any, columns: Any) -> Any:
    """Cell that a span begins with; the first and the last reach to the rim."""
    if span == 0:
        return 0
    return columns if span == spans else min(int((span + 0.5) * BLOCK), columns)


@jit
def _along(knots: Any, span: Any, columns: Any, cells: Any) -> None:
    """East, north and ln of the growth of each cell of a span."""
    spans = knots.shape[1] - 1
    begin = _begin(span, spans, columns)
    if 0 < span < spans - 1:
        for k in range(3):
            left, right = knots[k, span], knots[k, span + 1]
            for j in range(BLOCK):  # a constant number of cells is one operation of vectors
                t = np.float32((j + 0.5) / BLOCK)
                cells[k, begin + j] = left * (np.float32(1) - t) + right * t
        return
    for j in range(begin, _begin(span + 1, spans, columns)):
        t = np.float32(min(max((j + 0.5) / BLOCK - 0.5 - span, 0.0), 1.0))
        for k in range(3):
            cells[k, j] = knots[k, span] * (1 - t) + knots[k, span + 1] * t


@jit
def _read(field: Any, i: Any, begin: Any, end: Any, cells: Any, place: Any, out: Any) -> None:
    """Bilinear; what reads over the rim gets any value. Two loops without a branch: the compiler
    makes vectors of them."""
    flat, rows, columns = field.ravel(), np.int32(field.shape[0]), np.int32(field.shape[1])
    east, north, fx, fy = cells[0], cells[1], cells[3], cells[4]
    for j in range(begin, end):
        up, across = np.floor(-north[j]), np.floor(-east[j])
        fy[j], fx[j] = -north[j] - up, -east[j] - across
        y = min(max(np.int32(i) + np.int32(up), np.int32(0)), rows - np.int32(2))
        x = min(max(np.int32(j) + np.int32(across), np.int32(0)), columns - np.int32(2))
        place[j] = y * columns + x
    one, next_row = np.float32(1), np.uint32(columns)
    for j in range(begin, end):
        at = np.uint32(place[j])
        low = flat[at] * (one - fx[j]) + flat[at + np.uint32(1)] * fx[j]
        high = flat[at + next_row] * (one - fx[j]) + flat[at + next_row + np.uint32(1)] * fx[j]
        out[j] = low * (one - fy[j]) + high * fy[j]


@jit
def _read_rim(field: Any, i: Any, span: Any, spans: Any, cells: Any, out: Any) -> None:
    columns = field.shape[1]
    for j in range(_begin(span, spans, columns), _begin(span + 1, spans, columns)):
        out[j] = _rain_at(field, i - cells[1, j], j - cells[0, j])


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
