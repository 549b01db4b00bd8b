"""The exact optimum: against brute force, against HiGHS, and its own proof."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.evacuation import optimum, solver
from risk.evacuation.certificate import Costs, conserved, dual, prices, primal, refuted
from risk.evacuation.optimum import best, shortest_first
from risk.evacuation.pairs import Pairs, components, listed_pairs, straight_pairs
from risk.evacuation.solver import Network, SolverFailed, flows_of
from risk.evacuation.transport import (
    NOTHING_HELD,
    Gaps,
    Held,
    Transport,
    fitted,
    left_over,
)
from risk.sphere import unit_vectors


def made(people, levels, places, times, *, tiers=None, held=(), steps=4) -> Transport:
    """`times[i][j]`: tenths of a minute, or None where nobody can go."""
    rows = [(i, j, t) for i, line in enumerate(times) for j, t in enumerate(line) if t is not None]
    here, there, time = (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True)) if rows \
        else (np.empty(0, np.int64),) * 3  # fmt: skip
    pairs = listed_pairs(here, there, time, len(people))
    return Transport(
        supply=np.array(people, dtype=np.int64),
        capacity=np.array(places, dtype=np.int64),
        tier=np.array(tiers or [0] * len(places), dtype=np.int64),
        pairs=pairs,
        cost=pairs.time,
        left=left_over([(i, n, levels[i]) for i, n in enumerate(people)], steps),
        held=Held(*np.array(held, dtype=np.int64).T) if held else NOTHING_HELD,
    )


@st.composite
def problems(draw, most=4):
    n, m = draw(st.integers(1, most)), draw(st.integers(1, most))
    times = st.one_of(st.none(), st.integers(0, 40))
    return made(
        draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)),
        draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)),
        draw(st.lists(st.integers(0, 9), min_size=m, max_size=m)),
        [draw(st.lists(times, min_size=m, max_size=m)) for _ in range(n)],
        tiers=draw(st.lists(st.integers(0, 2), min_size=m, max_size=m)),
    )


def left_by_class(problem: Transport, left) -> list[int]:
    """Left over, the highest class first."""
    return [int(left[problem.left.class_ == c].sum()) for c in range(8, 0, -1)]


def most_placed(problem: Transport, sources) -> int:
    """Maximum flow of some sources, by augmenting paths, one person at a time."""
    pairs = problem.pairs
    owner: list[list[int]] = [[] for _ in problem.capacity]
    reach = {i: pairs.there[pairs.start[i] : pairs.start[i + 1]].tolist() for i in sources}

    def augment(i, seen):
        for j in reach[i]:
            if j in seen:
                continue
            seen.add(j)
            if len(owner[j]) < problem.capacity[j]:
                owner[j].append(i)
                return True
            for k, other in enumerate(owner[j]):
                if augment(other, seen):
                    owner[j][k] = i
                    return True
        return False

    return sum(augment(i, set()) for i in sources for _ in range(int(problem.supply[i])))


@given(problems())
@settings(max_examples=100)
def test_nobody_of_a_higher_class_is_left_who_could_be_placed(problem):
    found = best(problem, nearest=2, seconds=60)
    assert found.proven
    assert found.cost == found.bound
    assert conserved(problem, found.flows)
    class_of = np.zeros(problem.supply.size, np.int64)
    class_of[problem.left.owner] = problem.left.class_
    for least in (4, 3, 2, 1):
        sources = np.flatnonzero((class_of >= least) & (problem.supply > 0)).tolist()
        placed = int(problem.supply[sources].sum()) - int(
            found.flows.left[problem.left.class_ >= least].sum()
        )
        assert placed == most_placed(problem, sources)


@given(problems())
@settings(max_examples=40)
def test_the_cost_is_that_of_highs_on_the_same_problem(problem):
    from scipy.optimize import linprog

    costs = Costs.of(problem, np.empty(0, np.int64))
    n, m, k = problem.supply.size, problem.capacity.size, problem.cost.size
    ways, left = problem.pairs, problem.left
    objective = np.concatenate([costs.pairs + costs.tier[ways.there], costs.left])
    each = np.zeros((n, k + left.cap.size))
    each[ways.here, np.arange(k)] = 1
    each[left.owner, k + np.arange(left.cap.size)] = 1
    full = np.zeros((m, k + left.cap.size))
    full[ways.there, np.arange(k)] = 1
    if not k:
        return
    found = linprog(
        objective, A_ub=full, b_ub=problem.capacity, A_eq=each, b_eq=problem.supply,
        bounds=[(0, None)] * k + [(0, c) for c in left.cap], method="highs",
    )  # fmt: skip
    own = primal(costs, best(problem, nearest=1, seconds=60).flows, problem)
    assert own == pytest.approx(found.fun, rel=1e-9, abs=0.5)


def test_shares_are_left_over_evenly_within_a_level():
    # 30 places for 40 + 20 people at equal distance: half of each village at most a step apart
    problem = made([40, 20], [1, 1], [30], [[5], [5]], steps=10)
    left = best(problem, nearest=4, seconds=60).flows.left
    shares = [int(left[problem.left.owner == i].sum()) / n for i, n in enumerate((40, 20))]
    assert sum(left) == 30
    assert abs(shares[0] - shares[1]) <= 0.1


def test_a_worse_kind_of_place_is_the_last_however_far_the_others_are():
    problem = made([10], [1], [4, 4, 4], [[9000, 1, 2]], tiers=[0, 1, 2])
    flow = best(problem, nearest=4, seconds=60).flows.pairs
    assert flow.tolist() == [4, 4, 2]


def test_one_person_and_ten_million():
    assert best(made([1], [4], [1], [[3]]), nearest=4, seconds=60).flows.pairs.tolist() == [1]
    problem = made([10_000_000, 7], [1, 4], [9_999_999, 3], [[300, 40], [7, None]])
    found = best(problem, nearest=4, seconds=60)
    assert found.proven
    assert left_by_class(problem, found.flows.left)[4:] == [0, 0, 0, 5]


def test_no_pairs_no_places_nobody():
    for problem in (
        made([5, 0], [1, 2], [0, 0], [[1, 2], [3, 4]]),
        made([5], [1], [3], [[None]]),
        made([], [], [3], []),
    ):
        found = best(problem, nearest=4, seconds=60)
        assert found.proven
        assert int(found.flows.left.sum()) == int(problem.supply.sum())


@given(problems())
@settings(max_examples=60)
def test_any_other_flow_is_refuted(problem):
    """The proof does not believe the solver: it judges the greedy answer as well."""
    found = best(problem, nearest=4, seconds=60)
    costs = Costs.of(problem, np.empty(0, np.int64))
    all_pairs = np.ones(problem.cost.size, np.bool_)
    greedy = shortest_first(problem)
    assert conserved(problem, greedy)
    proof = prices(problem, costs, greedy, all_pairs)
    stands = proof.sound and not refuted(problem, costs, proof, most=9).any()
    cheapest = primal(costs, found.flows, problem)
    assert primal(costs, greedy, problem) >= cheapest
    used = (problem.capacity[problem.pairs.there] > 0) & (problem.supply[problem.pairs.here] > 0)
    if used.all() and (problem.supply > 0).all():
        assert stands == (primal(costs, greedy, problem) == cheapest)
        if stands:
            assert dual(problem, costs, proof) == cheapest


def test_a_wrong_answer_of_the_solver_is_not_taken(monkeypatch):
    problem = made([5, 5], [1, 1], [5, 5], [[1, 9], [2, 30]])

    def worse(network: Network):
        right = flows_of(network)
        return np.concatenate([[5, 0, 0, 5], right[4:]])

    monkeypatch.setattr(solver, "flows_of", worse)
    with pytest.raises(SolverFailed, match="proof"):
        best(problem, nearest=4, seconds=60)


def test_without_time_the_gap_is_stated():
    # the shortest pair first takes village 1's only place
    problem = made([5, 5], [1, 1], [5, 5], [[1, 2], [3, None]])
    problem = Transport(**{**vars(problem), "cost": np.array([1, 2, 3])})
    found = best(problem, nearest=4, seconds=0)
    assert not found.proven
    assert conserved(problem, found.flows)
    optimal = best(problem, nearest=4, seconds=60)
    assert found.flows.left.sum() - found.gap <= optimal.flows.left.sum()


def test_a_large_problem_is_solved_apart_and_may_run_out_of_time(monkeypatch):
    problem = made([5, 5], [1, 1], [5, 5], [[1, 2], [3, None]])
    here = best(problem, nearest=4, seconds=60)
    monkeypatch.setattr(solver, "IN_PROCESS_ARCS", 0)
    apart = best(problem, nearest=4, seconds=60)
    assert apart.proven
    assert apart.flows.pairs.tolist() == here.flows.pairs.tolist()
    assert not best(problem, nearest=4, seconds=0.01).proven


def test_times_get_coarser_where_costs_do_not_fit():
    problem = made([3, 3], [4, 4], [3, 3], [[2**55, 1], [1, 2**55]])
    assert not Gaps.of(problem).fit(problem)
    assert Gaps.of(fitted(problem)).fit(fitted(problem))
    assert best(problem, nearest=4, seconds=60).flows.pairs.tolist() == [0, 3, 3, 0]


# --- what is held -----------------------------------------------------------------------


@st.composite
def held_problems(draw):
    """Villages want single teams (one place each), some of which are held by them."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    wants = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    levels = draw(st.lists(st.integers(1, 2), min_size=n, max_size=n))
    can = st.one_of(st.none(), st.integers(0, 30))
    times = [draw(st.lists(can, min_size=m, max_size=m)) for _ in range(n)]
    held, used = [], [0] * n
    for j, i in enumerate(draw(st.lists(st.integers(-1, n - 1), min_size=m, max_size=m))):
        if i >= 0 and used[i] < wants[i]:
            used[i] += 1
            held.append((i, j, 1))
    return wants, levels, m, times, held


@given(held_problems())
@settings(max_examples=100)
def test_no_plan_that_places_as_many_moves_fewer(given_problem):
    wants, levels, m, times, held = given_problem
    problem = made(wants, levels, [1] * m, times, held=held, steps=1)
    found = best(problem, nearest=3, seconds=60)
    assert found.proven
    owner = {
        j: int(problem.pairs.here[k])
        for k, j in enumerate(problem.pairs.there.tolist())
        if found.flows.pairs[k]
    }

    def judged(of_team: dict[int, int]):
        got = [sum(v == i for v in of_team.values()) for i in range(len(wants))]
        if any(g > w for g, w in zip(got, wants, strict=True)):
            return None
        left = [
            sum(w - g for w, g, at in zip(wants, got, levels, strict=True) if at == c)
            for c in (2, 1)
        ]
        return (*left, sum(of_team.get(j) != i for i, j, _ in held))

    choices = [[-1, *(i for i in range(len(wants)) if times[i][j] is not None)] for j in range(m)]
    every = (
        judged({j: i for j, i in enumerate(pick) if i >= 0}) for pick in itertools.product(*choices)
    )
    assert judged(owner) == min(score for score in every if score is not None)


def test_a_part_without_change_stays_though_it_could_be_better():
    times = [[5, 1, None, None], [None, None, 5, 1]]
    problem = made([3, 3], [1, 1], [3, 3, 3, 3], times, held=[(0, 0, 3), (1, 2, 3)])
    for changed in ([False, False], [False, True], [True, True]):
        one = Transport(**{**vars(problem), "changed": np.array(changed)})
        flow = best(one, nearest=4, seconds=60).flows.pairs.tolist()
        assert flow == [3, 0, 3, 0]  # nobody is moved for time alone
    lost = Transport(**{**vars(problem), "changed": np.array([False, False])})
    lost = Transport(**{**vars(lost), "capacity": np.array([0, 3, 3, 3])})
    assert best(lost, nearest=4, seconds=60).flows.pairs.tolist() == [0, 3, 3, 0]


# --- pairs ------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(106, 107), st.floats(-7, -6)), min_size=1, max_size=12),
    st.lists(st.tuples(st.floats(106, 107), st.floats(-7, -6)), min_size=1, max_size=12),
    st.floats(0, 90),
    st.integers(1, 12),
)
def test_pairs_are_those_within_reach_and_the_nearest_are_kept(here, there, minutes, most):
    a, b = (unit_vectors(*np.array(p).T) for p in (here, there))
    pairs = straight_pairs(a, b, minutes=np.full(len(here), minutes), minutes_per_km=2.0, most=most)
    from risk.sphere import km_of_chord

    for i in range(len(here)):
        time = km_of_chord(np.linalg.norm(b - a[i], axis=1)) * 2.0
        got = pairs.there[pairs.start[i] : pairs.start[i + 1]]
        sure = np.flatnonzero(time <= minutes - 1e-6)
        if sure.size <= most:
            assert set(sure) <= set(got.tolist())
        assert (time[got] <= minutes + 1e-6).all()
        assert (np.diff(got) > 0).all()


def test_places_that_are_not_known_have_no_pairs():
    a = unit_vectors([np.nan, 107.0], [np.nan, -7.0])
    pairs = straight_pairs(a, a, minutes=np.array([9.0, 9.0]), minutes_per_km=1.0, most=9)
    assert (pairs.start.tolist(), pairs.there.tolist()) == ([0, 0, 1], [1])


def test_components_are_numbered_by_their_first_member():
    pairs = Pairs(np.array([0, 1, 2, 3]), np.array([2, 0, 2]), np.zeros(3, np.int64))
    assert components(pairs.start, pairs.there, 3).tolist() == [0, 1, 0]


def test_optimum_of_many_parts_is_the_sum_of_its_parts(monkeypatch):
    rng = np.random.default_rng(5)
    times = [[int(t) if k // 5 == i // 5 else None for k, t in enumerate(rng.integers(0, 99, 30))]
             for i in range(30)]  # fmt: skip
    problem = made(rng.integers(1, 50, 30), rng.integers(1, 5, 30), rng.integers(0, 40, 30), times)
    together = best(problem, nearest=9, seconds=60)
    monkeypatch.setattr(optimum, "_TOGETHER", 1)
    apart = best(problem, nearest=9, seconds=60)
    assert together.parts == apart.parts
    assert left_by_class(problem, together.flows.left) == left_by_class(problem, apart.flows.left)
    paid = [int(found.flows.pairs @ problem.cost) for found in (together, apart)]
    assert paid[0] == paid[1]
