"""Proof that a plan is the best one: node prices, worked out apart from the solver.

A flow is of least cost if and only if its residual graph has node prices under which no arc has a
negative reduced cost (Ahuja, Magnanti and Orlin 1993, Network Flows, theorem 9.3). Prices are the
shortest ways to the sink (Bellman-Ford). The dual objective that they give is compared with the
flow's own cost, in whole numbers of any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kentongan.compiled import jit
from risk.evacuation.pairs import I64
from risk.evacuation.transport import Gaps, Transport

_FAR = 2**61


@dataclass(frozen=True, eq=False)
class Flows:
    """Whole flows of a problem: on its pairs, on its held places, and left over."""

    pairs: I64
    held: I64
    left: I64

    def used(self, problem: Transport) -> I64:
        """How much of each place is taken, shape (m,)."""
        used = np.zeros(problem.capacity.size, np.int64)
        np.add.at(used, problem.pairs.there, self.pairs)
        np.add.at(used, problem.held.there, self.held)
        return used


@dataclass(frozen=True, eq=False)
class Costs:
    """What each arc of a problem costs, in one currency (`Gaps`)."""

    pairs: I64
    held: I64
    left: I64
    tier: I64

    @classmethod
    def of(cls, problem: Transport, held_pair: I64) -> Costs:
        gaps = Gaps.of(problem)
        return cls(
            problem.cost,
            problem.cost[held_pair] - gaps.move,
            gaps.of_left(problem.left),
            problem.tier * gaps.tier,
        )


@dataclass(frozen=True, eq=False)
class Prices:
    """`here` of each source, `there` of each place; `sound`: no arc refutes them."""

    here: I64
    there: I64
    sound: bool


def prices(problem: Transport, costs: Costs, flows: Flows, looked_at: NDArray[np.bool_]) -> Prices:
    """Prices of the flow on the pairs that were looked at; not sound where it is not the best."""
    part = problem.pairs.kept(looked_at)
    last = _last_ways(problem)
    used = flows.used(problem)
    n, m = problem.supply.size, problem.capacity.size
    price = np.full(n + m, _FAR, np.int64)
    open_left = (flows.left < problem.left.cap) | last
    np.minimum.at(price, problem.left.owner[open_left], costs.left[open_left])
    free = used < problem.capacity
    price[n:][free] = costs.tier[free]
    settled = _relax(
        price, n, part.start, part.there, costs.pairs[looked_at], flows.pairs[looked_at],
        problem.held.here, problem.held.there, costs.held, flows.held, problem.held.amount,
    )  # fmt: skip
    here, there = price[:n], price[n:]
    taken = flows.left > 0
    sound = bool(
        settled
        and (here[problem.left.owner[taken]] >= costs.left[taken]).all()
        and (there[used > 0] >= costs.tier[used > 0]).all()
    )
    return Prices(here, there, sound)


def refuted(problem: Transport, costs: Costs, found: Prices, *, most: int) -> NDArray[np.bool_]:
    """Pairs of the whole problem that would make the plan better, or might: those that would do
    most, for each source so many (and their equals)."""
    pairs = problem.pairs
    return np.asarray(
        _refuted(pairs.start, pairs.there, costs.pairs, found.here, found.there, most)
    )


def conserved(problem: Transport, flows: Flows) -> bool:
    """Everybody is placed or left over, once; no place is given twice."""
    out = np.zeros(problem.supply.size, np.int64)
    np.add.at(out, problem.pairs.here, flows.pairs)
    np.add.at(out, problem.held.here, flows.held)
    np.add.at(out, problem.left.owner, flows.left)
    positive = all(int(part.min(initial=0)) >= 0 for part in vars(flows).values())
    within = (flows.used(problem) <= problem.capacity).all()
    return bool(positive and within and (out == problem.supply).all())


def primal(costs: Costs, flows: Flows, problem: Transport) -> int:
    """What the flow costs."""
    return (
        _dot(costs.pairs, flows.pairs)
        + _dot(costs.held, flows.held)
        + _dot(costs.left, flows.left)
        + _dot(costs.tier, flows.used(problem))
    )


def dual(problem: Transport, costs: Costs, found: Prices) -> int:
    """The least that any flow costs, as these prices prove it."""
    left, held = problem.left, problem.held
    bounded = ~_last_ways(problem)
    over_left = np.maximum(found.here[left.owner] - costs.left, 0)
    over_held = np.maximum(found.here[held.here] - found.there[held.there] - costs.held, 0)
    return (
        _dot(problem.supply, found.here)
        - _dot(problem.capacity, np.maximum(found.there - costs.tier, 0))
        - _dot(left.cap[bounded], over_left[bounded])
        - _dot(held.amount, over_held)
    )


def _last_ways(problem: Transport) -> NDArray[np.bool_]:
    """Of each source the dearest way to be left over, which takes any number."""
    left = problem.left
    order = np.lexsort((left.rank, left.class_, left.owner))
    last = np.zeros(left.owner.size, np.bool_)
    owner = left.owner[order]
    last[order] = np.append(owner[1:] != owner[:-1], np.ones(min(owner.size, 1), np.bool_))
    return last


def _dot(a: I64, b: I64) -> int:
    some = (a != 0) & (b != 0)
    return sum(x * y for x, y in zip(a[some].tolist(), b[some].tolist(), strict=True))


@jit
def _refuted(
    start: I64, there: I64, cost: I64, price: I64, other: I64, most: int
) -> NDArray[np.bool_]:
    found = np.zeros(there.size, np.bool_)
    for i in range(start.size - 1):
        low, high = start[i], start[i + 1]
        gain = np.empty(high - low, np.int64)
        count = 0
        for k in range(low, high):
            better = price[i] - other[there[k]] - cost[k]
            if better > 0:
                gain[count] = better
                count += 1
        if count == 0:
            continue
        least = 1
        if count > most:
            least = np.partition(gain[:count], count - most)[count - most]
        for k in range(low, high):
            found[k] = price[i] - other[there[k]] - cost[k] >= least
    return found


@jit
def _relax(
    price: I64,
    n: int,
    start: I64,
    there: I64,
    cost: I64,
    flow: I64,
    held_here: I64,
    held_there: I64,
    held_cost: I64,
    held_flow: I64,
    held_cap: I64,
) -> bool:
    """Shorten the ways until none gets shorter; False where they never end (a negative cycle)."""
    far = 2**60
    for _ in range(price.size + 2):
        changed = False
        for i in range(n):
            best = price[i]
            for k in range(start[i], start[i + 1]):
                way = cost[k] + price[n + there[k]]
                if way < best:
                    best = way
            if best < price[i]:
                price[i] = best
                changed = True
            if price[i] >= far:
                continue
            for k in range(start[i], start[i + 1]):
                if flow[k] > 0 and price[i] - cost[k] < price[n + there[k]]:
                    price[n + there[k]] = price[i] - cost[k]
                    changed = True
        for k in range(held_here.size):
            i, j = held_here[k], n + held_there[k]
            if held_flow[k] < held_cap[k] and price[j] < far and price[j] + held_cost[k] < price[i]:
                price[i] = price[j] + held_cost[k]
                changed = True
            if held_flow[k] > 0 and price[i] < far and price[i] - held_cost[k] < price[j]:
                price[j] = price[i] - held_cost[k]
                changed = True
        if not changed:
            return True
    return False
