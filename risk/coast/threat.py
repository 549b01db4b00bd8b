"""Which cells of a window a tsunami may reach, and how far it is to walk out of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kentongan.grid import Grid
from kentongan.policy import CoastRules, WaveLossRules
from risk.access.friction import METRES_PER_DEGREE
from risk.coast.spread import least_cost
from risk.coast.terrain import Terrain
from risk.coast.wave import height_loss

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Threat:
    """Arrays of the shape of the grid.

    Attributes:
        inside: land of the envelope, or that a wave of the highest status reaches.
        unknown: of `inside`, only because the height is not known.
        reached: by status (Waspada, Siaga, Awas): land that a wave of its height reaches.
        path_m: way on foot to the nearest land outside; 0 there, inf where no way leads out.
    """

    inside: Mask
    unknown: Mask
    reached: tuple[Mask, Mask, Mask]
    path_m: Floats


def threat_of(terrain: Terrain, rules: CoastRules) -> Threat:
    """Envelope, reach of the wave, and the way out.

    The envelope: land not higher than `low_m` (or of no known height) within the coast strip; with
    rivers also beside one, up to `river_km` from the sea.
    """
    near = terrain.strip | _along_rivers(terrain, rules)
    not_known = np.isnan(terrain.low_m)
    low = np.nan_to_num(terrain.low_m, nan=-np.inf) <= rules.low_m
    waspada, siaga, awas = (wave_reach(terrain, h, rules.loss) for h in rules.loss.height_m)
    inside = terrain.land & ((near & low) | awas)
    return Threat(
        inside=inside,
        unknown=inside & not_known,
        reached=(waspada, siaga, awas),
        path_m=way_out_m(terrain.land, inside, terrain.grid),
    )


def wave_reach(terrain: Terrain, height_m: float, rules: WaveLossRules) -> Mask:
    """Land where something is left of a wave that is so high at the shore.

    A wave starts at the edge of the sea and loses `height_loss` for each metre of its way; it is
    there while the least loss on any way stays below its height.
    """
    water, ground = rules.roughness["water"], rules.roughness[rules.land]
    on_land = height_loss(height_m, ground, terrain.sine, rules)
    at_sea = height_loss(height_m, water, 0.0, rules)
    edge = ~terrain.land & ndimage.binary_dilation(terrain.land, np.ones((3, 3), dtype=np.bool_))
    cost = np.where(terrain.land, on_land, at_sea)
    lost = least_cost(cost, edge, terrain.grid, limit=height_m)
    return terrain.land & (lost < height_m)


def way_out_m(land: Mask, inside: Mask, grid: Grid) -> Floats:
    """Least way over land, cell by cell, to land that is not `inside`; m, inf at sea."""
    return least_cost(np.where(land, 1.0, np.inf), land & ~inside, grid)


def _along_rivers(terrain: Terrain, rules: CoastRules) -> Mask:
    """Beside a river, and not farther from the sea than `river_km` in a straight line.

    The way along the river is longer, so this holds all of it, also where its line has gaps.
    """
    if not terrain.river.any():
        return np.zeros_like(terrain.land)
    side = _distance_km(terrain.river, terrain.grid) <= rules.river_side_km
    return side & (_distance_km(~terrain.land, terrain.grid) <= rules.river_km)


def _distance_km(to: Mask, grid: Grid) -> Floats:
    """Straight distance between centres of cells; inf where there is nothing to go to."""
    if not to.any():
        return np.full(to.shape, np.inf)
    north = grid.step * METRES_PER_DEGREE / 1000
    # Shortest at the pole side of the window: no place is taken for farther than it is.
    east = north * float(np.cos(np.radians(np.abs(grid.latitude).max())))
    found: Floats = ndimage.distance_transform_edt(~to, sampling=(north, east))
    return found
