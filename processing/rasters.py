"""What all our hazard rasters share: CF-1.11 coordinates and flag attributes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kentongan.hazard import FLAG_MEANINGS, FLAG_VALUES, LEVEL_UNKNOWN
from kentongan.types import Quality

QUALITIES = tuple(Quality)
"""A raster's `quality` holds the position in this tuple."""
Floats = npt.NDArray[np.float64]
Coordinate = tuple[str, Floats, dict[str, str]]


def level_attributes(hazard: str) -> dict[str, object]:
    """Of `hazard_level`."""
    return {
        "long_name": f"hazard level of {hazard}",
        "flag_values": np.array(FLAG_VALUES, dtype=np.int8),
        "flag_meanings": FLAG_MEANINGS,
        "_FillValue": np.int8(LEVEL_UNKNOWN),
        "comment": "fill: not known, never to be read as none",
    }


def quality_attributes() -> dict[str, object]:
    """Of `quality`."""
    return {
        "long_name": "quality of the level",
        "flag_values": np.arange(len(QUALITIES), dtype=np.int8),
        "flag_meanings": " ".join(QUALITIES),
    }


def grid_coordinates(latitude: Floats, longitude: Floats) -> dict[str, Coordinate]:
    """Cell centres in degrees."""
    return {
        "latitude": (
            "latitude",
            latitude,
            {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
        ),
        "longitude": (
            "longitude",
            longitude,
            {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
        ),
    }
