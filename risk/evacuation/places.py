"""Which people go to which shelter: the places outside all danger, given by an exact optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.plan import STRAIGHT, PlannedTask, Proof
from kentongan.types import Level, TaskKind
from risk.evacuation.asking import joined
from risk.evacuation.optimum import best
from risk.evacuation.pairs import I64, TENTHS, straight_pairs
from risk.evacuation.policy import PlanPolicy
from risk.evacuation.transport import NOTHING_HELD, Held, Transport, left_over
from risk.evacuation.ways import Ways
from risk.sphere import unit_vectors

if TYPE_CHECKING:
    from kentongan.policy import CoverageRules
    from risk.evacuation.rules import Bounds, LayerTables
    from risk.needs import Need

OUTDOORS, UNKNOWN = 1, 2
"""Tiers: a place on ground that shook, and one of which nobody knows how many it takes."""


@dataclass(frozen=True, eq=False)
class Shelters:
    """Shelters that may be used, in the order of their ids.

    Attributes:
        free: int64, places left; tier: 0, `OUTDOORS` or `UNKNOWN`.
        outdoors, unknown: bool, the reasons for a tier.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    point: NDArray[np.float64]
    free: I64
    outdoors: NDArray[np.bool_]
    unknown: NDArray[np.bool_]

    @property
    def tier(self) -> I64:
        return np.where(self.unknown, UNKNOWN, np.where(self.outdoors, OUTDOORS, 0))

    def where(self, row: int) -> tuple[float, float]:
        return float(self.point[row, 0]), float(self.point[row, 1])


@dataclass(frozen=True)
class Placed:
    """People of one village in one shelter (row of `Shelters`), and their way in minutes."""

    shelter: int
    people: int
    minutes: float
    way: str


def shelters_of(
    layers: LayerTables,
    bounds: Bounds,
    kind: TaskKind,
    plan: PlanPolicy,
    *,
    standing: Sequence[PlannedTask],
) -> Shelters:
    """Shelters outside every warned village; for a tsunami also off the coast strip.

    A shelter in a village that the layer set does not hold is not known to be safe. A capacity
    that is not known (negative or missing) is neither none nor endless.
    """
    table = layers.shelters
    if kind is TaskKind.ASSESS:
        table = table.iloc[:0]
    villages = layers.villages
    # A join, not a membership test: that costs 0.4 s over the nation's villages.
    coast = table["adm4_code"].map(villages.set_index("adm4_code")["coast_share"])
    safe = coast == 0 if kind is TaskKind.RECEIVE else coast.notna()
    safe &= ~table["adm4_code"].isin(bounds.zone | bounds.avoid | bounds.no_entry)
    table = table[safe].sort_values("shelter_id", kind="stable")
    ids = [str(name) for name in table["shelter_id"].tolist()]
    capacity = table["capacity"].astype("float64").to_numpy()
    unknown = ~(capacity >= 0)
    free = np.where(unknown, plan.unknown_capacity_places, np.nan_to_num(capacity))
    taken = _taken(standing)
    used = np.array([taken.get(name, 0) for name in ids], dtype=np.int64)
    return Shelters(
        ids=tuple(ids),
        names=tuple(str(name) for name in table["name"].tolist()),
        point=table[["longitude", "latitude"]].to_numpy(dtype=np.float64).reshape(-1, 2),
        free=np.maximum(free.astype(np.int64) - used, 0),
        outdoors=table["adm4_code"].isin(bounds.shaken).to_numpy(dtype=bool),
        unknown=unknown,
    )


def _taken(standing: Sequence[PlannedTask]) -> dict[str, int]:
    """Places that tasks hold which are not planned anew."""
    taken: dict[str, int] = {}
    for task in standing:
        parts = [(leg.shelter_id, leg.people) for leg in task.legs]
        for shelter, people in parts or [(task.shelter_id, task.people)]:
            if shelter is not None:
                taken[shelter] = taken.get(shelter, 0) + people
    return taken


def place(
    wanted: Sequence[Need],
    shelters: Shelters,
    rules: CoverageRules,
    plan: PlanPolicy,
    *,
    seconds: float,
    vulnerable: Sequence[int],
    ways: Ways | None = None,
    held: Sequence[tuple[int, int, int]] = (),
    changed: NDArray[np.bool_] | None = None,
) -> tuple[list[list[Placed]], Proof]:
    """Places for the people of each village, the nearest shelter first.

    Args:
        vulnerable: of each village, how many of its people go before the others.
        held: (village, shelter, people) that should stay.
        changed: villages of which something is new; None: all.
    """
    points = np.array([need.point for need in wanted], dtype=np.float64).reshape(-1, 2)
    rate = 60 * rules.detour_factor / rules.walk_kmh
    limits = np.full(len(wanted), rules.shelter_max_km * rate)
    pairs = straight_pairs(
        unit_vectors(points[:, 0], points[:, 1]),
        unit_vectors(shelters.point[:, 0], shelters.point[:, 1]),
        minutes=limits, minutes_per_km=rate, most=plan.most_pairs,
    )  # fmt: skip
    said = [STRAIGHT] * len(wanted)
    if ways is not None:
        pairs, said = ways.over_roads(
            pairs, points, shelters.point, limits, walk_kmh=rules.walk_kmh
        )
    wants = [
        part
        for owner, (need, few) in enumerate(zip(wanted, vulnerable, strict=True))
        for part in _classes(owner, need, few)
    ]
    problem = Transport(
        supply=np.array([need.people for need in wanted], dtype=np.int64),
        capacity=shelters.free,
        tier=shelters.tier,
        pairs=pairs,
        cost=pairs.time,
        left=left_over(wants, plan.fairness_steps),
        held=Held(*np.array(held, dtype=np.int64).T) if held else NOTHING_HELD,
        changed=changed,
    )
    answer = best(problem, nearest=plan.nearest, seconds=seconds)
    found: list[list[Placed]] = [[] for _ in wanted]
    here = pairs.here
    for k in np.flatnonzero(answer.flows.pairs).tolist():
        village = int(here[k])
        minutes = float(pairs.time[k]) / TENTHS
        people = int(answer.flows.pairs[k])
        found[village].append(Placed(int(pairs.there[k]), people, minutes, said[village]))
    order = [sorted(f, key=lambda one: (one.minutes, one.shelter)) for f in found]
    return order, joined(Proof(components=0), answer, pairs)


def _classes(owner: int, need: Need, vulnerable: int) -> list[tuple[int, int, int]]:
    base = 2 * (min(max(need.level, Level.SIAGA), Level.AWAS) - Level.SIAGA) + 1
    few = min(vulnerable, need.people)
    return [(owner, need.people - few, base), (owner, few, base + 1)]
