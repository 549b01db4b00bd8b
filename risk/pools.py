"""What is left to give while a plan is made: teams, and places in shelters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from risk.sphere import chord_of_km, km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.plan import PlannedTask
    from kentongan.policy import CoverageRules

Point = tuple[float, float]
"""Longitude, latitude in degrees; NaN where not known."""

Choice = tuple[float, NDArray[np.bool_]]
"""Longest travel in minutes, and which teams may be asked."""


class _Nearby:
    """Points of a table within a fixed distance of another point."""

    def __init__(self, table: pd.DataFrame, km: float) -> None:
        self._xyz = unit_vectors(table["longitude"].to_numpy(), table["latitude"].to_numpy())
        self._tree = KDTree(self._xyz) if len(table) else None
        self._chord = chord_of_km(km)
        self._known: dict[Point, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}

    def around(self, point: Point) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Row numbers, ascending, and squared chords (`chord_of_km`)."""
        if point not in self._known:
            self._known[point] = self._search(point)
        return self._known[point]

    def _search(self, point: Point) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        if self._tree is None or not np.isfinite(point).all():
            return np.empty(0, dtype=np.intp), np.empty(0)
        xyz = unit_vectors(*point)[0]
        found = self._tree.query_ball_point(xyz, self._chord, return_sorted=True)
        rows = np.asarray(found, dtype=np.intp)
        apart = self._xyz[rows] - xyz
        return rows, np.einsum("ij,ij->i", apart, apart)


class TeamPool:
    """Teams on duty and without a task, each given away once."""

    def __init__(
        self, teams: pd.DataFrame, rules: CoverageRules, *, taken: Collection[str]
    ) -> None:
        on_duty = teams["on_duty"].to_numpy(dtype=bool)
        self._teams = teams[on_duty & ~teams["team_id"].isin(taken)].sort_values("team_id")
        self._free = np.ones(len(self._teams), dtype=bool)
        self._ids = self._teams["team_id"].tolist()
        self._villages = self._teams["adm4_code"].to_numpy()
        self._minutes_per_km = 60 * rules.detour_factor / rules.speed_kmh
        self._nearby = _Nearby(self._teams, rules.max_travel_minutes / self._minutes_per_km)

    def in_villages(self, codes: Collection[str]) -> NDArray[np.bool_]:
        """Which teams have their post in one of the villages."""
        return np.isin(self._villages.astype(str), sorted(codes))

    def take(self, point: Point, choices: Sequence[Choice]) -> tuple[str, float] | None:
        """Give away the nearest free team of the first choice that has one.

        Returns:
            Its id and minutes of travel. None where no choice has a team, and never a team
            beyond the policy's `max_travel_minutes`.
        """
        if not self._free.any():
            return None
        rows, square = self._nearby.around(point)
        for minutes, usable in choices:
            near = square <= chord_of_km(minutes / self._minutes_per_km) ** 2
            distance = np.where(self._free[rows] & usable[rows] & near, square, np.inf)
            best = int(np.argmin(distance)) if len(rows) else 0
            if len(rows) and np.isfinite(distance[best]):
                self._free[rows[best]] = False
                km = float(km_of_chord(np.sqrt(square[best])))
                return self._ids[rows[best]], km * self._minutes_per_km
        return None


@dataclass(frozen=True)
class Shelter:
    shelter_id: str
    name: str
    point: Point
    last: bool
    """It lies where a shelter is used only for want of another."""


class ShelterPool:
    """Free places in shelters outside the danger."""

    def __init__(
        self,
        shelters: pd.DataFrame,
        rules: CoverageRules,
        *,
        standing: Sequence[PlannedTask],
        last: Collection[str] = (),
    ) -> None:
        """`last`: villages whose shelters are used only where no other has a place."""
        self._table = shelters.sort_values("shelter_id")
        self._ids = self._table["shelter_id"].tolist()
        self._nearby = _Nearby(self._table, rules.shelter_max_km)
        self._last = self._table["adm4_code"].isin(last).to_numpy(dtype=bool)
        self._free = np.maximum(self._table["capacity"].to_numpy(dtype=np.int64), 0)
        for task in standing:
            if task.shelter_id in self._ids:
                row = self._ids.index(task.shelter_id)
                self._free[row] = max(0, self._free[row] - task.people)

    def take(self, point: Point, people: int) -> tuple[int, int] | None:
        """Give away places: row of the shelter and how many, or None if none is left.

        The nearest shelter that takes all; where none does, the one with most places.
        """
        rows, square = self._nearby.around(point)
        for usable in (~self._last[rows], self._last[rows]):
            free = np.where(usable, self._free[rows], 0)
            if not (free > 0).any():
                continue
            if (free >= people).any():
                best = int(np.argmin(np.where(usable & (free >= people), square, np.inf)))
            else:
                best = int(np.lexsort((square, -free))[0])
            places = min(int(free[best]), people)
            self._free[rows[best]] -= places
            return int(rows[best]), places
        return None

    def describe(self, row: int) -> Shelter:
        shelter = self._table.iloc[row]
        where = (float(shelter["longitude"]), float(shelter["latitude"]))
        return Shelter(self._ids[row], str(shelter["name"]), where, bool(self._last[row]))


def busy_teams(busy: Mapping[str, int], standing: Sequence[PlannedTask]) -> set[str]:
    """Teams that already hold a task."""
    held = {task.team_id for task in standing if task.team_id is not None}
    return held | {team for team, tasks in busy.items() if tasks > 0}
