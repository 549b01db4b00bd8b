"""A small map of some tasks as SVG: a few hundred bytes a task, nothing to download."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from notify.tasks.mine import MyTask

WIDTH, HEIGHT, MARGIN = 320, 220, 18
_LEAST_DEGREES = 0.02
"""About 2 km: one village is not drawn across the whole picture."""
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
    scale = _Scale.of(points)
    return TaskMap(
        WIDTH, HEIGHT,
        villages=tuple(
            Spot(*scale.at(t.longitude, t.latitude), t.task_id, t.level) for t in places
        ),
        shelters=tuple(Spot(*scale.at(*line[-1]), "", 0) for line in lines),
        ways=tuple(_polyline(scale, line) for line in lines),
        km=scale.bar_km, bar=scale.bar_km * scale.pixels_per_km,
    )  # fmt: skip


def _polyline(scale: _Scale, line: Sequence[Sequence[float]]) -> str:
    step = max(1, len(line) // _MOST_POINTS)
    kept = [*line[:-1:step], line[-1]]
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in (scale.at(*point) for point in kept))


@dataclass(frozen=True)
class _Scale:
    west: float
    north: float
    per_degree: float
    squeeze: float
    """Cosine of the latitude."""

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> _Scale:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        middle = (min(ys) + max(ys)) / 2
        squeeze = math.cos(math.radians(middle))
        wide = max((max(xs) - min(xs)) * squeeze, _LEAST_DEGREES)
        high = max(max(ys) - min(ys), _LEAST_DEGREES)
        per_degree = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
        left = (WIDTH / per_degree - (max(xs) - min(xs)) * squeeze) / 2
        above = (HEIGHT / per_degree - (max(ys) - min(ys))) / 2
        return cls(min(xs) - left / squeeze, max(ys) + above, per_degree, squeeze)

    def at(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = (longitude - self.west) * self.squeeze * self.per_degree
        return round(x, 1), round((self.north - latitude) * self.per_degree, 1)

    @property
    def pixels_per_km(self) -> float:
        return self.per_degree / 111.195

    @property
    def bar_km(self) -> float:
        """The roundest length below a third of the picture."""
        most = WIDTH / 3 / self.pixels_per_km
        power = 10 ** math.floor(math.log10(most))
        return max(step * power for step in (1, 2, 5) if step * power <= most)
