"""The problem of a plan as numbers: who is to be placed where, and what comes first.

People of villages go to places in shelters, or villages' wants of a team to teams. What is left
over is a flow of its own, so every problem has an answer, and what comes first is said by whole
costs that stand so far apart that no sum of lower ones makes up for a higher one:

1. fewest left over of the highest class (level, then vulnerable people);
2. in a new plan of old tasks: fewest of those moved that somebody holds already;
3. fairness: the largest share of a village that is left over as small as can be, in steps;
4. places of a better kind first (tier 0 before 1 before 2);
5. least time, weighted.

Fairness: the amounts that can be left over together are the bases of a polymatroid, on which a
separable convex cost of the shares has as its optimum the lexicographically fairest base
(Megiddo 1974; Fujishige 1980, Math. Oper. Res. 5, 186); here in steps of a share. An exchange along
one cycle meets each village at most once and both a first and a last place: that bounds what it
can change of each kind, and so gives the gaps below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import DataError
from risk.evacuation.pairs import I64, Pairs

_MOST_COST = 2**59
"""The solver multiplies costs by the number of nodes; int64 ends at 2**63."""


@dataclass(frozen=True, eq=False)
class Left:
    """Ways to be left over. One entry each; `rank` within a class, the fairest first.

    Attributes:
        owner: of which source; cap: how many at most; class_: 1 lowest; rank: from 0.
    """

    owner: I64
    cap: I64
    class_: I64
    rank: I64


@dataclass(frozen=True, eq=False)
class Held:
    """What is placed already and should stay: source, place, and how many."""

    here: I64
    there: I64
    amount: I64


NOTHING_HELD = Held(*(np.empty(0, np.int64) for _ in range(3)))


@dataclass(frozen=True, eq=False)
class Transport:
    """Attributes:
    supply: int64, shape (n,): how many of each source are to be placed.
    capacity: int64, shape (m,); tier: int64, shape (m,), 0 to 2.
    pairs: who can go where.
    cost: int64, of each pair, weighted time and what else ranks with it; not negative.
    """

    supply: I64
    capacity: I64
    tier: I64
    pairs: Pairs
    cost: I64
    left: Left
    held: Held = NOTHING_HELD
    changed: NDArray[np.bool_] | None = None
    """Sources of which something is new, shape (n,); a part without any stays as it is held.
    None: all."""


@dataclass(frozen=True)
class Gaps:
    """Whole costs of one step of each kind; see the module."""

    tier: int
    fair: int
    move: int
    class_: int

    @classmethod
    def of(cls, problem: Transport) -> Gaps:
        n = problem.supply.size
        dearest = int(problem.cost.max(initial=0))
        steps = int(problem.left.rank.max(initial=0)) + 1
        tier = (n + 1) * dearest + 1
        fair = (int(problem.tier.max(initial=0)) + 1) * tier
        holders = int(np.unique(problem.held.here).size)
        move = (steps + 1) * fair if holders else 0
        class_ = (holders + 1) * move + (steps + 1) * fair
        return cls(tier, fair, move, class_)

    def fit(self, problem: Transport) -> bool:
        """Whether the solver can work with them."""
        highest = int(problem.left.class_.max(initial=0)) + 1
        nodes = problem.supply.size + problem.capacity.size + 2
        return highest * self.class_ * nodes < _MOST_COST

    def of_left(self, left: Left) -> I64:
        """Cost of one who is left over, for each way."""
        return np.asarray(left.class_ * self.class_ + left.rank * self.fair, dtype=np.int64)


def fitted(problem: Transport) -> Transport:
    """The same with coarser times where the whole costs would not fit into 64 bits.

    Raises:
        DataError: they do not fit without any time either.
    """
    while not Gaps.of(problem).fit(problem):
        if not problem.cost.any():
            raise DataError(
                f"plan of {problem.supply.size} villages and {problem.capacity.size} places: "
                "too many for whole costs of 64 bits; plan fewer villages at once"
            )
        problem = replace(problem, cost=problem.cost // 2)
    return problem


def left_over(wants: list[tuple[int, int, int]], steps: int) -> Left:
    """Ways to be left over, from (owner, amount, class) in any order.

    Each amount is cut in `steps` parts of equal share.
    """
    rows: list[tuple[int, int, int, int]] = []
    for owner, amount, class_ in wants:
        cuts = [amount * k // steps for k in range(steps + 1)]
        parts = [cuts[k + 1] - cuts[k] for k in range(steps)]
        rows += [(owner, part, class_, k) for k, part in enumerate(parts) if part]
    return left_of(rows)


def left_of(rows: list[tuple[int, int, int, int]]) -> Left:
    """From (owner, cap, class, rank)."""
    table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 4)
    return Left(*(np.ascontiguousarray(column) for column in table.T))
