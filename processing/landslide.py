"""Landslide by NASA's LHASA 1.1: wet for this place, on a slope that slides.

Kirschbaum & Stanley (2018), Satellite-based assessment of rainfall-triggered landslide hazard for
situational awareness, Earth's Future 6, 505-523; decision tree as in the program's version 1.1.1.
Percentiles must be of the same rain product as the index: products are never mixed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kentongan.hazard import LEVEL_UNKNOWN

Floats = npt.NDArray[np.float64]

DAYS = 7
WEIGHTS: Floats = 1.0 / np.arange(1, DAYS + 1, dtype=float) ** 2
"""(t + 1)^-2, t = 0 is today; the exponent was not re-checked against the paper."""


def ari7(daily_mm: Floats) -> Floats:
    """Antecedent rainfall index: the weighted mean of seven days.

    Args:
        daily_mm: shape (7, …), today first, mm a day. NaN: not known.

    Returns:
        Index, mm, shape (…); NaN where any day is not known.

    Raises:
        ValueError: another number of days.
    """
    rain = np.asarray(daily_mm, dtype=float)
    if rain.shape[0] != DAYS:
        raise ValueError(f"{rain.shape[0]} days of rain: expected {DAYS}, today first")
    index: Floats = np.tensordot(WEIGHTS / WEIGHTS.sum(), rain, axes=1)
    return index


def landslide_level(
    index_mm: Floats,
    p95_mm: Floats,
    p99_mm: Floats,
    susceptibility: npt.NDArray[np.integer],
    shaken: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int8]:
    """Level 0 to 4 of each cell; -1 where anything is not known.

    2: susceptibility 3 and more, index above the 95th percentile. 3: susceptibility 5 and above the
    95th, or 3 and more and above the 99th. 4: susceptibility 5 and above the 99th, or level 3 where
    the ground was shaken with MMI VI and more in the last seven days. The tree is LHASA's; the
    levels and the raise after shaking are ours.

    Args:
        index_mm: `ari7`, mm.
        p95_mm, p99_mm: percentiles of the same index at the same place, mm.
        susceptibility: 1 to 5; 0 or below: not known.
        shaken: cells shaken so in the last seven days; None: not known, no raise.
    """
    wet, very_wet = index_mm > p95_mm, index_mm > p99_mm
    prone, most = susceptibility >= 3, susceptibility >= 5
    level = np.where(prone & wet, 2, 0)
    level = np.where((most & wet) | (prone & very_wet), 3, level)
    level = np.where(most & very_wet, 4, level)
    if shaken is not None:
        level = np.where((level == 3) & shaken, 4, level)
    known = np.isfinite(index_mm) & np.isfinite(p95_mm) & np.isfinite(p99_mm)
    known &= susceptibility > 0
    return np.where(known, level, LEVEL_UNKNOWN).astype(np.int8)
