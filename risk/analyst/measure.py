"""People, or area, inside shapes and inside the cells of a hazard, exact by area coverage.

The people of a raster cell stand evenly in it. Shapes and hazard cells cut it; nothing is
resampled. Sums are of whole units (2**-32 person) and do not depend on any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from kentongan.grid import Grid
from risk.analyst.cells import Cells
from risk.analyst.people import Kind, PeopleRaster
from risk.exposure.people import UNITS, Found, people_entries
from risk.layers.progress import Advance, silent
from risk.layers.rasters import WGS84
from risk.stripes import Stripe

_BAND_CELLS = 4_000_000
"""Hazard cells worked on at once: some 200 MB with their entries."""
_SHAPES_AT_ONCE = 20_000
_MOST_TOTAL = 1e9
"""People above which they are counted in larger units, so that no sum overflows."""

_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]
_Shapes = NDArray[np.object_]


class Measure(Protocol):
    """What stands in a shape of a plane."""

    @property
    def crs(self) -> CRS: ...

    def inside(self, shapes: _Shapes) -> _F64:
        """Of each shape, shape (n,)."""
        ...

    @property
    def total(self) -> float: ...

    def by_class(
        self, shapes: _Shapes, cells: Cells, index: NDArray[np.int16], keys: int, advance: Advance
    ) -> tuple[_F64, _F64]:
        """What stands in each class of a raster in the same plane.

        Args:
            index: shape (members, rows, columns), -1 not known.

        Returns:
            Of each shape, (members, n, keys), and of everything, (members, keys).
        """
        ...


@dataclass(frozen=True, eq=False)
class PeopleMeasure:
    raster: PeopleRaster

    @property
    def crs(self) -> CRS:
        return self.raster.cells.crs

    @property
    def total(self) -> float:
        return self.raster.total

    @cached_property
    def _factor(self) -> float:
        """A power of two."""
        return 2.0 ** -max(0, math.ceil(math.log2(max(self.total, 1.0) / _MOST_TOTAL)))

    def inside(self, shapes: _Shapes) -> _F64:
        rows, columns = self.raster.cells.shape
        dx, dy = self.raster.cells.step
        whole = _Placed(self.raster, (columns * dx, rows * dy), self._factor, 0, rows)
        out = np.zeros(shapes.size, dtype=np.int64)
        grid = Grid(0.0, 0.0, 1.0, 1, 1)
        for first in range(0, shapes.size, _SHAPES_AT_ONCE):
            some = shapes[first : first + _SHAPES_AT_ONCE]
            found = _entries(whole.unit(some), grid, whole)
            np.add.at(out, found.village + first, found.units)
        return out / (UNITS * self._factor)

    def by_class(
        self,
        shapes: _Shapes,
        cells: Cells,
        index: NDArray[np.int16],
        keys: int,
        advance: Advance = silent,
    ) -> tuple[_F64, _F64]:
        members = index.shape[0]
        each = np.zeros((members, shapes.size, keys), dtype=np.int64)
        every = np.zeros((members, keys), dtype=np.int64)
        bounds = shapely.bounds(shapes)
        for band in self._bands(cells):
            low, high = cells.y[band.start], cells.y[band.stop]
            own = np.flatnonzero((bounds[:, 3] > low) & (bounds[:, 1] < high))
            self._one_band(shapes[own], own, cells, band, index, each, every)
            advance("people under the hazard", band.stop / cells.shape[0])
        scale = UNITS * self._factor
        return each / scale, every / scale

    def _bands(self, cells: Cells) -> Iterator[slice]:
        """Rows of the hazard that meet the people, some at a time."""
        rows, columns = cells.meeting(self.raster.cells.bounds)
        if columns.stop == columns.start:
            return
        high = max(1, _BAND_CELLS // cells.shape[1])
        for row in range(rows.start, rows.stop, high):
            yield slice(row, min(rows.stop, row + high))

    def _one_band(
        self,
        shapes: _Shapes,
        own: _I64,
        cells: Cells,
        band: slice,
        index: NDArray[np.int16],
        each: _I64,
        every: _I64,
    ) -> None:
        """Add the people of some rows of the hazard to both counts."""
        columns = cells.shape[1]
        grid = Grid(0.0, float(band.start), 1.0, columns, band.stop - band.start)
        placed = self._beside(cells, band)
        if placed is None:
            return
        found = _entries(placed.unit(shapes), grid, placed)
        peopled = np.flatnonzero(found.in_cell)
        for member, of_member in enumerate(index):
            flat = of_member[band].ravel()
            column = flat[found.cell].astype(np.int64)
            known = column >= 0
            np.add.at(each[member], (own[found.village[known]], column[known]), found.units[known])
            column = flat[peopled].astype(np.int64)
            known = column >= 0
            np.add.at(every[member], column[known], found.in_cell[peopled[known]])

    def _beside(self, cells: Cells, band: slice) -> _Placed | None:
        """The people's rows that meet a band, in cells of the hazard."""
        own = self.raster.cells
        west, _, east, _ = own.bounds
        rows, _ = own.meeting((west, cells.y[band.start], east, cells.y[band.stop]))
        if rows.stop <= rows.start:
            return None
        return _Placed(
            self.raster, cells.step, self._factor,
            own.shape[0] - rows.stop, own.shape[0] - rows.start,
            (float(cells.x[0]), float(cells.y[0])),
        )  # fmt: skip


def _entries(shapes: _Shapes, grid: Grid, people: _Placed) -> Found:
    # Edges that stand upright have no slope; what that gives is not used.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return people_entries(shapes, grid, people)


@dataclass(frozen=True, eq=False)
class _Placed:
    """`risk.stripes.PeopleStripes`: some rows of a raster, in units of `size` from `origin`.

    Attributes:
        origin: of the units, in the plane; None: the raster's south-west corner.
        first, last: rows from the north.
    """

    raster: PeopleRaster
    size: tuple[float, float]
    factor: float
    first: int
    last: int
    origin: tuple[float, float] | None = None

    @property
    def _zero(self) -> tuple[float, float]:
        cells = self.raster.cells
        return self.origin or (float(cells.x[0]), float(cells.y[0]))

    @property
    def west(self) -> float:
        return (float(self.raster.cells.x[0]) - self._zero[0]) / self.size[0]

    @property
    def north(self) -> float:
        y = float(self.raster.cells.y[::-1][self.first])
        return (y - self._zero[1]) / self.size[1]

    @property
    def dx(self) -> float:
        return self.raster.cells.step[0] / self.size[0]

    @property
    def dy(self) -> float:
        return self.raster.cells.step[1] / self.size[1]

    @property
    def rows(self) -> int:
        return self.last - self.first

    @property
    def columns(self) -> int:
        return self.raster.cells.shape[1]

    def stripes(self) -> Iterator[Stripe]:
        factor = np.float32(self.factor)
        for stripe in self.raster.rows_from_north(self.first, self.last):
            people = stripe.people if self.factor == 1 else stripe.people * factor
            yield Stripe(stripe.first_row - self.first, people)

    def unit(self, shapes: _Shapes) -> _Shapes:
        """Shapes of the plane in these units."""
        zero, size = np.array(self._zero), np.array(self.size)
        out: _Shapes = shapely.transform(shapes, lambda points: (points - zero) / size)
        return out


@dataclass(frozen=True, eq=False)
class AreaMeasure:
    """Area in the plane of degrees, where people stand evenly in their cell of the layer set."""

    @property
    def crs(self) -> CRS:
        return WGS84

    @property
    def total(self) -> float:
        return 0.0

    def inside(self, shapes: _Shapes) -> _F64:
        area: _F64 = shapely.area(shapes)
        return area

    def by_class(
        self,
        shapes: _Shapes,
        cells: Cells,
        index: NDArray[np.int16],
        keys: int,
        advance: Advance = silent,
    ) -> tuple[_F64, _F64]:
        rows, columns = cells.shape
        # As many to a cell as sums can hold: small shapes in large cells keep their digits.
        value = 2.0 ** min(22, math.floor(math.log2(_MOST_TOTAL / (rows * columns))))
        even = np.full(cells.shape, value, dtype=np.float32)
        raster = PeopleRaster("area", cells, Kind.COUNT, even, value * even.size)
        each, every = PeopleMeasure(raster).by_class(shapes, cells, index, keys, advance)
        dx, dy = cells.step
        return each * (dx * dy / value), every * (dx * dy / value)
