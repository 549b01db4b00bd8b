"""A made-up afternoon of storms whose rain, motion and growth are known: what methods are held to.

Cells are born, grow, rain and die within one to six hours while a smooth wind carries them; an
anvil spreads over each and outlives its rain. A satellite sees the tops where parallax puts them.
Everything follows from the seed. No figure here says how storms are in nature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from processing.rain.parallax import corrected
from processing.rain.retrieve import DEFAULT_RULES, top_km

Grid2 = npt.NDArray[np.float32]

STEP_MINUTES = 10.0
GROUND_K = 292.0
CELL_KM = 2.2


@dataclass(frozen=True)
class Afternoon:
    """A window of the base grid, rows ascending with latitude."""

    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    rain: npt.NDArray[np.float32]
    """Truth, mm/h, shape (frames, rows, columns)."""
    temperature: npt.NDArray[np.float32]
    """Brightness temperature as seen, K, same shape."""
    east: float
    north: float
    """Mean wind, cells a step."""


@dataclass(frozen=True)
class _Storm:
    row: float
    column: float
    born: float
    life: float
    peak: float
    size: float

    def strength(self, frame: float) -> float:
        """0 to 1: up within a third of its life, down in the rest."""
        age = (frame - self.born) / self.life
        if not 0 < age < 1:
            return 0.0
        return float(np.sin(np.pi * age**0.7) ** 1.5)

    def cover(self, frame: float) -> float:
        """Of the anvil: a little later, and for twice as long."""
        age = (frame - self.born - 1) / (2 * self.life)
        return 0.0 if not 0 < age < 1 else float(np.sin(np.pi * age**0.6))


def afternoon(
    seed: int,
    *,
    frames: int = 30,
    rows: int = 320,
    columns: int = 480,
    storms: int = 60,
    south: float = -8.5,
    west: float = 105.0,
) -> Afternoon:
    """Storms over a window; the same seed gives the same storms."""
    random = np.random.default_rng(seed)
    east, north = random.uniform(-3, 3), random.uniform(-1.5, 1.5)
    made = [_born(random, frames, rows, columns) for _ in range(storms)]
    latitude: npt.NDArray[np.float64] = south + 0.02 * (np.arange(rows, dtype=float) + 0.5)
    longitude: npt.NDArray[np.float64] = west + 0.02 * (np.arange(columns, dtype=float) + 0.5)
    rain = np.zeros((frames, rows, columns), dtype=np.float32)
    top = np.full((frames, rows, columns), GROUND_K, dtype=np.float32)
    for frame in range(frames):
        for storm in made:
            _draw(rain[frame], top[frame], storm, frame, east, north)
    rain[rain < 0.2] = 0
    seen = np.stack([_as_seen(one, latitude, longitude) for one in top])
    seen += random.normal(0, 0.5, seen.shape).astype(np.float32)
    return Afternoon(latitude, longitude, rain, seen, east, north)


def _born(random: np.random.Generator, frames: int, rows: int, columns: int) -> _Storm:
    return _Storm(
        row=random.uniform(-0.1, 1.1) * rows,
        column=random.uniform(-0.1, 1.1) * columns,
        born=random.uniform(-24, frames - 3),
        life=random.uniform(8, 36),
        peak=random.gamma(3.0, 11.0),
        size=random.uniform(3.5, 9.0),
    )


def _draw(rain: Grid2, top: Grid2, storm: _Storm, frame: int, east: float, north: float) -> None:
    """Add the storm's rain, and its cloud where that is colder."""
    strength, cover = storm.strength(frame), storm.cover(frame)
    if strength == 0 and cover == 0:
        return
    age = frame - storm.born
    # Each follows the wind with a drift of its own, that a mean motion cannot know.
    drift = 0.15 * np.sin(storm.row + storm.column)
    row = storm.row + (north + drift) * age
    column = storm.column + (east - drift) * age
    box = _around(row, column, 9 * storm.size, rain.shape)
    y, x = np.ogrid[box]
    away = (y - row) ** 2 + (x - column) ** 2
    rain[box] += storm.peak * strength * np.exp(-away / (2 * storm.size**2))
    depth = 60 + 35 * min(storm.peak / 45, 1.0)
    core = depth * strength * np.exp(-away / (2 * (1.3 * storm.size) ** 2))
    anvil = 0.75 * depth * cover * np.exp(-away / (2 * (2.2 * storm.size) ** 2))
    top[box] = np.minimum(top[box], GROUND_K - np.maximum(core, anvil))


def _around(row: float, column: float, reach: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    def cut(middle: float, count: int) -> slice:
        first, last = int(middle - reach), int(middle + reach) + 1
        return slice(min(max(first, 0), count), max(min(last, count), 0))

    return cut(row, shape[0]), cut(column, shape[1])


def _as_seen(
    top: Grid2, latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]
) -> Grid2:
    """The tops displaced by parallax: the apparent place of a top is sought on the grid."""
    height = top_km(top, DEFAULT_RULES)
    rows, columns = np.nonzero(np.isfinite(height))
    lifted = height[rows, columns].astype(float)
    # The way from the apparent to the true place hardly changes over its own length.
    there = corrected(longitude[columns], latitude[rows], lifted)
    apparent = 2 * longitude[columns] - there[0], 2 * latitude[rows] - there[1]
    column = np.rint((apparent[0] - longitude[0]) / 0.02).astype(int)
    row = np.rint((apparent[1] - latitude[0]) / 0.02).astype(int)
    seen = np.where(np.isfinite(height), np.float32(GROUND_K), top)
    inside = (row >= 0) & (row < len(latitude)) & (column >= 0) & (column < len(longitude))
    np.minimum.at(seen, (row[inside], column[inside]), top[rows, columns][inside])
    return seen
