"""People of any raster, in its own cells: read in blocks, checked once, never resampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.warp
from numpy.typing import NDArray
from rasterio.windows import Window

from kentongan.errors import GridMismatch, LayerError
from risk.analyst.cells import Cells, cells_of_affine
from risk.analyst.field import NETCDF, Field, crs_of, read_field
from risk.analyst.raster_file import opened
from risk.analyst.values import Fills, as_floats
from risk.layers.check.raster_values import Values, looks_repeated
from risk.layers.progress import Advance, silent
from risk.layers.rasters import is_lonlat
from risk.stripes import Stripe

_BLOCK_CELLS = 1 << 22
MAX_CELLS = 3_000_000_000
"""Read three times at most, some minutes; the nation at 100 m has 1.1e9."""
_AREA_CRS = "EPSG:6933"
"""Cylindrical equal area on the WGS84 ellipsoid: areas in it are true areas."""
_LATTICE = 32
"""Cells of a projected raster for which the true area is taken as one."""
_NATION = 300e6
"""More people than Indonesia has (285 million at the end of 2024)."""
_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]


class Kind(StrEnum):
    """What a value of the raster counts."""

    COUNT = "count"
    PER_KM2 = "per-km2"
    PER_HA = "per-ha"


_PER_KM2 = {Kind.PER_KM2: 1.0, Kind.PER_HA: 100.0}


@dataclass(frozen=True, eq=False)
class PeopleRaster:
    """A people raster that was looked at.

    Attributes:
        cells: of the whole raster, rows from the south; even.
        total: people, not rounded.
    """

    name: str
    cells: Cells
    kind: Kind
    origin: Path | _F32
    total: float = 0.0
    warnings: tuple[str, ...] = ()

    def rows_from_north(
        self, first: int, last: int, fills: Fills | None = None
    ) -> Iterator[Stripe]:
        """People of the rows first:last, counted from the north, in blocks.

        `fills` counts what the file does not declare as nodata, if given.
        """
        if isinstance(self.origin, Path):
            blocks = _file_blocks(self.origin, first, last, fills or Fills())
        else:
            blocks = _array_blocks(self.origin, first, last)
        for row, values in blocks:
            people = np.ascontiguousarray(values)
            if self.kind is not Kind.COUNT:
                each = _km2(self.cells, row, len(values)) * _PER_KM2[self.kind]
                people = (values * each).astype(np.float32)
            yield Stripe(row, people)


def people_of_file(path: Path, kind: Kind | None, advance: Advance = silent) -> PeopleRaster:
    """Look at a people raster once.

    Args:
        kind: counts if not given, unless the file's own unit says a density.

    Raises:
        LayerError: cannot be read, or holds negative people.
        GridMismatch: no coordinate system that fits, rows not along an axis.
    """
    if path.suffix.lower() in NETCDF:
        return people_of_field(read_field(path, None, None), kind, advance)
    with opened(path) as source:
        cells, _, _ = cells_of_affine(source.transform, source.height, source.width)
        crs, warnings = crs_of(source.crs, cells.bounds, path.name)
        cells = replace(cells, crs=crs)
        told, said = _told_kind(str(source.units[0] or source.tags(1).get("units", "")), path.name)
    raster = PeopleRaster(path.name, cells, kind or told, path, 0.0, (*warnings, *said))
    return _examined(raster, advance)


def people_of_field(field: Field, kind: Kind | None, advance: Advance = silent) -> PeopleRaster:
    """The same of a field in memory; NaN is nobody."""
    if field.values.shape[0] != 1:
        raise LayerError(f"{field.name}: {field.values.shape[0]} fields of people; expected one")
    values = np.ascontiguousarray(field.values[0, ::-1], dtype=np.float32)
    said = tuple(w.replace("not known", "nobody") for w in field.warnings)
    return _examined(
        PeopleRaster(field.name, field.cells, kind or Kind.COUNT, values, 0.0, said), advance
    )


def _told_kind(units: str, name: str) -> tuple[Kind, tuple[str, ...]]:
    text = units.lower().replace(" ", "").replace("^", "").replace("²", "2")
    for kind, words in (
        (Kind.PER_KM2, ("km2", "km-2", "sqkm")),
        (Kind.PER_HA, ("ha-1", "/ha", "perha")),
    ):
        if any(word in text for word in words):
            return kind, (f"{name}: its unit is {units!r}; read as a density ({kind})",)
    return Kind.COUNT, ()


def _examined(raster: PeopleRaster, advance: Advance) -> PeopleRaster:
    """The raster with its total and what is odd about it."""
    if not raster.cells.even:
        raise GridMismatch(
            f"{raster.name}: people in turned or uneven cells; expected even cells along the axes; "
            "warp it with the method sum, e.g. gdalwarp -r sum"
        )
    rows, columns = raster.cells.shape
    if rows * columns > MAX_CELLS:
        raise GridMismatch(
            f"{raster.name}: {rows * columns:,} cells of people; expected at most {MAX_CELLS:,}; "
            "cut it to the area that you need, e.g. gdal_translate -projwin"
        )
    values, total = Values(), 0.0
    fills, tops = Fills(), _Tops()
    for stripe in raster.rows_from_north(0, rows, fills):
        values.add(stripe.people)
        tops.add(stripe.people)
        total += float(np.nansum(stripe.people, dtype=np.float64))
        advance("looking at people", (stripe.first_row + len(stripe.people)) / rows)
    _require_no_negative(raster.name, values)
    said = [
        *raster.warnings,
        *fills.notes(raster.name, "nobody"),
        *tops.notes(raster.name),
        *_doubts(raster, values, total),
    ]
    return replace(raster, total=total, warnings=tuple(said))


class _Tops:
    """Counts how often the largest numbers of 8 and 16 bits, and rows of nines, stand alone."""

    _FILLS = (255.0, 9999.0, 32767.0, 65535.0, 99999.0)

    def __init__(self) -> None:
        self.found: dict[float, int] = {}
        self.below: dict[float, int] = {}

    def add(self, people: _F32) -> None:
        top = float(np.fmax.reduce(people, axis=None, initial=0.0))
        for fill in (fill for fill in self._FILLS if top > fill / 2):
            with np.errstate(invalid="ignore"):
                hits = int((people == fill).sum())
                near = int(((people > fill / 2) & (people < fill)).sum())
            self.found[fill] = self.found.get(fill, 0) + hits
            self.below[fill] = self.below.get(fill, 0) + near

    def notes(self, name: str) -> list[str]:
        """One sentence for each number that two or more cells hold and none comes near to."""
        return [
            f"{name}: {count:,} cells hold {fill:g} people and no other more than half of it: a "
            "fill value that the file does not declare? They are COUNTED; declare it as nodata"
            for fill, count in sorted(self.found.items())
            if count > 1 and not self.below[fill]
        ]


def _require_no_negative(name: str, values: Values) -> None:
    if values.negative:
        raise LayerError(
            f"{name}: {values.negative:,} cells below 0, down to {values.lowest_negative:g}; "
            "expected people, 0 or nodata; it was resampled across its nodata value, or is another "
            "quantity: go back to the file from before"
        )


def _doubts(raster: PeopleRaster, values: Values, total: float) -> list[str]:
    said = []
    if looks_repeated(values):
        said.append(
            f"{raster.name}: {len(values.distinct)} different values on {values.valid:,} cells, "
            f"{values.flat:.0%} of neighbours are equal: coarser counts or a density repeated on a "
            "finer grid would be counted many times"
        )
    if total > _NATION:
        said.append(
            f"{raster.name}: {total:,.0f} people, more than Indonesia has (285 million): is it a "
            "density (--people-kind per-km2 or per-ha), or are coarse counts repeated?"
        )
    if total <= 0:
        said.append(f"{raster.name}: nobody lives there; expected people")
    return said


def _file_blocks(path: Path, first: int, last: int, fills: Fills) -> Iterator[tuple[int, _F32]]:
    """First row from the north, and people of some rows; NaN is nobody."""
    with opened(path) as source:
        down, left = source.transform.e < 0, source.transform.a < 0
        high = _block_rows(source)
        for row in range(first, last, high):
            count = min(high, last - row)
            top = row if down else source.height - row - count
            window = Window(0, top, source.width, count)
            masked = source.read(1, window=window, masked=True)
            values = fills.cleared(np.ma.filled(as_floats(masked), np.nan))
            values = as_floats(values, source.scales[0], source.offsets[0])
            values = values[:: 1 if down else -1, :: -1 if left else 1]
            yield row, values.astype(np.float32)


def _block_rows(source: Any) -> int:
    """Rows read at once: whole blocks of the file, at most `_BLOCK_CELLS` cells."""
    block = int(source.block_shapes[0][0])
    rows = max(1, _BLOCK_CELLS // int(source.width))
    return max(rows // block, 1) * block if block <= 4096 else rows


def _array_blocks(values: _F32, first: int, last: int) -> Iterator[tuple[int, _F32]]:
    high = max(1, _BLOCK_CELLS // values.shape[1])
    for row in range(first, last, high):
        yield row, values[row : min(last, row + high)]


def _km2(cells: Cells, first: int, count: int) -> _F64:
    """True area of the cells of some rows from the north, shape (count, 1 or columns)."""
    columns = cells.shape[1]
    y = cells.y[::-1][first : first + count + 1]
    if is_lonlat(cells.crs):
        u, v = rasterio.warp.transform(
            cells.crs, _AREA_CRS, [0.0] * y.size + [cells.step[0]], [*y, y[0]]
        )
        area: _F64 = (u[-1] - u[0]) * -np.diff(v[:-1]) / 1e6
        return area[:, None]
    at = np.append(np.arange(0, columns, _LATTICE), columns)
    down = np.append(np.arange(0, count, _LATTICE), count)
    x_at, y_at = np.meshgrid(cells.x[at], y[down])
    u, v = (
        np.reshape(part, x_at.shape)
        for part in rasterio.warp.transform(cells.crs, _AREA_CRS, x_at.ravel(), y_at.ravel())
    )
    twice = (u[1:, 1:] - u[:-1, :-1]) * (v[1:, :-1] - v[:-1, 1:])
    twice -= (u[1:, :-1] - u[:-1, 1:]) * (v[1:, 1:] - v[:-1, :-1])
    each = np.abs(twice) / 2 / np.outer(np.diff(down), np.diff(at)) / 1e6
    out: _F64 = np.repeat(np.repeat(each, np.diff(down), axis=0), np.diff(at), axis=1)
    return out
