"""Rain rate of a frame of brightness temperature: the Auto-Estimator's curve, and what dims it.

Vicente, Scofield & Menzel (1998) take rain only where a top has cooled since the frame before
(growth), and less where it is not colder than its surroundings (gradient): anvils and cirrus are
cold and dry. Here both are weights instead of masks; their figures are ours, and unconfirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from processing.rain.parallax import HIMAWARI, Orbit, corrected
from processing.rain.rates import Method, bounded_rate

Grid2 = npt.NDArray[np.float32]

METHOD = "auto-estimator-weighted/1"
LOW_METHOD = f"{Method.IMSRA}"
"""Of the low bound."""


class RetrievalRules(BaseModel):
    """`[retrieval]` of a rain policy; every figure is ours and unconfirmed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warming_k_10min: float = Field(default=4.0, gt=0)
    """Warming at which the weight of growth is at its floor."""
    growth_floor: float = Field(default=0.15, ge=0, le=1)
    surroundings_cells: int = Field(default=12, ge=2)
    """Radius that a top is held against: about 25 km at 0.02 degrees."""
    gradient_k: float = Field(default=12.0, gt=0)
    """So much colder than its surroundings, a place rains by the whole curve."""
    gradient_floor: float = Field(default=0.1, ge=0, le=1)
    lapse_k_km: float = Field(default=6.5, gt=0)
    """Mean fall of temperature with height in the tropics."""
    surface_k: float = 300.0
    highest_top_km: float = Field(default=17.0, gt=0)
    """The tropical tropopause."""
    cloud_below_k: float = 273.0
    """Warmer than that, the ground may be seen: nothing is moved."""


DEFAULT_RULES = RetrievalRules()


@dataclass(frozen=True)
class Retrieved:
    """Rates in mm/h, shape of the frame; NaN: not known."""

    rate: Grid2
    low: Grid2
    """IMSRA, never above `rate`'s curve: what it rains at least if it rains."""
    grew: bool
    """Whether a frame before told of growth; without it the weight lies halfway."""


def retrieve(
    now: Grid2,
    before: Grid2 | None = None,
    *,
    minutes: float = 10.0,
    rules: RetrievalRules = DEFAULT_RULES,
) -> Retrieved:
    """Rain rate where the satellite sees it (see `moved` for where it is).

    Args:
        now: brightness temperature of the window band (10.4 um), K, shape (rows, columns).
        before: the frame `minutes` earlier on the same grid; None: there is none.

    Raises:
        ValueError: frames of two shapes, or temperatures that are no kelvin.
    """
    _require_kelvin(now)
    if before is not None and before.shape != now.shape:
        raise ValueError(f"frames of shapes {before.shape} and {now.shape}: expected one grid")
    weight = _growth(now, before, minutes, rules) * _gradient(now, rules)
    curve = bounded_rate(now.astype(float), Method.AUTO_ESTIMATOR)
    rate = (curve * weight).astype(np.float32)
    low = np.minimum(bounded_rate(now.astype(float), Method.IMSRA) * weight, rate)
    return Retrieved(rate, low.astype(np.float32), before is not None)


def _require_kelvin(field: Grid2) -> None:
    """150 to 350 K holds every top and every ground on Earth.

    Raises:
        ValueError: most of the field lies outside, as degrees Celsius or counts would.
    """
    known = field[np.isfinite(field)]
    if known.size and np.mean((known < 150) | (known > 350)) > 0.01:
        raise ValueError(
            f"brightness temperature from {known.min():.1f} to {known.max():.1f}: expected kelvin, "
            "150 to 350; is it degrees Celsius, or are fill values left in?"
        )


def _growth(now: Grid2, before: Grid2 | None, minutes: float, rules: RetrievalRules) -> Grid2:
    """1 where the top cooled, down to the floor where it warmed; halfway where not known."""
    halfway = np.float32((1 + rules.growth_floor) / 2)
    if before is None:
        return np.full(now.shape, halfway)
    warming = (now - before) * np.float32(10.0 / minutes)
    share = 1 - (1 - rules.growth_floor) * np.clip(warming / rules.warming_k_10min, 0, 1)
    return np.where(np.isfinite(warming), share, halfway).astype(np.float32)


def _gradient(now: Grid2, rules: RetrievalRules) -> Grid2:
    """1 where the place is much colder than its surroundings, the floor where it is no colder."""
    known = np.isfinite(now).astype(np.float32)
    size = (2 * rules.surroundings_cells + 1,) * 2
    share = cv2.blur(known, size, borderType=cv2.BORDER_CONSTANT)
    total = cv2.blur(np.nan_to_num(now, nan=0.0), size, borderType=cv2.BORDER_CONSTANT)
    mean = total / np.maximum(share, np.float32(1e-6))
    colder = np.clip((mean - now) / np.float32(rules.gradient_k), 0, 1)
    weight: Grid2 = (rules.gradient_floor + (1 - rules.gradient_floor) * colder).astype(np.float32)
    return weight


def top_km(temperature: Grid2, rules: RetrievalRules = DEFAULT_RULES) -> Grid2:
    """Height of the top by a constant lapse rate, km; NaN where no cloud is told."""
    height = np.minimum(
        (rules.surface_k - temperature) / rules.lapse_k_km, rules.highest_top_km
    ).astype(np.float32)
    return np.where(temperature < rules.cloud_below_k, height, np.float32(np.nan))


def moved(
    field: Grid2,
    temperature: Grid2,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    *,
    orbit: Orbit = HIMAWARI,
    rules: RetrievalRules = DEFAULT_RULES,
) -> Grid2:
    """One field at the places below the tops; see `moved_together`."""
    return moved_together((field,), temperature, latitude, longitude, orbit=orbit, rules=rules)[0]


def moved_together(
    fields: Sequence[Grid2],
    temperature: Grid2,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    *,
    orbit: Orbit = HIMAWARI,
    rules: RetrievalRules = DEFAULT_RULES,
) -> list[Grid2]:
    """Fields at the places below the tops, on the same grid; the line of sight is followed once.

    Where two tops come down on one cell the higher one counts; a cell that a top has left and
    none has come to takes what the satellite sees there least high: it was hidden, and the
    field there is 0 if the view to it was known, else not known.

    Args:
        fields: what is seen (rain rate, its bound), each of the shape of the frame.
        temperature: of the same cells, K.
        latitude, longitude: cell centres, degrees, ascending, regular.
    """
    height = top_km(temperature, rules)
    cloud = np.isfinite(height)
    rows, columns = np.nonzero(cloud)
    lifted = height[rows, columns]
    to_longitude, to_latitude = corrected(
        longitude[columns], latitude[rows], lifted.astype(float), orbit
    )
    to_row = _place(to_latitude, latitude)
    to_column = _place(to_longitude, longitude)
    inside = (to_row >= 0) & (to_row < len(latitude))
    inside &= (to_column >= 0) & (to_column < len(longitude))
    order = np.argsort(lifted[inside], kind="stable")
    source = rows[inside][order], columns[inside][order]
    target = to_row[inside][order], to_column[inside][order]
    reached = ~cloud
    reached[target] = True
    seen = np.isfinite(temperature)
    out = []
    for field in fields:
        there = np.where(cloud, np.float32(0), field).astype(np.float32)
        there[target] = field[source]
        there = _without_gaps(there, reached)
        out.append(np.where(seen | (there > 0), there, np.float32(np.nan)))
    return out


def _without_gaps(field: Grid2, reached: npt.NDArray[np.bool_]) -> Grid2:
    """Single cells that no top came down on, between tops that did, take a neighbour's rain."""
    closed = cv2.morphologyEx(
        np.nan_to_num(field, nan=0.0), cv2.MORPH_CLOSE, np.ones((3, 3), dtype=np.uint8)
    )
    return np.where(reached, field, closed).astype(np.float32)


def _place(degrees: npt.NDArray[np.float64], axis: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    with np.errstate(invalid="ignore"):
        place = np.rint((degrees - axis[0]) / step)
    return np.where(np.isfinite(place), place, -1.0).astype(np.intp)
