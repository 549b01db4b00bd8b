"""Flood: how hard it rained on the catchment, and what the ground makes of it.

Rain class of the worst of 1, 3, 6 and 24 hours, taken as the mean over everything that runs to the
place; one more where it lies low beside a drain or on flat ground, less on the slope; wet ground
counts its rain as what would have run off. A susceptibility turned into a warning: not a model of
the flow. Figures: `[flood]` of `data/policy/rain.toml`, all ours and unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.hazard import LEVEL_UNKNOWN
from processing.water.runoff import Wetness, curve_number, runoff_mm
from processing.water.terrain import Terrain

Grid2 = npt.NDArray[np.float32]
Levels = npt.NDArray[np.int8]
Edges = tuple[float, float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FloodRules(_Strict):
    rain_mm: dict[int, Edges]
    """Hours -> lower edges of classes 1 to 4, where no return periods of the place are known."""
    low_hand_m: float = Field(gt=0)
    """Below it, one class more."""
    neutral_hand_m: float = Field(gt=0)
    """Up to here, the class itself."""
    high_hand_m: float = Field(gt=0)
    """Above it, at most a watch; between, one class less."""
    flat_slope_deg: float = Field(ge=0)
    """Flatter ground is taken for low: drains of a town are on no map of heights."""
    curve_number: float = Field(gt=0, le=100)
    dry_below_api_mm: float = Field(ge=0)
    wet_above_api_mm: float = Field(ge=0)
    api_days: int = Field(ge=1, le=120)
    """Days before today that the wetness is made of."""
    drain_km2: float = Field(gt=0)
    """A stream begins where so much land runs together: it sets how dense drains are, and HAND."""
    most_cells: int = Field(ge=10_000)
    """Finer heights are averaged over whole cells until so many are left."""
    fine_enough_m: float = Field(gt=0)
    """On coarser cells a valley floor is lost: their level is marked as degraded."""
    valid_hours: float = Field(gt=0)
    least_villages: int = Field(ge=1)
    """At level 2 or above, for a draft of a province."""

    @model_validator(mode="after")
    def _in_order(self) -> FloodRules:
        if not self.low_hand_m < self.neutral_hand_m < self.high_hand_m:
            raise ValueError("flood: expected low_hand_m < neutral_hand_m < high_hand_m")
        if self.dry_below_api_mm > self.wet_above_api_mm:
            raise ValueError("flood: expected dry_below_api_mm <= wet_above_api_mm")
        for hours, edges in self.rain_mm.items():
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"flood: rain_mm of {hours} h: expected ascending edges")
        return self


def rain_class(
    amounts_mm: Mapping[int, Grid2],
    edges: Mapping[int, Edges | npt.NDArray[np.float32]],
) -> Levels:
    """The worst class over the durations that are known; -1 where none is.

    Args:
        amounts_mm: hours -> rain, mm; NaN: not known.
        edges: hours -> lower edges of classes 1 to 4, as four numbers or as an array of shape
            (4, rows, columns) of amounts of 2, 5, 10 and 25 years at each place.
    """
    worst: Levels | None = None
    for hours, amount in amounts_mm.items():
        if hours not in edges:
            continue
        found = np.zeros(amount.shape, dtype=np.int8)
        for edge in np.asarray(edges[hours], dtype=np.float32):
            found += (amount >= edge).astype(np.int8)
        found[~np.isfinite(amount)] = LEVEL_UNKNOWN
        worst = found if worst is None else np.maximum(worst, found)
    if worst is None:
        raise ValueError(f"rain of {sorted(amounts_mm)} h: no class for any of these durations")
    return worst


def effective_mm(rain_mm: Grid2, api_mm: Grid2, rules: FloodRules) -> Grid2:
    """Rain that would run off ground of mean wetness as much as this does off the real one.

    Where the wetness is not known it is taken as mean.
    """
    mean = runoff_mm(rain_mm.astype(float), rules.curve_number)
    out = rain_mm.astype(np.float32).copy()
    for wetness, there in (
        (Wetness.DRY, api_mm < rules.dry_below_api_mm),
        (Wetness.WET, api_mm > rules.wet_above_api_mm),
    ):
        number = curve_number(rules.curve_number, wetness)
        runs = runoff_mm(rain_mm.astype(float), number)
        # The same runoff on mean ground, found by adding what runs off more or less.
        shifted = rain_mm + (runs - mean)
        out = np.where(there & np.isfinite(rain_mm), np.maximum(shifted, 0.0), out)
    return out.astype(np.float32)


def flood_level(rained: Levels, ground: Terrain, rules: FloodRules) -> Levels:
    """Level of each cell; -1 where the rain or the ground is not known.

    Args:
        rained: class of the catchment's rain, 0 to 4, -1 not known.
    """
    slope_deg = np.degrees(np.arctan(ground.slope))
    low = (ground.hand < rules.low_hand_m) | (slope_deg < rules.flat_slope_deg)
    level = rained.astype(np.int16)
    raised = np.where(low & (level >= 1), level + 1, level)
    lowered = np.where(
        (ground.hand >= rules.neutral_hand_m) & ~low, np.maximum(raised - 1, 0), raised
    )
    capped = np.where((ground.hand > rules.high_hand_m) & ~low, np.minimum(lowered, 1), lowered)
    known = (rained >= 0) & np.isfinite(ground.hand)
    return np.where(known, np.clip(capped, 0, 4), LEVEL_UNKNOWN).astype(np.int8)
