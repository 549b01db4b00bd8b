"""A retrieval held against rain that was measured: monotone, by region and local hour.

Quantile matching: the p-th quantile of the retrieval is taken for the p-th quantile of the
reference, between them by a monotone cubic (Fritsch & Butland 1984, as scipy's PCHIP). Beside the
central value stand the 10th and 90th percentile of the reference among samples alike: one number
would claim too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError

Floats = npt.NDArray[np.float64]

LEAST_SAMPLES = 200
"""Fewer pairs say nothing about the wet end, which is what warnings are about."""
_LEVELS = np.concatenate(
    [np.arange(0.0, 0.9, 0.05), np.arange(0.9, 0.9951, 0.005), [0.998, 0.999, 0.9995, 0.9999]]
)
LEAST_IN_BIN = 30
"""Samples above the last knot, and of each band: the wet end is rare, and what counts."""


@dataclass(frozen=True)
class Curve:
    """Knots of one calibration, mm/h, all ascending."""

    ours: Floats
    central: Floats
    p10: Floats
    p90: Floats
    samples: int

    def apply(self, rate: Floats) -> tuple[Floats, Floats, Floats]:
        """p10, p50 and p90 of the rain, mm/h; beyond the last knot a millimetre is one."""
        low, central, high = (
            _read(self.ours, knots, rate) for knots in (self.p10, self.central, self.p90)
        )
        # Between knots the three curves may cross by a little.
        return np.minimum(low, central), central, np.maximum(high, central)


def fit(ours: Floats, reference: Floats) -> Curve:
    """One curve from matched samples.

    Args:
        ours, reference: rates of the same places and times, mm/h, any order; pairs with a NaN
            are left out.

    Raises:
        DataError: fewer than 200 pairs, or none with rain.
    """
    known = np.isfinite(ours) & np.isfinite(reference)
    x, y = ours[known], reference[known]
    if x.size < LEAST_SAMPLES or not (x > 0).any():
        raise DataError(
            f"{x.size} matched samples, {int((x > 0).sum())} with rain: expected at least "
            f"{LEAST_SAMPLES}; without a calibration the retrieval stays marked uncalibrated"
        )
    most = 1 - LEAST_IN_BIN / x.size
    told = np.array([level for level in _LEVELS if level <= most])
    knots = np.unique(np.quantile(x, told))
    level = np.searchsorted(np.sort(x), knots, side="right") / x.size
    central = np.maximum.accumulate(np.quantile(y, np.clip(level, 0, 1)))
    central[knots <= 0] = 0.0  # where the retrieval is dry, the centre stays dry
    low, high = _bands(x, y, knots)
    return Curve(knots, central, np.minimum(low, central), np.maximum(high, central), int(x.size))


def _bands(x: Floats, y: Floats, knots: Floats) -> tuple[Floats, Floats]:
    """10th and 90th percentile of the reference among samples of alike rank, at each knot."""
    parts = [part for part in (np.flatnonzero(x <= 0), *_halves(x)) if part.size]
    middle = np.array([np.median(x[p]) for p in parts])
    bands = [np.array([np.quantile(y[p], q) for p in parts]) for q in (0.1, 0.9)]
    low, high = (np.maximum.accumulate(np.interp(knots, middle, b)) for b in bands)
    return low, high


def _halves(x: Floats) -> list[npt.NDArray[np.intp]]:
    """Samples with rain by rank: the lower half, the half of the rest, and so on to the wettest."""
    wet = np.flatnonzero(x > 0)
    left = wet[np.argsort(x[wet], kind="stable")]
    parts = []
    while left.size >= 2 * LEAST_IN_BIN:
        parts.append(left[: left.size // 2])
        left = left[left.size // 2 :]
    return [*parts, left]


def _read(knots: Floats, values: Floats, rate: Floats) -> Floats:
    from scipy.interpolate import PchipInterpolator

    if knots.size == 1:
        return np.where(np.isnan(rate), np.nan, values[0])
    inside = PchipInterpolator(knots, values)(np.clip(rate, knots[0], knots[-1]))
    # No sample was there: a ratio of the last ones would grow without bound.
    beyond = np.maximum(rate - knots[-1], 0.0)
    answer: Floats = np.where(np.isnan(rate), np.nan, inside + beyond)
    return answer


def local_hour(utc_hour: float, longitude: Floats) -> npt.NDArray[np.int64]:
    """Hour of mean solar time, 0 to 23."""
    hour: npt.NDArray[np.int64] = np.floor((utc_hour + longitude / 15.0) % 24).astype(np.int64)
    return hour
