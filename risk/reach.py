"""Whether a team comes in time to a warned village, and where its people can walk. Pure.

The answer is for the words of a warning, so it is bounded in time and errs to one side: a village
that was not looked at, or whose team might be needed elsewhere, is alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from kentongan.impact import UNASSIGNED
from kentongan.reach import Help, Reach, VillageReach
from kentongan.times import require_aware
from kentongan.types import HazardId, Level, TaskKind
from risk.evacuation.planner import Planner, teams_for
from risk.evacuation.policy import plan_policy
from risk.evacuation.register import busy_teams
from risk.evacuation.rules import KINDS, LayerTables
from risk.evacuation.rules import Bounds as PlanBounds
from risk.layers.layerset import among
from risk.needs import Need, mobilisation_minutes, needs
from risk.sphere import chord_of_km, km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.plan import PlannedTask
    from kentongan.policy import CoverageRules, LevelPolicy
    from risk.evacuation.ways import Ways

MOST_NEIGHBOURS = 3
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """What other warnings in force forbid; as in `risk.evacuation.plan_tasks`."""

    avoid: Collection[str] = ()
    no_entry: Collection[str] = ()
    shaken: Collection[str] = ()


def village_reach(
    event: HazardEvent,
    impact: pd.DataFrame,
    decision: Decision,
    layers: LayerTables,
    *,
    at: datetime,
    policy: LevelPolicy,
    busy: Mapping[str, int],
    standing: Sequence[PlannedTask] = (),
    bounds: Bounds | None = None,
    cleared: Collection[str] = (),
    ways: Ways | None = None,
) -> Reach:
    """What is known of help for the villages of a decision at level 3 or above.

    A team comes where the plan would send one (`risk.evacuation`, the same optimum): free, on duty,
    there and out again before the hazard, each for one village. Nobody comes into a tsunami zone.
    The assembly point is the nearest outside every warned village, within the policy's distance and
    within reach on foot before the hazard; after shaking, one outside the shaken area first.

    Args:
        busy: team_id -> open tasks; such teams are not counted on.
        standing: tasks of this event that teams hold already.
        cleared: villages whose team says that everybody is out.
        ways: roads, as the plan is given them.

    Returns:
        Villages of hazards that people leave (flood, landslide, tsunami); none for others. For all
        hazards the neighbours of regencies where people are left without a team.
    """
    at, bounds, rules = require_aware(at), bounds or Bounds(), policy.coverage
    neighbours = _neighbours(impact, decision, layers, rules)
    kind = KINDS.get(event.hazard_id)
    if kind not in (TaskKind.EVACUATE, TaskKind.RECEIVE):
        return Reach(neighbours=neighbours)
    wanted = needs(event, impact, decision, layers.villages)
    points = _points(event, wanted, decision, layers, at, rules, bounds)
    coming: dict[str, float | None] = {}
    if kind is TaskKind.EVACUATE:
        planner = Planner(
            kind=kind,
            hazard=event.hazard_id,
            layers=layers,
            at=at,
            rules=rules,
            plan=plan_policy(),
            bounds=PlanBounds.of(decision, no_entry=bounds.no_entry),
            ways=ways,
        )
        coming = _coming(wanted, impact, planner, busy, standing)
    villages = {
        need.adm4_code: VillageReach(
            help=_help(need.adm4_code, coming, cleared),
            eta_min=coming.get(need.adm4_code),
            point=point,
            km=km,
        )
        for need, (point, km) in zip(wanted, points, strict=True)
    }
    return Reach(villages=villages, neighbours=neighbours)


def _help(code: str, coming: Collection[str], cleared: Collection[str]) -> Help:
    if code in cleared:
        return Help.CLEARED
    return Help.COMING if code in coming else Help.ALONE


def _coming(
    wanted: Sequence[Need],
    impact: pd.DataFrame,
    planner: Planner,
    busy: Mapping[str, int],
    standing: Sequence[PlannedTask],
) -> dict[str, float | None]:
    """Village -> minutes until its team is there, None where a team holds the task already."""
    found: dict[str, float | None] = {
        task.adm4_code: None
        for task in standing
        if task.kind is TaskKind.EVACUATE and task.team_id is not None
    }
    open_needs = [need for need in wanted if need.adm4_code not in found]
    asked = teams_for(open_needs, impact, busy_teams(busy, standing), planner)
    for need, teams in zip(open_needs, asked, strict=True):
        if teams:
            first = mobilisation_minutes(need, planner.at, planner.rules) + teams[0].minutes
            found[need.adm4_code] = round(first, 1)
    return found


def _points(
    event: HazardEvent,
    wanted: Sequence[Need],
    decision: Decision,
    layers: LayerTables,
    at: datetime,
    rules: CoverageRules,
    bounds: Bounds,
) -> list[tuple[str, float | None]]:
    """Name of the assembly point of each need and the way to it in km; empty where none."""
    onsets = {need.onset for need in wanted}
    walk = {onset: _walk_km(event, onset, at, rules) for onset in onsets}
    limits = np.asarray([walk[need.onset] for need in wanted], dtype=np.float64)
    shelters = _safe_shelters(event, decision, layers, bounds)
    shaken = among(shelters["adm4_code"], list(bounds.shaken))
    names = shelters["name"].tolist()
    found: list[tuple[str, float | None]] = [("", None)] * len(wanted)
    for usable in (np.flatnonzero(~shaken), np.flatnonzero(shaken)):
        rows, km = _nearest(wanted, shelters.iloc[usable], rules)
        for k in np.flatnonzero(km <= limits):
            if not found[k][0]:
                found[k] = (str(names[usable[rows[k]]]), round(float(km[k]), 1))
    return found


def _walk_km(event: HazardEvent, onset: datetime, at: datetime, rules: CoverageRules) -> float:
    """How far people get on foot before the hazard is there."""
    left = (onset - at).total_seconds() / 60
    if event.hazard_id is not HazardId.TSUNAMI:
        left = max(left, rules.walk_minutes)
    return max(left, 0.0) / 60 * rules.walk_kmh


def _safe_shelters(
    event: HazardEvent, decision: Decision, layers: LayerTables, bounds: Bounds
) -> pd.DataFrame:
    """Outside every warned village; for a tsunami also off the coast strip. One in a village that
    the layer set does not hold is not known to be safe."""
    shelters, villages = layers.shelters, layers.villages
    coast = shelters["adm4_code"].map(villages.set_index("adm4_code")["coast_share"])
    safe = coast == 0 if event.hazard_id is HazardId.TSUNAMI else coast.notna()
    danger = {*decision.levels, *bounds.avoid, *bounds.no_entry}
    outside = ~among(shelters["adm4_code"], list(danger))
    return shelters[safe.to_numpy(dtype=bool) & outside].sort_values("shelter_id")


def _nearest(
    wanted: Sequence[Need], shelters: pd.DataFrame, rules: CoverageRules
) -> tuple[NDArray[np.intp], _F64]:
    """Row of the nearest shelter and the way to it, straight line times detour; inf: none."""
    rows, km = np.zeros(len(wanted), dtype=np.intp), np.full(len(wanted), np.inf)
    points = np.asarray([need.point for need in wanted], dtype=np.float64).reshape(-1, 2)
    known = np.isfinite(points).all(axis=1)
    if shelters.empty or not known.any():
        return rows, km
    tree = KDTree(unit_vectors(shelters["longitude"].to_numpy(), shelters["latitude"].to_numpy()))
    chord, near = tree.query(
        unit_vectors(points[known, 0], points[known, 1]),
        distance_upper_bound=chord_of_km(rules.shelter_max_km),
    )
    inside = np.isfinite(chord)
    ways = np.full(len(chord), np.inf)
    ways[inside] = km_of_chord(chord[inside]) * rules.detour_factor
    rows[known], km[known] = np.where(inside, near, 0), ways
    return rows, km


def _neighbours(
    impact: pd.DataFrame, decision: Decision, layers: LayerTables, rules: CoverageRules
) -> dict[str, tuple[str, ...]]:
    """adm2_code with people whom no team reaches -> up to three regencies next to it that have
    a coordinator and are not themselves at level 3 or above."""
    severe = {code[:5] for code, level in decision.levels.items() if level >= Level.SIAGA}
    gaps = _gaps(impact, decision)
    free = sorted(set(layers.coordinators["adm2_code"].tolist()) - severe)
    if not gaps or not free:
        return {}
    villages = layers.villages
    xyz = unit_vectors(villages["longitude"].to_numpy(), villages["latitude"].to_numpy())
    rows = {code: k for k, code in enumerate(villages["adm4_code"].tolist())}
    regency = np.asarray([code[:5] for code in rows])
    theirs = np.flatnonzero(np.isin(regency, free))
    tree = KDTree(xyz[theirs])
    limit = chord_of_km(rules.neighbour_km)
    found: dict[str, tuple[str, ...]] = {}
    for adm2, codes in gaps.items():
        middle = xyz[[rows[c] for c in codes if c in rows]].mean(axis=0)
        middle /= np.linalg.norm(middle)
        near = np.asarray(tree.query_ball_point(middle, limit), dtype=np.intp)
        order = near[np.argsort(np.linalg.norm(xyz[theirs[near]] - middle, axis=1), kind="stable")]
        names = dict.fromkeys(regency[theirs[order]].tolist())
        found[adm2] = tuple(list(names)[:MOST_NEIGHBOURS])
    return found


def _gaps(impact: pd.DataFrame, decision: Decision) -> dict[str, list[str]]:
    """adm2_code -> its villages at level 3 or above with people whom no team reaches."""
    if len(impact) == 0 or "uncovered_people" not in impact.columns:
        return {}
    left = impact.loc[impact["uncovered_people"].to_numpy() > 0, "adm4_code"].tolist()
    gaps: dict[str, list[str]] = {}
    for code in sorted(left):
        if code != UNASSIGNED and decision.levels.get(code, 0) >= Level.SIAGA:
            gaps.setdefault(code[:5], []).append(code)
    return gaps
