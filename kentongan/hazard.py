"""Hand-over 2: a hazard field, raster or zones, with the event that it belongs to.

Raster: `xarray.Dataset`, CF-1.11, dims `(latitude, longitude)`, both ascending cell
centres in degrees; `hazard_level` int8 0..4, fill -1 = not known; the physical value with
`units`; `quality`. Zones: `GeoDataFrame`, EPSG:4326, one row a zone, columns of `ZONES`.
Not known is never safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kentongan.types import DocumentStatus, HazardId, Level, Quality

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

LEVEL_UNKNOWN = -1
FLAG_VALUES = (0, 1, 2, 3, 4)
FLAG_MEANINGS = "none watch waspada siaga awas"


class AreaRule(StrEnum):
    """How a village gets a level from this field; see `risk.overlay`."""

    NOWCAST = "nowcast"
    """Named district touched, or 80 % of its people inside; 50 % where nothing is named."""
    SHARE_OF_PEOPLE = "share-of-people"
    """The highest level that holds at least 10 % of its people (rasters)."""
    COAST_STRIP = "coast-strip"
    """The village lies in the zone's area, touches the coast strip, and faces the named side."""


class HazardEvent(BaseModel):
    """What happened, apart from where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    """Stable over re-issues, e.g. `thunderstorm-CGT20260924002`, `shaking-20221121T062110Z`."""
    hazard_id: HazardId
    level: Level
    """Highest level anywhere in the field."""
    onset: AwareDatetime
    """When the hazard is (or was) there first."""
    valid_from: AwareDatetime
    """When this version of our knowledge began: the newest document's own time."""
    valid_to: AwareDatetime
    official_end: bool = False
    """The authority has said that it is over (PD-4, CAP Cancel). The only all-clear there is."""
    official: bool
    """A warning of BMKG's or InaTEWS', not our own estimate."""
    status: DocumentStatus
    re_creation: bool = False
    title: str
    """One Indonesian line, e.g. `Gempa M5,6 kedalaman 11 km, Cianjur`."""
    place: str = ""
    method: str
    """Method and version, e.g. `allen-2012-hypo/1`."""
    quality: Quality = Quality.OK
    observations: tuple[str, ...]
    """sha256 of every document used, sorted."""
    linked_event_id: str | None = None
    province_codes: tuple[str, ...] = ()
    evidence: dict[str, str | float | int | bool | None] = {}
    """Value, threshold, source: what a duty officer asks for."""


ZONES: dict[str, str] = {
    "zone": "name as the source writes it",
    "hazard_level": "int8 0..4",
    "adm_codes": "comma-joined area codes that bound the zone; empty: geometry alone",
    "side": "side of the area that is meant, 'N' 'E' 'S' 'W' 'NE' …; empty: the whole",
    "named_districts": "comma-joined district names as the source writes them; may be empty",
    "onset": "UTC timestamp or NaT",
    "geometry": "polygons, EPSG:4326; empty where adm_codes say it all",
}


@dataclass(frozen=True)
class HazardField:
    """Exactly one of `raster` and `zones` is set."""

    event: HazardEvent
    rule: AreaRule
    raster: xr.Dataset | None = None
    zones: gpd.GeoDataFrame | None = None
    unresolved: tuple[str, ...] = ()
    """Names in the source that could not be led to an area. Shown, never dropped."""


def attributes(event: HazardEvent) -> dict[str, Any]:
    """Global attributes of the stored field."""
    return {
        "Conventions": "CF-1.11",
        "event": event.model_dump_json(),
        "hazard_id": str(event.hazard_id),
        "source_observations": ",".join(event.observations),
        "method": event.method,
    }
