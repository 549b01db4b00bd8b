"""NetCDF of ready rain rates: NOAA's Enterprise Rain Rate and JAXA's GSMaP, one window.

Runs in the child process.
"""

from __future__ import annotations

import math
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ingest.frames.netcdf import (
    about_of,
    check_chunk,
    check_size,
    cut_of,
    number_of,
    read_band,
    window_of,
)
from ingest.frames.raw import EAST, NORTH, SOUTH, WEST, RawWindow
from kentongan.errors import SourceChanged

VARIABLE, NO_DATA = "RRQPE", 3
"""NOAA's rain rate, and the value of `DQF` that says that there is none."""
SHAPE = (6501, 18000)
"""Of the global grid: 70 N to 60 S and 180 W to 179.98 E at 0.02 degrees."""
MAX_CHUNK = 240_000_000
"""Bytes: the whole global grid of short integers in one piece."""


def read_rain(path: str, form: str) -> RawWindow:
    """Rain rate within 94.5-141.5 E, 11.5 S-6.5 N, in the file's own unit.

    Raises:
        SourceChanged: not the layout that is documented, or too large.
    """
    return read_band(path, form) if form == "gsmap" else _read_err(path)


def _read_err(path: str) -> RawWindow:
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        check_size(file, path)
        variable = _of_shape(file, VARIABLE)
        latitude, rows = cut_of("latitude", _degrees(file, "lat"), SOUTH, NORTH)
        longitude, columns = cut_of("longitude", _degrees(file, "lon"), WEST, EAST)
        values = window_of(variable, rows, columns)
        if "DQF" in file.variables:
            quality = np.asarray(_of_shape(file, "DQF")[rows, columns])
            values[quality == NO_DATA] = np.nan
        about = about_of(file, "err", variable)
    return RawWindow(np.ascontiguousarray(values[::-1]), latitude[::-1], longitude, about)


def _of_shape(file: netCDF4.Dataset, name: str) -> Any:
    if name not in file.variables:
        raise SourceChanged(
            f"no variable {name}, found {', '.join(map(repr, file.variables))[:160]}"
        )
    variable = file.variables[name]
    if variable.dimensions != ("Rows", "Columns"):
        raise SourceChanged(f"{name} has dimensions {variable.dimensions}, expected Rows, Columns")
    if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "fiu":
        raise SourceChanged(f"{name} has type {variable.dtype}, expected numbers")
    check_chunk(variable, MAX_CHUNK)
    return variable


def _degrees(file: netCDF4.Dataset, which: str) -> NDArray[np.float64]:
    """Cell centres by the file's own attributes: there are no coordinate variables.

    Rows run from the north.
    """
    size = file.dimensions["Rows" if which == "lat" else "Columns"].size
    most = SHAPE[0] if which == "lat" else SHAPE[1]
    if not 2 <= size <= most:
        raise SourceChanged(f"{size} cells of {which}, expected 2 to {most}")
    names = (f"geospatial_{which}_min", f"geospatial_{which}_max", f"geospatial_{which}_resolution")
    low, high, step = (number_of(file, name, math.nan) for name in names)
    if not all(map(math.isfinite, (low, high, step))) or step <= 0:
        raise SourceChanged(f"{', '.join(names)}: not all stated; the grid cannot be placed")
    if abs((high - low) / step - (size - 1)) > 0.01:
        raise SourceChanged(
            f"{which} from {low:g} to {high:g} by {step:g}: expected {size} cells; the grid is "
            "another one than documented"
        )
    # Single precision in the file: the ends place the cells, to a ten-thousandth of a degree.
    axis: NDArray[np.float64] = np.round(np.linspace(low, high, size), 4)
    return axis[::-1] if which == "lat" else axis
