"""Tasks, teams and shelters of an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, RowMapping, func, select

from kentongan.db import escalations, task_steps, tasks, warnings
from kentongan.task_life import HELD
from kentongan.times import iso
from orchestration.live_map.moment import Kind, Moment

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 5_000
"""Values in one statement; SQLite binds up to 32,766."""


@dataclass(frozen=True)
class TaskDot:
    task_id: str
    warning_id: str
    adm4_code: str
    kind: str
    state: str
    level: int | None
    people: int | None
    unmet: int | None
    """None: a later plan wrote its own figures over those of then."""
    coordinator_id: str
    escalation: int
    teams: tuple[str, ...]
    shelters: tuple[tuple[str, int], ...]
    """Of each place people are brought to: its id, people."""


def tasks_at(engine: Engine, moment: Moment, warning_ids: Sequence[str]) -> list[TaskDot]:
    """Tasks of these warnings as they stood at the instant, the most urgent first."""
    ids = sorted(set(warning_ids))
    if not ids:
        return []
    query = (
        select(tasks, warnings.c.created_at.label("planned_at"))
        .join(
            warnings,
            (warnings.c.warning_id == tasks.c.warning_id) & (warnings.c.version == tasks.c.version),
        )
        .where(tasks.c.warning_id.in_(ids), moment.knew(tasks.c.created_at))
        .order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
        if moment.kind is not Kind.OBSERVED:
            return [_dot(row) for row in rows]
        states = dict(_newest_states(connection, moment, ids))
        climbed = dict(_climbed(connection, moment, ids))
    then = [_dot(row) for row in rows if row["task_id"] in states]
    later = {row["task_id"] for row in rows if not _planned_by(row, moment)}
    return [_as_then(dot, states, climbed, dot.task_id in later) for dot in then]


def _planned_by(row: RowMapping, moment: Moment) -> bool:
    planned: str = row["planned_at"]
    return planned <= iso(moment.known)


def _newest_states(connection: Any, moment: Moment, ids: Sequence[str]) -> list[tuple[str, str]]:
    last = (
        select(func.max(task_steps.c.id).label("id"))
        .join(tasks, tasks.c.task_id == task_steps.c.task_id)
        .where(tasks.c.warning_id.in_(ids), moment.knew(task_steps.c.at))
        .group_by(task_steps.c.task_id)
        .subquery()
    )
    query = select(task_steps.c.task_id, task_steps.c.state).join(
        last, last.c.id == task_steps.c.id
    )
    return [(row.task_id, row.state) for row in connection.execute(query)]


def _climbed(connection: Any, moment: Moment, ids: Sequence[str]) -> list[tuple[str, int]]:
    query = (
        select(escalations.c.task_id, func.max(escalations.c.step))
        .join(tasks, tasks.c.task_id == escalations.c.task_id)
        .where(tasks.c.warning_id.in_(ids), moment.knew(escalations.c.at))
        .group_by(escalations.c.task_id)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def _as_then(dot: TaskDot, states: dict[str, str], climbed: dict[str, int], later: bool) -> TaskDot:
    then = replace(dot, state=states[dot.task_id], escalation=climbed.get(dot.task_id, 0))
    if not later:
        return then
    return replace(
        then, level=None, people=None, unmet=None, coordinator_id="", teams=(), shelters=()
    )


def _dot(row: RowMapping) -> TaskDot:
    legs = row["body"].get("legs") or ()
    teams = {leg["team_id"] for leg in legs if leg.get("team_id")}
    brought = [(leg["shelter_id"], int(leg["people"])) for leg in legs if leg.get("shelter_id")]
    if not legs and row["shelter_id"]:
        brought = [(row["shelter_id"], row["people"])]
    return TaskDot(
        task_id=row["task_id"],
        warning_id=row["warning_id"],
        adm4_code=row["adm4_code"],
        kind=row["kind"],
        state=row["state"],
        level=row["level"],
        people=row["people"],
        unmet=row["unmet_people"],
        coordinator_id=row["coordinator_id"] or "",
        escalation=row["escalation"],
        teams=tuple(sorted(teams | ({row["team_id"]} if row["team_id"] else set()))),
        shelters=tuple(brought),
    )


def busy_teams(dots: Sequence[TaskDot]) -> set[str]:
    """Teams that somebody of has said yes for, and that are not back."""
    return {team for dot in dots if dot.state in HELD for team in dot.teams}


def assigned(dots: Sequence[TaskDot]) -> dict[str, int]:
    """Shelter -> people whom tasks of now bring there."""
    sums: dict[str, int] = {}
    for dot in dots:
        for shelter, people in dot.shelters:
            sums[shelter] = sums.get(shelter, 0) + people
    return sums


def near(places: pd.DataFrame, points: NDArray[np.float64], near_km: float) -> pd.DataFrame:
    """Places within `near_km` of any of these points, by straight lines on a plane.

    Args:
        places: with `longitude` and `latitude`.
        points: shape (points, 2): longitude, latitude.
    """
    from scipy.spatial import cKDTree

    if not len(points) or not len(places):
        return places.iloc[:0]
    at = places[["longitude", "latitude"]].to_numpy()
    # 111 km a degree; Indonesia lies within 11 degrees of the equator (2 % in longitude).
    distance, _ = cKDTree(points).query(at, distance_upper_bound=near_km / 111.0)
    found: pd.DataFrame = places[np.isfinite(distance)]
    return found
