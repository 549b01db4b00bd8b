"""Least cost over cells, found from many at once and only as far as a limit.

The same graph as `risk.access.least_cost` (eight neighbours, a step costs the mean of its two
cells times its length), compiled (numba), for there are some thousand windows of a coast. The
tests compare both.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kentongan.compiled import jit
from kentongan.grid import Grid
from risk.access.friction import METRES_PER_DEGREE

Floats = NDArray[np.float64]


def least_cost(
    per_metre: Floats, source: NDArray[np.bool_], grid: Grid, *, limit: float = np.inf
) -> Floats:
    """Cost from the nearest source to every cell.

    Args:
        per_metre: cost of a metre in each cell, >= 0; inf where nothing passes. Shape of the grid,
            rows from south to north.
        source: cells where the cost is 0.
        limit: cells that cost more stay inf.

    Returns:
        Shape of the grid; inf where nothing gets to within `limit`.
    """
    north = grid.step * METRES_PER_DEGREE
    edges = grid.south + np.arange(grid.rows + 1) * grid.step
    level = north * np.cos(np.radians(grid.latitude))
    slant = north * np.cos(np.radians(edges))
    out: Floats = _spread(per_metre, source, north, level, slant, limit)
    return out


@jit
def _spread(per_metre: Any, source: Any, north: Any, level: Any, slant: Any, limit: Any) -> Any:
    """Dijkstra's algorithm. `level`: width of each row; `slant`: of the border below each row."""
    rows, columns = per_metre.shape
    cost = np.full((rows, columns), np.inf)
    heap = [(0.0, -1)]
    heap.pop()
    for r in range(rows):
        for c in range(columns):
            if source[r, c]:
                cost[r, c] = 0.0
                heapq.heappush(heap, (0.0, r * columns + c))
    while heap:
        so_far, cell = heapq.heappop(heap)
        r, c = cell // columns, cell % columns
        if so_far > cost[r, c]:
            continue
        for up in range(-1, 2):
            for right in range(-1, 2):
                a, b = r + up, c + right
                if a < 0 or a >= rows or b < 0 or b >= columns or (up == 0 and right == 0):
                    continue
                if up == 0:
                    metres = level[r]
                elif right == 0:
                    metres = north
                else:
                    metres = np.hypot(north, slant[max(r, a)])
                step = (per_metre[r, c] + per_metre[a, b]) / 2 * metres
                total = so_far + step
                if total <= limit and total < cost[a, b]:
                    cost[a, b] = total
                    heapq.heappush(heap, (total, a * columns + b))
    return cost
