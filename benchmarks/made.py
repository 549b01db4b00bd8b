"""Operators, rasters and hazards of the national benchmarks, made once a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.national import COLUMNS, NORTH, ROWS, STEP, WEST, FileStripes, people_file
from benchmarks.national import villages as national_villages
from kentongan.grid import BASE_GRID, Grid
from risk.exposure import kernels
from risk.operator import ExposureOperator, compile_operator
from risk.stripes import ArrayStripes, Stripe

FINE_IN_KM = 10
"""Cells of 100 m along one of 1 km (1/120 degree)."""
GRID_1KM = Grid(west=94.5, south=-11.5, step=1 / 120, columns=5640, rows=2160)


@lru_cache(maxsize=1)
def operator_2km() -> ExposureOperator:
    """All villages on the base grid, people of the synthetic raster of 100 m."""
    kernels.warm()
    return compile_operator(
        national_villages().geometry, None, BASE_GRID, raster=FileStripes(people_file())
    )


@lru_cache(maxsize=1)
def people_1km() -> ArrayStripes:
    """The synthetic raster summed to 1/120 degree."""
    out = np.zeros((ROWS // FINE_IN_KM, COLUMNS // FINE_IN_KM))
    for stripe in FileStripes(people_file()).stripes():
        columns = stripe.people.reshape(len(stripe.people), -1, FINE_IN_KM).sum(2, dtype=float)
        rows = (stripe.first_row + np.arange(len(columns))) // FINE_IN_KM
        np.add.at(out, rows, columns)
    step = STEP * FINE_IN_KM
    return ArrayStripes(out.astype(np.float32), WEST, NORTH, step, step)


@lru_cache(maxsize=1)
def operator_1km() -> ExposureOperator:
    """All villages on cells of 1/120 degree, people of the same cells."""
    kernels.warm()
    return compile_operator(national_villages().geometry, None, GRID_1KM, raster=people_1km())


@lru_cache(maxsize=4)
def storm_day(fine: bool = False) -> NDArray[np.int8]:
    """Classes 0 to 4 on the base grid (or at 1 km), smooth, some 15 % of cells active."""
    smooth = _smooth(fine)
    edges = np.quantile(smooth, [0.85, 0.92, 0.96, 0.985])
    classes: NDArray[np.int8] = np.digitize(smooth, edges).astype(np.int8)
    return classes


def ten_minutes_on(fine: bool = False) -> NDArray[np.int8]:
    """The storm day moved by one cell, some 2 % of cells in another class."""
    return np.roll(storm_day(fine), 1, axis=1)


def quiet_day() -> NDArray[np.int8]:
    """Less than one cell in a hundred active."""
    smooth = _smooth(False)
    classes: NDArray[np.int8] = (2 * (smooth > np.quantile(smooth, 0.992))).astype(np.int8)
    return classes


@lru_cache(maxsize=2)
def _smooth(fine: bool) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter, zoom

    noise = np.random.default_rng(7).standard_normal((BASE_GRID.rows, BASE_GRID.columns))
    smooth: NDArray[np.float64] = gaussian_filter(noise, 12)  # blobs of some 50 km
    if not fine:
        return smooth
    wider: NDArray[np.float64] = zoom(smooth, GRID_1KM.rows / BASE_GRID.rows, order=1)
    return wider


@dataclass(frozen=True, eq=False)
class Moved:
    """The synthetic raster with its origin off every hazard grid, as WorldPop's is."""

    of: FileStripes
    dx: float = STEP
    dy: float = STEP
    rows: int = ROWS
    columns: int = COLUMNS
    west: float = WEST + 0.37 * STEP
    north: float = NORTH - 0.21 * STEP

    def stripes(self) -> Iterator[Stripe]:
        return self.of.stripes()
