"""Classes of an intensity that falls with distance alone: rings, without a value for each cell.

Where no site term stands, each class edge is one distance, and in each row of a grid the cells
within it are one run of columns, found by halving. No cell differs from the continuous form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit
from kentongan.errors import DataError
from processing.quakes import EARTH_RADIUS_KM

Floats = npt.NDArray[np.float64]

FARTHEST_KM = 20_015.2
"""Half of the Earth's round; rounded up."""
_PARTS = 96
_ROUNDS = 8
"""95 to the eighth: the reach to some 1e-11 of a km, nearly as fine as the numbers are."""
_LOOKS = 400
"""Distances at which the intensity is seen to fall."""


def reach_km(
    intensity: Callable[[Floats], Floats], edges: Sequence[float], *, farthest: float = FARTHEST_KM
) -> Floats:
    """The greatest distance at which each edge is reached, km; -1 where it is nowhere.

    Args:
        intensity: of epicentral distances in km; must not rise with distance.
        edges: of classes, ascending.

    Raises:
        DataError: the intensity rises somewhere, or the edges do not ascend.
    """
    wanted = np.asarray(edges, dtype=float)[:, None]
    if (np.diff(wanted[:, 0]) <= 0).any():
        raise DataError(f"class edges: expected ascending, found {list(edges)}")
    looked = intensity(np.geomspace(0.01, farthest, _LOOKS))
    if (np.diff(looked) > 1e-9).any():
        raise DataError("intensity: expected one that falls with distance, found one that rises")
    low, high = np.zeros_like(wanted), np.full_like(wanted, farthest)
    share = np.linspace(0.0, 1.0, _PARTS)
    for _ in range(_ROUNDS):
        tried = low + (high - low) * share
        count = np.count_nonzero(intensity(tried) >= wanted, axis=1, keepdims=True)
        low = np.take_along_axis(tried, np.maximum(count - 1, 0), axis=1)
        high = np.take_along_axis(tried, np.minimum(count, _PARTS - 1), axis=1)
    nowhere = intensity(np.zeros(1)) < wanted[:, 0]
    found: Floats = np.where(nowhere, -1.0, low[:, 0])
    return found


def ring_classes(
    reach: Floats, latitude: Floats, longitude: Floats, *, to_latitude: float, to_longitude: float
) -> npt.NDArray[np.int8]:
    """How many of the edges each cell reaches, int8, shape (latitude, longitude).

    Args:
        reach: km, falling, as `reach_km` gives it.
        latitude: cell centres, degrees.
        longitude: likewise, ascending, over less than 360 degrees.
    """
    p = math.pi / 180.0
    row = np.sin((latitude - to_latitude) * (p / 2)) ** 2
    scale = np.cos(latitude * p) * math.cos(to_latitude * p)
    column = np.sin((longitude - to_longitude) * (p / 2)) ** 2
    limit = np.where(reach < 0, -1.0, np.sin(np.maximum(reach, 0.0) / (2 * EARTH_RADIUS_KM)) ** 2)
    out = np.zeros((latitude.size, longitude.size), np.int8)
    nearest = int(np.argmin(column)) if column.size else 0
    falls_then_rises = (np.diff(column[: nearest + 1]) <= 0).all() and (
        np.diff(column[nearest:]) >= 0
    ).all()
    if falls_then_rises:
        _runs(row, scale, column, nearest, limit, out)
    else:
        _cells(row, scale, column, limit, out)
    return out


@jit
def _runs(
    row: Floats, scale: Floats, column: Floats, nearest: int, limit: Floats,
    out: npt.NDArray[np.int8],
) -> None:  # fmt: skip
    for i in range(row.size):
        start, stop = 0, column.size
        for k in range(limit.size):
            a, b = start, min(nearest, stop)
            while a < b:
                middle = (a + b) >> 1
                if row[i] + scale[i] * column[middle] <= limit[k]:
                    b = middle
                else:
                    a = middle + 1
            start = a
            a, b = max(nearest, start), stop
            while a < b:
                middle = (a + b) >> 1
                if row[i] + scale[i] * column[middle] <= limit[k]:
                    a = middle + 1
                else:
                    b = middle
            stop = a
            if start >= stop:
                break
            out[i, start:stop] = k + 1


@jit
def _cells(
    row: Floats, scale: Floats, column: Floats, limit: Floats, out: npt.NDArray[np.int8],
) -> None:  # fmt: skip
    """Cell by cell: for a grid that reaches round the Earth past the quake's antipode."""
    for i in range(row.size):
        for j in range(column.size):
            for edge in limit:
                out[i, j] += np.int8(row[i] + scale[i] * column[j] <= edge)
