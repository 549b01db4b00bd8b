"""Everything of the rain, flood and landslide products that may be decided otherwise."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.policy import load_policy
from kentongan.settings import data_dir
from processing.landslide import SusceptibilityRules
from processing.rain.calibrate_samples import CalibrationRules
from processing.rain.cells import CellRules
from processing.rain.ensemble import EnsembleRules
from processing.rain.retrieve import RetrievalRules
from processing.water.flood import FloodRules

Edges = tuple[float, float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RainLevels(_Strict):
    rain_mm: dict[int, Edges]
    """Hours -> lower edges of levels 1 to 4; the worst duration counts."""
    least_coverage: float = Field(gt=0, le=1)
    least_probability: float = Field(ge=0, lt=1)
    """A level ahead that is less probable is left out of the field. At most the least ratio of
    cost to loss in `decision.toml`: whether to act is decided there and nowhere else."""
    estimate_at_most: int = Field(ge=1, le=4)
    """Highest level that our own estimate may give without a warning of BMKG's."""


class Nowcast(_Strict):
    steps: int = Field(ge=1)
    step_minutes: float = Field(gt=0)
    trend_fade_steps: float = Field(gt=0)
    oldest_frame_minutes: float = Field(gt=0)
    """An older newest frame makes no nowcast."""
    ensemble: EnsembleRules


class Landslide(_Strict):
    p95_mm: float = Field(gt=0)
    p99_mm: float = Field(gt=0)
    """Of the seven-day index where the history of the place is too short."""
    least_days: int = Field(ge=1)
    """Days of history from which percentiles of the place are taken."""
    renew_days: int = Field(ge=1)
    """Percentiles of the place are taken anew after so many days."""
    most_cells: int = Field(ge=10_000)
    """A finer map of susceptibility is brought to as many cells, the highest class of each."""
    valid_hours: float = Field(gt=0)
    least_villages: int = Field(ge=1)
    """At level 2 or above, for a draft of a province."""
    susceptibility: SusceptibilityRules


class RainPolicy(_Strict):
    author: str
    date: date
    levels: RainLevels
    retrieval: RetrievalRules
    calibration: CalibrationRules
    cells: CellRules
    nowcast: Nowcast
    flood: FloodRules
    landslide: Landslide

    @model_validator(mode="after")
    def _ascending(self) -> RainPolicy:
        for hours, edges in self.levels.rain_mm.items():
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"levels: rain_mm of {hours} h: expected ascending edges")
        if self.landslide.p95_mm >= self.landslide.p99_mm:
            raise ValueError("landslide: expected p95_mm below p99_mm")
        return self


def rain_policy(path: Path | None = None) -> RainPolicy:
    """The reviewed figures of `data/policy/rain.toml`.

    Raises:
        SettingsError: unreadable, an unknown or a missing key, a wrong value.
    """
    return load_policy(path or data_dir() / "policy" / "rain.toml", RainPolicy)
