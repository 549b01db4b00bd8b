"""Raster files of anybody, opened so that a broken one is an error of ours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError, RasterioIOError

from kentongan.errors import LayerError

MAX_CELLS = 1 << 33
"""Of one file: the nation at 30 m has 5e9 cells."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A raster with one band of plain numbers, turned or not.

    Raises:
        LayerError: no such file, cannot be read, several bands, too many cells.
    """
    if not path.exists():
        raise LayerError(f"{path}: no such file; expected a raster, e.g. a GeoTIFF")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(path) as source:
                _require_plain(source, path)
                yield source
    except (RasterioIOError, RasterioError, CRSError) as error:
        raise LayerError(f"{path}: cannot be read as a raster ({str(error)[:200]})") from error


def _require_plain(source: Any, path: Path) -> None:
    if source.count != 1:
        raise LayerError(
            f"{path}: {source.count} bands; expected one; extract the band you mean, e.g. "
            "gdal_translate -b 1"
        )
    if source.width * source.height > MAX_CELLS:
        raise LayerError(f"{path}: {source.width} x {source.height} cells; expected fewer than 8e9")
    if source.transform.is_degenerate:
        raise LayerError(f"{path}: cells without size ({source.transform[:6]})")
    if source.dtypes[0].startswith("complex"):
        raise LayerError(f"{path}: complex numbers; expected plain ones")
