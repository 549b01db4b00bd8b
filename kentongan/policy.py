"""Reviewed figures: thresholds (`levels.toml`) and who may release what (`<mode>.toml`).

Units stand in the keys, author and date in the file; an unknown key is refused.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kentongan.errors import SettingsError
from kentongan.release_policy import ReleasePolicy as ReleasePolicy
from kentongan.types import HazardId


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NowcastRules(_Strict):
    inside_pct: float = Field(ge=0, le=100)
    inside_when_nothing_named_pct: float = Field(ge=0, le=100)
    touch_min_pct: float = Field(ge=0, le=100)
    """A village of a named district counts as touched from this share of its area."""


class RasterRules(_Strict):
    people_pct: float = Field(gt=0, le=100)


class SpreadRules(_Strict):
    """Standard deviations of a first solution."""

    magnitude: float = Field(default=0.2, ge=0)
    depth_km: float = Field(default=10, ge=0)
    position_km: float = Field(default=8, ge=0)
    """Of each of the two directions."""


class ShakingRules(_Strict):
    mmi: tuple[float, float, float, float]
    """Lower edges of levels 1 to 4."""
    main: Literal["bmkg-chain", "allen-2012"] = "bmkg-chain"
    """What makes the level while BMKG's own grid has not come."""
    second_raises_within_km: float = Field(default=50, ge=0)
    """With the chain: up to this distance the second opinion (Allen et al. 2012), where it
    applies, raises the intensity; evenly less to twice that. 0: it only stands in the evidence."""
    min_magnitude: float
    """Below, our own level is at most 1, and the intensity equation has no say."""
    max_depth_km: float
    """Deeper, the intensity equation has no say: it is for crust."""
    deep_focus_km: float = Field(default=300, gt=0)
    """Deeper, our own level is at most 1: BMKG's chain counts every depth as 125 km at most."""
    default_vs30: float = Field(default=600, ge=50, le=2000)
    """m/s where neither a map nor elevation knows the ground."""
    hold_minutes: float = Field(default=15, ge=0)
    """After the first version no level falls for so long, whatever becomes known."""
    felt_min_mmi: float = 3.0
    """Weaker reports are left out: who notices MMI II is chance."""
    felt_prior: float = Field(default=5, gt=0)
    """n reports count n/(n + this)."""
    felt_max_shift: float = Field(default=1.0, ge=0)
    """MMI; no event term is larger."""
    felt_lowers: bool = False
    felt_lifts_from: int = Field(default=3, ge=1)
    """Reports with a place that say more than the formula: then a quake below `min_magnitude` may
    reach Waspada, no more."""
    """Whether a term below zero is taken off, or only shown."""
    spread: SpreadRules = SpreadRules()
    valid_hours: float


class PreAlertRules(_Strict):
    """When we watch a coast before InaTEWS has spoken: level 1, never a public word."""

    min_magnitude: float
    max_depth_km: float
    coast_km: float = Field(ge=0)
    """An epicentre on land up to so far from the sea counts as one at sea."""
    valid_minutes: float = Field(gt=0)


class WaveLossRules(_Strict):
    """Height that a wave loses on its way inland: Berryman (2006), as BNPB's InaRISK uses it."""

    friction: float = Field(gt=0)
    slope: float = Field(ge=0)
    roughness: dict[str, float]
    """Manning's n by kind of land."""
    land: str
    """Kind that all land is taken for: no map of land cover is loaded."""
    height_m: tuple[float, float, float]
    """At the shore under Waspada, Siaga and Awas."""

    @model_validator(mode="after")
    def _kinds_are_named(self) -> WaveLossRules:
        if not {"water", self.land} <= self.roughness.keys() or min(self.roughness.values()) <= 0:
            raise ValueError(f"roughness: expected positive n of 'water' and {self.land!r}")
        if not 0 < self.height_m[0] <= self.height_m[1] <= self.height_m[2]:
            raise ValueError("height_m: expected three positive heights, none below the one before")
        return self


class CoastRules(_Strict):
    """Who lives where a tsunami may come, where the layer set knows heights."""

    low_m: float
    """Land up to this height within the coast strip, or along a river, counts as threatened."""
    river_km: float = Field(ge=0)
    river_side_km: float = Field(ge=0)
    datum_m: float = Field(gt=0)
    """Heights of the lowest tenth of the shore farther from 0 than this are of another datum."""
    cell_deg: float = Field(gt=0, le=0.02)
    """Finer heights are brought to about this step: the lowest of each cell counts."""
    warn_minutes: float = Field(ge=0)
    react_minutes: float = Field(ge=0)
    walk_m_s: float = Field(gt=0)
    loss: WaveLossRules


class TsunamiRules(_Strict):
    coast_strip_km: float
    valid_hours: float
    renew_before_minutes: float
    pre_alert: PreAlertRules
    coast: CoastRules


class SecondaryRules(_Strict):
    """What shaking sets off."""

    landslide_mmi: int = Field(ge=5, le=10)
    landslide_days: float = Field(gt=0)
    liquefaction_mmi: int = Field(ge=5, le=10)
    index_from: float = Field(gt=0, le=1)
    """Of an index 0 to 1 (InaRISK): from here a place is prone."""
    class_from: int = Field(ge=1)
    """Of classes (whole numbers above 1): likewise."""


class RainImageRules(_Strict):
    class_levels: tuple[int, int, int, int]
    """Levels of Slight, Moderate, Heavy, Very Heavy."""
    max_age_minutes: float
    valid_minutes: float
    min_villages: int
    """A province with fewer villages at level 2 gets no draft from the image alone."""


class CoverageRules(_Strict):
    detour_factor: float
    speed_kmh: float
    mobilisation_day_minutes: float
    mobilisation_night_minutes: float
    team_size: int
    people_per_team: int
    """Assisted by one team within `on_site_minutes`."""
    on_site_minutes: float = Field(default=120, ge=0)
    max_travel_minutes: float = Field(default=120, gt=0)
    """A team farther away is not asked: straight lines cross mountains and sea."""
    shelter_max_km: float = Field(default=10, gt=0)
    """An assembly point farther away, in a straight line, is no place left."""
    walk_kmh: float = Field(default=3.2, gt=0)
    """Of people who walk with children, old or ill: an assembly point that they cannot reach at
    this pace in time is not named to them."""
    walk_minutes: float = Field(default=60, gt=0)
    """Time to walk where the hazard is there already or comes sooner; never for a tsunami."""
    neighbour_km: float = Field(default=50, gt=0)
    """Regencies as near as this to people left without a team are told of them."""


class LevelPolicy(_Strict):
    author: str
    date: date
    nowcast: NowcastRules
    raster: RasterRules
    shaking: ShakingRules
    tsunami: TsunamiRules
    secondary: SecondaryRules
    rain_image: RainImageRules
    coverage: CoverageRules


class TimesOfDay(_Strict):
    day: float = Field(ge=0, le=100)
    night: float = Field(ge=0, le=100)
    day_from_hour: int = Field(ge=0, le=23)
    night_from_hour: int = Field(ge=0, le=23)


class Offroad(_Strict):
    default: float = Field(gt=0)
    minimum: float = Field(gt=0)


class ToblerRules(_Strict):
    off_path_factor: float = Field(gt=0, le=1)


class Catchment(_Strict):
    """Zones of travel time, each with the weight of a place in it."""

    minutes: tuple[float, ...] = Field(min_length=1)
    weights: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_weight_a_zone(self) -> Catchment:
        if len(self.minutes) != len(self.weights) or list(self.minutes) != sorted(self.minutes):
            raise ValueError("catchment: expected one weight for each of the ascending minutes")
        return self


class AccessPolicy(_Strict):
    """How a team gets to a village: `data/policy/access.toml`."""

    author: str
    date: date
    night_or_rain_factor: float = Field(gt=0, le=1)
    impassable_level: int = Field(ge=1, le=4)
    unknown_is_impassable: bool
    closes_roads: tuple[HazardId, ...] = (HazardId.FLOOD, HazardId.LANDSLIDE, HazardId.TSUNAMI)
    """Hazards whose impassable level lets nobody pass; rain and shaking slow, but do not close."""
    max_search_minutes: float = Field(gt=0)
    reach_minutes: tuple[float, float]
    road_kmh: dict[str, float]
    """By OSM class; `other` for a class that is not named."""
    offroad_kmh: Offroad
    tobler: ToblerRules
    availability_pct: TimesOfDay
    catchment: Catchment

    @model_validator(mode="after")
    def _speeds_are_positive(self) -> AccessPolicy:
        if "other" not in self.road_kmh or min(self.road_kmh.values()) <= 0:
            raise ValueError("road_kmh: expected positive speeds, and one for `other`")
        return self


_Model = TypeVar("_Model", bound=BaseModel)


def load_policy(path: Path, model: type[_Model]) -> _Model:
    """Read and validate one policy file.

    Raises:
        SettingsError: unreadable, an unknown or a missing key, a wrong value.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"policy {path}: {error}") from error
