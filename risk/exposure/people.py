"""People of a fine raster in every village and hazard cell, a stripe at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import Grid
from risk.exposure.lattice import Y_UNITS, Lattice, make_lattice
from risk.exposure.outline import Outline, make_outline
from risk.exposure.stripe import Laid, Windows, capacity, lay, require_counts, stripe_entries
from risk.stripes import PeopleStripes, Stripe

UNITS = Y_UNITS
"""Whole units of one person. A village may hold 2**31 people before a sum could overflow."""

_ROWS = 240
"""Rows worked on at once where stripes are higher: 160 MB for a national raster of 100 m."""
_WINDOW = 2_000_000
"""Hazard cells in the windows of the villages worked on at once: 50 MB."""

_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Found:
    """People of the raster by village and cell; all in `UNITS` to a person.

    Attributes:
        village, cell, units: int64, shape (entries,), ascending by village, then cell.
        in_cell: int64, shape (rows * columns of the hazard grid,): all people of the raster.
        outside: people of the raster beyond the hazard grid.
        reached: bool, shape (villages,): the raster reaches all of the village.
    """

    village: _I64
    cell: _I64
    units: _I64
    in_cell: _I64
    outside: int
    reached: NDArray[np.bool_]


def people_entries(geometry: NDArray[np.object_], grid: Grid, people: PeopleStripes) -> Found:
    """Lay the raster under the villages.

    Args:
        geometry: polygons or multipolygons, EPSG:4326, valid, shape (villages,).

    Raises:
        LayerError: a cell below 0 or above `MOST_PEOPLE`, or stripes out of order.
        GridMismatch: the raster does not meet the grid.
    """
    lattice = make_lattice(grid, people)
    outline = make_outline(geometry, people)
    wide = int(lattice.column[-1] - lattice.column[0]) + 1
    totals = np.zeros((grid.rows, wide), dtype=np.int64)
    pieces: list[tuple[_I64, _I64, _I64]] = []
    outside = 0
    room = np.empty((_ROWS, lattice.column.size))
    for stripe in _in_order(people):
        outside += _beyond(stripe, lattice)
        span = _strips(stripe, lattice)
        if span.stop <= span.start:
            continue
        laid = lay(stripe.first_row, stripe.people, lattice, room)
        _add_totals(totals, laid, span, lattice)
        pieces += laid_under(laid, span, outline, lattice)
    first = int(lattice.column[0])
    village, cell, units = _merged(pieces, grid, wide, first)
    in_cell = np.zeros((grid.rows, grid.columns), dtype=np.int64)
    in_cell[:, first : first + wide] = totals
    return Found(village, cell, units, in_cell.ravel(), outside, _reached(outline.bounds, people))


def _in_order(people: PeopleStripes) -> Iterator[Stripe]:
    """Stripes of at most `_ROWS` rows, checked to run from north to south."""
    next_row = 0
    for stripe in people.stripes():
        high, wide = stripe.people.shape
        if wide != people.columns or not next_row <= stripe.first_row <= people.rows - high:
            raise LayerError(
                f"people raster: a stripe of {high} x {wide} cells from row {stripe.first_row} "
                f"after row {next_row}; expected {people.columns} columns, north to south, within "
                f"{people.rows} rows"
            )
        next_row = stripe.first_row + high
        for row in range(0, high, _ROWS):
            part = np.ascontiguousarray(stripe.people[row : row + _ROWS], dtype=np.float32)
            yield Stripe(stripe.first_row + row, part)


def _beyond(stripe: Stripe, lattice: Lattice) -> int:
    """People of the stripe outside the lattice, in `UNITS`."""
    rows = np.arange(stripe.first_row, stripe.first_row + len(stripe.people)) * Y_UNITS
    inside = (rows + Y_UNITS > lattice.y[0]) & (rows < lattice.y[-1])
    west, east = int(np.floor(lattice.x[0])), int(np.ceil(lattice.x[-1]))
    if inside.all() and west == 0 and east >= stripe.people.shape[1]:
        return 0
    parts = [stripe.people[~inside], stripe.people[inside, :west], stripe.people[inside, east:]]
    sums = [np.nansum(part, axis=1, dtype=np.float64) for part in parts]
    for part in parts:
        require_counts(part, stripe.first_row)
    return int(sum(np.rint(s * UNITS).astype(np.int64).sum() for s in sums))


def _strips(stripe: Stripe, lattice: Lattice) -> slice:
    last = stripe.first_row + len(stripe.people)
    low, high = np.searchsorted(lattice.fine_row, [stripe.first_row, last])
    return slice(int(low), int(high))


def _add_totals(totals: _I64, laid: Laid, span: slice, lattice: Lattice) -> None:
    """All people of the stripe by hazard cell, rounded strip by strip as those of villages."""
    total = laid.total[lattice.fine_row[span] - laid.first_row]
    strip, k = np.nonzero(total)
    here = np.rint(np.diff(lattice.y)[span][strip] * total[strip, k]).astype(np.int64)
    np.add.at(totals, (lattice.row[span][strip], k), here)


def laid_under(
    laid: Laid, span: slice, outline: Outline, lattice: Lattice
) -> list[tuple[_I64, _I64, _I64]]:
    windows = _windows(outline, lattice, span)
    batch = np.cumsum(capacity(windows, lattice)) // _WINDOW
    found = []
    for number in np.unique(batch):
        some = batch == number
        part = Windows(
            *(
                getattr(windows, name)[some]
                for name in ("village", "k_low", "k_high", "s_low", "s_high")
            )
        )
        found.append(stripe_entries(part, outline, lattice, laid))
    return found


def _windows(outline: Outline, lattice: Lattice, span: slice) -> Windows:
    """Villages that reach into the strips `span`, and what they can touch there."""
    x, n = lattice.x, lattice.x.size - 1
    y = lattice.y / Y_UNITS
    west, top, east, bottom = outline.bounds.T
    # Half a cell of room on each side for rounding; NaN compares false.
    some = (bottom + 0.5 > y[span.start]) & (top - 0.5 < y[span.stop]) & (east > x[0] - 0.5)
    some &= west < x[n] + 0.5
    village = np.flatnonzero(some)
    column = lattice.column - lattice.column[0]
    left = np.clip(np.searchsorted(x, west[some] - 0.5, side="right") - 1, 0, n - 1)
    right = np.clip(np.searchsorted(x, east[some] + 0.5, side="left") - 1, 0, n - 1)
    upper = np.searchsorted(y, top[some] - 0.5, side="right") - 1
    lower = np.searchsorted(y, bottom[some] + 0.5, side="left")
    s_low = np.clip(upper, span.start, span.stop - 1)
    s_high = np.clip(lower, s_low + 1, span.stop)
    return Windows(
        village.astype(np.int64),
        column[left].astype(np.int64),
        column[right].astype(np.int64) + 1,
        s_low.astype(np.int64),
        s_high.astype(np.int64),
    )


def _merged(
    pieces: list[tuple[_I64, _I64, _I64]], grid: Grid, wide: int, first: int
) -> tuple[_I64, _I64, _I64]:
    """Entries of all stripes, one for each village and cell of the hazard grid."""
    village, cell, units = (
        np.concatenate([piece[i] for piece in pieces] or [np.empty(0, np.int64)]) for i in range(3)
    )
    cells = np.int64(grid.rows * grid.columns)
    key = village * cells + cell // wide * grid.columns + cell % wide + first
    order = np.argsort(key, kind="stable")
    key, units = key[order], units[order]
    new = np.concatenate([[True], key[1:] != key[:-1]])[: key.size]
    begin = np.flatnonzero(new)
    summed = np.add.reduceat(units, begin) if begin.size else units
    # Below nothing only by rounding, where a border runs along a line.
    kept = summed > 0
    key = key[begin][kept]
    return key // cells, key % cells, summed[kept]


def _reached(bounds: NDArray[np.float64], people: PeopleStripes) -> NDArray[np.bool_]:
    west, top, east, bottom = bounds.T
    inside: NDArray[np.bool_] = (
        (west >= 0) & (top >= 0) & (east <= people.columns) & (bottom <= people.rows)
    )
    return inside
