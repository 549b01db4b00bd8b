"""Who is inside: posts, shelters, reports and recipients under polygons or village codes.

Points are sorted by grid cell once. A polygon takes the cells that its border does not meet
as whole slices; only points in cells on the border are tested, against the edges of their row
of cells. A point too near to an edge for a double to tell is left to GEOS, so the hits are
those of `geopandas.sjoin` (predicate `intersects`: a point on the border is inside).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.errors import DataError
from risk.exposure import kernels

STEP = 0.02
"""Degrees: a cell of 2.2 km holds few of a million points, and a district few hundred cells."""
_MOST_CELLS = 8_000_000
"""Points spread over more of the globe get wider cells: 64 MB for their places."""

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]
_Shapes = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Inside:
    """Hits of several polygons or codes.

    Attributes:
        pointer: int64, shape (asked + 1,): hits of question i are point[pointer[i]:pointer[i+1]].
        point: int64, positions in the points as they were given; of polygons in order of cells.
    """

    pointer: _I64
    point: _I64

    def of(self, asked: int) -> _I64:
        """Hits of one question."""
        return self.point[self.pointer[asked] : self.pointer[asked + 1]]


class PointIndex:
    """Points of EPSG:4326 by grid cell. A point without a finite position is nowhere."""

    def __init__(self, longitude: _F64, latitude: _F64) -> None:
        """Sort the points.

        Raises:
            DataError: another number of latitudes than of longitudes.
        """
        x, y = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise DataError(f"points: {x.shape} longitudes and {y.shape} latitudes; pair them")
        placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        self.west, self.south = (float(a[placed].min()) if placed.size else 0.0 for a in (x, y))
        tall, wide = (float(np.ptp(a[placed])) if placed.size else 0.0 for a in (y, x))
        least = max((tall * wide / _MOST_CELLS) ** 0.5, tall / _MOST_CELLS, wide / _MOST_CELLS)
        self.step = max(STEP, least)
        self.rows, self.columns = int(tall / self.step) + 1, int(wide / self.step) + 1
        cell = self._cell(y[placed], self.south, self.rows) * self.columns
        cell += self._cell(x[placed], self.west, self.columns)
        order = np.argsort(cell, kind="stable")
        self.order: _I64 = placed[order]
        self.xy: _F64 = np.column_stack([x[self.order], y[self.order]])
        count = np.bincount(cell, minlength=self.rows * self.columns)
        self.start = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)

    def _cell(self, value: _F64, origin: float, cells: int) -> _I64:
        found: _I64 = np.minimum(np.floor((value - origin) / self.step), cells - 1).astype(np.int64)
        return found

    @cached_property
    def _points(self) -> _Shapes:
        found: _Shapes = shapely.points(self.xy)
        return found

    def inside(self, polygons: _Shapes) -> Inside:
        """Points in each polygon, a point on the border included.

        Args:
            polygons: polygons or multipolygons, EPSG:4326, valid; empty ones have no points.
        """
        parts, owner = shapely.get_parts(np.asarray(polygons, dtype=object), return_index=True)
        if kernels.compiled():
            part, place = self._compiled(parts)
        else:
            part, place = self._plain(parts)
        asked = owner[part]
        if len(parts) > len(polygons):
            # A point where two parts meet is one hit.
            key = np.unique(asked * np.int64(self.order.size) + place)
            asked, place = np.divmod(key, max(self.order.size, 1))
        count = np.bincount(asked, minlength=len(polygons))
        pointer = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        return Inside(pointer, self.order[place])

    def _plain(self, parts: _Shapes) -> tuple[_I64, _I64]:
        tree = shapely.STRtree(self._points)
        part, place = tree.query(parts, predicate="intersects")
        order = np.lexsort((place, part))
        return part[order], place[order]

    def _compiled(self, parts: _Shapes) -> tuple[_I64, _I64]:
        from risk.exposure import loops_inside

        rings, part_of = shapely.get_rings(parts, return_index=True)
        points = shapely.get_coordinates(rings)
        count = shapely.get_num_coordinates(rings).astype(np.int64)
        joined = np.ones(len(points), dtype=np.bool_)
        joined[np.cumsum(count) - 1] = False
        begin = np.concatenate([[0], np.bincount(part_of, count, len(parts)).cumsum()])
        pointer, place, doubt = loops_inside.inside(
            *(begin.astype(np.int64), points[:, 0].copy(), points[:, 1].copy(), joined),
            *(self.start, self.xy, self.west, self.south, self.step),
            *(self.rows, self.columns),
        )
        part = np.repeat(np.arange(len(parts)), np.diff(pointer))
        if not doubt.any():
            return part, place
        unsure = np.flatnonzero(doubt)
        at = place[unsure]
        kept = np.ones(place.size, dtype=np.bool_)
        kept[unsure] = shapely.intersects_xy(parts[part[unsure]], *self.xy[at].T)
        return part[kept], place[kept]


class CodeIndex:
    """Points by village code, as recipients register them; dotted Kemendagri codes."""

    def __init__(self, codes: NDArray[np.str_] | Sequence[str]) -> None:
        given = np.asarray(codes, dtype=np.str_)
        self.order: _I64 = np.argsort(given, kind="stable").astype(np.int64)
        self.codes, first = np.unique(given[self.order], return_index=True)
        self.start: _I64 = np.append(first, given.size).astype(np.int64)
        self._slot = {str(code): slot for slot, code in enumerate(self.codes)}

    def inside(self, codes: Sequence[str]) -> Inside:
        """Points of each village, or of all villages of a district, regency or province."""
        spans = [self._span(code) for code in codes]
        pieces = [self.order[low:high] for low, high in spans]
        count = np.fromiter((high - low for low, high in spans), np.int64, len(spans))
        pointer = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        return Inside(pointer, np.concatenate(pieces) if pieces else np.empty(0, np.int64))

    def _span(self, code: str) -> tuple[int, int]:
        slot = self._slot.get(code)
        if slot is not None:
            return int(self.start[slot]), int(self.start[slot + 1])
        # The codes of an area begin with its own and a dot; "/" is the character after it.
        low, high = np.searchsorted(self.codes, [f"{code}.", f"{code}/"])
        return int(self.start[low]), int(self.start[high])
