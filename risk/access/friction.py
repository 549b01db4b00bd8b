"""Minutes per metre for every cell: roads, walking where there is none, slope, and the hazard.

Friction is the form of Weiss et al. 2018 (Nature 553, 333): the inverse of speed. A cell that
nobody can pass has infinite friction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch, LayerError
from kentongan.grid import Grid
from kentongan.policy import AccessPolicy

if TYPE_CHECKING:
    import geopandas as gpd

METRES_PER_DEGREE = 111_194.9266
"""Of a great circle on the IUGG sphere, 2 pi 6371008.8 m / 360."""
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Friction:
    """Minutes per metre, rows from south to north.

    Attributes:
        minutes_per_metre: float64, shape (rows, columns); inf where nobody can pass.
        on_road: bool, same shape.
    """

    grid: Grid
    minutes_per_metre: _Floats
    on_road: NDArray[np.bool_]

    def under(self, levels: NDArray[np.int8], rules: AccessPolicy) -> Friction:
        """The same land with a hazard on it: cells at the impassable level let nobody pass.

        Args:
            levels: int8, shape of the grid; -1 where the hazard is not known.

        Raises:
            GridMismatch: another shape.
        """
        if levels.shape != self.minutes_per_metre.shape:
            raise GridMismatch(
                f"hazard levels have the shape {levels.shape}, the friction "
                f"{self.minutes_per_metre.shape}; bring the hazard to the grid of the roads first"
            )
        closed = levels >= rules.impassable_level
        if rules.unknown_is_impassable:
            closed |= levels < 0
        return Friction(self.grid, np.where(closed, np.inf, self.minutes_per_metre), self.on_road)

    def on(self, land: NDArray[np.bool_]) -> Friction:
        """The same with sea closed: only roads (bridges) cross what is no land."""
        passable = land | self.on_road
        return Friction(self.grid, np.where(passable, self.minutes_per_metre, np.inf), self.on_road)

    def beside_roads(self, minutes: _Floats) -> Friction:
        """The same with a given friction where no road is.

        Args:
            minutes: per metre, shape of the grid. Where it is not known (NaN) or no friction (0 or
                below), what stood there stays.
        """
        usable = ~self.on_road & np.isfinite(self.minutes_per_metre) & (minutes > 0)
        return Friction(self.grid, np.where(usable, minutes, self.minutes_per_metre), self.on_road)

    def slowed(self, factor: float) -> Friction:
        """The same land with roads driven at `factor` of their speed (night, rain)."""
        slower = np.where(self.on_road, self.minutes_per_metre / factor, self.minutes_per_metre)
        return Friction(self.grid, slower, self.on_road)


def tobler_kmh(slope: _Floats) -> _Floats:
    """Walking speed on a path, km/h: W = 6 exp(-3.5 |S + 0.05|) (Tobler 1993, p. 1).

    Args:
        slope: rise over run in the direction of travel; down is negative.
    """
    speed: _Floats = 6.0 * np.exp(-3.5 * np.abs(np.asarray(slope, dtype=np.float64) + 0.05))
    return speed


def minutes_per_metre(kmh: _Floats | float) -> _Floats:
    """0.06 / km/h: a kilometre an hour is 1000 m in 60 minutes."""
    return np.asarray(0.06 / np.asarray(kmh, dtype=np.float64), dtype=np.float64)


def make_friction(
    grid: Grid,
    rules: AccessPolicy,
    *,
    roads: gpd.GeoDataFrame | None = None,
    elevation_m: _Floats | None = None,
    land: NDArray[np.bool_] | None = None,
) -> Friction:
    """Friction of a window from what is loaded there.

    Args:
        roads: lines, EPSG:4326, with the OSM class in `highway`.
        elevation_m: on the grid; NaN not known, walked as flat.
        land: on the grid; False is sea, which nobody crosses. None: all is land.

    Slope slows those who walk, by the mean of going up and down it; roads follow the land.
    """
    walking = np.full((grid.rows, grid.columns), rules.offroad_kmh.default)
    if elevation_m is not None:
        walking = np.minimum(walking, _walking_on_slope(grid, elevation_m, rules))
    friction = minutes_per_metre(np.maximum(walking, rules.offroad_kmh.minimum))
    on_road = np.zeros(friction.shape, dtype=np.bool_)
    if land is not None:
        friction = np.where(land, friction, np.inf)
    if roads is not None and len(roads):
        speed = road_speeds(grid, roads, rules)
        on_road = speed > 0
        friction[on_road] = minutes_per_metre(speed[on_road])
    return Friction(grid, friction, on_road)


def sloped(friction: Friction, elevation_m: _Floats, rules: AccessPolicy) -> Friction:
    """A friction made without heights, with those who walk slowed by the slope."""
    grid = friction.grid
    slow = make_friction(grid, rules, elevation_m=elevation_m).minutes_per_metre
    walked = ~friction.on_road & np.isfinite(friction.minutes_per_metre)
    return Friction(grid, np.where(walked, slow, friction.minutes_per_metre), friction.on_road)


def _walking_on_slope(grid: Grid, elevation_m: _Floats, rules: AccessPolicy) -> _Floats:
    """Harmonic mean of Tobler's speed up and down the steepest slope, off the path."""
    if elevation_m.shape != (grid.rows, grid.columns):
        raise GridMismatch(
            f"elevation has the shape {elevation_m.shape}, the grid {(grid.rows, grid.columns)}"
        )
    slope = _slope(grid, elevation_m)
    up, down = tobler_kmh(slope), tobler_kmh(-slope)
    speed = rules.tobler.off_path_factor * 2 / (1 / up + 1 / down)
    return np.where(np.isfinite(speed), speed, rules.offroad_kmh.default)


def _slope(grid: Grid, elevation_m: _Floats) -> _Floats:
    """Rise over run along the steepest direction, shape of the grid; NaN where not known."""
    north = grid.step * METRES_PER_DEGREE
    east = north * np.cos(np.radians(grid.latitude))[:, None]
    by_row, by_column = np.gradient(elevation_m)
    return np.asarray(np.hypot(by_row / north, by_column / east), dtype=np.float64)


def road_speeds(grid: Grid, roads: gpd.GeoDataFrame, rules: AccessPolicy) -> _Floats:
    """Speed of the fastest road in each cell that a road touches, km/h; 0 where there is none.

    Raises:
        LayerError: no column `highway`, or another CRS than EPSG:4326.
    """
    from affine import Affine
    from rasterio.features import rasterize

    if "highway" not in roads:
        found = ", ".join(map(str, roads.columns))
        raise LayerError(f"roads: expected the OSM class in a column 'highway', found {found}")
    if roads.crs is not None and not roads.crs.equals("EPSG:4326", ignore_axis_order=True):
        raise LayerError(f"roads: expected EPSG:4326, found {roads.crs.name}; convert them first")
    speed = [_speed_of(name, rules) for name in roads["highway"]]
    # Drawn from slow to fast: where two meet, the faster one stays.
    drawn = sorted(zip(speed, roads.geometry, strict=True), key=lambda pair: pair[0])
    north = grid.south + grid.rows * grid.step
    raster = rasterize(
        ((shape, kmh) for kmh, shape in drawn if shape is not None and not shape.is_empty),
        out_shape=(grid.rows, grid.columns),
        transform=Affine(grid.step, 0, grid.west, 0, -grid.step, north),
        all_touched=True,
        dtype="float64",
    )
    return np.ascontiguousarray(raster[::-1])


def _speed_of(name: object, rules: AccessPolicy) -> float:
    """`primary_link` counts as `primary`."""
    word = str(name).strip().lower().removesuffix("_link")
    return rules.road_kmh.get(word, rules.road_kmh["other"])
