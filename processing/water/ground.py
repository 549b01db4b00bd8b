"""The ground of one layer set, compiled once: terrain, holes, the time that water takes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.water.heights import beside, ready
from processing.water.terrain import Terrain, Ways, concentration_hours, terrain

Field = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SHORE_CELLS = 3
"""So far over the water's edge a cell takes the level of the nearest land: shapes of villages and
heights never agree on the shore."""
LEAST_DRAIN_CELLS = 10
"""On coarse ground too a stream is more than a few cells, or everything would lie beside one."""


@dataclass(frozen=True)
class FloodGround:
    """All of shape (rows, columns), from north to south."""

    terrain: Terrain
    hours: Field
    """Of concentration: from the farthest point of the catchment."""
    holes: npt.NDArray[np.bool_]
    shore: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
    """Cells at sea beside land, and their nearest land."""
    latitude: Floats
    """Centres of the rows, from north to south."""
    longitude: Floats
    cell_m: float

    def over_the_edge(self, field: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The field, with the values of the shore in the cells of water beside it."""
        out = field.copy()
        cells, nearest = self.shore
        out.ravel()[cells] = field.ravel()[nearest]
        return out


def flood_ground(
    elevation: npt.NDArray[np.floating],
    latitude: Floats,
    longitude: Floats,
    *,
    cell_m: float,
    drain_km2: float,
) -> FloodGround:
    """Everything that a raster of heights says of water.

    Args:
        elevation: m, rows from north to south; NaN or a usual fill value: not known.
        drain_km2: `FloodRules.drain_km2`.

    Raises:
        ValueError: nothing known, or heights that no ground has.
    """
    heights = ready(elevation)
    cells = round(drain_km2 * 1e6 / cell_m**2)
    found = terrain(heights.elevation, cell_m=cell_m, drain_cells=max(cells, LEAST_DRAIN_CELLS))
    hours = concentration_hours(found, cell_m=cell_m)
    return FloodGround(
        terrain=found,
        hours=hours,
        holes=heights.holes,
        shore=beside(np.isfinite(heights.elevation), SHORE_CELLS),
        latitude=latitude,
        longitude=longitude,
        cell_m=cell_m,
    )


_FIELDS = ("elevation", "hand", "slope", "wetness", "upstream")


def packed(ground: FloodGround) -> bytes:
    """To keep it."""
    ways = ground.terrain.ways
    if ways is None:
        raise DataError("terrain without ways: expected one that `terrain` made")
    buffer = io.BytesIO()
    np.savez(
        buffer,
        **{name: getattr(ground.terrain, name) for name in _FIELDS},
        down=ways.down,
        order=ways.order,
        hours=ground.hours,
        holes=ground.holes,
        shore=np.stack(ground.shore),
        latitude=ground.latitude,
        longitude=ground.longitude,
        cell_m=np.float64(ground.cell_m),
    )
    return buffer.getvalue()


def unpacked(data: bytes) -> FloodGround:
    """
    Raises:
        DataError: these are not the bytes of `packed`.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            one = {name: kept[name] for name in kept.files}
        return FloodGround(
            terrain=Terrain(
                **{name: one[name] for name in _FIELDS}, ways=Ways(one["down"], one["order"])
            ),
            hours=one["hours"],
            holes=one["holes"],
            shore=(one["shore"][0], one["shore"][1]),
            latitude=one["latitude"],
            longitude=one["longitude"],
            cell_m=float(one["cell_m"]),
        )
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"terrain: kept bytes are damaged ({error}); compile it again") from error
