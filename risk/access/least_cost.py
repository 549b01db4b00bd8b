"""Least travel time over a friction surface, from one or from many posts.

Cells are joined to their eight neighbours; a step costs the mean friction of its two cells
times the distance between their centres (the geometric minimum-cost path of scikit-image's
`MCP_Geometric`, whose published values are the tests). Dijkstra's algorithm is scipy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from risk.access.friction import METRES_PER_DEGREE, Friction

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Half of the eight; the graph is undirected."""
_F64 = NDArray[np.float64]


def minutes_from(
    friction: Friction, longitude: _F64, latitude: _F64, *, limit: float = np.inf
) -> _F64:
    """Minutes from the nearest of these points to every cell.

    Args:
        longitude, latitude: degrees, shape (n,). Points outside the window are left out.
        limit: minutes beyond which nobody is looked for.

    Returns:
        float64, shape (rows, columns); inf where nobody gets to within `limit`.
    """
    nearest: _F64 = _search(friction, longitude, latitude, limit, nearest=True)[0]
    return nearest


def minutes_from_each(friction: Friction, longitude: _F64, latitude: _F64, *, limit: float) -> _F64:
    """Minutes from each point to every cell, shape (n, rows, columns); inf beyond `limit`.

    A point outside the window reaches nothing.
    """
    return _search(friction, longitude, latitude, limit, nearest=False)


def _search(
    friction: Friction, longitude: _F64, latitude: _F64, limit: float, *, nearest: bool
) -> _F64:
    from scipy.sparse.csgraph import dijkstra

    rows, columns = friction.minutes_per_metre.shape
    cell, inside = cells_of(friction, longitude, latitude)
    out = np.full((1 if nearest else cell.size, rows * columns), np.inf)
    if inside.any():
        found = dijkstra(
            graph_of(friction), directed=False, indices=cell[inside], limit=limit, min_only=nearest
        )
        out[slice(None) if nearest else inside] = found
    return out.reshape(-1, rows, columns)


def cells_of(
    friction: Friction, longitude: _F64, latitude: _F64
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat cell of each point, and whether it lies in the window (else the cell is 0)."""
    grid = friction.grid
    column = np.floor((np.asarray(longitude) - grid.west) / grid.step)
    row = np.floor((np.asarray(latitude) - grid.south) / grid.step)
    inside = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    flat = np.where(inside, row * grid.columns + column, 0)
    return np.nan_to_num(flat).astype(np.int64), inside


def graph_of(friction: Friction) -> csr_array:
    """The steps between passable cells as a sparse matrix, minutes; each pair once."""
    from scipy.sparse import csr_array

    pieces = [_steps(friction, *shift) for shift in _NEIGHBOURS]
    a, b, cost = (np.concatenate(column) for column in zip(*pieces, strict=True))
    cells = friction.minutes_per_metre.size
    return csr_array((cost, (a, b)), shape=(cells, cells))


def _steps(
    friction: Friction, up: int, right: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], _F64]:
    """From, to and minutes of every step in one direction."""
    surface = friction.minutes_per_metre
    rows, columns = surface.shape
    number = np.arange(surface.size).reshape(rows, columns)
    here = (slice(0, rows - up), slice(max(0, -right), columns - max(0, right)))
    there = (slice(up, rows), slice(max(0, right), columns - max(0, -right)))
    metres = _step_metres(friction, up, right)[: rows - up, None]
    cost = (surface[here] + surface[there]) / 2 * metres
    usable = np.isfinite(cost)
    return number[here][usable], number[there][usable], cost[usable]


def _step_metres(friction: Friction, up: int, right: int) -> _F64:
    """Length of a step that starts in each row."""
    grid = friction.grid
    middle = np.radians(grid.latitude + up * grid.step / 2)
    east = right * grid.step * METRES_PER_DEGREE * np.cos(middle)
    return np.asarray(np.hypot(up * grid.step * METRES_PER_DEGREE, east), dtype=np.float64)
