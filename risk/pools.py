"""What is left to give while a plan is made: teams, and places in shelters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from risk.sphere import EARTH_RADIUS_KM, chord_of_km, km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.plan import PlannedTask
    from kentongan.policy import CoverageRules

Point = tuple[float, float]
"""Longitude, latitude in degrees; NaN where not known."""


class _Nearby:
    """Points of a table within a distance, with their distances in km."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._xyz = unit_vectors(table["longitude"].to_numpy(), table["latitude"].to_numpy())
        self._tree = KDTree(self._xyz) if len(table) else None
        self._known: dict[tuple[Point, float], tuple[NDArray[np.intp], NDArray[np.float64]]] = {}

    def within(self, point: Point, km: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Row numbers, ascending, and great-circle distances."""
        key = (point, km)
        if key not in self._known:
            self._known[key] = self._search(point, km)
        return self._known[key]

    def _search(self, point: Point, km: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        if self._tree is None or km < 0 or not np.isfinite(point).all():
            return np.empty(0, dtype=np.intp), np.empty(0)
        xyz = unit_vectors(*point)[0]
        found = self._tree.query_ball_point(xyz, chord_of_km(km), return_sorted=True)
        rows = np.asarray(found, dtype=np.intp)
        return rows, km_of_chord(np.linalg.norm(self._xyz[rows] - xyz, axis=1))


class TeamPool:
    """Teams on duty and without a task, each given away once."""

    def __init__(
        self, teams: pd.DataFrame, rules: CoverageRules, *, taken: Collection[str]
    ) -> None:
        on_duty = teams["on_duty"].to_numpy(dtype=bool)
        self._teams = teams[on_duty & ~teams["team_id"].isin(taken)].sort_values("team_id")
        self._free = np.ones(len(self._teams), dtype=bool)
        self._nearby = _Nearby(self._teams)
        self._ids = self._teams["team_id"].tolist()
        self._villages = self._teams["adm4_code"].to_numpy()
        self._minutes_per_km = 60 * rules.detour_factor / rules.speed_kmh

    def in_villages(self, codes: Collection[str]) -> NDArray[np.bool_]:
        """Which teams have their post in one of the villages."""
        return np.isin(self._villages.astype(str), sorted(codes))

    def take(
        self, point: Point, *, within_minutes: float, usable: NDArray[np.bool_]
    ) -> tuple[str, float] | None:
        """Give away the nearest free usable team: its id and minutes of travel."""
        reach_km = min(within_minutes / self._minutes_per_km, np.pi * EARTH_RADIUS_KM)
        rows, km = self._nearby.within(point, reach_km)
        open_ = (self._free & usable)[rows]
        if not open_.any():
            return None
        best = int(np.argmin(np.where(open_, km, np.inf)))
        self._free[rows[best]] = False
        return self._ids[rows[best]], float(km[best] * self._minutes_per_km)


class ShelterPool:
    """Free places in shelters outside the danger."""

    def __init__(
        self, shelters: pd.DataFrame, rules: CoverageRules, *, standing: Sequence[PlannedTask]
    ) -> None:
        self._table = shelters.sort_values("shelter_id")
        self._ids = self._table["shelter_id"].tolist()
        self._nearby = _Nearby(self._table)
        self._max_km = rules.shelter_max_km
        self._free = np.maximum(self._table["capacity"].to_numpy(dtype=np.int64), 0)
        for task in standing:
            if task.shelter_id in self._ids:
                row = self._ids.index(task.shelter_id)
                self._free[row] = max(0, self._free[row] - task.people)

    def take(self, point: Point, people: int) -> tuple[int, int] | None:
        """Give away places: row of the shelter and how many, or None if none is left.

        The nearest shelter that takes all; where none does, the one with most places.
        """
        rows, km = self._nearby.within(point, self._max_km)
        free = self._free[rows]
        if not (free > 0).any():
            return None
        if (free >= people).any():
            best = int(np.argmin(np.where(free >= people, km, np.inf)))
        else:
            best = int(np.lexsort((km, -free))[0])
        places = min(int(free[best]), people)
        self._free[rows[best]] -= places
        return int(rows[best]), places

    def describe(self, row: int) -> tuple[str, str, Point]:
        """Id, name and position."""
        shelter = self._table.iloc[row]
        where = (float(shelter["longitude"]), float(shelter["latitude"]))
        return self._ids[row], str(shelter["name"]), where


def busy_teams(busy: Mapping[str, int], standing: Sequence[PlannedTask]) -> set[str]:
    """Teams that already hold a task."""
    held = {task.team_id for task in standing if task.team_id is not None}
    return held | {team for team, tasks in busy.items() if tasks > 0}
