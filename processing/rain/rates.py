"""Brightness temperature to rain rate: one family of functions, none of them a measurement.

Published comparisons disagree by an order of magnitude at one temperature, so a rate is always a
central value between a low bound and a local calibration. Constants: `data/rain/rates.toml`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import data_dir

Floats = npt.NDArray[np.float64]


class Method(StrEnum):
    AUTO_ESTIMATOR = "auto-estimator/1"
    IMSRA = "imsra/1"
    NON_LINEAR_RELATION = "non-linear-relation/1"
    NON_LINEAR_INVERSION = "non-linear-inversion/1"
    GPI = "gpi/1"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Published(_Strict):
    source: str
    confirmed: bool


class AutoEstimator(_Published):
    a_mm_h: float = Field(gt=0)
    b: float = Field(gt=0)
    power: float = Field(gt=0)
    fitted_k: tuple[float, float]


class Imsra(_Published):
    a_mm_h: float = Field(gt=0)
    t0_k: float = Field(gt=0)
    s_k: float = Field(gt=0)


class Power(_Published):
    a_mm_h: float = Field(gt=0)
    b: float = Field(lt=0)


class Inversion(_Published):
    a_mm_h: float = Field(gt=0)
    b_k: float = Field(gt=0)


class Gpi(_Published):
    rate_mm_h: float = Field(gt=0)
    limit_k: float = Field(gt=0)


class Limits(_Strict):
    cap_mm_h: float = Field(gt=0)
    zero_above_k: float = Field(gt=0)


class Rates(_Strict):
    author: str
    date: date
    auto_estimator: AutoEstimator
    imsra: Imsra
    non_linear_relation: Power
    non_linear_inversion: Inversion
    gpi: Gpi
    limits: Limits


@cache
def rates() -> Rates:
    return load_policy(data_dir() / "rain" / "rates.toml", Rates)


def rain_rate(temperature: Floats, method: Method, given: Rates | None = None) -> Floats:
    """The published curve, neither capped nor cut.

    Args:
        temperature: brightness temperature of the window band (10.4 um), K, any shape.
        method: which curve.

    Returns:
        Rain rate, mm/h, same shape; NaN where the temperature is.
    """
    known = given or rates()
    kelvin = np.asarray(temperature, dtype=float)
    return _CURVES[method](kelvin, known)


def bounded_rate(temperature: Floats, method: Method, given: Rates | None = None) -> Floats:
    """As `rain_rate`, nothing above `cap_mm_h` and none where it is warmer than `zero_above_k`."""
    known = given or rates()
    kelvin = np.asarray(temperature, dtype=float)
    rate = np.minimum(rain_rate(kelvin, method, known), known.limits.cap_mm_h)
    return np.where(kelvin > known.limits.zero_above_k, 0.0, rate)


def _auto_estimator(kelvin: Floats, known: Rates) -> Floats:
    curve = known.auto_estimator
    return curve.a_mm_h * np.exp(-curve.b * kelvin**curve.power)


def _imsra(kelvin: Floats, known: Rates) -> Floats:
    curve = known.imsra
    return curve.a_mm_h * np.exp(-(kelvin - curve.t0_k) / curve.s_k)


def _relation(kelvin: Floats, known: Rates) -> Floats:
    curve = known.non_linear_relation
    return curve.a_mm_h * kelvin**curve.b


def _inversion(kelvin: Floats, known: Rates) -> Floats:
    curve = known.non_linear_inversion
    return curve.a_mm_h * np.exp(curve.b_k / kelvin)


def _gpi(kelvin: Floats, known: Rates) -> Floats:
    rate = np.where(kelvin <= known.gpi.limit_k, known.gpi.rate_mm_h, 0.0)
    return np.where(np.isnan(kelvin), np.nan, rate)


_CURVES: dict[Method, Callable[[Floats, Rates], Floats]] = {
    Method.AUTO_ESTIMATOR: _auto_estimator,
    Method.IMSRA: _imsra,
    Method.NON_LINEAR_RELATION: _relation,
    Method.NON_LINEAR_INVERSION: _inversion,
    Method.GPI: _gpi,
}
