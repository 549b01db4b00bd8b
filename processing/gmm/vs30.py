"""Vs30 of Indonesia: merged from ShakeMap grids, else from the slope of the land.

    python -m processing.gmm.vs30 FOLDER OUTPUT.npz

BMKG's grids carry the Vs30 that its runs used (ShakeMap's "from topography", 600 m/s at sea). The
map is derived from its data: it is built where the grids are and not distributed with the code.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm.folder import ShakeMap, shakemaps

Floats = npt.NDArray[np.float64]

UNKNOWN = 0
DEFAULT_VS30 = 600.0
"""m/s where no map and no elevation is: what BMKG's runs take at sea and where topography says
nothing. Unconfirmed for land: soft ground shakes about 0.5 to 1 MMI more."""
POSSIBLE = (50.0, 5000.0)
"""m/s; what lies outside is a fill value."""
SLOPE_EDGES = (1e-4, 2.2e-3, 6.3e-3, 0.018, 0.050, 0.10, 0.138)
SLOPE_VS30 = (180.0, 210.0, 270.0, 330.0, 425.0, 555.0, 690.0, 800.0)
"""Wald & Allen (2007), BSSA 97(5), 1379-1395, Table 2, active tectonics: slope in m/m; the middle
of each class in m/s, the ends as BMKG's grids have them."""


@dataclass(frozen=True)
class Vs30Map:
    """Cells of `step` degrees from the edges `west` and `south`; rows from south to north."""

    west: float
    south: float
    step: float
    values: npt.NDArray[np.uint16]
    """m/s, 0 = not known; shape (rows, columns)."""

    def on(self, latitude: Floats, longitude: Floats) -> npt.NDArray[np.uint16]:
        """Value of the cell in which each point of two axes lies, shape (latitude, longitude)."""
        row = np.floor((latitude - self.south) / self.step).astype(np.int64)
        column = np.floor((longitude - self.west) / self.step).astype(np.int64)
        rows, columns = self.values.shape
        found = self.values.take(row, axis=0, mode="clip").take(column, axis=1, mode="clip")
        found[(row < 0) | (row >= rows)] = UNKNOWN
        found[:, (column < 0) | (column >= columns)] = UNKNOWN
        return found


def empty_map(*, step: float = 0.025) -> Vs30Map:
    """Indonesia with its seas, 92 to 144 E and 13 S to 11 N, nothing known."""
    shape = (round(24 / step), round(52 / step))
    return Vs30Map(92.0, -13.0, step, np.zeros(shape, np.uint16))


def merge(maps: Iterable[ShakeMap], *, step: float = 0.025) -> Vs30Map:
    """The most frequent value of all grid points in a cell; of equals the softest.

    Raises:
        DataError: no map holds a Vs30.
    """
    target = empty_map(step=step)
    rows, columns = target.values.shape
    pairs = []
    for one in maps:
        row = np.floor((one.latitude - target.south) / step).astype(np.int64)
        column = np.floor((one.longitude - target.west) / step).astype(np.int64)
        usable = (one.vs30 >= POSSIBLE[0]) & (one.vs30 <= POSSIBLE[1])
        usable &= ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))
        cell = (row[:, None] * columns + column)[usable]
        pairs.append(np.unique(cell * 65536 + np.rint(one.vs30[usable]).astype(np.int64)))
    if not any(p.size for p in pairs):
        raise DataError("Vs30: expected grids with SVEL over Indonesia, found none")
    key, count = np.unique(np.concatenate(pairs), return_counts=True)
    cell, value = key // 65536, key % 65536
    order = np.lexsort((-value, count, cell))
    last = np.flatnonzero(np.diff(cell[order], append=-1))
    values = target.values.copy()
    values.ravel()[cell[order][last]] = value[order][last].astype(np.uint16)
    return Vs30Map(target.west, target.south, step, values)


def save(found: Vs30Map, path: Path) -> None:
    """Write one file, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial.npz")
    place = np.array([found.west, found.south, found.step])
    np.savez_compressed(partial, values=found.values, place=place)
    partial.replace(path)


def load(path: Path) -> Vs30Map:
    """Read what `save` wrote.

    Raises:
        DataError: not such a file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            values, place = stored["values"], stored["place"]
        west, south, step = (float(v) for v in place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
        raise DataError(f"Vs30 {path}: expected a file of this program, {error}") from error
    if values.dtype != np.uint16 or values.ndim != 2 or not 0 < step < 1:
        raise DataError(f"Vs30 {path}: expected uint16 cells, found {values.dtype} {values.shape}")
    return Vs30Map(west, south, step, values)


def vs30_from_slope(slope: Floats) -> Floats:
    """m/s by the class of the slope (m/m); NaN stays NaN."""
    found = np.asarray(SLOPE_VS30)[np.digitize(slope, SLOPE_EDGES)]
    return np.where(np.isnan(slope), np.nan, found)


def slope_of(elevation_m: Floats, latitude: Floats, step: float) -> Floats:
    """Steepness in m/m of a grid in degrees; rows are `latitude`, ascending; NaN is sea."""
    metre = np.radians(step) * 6_371_008.8
    north, east = np.gradient(elevation_m, metre, metre)
    found: Floats = np.hypot(north, east / np.cos(np.radians(latitude))[:, None])
    return found


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m processing.gmm.vs30", description=__doc__)
    parser.add_argument("folder", type=Path, help="grid.xml files, or events.csv with grids/*.npz")
    parser.add_argument("output", type=Path, help="file to write, *.npz")
    given = parser.parse_args(arguments)
    unreadable: list[str] = []
    try:
        found = merge(shakemaps(given.folder, unreadable=unreadable))
        save(found, given.output)
    except (DataError, OSError) as error:
        sys.stderr.write(f"vs30: {error}\n")
        return 2
    finally:
        sys.stderr.writelines(f"left out: {line}\n" for line in unreadable[:20])
    share = float((found.values != UNKNOWN).mean())
    sys.stdout.write(f"{given.output}: {share:.0%} of the cells known\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
