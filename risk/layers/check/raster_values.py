"""Values of a raster that cannot be what they seem: fill values, ringing, repeated cells.

One pass in blocks; memory does not grow with the raster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.layers.check import loops
from risk.layers.check.finding import EVERYWHERE, Finding, Severity
from risk.layers.check.places import BOX
from risk.layers.rasters import degrees_bounds, is_lonlat, raw_values, row_blocks

FILLS = {
    -9999.0: "the usual nodata value",
    -99999.0: "a nodata value",
    -32768.0: "the lowest 16-bit number",
    -2147483648.0: "the lowest 32-bit number",
    float(np.float32(9.969209968386869e36)): "netCDF's fill value 9.96921e36",
    float(np.float32(-3.4028234663852886e38)): "the lowest 32-bit float",
    float(np.float32(3.4028234663852886e38)): "the highest 32-bit float",
    float(np.float32(1e20)): "the fill value 1e20 of climate models",
    float(np.float32(-3.4e38)): "about the lowest 32-bit float",
}
"""Values that stand for nothing, as seen in files that did not declare them; the first is the
smallest in size."""
_BEYOND = 1e9
"""No quantity on our maps is larger: people of a cell, metres, minutes."""
_DISTINCT = 4_096
"""Different values counted; more are many."""
_ROWS_LOOKED_AT = 128
"""Of each block, to count different values."""
_FLAT_SHARE = 0.8
"""Of neighbours with the same value, from which values look repeated from coarser cells."""
_FLAT_CELLS = 64
_F32 = NDArray[np.float32]


class Values:
    """What one pass over a raster found; the counts are cells."""

    def __init__(self) -> None:
        self.cells = 0
        self.distinct: set[float] = set()
        self._count = np.zeros(6, dtype=np.int64)
        self._number = np.array([0.0, np.inf, -np.inf, 0.0])
        self._hits = np.zeros(len(FILLS), dtype=np.int64)

    @property
    def valid(self) -> int:
        return int(self._count[loops.VALID])

    @property
    def negative(self) -> int:
        return int(self._count[loops.NEGATIVE])

    @property
    def beyond(self) -> int:
        return int(self._count[loops.BEYOND])

    @property
    def infinite(self) -> int:
        return int(self._count[loops.INFINITE])

    @property
    def total(self) -> float:
        return float(self._number[loops.TOTAL])

    @property
    def low(self) -> float:
        return float(self._number[loops.LOW])

    @property
    def high(self) -> float:
        return float(self._number[loops.HIGH])

    @property
    def lowest_negative(self) -> float:
        return float(self._number[loops.LOWEST])

    @property
    def fills(self) -> dict[float, int]:
        """How often each fill value stands there, of those that do."""
        return {f: int(n) for f, n in zip(FILLS, self._hits, strict=True) if n}

    @property
    def flat(self) -> float:
        """Share of neighbouring cells above 0 that hold the same value."""
        pairs = int(self._count[loops.PAIRS])
        return int(self._count[loops.EQUAL]) / pairs if pairs else 0.0

    def add(self, raw: _F32) -> None:
        """`raw`: float32, NaN where the file declares nodata."""
        self.cells += raw.size
        fills = np.array(list(FILLS), dtype=np.float32)
        loops.scan_block(raw, fills, _BEYOND, self._count, self._number, self._hits)
        if len(self.distinct) <= _DISTINCT:
            some = raw[:: max(1, raw.shape[0] // _ROWS_LOOKED_AT)]
            some = some[np.isfinite(some) & (np.abs(some) <= _BEYOND)]
            self.distinct |= set(np.unique(some)[: _DISTINCT + 1].tolist())


def scan(source: Any) -> Values:
    """One pass over the raw numbers; only what the file declares as nodata is left out."""
    found = Values()
    for window in row_blocks(source):
        found.add(raw_values(source, window))
    return found


def examine_frame(source: Any, file: str) -> list[Finding]:
    """Coordinate system and place of a raster."""
    if source.crs is None:
        left, bottom, right, top = source.bounds
        lies = left >= BOX[0] and right <= BOX[2] and bottom >= BOX[1] and top <= BOX[3]
        return [
            Finding(
                Severity.REFUSE, "no-crs", file, "",
                f"no coordinate system; {left:g} … {right:g}, {bottom:g} … {top:g}"
                + (" look like degrees of Indonesia" if lies else ""),
                "a coordinate system in the file",
                "write it in, e.g. rio edit-info --crs EPSG:4326 FILE", EVERYWHERE,
            )
        ]  # fmt: skip
    west, south, east, north = degrees_bounds(source)
    swapped = is_lonlat(source.crs) and north > 90 and west >= -15 and east <= 15
    if swapped or not (west < BOX[2] and east > BOX[0] and south < BOX[3] and north > BOX[1]):
        return [
            Finding(
                Severity.REFUSE, "swapped-axes" if swapped else "places-elsewhere", file, "",
                f"covers {west:.2f} … {east:.2f} E, {south:.2f} … {north:.2f} N",
                "95 to 141 E, 11 S to 6 N",
                "look at the coordinate system and the order of the axes", EVERYWHERE,
            )
        ]  # fmt: skip
    return []


def examine_fills(values: Values, declared: float | None, file: str) -> list[Finding]:
    """Fill values that the file does not declare, and numbers beyond all reason."""
    says = "no nodata value is declared" if declared is None else f"declared is {declared:g}"
    found = [
        Finding(
            Severity.REFUSE, "undeclared-nodata", file, "",
            f"{count} cells hold {fill:g} ({FILLS[fill]}); {says}",
            "nodata declared in the file",
            f"declare it, e.g. rio edit-info --nodata {fill:.7g} FILE", EVERYWHERE,
        )
        for fill, count in sorted(values.fills.items())
    ]  # fmt: skip
    if values.beyond or values.infinite:
        found.append(
            Finding(
                Severity.REFUSE, "impossible-values", file, "",
                f"{values.beyond} cells beyond {_BEYOND:g} and {values.infinite} infinite; {says}",
                "values of the quantity or nodata", "find the fill value and declare it",
                EVERYWHERE,
            )
        )  # fmt: skip
    if values.valid == 0:
        found.append(
            Finding(
                Severity.REFUSE, "empty-raster", file, "", "no cell with a value",
                "a raster with values", "", EVERYWHERE,
            )
        )  # fmt: skip
    return found


def examine_negatives(values: Values, declared: float | None, file: str) -> list[Finding]:
    """Values below zero of what cannot be below zero."""
    if not values.negative:
        return []
    ringing = declared is not None and values.lowest_negative < declared * 1.001 < 0
    why = (
        f"ringing: a copy that was resampled across its nodata value {declared:g}"
        if ringing
        else "resampling with cubic or Lanczos weights rings like this"
    )
    return [
        Finding(
            Severity.REFUSE, "negative-values", file, "",
            f"{values.negative} cells below 0, down to {values.lowest_negative:g} ({why})",
            "no value below 0", "go back to the file from before it was resampled", EVERYWHERE,
        )
    ]  # fmt: skip


def looks_repeated(values: Values) -> bool:
    """Values of coarse cells repeated on a fine grid."""
    few = len(values.distinct) * _FLAT_CELLS < values.valid
    return few and values.flat > _FLAT_SHARE
