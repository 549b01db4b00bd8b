"""How much of the rain runs off: antecedent wetness and the curve-number method.

USDA Soil Conservation Service (1972), National Engineering Handbook, section 4; conversion of the
curve number by Hawkins et al. (1985). The constants of the conversion were not re-checked against
the paper.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

API_FACTOR_PER_DAY = 0.90
"""Kohler & Linsley (1951) give 0.85 to 0.98 (not re-checked); a default of ours in between."""
INITIAL_SHARE = 0.2
"""Share of the storage that must be filled before anything runs off (SCS 1972)."""


class Wetness(StrEnum):
    """Antecedent moisture condition of the handbook."""

    DRY = "I"
    MEAN = "II"
    WET = "III"


def api(daily_mm: Floats, factor: float = API_FACTOR_PER_DAY) -> Floats:
    """Antecedent precipitation index after each day: A = k A' + P.

    Args:
        daily_mm: rain of each day, oldest first, shape (days, …), mm. NaN: not known.

    Returns:
        Index, mm, same shape; NaN from the first day that is not known.
    """
    rain = np.asarray(daily_mm, dtype=float)
    index = np.empty_like(rain)
    before = np.zeros(rain.shape[1:])
    for day, amount in enumerate(rain):
        before = factor * before + amount
        index[day] = before
    return index


def curve_number(mean: Floats | float, wetness: Wetness) -> Floats:
    """The curve number of condition II, converted to that of `wetness` (Hawkins et al. 1985)."""
    cn = np.asarray(mean, dtype=float)
    if wetness is Wetness.DRY:
        return cn / (2.281 - 0.01281 * cn)
    if wetness is Wetness.WET:
        return cn / (0.427 + 0.00573 * cn)
    return cn


def runoff_mm(rain_mm: Floats | float, cn: Floats | float) -> Floats:
    """Direct runoff: Q = (P - 0.2 S)^2 / (P + 0.8 S) where P > 0.2 S, S = 25400 / CN - 254 mm.

    Args:
        rain_mm: rain of the event, mm.
        cn: curve number for the wetness of the day, 0 < CN <= 100.

    Raises:
        ValueError: a curve number outside that range.
    """
    number = np.asarray(cn, dtype=float)
    if np.any((number <= 0) | (number > 100)):
        raise ValueError(f"curve number {number!r}: expected above 0 and at most 100")
    rain = np.asarray(rain_mm, dtype=float)
    storage = 25_400.0 / number - 254.0
    left = np.maximum(rain - INITIAL_SHARE * storage, 0.0)
    below = rain + (1 - INITIAL_SHARE) * storage
    with np.errstate(invalid="ignore", divide="ignore"):
        runoff = np.where(left > 0, left**2 / below, 0.0)
    return np.where(np.isnan(rain), np.nan, runoff)
