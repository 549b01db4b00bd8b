"""Villages whose ground a quake shook, and whether a map says that it slides or turns liquid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kentongan.grid import Grid
from kentongan.policy import SecondaryRules
from risk.layers.rasters import WGS84, open_raster
from risk.raster_share import to_base_grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from risk.layers.layerset import LayerSet

Floats = NDArray[np.float64]
Classes = NDArray[np.int8]
_PRONE, _NOT_KNOWN = 1, 2
_LOOK = 512
"""Cells a side of the look at a whole map: enough to tell an index from classes."""


@dataclass(frozen=True)
class ProneVillages:
    """Attributes:
    villages: codes of villages of which any part was shaken on prone ground, ascending.
    not_known: likewise, where the map has no value or there is no map.
    assessed: whether a map is loaded.
    """

    villages: tuple[str, ...]
    not_known: tuple[str, ...]
    assessed: bool


def prone_villages(
    field: xr.Dataset,
    layers: LayerSet,
    name: str,
    classify: Callable[[Floats, Floats | None, float], Classes],
    rules: SecondaryRules,
) -> ProneVillages:
    """Villages on shaken ground, cell by cell of the analysis grid.

    Args:
        field: `mmi` and `hazard_level` over `latitude` and `longitude`.
        name: raster of the layer set (`susceptibility`, `liquefaction`).
        classify: MMI, map (None: not loaded) and the value from which ground is prone → 1 prone,
            2 not known, 0 neither; `processing.secondary.shaken_ground.ground_classes`.
    """
    grid = layers.operator.grid
    chosen = field[["hazard_level", "mmi"]].assign_attrs(value_variable="mmi")
    mmi = to_base_grid(chosen, grid)["mmi"]
    path = layers.raster(name)
    index, prone_from = (None, 1.0) if path is None else read_index(path, grid, rules)
    classes = classify(mmi.to_numpy().astype(np.float64), index, prone_from)
    rows, parts = layers.operator.touched(classes)
    codes = layers.villages["adm4_code"].to_numpy()[rows]
    prone = parts[:, _PRONE] > 0
    doubtful = (parts[:, _NOT_KNOWN] > 0) & ~prone
    return ProneVillages(
        tuple(codes[prone].tolist()), tuple(codes[doubtful].tolist()), index is not None
    )


def read_index(path: Path, grid: Grid, rules: SecondaryRules) -> tuple[Floats, float]:
    """The highest value of a map in each cell of the grid, and from which one ground is prone.

    Returns:
        float64, rows from south to north, NaN where the map says nothing; an index (nothing above
        1 anywhere on the map) is prone from `index_from`, classes from `class_from`.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    north = grid.south + grid.rows * grid.step
    target = Affine(grid.step, 0, grid.west, 0, -grid.step, north)
    shape = {"width": grid.columns, "height": grid.rows}
    with (
        open_raster(path) as source,
        WarpedVRT(
            source, crs=WGS84, transform=target, resampling=Resampling.max,
            nodata=np.nan, dtype="float64", **shape,
        ) as warped,
    ):  # fmt: skip
        values: Floats = warped.read(1)[::-1].astype(np.float64)
        look = source.read(1, masked=True, out_shape=(1, _LOOK, _LOOK)).astype(np.float64)
    highest = float(np.ma.max(look)) if look.count() else 0.0
    highest = max(highest, float(np.max(values, where=np.isfinite(values), initial=0.0)))
    return values, rules.index_from if highest <= 1.0 else float(rules.class_from)
