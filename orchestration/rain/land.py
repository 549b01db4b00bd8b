"""What a layer set says of the ground, brought to what floods and slides: compiled once, kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from kentongan.store import Store, sha256_hex

if TYPE_CHECKING:
    from orchestration.context import CycleContext
    from processing.rain.policy import Landslide
    from processing.water.flood import FloodRules
    from processing.water.ground import FloodGround

log = logging.getLogger(__name__)
_VERSION = 1
"""Of what is kept; another one is compiled anew."""
_SHORE_CELLS = 1
"""As for heights: shapes of villages and maps never agree on the shore."""


@dataclass(frozen=True)
class Slopes:
    """A map of susceptibility, rows from north to south.

    Attributes:
        classes: 1 to 5 of LHASA; 0: not known.
        latitude, longitude: centres, degrees.
        kind: how its values were read.
    """

    classes: npt.NDArray[np.int8]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    kind: str
    cell_m: float


def flood_ground_of(context: CycleContext, rules: FloodRules) -> FloodGround | None:
    """Terrain of the layer set; None without heights. From memory, else from the home, else made.

    Raises:
        LayerError, ValueError: the heights cannot be used; the words say why.
    """
    path = context.layers.raster("elevation")
    if path is None:
        return None
    return _flood_ground(
        str(context.settings.home.resolve()),
        path,
        path.stat().st_mtime_ns,
        context.layers.version,
        rules.most_cells,
        rules.drain_km2,
    )


@lru_cache(maxsize=1)
def _flood_ground(
    home: str, path: Path, stamp: int, layers: str, most_cells: int, drain_km2: float
) -> FloodGround:
    from processing.water.ground import packed, unpacked

    store = Store(home)
    made_of = f"{_VERSION} {path.resolve()} {stamp} {layers} {most_cells} {drain_km2}"
    kept = f"cache/terrain-{sha256_hex(made_of.encode())[:16]}.npz"
    if store.exists(kept):
        try:
            return unpacked(store.read(kept))
        except DataError as error:
            log.warning("%s: %s", kept, error)
    ground = _compiled(path, most_cells, drain_km2)
    for old in store.paths("cache/"):
        if old.startswith("cache/terrain-"):
            store.remove(old)  # of another set, or of other figures
    store.write(kept, packed(ground))
    return ground


def _compiled(path: Path, most_cells: int, drain_km2: float) -> FloodGround:
    from processing.water.ground import flood_ground
    from processing.water.heights import known_heights
    from risk.layers.ground_raster import read_ground

    raster = read_ground(path, most_cells=most_cells, how="mean", clean=known_heights)
    return flood_ground(
        raster.values,
        raster.latitude,
        raster.longitude,
        cell_m=raster.cell_m,
        drain_km2=drain_km2,
    )


def slopes_of(context: CycleContext, rules: Landslide) -> Slopes | None:
    """Susceptibility of the layer set; None without a map.

    Raises:
        LayerError, ValueError: the map cannot be used; the words say why.
    """
    path = context.layers.raster("susceptibility")
    if path is None:
        return None
    figures = rules.susceptibility.model_dump_json()
    return _slopes(path, path.stat().st_mtime_ns, rules.most_cells, figures)


@lru_cache(maxsize=1)
def _slopes(path: Path, _stamp: int, most_cells: int, figures: str) -> Slopes:
    from processing.landslide import SusceptibilityRules, susceptibility_classes
    from risk.layers.ground_raster import read_ground

    raster = read_ground(path, most_cells=most_cells, how="max", clean=_without_fills)
    rules = SusceptibilityRules.model_validate_json(figures)
    classes, kind = susceptibility_classes(raster.values, rules)
    return Slopes(_over_the_shore(classes), raster.latitude, raster.longitude, kind, raster.cell_m)


def _without_fills(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from processing.water.heights import FILL_FROM, FILLS

    fill = ~np.isfinite(values) | (np.abs(values) > FILL_FROM) | np.isin(values, FILLS)
    # Maps in bytes write 255 where they say nothing.
    return np.where(fill | (values == 255), np.float32(np.nan), values)


def _over_the_shore(classes: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    from processing.water.heights import beside, enclosed

    known = classes > 0
    cells, nearest = beside(known | enclosed(~known), _SHORE_CELLS)
    out = classes.copy()
    out.ravel()[cells] = classes.ravel()[nearest]
    return out
