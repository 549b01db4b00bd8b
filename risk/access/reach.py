"""Who can be reached by Tagana, and when, under the hazard of now.

People are counted by the same exact overlay as hazards are: the travel time is the field, its
classes are "within 30 minutes", "within 60", "later or never".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.grid import Grid
from kentongan.policy import AccessPolicy, CoverageRules
from kentongan.times import require_aware
from risk.access.catchment import catchment_access, zone_weights
from risk.access.friction import Friction
from risk.access.least_cost import cells_of, minutes_from, minutes_from_each
from risk.operator import compile_operator

if TYPE_CHECKING:
    import pandas as pd

_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reach:
    """What Tagana can reach; one entry for each village asked for.

    Attributes:
        minutes: float32, travel of the nearest team on duty to the village's inner point; NaN where
            none gets there within the limit. Mobilisation is not part of it.
        people_30: int64, people who live where a team is within the first of `reach_minutes`.
        people_60: int64, within the second; at least `people_30`.
        members_per_person: float64, E2SFCA: members who can come for each person, shared with all
            others within reach; 0 where nobody comes.
        mobilisation_minutes: until a team leaves, at this hour.
    """

    minutes: NDArray[np.float32]
    people_30: _I64
    people_60: _I64
    members_per_person: _F64
    mobilisation_minutes: float


def is_night(at: datetime, utc_offset_hours: int, rules: AccessPolicy) -> bool:
    """Whether it is night by local time."""
    hour = (require_aware(at).hour + utc_offset_hours) % 24
    times = rules.availability_pct
    return not times.day_from_hour <= hour < times.night_from_hour


def members_who_come(members: _F64, *, night: bool, rules: AccessPolicy) -> _F64:
    """Expected number of members who come when called, not whole."""
    times = rules.availability_pct
    return np.asarray(members * (times.night if night else times.day) / 100, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Reached:
    """`minutes`, `people_30` and `people_60` of `Reach`."""

    minutes: NDArray[np.float32]
    people_30: _I64
    people_60: _I64


def reached(
    friction: Friction,
    teams: pd.DataFrame,
    villages: pd.DataFrame,
    geometry: NDArray[np.object_],
    *,
    rules: AccessPolicy,
    night: bool,
) -> Reached:
    """Who is reached, and when; arguments as those of `reach`."""
    surface = friction.slowed(rules.night_or_rain_factor) if night else friction
    ready = teams[teams["on_duty"].to_numpy(dtype=bool)]
    where = ready["longitude"].to_numpy(np.float64), ready["latitude"].to_numpy(np.float64)
    field = minutes_from(surface, *where, limit=rules.max_search_minutes)
    people = villages["people"].to_numpy(np.int64)
    within = people_within(field, friction.grid, geometry, people, rules.reach_minutes)
    cell, _ = cells_of(friction, villages["longitude"].to_numpy(), villages["latitude"].to_numpy())
    minutes = field.ravel()[cell]
    return Reached(
        np.where(np.isfinite(minutes), minutes, np.nan).astype(np.float32),
        within[:, 0],
        within[:, 1],
    )


def reach(
    friction: Friction,
    teams: pd.DataFrame,
    villages: pd.DataFrame,
    geometry: NDArray[np.object_],
    *,
    rules: AccessPolicy,
    coverage: CoverageRules,
    night: bool,
) -> Reach:
    """Travel over a friction surface to these villages.

    Args:
        friction: of a window that holds the villages; already under the hazard, if there is one.
        teams: columns of `kentongan.areas.TEAMS`; those on duty travel.
        villages: columns of `kentongan.areas.VILLAGES`.
        geometry: their polygons, EPSG:4326.
    """
    got = reached(friction, teams, villages, geometry, rules=rules, night=night)
    mobilisation = coverage.mobilisation_night_minutes
    return Reach(
        minutes=got.minutes,
        people_30=got.people_30,
        people_60=got.people_60,
        members_per_person=supply_per_person(friction, teams, villages, rules, night=night),
        mobilisation_minutes=mobilisation if night else coverage.mobilisation_day_minutes,
    )


def supply_per_person(
    friction: Friction,
    teams: pd.DataFrame,
    villages: pd.DataFrame,
    rules: AccessPolicy,
    *,
    night: bool,
) -> _F64:
    """E2SFCA: members who can come for each person of each village; see `Reach`."""
    surface = friction.slowed(rules.night_or_rain_factor) if night else friction
    ready = teams[teams["on_duty"].to_numpy(dtype=bool)]
    cell, _ = cells_of(friction, villages["longitude"].to_numpy(), villages["latitude"].to_numpy())
    people = villages["people"].to_numpy(np.int64)
    return _access(surface, ready, cell, people, rules, night=night)


def people_within(
    minutes: _F64,
    grid: Grid,
    geometry: NDArray[np.object_],
    people: _I64,
    limits: tuple[float, float],
) -> _I64:
    """Whole people who live in cells reached within each limit, cumulative, shape (n, 2).

    A border cell counts by the share of its area; people stand evenly in their village.
    """
    classes = np.where(minutes <= limits[0], 2, np.where(minutes <= limits[1], 1, 0))
    counts = compile_operator(geometry, people, grid).overlay(classes.astype(np.int8))
    return np.column_stack([counts[:, 2], counts[:, 1] + counts[:, 2]])


def _access(
    surface: Friction,
    ready: pd.DataFrame,
    cell: _I64,
    people: _I64,
    rules: AccessPolicy,
    *,
    night: bool,
) -> _F64:
    posts = ready.groupby("post_id", sort=True).agg(
        longitude=("longitude", "first"), latitude=("latitude", "first"), members=("members", "sum")
    )
    longest = max(rules.catchment.minutes)
    weights = np.empty((cell.size, len(posts)))
    for start in range(0, len(posts), _POSTS_AT_ONCE):
        part = posts.iloc[start : start + _POSTS_AT_ONCE]
        times = minutes_from_each(
            surface, part["longitude"].to_numpy(), part["latitude"].to_numpy(), limit=longest
        )
        at_villages = times.reshape(len(part), -1)[:, cell].T
        weights[:, start : start + len(part)] = zone_weights(at_villages, rules.catchment)
    supply = members_who_come(posts["members"].to_numpy(np.float64), night=night, rules=rules)
    return catchment_access(people.astype(np.float64), supply, weights)


_POSTS_AT_ONCE = 16
"""One field of minutes for each: 16 of a million cells are 128 MB."""
