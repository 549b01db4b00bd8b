"""Which teams are asked for which wants: people at a place whom a team can help in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kentongan.plan import Proof
from kentongan.types import HazardId, Level, TaskKind
from risk.evacuation.optimum import Optimum, best
from risk.evacuation.pairs import I64, TENTHS, Pairs, straight_pairs
from risk.evacuation.policy import PlanPolicy
from risk.evacuation.register import Teams
from risk.evacuation.rules import PREFERRED_MINUTES
from risk.evacuation.transport import NOTHING_HELD, Held, Transport, left_of
from risk.evacuation.ways import Ways
from risk.sphere import unit_vectors

_SIZES = 4
"""Ranks by how full a team's hands are: one for 150 people goes before one for nine."""
_WEIGHT = 16
"""Steps of weight by people within one level."""


@dataclass(frozen=True)
class Want:
    """People at one place. `minutes`: longest travel of a team, negative: none may be asked."""

    point: tuple[float, float]
    people: int
    vulnerable: int
    level: int
    minutes: float


@dataclass(frozen=True)
class Asked:
    """A team (row of `Teams`) and its travel in minutes."""

    team: int
    minutes: float
    way: str


@dataclass(frozen=True, eq=False)
class Asking:
    """Who may be asked, and what is known of the ways.

    Attributes:
        anyone: bool, teams that may be asked at all.
        outside: bool, those that go first: they are not hit themselves.
        held: (want, team) pairs that should stay.
        changed: wants of which something is new; None: all.
    """

    teams: Teams
    anyone: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    kind: TaskKind
    hazard: HazardId
    rate: float
    """Minutes for a kilometre of straight line."""
    most_minutes: float
    plan: PlanPolicy
    per_team: int
    ways: Ways | None = None
    held: tuple[tuple[int, int], ...] = ()
    changed: NDArray[np.bool_] | None = None


def ask(
    wants: Sequence[Want], asking: Asking, *, seconds: float
) -> tuple[list[list[Asked]], Proof]:
    """Teams for each want, the first to arrive first.

    Each team is asked for one want. Teams without a telephone come only where another team of the
    same want has one. Where small teams leave people over, those that are still free are asked in
    another round, until none is left that could come.
    """
    found: list[list[Asked]] = [[] for _ in wants]
    free = asking.anyone.copy()
    proof = Proof(components=0)
    for with_phone in (True, False):
        while True:
            usable = free & (asking.teams.phone == with_phone)
            open_wants = [
                _rest(want, asked, asking, need_first=not with_phone)
                for want, asked in zip(wants, found, strict=True)
            ]
            pairs, ways = _pairs(open_wants, usable, asking)
            if not pairs.there.size:
                break
            answer = best(
                _problem(open_wants, found, pairs, usable, asking),
                nearest=asking.plan.nearest, seconds=seconds,
            )  # fmt: skip
            new = _read(answer, pairs, ways, found)
            proof = joined(proof, answer, pairs)
            free[[asked.team for asked in new]] = False
            if not new:
                break
    return [sorted(a, key=lambda one: (one.minutes, one.team)) for a in found], proof


def joined(proof: Proof, answer: Optimum, pairs: Pairs) -> Proof:
    return Proof(
        optimal=proof.optimal and answer.proven,
        gap_people=proof.gap_people + answer.gap,
        components=max(proof.components, answer.parts),
        pairs=max(proof.pairs, pairs.there.size),
        pairs_left_out=max(proof.pairs_left_out, pairs.left_out),
    )


def _rest(want: Want, asked: list[Asked], asking: Asking, *, need_first: bool) -> Want:
    """What is still wanted; nothing where a team without telephone would be alone."""
    helped = int(asking.teams.helps[[one.team for one in asked]].sum()) if asked else 0
    done = bool(asked) and helped >= want.people
    if done or (need_first and not asked):
        return replace(want, minutes=-1.0)
    return replace(want, people=want.people - helped, vulnerable=max(0, want.vulnerable - helped))


def _pairs(
    wants: Sequence[Want], usable: NDArray[np.bool_], asking: Asking
) -> tuple[Pairs, list[str]]:
    """Teams within reach of each want, and how each want's ways were found."""
    points = np.array([want.point for want in wants], dtype=np.float64).reshape(-1, 2)
    limits = np.array([min(want.minutes, asking.most_minutes) for want in wants])
    there = asking.teams.xyz.copy()
    there[~usable] = np.nan
    pairs = straight_pairs(
        unit_vectors(points[:, 0], points[:, 1]), there,
        minutes=limits, minutes_per_km=asking.rate, most=asking.plan.most_pairs,
    )  # fmt: skip
    if asking.ways is None:
        return pairs, []
    return asking.ways.over_roads(pairs, points, asking.teams.point, limits)


def _problem(
    wants: Sequence[Want],
    found: Sequence[Sequence[Asked]],
    pairs: Pairs,
    usable: NDArray[np.bool_],
    asking: Asking,
) -> Transport:
    slots = np.array(
        [_slots(want, asking) if want.minutes >= 0 else 0 for want in wants], dtype=np.int64
    )
    rows = [
        row
        for owner, want in enumerate(wants)
        if slots[owner]
        for row in _left(owner, want, int(slots[owner]), asking, first=not found[owner])
    ]
    weight = np.array([_weight(want, asking) for want in wants], dtype=np.int64)
    late = _later(pairs, asking) + _unskilled(pairs, asking)
    held = [(a, b, 1) for a, b in asking.held if usable[b]]
    return Transport(
        supply=slots,
        capacity=usable.astype(np.int64),
        tier=np.zeros(usable.size, np.int64),
        pairs=pairs,
        cost=(pairs.time + late) * weight[pairs.here],
        left=left_of(rows),
        held=Held(*np.array(held, dtype=np.int64).T) if held else NOTHING_HELD,
        changed=asking.changed,
    )


def _slots(want: Want, asking: Asking) -> int:
    """Teams of full size that the people need; one where nobody is known to be there."""
    return max(1, -(-want.people // asking.per_team))


def _left(
    owner: int, want: Want, slots: int, asking: Asking, *, first: bool
) -> list[tuple[int, int, int, int]]:
    """What it costs to leave slots empty: (owner, how many, class, rank), the last team first.

    Of one class the share of the village that is left over decides, then how many people the
    slot is for. In kinds of the first look, the first team of a village is a class above all.
    """
    one = int(first and asking.kind in asking.plan.first_look)
    for_vulnerable = min(-(-want.vulnerable // asking.per_team), slots - one)
    base = 2 * (min(max(want.level, Level.SIAGA), Level.AWAS) - Level.SIAGA) + 1
    amounts = [(slots - one - for_vulnerable, base), (for_vulnerable, base + 1), (one, base + 4)]
    part = want.people - (slots - 1) * asking.per_team
    size = max(0, part) * (_SIZES - 1) // asking.per_team
    rows: list[tuple[int, int, int, int]] = []
    steps = asking.plan.fairness_steps
    for amount, class_ in amounts:
        cuts = [amount * k // steps for k in range(steps + 1)]
        for k in range(steps):
            count = cuts[k + 1] - cuts[k]
            if count and not rows:
                rows.append((owner, 1, class_, k * _SIZES + size))
                count -= 1
            if count:
                rows.append((owner, count, class_, k * _SIZES + _SIZES - 1))
    return rows


def _weight(want: Want, asking: Asking) -> int:
    people = min(want.people, asking.per_team)
    return asking.plan.weight(want.level) * _WEIGHT + people * (_WEIGHT - 1) // asking.per_team


def _later(pairs: Pairs, asking: Asking) -> I64:
    """Tenths of a minute that put teams from inside behind those from outside.

    Assess: one from outside goes first if it is there within the hour; then the nearest of all.
    """
    outside = asking.outside[pairs.there]
    if asking.kind is TaskKind.ASSESS:
        soon = outside & (pairs.time <= PREFERRED_MINUTES * TENTHS)
        return np.where(soon, 0, int(PREFERRED_MINUTES * TENTHS))
    return np.where(outside, 0, int(np.ceil(asking.most_minutes * TENTHS)))


def _unskilled(pairs: Pairs, asking: Asking) -> I64:
    """Tenths of a minute for teams without a wanted skill, where any team is known to have one."""
    wanted = set(asking.plan.skills.get(asking.hazard, ()))
    able = np.array([bool(wanted & skills) for skills in asking.teams.skills], dtype=np.bool_)
    if not able.any():
        return np.zeros(pairs.there.size, np.int64)
    return np.where(able[pairs.there], 0, int(asking.plan.skill_minutes * TENTHS))


def _read(answer: Optimum, pairs: Pairs, ways: list[str], found: list[list[Asked]]) -> list[Asked]:
    """Teams that the flow asks; they are put to their wants."""
    here = pairs.here
    new = []
    for k in np.flatnonzero(answer.flows.pairs).tolist():
        want = int(here[k])
        way = ways[want] if ways else "straight-line"
        one = Asked(int(pairs.there[k]), round(float(pairs.time[k]) / TENTHS, 1), way)
        found[want].append(one)
        new.append(one)
    return new
