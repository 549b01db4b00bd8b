"""Heights made ready for water: what is sea, what is a hole, and what is no height at all.

A part without heights that reaches the rim of the raster is the sea; one that land surrounds is a
hole: water is led through it, and nothing is said of the people in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from processing.water.terrain import SEA

if TYPE_CHECKING:
    from collections.abc import Sequence

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FILLS: Sequence[float] = (SEA, -32768.0, -32767.0, 32767.0, 65535.0)
"""What programs write where nothing is known, when the file does not say so; no height is so low,
and none so high."""
FILL_FROM = 1e30
"""Fill values of NetCDF (9.97e36) and of GDAL (-3.4e38) are larger than that."""
HEIGHTS_M = (-500.0, 9000.0)
"""The lowest and the highest ground on Earth, with room for noise."""
_TOUCHING = np.ones((3, 3), dtype=np.int8)


@dataclass(frozen=True)
class Heights:
    """Rows from north to south.

    Attributes:
        elevation: m; NaN at sea; holes bridged.
        holes: cells of which no height is known, within the land.
    """

    elevation: Field
    holes: Mask


def known_heights(values: npt.NDArray[np.floating]) -> Field:
    """Without fill values; float32, NaN where nothing is known.

    Raises:
        ValueError: heights that no ground has: another unit, or fill values not known to us.
    """
    height = np.asarray(values, dtype=np.float32)
    fill = ~np.isfinite(height) | (np.abs(height) > FILL_FROM) | np.isin(height, FILLS)
    height = np.where(fill, np.float32(np.nan), height)
    if not fill.all():
        low, high = float(np.nanmin(height)), float(np.nanmax(height))
        if low < HEIGHTS_M[0] or high > HEIGHTS_M[1]:
            raise ValueError(
                f"heights from {low:.0f} to {high:.0f}: expected metres, {HEIGHTS_M[0]:.0f} to "
                f"{HEIGHTS_M[1]:.0f}, and a declared nodata value"
            )
    return height


def ready(values: npt.NDArray[np.floating]) -> Heights:
    """Sea and holes told apart, holes bridged by the nearest heights.

    Raises:
        ValueError: nothing known, or heights that no ground has.
    """
    height = known_heights(values)
    nothing = np.isnan(height)
    if nothing.all():
        raise ValueError("heights: nothing is known; expected metres")
    holes = enclosed(nothing)
    if holes.any():
        row, column = ndimage.distance_transform_edt(
            nothing, return_distances=False, return_indices=True
        )
        height = np.where(holes, height[row, column], height)
    return Heights(height.astype(np.float32), holes)


def enclosed(nothing: Mask) -> Mask:
    """Parts of a mask that do not reach the rim of the raster."""
    parts, count = ndimage.label(nothing, structure=_TOUCHING)
    rim = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    inside = np.ones(count + 1, dtype=bool)
    inside[rim] = False
    inside[0] = False
    found: Mask = inside[parts]
    return found


def beside(known: Mask, reach: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Cells that are not known within `reach` cells of known ones, and the nearest of these.

    Positions count cells by rows. Villages reach over the water's edge, their people do not.
    """
    distance, (row, column) = ndimage.distance_transform_edt(~known, return_indices=True)
    cells = np.flatnonzero(~known & (distance <= reach))
    nearest = row.ravel()[cells] * known.shape[1] + column.ravel()[cells]
    return cells.astype(np.int32), nearest.astype(np.int32)
