"""A people raster of any kind as stripes of counts in degrees.

- In degrees already: its own cells, its own origin, never resampled.
- Any other coordinate system: each cell is cut into `_SPLIT` x `_SPLIT` equal parts, and each
  part's people are put into the degree cell in which its centre lies. Nobody is lost and nobody
  made: the sum is the sum of the file. A person moves by at most an eighth of a source cell.
- A density becomes counts by the true area of each cell, on the ellipsoid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.warp
from numpy.typing import NDArray

from kentongan.compiled import jit
from kentongan.grid import BASE_GRID
from risk.layers.rasters import (
    WGS84,
    Bounds,
    degrees_bounds,
    is_lonlat,
    open_raster,
    read_values,
    row_blocks,
)
from risk.stripes import Stripe

_SPLIT = 4
_LATTICE = 32
"""Source cells between points whose place is computed exactly; between them it is interpolated.
At 100 m that is 3 km: the interpolation is off by centimetres."""
_AREA_CRS = "EPSG:6933"
"""Cylindrical equal area on the WGS84 ellipsoid: areas in it are true areas."""
_STRIPE_ROWS = 240
_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]


class PeopleKind(StrEnum):
    """What a value of a people raster counts."""

    COUNT = "count"
    PER_KM2 = "per-km2"
    PER_HA = "per-ha"
    WEIGHT = "weight"
    """Nothing absolute: it says where within a regency people live, not how many."""


ABSOLUTE = (PeopleKind.COUNT, PeopleKind.PER_KM2, PeopleKind.PER_HA)
_PER_KM2 = {PeopleKind.PER_KM2: 1.0, PeopleKind.PER_HA: 100.0}


@dataclass(frozen=True)
class RasterPeople:
    """`risk.stripes.PeopleStripes` of a file; make it with `people_raster`."""

    path: Path
    kind: PeopleKind
    west: float
    north: float
    dx: float
    dy: float
    rows: int
    columns: int
    own_grid: bool
    """The cells are the file's own."""

    def stripes(self) -> Iterator[Stripe]:
        with open_raster(self.path) as source:
            yield from _own(source, self) if self.own_grid else _moved(source, self)


def people_raster(path: Path, kind: PeopleKind = PeopleKind.COUNT) -> RasterPeople:
    """Stripes of counts from any raster with a coordinate system.

    Raises:
        LayerError: cannot be read, or has no coordinate system.
    """
    with open_raster(path) as source:
        if is_lonlat(source.crs):
            bounds = degrees_bounds(source)
            dx, dy = source.transform.a, abs(source.transform.e)
            return RasterPeople(
                path, kind, bounds[0], bounds[3], dx, dy, source.height, source.width, True
            )
        return _fine_grid(path, kind, _Lattice(source).bounds, source)


def _fine_grid(path: Path, kind: PeopleKind, bounds: Bounds, source: Any) -> RasterPeople:
    """Degree cells as fine as the source's, that divide those of the base grid."""
    west, south, east, north = bounds
    native = min((east - west) / source.width, (north - south) / source.height)
    parts = max(1, math.ceil(BASE_GRID.step / native * (1 - 1e-6)))
    step = BASE_GRID.step / parts
    top = BASE_GRID.south + BASE_GRID.rows * BASE_GRID.step
    first = math.floor((top - north) / step) - 1
    left = math.floor((west - BASE_GRID.west) / step) - 1
    rows = math.ceil((top - south) / step) + 1 - first
    columns = math.ceil((east - BASE_GRID.west) / step) + 1 - left
    return RasterPeople(
        path, kind, BASE_GRID.west + left * step, top - first * step, step, step, rows, columns,
        False,
    )  # fmt: skip


def _own(source: Any, grid: RasterPeople) -> Iterator[Stripe]:
    flipped = source.transform.e > 0
    windows = list(row_blocks(source))
    for window in reversed(windows) if flipped else windows:
        values = read_values(source, window)
        first = int(window.row_off)
        if flipped:
            values, first = values[::-1], source.height - first - values.shape[0]
        if grid.kind in _PER_KM2:
            area = _row_km2(grid, first, values.shape[0])
            values = values * (area * _PER_KM2[grid.kind])[:, None].astype(np.float32)
        yield Stripe(first, np.ascontiguousarray(values, dtype=np.float32))


def _row_km2(grid: RasterPeople, first: int, count: int) -> _F64:
    """True area of one cell of each row, km2."""
    edge = grid.north - np.arange(first, first + count + 1) * grid.dy
    x, y = rasterio.warp.transform(
        WGS84, _AREA_CRS, [grid.west] * edge.size + [grid.west + grid.dx], [*edge, edge[0]]
    )
    area: _F64 = (x[-1] - x[0]) * -np.diff(y[:-1]) / 1e6
    return area


def _moved(source: Any, grid: RasterPeople) -> Iterator[Stripe]:
    """Stripes of the degree grid; each reads the source rows that may reach into it.

    A source row can reach into two stripes; its parts are told apart by where they lie.
    """
    lattice = _Lattice(source)
    per_value = lattice.km2 * _PER_KM2.get(grid.kind, 0.0)
    frame = (grid.west, grid.north, grid.dx)
    for first in range(0, grid.rows, _STRIPE_ROWS):
        count = min(_STRIPE_ROWS, grid.rows - first)
        out = np.zeros((count, grid.columns), dtype=np.float64)
        north = grid.north - first * grid.dy
        start, stop = lattice.rows_reaching(north - count * grid.dy, north)
        for window in row_blocks(source, start, stop):
            values = read_values(source, window).astype(np.float64)
            places = (lattice.row, lattice.column, lattice.lon, lattice.lat)
            _splat(values, int(window.row_off), places, per_value, frame, first, out)
        yield Stripe(first, out.astype(np.float32))


class _Lattice:
    """Exact places of every `_LATTICE`-th corner of the source's cells.

    Attributes:
        row, column: source rows and columns of the corners, and the last edge.
        lon, lat: degrees, shape (rows, columns).
        km2: true area of one source cell in each square, shape (rows - 1, columns - 1).
    """

    def __init__(self, source: Any) -> None:
        self.row = np.append(np.arange(0.0, source.height, _LATTICE), source.height)
        self.column = np.append(np.arange(0.0, source.width, _LATTICE), source.width)
        x, y = np.meshgrid(self.column, self.row)
        a = source.transform
        flat_x, flat_y = (a.c + a.a * x).ravel(), (a.f + a.e * y).ravel()
        lon, lat = rasterio.warp.transform(source.crs, WGS84, flat_x, flat_y)
        self.lon, self.lat = np.reshape(lon, x.shape), np.reshape(lat, x.shape)
        u, v = rasterio.warp.transform(source.crs, _AREA_CRS, flat_x, flat_y)
        self.km2 = self._cell_km2(np.reshape(u, x.shape), np.reshape(v, x.shape))

    @property
    def bounds(self) -> Bounds:
        west, east = float(self.lon.min()), float(self.lon.max())
        return west, float(self.lat.min()), east, float(self.lat.max())

    def _cell_km2(self, u: _F64, v: _F64) -> _F64:
        """From the diagonals of each square in an equal-area plane."""
        dx, dy = u[1:, 1:] - u[:-1, :-1], v[1:, 1:] - v[:-1, :-1]
        ex, ey = u[1:, :-1] - u[:-1, 1:], v[1:, :-1] - v[:-1, 1:]
        cells = np.diff(self.row)[:, None] * np.diff(self.column)[None, :]
        km2: _F64 = np.abs(dx * ey - dy * ex) / 2 / cells / 1e6
        return km2

    def rows_reaching(self, south: float, north: float) -> tuple[int, int]:
        """The run of source rows that may reach into a band of latitude; empty as (0, 0)."""
        high = np.maximum(self.lat[1:].max(axis=1), self.lat[:-1].max(axis=1))
        low = np.minimum(self.lat[1:].min(axis=1), self.lat[:-1].min(axis=1))
        hit = np.flatnonzero((high >= south) & (low <= north))
        if hit.size == 0:
            return 0, 0
        return int(self.row[hit[0]]), int(self.row[hit[-1] + 1])


@jit
def _splat(
    values: _F64,
    first_source: int,
    lattice: tuple[_F64, _F64, _F64, _F64],
    per_value: _F64,
    frame: tuple[float, float, float],
    first: int,
    out: _F64,
) -> None:
    """Add the people of source rows to the rows from `first` of the degree grid.

    Args:
        values: people or density, NaN is nobody; row 0 is source row `first_source`.
        lattice: source rows and columns at which longitude and latitude are given, and these.
        per_value: by lattice square, people that one unit of the value makes; 0 for counts.
        frame: west, north, step of the degree grid.
        out: people, changed in place.
    """
    row_at, column_at, lon, lat = lattice
    west, north, step = frame
    share = 1.0 / (_SPLIT * _SPLIT)
    for i in range(values.shape[0]):
        row = first_source + i
        a = row // _LATTICE
        for j in range(values.shape[1]):
            people = values[i, j]
            if np.isnan(people) or people == 0:
                continue
            b = j // _LATTICE
            if per_value[a, b] != 0:
                people *= per_value[a, b]
            for p in range(_SPLIT):
                t = (row + (p + 0.5) / _SPLIT - row_at[a]) / (row_at[a + 1] - row_at[a])
                for q in range(_SPLIT):
                    u = (j + (q + 0.5) / _SPLIT - column_at[b]) / (column_at[b + 1] - column_at[b])
                    y = (1 - t) * ((1 - u) * lat[a, b] + u * lat[a, b + 1]) + t * (
                        (1 - u) * lat[a + 1, b] + u * lat[a + 1, b + 1]
                    )
                    out_row = int(np.floor((north - y) / step)) - first
                    if out_row < 0 or out_row >= out.shape[0]:
                        continue
                    x = (1 - t) * ((1 - u) * lon[a, b] + u * lon[a, b + 1]) + t * (
                        (1 - u) * lon[a + 1, b] + u * lon[a + 1, b + 1]
                    )
                    out_column = int(np.floor((x - west) / step))
                    if 0 <= out_column < out.shape[1]:
                        out[out_row, out_column] += people * share
