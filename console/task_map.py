"""A small map of some tasks as SVG: a few hundred bytes a task, nothing to download."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from notify.tasks.export.scale import Scale
from notify.tasks.mine import MyTask

WIDTH, HEIGHT, MARGIN = 320, 220, 18
_MOST_POINTS = 24
"""Of a way: enough for the eye."""


@dataclass(frozen=True)
class Spot:
    x: float
    y: float
    label: str
    level: int


@dataclass(frozen=True)
class TaskMap:
    width: int
    height: int
    villages: tuple[Spot, ...]
    shelters: tuple[Spot, ...]
    ways: tuple[str, ...]
    """`points` of polylines."""
    km: float
    """Length of the bar."""
    bar: float
    """The same in pixels."""


def task_map(tasks: Sequence[MyTask]) -> TaskMap | None:
    """The villages, and where their people go; None where no place is known. North is up."""
    places = [t for t in tasks if math.isfinite(t.latitude) and math.isfinite(t.longitude)]
    lines = [leg["line"] for task in places for leg in task.legs if leg.get("line")]
    points = [(t.longitude, t.latitude) for t in places]
    points += [(x, y) for line in lines for x, y in line]
    if not points:
        return None
    scale = Scale.of(points, width=WIDTH, height=HEIGHT, margin=MARGIN)
    return TaskMap(
        WIDTH, HEIGHT,
        villages=tuple(
            Spot(*scale.at(t.longitude, t.latitude), t.task_id, t.level) for t in places
        ),
        shelters=tuple(Spot(*scale.at(*line[-1]), "", 0) for line in lines),
        ways=tuple(_polyline(scale, line) for line in lines),
        km=scale.bar_km, bar=scale.bar_km * scale.per_km,
    )  # fmt: skip


def _polyline(scale: Scale, line: Sequence[Sequence[float]]) -> str:
    step = max(1, len(line) // _MOST_POINTS)
    kept = [*line[:-1:step], line[-1]]
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in (scale.at(*point) for point in kept))
