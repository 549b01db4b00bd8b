"""How long the nearest Tagana team on duty travels to each village, and whom it reaches.

Over the roads of the layer set where it has them (`risk.access`), closed where the live hazard
closes them. Else a straight line over the sphere, lengthened by a detour factor, at one speed.
Mobilisation (the time until a team leaves) is never part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kentongan.grid import Grid
from kentongan.policy import AccessPolicy, load_policy
from kentongan.settings import data_dir
from risk.sphere import km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardField
    from kentongan.policy import CoverageRules
    from risk.layers.layerset import LayerSet

REACH_MINUTES = (30, 60)
LevelsOn = Callable[[Grid], NDArray[np.int8]]
"""Hazard levels on a grid, -1 not known."""
STRAIGHT, ROADS = "straight-line", "roads"
_MOST = 0.5
"""Share of a village's people from which the village counts as reached."""
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coverage:
    """One entry for each village asked for.

    Attributes:
        minutes: float32, travel of the nearest team on duty to the inner point; NaN: none.
        share_30, share_60: float64 0..1, part of the people whom a team reaches in that time.
        by_roads: bool; False: straight line, all or nothing.
    """

    minutes: NDArray[np.float32]
    share_30: NDArray[np.float64]
    share_60: NDArray[np.float64]
    by_roads: NDArray[np.bool_]

    def reached(self, share: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Villages of which at least half the people are reached."""
        most: NDArray[np.bool_] = share >= _MOST
        return most

    def uncovered(self, exposed: _I64) -> _I64:
        """Exposed people that no team reaches within 60 minutes.

        As many as live in the part of the village that is not reached: whom of them the hazard
        hits is not asked again. Rounded half up.
        """
        people: _I64 = np.floor(exposed * (1 - self.share_60) + 0.5).astype(np.int64)
        return people

    @property
    def travel(self) -> str:
        """How travel was worked out, for outputs."""
        by_roads = int(self.by_roads.sum())
        if not by_roads:
            return STRAIGHT
        rest = self.by_roads.size - by_roads
        return ROADS if not rest else f"{ROADS}; {STRAIGHT} for {rest} villages"


@cache
def access_policy() -> AccessPolicy:
    return load_policy(data_dir() / "policy" / "access.toml", AccessPolicy)


def coverage_of(
    rows: _I64,
    layers: LayerSet,
    rules: CoverageRules,
    *,
    levels_on: LevelsOn | None = None,
    first: NDArray[np.bool_] | None = None,
    night: bool = False,
) -> Coverage:
    """Who is reached in some villages, under a hazard.

    Args:
        rows: of the villages in the set.
        levels_on: the hazard that closes roads; see `closing`.
        first: which villages matter most, if there are too many to search for all.
    """
    table = layers.villages.iloc[rows]
    where = table["longitude"].to_numpy(), table["latitude"].to_numpy()
    minutes = nearest_team_minutes(*where, layers.teams, rules)
    straight = np.nan_to_num(minutes, nan=np.inf)
    half, hour = ((straight <= limit).astype(np.float64) for limit in REACH_MINUTES)
    from risk.access.travel import has_ways, travel_to

    if rows.size == 0 or not has_ways(layers):
        return Coverage(minutes, half, hour, np.zeros(rows.size, dtype=np.bool_))

    found = travel_to(rows, layers, access_policy(), night=night, levels_on=levels_on, first=first)
    people = np.maximum(table["people"].to_numpy(np.int64), 1)
    over = found.by_roads
    return Coverage(
        np.where(over, found.minutes, minutes).astype(np.float32),
        np.where(over, found.people_30 / people, half),
        np.where(over, found.people_60 / people, hour),
        over,
    )


def at_night(field: HazardField, layers: LayerSet, rows: _I64) -> bool:
    """Whether the field's onset is at night, by the clock of most of some villages."""
    from risk.access.reach import is_night

    hours = layers.villages["utc_offset"].iloc[rows].mode()
    return bool(len(hours)) and is_night(field.event.onset, int(hours.iloc[0]), access_policy())


def closing(field: HazardField) -> LevelsOn | None:
    """Levels of the field on a grid of roads, if its hazard closes roads."""
    if field.event.hazard_id not in access_policy().closes_roads:
        return None

    def levels(grid: Grid) -> NDArray[np.int8]:
        return levels_on(field, grid)

    return levels


def levels_on(field: HazardField, grid: Grid) -> NDArray[np.int8]:
    """Hazard levels on a grid: of the nearest cell of a raster, of zones all cells they touch."""
    from risk.raster_share import to_base_grid

    if field.raster is not None:
        found: NDArray[np.int8] = to_base_grid(field.raster, grid)["hazard_level"].to_numpy()
        return found
    return _zone_levels(field, grid)


def _zone_levels(field: HazardField, grid: Grid) -> NDArray[np.int8]:
    from affine import Affine
    from rasterio.features import rasterize

    zones = field.zones
    drawn = [] if zones is None else [
        (shape, int(level))
        for level, shape in sorted(
            zip(zones["hazard_level"], zones.geometry, strict=True), key=lambda pair: pair[0]
        )
        if shape is not None and not shape.is_empty
    ]  # fmt: skip
    if not drawn:
        return np.zeros((grid.rows, grid.columns), dtype=np.int8)
    north = grid.south + grid.rows * grid.step
    raster = rasterize(
        drawn,
        out_shape=(grid.rows, grid.columns),
        transform=Affine(grid.step, 0, grid.west, 0, -grid.step, north),
        all_touched=True,
        dtype="int16",
    )
    levels: NDArray[np.int8] = raster[::-1].astype(np.int8)
    return levels


def nearest_team_minutes(
    longitude: NDArray[np.float64],
    latitude: NDArray[np.float64],
    teams: pd.DataFrame,
    rules: CoverageRules,
) -> NDArray[np.float32]:
    """Travel time in minutes from the nearest team on duty.

    Args:
        longitude, latitude: degrees, shape (n,).
        teams: columns of `kentongan.areas.TEAMS`.

    Returns:
        float32, shape (n,); NaN where no team is on duty at all.
    """
    ready = teams[teams["on_duty"].to_numpy(bool)]
    if ready.empty:
        return np.full(len(longitude), np.nan, dtype=np.float32)
    posts = unit_vectors(ready["longitude"].to_numpy(), ready["latitude"].to_numpy())
    chord, _ = cKDTree(posts).query(unit_vectors(longitude, latitude))
    km = km_of_chord(chord)
    minutes: NDArray[np.float32] = (km * rules.detour_factor / rules.speed_kmh * 60).astype(
        np.float32
    )
    return minutes
