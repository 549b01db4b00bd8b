"""The best flow of a problem: its independent parts one by one, with a proof for each.

Only the nearest pairs are given to the solver. Prices then tell which of all pairs within reach
could make the flow better; these are added until there is none, so that the proof is of the whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kentongan.compiled import jit
from risk.evacuation.certificate import (
    Costs,
    Flows,
    conserved,
    dual,
    prices,
    primal,
    refuted,
)
from risk.evacuation.pairs import I64, components
from risk.evacuation.solver import Network, SolverFailed, solve
from risk.evacuation.transport import Held, Left, Transport, fitted

_TOGETHER = 64
"""Parts of fewer sources are solved with others: one call of the solver costs a millisecond."""
_MOST_ROUNDS = 200


@dataclass(frozen=True, eq=False)
class Optimum:
    """Attributes:
    flows: whole numbers on every pair (`held` is part of them), and who is left over.
    proven: by prices, over every pair.
    gap: at most so many more could be placed; 0 where proven.
    parts: independent parts of the problem.
    cost, bound: of the proven parts; equal where the proof holds.
    """

    flows: Flows
    proven: bool
    gap: int
    parts: int
    cost: int
    bound: int


def best(problem: Transport, *, nearest: int, seconds: float) -> Optimum:
    """The flow of least cost, and its proof.

    Args:
        nearest: pairs of each source that are tried first.
        seconds: after so many the parts that are left are filled by the shortest pair first, and
            `gap` says how far that may be off. An answer that took less depends on no clock.

    Raises:
        SolverFailed: a flow does not stand its proof.
    """
    # A duration, not the time of day: nothing but giving up depends on it.
    until = time.monotonic() + seconds
    flows = Flows(*(np.zeros(a.size, np.int64) for a in (
        problem.cost, problem.held.amount, problem.left.cap)))  # fmt: skip
    gap, cost, bound, proven, count = 0, 0, 0, True, 0
    for part in _parts(problem):
        count += part.components
        held = _stays(part.problem)
        if held is not None:
            part.put(flows, held)
            continue
        found = _solved(part.problem, nearest, until)
        if found is None:
            greedy = shortest_first(part.problem)
            gap += _could_be_more(part.problem, greedy)
            proven = False
            part.put(flows, greedy)
            continue
        got, paid, least = found
        part.put(flows, got)
        cost, bound = cost + paid, bound + least
    return Optimum(flows, proven, gap, count, cost, bound)


def _with_lost(problem: Transport) -> Transport:
    """What is held where nobody can go any more is a change of its source."""
    if problem.changed is None:
        return problem
    same = np.arange(max(problem.supply.size, problem.capacity.size, 1))
    pairs = problem.pairs
    known = _pair_numbers(pairs.start, pairs.there, same, same, problem.held)
    changed = problem.changed.copy()
    lost = (known < 0) | (problem.capacity[problem.held.there] == 0)
    changed[problem.held.here[lost]] = True
    return replace(problem, changed=changed)


@dataclass(frozen=True, eq=False)
class _Part:
    problem: Transport
    components: int
    pairs: I64
    held: I64
    left: I64

    def put(self, whole: Flows, own: Flows) -> None:
        """Write the flow of this part; what stays where it was held is in `pairs` too."""
        whole.pairs[self.pairs], whole.held[self.held] = own.pairs, own.held
        whole.left[self.left] = own.left
        same = np.arange(max(self.problem.supply.size, self.problem.capacity.size, 1))
        pairs = self.problem.pairs
        number = _pair_numbers(pairs.start, pairs.there, same, same, self.problem.held)
        np.add.at(whole.pairs, self.pairs[number], own.held)


def _parts(problem: Transport) -> Iterator[_Part]:
    problem = _with_lost(problem)
    usable = (problem.capacity[problem.pairs.there] > 0) & (problem.supply[problem.pairs.here] > 0)
    pairs = problem.pairs.kept(usable)
    number = components(pairs.start, pairs.there, problem.capacity.size)
    sizes = np.bincount(number)
    group = np.empty(sizes.size, np.int64)
    at, filled = 0, 0
    for k, size in enumerate(sizes.tolist()):
        group[k] = at
        filled += size
        if filled >= _TOGETHER:
            at, filled = at + 1, 0
    whole = np.flatnonzero(usable)
    alone = np.diff(pairs.start) == 0
    of_source = group[number]
    for g in range(int(group.max(initial=-1)) + 1):
        sources = np.flatnonzero(of_source == g)
        count = int(np.unique(number[sources][~alone[sources]]).size)
        yield _cut(problem, sources, whole, pairs.here, count)


def _cut(problem: Transport, sources: I64, usable: I64, here: I64, count: int) -> _Part:
    n, m = problem.supply.size, problem.capacity.size
    mine = np.zeros(n, np.bool_)
    mine[sources] = True
    chosen = usable[mine[here]]
    there = problem.pairs.there[chosen]
    places = np.unique(there)
    new_source, new_place = np.full(n, -1), np.full(m, -1)
    new_source[sources], new_place[places] = np.arange(sources.size), np.arange(places.size)
    keep = np.zeros(problem.cost.size, np.bool_)
    keep[chosen] = True
    cut = problem.pairs.kept(keep)
    start = np.concatenate([[0], np.cumsum(np.diff(cut.start)[sources])])
    pairs = type(cut)(start, new_place[there], problem.pairs.time[chosen])
    left = np.flatnonzero(mine[problem.left.owner])
    known = _pair_numbers(pairs.start, pairs.there, new_source, new_place, problem.held)
    held = np.flatnonzero(known >= 0)
    changed = problem.changed
    part = Transport(
        supply=problem.supply[sources],
        capacity=problem.capacity[places],
        tier=problem.tier[places],
        pairs=pairs,
        cost=problem.cost[chosen],
        left=Left(new_source[problem.left.owner[left]], problem.left.cap[left],
                  problem.left.class_[left], problem.left.rank[left]),
        changed=None if changed is None else changed[sources],
        held=Held(new_source[problem.held.here[held]], new_place[problem.held.there[held]],
                  problem.held.amount[held]),
    )  # fmt: skip
    return _Part(part, count, chosen, held, left)


def _pair_numbers(start: I64, there: I64, source: I64, place: I64, held: Held) -> I64:
    """Number of the pair of each held place; -1 where it is no pair any more."""
    a, b = source[held.here], place[held.there]
    known = np.flatnonzero((a >= 0) & (b >= 0))
    out = np.full(held.amount.size, -1, np.int64)
    if not known.size or not there.size:
        return out
    wide = int(there.max()) + 1
    keys = np.repeat(np.arange(start.size - 1), np.diff(start)) * wide + there
    wanted = a[known] * wide + b[known]
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    same = (keys[at] == wanted) & (b[known] < wide)
    out[known[same]] = at[same]
    return out


def _solved(problem: Transport, nearest: int, until: float) -> tuple[Flows, int, int] | None:
    same = np.arange(max(problem.supply.size, problem.capacity.size, 1))
    held_pair = _pair_numbers(problem.pairs.start, problem.pairs.there, same, same, problem.held)
    problem = fitted(problem)
    costs = Costs.of(problem, held_pair)
    looked_at = problem.pairs.nearest(nearest)
    if problem.cost.size <= 2 * nearest * problem.supply.size:
        looked_at[:] = True  # a second round would cost more than the few pairs
    looked_at[held_pair] = True
    for _ in range(_MOST_ROUNDS):
        flows = _flow(problem, costs, looked_at, until)
        if flows is None:
            return None
        found = prices(problem, costs, flows, looked_at)
        if not found.sound or not conserved(problem, flows):
            raise SolverFailed("min-cost flow: the answer does not stand its proof by prices")
        missing = refuted(problem, costs, found, most=nearest)
        if not missing.any():
            paid, least = primal(costs, flows, problem), dual(problem, costs, found)
            if paid != least:
                raise SolverFailed(f"min-cost flow: costs {paid}, but prices prove {least}")
            return flows, paid, least
        looked_at |= missing
    return None


def _flow(
    problem: Transport, costs: Costs, looked_at: NDArray[np.bool_], until: float
) -> Flows | None:
    n, m = problem.supply.size, problem.capacity.size
    total = int(problem.supply.sum())
    chosen = np.flatnonzero(looked_at)
    here, there = problem.pairs.here[chosen], problem.pairs.there[chosen]
    held, left, sink = problem.held, problem.left, n + m
    network = Network(
        tail=np.concatenate([here, held.here, left.owner, n + np.arange(m)]),
        head=np.concatenate([n + there, n + held.there, np.full(left.cap.size + m, sink)]),
        capacity=np.concatenate(
            [problem.supply[here], held.amount, left.cap, np.minimum(problem.capacity, total)]
        ),
        cost=np.concatenate([costs.pairs[chosen], costs.held, costs.left, costs.tier]),
        supply=np.concatenate([problem.supply, np.zeros(m, np.int64), [-total]]),
    )
    found = solve(network, seconds=until - time.monotonic())
    if found is None:
        return None
    on_pairs = np.zeros(problem.cost.size, np.int64)
    on_pairs[chosen] = found[: chosen.size]
    ends = np.cumsum([chosen.size, held.amount.size, left.cap.size])
    return Flows(on_pairs, found[ends[0] : ends[1]], found[ends[1] : ends[2]])


def shortest_first(problem: Transport) -> Flows:
    """Without looking ahead: the highest class first, then the shortest pair. No optimum."""
    urgent = np.zeros(problem.supply.size, np.int64)
    np.maximum.at(urgent, problem.left.owner, problem.left.class_)
    here, there = problem.pairs.here, problem.pairs.there
    tier = problem.tier[there]
    order = np.lexsort((there, here, problem.cost, tier, -urgent[here]))
    want = problem.supply.copy()
    on_pairs = _take(order, here, there, want, problem.capacity.copy())
    on_left = _left_of(problem.left, want)
    return Flows(on_pairs, np.zeros(problem.held.amount.size, np.int64), on_left)


def _stays(problem: Transport) -> Flows | None:
    """What is held, where nothing is new and it still fits."""
    if problem.changed is None or problem.changed.any():
        return None
    want = problem.supply.copy()
    np.subtract.at(want, problem.held.here, problem.held.amount)
    on_left = _left_of(problem.left, want)
    flows = Flows(np.zeros(problem.cost.size, np.int64), problem.held.amount.copy(), on_left)
    return flows if conserved(problem, flows) else None


def _left_of(left: Left, want: I64) -> I64:
    """Those who are left over, the cheapest ways first."""
    on_left = np.zeros(left.cap.size, np.int64)
    for k in np.lexsort((left.rank, left.class_, left.owner)).tolist():
        on_left[k] = min(left.cap[k], want[left.owner[k]])
        want[left.owner[k]] -= on_left[k]
    return on_left


@jit
def _take(order: I64, here: I64, there: I64, want: I64, free: I64) -> I64:
    """Fill the pairs in this order; what is taken is taken off `want` and `free`."""
    flow = np.zeros(order.size, np.int64)
    for k in order:
        some = min(want[here[k]], free[there[k]])
        flow[k] = some
        want[here[k]] -= some
        free[there[k]] -= some
    return flow


def _could_be_more(problem: Transport, flows: Flows) -> int:
    """No more can be placed than are left over and have a pair, nor than places are free."""
    left = np.zeros(problem.supply.size, np.int64)
    np.add.at(left, problem.left.owner, flows.left)
    with_pairs = np.diff(problem.pairs.start) > 0
    free = int((problem.capacity - flows.used(problem)).sum())
    return min(int(left[with_pairs].sum()), free)
