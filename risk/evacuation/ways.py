"""Ways over the roads of a layer set, closed where the live hazard closes them.

A village's ways are searched in a window around it, on the cells of `risk.access`. Where the set
has no roads, and for villages beyond the most that are searched, ways are straight lines, marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.plan import ROADS, STRAIGHT
from risk.evacuation.pairs import I64, TENTHS, Pairs, listed_pairs

if TYPE_CHECKING:
    from kentongan.policy import AccessPolicy
    from risk.access.friction import Friction
    from risk.coverage import LevelsOn
    from risk.layers.layerset import LayerSet

F64 = NDArray[np.float64]
Line = tuple[tuple[float, float], ...]
_DIGITS = 5
"""Of degrees in a line: a metre."""
_MOST_POINTS = 24
"""Of a line: enough for a map and for 2G."""


@dataclass(frozen=True, eq=False)
class Ways:
    """Attributes:
    most: villages searched over roads, the first ones.
    levels_on: the hazard that closes roads; None: nothing is closed.
    """

    layers: LayerSet
    access: AccessPolicy
    most: int
    night: bool = False
    levels_on: LevelsOn | None = None

    def over_roads(
        self, pairs: Pairs, here: F64, there: F64, limits: F64, *, walk_kmh: float | None = None
    ) -> tuple[Pairs, list[str]]:
        """The same pairs with times over roads; those that no road or path joins in time are gone.

        Args:
            here, there: longitude and latitude, shape (n, 2) and (m, 2).
            limits: longest travel in minutes, shape (n,).
            walk_kmh: for people on foot, who are no faster on any road; None: teams, who drive.

        Returns:
            The pairs, and for each first place `roads` or `straight-line`.
        """
        time, keep = pairs.time.copy(), np.ones(pairs.time.size, np.bool_)
        said = [STRAIGHT] * (pairs.start.size - 1)
        some = np.flatnonzero(np.diff(pairs.start) > 0)[: self.most]
        for i in some.tolist():
            at = slice(int(pairs.start[i]), int(pairs.start[i + 1]))
            minutes = self._minutes(here[i], there[pairs.there[at]], float(limits[i]), walk_kmh)
            if minutes is None:
                continue
            said[i] = ROADS
            keep[at] = minutes <= limits[i]
            found = np.where(keep[at], minutes, 0) * TENTHS
            time[at] = np.floor(found + 0.5).astype(np.int64)
        whole = listed_pairs(pairs.here, pairs.there, time, pairs.start.size - 1)
        return whole.kept(keep), said

    def _minutes(self, here: F64, there: F64, limit: float, walk_kmh: float | None) -> F64 | None:
        from risk.access.least_cost import cells_of, minutes_from

        friction = self._window(here, there, walk_kmh)
        if friction is None:
            return None
        field_ = minutes_from(friction, here[:1], here[1:], limit=limit).ravel()
        cell, inside = cells_of(friction, there[:, 0], there[:, 1])
        return np.where(inside, field_[cell], np.inf)

    def line(
        self, here: tuple[float, float], there: tuple[float, float], walk_kmh: float
    ) -> Line | None:
        """The way on foot, at most 24 points; None where no road or path joins the two."""
        from scipy.sparse.csgraph import dijkstra

        from risk.access.least_cost import cells_of, graph_of

        points = np.array([here, there])
        friction = self._window(points[0], points[1:], walk_kmh)
        if friction is None:
            return None
        cell, inside = cells_of(friction, points[:, 0], points[:, 1])
        if not inside.all():
            return None
        time, before = dijkstra(
            graph_of(friction), directed=False, indices=cell[0], return_predecessors=True
        )
        if not np.isfinite(time[cell[1]]):
            return None
        passed = [int(cell[1])]
        while passed[-1] != cell[0]:
            passed.append(int(before[passed[-1]]))
        return _drawn(friction, np.array(passed[::-1]), here, there)

    def _window(self, here: F64, there: F64, walk_kmh: float | None) -> Friction | None:
        """Friction around the box of some points, with a fifth of its size beside it."""
        from risk.access.friction import Friction, make_friction, minutes_per_metre, sloped
        from risk.access.surface import grid_around, read_surface
        from risk.access.travel import land_of, mean_on

        points = np.vstack([here[None, :], there])
        low, high = points.min(axis=0), points.max(axis=0)
        margin = max(0.02, 0.2 * float((high - low).max()))
        box = (low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin)
        roads = self.layers.raster("surface")
        friction = (
            read_surface(roads, box) if roads else make_friction(grid_around(box), self.access)
        )
        if friction is None:
            return None
        heights, given = self.layers.raster("elevation"), self.layers.raster("friction")
        if heights is not None:
            friction = sloped(friction, mean_on(heights, friction.grid), self.access)
        if given is not None:
            friction = friction.beside_roads(mean_on(given, friction.grid))
        friction = friction.on(land_of(self.layers, friction.grid))
        if walk_kmh is not None:
            slowest = np.maximum(friction.minutes_per_metre, minutes_per_metre(walk_kmh))
            friction = Friction(friction.grid, slowest, friction.on_road)
        elif self.night:
            friction = friction.slowed(self.access.night_or_rain_factor)
        if self.levels_on is not None:
            friction = friction.under(self.levels_on(friction.grid), self.access)
        return friction


def straight_line(here: tuple[float, float], there: tuple[float, float]) -> Line:
    x, y = here
    to_x, to_y = there
    return (round(x, _DIGITS), round(y, _DIGITS)), (round(to_x, _DIGITS), round(to_y, _DIGITS))


def _drawn(
    friction: Friction, cells: I64, here: tuple[float, float], there: tuple[float, float]
) -> Line:
    """Middles of the cells, thinned; both ends as they are."""
    import shapely

    grid = friction.grid
    row, column = np.divmod(cells[1:-1], grid.columns)
    x = np.concatenate([[here[0]], grid.west + (column + 0.5) * grid.step, [there[0]]])
    y = np.concatenate([[here[1]], grid.south + (row + 0.5) * grid.step, [there[1]]])
    line, width = shapely.LineString(np.column_stack([x, y])), grid.step / 4
    while shapely.get_num_points(line) > _MOST_POINTS:
        line, width = shapely.simplify(line, width), width * 2
    return tuple((round(a, _DIGITS), round(b, _DIGITS)) for a, b in shapely.get_coordinates(line))
