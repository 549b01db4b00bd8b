"""Band 13 as BMKG's NetCDF, drawn from the cells that the rainfall-potential pictures show.

The tops stand where parallax makes a satellite at 140.7 E see them. How cold a cell of our made-up
strength is, and that an anvil spreads over it, is invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import netCDF4
import numpy as np
import numpy.typing as npt
from generator.picture import Cell

from processing.rain.parallax import corrected
from processing.rain.retrieve import DEFAULT_RULES

GROUND_K, DEPTH_K = 292.0, 95.0
"""A cell of strength 1 reaches 197 K."""
ANVIL, ANVIL_WIDTH = 0.6, 1.6
STEP = 0.04
WEST, EAST, SOUTH, NORTH = 94.0, 142.0, -12.0, 7.0

Floats = npt.NDArray[np.float64]


def frame_path(scan: datetime) -> str:
    return f"/H08_B13_Indonesia_{scan:%Y%m%d%H%M}.nc"


def frame(scan: datetime, cells: Sequence[Cell]) -> bytes:
    """The file of one scan; the same cells give the same temperatures but for `_breath`."""
    latitude = np.arange(SOUTH, NORTH + STEP / 2, STEP)
    longitude = np.arange(WEST, EAST + STEP / 2, STEP)
    kelvin = temperature(latitude, longitude, cells) + _breath(scan)
    out = netCDF4.Dataset("frame.nc", "w", memory=1_000_000)
    out.setncattr("comment", "rekaan ulang")
    for name, axis in (("latitude", latitude), ("longitude", longitude)):
        out.createDimension(name, axis.size)
        out.createVariable(name, "f8", (name,))[:] = axis
    out.createDimension("time", 1)
    moment = out.createVariable("time", "f8", ("time",))
    moment.units = "seconds since 1970-01-01 00:00:00"
    moment[:] = scan.timestamp()
    grid = out.createVariable("IR", "i2", ("time", "latitude", "longitude"), zlib=True, complevel=4)
    grid.set_auto_maskandscale(False)
    grid.units, grid.scale_factor, grid.add_offset = "K", 0.01, 273.15
    grid[0] = np.round((kelvin - 273.15) / 0.01).astype("i2")
    return bytes(out.close())


def _breath(scan: datetime) -> float:
    """K, less than a tenth: no two scans of a sensor agree in every cell, so ours do not either."""
    return 0.02 * ((scan.minute // 10 + 6 * scan.hour) % 5)


def temperature(latitude: Floats, longitude: Floats, cells: Sequence[Cell]) -> Floats:
    """K, shape (latitude, longitude): warm ground in soft waves, and the tops of the cells."""
    y, x = latitude[:, None], longitude[None, :]
    ground = GROUND_K + 2 * np.sin(1.7 * y) * np.cos(1.3 * x) + 0.3 * np.sin(97 * y + 61 * x)
    for cell in cells:
        east, north = _shift(cell)
        away = ((x - cell.longitude - east) / cell.radius_x) ** 2
        away = away + ((y - cell.latitude - north) / cell.radius_y) ** 2
        core = np.exp(-away)
        anvil = ANVIL * np.exp(-away / ANVIL_WIDTH**2)
        depth = DEPTH_K * cell.strength * np.maximum(core, anvil)
        ground = np.minimum(ground, GROUND_K - depth)
    return ground


def _shift(cell: Cell) -> tuple[float, float]:
    """Degrees east and north from where the top is to where it is seen."""
    rules = DEFAULT_RULES
    coldest = GROUND_K - DEPTH_K * cell.strength
    top_km = min((rules.surface_k - coldest) / rules.lapse_k_km, rules.highest_top_km)
    place = np.array([cell.longitude]), np.array([cell.latitude]), np.array([top_km])
    longitude, latitude = corrected(*place)
    return cell.longitude - float(longitude[0]), cell.latitude - float(latitude[0])
