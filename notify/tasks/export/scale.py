"""Degrees to a small picture: north is up, a degree of longitude as wide as it is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_DEGREES = 0.02
"""About 2 km: one village is not drawn across the whole picture."""
_KM_PER_DEGREE = 111.195


@dataclass(frozen=True)
class Scale:
    """The picture's origin is its upper left corner."""

    west: float
    north: float
    per_degree: float
    squeeze: float
    """Cosine of the latitude."""
    width: float

    @classmethod
    def of(
        cls, points: Sequence[tuple[float, float]], *, width: float, height: float, margin: float
    ) -> Scale:
        """
        Args:
            points: longitude, latitude; at least one.
        """
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        squeeze = math.cos(math.radians((min(ys) + max(ys)) / 2))
        wide = max((max(xs) - min(xs)) * squeeze, LEAST_DEGREES)
        high = max(max(ys) - min(ys), LEAST_DEGREES)
        per_degree = min((width - 2 * margin) / wide, (height - 2 * margin) / high)
        left = (width / per_degree - (max(xs) - min(xs)) * squeeze) / 2
        above = (height / per_degree - (max(ys) - min(ys))) / 2
        return cls(min(xs) - left / squeeze, max(ys) + above, per_degree, squeeze, width)

    def at(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = (longitude - self.west) * self.squeeze * self.per_degree
        return round(x, 1), round((self.north - latitude) * self.per_degree, 1)

    @property
    def per_km(self) -> float:
        return self.per_degree / _KM_PER_DEGREE

    @property
    def bar_km(self) -> float:
        """The roundest length below a third of the picture."""
        most = self.width / 3 / self.per_km
        power = 10 ** math.floor(math.log10(most))
        return float(max(step * power for step in (1, 2, 5) if step * power <= most))
