"""Deaths by shaking: three published curves of one family, rate by intensity.

Figures and their sources stand in `data/losses.toml`; checked against values that another
implementation computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.policy import load_policy
from kentongan.settings import data_dir

Floats = NDArray[np.float64]
HIGHEST_MMI = 10
"""Classes end here: people at XI and XII count as at X."""


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Model(_Figures):
    id: str
    zeta: float = Field(gt=0)
    """Standard deviation of ln(deaths) about the model."""
    from_mmi: float
    """Below, nobody dies by this curve."""
    source: str


class Lognormal(_Model):
    form: Literal["lognormal"]
    theta: float = Field(gt=0)
    beta: float = Field(gt=0)


class Loglinear(_Model):
    form: Literal["loglinear"]
    slope: float
    offset: float


class Table(_Model):
    form: Literal["table"]
    rates: dict[int, float]

    @model_validator(mode="after")
    def _rates_are_shares_that_grow(self) -> Table:
        values = [self.rates[mmi] for mmi in sorted(self.rates)]
        if len(values) < 2 or values != sorted(values) or not 0 <= values[0] <= values[-1] <= 1:
            raise ValueError(f"{self.id}: expected two or more rates from 0 to 1, rising with MMI")
        return self


FatalityModel = Annotated[Lognormal | Loglinear | Table, Field(discriminator="form")]


class LossFigures(_Figures):
    """`data/losses.toml`."""

    author: str
    date: date
    central: str
    band: tuple[str, str]
    count_from_mmi: int = Field(ge=4, le=HIGHEST_MMI)
    """Classes below are left out of an estimate; see the file."""
    bins: tuple[float, float, float]
    """Lower edges of the orders of magnitude, deaths; below the first is one more."""
    models: tuple[FatalityModel, ...]

    @model_validator(mode="after")
    def _names_are_there(self) -> LossFigures:
        missing = {self.central, *self.band} - {model.id for model in self.models}
        if missing:
            raise ValueError(f"no model {', '.join(sorted(missing))}")
        return self

    def model(self, name: str) -> FatalityModel:
        return next(model for model in self.models if model.id == name)


def load_losses() -> LossFigures:
    return load_policy(data_dir() / "losses.toml", LossFigures)


def rates(model: FatalityModel, mmi: Floats) -> Floats:
    """Share of the people at an intensity who die.

    * lognormal: nu(S) = Phi(ln(S / theta) / beta) (Jaiswal & Wald 2010, eq. 1);
    * loglinear: 10^(slope S + offset);
    * table: the rate of a whole MMI, between two of them by ln(rate).

    Args:
        mmi: any shape. NaN is not known.

    Returns:
        Shares 0..1 of that shape; 0 below `from_mmi`, NaN where the intensity is not known.
    """
    mmi = np.asarray(mmi, dtype=np.float64)
    known = np.clip(np.nan_to_num(mmi, nan=1.0), 1.0, float(HIGHEST_MMI))
    rate = np.where(known >= model.from_mmi, np.minimum(_curve(model, known), 1.0), 0.0)
    return np.where(np.isnan(mmi), np.nan, rate)


def _curve(model: FatalityModel, mmi: Floats) -> Floats:
    from scipy.special import ndtr

    if isinstance(model, Lognormal):
        return np.asarray(ndtr(np.log(mmi / model.theta) / model.beta), dtype=np.float64)
    if isinstance(model, Loglinear):
        return np.asarray(10.0 ** (model.slope * mmi + model.offset), dtype=np.float64)
    steps = sorted(model.rates)
    logs = np.log([model.rates[step] for step in steps])
    return np.asarray(np.exp(np.interp(mmi, steps, logs)), dtype=np.float64)


def expected_deaths(model: FatalityModel, people: Mapping[int, int]) -> float:
    """Sum over classes of people times rate (Jaiswal & Wald 2010, eq. 2).

    Args:
        people: by whole MMI; those above X count as at X.
    """
    classes = sorted(people)
    count = np.array([people[mmi] for mmi in classes], dtype=np.float64)
    return float(count @ rates(model, np.array(classes, dtype=np.float64))) if classes else 0.0
