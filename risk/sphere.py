"""Great circles by unit vectors, so that a KD-tree can search them without distortion."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius R1


def unit_vectors(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.float64]:
    """Points on the unit sphere, shape (n, 3), from degrees."""
    lon, lat = np.radians(np.atleast_1d(longitude)), np.radians(np.atleast_1d(latitude))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def chord_of_km(km: float) -> float:
    """Straight distance on the unit sphere for a great-circle distance, at most 2."""
    return float(2 * np.sin(min(km / EARTH_RADIUS_KM, np.pi) / 2))


def km_of_chord(chord: ArrayLike) -> NDArray[np.float64]:
    """Great-circle distance in km of straight distances on the unit sphere."""
    half = np.clip(np.asarray(chord, dtype=np.float64) / 2, 0, 1)
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(half), dtype=np.float64)
