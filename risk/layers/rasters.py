"""Rasters of other people: opened with care, read by rows, stored cropped.

What GDAL cannot say for sure (a coordinate system, a nodata value) is never guessed here; the
checks find it and say so.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError, RasterioIOError
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform_bounds
from rasterio.windows import Window, from_bounds

from kentongan.errors import LayerError

SUFFIXES = frozenset({".tif", ".tiff", ".asc", ".vrt", ".img", ".nc", ".grd", ".bil", ".zip"})
MAX_CELLS = 1 << 33
"""Of one raster: the nation at 30 m has 5e9 cells."""
BLOCK_CELLS = 1 << 22
"""Cells read at once: 32 MB as float64."""
_CACHE_BYTES = 256 << 20
"""GDAL's own limit is a share of all memory; one row of tiles of the nation needs 115 MB."""
Bounds = tuple[float, float, float, float]
WGS84 = CRS.from_epsg(4326)


def is_raster(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _gdal_name(path: Path) -> str:
    """What GDAL opens: the file, or the only raster in a zip.

    Raises:
        LayerError: a zip with no raster or several.
    """
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            inner = [n for n in archive.namelist() if Path(n).suffix.lower() in {".tif", ".asc"}]
    except (OSError, zipfile.BadZipFile) as error:
        raise LayerError(f"{path}: expected a zip file with one GeoTIFF: {error}") from error
    if len(inner) != 1:
        raise LayerError(f"{path}: {len(inner)} rasters inside; expected one; unpack it first")
    return f"/vsizip/{path}/{inner[0]}"


@contextmanager
def open_raster(path: Path) -> Iterator[Any]:
    """A raster with one band of numbers.

    Raises:
        LayerError: cannot be read, several bands, turned axes, too many cells.
    """
    if not path.exists():
        raise LayerError(f"{path}: no such file")
    try:
        with (
            rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_CACHEMAX=_CACHE_BYTES),
            rasterio.open(_gdal_name(path)) as source,
        ):
            _require_usable(source, path)
            yield source
    except (RasterioIOError, RasterioError, CRSError) as error:
        raise LayerError(f"{path}: cannot be read as a raster ({str(error)[:200]})") from error


def _require_usable(source: Any, path: Path) -> None:
    if source.count != 1:
        raise LayerError(f"{path}: {source.count} bands; expected one; extract the band you mean")
    if source.width * source.height > MAX_CELLS:
        raise LayerError(f"{path}: {source.width} x {source.height} cells; expected fewer than 8e9")
    transform = source.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e == 0:
        raise LayerError(f"{path}: rows or columns are turned ({transform[:6]}); warp it north up")
    if source.dtypes[0].startswith("complex"):
        raise LayerError(f"{path}: complex numbers; expected plain ones")


def is_lonlat(crs: CRS | None) -> bool:
    """Degrees from Greenwich on a datum within metres of WGS84 (CRS84, SRGI2013, DGN95)."""
    if crs is None or not crs.is_geographic:
        return False
    x, y = rasterio.warp.transform(crs, WGS84, [107.0, 120.0], [-6.0, 1.0])
    return bool(np.allclose(x, [107.0, 120.0], atol=1e-4) and np.allclose(y, [-6, 1], atol=1e-4))


def degrees_bounds(source: Any) -> Bounds:
    """West, south, east, north in degrees."""
    if is_lonlat(source.crs):
        left, bottom, right, top = source.bounds
        return left, min(bottom, top), right, max(bottom, top)
    west, south, east, north = transform_bounds(source.crs, WGS84, *source.bounds)
    return west, south, east, north


def row_blocks(source: Any, first: int = 0, last: int | None = None) -> Iterator[Window]:
    """Windows of whole rows, at most `BLOCK_CELLS` each, on the file's own blocks."""
    last = source.height if last is None else last
    block = source.block_shapes[0][0]
    rows = max(1, BLOCK_CELLS // source.width)
    rows = max(rows // block, 1) * block if block <= 4096 else rows
    row = first
    while row < last:
        stop = min(last, (row // rows + 1) * rows)
        yield Window(0, row, source.width, stop - row)
        row = stop


def raw_values(source: Any, window: Window) -> NDArray[np.float32]:
    """float32, NaN where the file says nodata; neither scaled nor shifted."""
    plain = all(flag.name in {"nodata", "all_valid"} for flag in source.mask_flag_enums[0])
    if not plain:
        masked = source.read(1, window=window, masked=True)
        out: NDArray[np.float32] = np.ma.filled(masked.astype(np.float32), np.float32(np.nan))
        return out
    raw = source.read(1, window=window)
    nodata = source.nodata
    empty = None if nodata is None or np.isnan(nodata) else raw == raw.dtype.type(nodata)
    values: NDArray[np.float32] = raw.astype(np.float32, copy=False)
    if empty is not None:
        values[empty] = np.nan
    return values


def read_values(source: Any, window: Window) -> NDArray[np.float32]:
    """float32, NaN where the file says nodata; scale and offset applied."""
    values = raw_values(source, window)
    scale, offset = source.scales[0], source.offsets[0]
    if (scale, offset) != (1.0, 0.0):
        values = values * np.float32(scale) + np.float32(offset)
    return values


@dataclass(frozen=True)
class Cropped:
    """What was stored of a raster; for the manifest."""

    columns: int
    rows: int
    step_deg: float
    method: str


def write_cropped(path: Path, source_path: Path, bounds: Bounds, resampling: str) -> Cropped:
    """The part of a raster in a box, as a GeoTIFF in degrees; the same bytes each time.

    A raster in degrees is cut on its own cells and not resampled. Another one is warped to
    degrees at its own resolution.

    Args:
        resampling: method of the warp: `bilinear` for heights, `nearest` for classes.

    Raises:
        LayerError: the raster does not meet the box.
    """
    with open_raster(source_path) as source:
        if is_lonlat(source.crs) and source.transform.e < 0:
            return _write_window(path, source, bounds, "cut, not resampled")
        transform, width, height = calculate_default_transform(
            source.crs, WGS84, source.width, source.height, *source.bounds
        )
        options = {"crs": WGS84, "transform": transform, "width": width, "height": height}
        with WarpedVRT(source, resampling=Resampling[resampling], **options) as warped:
            return _write_window(path, warped, bounds, f"{source.crs} warped, {resampling}")


def _write_window(path: Path, source: Any, bounds: Bounds, method: str) -> Cropped:
    window = _snapped(source, bounds)
    if window is None:
        raise LayerError(
            f"{source.name}: covers {_text(source.bounds)}, nothing of {_text(bounds)}; "
            "expected the area of the villages"
        )
    profile = {
        "driver": "GTiff", "width": window.width, "height": window.height, "count": 1,
        "dtype": source.dtypes[0], "crs": WGS84, "nodata": source.nodata, "tiled": True,
        "transform": _moved_to(source.transform, window), "compress": "deflate",
        "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    rows = 256 * max(1, BLOCK_CELLS // 256 // int(window.width))
    with rasterio.open(path, "w", **profile) as out:
        for row in range(0, int(window.height), rows):
            high = min(rows, int(window.height) - row)
            part = Window(window.col_off, window.row_off + row, window.width, high)
            out.write(source.read(1, window=part), 1, window=Window(0, row, window.width, high))
    step = abs(source.transform.a)
    return Cropped(int(window.width), int(window.height), step, method)


def _moved_to(transform: Affine, window: Window) -> Affine:
    """The transform of a part of a north-up raster."""
    a, e = transform.a, transform.e
    return Affine(
        a, 0.0, transform.c + a * window.col_off, 0.0, e, transform.f + e * window.row_off
    )


def _snapped(source: Any, bounds: Bounds) -> Window | None:
    """Whole cells that meet the box."""
    wanted = from_bounds(*bounds, transform=source.transform)
    left, top = max(0, math.floor(wanted.col_off)), max(0, math.floor(wanted.row_off))
    right = min(source.width, math.ceil(wanted.col_off + wanted.width))
    bottom = min(source.height, math.ceil(wanted.row_off + wanted.height))
    if right <= left or bottom <= top:
        return None
    return Window(left, top, right - left, bottom - top)


def _text(bounds: Any) -> str:
    return ", ".join(f"{v:.2f}" for v in bounds)


__all__ = [
    "SUFFIXES", "WGS84", "Affine", "Bounds", "Cropped", "degrees_bounds", "is_lonlat",
    "is_raster", "open_raster", "raw_values", "read_values", "row_blocks", "write_cropped",
]  # fmt: skip
