"""A raster of the ground brought to a number of cells that fits in memory, by whole cells."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from kentongan.errors import LayerError
from risk.layers.rasters import WGS84, open_raster, read_values

METRES_PER_DEGREE = 111_195.0
"""Of a great circle on a sphere of 6,371 km."""
_BLOCK_CELLS = 1 << 23
"""Cells read at once: 32 MB as float32."""

Field = NDArray[np.float32]
Floats = NDArray[np.float64]
How = Literal["mean", "max"]


@dataclass(frozen=True)
class GroundRaster:
    """Rows from north to south; NaN where the file says nothing.

    Attributes:
        north, west: of the first cell's corner, degrees.
        step_y, step_x: degrees.
        factor: cells of the file along each side of one of these.
    """

    values: Field
    north: float
    west: float
    step_y: float
    step_x: float
    factor: int

    @property
    def latitude(self) -> Floats:
        """Centres, from north to south."""
        return self.north - (np.arange(self.values.shape[0], dtype=np.float64) + 0.5) * self.step_y

    @property
    def longitude(self) -> Floats:
        """Centres, from west to east."""
        return self.west + (np.arange(self.values.shape[1], dtype=np.float64) + 0.5) * self.step_x

    @property
    def cell_m(self) -> float:
        """Side of a square as large as a cell in the middle of the raster, metres."""
        middle = math.radians(self.north - self.step_y * self.values.shape[0] / 2)
        return METRES_PER_DEGREE * math.sqrt(self.step_y * self.step_x * math.cos(middle))


def read_ground(
    path: Path,
    *,
    most_cells: int,
    how: How,
    clean: Callable[[Field], Field] = lambda values: values,
) -> GroundRaster:
    """A raster of a layer set, as fine as `most_cells` allow.

    Args:
        how: of the known cells that become one: their mean (heights) or their highest (classes).
        clean: takes fill values out before anything is averaged; may refuse by ValueError.

    Raises:
        LayerError: no raster in degrees from north to south.
        ValueError: of `clean`.
    """
    with open_raster(path) as source:
        transform = source.transform
        if source.crs != WGS84 or transform.e >= 0:
            raise LayerError(
                f"{path}: expected EPSG:4326 from north to south, as 'layers build' writes it; "
                f"found {source.crs}; build the set anew"
            )
        factor = max(1, math.ceil(math.sqrt(source.width * source.height / most_cells)))
        values = _read(source, factor, how, clean)
    return GroundRaster(
        values=values,
        north=transform.f,
        west=transform.c,
        step_y=-transform.e * factor,
        step_x=transform.a * factor,
        factor=factor,
    )


def _read(source: Any, factor: int, how: How, clean: Callable[[Field], Field]) -> Field:
    rows, columns = (math.ceil(n / factor) for n in (source.height, source.width))
    out = np.full((rows, columns), np.nan, dtype=np.float32)
    at_once = max(1, _BLOCK_CELLS // (source.width * factor))
    for first in range(0, rows, at_once):
        last = min(rows, first + at_once)
        top, bottom = first * factor, min(source.height, last * factor)
        values = read_values(source, Window(0, top, source.width, bottom - top))
        out[first:last] = _merged(clean(values), factor, how)
    return out


def _merged(values: Field, factor: int, how: How) -> Field:
    if factor == 1:
        return values
    more = [-n % factor for n in values.shape]
    whole = np.pad(values, ((0, more[0]), (0, more[1])), constant_values=np.nan)
    rows, columns = (n // factor for n in whole.shape)
    cells = whole.reshape(rows, factor, columns, factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cells of nothing but NaN
        found = np.nanmean(cells, axis=(1, 3)) if how == "mean" else np.nanmax(cells, axis=(1, 3))
    merged: Field = found.astype(np.float32)
    return merged
