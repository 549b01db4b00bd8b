"""The grid of a ShakeMap `grid.xml` (ShakeMap 3.5, as BMKG ran it) as arrays.

A row is one cell: longitude, latitude, then the fields in the order that the head names. Manual:
ShakeMap 3.5 Technical Manual, section 5.4.2 "grid.xml" (Worden et al.).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from kentongan.errors import DataError, GridMismatch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MAX_CELLS = 400_000
"""BMKG's largest has 58,081; more than this is not held in memory."""
MAX_FIELDS = 20
"""BMKG's have 8 or 11."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "LON": (-180.0, 180.0),
    "LAT": (-90.0, 90.0),
    "MMI": (0.0, 12.0),
    "PGA": (0.0, 1000.0),
    "PGV": (0.0, 2000.0),
    "SVEL": (0.0, 5000.0),
}
"""In the units of the file: degrees, intensity, % of g, cm/s, m/s. 10 g and 20 m/s are several
times the largest ground motion on record; what lies outside is a fill value or a fault."""
_ANY = (-1e6, 1e6)
"""For the other fields: fill values such as 1e9 or 1e20 lie outside."""
_LONGEST = 32
"""Bytes of a number with the space after it; BMKG's have up to 9."""
_OFF_GRID = 0.05
"""Share of a step by which a cell may miss its place: texts have four decimals of a degree."""


@dataclass(frozen=True)
class ShakeArrays:
    """Fields on a regular grid; arrays have shape (latitude, longitude), south and west first."""

    latitude: Floats
    """Cell centres, degrees, ascending."""
    longitude: Floats
    values: Mapping[str, Floats]
    """By name (`MMI`, `PGA`, …), in the units of the head."""


def round_time(stamp: str) -> bool:
    """Whether an id or origin (`yyyymmddHHMMSS`) is a full hour or the same number three times.

    `12:12:12` and `10:00:00` are what exercises are given: 1 in 1,800 by chance.
    """
    if len(stamp) != 14 or not stamp.isdigit():
        return False
    hour, minute, second = stamp[8:10], stamp[10:12], stamp[12:14]
    return (minute, second) == ("00", "00") or hour == minute == second


def decode_grid(payload: bytes, fields: Sequence[str], *, rows: int, columns: int) -> ShakeArrays:
    """Arrays of the grid in a `grid.xml`.

    Rows may stand in any order: each is placed by its own LON and LAT.

    Args:
        payload: the document, in ASCII or UTF-8.
        fields: names of the columns, in order, as the head gives them.
        rows: number of latitudes.
        columns: number of longitudes.

    Raises:
        DataError: too large, a value missing, not finite or not possible.
        GridMismatch: the cells do not fill a regular grid of this size.
    """
    _check_size(fields, rows=rows, columns=columns)
    table = _table(_body(payload), len(fields), rows * columns)
    for index, name in enumerate(fields):
        _check_values(name, table[:, index])
    row, latitude = _placed("LAT", table[:, list(fields).index("LAT")], rows)
    column, longitude = _placed("LON", table[:, list(fields).index("LON")], columns)
    return ShakeArrays(latitude, longitude, _gridded(table, fields, row, column, rows, columns))


def _check_size(fields: Sequence[str], *, rows: int, columns: int) -> None:
    if min(rows, columns) < 2 or rows * columns > MAX_CELLS:
        raise DataError(
            f"grid: expected 2 x 2 to {MAX_CELLS} cells, found {rows} x {columns}; not decoded"
        )
    missing = [name for name in ("LON", "LAT", "MMI") if name not in fields]
    if missing or len(set(fields)) != len(fields) or len(fields) > MAX_FIELDS:
        raise DataError(
            f"grid fields: expected LON, LAT, MMI and others, each once, found "
            f"{', '.join(fields)[:200]}"
        )


def _body(payload: bytes) -> bytes:
    start, end = payload.find(b"<grid_data>"), payload.find(b"</grid_data>")
    if not 0 <= start < end or payload.count(b"<grid_data>") > 1:
        raise DataError("grid: expected one <grid_data> … </grid_data>, found none or several")
    return payload[start + len(b"<grid_data>") : end]


def _table(body: bytes, width: int, cells: int) -> Floats:
    """All numbers, shape (cells, width)."""
    import numpy as np

    if not body.strip() or len(body) > cells * width * _LONGEST:
        raise GridMismatch(f"grid: expected {cells} cells, found {len(body)} bytes")
    try:
        table = np.loadtxt(BytesIO(body), comments=None, ndmin=2)
    except ValueError as error:
        raise DataError(f"grid: expected rows of numbers, found {_short(error)}") from error
    if table.shape != (cells, width):
        found = f"{table.shape[0]} of {table.shape[1]}"
        raise GridMismatch(f"grid: expected {cells} cells of {width} numbers, found {found}")
    return table


def _short(error: Exception) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(error)[:120]).split())


def _check_values(name: str, values: Floats) -> None:
    import numpy as np

    low, high = LIMITS.get(name, _ANY)
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        found = values[int(np.argmax(bad))]
        raise DataError(
            f"grid {name}: expected {low:g} to {high:g}, found {found:g} in {int(bad.sum())} of "
            f"{values.size} cells"
        )


def _placed(name: str, values: Floats, count: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Index of each value on an even axis from the least to the greatest, and that axis."""
    import numpy as np

    low, high = float(values.min()), float(values.max())
    step = (high - low) / (count - 1)
    if not step > 0:
        raise GridMismatch(f"grid {name}: expected {count} different values, found {low:g} only")
    exact = (values - low) / step
    index = np.rint(exact).astype(np.int64)
    off = float(np.abs(exact - index).max())
    if not math.isfinite(off) or off > _OFF_GRID:
        raise GridMismatch(
            f"grid {name}: expected {count} evenly spaced values from {low:g} to {high:g}, found "
            f"one {off:.2f} of a step off its place"
        )
    return index, np.linspace(low, high, count)


def _gridded(
    table: Floats,
    fields: Sequence[str],
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
    rows: int,
    columns: int,
) -> dict[str, Floats]:
    import numpy as np

    place = row * columns + column
    if np.unique(place).size != rows * columns:
        raise GridMismatch("grid: expected each cell once, found some twice and others not at all")
    order = np.argsort(place)
    return {
        name: table[order, index].reshape(rows, columns)
        for index, name in enumerate(fields)
        if name not in ("LON", "LAT")
    }
