"""Likelihood by impact, and when acting pays: arrays in, arrays out.

The matrix has the form of BMKG's impact-based forecast and of WMO-No. 1150. Cost-loss: A. H.
Murphy (1977), Mon. Wea. Rev. 105, 803-816; D. S. Richardson (2000), Q. J. R. Meteorol. Soc. 126,
649-667.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.decision_policy import CostLoss, DecisionPolicy, LikelihoodRules, MatrixRules
from kentongan.errors import DataError

Ints = NDArray[np.int8]
Floats = NDArray[np.float64]


def likelihood_class(probability: Floats, rules: LikelihoodRules) -> Ints:
    """Column of the matrix for each probability (0..1); NaN is `when_not_known`.

    Raises:
        DataError: a probability outside 0..1.
    """
    known = ~np.isnan(probability)
    wrong = known & ((probability < 0) | (probability > 1))
    if wrong.any():
        raise DataError(
            f"probability: expected 0 to 1 or NaN, found {probability[wrong][0]} in "
            f"{int(wrong.sum())} of {probability.size} villages; percent must be divided by 100"
        )
    found = np.searchsorted(np.asarray(rules.edges), np.where(known, probability, 0), side="right")
    return np.where(known, found, int(rules.unknown)).astype(np.int8)


def impact_class(hazard_level: Ints, shift: Ints) -> Ints:
    """1..4 where there is any hazard, else 0. `shift` in classes."""
    shifted = np.clip(hazard_level.astype(np.int16) + shift, 1, 4)
    return np.where(hazard_level > 0, shifted, 0).astype(np.int8)


def matrix_level(impact: Ints, likelihood: Ints, rules: MatrixRules) -> Ints:
    """Level 0..4 of each pair; impact 0 is level 0."""
    table = np.asarray([(0, 0, 0, 0), *rules.rows], np.int8)
    return table[impact, likelihood]


def ratios_of(impact: Ints, regency: NDArray[np.str_], rules: DecisionPolicy) -> Floats:
    """C/L for each village by its impact class; NaN below class 2, which is no public word."""
    found = _by_class(rules.cost_loss)[impact]
    for code, own in rules.cost_loss_of_regency.items():
        there = regency == code
        found[there] = _by_class(own)[impact[there]]
    return found


def _by_class(ratios: CostLoss) -> Floats:
    return np.asarray([np.nan, np.nan, *ratios.ratios], np.float64)


def acts(probability: Floats, ratio: Floats) -> NDArray[np.bool_]:
    """Whether acting costs less than it saves: p > C/L. A probability that is not known acts."""
    return np.isnan(probability) | np.isnan(ratio) | (probability > ratio)


def relative_value(hit_rate: float, false_alarm_rate: float, base: float, ratio: float) -> float:
    """Value of warnings for one user: 1 as perfect ones, 0 as the climate alone, may be negative.

    V = [min(a, b) - F a (1 - b) + H b (1 - a) - b] / [min(a, b) - a b], Richardson (2000), with
    a = C/L, b = base rate, H = hit rate, F = false alarm rate (POFD).

    Raises:
        DataError: a or b is not strictly between 0 and 1, or H or F is not within 0..1.
    """
    if not (0 < base < 1 and 0 < ratio < 1):
        raise DataError(f"value: base rate {base} and C/L {ratio} must lie between 0 and 1")
    if not (0 <= hit_rate <= 1 and 0 <= false_alarm_rate <= 1):
        raise DataError(
            f"value: rates of hits {hit_rate} and false alarms {false_alarm_rate} must be 0 to 1"
        )
    least = min(ratio, base)
    saved = least - false_alarm_rate * ratio * (1 - base) + hit_rate * base * (1 - ratio) - base
    return saved / (least - ratio * base)
