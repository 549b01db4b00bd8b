"""Tiles of the live map: four PMTiles and a light outline, made once from a layer set.

What does not change is in them (shapes, codes, names); colours come from the state of the map.
"""

from __future__ import annotations

from console.tiles.shelf import Shelf as Shelf
from console.tiles.shelf import Shown as Shown
