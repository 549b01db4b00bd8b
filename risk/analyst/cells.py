"""Cells of a raster in the plane of its coordinate system, and how planes are told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import rasterio.warp
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from kentongan.errors import GridMismatch
from risk.layers.rasters import WGS84, Bounds, is_lonlat

_EVEN = 1e-3
"""Share of a step by which coordinates may be off an even spacing; float32 ones are."""
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows from south to north, columns from west to east.

    Attributes:
        x, y: edges of columns and rows, ascending, shapes (columns + 1,), (rows + 1,).
        turned: of a raster whose rows are not parallel to an axis: x and y are columns and rows
            of the file, and this takes them to the plane.
    """

    crs: CRS
    x: _F64
    y: _F64
    turned: Affine | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.y.size - 1, self.x.size - 1

    @property
    def step(self) -> tuple[float, float]:
        """Width and height of a cell, in units of the plane."""
        rows, columns = self.shape
        return float(self.x[-1] - self.x[0]) / columns, float(self.y[-1] - self.y[0]) / rows

    @property
    def even(self) -> bool:
        """Whether the cells are all of one size and lie along the axes."""
        return self.turned is None and all(_is_even(edge) for edge in (self.x, self.y))

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in the plane."""
        left, low, right, high = (float(v) for v in (self.x[0], self.y[0], self.x[-1], self.y[-1]))
        if self.turned is None:
            return left, low, right, high
        x, y = self.in_plane(np.array([left, left, right, right]), np.array([low, high, low, high]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def in_plane(self, x: _F64, y: _F64) -> tuple[_F64, _F64]:
        """Places on the lines of `x` and `y` in the plane: other numbers only if turned."""
        a = self.turned
        if a is None:
            return x, y
        return a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f

    def part(self, rows: slice, columns: slice) -> Cells:
        return replace(
            self,
            x=self.x[columns.start : columns.stop + 1],
            y=self.y[rows.start : rows.stop + 1],
        )

    def meeting(self, box: Bounds) -> tuple[slice, slice]:
        """Rows and columns of the cells that meet a box of the plane; maybe none."""
        if self.turned is not None:
            rows, columns = self.shape
            return slice(0, rows), slice(0, columns)
        return _meeting(self.y, box[1], box[3]), _meeting(self.x, box[0], box[2])


def _is_even(edge: _F64) -> bool:
    step = np.diff(edge)
    return bool(np.abs(step - step.mean()).max() <= _EVEN * step.mean())


def _meeting(edge: _F64, low: float, high: float) -> slice:
    first = max(0, int(np.searchsorted(edge, low, side="right")) - 1)
    last = min(edge.size - 1, int(np.searchsorted(edge, high, side="left")))
    return slice(first, max(first, last))


def cells_of_affine(transform: Affine, rows: int, columns: int) -> tuple[Cells, bool, bool]:
    """Cells of a file, and whether its rows and columns must be reversed to go north and east.

    The system is WGS84 until it is known.
    """
    crs = WGS84
    if transform.b or transform.d:
        edges = np.arange(columns + 1, dtype=np.float64), np.arange(rows + 1, dtype=np.float64)
        return Cells(crs, *edges, turned=transform), False, False
    x = np.float64(transform.c) + np.float64(transform.a) * np.arange(columns + 1.0)
    y = np.float64(transform.f) + np.float64(transform.e) * np.arange(rows + 1.0)
    down, left = transform.e < 0, transform.a < 0
    return Cells(crs, x[::-1] if left else x, y[::-1] if down else y), down, left


def edges_of_centres(centre: _F64, name: str) -> _F64:
    """Edges half-way between ascending centres.

    Raises:
        GridMismatch: fewer than two, not finite, or not ascending.
    """
    if centre.size < 2 or not (np.isfinite(centre).all() and (np.diff(centre) > 0).all()):
        raise GridMismatch(
            f"{name}: expected at least two finite coordinates in one direction, found "
            f"{centre.size}; give a grid with coordinates of its cell centres"
        )
    middle = (centre[1:] + centre[:-1]) / 2
    edges = np.concatenate([[2 * centre[0] - middle[0]], middle, [2 * centre[-1] - middle[-1]]])
    if _is_even(edges):
        return np.linspace(edges[0], edges[-1], edges.size)
    return np.asarray(edges, dtype=np.float64)


def same_plane(a: CRS, b: CRS) -> bool:
    return bool(a == b or (is_lonlat(a) and is_lonlat(b)))


def box_in(box: Bounds, source: CRS, target: CRS) -> Bounds:
    """The box around a box in another plane."""
    if same_plane(source, target):
        return box
    try:
        west, south, east, north = rasterio.warp.transform_bounds(
            source, target, *box, densify_pts=41
        )
    except rasterio.errors.RasterioError as error:
        raise GridMismatch(f"{box} cannot be brought from {source} to {target}: {error}") from error
    if not np.isfinite([west, south, east, north]).all():
        raise GridMismatch(f"{box} of {source} cannot be shown in {target}; look at both systems")
    return west, south, east, north


def shapes_in(
    shapes: NDArray[np.object_], source: CRS, target: CRS, *, longest: float
) -> NDArray[np.object_]:
    """Shapes in another plane; edges longer than `longest` (units of the source) are cut first.

    Raises:
        GridMismatch: a point has no place in the other plane.
    """
    if same_plane(source, target) or shapes.size == 0:
        return shapes

    def moved(points: _F64) -> _F64:
        x, y = rasterio.warp.transform(source, target, points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    out: NDArray[np.object_] = shapely.transform(shapely.segmentize(shapes, longest), moved)
    if not np.isfinite(shapely.get_coordinates(out)).all():
        raise GridMismatch(f"shapes of {source} have no place in {target}; look at both systems")
    broken = ~shapely.is_valid(out)
    out[broken] = shapely.make_valid(out[broken], method="structure")
    return out


__all__ = [
    "WGS84", "Cells", "box_in", "cells_of_affine", "edges_of_centres", "same_plane", "shapes_in",
]  # fmt: skip
