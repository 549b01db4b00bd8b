"""The friction of a layer set on disk: compiled from roads once, read by windows.

A GeoTIFF of two bands: minutes per metre (float32, inf = nobody passes) and road (0 or 1).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kentongan.errors import LayerError
from kentongan.grid import Grid
from kentongan.policy import AccessPolicy
from risk.access.friction import Friction, make_friction

if TYPE_CHECKING:
    import geopandas as gpd
    from affine import Affine

STEP_DEG = 1 / 240
"""About 460 m: a village road is wider than the error of a straight line, and the nation fits
in 11,300 x 4,300 cells."""
_ALIGN_DEG = 0.5
"""Windows begin on round degrees, so that one place has the same cells in every set."""


def grid_around(
    bounds: tuple[float, float, float, float], *, step: float = STEP_DEG, margin_deg: float = 0.0
) -> Grid:
    """The cells that hold a box (west, south, east, north) and a margin around it."""
    west, south, east, north = bounds
    west = math.floor((west - margin_deg) / _ALIGN_DEG) * _ALIGN_DEG
    south = math.floor((south - margin_deg) / _ALIGN_DEG) * _ALIGN_DEG
    columns = math.ceil((east + margin_deg - west) / step)
    rows = math.ceil((north + margin_deg - south) / step)
    return Grid(west=west, south=south, step=step, columns=columns, rows=rows)


def write_surface(
    path: Path,
    roads: gpd.GeoDataFrame,
    rules: AccessPolicy,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    step: float = STEP_DEG,
) -> Friction:
    """Compile the friction of the area that the roads (or `bounds`) span; the same bytes each time.

    Raises:
        LayerError: no roads, another CRS, no class of road.
    """
    if roads.empty:
        raise LayerError("roads: the file holds no line; expected OSM roads")
    west, south, east, north = bounds or tuple(float(edge) for edge in roads.total_bounds)
    friction = make_friction(grid_around((west, south, east, north), step=step), rules, roads=roads)
    save_surface(path, friction)
    return friction


def save_surface(path: Path, friction: Friction) -> None:
    import rasterio

    grid = friction.grid
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.columns,
        height=grid.rows,
        count=2,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.Affine(
            grid.step, 0, grid.west, 0, -grid.step, grid.south + grid.rows * grid.step
        ),
        tiled=True,
        compress="deflate",
    ) as out:
        out.write(friction.minutes_per_metre[::-1].astype(np.float32), 1)
        out.write(friction.on_road[::-1].astype(np.float32), 2)


def read_surface(path: Path, bounds: tuple[float, float, float, float]) -> Friction | None:
    """The part of a stored surface that meets a box; None where they do not meet.

    Raises:
        LayerError: not a file that `save_surface` wrote.
    """
    import rasterio
    from rasterio.windows import Window

    try:
        with rasterio.open(path) as source:
            grid = _grid_of(source.transform, source.width, source.height)
            rows, columns = grid.window(*bounds)
            if rows.start == rows.stop or columns.start == columns.stop:
                return None
            window = Window(
                columns.start,
                grid.rows - rows.stop,
                columns.stop - columns.start,
                rows.stop - rows.start,
            )
            bands = source.read(window=window)[:, ::-1]
    except (rasterio.errors.RasterioIOError, IndexError) as error:
        raise LayerError(
            f"{path}: no friction can be read ({error}); build the set anew"
        ) from error
    part = Grid(
        west=grid.west + columns.start * grid.step,
        south=grid.south + rows.start * grid.step,
        step=grid.step,
        columns=columns.stop - columns.start,
        rows=rows.stop - rows.start,
    )
    return Friction(part, bands[0].astype(np.float64), bands[1] > 0)


def _grid_of(transform: Affine, columns: int, rows: int) -> Grid:
    south = transform.f + rows * transform.e
    return Grid(west=transform.c, south=south, step=transform.a, columns=columns, rows=rows)
