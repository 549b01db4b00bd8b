"""Places and teams of one village put together: who takes how many people where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from kentongan.plan import ROADS, Leg, PlannedTask
from kentongan.types import TaskKind
from risk.evacuation.asking import Asked
from risk.evacuation.places import Placed, Shelters
from risk.evacuation.register import Teams
from risk.evacuation.rules import (
    AFTER_TSUNAMI,
    CAPACITY_UNKNOWN,
    NO_PHONE,
    NO_TEAM,
    NOT_IN_LAYERS,
    OUTDOORS,
    TOO_FAR,
    Bounds,
)
from risk.evacuation.ways import Ways, straight_line
from risk.needs import Need, mobilisation_minutes, teams_needed

if TYPE_CHECKING:
    from kentongan.policy import CoverageRules

MARK_OUTDOORS, MARK_UNKNOWN, MARK_LATE = "outdoors", "capacity-unknown", "too-far-on-foot"


@dataclass(frozen=True, eq=False)
class Helpers:
    """What legs are made of."""

    teams: Teams
    shelters: Shelters
    kind: TaskKind
    rules: CoverageRules
    at: datetime
    bounds: Bounds


def legs_of(
    need: Need,
    placed: Sequence[Placed],
    asked: Mapping[int, Sequence[Asked]],
    helpers: Helpers,
    ways: Ways | None,
) -> tuple[Leg, ...]:
    """Every person who has a place or a team is in exactly one leg, every team in at least one."""
    if helpers.kind is TaskKind.RECEIVE:
        parts = [p for one in placed for p in _shared([one], asked.get(one.shelter, ()), helpers)]
    elif helpers.kind is TaskKind.ASSESS:
        parts = _shared([Placed(-1, need.people, 0.0, "")], asked.get(-1, ()), helpers)
        parts = [part for part in parts if part[2] is not None]
    else:
        parts = _shared(placed, asked.get(-1, ()), helpers)
    return tuple(_leg(need, *part, helpers, ways) for part in parts)


_Part = tuple[int, Placed | None, Asked | None]


def _shared(placed: Sequence[Placed], asked: Sequence[Asked], helpers: Helpers) -> list[_Part]:
    """The first teams take the people with the shortest way; as many as each can help."""
    hands = [(one, int(helpers.teams.helps[one.team])) for one in asked]
    parts: list[_Part] = []
    waiting = [(one, one.people) for one in placed if one.people or one.shelter < 0]
    while waiting:
        place, people = waiting.pop(0)
        if not hands:
            parts.append((people, place, None))
            continue
        team, can = hands.pop(0)
        some = min(people, can)
        parts.append((some, place, team))
        if can > some:
            hands.insert(0, (team, can - some))
        if people > some:
            waiting.insert(0, (place, people - some))
    idle = dict.fromkeys(team for team, _ in hands)
    known = {team for _, _, team in parts}
    return parts + [(0, None, team) for team in idle if team not in known]


def _leg(
    need: Need,
    people: int,
    placed: Placed | None,
    asked: Asked | None,
    helpers: Helpers,
    ways: Ways | None,
) -> Leg:
    said: dict[str, object] = {"people": people}
    if asked is not None:
        teams, row = helpers.teams, asked.team
        members = int(teams.members[row])
        said |= {
            "team_id": teams.ids[row],
            "team": teams.names[row],
            "members": members if members >= 0 else None,
            "skills": tuple(sorted(teams.skills[row])),
            "phone": bool(teams.phone[row]),
            "eta_min": asked.minutes,
        }
    if placed is not None and placed.shelter >= 0:
        said |= _to_shelter(need, placed, helpers, ways)
    return Leg.model_validate(said)


def _to_shelter(
    need: Need, placed: Placed, helpers: Helpers, ways: Ways | None
) -> dict[str, object]:
    row, shelters = placed.shelter, helpers.shelters
    left = (need.onset - helpers.at).total_seconds() / 60
    marks = [
        (MARK_OUTDOORS, shelters.outdoors[row]),
        (MARK_UNKNOWN, shelters.unknown[row]),
        (MARK_LATE, 0 < left < placed.minutes),
    ]
    line = straight_line(need.point, shelters.where(row))
    if placed.way == ROADS and ways is not None:
        line = ways.line(need.point, shelters.where(row), helpers.rules.walk_kmh) or line
    return {
        "shelter_id": shelters.ids[row],
        "shelter": shelters.names[row],
        "way_min": round(placed.minutes, 1),
        "way": placed.way,
        "line": line,
        "marks": tuple(name for name, there in marks if there),
    }


def task_of(need: Need, legs: tuple[Leg, ...], helpers: Helpers) -> PlannedTask:
    """The one task of a village."""
    kind = helpers.kind
    moved = kind is not TaskKind.ASSESS
    helped = sum(leg.people for leg in legs if leg.team_id and (leg.shelter_id or not moved))
    first = min((leg for leg in legs if leg.team_id), key=_arrival, default=None)
    forbidden = helpers.bounds.entry_forbidden(need.adm4_code, kind)
    after = AFTER_TSUNAMI if kind is TaskKind.RECEIVE else forbidden[1] if forbidden else ""
    notes = [forbidden[0]] if forbidden else [_towards(legs, helpers)]
    notes += [_marks(legs), _shortage(need, legs, helpers.rules)]
    return PlannedTask(
        kind=kind,
        adm4_code=need.adm4_code,
        level=need.level,
        people=need.people,
        unmet_people=need.people - helped,
        team_id=first.team_id if first else None,
        coordinator_id=None,
        shelter_id=_main_shelter(legs),
        eta_min=first.eta_min if first else None,
        mobilisation_min=mobilisation_minutes(need, helpers.at, helpers.rules),
        after=after,
        note="; ".join(note for note in notes if note),
        legs=legs,
        deadline=need.onset if moved and need.onset > helpers.at else None,
    )


def _arrival(leg: Leg) -> tuple[bool, float, str]:
    """One that can be called goes first: it is the one that is asked."""
    return not leg.phone, leg.eta_min or 0.0, leg.team_id or ""


def _main_shelter(legs: Sequence[Leg]) -> str | None:
    places = _by_shelter(legs)
    return max(places, key=lambda name: places[name], default=None)


def _by_shelter(legs: Sequence[Leg]) -> dict[str, int]:
    """Shelter -> people, in the order of the legs."""
    places: dict[str, int] = {}
    for leg in legs:
        if leg.shelter_id:
            places[leg.shelter_id] = places.get(leg.shelter_id, 0) + leg.people
    return places


def _towards(legs: Sequence[Leg], helpers: Helpers) -> str:
    if helpers.kind is TaskKind.ASSESS:
        return ""
    names = {leg.shelter_id: leg.shelter for leg in legs if leg.shelter_id}
    places = _by_shelter(legs)
    if not places:
        return f"Tidak ada tempat berkumpul aman dalam {helpers.rules.shelter_max_km:g} km"
    if len(places) == 1:
        where = names[next(iter(places))]
    else:
        where = ", ".join(f"{names[k]} ({_number(n)} jiwa)" for k, n in places.items())
    if helpers.kind is TaskKind.RECEIVE:
        return f"Tunggu warga di {where}; jangan masuk zona sebelum PD-4"
    return f"Antar warga ke {where}"


def _marks(legs: Sequence[Leg]) -> str:
    said = {mark for leg in legs for mark in leg.marks}
    notes = [OUTDOORS] if MARK_OUTDOORS in said else []
    notes += [CAPACITY_UNKNOWN] if MARK_UNKNOWN in said else []
    late = sum(leg.people for leg in legs if MARK_LATE in leg.marks)
    notes += [TOO_FAR.format(_number(late))] if late else []
    silent = len({leg.team_id for leg in legs if leg.team_id and not leg.phone})
    notes += [f"{silent} {NO_PHONE}"] if silent else []
    return "; ".join(notes)


def _shortage(need: Need, legs: Sequence[Leg], rules: CoverageRules) -> str:
    if not np.isfinite(need.point).all():
        return NOT_IN_LAYERS
    asked = len({leg.team_id for leg in legs if leg.team_id})
    if not asked:
        return NO_TEAM
    wanted = teams_needed(need.people, rules)
    return f"Perlu {_number(wanted)} tim, {_number(asked)} diminta" if wanted > asked else ""


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")
