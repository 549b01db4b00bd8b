"""The evacuation plan of a national day: 12 incidents, 2,000 villages, 7,000 posts, 5,000 shelters.

All places are made up. The peer is HiGHS, by scipy, on the same linear programme.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Bench, Result, alternate, seconds, times_faster, within

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from risk.evacuation.transport import Transport

AT = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
VILLAGES, POSTS, MEMBERS, SHELTERS, INCIDENTS = 2_000, 7_000, 40_000, 5_000, 12
PEOPLE = 2_700_000
ROOM = 1.6  # places in all shelters for one person in danger
PLAN_S, REPLAN_S, TIMES = 10.0, 2.0, 2.0
NEAREST = 64  # pairs of a village that the peer is given
PAIRS = 5


@dataclass
class Tables:
    villages: pd.DataFrame
    teams: pd.DataFrame
    shelters: pd.DataFrame
    coordinators: pd.DataFrame


def made(seed: int = 1) -> Tables:
    """Villages, shelters and posts scattered around 12 middles 1.5 degrees apart."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    middle = np.array([(100.0 + 1.5 * (k % 6) * 2, -7.0 + 2.5 * (k // 6)) for k in range(12)])

    def around(count: int, spread: float) -> tuple[Any, pd.DataFrame]:
        where = np.arange(count) % INCIDENTS
        points = middle[where] + rng.normal(0, spread, (count, 2))
        table = pd.DataFrame({"longitude": points[:, 0], "latitude": points[:, 1]})
        return where, table

    where, villages = around(VILLAGES, 0.12)
    share = rng.gamma(2.0, 1.0, VILLAGES)
    villages["people"] = np.maximum(1, (share / share.sum() * PEOPLE).astype(np.int64))
    villages["adm4_code"] = [f"{w + 11}.01.{k // 500 + 1:02d}.{2001 + k % 500}"
                             for k, w in enumerate(where)]  # fmt: skip
    villages = villages.assign(coast_share=0.0, utc_offset=7)
    _, shelters = around(SHELTERS, 0.16)
    room = rng.gamma(2.0, 1.0, SHELTERS)
    shelters["capacity"] = (room / room.sum() * PEOPLE * ROOM).astype(np.int64)
    shelters["shelter_id"] = [f"S{k:05d}" for k in range(SHELTERS)]
    shelters = shelters.assign(name="Balai")
    _, teams = around(POSTS, 0.3)
    teams["members"] = 1 + rng.multinomial(MEMBERS - POSTS, np.full(POSTS, 1 / POSTS))
    teams["team_id"] = [f"T{k:05d}" for k in range(POSTS)]
    teams = teams.assign(name="Tagana", coordinator_id="K1", on_duty=True)
    outside = [f"{w + 11}.02.01.{2001 + k % 8000}" for k, w in enumerate(range(INCIDENTS))]
    extra = pd.DataFrame({"adm4_code": outside, "people": 0, "longitude": 90.0, "latitude": 5.0,
                          "coast_share": 0.0, "utc_offset": 7})  # fmt: skip
    shelters["adm4_code"] = [outside[k % INCIDENTS] for k in range(SHELTERS)]
    teams["adm4_code"] = [outside[k % INCIDENTS] for k in range(POSTS)]
    coordinators = pd.DataFrame(
        {"coordinator_id": ["K1"], "adm2_code": ["11.01"], "adm4_code": [outside[0]]}
    )
    both = pd.concat([villages, extra], ignore_index=True).sort_values("adm4_code")
    return Tables(both.reset_index(drop=True), teams, shelters, coordinators)


def _event() -> HazardEvent:
    from kentongan.hazard import HazardEvent
    from kentongan.types import DocumentStatus, HazardId, Level

    return HazardEvent(
        event_id="flood-benchmark",
        hazard_id=HazardId.FLOOD,
        level=Level.AWAS,
        onset=AT + timedelta(hours=6),
        valid_from=AT,
        valid_to=AT + timedelta(hours=12),
        official=False,
        status=DocumentStatus.EXERCISE,
        title="Latihan",
        method="benchmark/1",
        observations=(),
    )


def _decision(codes: list[str]) -> Decision:
    from kentongan.decision import Action, Decision

    return Decision(
        event_id="flood-benchmark",
        action=Action.ALERT,
        levels={code: 3 + number % 2 for number, code in enumerate(codes)},
        told=tuple(codes),
        expires=AT + timedelta(hours=12),
        reason="",
    )


def _impact(tables: Tables, *, more_in: str = "") -> pd.DataFrame:
    """`more_in`: a tenth more people in the villages of this province."""
    import pandas as pd

    hit = tables.villages[tables.villages["people"] > 0]
    grown = hit["adm4_code"].str.startswith(more_in).to_numpy() if more_in else False
    people = (hit["people"] * 1.1).astype("int64").where(grown, hit["people"]) if more_in else (
        hit["people"])  # fmt: skip
    return pd.DataFrame(
        {"adm4_code": hit["adm4_code"], "people_3": people, "people_4": 0, "exposed_people": people}
    )


def _given(tables: Tables, impact: pd.DataFrame) -> dict[str, Any]:
    from kentongan.policy import LevelPolicy, load_policy
    from kentongan.settings import data_dir

    codes = sorted(impact["adm4_code"].tolist())
    return {
        "event": _event(),
        "impact": impact,
        "decision": _decision(codes),
        "layers": tables,
        "at": AT,
        "policy": load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy),
        "busy": {},
    }


def national() -> Iterator[Result]:
    """The whole plan, tables to tasks; and what changes where one incident does."""
    from risk.evacuation import plan_tasks
    from risk.evacuation.replan import replan

    tables = made()
    given = _given(tables, _impact(tables))
    plan = plan_tasks(**given)
    assert plan.proof is not None
    assert plan.proof.optimal, "the optimum is not proven within the time limit"
    taken = [seconds(lambda: plan_tasks(**given)) for _ in range(3)]
    assert all(answer == plan for _, answer in taken)
    middle = statistics.median(t for t, _ in taken)
    teams = len({team for task in plan.tasks for team in task.teams})
    note = f"proven over {plan.proof.pairs} pairs in {plan.proof.components} parts; {teams} teams"
    yield within("evacuation.national", middle, "s", at_most=PLAN_S, seconds=middle, note=note)
    changed = _given(tables, _impact(tables, more_in="14."))
    runs = [seconds(lambda: replan(**changed, accepted=plan.tasks)) for _ in range(3)]
    again, found = statistics.median(t for t, _ in runs), runs[0][1]
    note = (
        f"one incident of {INCIDENTS}: {len(found.moved)} of {len(plan.tasks)} tasks move, "
        f"{len(found.moved_teams)} teams, {found.moved_people} people"
    )
    yield within("evacuation.replan", again, "s", at_most=REPLAN_S, seconds=again, note=note)


def places() -> Iterator[Result]:
    """People to shelters: against HiGHS, and what the shortest pair first leaves over."""
    from risk.evacuation.optimum import best, shortest_first

    problem = _transport(made())
    near = _only_near(problem)

    def ours() -> Any:
        return best(problem, nearest=32, seconds=60)

    def same(left: Any, right: Any) -> None:
        assert left.proven
        paid = _cost(problem, left)
        # The peer works in floating point and on fewer pairs: never better, hardly worse.
        assert paid <= right * (1 + 1e-7), (paid, right)
        assert right <= paid * (1 + 1e-3), (paid, right)

    ours_s, peer_s = alternate(ours, lambda: _highs(near), same, pairs=PAIRS)
    left, greedy = int(ours().flows.left.sum()), int(shortest_first(problem).left.sum())
    note = (
        f"left over: optimum {left}, shortest pair first {greedy} of {int(problem.supply.sum())}; "
        f"peer on {near.cost.size} of {problem.cost.size} pairs"
    )
    yield times_faster(
        "evacuation.places", ours_s, "HiGHS (scipy linprog)", peer_s, at_least=TIMES, note=note
    )


def _transport(tables: Tables) -> Transport:
    """The problem that the plan solves for its shelters."""
    import numpy as np

    from kentongan.policy import LevelPolicy, load_policy
    from kentongan.settings import data_dir
    from risk.evacuation.pairs import straight_pairs
    from risk.evacuation.transport import Transport, left_over
    from risk.sphere import unit_vectors

    rules = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy).coverage
    hit = tables.villages[tables.villages["people"] > 0]
    people = hit["people"].to_numpy(np.int64)
    rate = 60 * rules.detour_factor / rules.walk_kmh
    here, there = (
        unit_vectors(t["longitude"].to_numpy(), t["latitude"].to_numpy())
        for t in (hit, tables.shelters)
    )
    limits = np.full(people.size, rules.shelter_max_km * rate)
    pairs = straight_pairs(here, there, minutes=limits, minutes_per_km=rate, most=2_000)
    wants = [(k, int(n), 1 + 2 * (k % 2)) for k, n in enumerate(people)]
    return Transport(
        supply=people,
        capacity=tables.shelters["capacity"].to_numpy(np.int64),
        tier=np.zeros(len(tables.shelters), np.int64),
        pairs=pairs,
        cost=pairs.time,
        left=left_over(wants, 10),
    )


def _only_near(problem: Transport) -> Transport:
    from dataclasses import replace

    near = problem.pairs.nearest(NEAREST)
    return replace(problem, pairs=problem.pairs.kept(near), cost=problem.cost[near])


def _cost(problem: Transport, found: Any) -> int:
    import numpy as np

    from risk.evacuation.certificate import Costs, primal

    return primal(Costs.of(problem, np.empty(0, np.int64)), found.flows, problem)


def _highs(problem: Transport) -> float:
    """The least cost of the same flow as a linear programme."""
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    from risk.evacuation.certificate import Costs

    costs, left = Costs.of(problem, np.empty(0, np.int64)), problem.left
    k, more = problem.cost.size, left.cap.size
    number = np.arange(k + more)
    owner = np.concatenate([problem.pairs.here, left.owner])
    every = csr_array((np.ones(k + more), (owner, number)), shape=(problem.supply.size, k + more))
    full = csr_array(
        (np.ones(k), (problem.pairs.there, number[:k])), shape=(problem.capacity.size, k + more)
    )
    found = linprog(
        np.concatenate([costs.pairs, costs.left]),
        A_ub=full,
        b_ub=problem.capacity,
        A_eq=every,
        b_eq=problem.supply,
        bounds=np.column_stack(
            [np.zeros(k + more), np.concatenate([problem.supply[problem.pairs.here], left.cap])]
        ),
        method="highs",
    )
    assert found.status == 0, found.message
    return float(found.fun)


BENCHES: dict[str, Bench] = {"evacuation.national": national, "evacuation.places": places}
