"""Himawari standard data through satpy, onto our analysis grid. Runs in the child process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.frames.raw import About, RawWindow
from kentongan.errors import SourceDown
from kentongan.grid import BASE_GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BAND = "B13"
MISSING = "satpy is not installed; install it with: pip install 'kentongan[satpy]'"


def load_library() -> None:
    """Raises:
    SourceDown: satpy is not installed.
    """
    try:
        import_module("satpy")
    except ImportError as error:
        raise SourceDown(MISSING) from error
    import_module("dask").config.set(scheduler="synchronous")


def read_hsd(files: Sequence[str]) -> RawWindow:
    """Segments of one scan as brightness temperature in K, NaN where a segment is missing.

    Each cell of our grid (0.02 degrees) takes the pixel (2 km at nadir) that holds its centre.
    """
    import numpy as np

    options = {"reader": "ahi_hsd", "reader_kwargs": {"mask_space": False}}
    scene = import_module("satpy").Scene(filenames=list(files), **options)
    scene.load([BAND])
    image = scene[BAND]
    rows, columns = _pixels_of(image.attrs["area"])
    top, left = int(rows.min()), int(columns.min())
    part = image[top : int(rows.max()) + 1, left : int(columns.max()) + 1].to_numpy()
    values = part[rows - top, columns - left].astype(np.float32)
    about = About(
        variable=BAND,
        units=str(image.attrs["units"]),
        times=(image.attrs["start_time"].isoformat() + "+00:00",),
        satellite=str(image.attrs["platform_name"]),
        known=(BAND,),
    )
    return RawWindow(values, BASE_GRID.latitude, BASE_GRID.longitude, about)


@lru_cache(maxsize=2)
def _pixels_of(area: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the full disk for each cell of our grid; it lies within the disk."""
    import numpy as np

    places = np.meshgrid(BASE_GRID.longitude, BASE_GRID.latitude)
    columns, rows = area.get_array_indices_from_lonlat(*places)
    return np.asarray(rows), np.asarray(columns)
