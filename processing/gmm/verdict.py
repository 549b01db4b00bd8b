"""What was asked for of the agreement with BMKG's maps, and what is found; each event counts alike.

The bounds are the project's own, set before the maps were computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from processing.gmm.judged import WITHIN_KM
from processing.gmm.report import magnitude_depth

if TYPE_CHECKING:
    import pandas as pd

ABSOLUTE = (("M 5 and more", 5.0, 10.0, 0.25), ("M 4 to 5", 4.0, 5.0, 0.35))
"""Magnitudes from and to, and the largest mean absolute difference, MMI."""
BIAS = 0.15
"""MMI, of the mean of any class of magnitude and depth ..."""
LEAST_EVENTS = 5
"""... with at least so many events."""
OF_CELLS = {"all": "all cells", "shaken": "MMI 2 and more"}


@dataclass(frozen=True)
class Found:
    """One bound on some events and cells."""

    asked: str
    bound: float
    events: str
    cells: str
    count: int
    """Events, or classes."""
    value: float | None
    """None: nothing to judge."""
    where: str = ""

    @property
    def met(self) -> bool:
        return self.value is None or abs(self.value) <= self.bound


def asked(found: pd.DataFrame) -> list[Found]:
    """Each bound on held-out real quakes, and on all held-out maps, exercises with them.

    Args:
        found: rows of `judged.table`.
    """
    near = found[(found["from"] == 0) & (found["to"] == WITHIN_KM) & found["held_out"]]
    events: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "real": lambda rows: rows[rows["kind"] == "real"],
        "all": lambda rows: rows,
    }
    return [
        one
        for name, choose in events.items()
        for cells in OF_CELLS
        for one in _of(choose(near[near["cells"] == cells]), name, cells)
    ]


def _of(rows: pd.DataFrame, events: str, cells: str) -> list[Found]:
    results = []
    for words, low, high, bound in ABSOLUTE:
        part = rows[(rows["magnitude"] >= low) & (rows["magnitude"] < high)]
        value = float(part["merged_abs"].mean()) if len(part) else None
        results.append(Found(f"mean absolute, {words}", bound, events, cells, len(part), value))
    results.append(_bias(rows, events, cells))
    return results


def _bias(rows: pd.DataFrame, events: str, cells: str) -> Found:
    words = f"largest mean of a class of {LEAST_EVENTS} events and more"
    means = rows.groupby(rows.apply(magnitude_depth, axis=1))["merged_mean"] if len(rows) else None
    classes = {} if means is None else {k: v.mean() for k, v in means if len(v) >= LEAST_EVENTS}
    if not classes:
        return Found(words, BIAS, events, cells, 0, None)
    worst = max(sorted(classes), key=lambda name: abs(classes[name]))
    return Found(words, BIAS, events, cells, len(classes), float(classes[worst]), worst)


def met(found: Sequence[Found]) -> bool:
    return all(one.met for one in found)


def verdict(found: Sequence[Found]) -> str:
    """A table in Markdown."""
    lines = [
        f"### Asked for, held out, within {WITHIN_KM:g} km\n\n",
        "| asked for, MMI | at most | events | cells | how many | found | |\n",
        "|---|--:|---|---|--:|---|---|\n",
    ]
    for one in found:
        value = "nothing to judge" if one.value is None else f"{one.value:.3f}"
        where = f" ({one.where})" if one.where else ""
        end = "" if one.value is None else ("met" if one.met else "NOT MET")
        lines.append(
            f"| {one.asked} | {one.bound:.2f} | {one.events} | {OF_CELLS[one.cells]} | "
            f"{one.count} | {value}{where} | {end} |\n"
        )
    return "".join(lines)
