"""A hazard as polygons: of a vector file, or of a raster whose plane is not that of the people.

Polygons of one class and all higher ones are one region; people of a class are the difference
of two regions. So a place under two polygons counts once, in its highest class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import shapes as traced

from kentongan.errors import GridMismatch
from risk.analyst.cells import Cells, shapes_in
from risk.analyst.measure import Measure
from risk.layers.progress import Advance, silent

_BLOCK = 64
"""Cells a side traced at once: no polygon has more than some thousand points."""
MAX_TRACED = 40_000_000
_MOST_POINTS = 512
"""Points of one piece of a region: keeps each intersection quick."""
_LONGEST_DEG, _LONGEST_M = 0.005, 500.0
"""Edges are cut to this before they go to another plane: they bend by millimetres."""
_Shapes = NDArray[np.object_]
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Region:
    """Where the hazard has one of some columns: pieces that do not overlap, in the plane."""

    column: int
    pieces: _Shapes


@dataclass(frozen=True, eq=False)
class Zones:
    """One field of regions, each within the next.

    Attributes:
        regions: the first holds the highest class; each adds one column of the counts.
        rest: column of all places in no region.
    """

    crs: CRS
    regions: tuple[Region, ...]
    rest: int
    columns: int

    def by_class(
        self, shapes: _Shapes, measure: Measure, advance: Advance = silent
    ) -> tuple[_F64, _F64]:
        """What stands in each class: of each shape (n, columns), and in all (columns,).

        `all` is of the measure's total; the rest column takes what is in no region.
        """
        each = np.zeros((shapes.size, self.columns))
        every = np.zeros(self.columns)
        before, before_all = np.zeros(shapes.size), 0.0
        for number, region in enumerate(self.regions):
            inside, total = _within(shapes, region.pieces, measure)
            each[:, region.column] += np.maximum(inside - before, 0)
            every[region.column] += max(total - before_all, 0.0)
            before, before_all = np.maximum(inside, before), max(total, before_all)
            advance("hazard polygons", (number + 1) / len(self.regions))
        each[:, self.rest] += np.maximum(measure.inside(shapes) - before, 0)
        every[self.rest] += max(measure.total - before_all, 0.0)
        return each, every


def _within(shapes: _Shapes, pieces: _Shapes, measure: Measure) -> tuple[_F64, float]:
    """What stands in each shape and in some piece, and in all pieces."""
    out = np.zeros(shapes.size)
    if pieces.size == 0:
        return out, 0.0
    shape, piece = shapely.STRtree(pieces).query(shapes, predicate="intersects")
    common = shapely.intersection(shapes[shape], pieces[piece])
    some = shapely.area(common) > 0
    common, shape = polygons_only(common[some]), shape[some]
    np.add.at(out, shape, measure.inside(common))
    return out, float(measure.inside(pieces).sum())


def polygons_only(shapes: _Shapes) -> _Shapes:
    """Polygons and multipolygons out of collections with lines and points."""
    out = shapes.copy()
    for row in np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (3, 6))):
        parts = [p for p in shapely.get_parts(shapes[row]) if shapely.get_type_id(p) in (3, 6)]
        polygons = [q for p in parts for q in shapely.get_parts(p)]
        out[row] = shapely.multipolygons(polygons) if polygons else shapely.Polygon()
    return out


def zones_of_polygons(
    polygons: _Shapes, column: NDArray[np.int64], crs: CRS, *, columns: int, rest: int
) -> Zones:
    """Regions of polygons that may overlap.

    Args:
        column: of each polygon; the last column is not known. The highest class goes before
            lower ones, then not known, then the rest.
    """
    order = [
        *sorted((c for c in set(column.tolist()) if c not in (rest, columns - 1)), reverse=True)
    ]
    order += [columns - 1] if columns - 1 in column else []
    regions, so_far = [], np.empty(0, dtype=object)
    for number in order:
        so_far = np.concatenate([so_far, polygons[column == number]])
        joined = shapely.union_all(so_far)
        so_far = np.array([joined], dtype=object)
        regions.append(Region(int(number), subdivided(polygons_only(so_far))))
    return Zones(crs, tuple(regions), rest, columns)


def subdivided(shapes: _Shapes) -> _Shapes:
    """The same area in pieces of at most `_MOST_POINTS` points, that do not overlap."""
    done: list[shapely.Geometry] = []
    waiting = list(shapely.get_parts(shapes))
    while waiting:
        shape = waiting.pop()
        if shapely.get_num_coordinates(shape) <= _MOST_POINTS:
            done.append(shape)
            continue
        west, south, east, north = shape.bounds
        if east - west >= north - south:
            middle = (west + east) / 2
            halves = (
                shapely.box(west, south, middle, north),
                shapely.box(middle, south, east, north),
            )
        else:
            middle = (south + north) / 2
            halves = shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)
        cut = polygons_only(
            np.array([shapely.intersection(shape, h) for h in halves], dtype=object)
        )
        waiting += [p for p in shapely.get_parts(cut) if not p.is_empty]
    return np.array([p for p in done if not p.is_empty], dtype=object)


def zones_of_raster(
    cells: Cells, index: NDArray[np.int16], keys: int, target: CRS, advance: Advance = silent
) -> Zones:
    """The borders of the cells of each class, in another plane: exact but for the bend of edges.

    Args:
        index: shape (rows, columns), rows from the south; -1 not known.

    Raises:
        GridMismatch: more cells than can be traced.
    """
    if index.size > MAX_TRACED:
        raise GridMismatch(
            f"hazard of {index.size:,} cells in another coordinate system than the people; "
            f"expected at most {MAX_TRACED:,}; bring it to theirs first, e.g. "
            f"gdalwarp -t_srs {target} -r near"
        )
    regions = []
    for number in range(keys - 1, -1, -1):
        pieces = list(_traced(index >= number, cells))
        shapes = np.array(pieces, dtype=object)
        longest = min(_cell_size(cells), _LONGEST_DEG if cells.crs.is_geographic else _LONGEST_M)
        regions.append(Region(number, shapes_in(shapes, cells.crs, target, longest=longest)))
        advance("tracing the hazard", (keys - number) / keys)
    return Zones(target, tuple(regions), keys, keys + 1)


def _cell_size(cells: Cells) -> float:
    """The shorter side of a cell, in units of the plane."""
    a = cells.turned
    if a is None:
        return min(cells.step)
    return float(min(np.hypot(a.a, a.d), np.hypot(a.b, a.e)))


def _traced(inside: NDArray[np.bool_], cells: Cells) -> Iterator[shapely.Geometry]:
    rows, columns = inside.shape
    for row in range(0, rows, _BLOCK):
        for column in range(0, columns, _BLOCK):
            block = inside[row : row + _BLOCK, column : column + _BLOCK]
            if not block.any():
                continue
            if block.all():
                found: Sequence[shapely.Geometry] = [
                    shapely.box(0, 0, block.shape[1], block.shape[0])
                ]
            else:
                found = [
                    shapely.geometry.shape(outline)
                    for outline, _ in traced(block.astype(np.uint8), mask=block, connectivity=4)
                ]
            for shape in found:
                yield shapely.transform(shape, lambda p, r=row, c=column: _placed(p, r, c, cells))


def _placed(points: _F64, row: int, column: int, cells: Cells) -> _F64:
    """Corners of cells, as column and row of a block, in the plane."""
    whole = np.rint(points).astype(np.int64)
    x, y = cells.x[whole[:, 0] + column], cells.y[whole[:, 1] + row]
    return np.column_stack(cells.in_plane(x, y))
