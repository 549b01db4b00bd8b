"""People of a fine raster in every village and hazard cell, a stripe at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import Grid
from risk.exposure import kernels
from risk.exposure.lattice import Y_UNITS, Lattice, make_lattice
from risk.exposure.outline import Outline, make_outline
from risk.exposure.stripe import Laid, Windows, capacity, lay, require_counts, stripe_entries
from risk.stripes import PeopleStripes, Stripe

UNITS = Y_UNITS
"""Whole units of one person. A village may hold 2**31 people before a sum could overflow."""

_ROWS = 24
"""Rows worked on at once where stripes are higher: 16 MB for a national raster of 100 m, which
stays in a processor's cache."""
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


@dataclass(frozen=True, eq=False)
class Sweep:
    """Windows and their order from the north; `reach` is the furthest strip of all so far."""

    windows: Windows
    order: _I64
    s_low: _I64
    reach: _I64


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
    sweep = make_sweep(outline, lattice)
    room = np.empty((_ROWS, lattice.column.size))
    for stripe in _in_order(people):
        outside += _beyond(stripe, lattice)
        span = _strips(stripe, lattice)
        if span.stop <= span.start:
            continue
        laid = lay(stripe.first_row, stripe.people, lattice, room)
        _add_totals(totals, laid, span, lattice)
        pieces += laid_under(laid, span, outline, lattice, sweep)
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
    fast = kernels.compiled_people()
    if fast:
        rows = lattice.fine_row - laid.first_row
        fast.add_totals(laid.total, rows, lattice.row, lattice.y, span.start, span.stop, totals)
        return
    total = laid.total[lattice.fine_row[span] - laid.first_row]
    strip, k = np.nonzero(total)
    here = np.rint(np.diff(lattice.y)[span][strip] * total[strip, k]).astype(np.int64)
    np.add.at(totals, (lattice.row[span][strip], k), here)


def laid_under(
    laid: Laid, span: slice, outline: Outline, lattice: Lattice, sweep: Sweep
) -> list[tuple[_I64, _I64, _I64]]:
    """Entries of all villages within the strips `span`; see `stripe_entries`."""
    windows = _cut(sweep, span)
    batch = np.cumsum(capacity(windows, lattice)) // _WINDOW
    numbers = np.unique(batch)
    if numbers.size == 1:
        return [stripe_entries(windows, outline, lattice, laid)]
    return [
        stripe_entries(_taken(windows, batch == number), outline, lattice, laid)
        for number in numbers
    ]


def _windows(outline: Outline, lattice: Lattice) -> Windows:
    """What every village can touch of the lattice; those that meet nothing are left out."""
    x, n, m = lattice.x, lattice.x.size - 1, lattice.y.size - 1
    y = lattice.y / Y_UNITS
    west, top, east, bottom = outline.bounds.T
    # Half a cell of room on each side for rounding; NaN compares false.
    some = (bottom + 0.5 > y[0]) & (top - 0.5 < y[m]) & (east > x[0] - 0.5) & (west < x[n] + 0.5)
    column = (lattice.column - lattice.column[0]).astype(np.int64)
    left = np.clip(np.searchsorted(x, west[some] - 0.5, side="right") - 1, 0, n - 1)
    right = np.clip(np.searchsorted(x, east[some] + 0.5, side="left") - 1, 0, n - 1)
    upper = np.searchsorted(y, top[some] - 0.5, side="right") - 1
    lower = np.searchsorted(y, bottom[some] + 0.5, side="left")
    return Windows(
        np.flatnonzero(some),
        column[left],
        column[right] + 1,
        np.clip(upper, 0, m - 1).astype(np.int64),
        np.clip(lower, 1, m).astype(np.int64),
    )


def make_sweep(outline: Outline, lattice: Lattice) -> Sweep:
    """The windows of all villages, made ready to be asked for from north to south."""
    windows = _windows(outline, lattice)
    order = np.argsort(windows.s_low, kind="stable")
    reach = np.maximum.accumulate(windows.s_high[order])
    return Sweep(windows, order, windows.s_low[order], reach)


def _cut(sweep: Sweep, span: slice) -> Windows:
    """The windows within some strips along y, in the order of the villages."""
    first = np.searchsorted(sweep.reach, span.start, side="right")
    last = np.searchsorted(sweep.s_low, span.stop, side="left")
    near = sweep.order[first:last]
    part = _taken(sweep.windows, np.sort(near[sweep.windows.s_high[near] > span.start]))
    return replace(
        part,
        s_low=np.maximum(part.s_low, span.start),
        s_high=np.minimum(part.s_high, span.stop),
    )


def _taken(windows: Windows, some: NDArray[np.bool_] | _I64) -> Windows:
    return Windows(*(getattr(windows, column.name)[some] for column in fields(windows)))


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
