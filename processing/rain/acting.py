"""What acting at a probability brings: `python -m processing.rain.acting`.

On made-up afternoons (`processing.rain.synthetic`), seen through our own chain: a cell of 11 km is
warned where the field has level 2 ahead and its probability exceeds a limit, and it was right if
10 mm fell in an hour of the three that follow. Value after Richardson (2000), Q. J. R. Meteorol.
Soc. 126, 649-667, eq. 8: 1 is perfect, 0 no better than the better of always and never.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from processing.rain import product
from processing.rain.calibrate import Curve
from processing.rain.ensemble import coarsened
from processing.rain.policy import RainPolicy, rain_policy
from processing.rain.product import Observed
from processing.rain.skill import STARTS, TEST, calibration, observed
from processing.rain.synthetic import STEP_MINUTES, Afternoon, afternoon

Bools = npt.NDArray[np.bool_]
LIMITS = (0.05, 0.1, 0.2, 0.3, 0.5)
RATIO = 0.2
"""Cost over loss that the value is told for: the default of Waspada."""
_HOUR = round(60 / STEP_MINUTES)
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Found:
    """Counts of cells for one limit."""

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    right_silence: int = 0

    def add(self, said: Bools, came: Bools) -> None:
        self.hits += int((said & came).sum())
        self.misses += int((~said & came).sum())
        self.false_alarms += int((said & ~came).sum())
        self.right_silence += int((~said & ~came).sum())

    @property
    def pod(self) -> float:
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def far(self) -> float:
        return self.false_alarms / max(self.hits + self.false_alarms, 1)

    def value(self, ratio: float) -> float:
        """Of acting on these warnings, for a user of that ratio of cost to loss."""
        came, total = self.hits + self.misses, self.right_silence + self.false_alarms
        base = came / max(came + total, 1)
        false = self.false_alarms / max(total, 1)
        gained = (
            min(ratio, base) - false * ratio * (1 - base) + self.pod * base * (1 - ratio) - base
        )
        return gained / (min(ratio, base) - base * ratio)


def measured(
    seeds: Sequence[int] = TEST,
    limits: Sequence[float] = LIMITS,
    curve: Curve | None = None,
    policy: RainPolicy | None = None,
) -> dict[float, Found]:
    """Counts by limit; only cells that no observed level warns already."""
    curve, policy = curve or calibration(), policy or rain_policy()
    found = {limit: Found() for limit in limits}
    for seed in seeds:
        day = afternoon(seed)
        for start in STARTS:
            _one(found, day, start, curve, policy, seed)
    return found


def _one(
    found: dict[float, Found], day: Afternoon, start: int, curve: Curve, policy: RainPolicy,
    seed: int,
) -> None:  # fmt: skip
    rates = [observed(day, k, curve) for k in range(start - _HOUR, start + 1)]
    hour = np.stack(rates)[1:].mean(axis=0)
    seen = Observed(_AT, tuple(rates[-3:]), {1: hour})
    levels, chance = product.levels(seen, product.outlook(seen, policy.nowcast, seed=seed), policy)
    cells, edge = policy.nowcast.ensemble.cells, policy.levels.rain_mm[1][1]
    there = _any(np.max([lv for lead, lv in levels.items() if lead], axis=0) >= 2, cells)
    already = _any(levels[0] >= 2, cells)
    known = np.isfinite(coarsened(np.asarray(chance, dtype=np.float32), cells))
    after = day.rain[start + 1 : start + 1 + policy.nowcast.steps]
    came = np.zeros(there.shape, dtype=bool)
    for end in range(_HOUR, len(after) + 1):
        came |= coarsened(after[end - _HOUR : end].mean(axis=0), cells) >= edge
    likely = coarsened(np.nan_to_num(np.asarray(chance, dtype=np.float32)), cells)
    judged = known & ~already
    for limit, counts in found.items():
        counts.add((there & (likely > limit))[judged], came[judged])


def _any(field: Bools, cells: int) -> Bools:
    """Whether any cell of each block is set."""
    some: Bools = coarsened(field.astype(np.float32), cells) > 0
    return some


def table(found: dict[float, Found]) -> str:
    """Markdown: one line a limit."""
    lines = [
        f"| acted on above | warned | POD | FAR | value at cost-loss {RATIO:g} |",
        "|--:|--:|--:|--:|--:|",
    ]
    for limit, c in found.items():
        lines.append(
            f"| {limit:.0%} | {c.hits + c.false_alarms} | {c.pod:.2f} | {c.far:.2f} "
            f"| {c.value(RATIO):.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    sys.stdout.write(table(measured()) + "\n")


if __name__ == "__main__":
    main()
