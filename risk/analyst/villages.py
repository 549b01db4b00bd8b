"""People of a layer set, evenly in the part of their village in each 2 km cell of its grid.

A cell that the hazard does not divide goes to its class whole; only where it does, the village
and the hazard's own cells or polygons are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from risk.analyst.areas import Areas
from risk.analyst.zones import polygons_only
from risk.layers.layerset import LayerSet
from risk.layers.rasters import Bounds

Divide = Callable[[NDArray[np.object_]], NDArray[np.float64]]
"""Shapes (n,) in degrees to their area in each class and not known: (members, n, columns)."""
_WHOLE = 1e-9
_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Parts of villages in one cell of the layer set each.

    Attributes:
        owner: row of the area, -1 in none; shape (n,).
        village, cell: of the layer set.
        people: not rounded.
        shape: empty where it is not cut yet: all of the village in the cell.
    """

    owner: _I64
    village: _I64
    cell: _I64
    people: _F64
    shape: NDArray[np.object_]


def villages_meeting(layers: LayerSet, box: Bounds) -> _I64:
    found = layers.strtree.query(shapely.box(*box), predicate="intersects")
    rows: _I64 = np.sort(found).astype(np.int64)
    return rows


def pieces_of_villages(layers: LayerSet, rows: _I64) -> Pieces:
    """All people of some villages; areas are these villages."""
    entry, owner = _entries(layers, rows)
    return Pieces(owner, rows[owner], *_of_entries(layers, entry), np.full(entry.size, None))


def pieces_in_areas(layers: LayerSet, areas: Areas) -> Pieces:
    """People in the box around the areas, cut by their borders."""
    box = tuple(float(v) for v in shapely.total_bounds(areas.shapes))
    frame = shapely.box(*box)
    rows = villages_meeting(layers, box)  # type: ignore[arg-type]
    entry, owner = _entries(layers, rows)
    cell, people = _of_entries(layers, entry)
    meets = shapely.intersects(frame, _boxes(layers, cell))
    entry, owner, cell, people = entry[meets], owner[meets], cell[meets], people[meets]
    village = rows[owner]
    whole = _cut(layers, village, cell)
    part = polygons_only(shapely.intersection(whole, frame))
    share = people / np.maximum(shapely.area(whole), 1e-300)
    a, p = shapely.STRtree(areas.shapes).query(part, predicate="intersects")[::-1]
    common = polygons_only(shapely.intersection(areas.shapes[a], part[p]))
    out = _left_over(part, common, p)
    shapes = np.concatenate([common, out])
    owners = np.concatenate([a, np.full(part.size, -1)]).astype(np.int64)
    source = np.concatenate([p, np.arange(part.size)])
    some = shapely.area(shapes) > 0
    source, shapes, owners = source[some], shapes[some], owners[some]
    return Pieces(
        owners, village[source], cell[source], share[source] * shapely.area(shapes), shapes
    )


def _left_over(
    part: NDArray[np.object_], common: NDArray[np.object_], piece: _I64
) -> NDArray[np.object_]:
    """What of each piece lies in no area; `common` are its parts inside, of piece `piece`."""
    out = part.copy()
    inside = np.bincount(piece, weights=shapely.area(common), minlength=part.size)
    out[inside >= shapely.area(part) * (1 - _WHOLE)] = shapely.Polygon()
    order = np.argsort(piece, kind="stable")
    which, begin = np.unique(piece[order], return_index=True)
    for number, some in zip(which, np.split(order, begin[1:]), strict=True):
        if not out[number].is_empty:
            out[number] = shapely.difference(part[number], shapely.union_all(common[some]))
    return polygons_only(out)


def _entries(layers: LayerSet, rows: _I64) -> tuple[_I64, _I64]:
    """Entries of the operator of some villages, and the position of each one's village."""
    pointer = layers.operator.pointer
    count = pointer[rows + 1] - pointer[rows]
    owner = np.repeat(np.arange(rows.size), count)
    first = np.repeat(pointer[rows] - (np.cumsum(count) - count), count)
    return (first + np.arange(owner.size)).astype(np.int64), owner.astype(np.int64)


def _of_entries(layers: LayerSet, entry: _I64) -> tuple[_I64, _F64]:
    operator = layers.operator
    people = operator.share[entry] / operator.scale * operator.people[operator.row[entry]]
    return operator.cell[entry].astype(np.int64), people.astype(np.float64)


def _boxes(layers: LayerSet, cell: _I64) -> NDArray[np.object_]:
    grid = layers.operator.grid
    x = grid.west + (cell % grid.columns) * grid.step
    y = grid.south + (cell // grid.columns) * grid.step
    boxes: NDArray[np.object_] = shapely.box(x, y, x + grid.step, y + grid.step)
    return boxes


def _cut(layers: LayerSet, village: _I64, cell: _I64) -> NDArray[np.object_]:
    """The village's part of the cell; the cell where rounding leaves nothing of it."""
    boxes = _boxes(layers, cell)
    parts = polygons_only(shapely.intersection(layers.geometry[village], boxes))
    return np.where(shapely.area(parts) > 0, parts, boxes)


def people_by_class(
    layers: LayerSet, pieces: Pieces, areas: int, divide: Divide
) -> tuple[_F64, _F64]:
    """People of each area by class, (members, areas, columns), and of all, (members, columns)."""
    share = _shares(layers, pieces, divide)
    people = share * pieces.people[None, :, None]
    each = np.zeros((share.shape[0], areas, share.shape[2]))
    some = pieces.owner >= 0
    for member in range(share.shape[0]):
        np.add.at(each[member], pieces.owner[some], people[member, some])
    return each, people.sum(axis=1)


def _shares(layers: LayerSet, pieces: Pieces, divide: Divide) -> _F64:
    """Share of each piece in each class: by whole cells first, cut where they are divided."""
    cells, where = np.unique(pieces.cell, return_inverse=True)
    boxes = _boxes(layers, cells)
    whole = divide(boxes) / shapely.area(boxes)[None, :, None]
    uniform = (whole.max(axis=2) >= 1 - _WHOLE).all(axis=0)
    share = np.where(whole[:, where] >= 1 - _WHOLE, 1.0, 0.0)
    cut = np.flatnonzero(~uniform[where])
    if cut.size:
        drawn = pieces.shape[cut] != None  # noqa: E711 an array of objects
        shapes = _cut(layers, pieces.village[cut], pieces.cell[cut])
        shapes[drawn] = pieces.shape[cut][drawn]
        area = divide(shapes)
        share[:, cut] = area / area.sum(axis=2, keepdims=True)
    return share
