"""From the share of members to a probability: what truly followed such a share, by lead time.

The tables of `data/rain/reliability.toml` come from `processing.rain.reliability_fit`. They are
fitted on made-up afternoons, so they mend what the ensemble does to itself (too narrow, too sure at
long leads), not what the retrieval does to a real sky.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.policy import load_policy
from kentongan.settings import data_dir

Grid2 = npt.NDArray[np.float32]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(_Strict):
    """One event: so many mm/h over the hour (or less) that ends at the lead."""

    lead_minutes: int = Field(gt=0)
    rain_mm_h: float = Field(gt=0)
    share: tuple[float, ...] = Field(min_length=2)
    """Of the members, ascending from 0 to 1."""
    observed: tuple[float, ...]
    """How often it happened then; linear between."""

    @model_validator(mode="after")
    def _monotone(self) -> Table:
        if len(self.share) != len(self.observed):
            raise ValueError("expected as many `observed` as `share`")
        if self.share[0] != 0 or self.share[-1] != 1 or np.any(np.diff(self.share) <= 0):
            raise ValueError("share: expected to ascend from 0 to 1")
        if min(self.observed) < 0 or max(self.observed) > 1 or np.any(np.diff(self.observed) < 0):
            raise ValueError("observed: expected not to fall, within 0 and 1")
        return self


class Reliability(_Strict):
    author: str
    date: date
    fitted_on: str
    confirmed: bool
    """Whether real rain was the judge."""
    table: tuple[Table, ...]

    def of(self, lead_minutes: int, rain_mm_h: float) -> Table | None:
        """None: no table for that event; the share stays as it is."""
        for one in self.table:
            if one.lead_minutes == lead_minutes and np.isclose(one.rain_mm_h, rain_mm_h):
                return one
        return None


@cache
def reliability() -> Reliability:
    """The tables that come with Kentongan.

    Raises:
        SettingsError: unreadable, an unknown or a missing key, a table that falls.
    """
    return load_policy(data_dir() / "rain" / "reliability.toml", Reliability)


def probability(
    share: Grid2, lead_minutes: int, rain_mm_h: float, known: Reliability | None = None
) -> Grid2:
    """Probability of the event, shape of `share`; NaN where the share is."""
    table = (known or reliability()).of(lead_minutes, rain_mm_h)
    if table is None:
        return share
    return np.interp(share, table.share, table.observed).astype(np.float32)
