"""One stripe of a people grid laid under the villages that reach into it.

A border edge is cut at the lines of the lattice. A piece of signed height h in strip c of a
row leaves h * (people between the west line of its hazard column and the piece) in its
hazard cell, and h as cover for the hazard columns to its west; the sum of all covers to the
east of a cell is the height of the village there, times the people of the cell's row. (Green's
theorem on prefix sums: the work grows with the borders, and coverage is exact.)

Heights are whole units and so are people (`UNITS`): every sum here is of whole numbers, so
the answer depends neither on the order of villages nor on where stripes begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from risk.exposure import kernels
from risk.exposure.lattice import Lattice
from risk.exposure.outline import Outline

MOST_PEOPLE = 1e7
"""More in one fine cell is no count: a nodata value, a density or another unit."""

_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]
_F32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Laid:
    """Rows of a people grid with their running sums inside each hazard column.

    Attributes:
        people: float32, shape (n, columns).
        left: float64, shape (n, strips along x): people of the row between the west line of
            the hazard column and the strip; anything where `total` is 0.
        total: float64, shape (n, hazard columns): people of the row in the hazard column.
    """

    first_row: int
    people: _F32
    left: _F64
    total: _F64


@dataclass(frozen=True, eq=False)
class Windows:
    """What part of the lattice each of some villages can touch; hazard columns count from the
    lattice's first.

    Attributes:
        village, k_low, k_high, s_low, s_high: int64, shape (n,): hazard columns
            k_low:k_high and strips along y s_low:s_high.
    """

    village: _I64
    k_low: _I64
    k_high: _I64
    s_low: _I64
    s_high: _I64


def lay(first_row: int, people: _F32, lattice: Lattice, room: _F64) -> Laid:
    """Running sums of some rows; `left` is kept in `room`, which has as many rows or more.

    Raises:
        LayerError: see `require_counts`.
    """
    column = lattice.column - lattice.column[0]
    begin = np.searchsorted(column, np.arange(int(column[-1]) + 2)).astype(np.int64)
    left, total = room[: len(people)], np.zeros((len(people), begin.size - 1))
    width, most = np.diff(lattice.x), np.float32(MOST_PEOPLE)
    fast = kernels.compiled_people()
    if fast:
        possible = fast.left_of(people, lattice.fine_column, width, begin, most, left, total)
    else:
        _plain_left(people, lattice, begin, left, total)
        possible = not ((people < 0) | (people > most)).any()
    if not possible:
        require_counts(people, first_row)
    return Laid(first_row, people, left, total)


def require_counts(people: _F32, first_row: int) -> None:
    """Refuse a number of people that cannot live in one cell.

    Raises:
        LayerError: below 0 or above `MOST_PEOPLE`.
    """
    known = people[~np.isnan(people)]
    if known.size and not (known.min() >= 0 and known.max() <= MOST_PEOPLE):
        found = known.min() if known.min() < 0 else known.max()
        raise LayerError(
            f"people raster, from row {first_row}: a cell holds {found:g} people; expected 0 to "
            f"{MOST_PEOPLE:g}, NaN for nobody. Is a nodata value undeclared, or is it a density?"
        )


def _plain_left(people: _F32, lattice: Lattice, begin: _I64, left: _F64, total: _F64) -> None:
    """Each sum runs from west to east, as in the compiled form: another order, other bits."""
    column = lattice.column - lattice.column[0]
    known = np.where(np.isnan(people), np.float32(0), people)
    somebody = (known != 0).any(axis=0)[lattice.fine_column]
    used = np.flatnonzero(np.bincount(column[somebody], minlength=begin.size - 1))
    count = begin[used + 1] - begin[used]
    strip = ranges(begin[used], count)
    block = np.repeat(np.arange(used.size), count)
    place = strip - begin[used][block]
    sums = np.zeros((len(people), used.size, int(count.max(initial=0)) + 1))
    here = known[:, lattice.fine_column[strip]].astype(np.float64)
    sums[:, block, place + 1] = here * np.diff(lattice.x)[strip]
    np.cumsum(sums, axis=2, out=sums)
    total[:, used] = sums[:, :, -1]
    left[:, strip] = sums[:, block, place]


def stripe_entries(
    windows: Windows, outline: Outline, lattice: Lattice, laid: Laid
) -> tuple[_I64, _I64, _I64]:
    """Village, hazard row * hazard columns of the lattice + hazard column, and people.

    Returns:
        int64, shape (entries,) each; people in `UNITS` to a person, not zero.
    """
    fast = kernels.compiled_people()
    if fast:
        return _compiled_entries(fast, windows, outline, lattice, laid)
    return _plain_entries(windows, outline, lattice, laid)


def capacity(windows: Windows, lattice: Lattice) -> _I64:
    """Hazard cells in the window of each village, int64, shape (n,)."""
    rows = lattice.row[windows.s_low] - lattice.row[windows.s_high - 1] + 1
    found: _I64 = rows.astype(np.int64) * (windows.k_high - windows.k_low)
    return found


def _compiled_entries(
    fast: ModuleType, windows: Windows, outline: Outline, lattice: Lattice, laid: Laid
) -> tuple[_I64, _I64, _I64]:
    size = int(capacity(windows, lattice).sum())
    village, cell, units = (np.empty(size, dtype=np.int64) for _ in range(3))
    count = fast.stripe(
        *(windows.village, windows.k_low, windows.k_high, windows.s_low, windows.s_high),
        *(outline.start, outline.stop, outline.turn, outline.x, outline.y, outline.joined),
        *(lattice.x, lattice.y, lattice.first_strip, lattice.column - lattice.column[0]),
        *(lattice.fine_column, lattice.fine_row, lattice.row, laid.first_row),
        *(laid.total.shape[1], laid.people, laid.left, laid.total),
        *(village, cell, units),
    )
    return village[:count], cell[:count], units[:count]


def _plain_entries(
    windows: Windows, outline: Outline, lattice: Lattice, laid: Laid
) -> tuple[_I64, _I64, _I64]:
    wide = laid.total.shape[1]
    s_low, s_high = int(windows.s_low.min()), int(windows.s_high.max())
    village, s, x_a, x_b, height, sign = _row_pieces(windows, outline, lattice, s_low, s_high)
    village, s, k, left, part = _column_pieces((village, s, x_a, x_b, height, sign), lattice, laid)
    tall = s_high - s_low
    line = (village * tall + (s - s_low)) * wide + k
    keys, where = np.unique(line, return_inverse=True)
    cover, people = np.zeros(keys.size, np.int64), np.zeros(keys.size, np.int64)
    np.add.at(cover, where, part)
    np.add.at(people, where, np.rint(part * left).astype(np.int64))
    fill_keys, fill = _to_the_west(keys, cover, wide, lattice, laid, s_low, tall)
    keys, people = np.concatenate([keys, fill_keys]), np.concatenate([people, fill])
    hazard_row = lattice.row[s_low + keys // wide % tall].astype(np.int64)
    cells = int(lattice.row.max() + 1) * wide
    wanted = keys // (wide * tall) * cells + hazard_row * wide + keys % wide
    unique, where = np.unique(wanted, return_inverse=True)
    units = np.zeros(unique.size, np.int64)
    np.add.at(units, where, people)
    some = units != 0
    return unique[some] // cells, unique[some] % cells, units[some]


def _row_pieces(
    windows: Windows, outline: Outline, lattice: Lattice, s_low: int, s_high: int
) -> tuple[_I64, _I64, _F64, _F64, _I64, _I64]:
    """Village, strip along y, x at its top and bottom, height and sign of each piece."""
    count = outline.stop[windows.village] - outline.start[windows.village]
    point = ranges(outline.start[windows.village], count)
    owner = np.repeat(windows.village, count)
    kept = outline.joined[point]
    point, owner = point[kept], owner[kept]
    ya, yb = outline.y[point], outline.y[point + 1]
    xa, xb = outline.x[point], outline.x[point + 1]
    top, bottom = np.minimum(ya, yb), np.maximum(ya, yb)
    lines = lattice.y
    some = (top < bottom) & (bottom > lines[s_low]) & (top < lines[s_high])
    point, owner, ya, yb, xa, xb, top, bottom = (
        a[some] for a in (point, owner, ya, yb, xa, xb, top, bottom)
    )
    first = np.maximum(np.searchsorted(lines, top, side="right") - 1, s_low)
    last = np.minimum(np.searchsorted(lines, bottom, side="left"), s_high)
    edge = np.repeat(np.arange(point.size), last - first)
    s = ranges(first, last - first)
    slope = (xb - xa) / (yb - ya)
    x_top, x_bottom = np.where(ya < yb, xa, xb), np.where(ya < yb, xb, xa)

    def at(line: _I64, own: _I64, vertex: _I64, x_vertex: _F64) -> _F64:
        found: _F64 = np.where(
            line == vertex[edge], x_vertex[edge], xa[own] + (line - ya[own]) * slope[own]
        )
        return found

    upper, lower = np.maximum(top[edge], lines[s]), np.minimum(bottom[edge], lines[s + 1])
    x_up, x_down = at(upper, edge, top, x_top), at(lower, edge, bottom, x_bottom)
    turn = outline.turn[owner]
    sign = np.where(yb < ya, turn, -turn)[edge]
    return owner[edge], s, x_up, x_down, lower - upper, sign


def _column_pieces(
    pieces: tuple[_I64, _I64, _F64, _F64, _I64, _I64], lattice: Lattice, laid: Laid
) -> tuple[_I64, _I64, _I64, _F64, _I64]:
    """Village, strip along y, hazard column, people to the west, signed height."""
    village, s, x_a, x_b, height, sign = pieces
    x, n = lattice.x, lattice.x.size - 1
    low, high = np.minimum(x_a, x_b), np.maximum(x_a, x_b)
    some = high > x[0]
    village, s, low, high, height, sign = (a[some] for a in (village, s, low, high, height, sign))
    # Strip n stands for all that lies east of the lattice.
    first = np.clip(np.searchsorted(x, low, side="right") - 1, 0, n)
    last = np.maximum(np.minimum(np.searchsorted(x, high, side="left"), n + 1), first + 1)
    piece = np.repeat(np.arange(low.size), last - first)
    c = ranges(first, last - first)
    low_, high_, height_ = low[piece], high[piece], height[piece]
    wide = np.where(high_ > low_, high_ - low_, np.inf)
    steep = height_ / wide

    def upto(line: _F64) -> _I64:
        whole = np.minimum(np.maximum((line - low_) * steep, 0), height_)
        units: _I64 = np.rint(whole).astype(np.int64)
        return units

    beyond = c == n
    east = x[np.minimum(c + 1, n)]
    end = np.where(c == last[piece] - 1, height_, upto(east))
    begin = np.where((c == first[piece]) & (low_ >= x[0]), 0, upto(x[np.minimum(c, n)]))
    strip = np.minimum(c, n - 1)
    from_x, to_x = np.maximum(low_, x[strip]), np.where(c == last[piece] - 1, high_, east)
    offset = np.where(beyond, x[n] - x[n - 1], (from_x + to_x) / 2 - x[strip])
    r = lattice.fine_row[s[piece]] - laid.first_row
    here = laid.people[r, lattice.fine_column[strip]].astype(np.float64)
    k = (lattice.column[strip] - lattice.column[0]).astype(np.int64)
    empty = np.isnan(here) | (laid.total[r, k] == 0)
    left = np.where(laid.total[r, k] == 0, 0.0, laid.left[r, strip])
    left += offset * np.where(empty, 0.0, here)
    return village[piece], s[piece], k, left, sign[piece] * (end - begin)


def _to_the_west(
    keys: _I64, cover: _I64, wide: int, lattice: Lattice, laid: Laid, s_low: int, tall: int
) -> tuple[_I64, _I64]:
    """Hazard columns that a border leaves whole to its west: their keys and people."""
    if not keys.size:
        return keys, cover
    line = keys // wide
    new = np.concatenate([[True], line[1:] != line[:-1]])
    end = np.append(np.flatnonzero(new)[1:], keys.size) - 1
    running = np.cumsum(cover)
    # Cover of this key and of all to its east: it holds from the key before up to this one.
    east = running[end][np.cumsum(new) - 1] - running + cover
    begin = np.where(new, line * wide, np.concatenate([[0], keys[:-1]]))
    count = np.where(east != 0, keys - begin, 0)
    filled = ranges(begin, count)
    height = np.repeat(east, count)
    r = lattice.fine_row[s_low + filled // wide % tall] - laid.first_row
    people = np.rint(height * laid.total[r, filled % wide]).astype(np.int64)
    return filled, people


def ranges(start: _I64, count: _I64) -> _I64:
    """start[0], start[0] + 1, … for `count[0]` numbers, then the same for the next."""
    first = np.repeat(start - (np.cumsum(count) - count), count)
    out: _I64 = first + np.arange(first.size)
    return out.astype(np.int64)
