"""How far a place lies from the sea."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from risk.layers import files
from risk.sphere import km_of_chord, unit_vectors

if TYPE_CHECKING:
    from risk.layers.coast import Coast
    from risk.layers.layerset import LayerSet

_MOST_KM = 2_000.0
"""Farther from every coast of Indonesia is open sea, or another continent: not known."""


def coast_of(layers: LayerSet) -> Coast:
    """The coastline that the layer set was compiled with."""
    return files.read_coast(layers.path, float(layers.manifest["coast_strip_km"]))


def km_from_sea(longitude: float, latitude: float, coast: Coast) -> float | None:
    """0 at sea and within the coast strip; inland the distance to the nearest coastline.

    Land of neighbours counts as sea: what is not known is never inland. None far from Indonesia.
    """
    shore = unit_vectors(coast.longitude, coast.latitude)
    here = unit_vectors(np.array([longitude]), np.array([latitude]))
    distance = float(km_of_chord(cKDTree(shore).query(here)[0])[0])
    if distance > _MOST_KM:
        return None
    inland = shapely.intersects_xy(coast.core, longitude, latitude).any()
    return round(distance, 1) if inland else 0.0
