"""NetCDF of BMKG and of JAXA's P-Tree: one window, sizes checked before anything is read.

Runs in the child process.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ingest.frames.raw import EAST, NORTH, SOUTH, WEST, About, RawWindow
from kentongan.errors import SourceChanged

BANDS = {"bmkg": "IR", "ptree": "tbb_13", "gsmap": "hourlyPrecipRate"}
"""Variable of each layout: band 13 (BMKG names B15 `I2` and B07 `I4`), or rain."""
TIMES = {"bmkg": ("time",), "ptree": ("start_time", "end_time"), "gsmap": ("Time",), "err": ()}
MAX_SIDE = 12_001
"""JAXA's finest grid (0.01 degrees) has 12,001 columns."""
MAX_WINDOW = 20_000_000
"""Cells; the window at 0.01 degrees has 8.5 million."""
MAX_CHUNK = 64_000_000
"""Bytes of one compressed piece when unpacked; a full disk of 5500 x 5500 short integers has 60
million."""
MAX_VARIABLES = 100
"""JAXA's files have 36."""
_AXES = {
    "latitude": ("latitude", "lat", "Latitude"),
    "longitude": ("longitude", "lon", "Longitude"),
}
_UNEVEN = 0.01
"""Share of a step by which steps may differ: float32 degrees at 0.01 differ by 0.002."""


def read_band(path: str, form: str) -> RawWindow:
    """The layout's variable within 94.5-141.5 E, 11.5 S-6.5 N, in the file's own unit.

    Raises:
        SourceChanged: not the layout that is documented, or too large.
    """
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        check_size(file, path)
        variable = _band(file, form)
        latitude, south_north = _axis(file, "latitude", SOUTH, NORTH)
        longitude, west_east = _axis(file, "longitude", WEST, EAST)
        values = window_of(variable, south_north, west_east)
        if latitude[0] > latitude[-1]:
            latitude, values = latitude[::-1], values[::-1]
        about = about_of(file, form, variable)
    return RawWindow(np.ascontiguousarray(values), latitude, longitude, about)


def check_size(file: netCDF4.Dataset, path: str) -> None:
    if len(file.variables) > MAX_VARIABLES:
        raise SourceChanged(f"{len(file.variables)} variables, expected at most {MAX_VARIABLES}")
    if not file.data_model.startswith("NETCDF3"):
        return
    declared = sum(math.prod(v.shape) * v.dtype.itemsize for v in file.variables.values())
    found = os.stat(path).st_size  # noqa: PTH116
    if declared > found:
        raise SourceChanged(f"cut short: {declared} bytes of data declared, {found} bytes found")


def _band(file: netCDF4.Dataset, form: str) -> Any:
    """The variable, of bounded size, with dimensions ([time,] latitude, longitude)."""
    name = BANDS[form]
    if name not in file.variables:
        raise SourceChanged(
            f"no variable {name}, found {', '.join(map(repr, file.variables))[:160]}"
        )
    variable = file.variables[name]
    lat, lon = (_axis_name(file, which) for which in _AXES)
    sides = variable.dimensions[-2:]
    expected = (file.variables[lat].dimensions[:1] + file.variables[lon].dimensions[:1]) or ()
    if sides != expected or any(size != 1 for size in variable.shape[:-2]):
        raise SourceChanged(
            f"{name} has dimensions {variable.dimensions} of {variable.shape}, expected one time, "
            f"then {expected}"
        )
    if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "fiu":
        raise SourceChanged(f"{name} has type {variable.dtype}, expected numbers")
    check_chunk(variable)
    return variable


def check_chunk(variable: Any, most: int = MAX_CHUNK) -> None:
    chunk = variable.chunking()
    if isinstance(chunk, list) and math.prod(chunk) * variable.dtype.itemsize > most:
        raise SourceChanged(f"{variable.name} is packed in pieces of {chunk}, too large to unpack")


def _axis_name(file: netCDF4.Dataset, which: str) -> str:
    for name in _AXES[which]:
        if name in file.variables and file.variables[name].ndim == 1:
            return str(name)
    raise SourceChanged(f"no 1-D variable {which}")


def _axis(
    file: netCDF4.Dataset, which: str, low: float, high: float
) -> tuple[NDArray[np.float64], slice]:
    """Degrees of the cells whose centre lies between `low` and `high`, and where they stand."""
    variable = file.variables[_axis_name(file, which)]
    size = variable.shape[0]
    if not 2 <= size <= MAX_SIDE:
        raise SourceChanged(f"{which} has {size} values, expected 2 to {MAX_SIDE}")
    check_chunk(variable)
    return cut_of(which, np.asarray(variable[:], dtype=np.float64), low, high)


def cut_of(
    which: str, degrees: NDArray[np.float64], low: float, high: float
) -> tuple[NDArray[np.float64], slice]:
    """The part of an even axis between `low` and `high`, and where it stands.

    Raises:
        SourceChanged: uneven, not finite, or no part of it inside.
    """
    steps = np.diff(degrees)
    mean = float(steps.mean())
    if not np.isfinite(degrees).all() or not (np.abs(steps - mean) <= _UNEVEN * abs(mean)).all():
        raise SourceChanged(f"{which} is not evenly spaced or not finite; expected a regular grid")
    if mean == 0 or (mean < 0 and which == "longitude"):
        raise SourceChanged(f"{which} does not ascend")
    inside = np.flatnonzero((degrees >= low) & (degrees <= high))
    if inside.size < 2:
        raise SourceChanged(
            f"{which} runs from {degrees[0]:g} to {degrees[-1]:g}: no part of Indonesia"
        )
    cut = slice(int(inside[0]), int(inside[-1]) + 1)
    return degrees[cut], cut


def window_of(variable: Any, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Unpacked values, NaN where the file says that there are none."""
    if (rows.stop - rows.start) * (columns.stop - columns.start) > MAX_WINDOW:
        raise SourceChanged(f"a window of more than {MAX_WINDOW} cells")
    stored = np.asarray(variable[(0,) * (variable.ndim - 2) + (rows, columns)])
    missing = ~_valid(variable, stored)
    scale, offset = number_of(variable, "scale_factor", 1.0), number_of(variable, "add_offset", 0.0)
    if not (math.isfinite(scale) and math.isfinite(offset) and scale):
        raise SourceChanged(f"{variable.name} has scale {scale} and offset {offset}")
    values = stored.astype(np.float32)
    if (scale, offset) != (1.0, 0.0):
        values = values * np.float32(scale) + np.float32(offset)
    values[missing] = np.nan
    return values


def _valid(variable: Any, stored: NDArray[Any]) -> NDArray[np.bool_]:
    """By `_FillValue`, `missing_value` and `valid_range`, in stored values (NetCDF User Guide)."""
    valid = np.isfinite(stored)
    for name in ("_FillValue", "missing_value"):
        for mark in _numbers(variable, name):
            valid &= stored != np.asarray(mark).astype(stored.dtype)
    low, high = (*_numbers(variable, "valid_range"), math.nan, math.nan)[:2]
    low, high = number_of(variable, "valid_min", low), number_of(variable, "valid_max", high)
    if math.isfinite(low):
        valid &= stored >= low
    if math.isfinite(high):
        valid &= stored <= high
    return np.asarray(valid)


def number_of(variable: Any, name: str, default: float) -> float:
    found = _numbers(variable, name)
    return found[0] if found else default


def _numbers(variable: Any, name: str) -> list[float]:
    if name not in variable.ncattrs():
        return []
    value = np.ravel(variable.getncattr(name))[:2]
    return [float(one) for one in value] if value.dtype.kind in "fiu" else []


def _text(thing: Any, name: str) -> str:
    value = thing.getncattr(name) if name in thing.ncattrs() else ""
    return value.strip()[:80] if isinstance(value, str) else ""


def about_of(file: netCDF4.Dataset, form: str, variable: Any) -> About:
    axes = () if form == "err" else tuple(_axis_name(file, which) for which in _AXES)
    known = {variable.name, *TIMES[form], *axes}
    names = sorted(str(name)[:60] for name in file.variables)
    satellite = _text(file, "satellite") or _text(file, "platform")
    return About(
        variable=str(variable.name),
        units=_text(variable, "units"),
        times=tuple(_times(file, form)),
        satellite=satellite[:40],
        known=tuple(name for name in names if name in known),
        unknown=tuple(name for name in names if name not in known),
    )


def _times(file: netCDF4.Dataset, form: str) -> Iterator[str]:
    """Those that can be read: the reader of the frame decides what to do without."""
    for name in TIMES[form]:
        variable = file.variables.get(name)
        if variable is None or variable.size != 1 or variable.dtype.kind not in "fiu":
            continue
        try:
            moment = netCDF4.num2date(
                np.ravel(variable[:])[:1],
                _text(variable, "units"),
                only_use_cftime_datetimes=False,
                only_use_python_datetimes=True,
            )
        except (ValueError, OverflowError):
            continue
        yield f"{np.asarray(moment).ravel()[0]:%Y-%m-%dT%H:%M:%S}+00:00"
