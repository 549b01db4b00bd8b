"""Parsed observations: what a document of BMKG says, in our names and units.

A record is made from archived bytes (`sha256` names them) and is kept in the table
`records`, unique by (`source_id`, `key`). All times are aware UTC; positions are degrees,
WGS84; nothing here is derived, judged or filled in.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from kentongan.types import DocumentStatus, Quality, TsunamiStatus


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: str
    key: str
    """Identity within the source, stable over polls and re-issues."""
    sha256: str
    """Of the archived bytes that this was read from."""
    document_time: AwareDatetime
    """The document's own time: a cycle with an earlier `at` does not know it yet."""
    status: DocumentStatus = DocumentStatus.ACTUAL
    re_creation: bool = False
    """Marked by its author as a re-creation: can never lead to an Actual alert."""


class Felt(BaseModel):
    """One entry of BMKG's "dirasakan" text."""

    model_config = ConfigDict(frozen=True)

    place: str
    mmi_low: float
    mmi_high: float


class Quake(_Record):
    kind: Literal["quake"] = "quake"
    origin_time: AwareDatetime
    latitude: float
    longitude: float
    magnitude: float | None
    """None: a tsunami bulletin whose magnitude could not be read; never in a quake of its own."""
    depth_km: float | None
    """None: not published, or not read from a tsunami bulletin."""
    place: str
    potential: str = ""
    felt: tuple[Felt, ...] = ()
    shakemap: str = ""


class TsunamiZone(BaseModel):
    """A row `wzarea`: BMKG's own spelling; no code."""

    model_config = ConfigDict(frozen=True)

    province: str
    district: str
    level: TsunamiStatus
    arrival: AwareDatetime | None


class GaugeReading(BaseModel):
    model_config = ConfigDict(frozen=True)

    location: str
    latitude: float
    longitude: float
    height_m: float
    observed_at: AwareDatetime | None
    repaired: bool = False
    """Latitude and longitude were exchanged in the document."""


class Bulletin(_Record):
    """One InaTEWS tsunami bulletin, PD-1 to PD-4."""

    kind: Literal["bulletin"] = "bulletin"
    stage: Literal[1, 2, 3, 4]
    label: str
    """As published, e.g. `PD-3.2`."""
    sent: AwareDatetime
    quake: Quake
    zones: tuple[TsunamiZone, ...]
    gauges: tuple[GaugeReading, ...] = ()
    headline: str = ""

    @property
    def all_clear(self) -> bool:
        return self.stage == 4


class NowcastItem(_Record):
    """A row of the nowcast RSS: BMKG warns, area not yet known."""

    kind: Literal["nowcast_item"] = "nowcast_item"
    code: str
    """File code, e.g. `CGT20260924002`: the only stable identity (the guid is re-rendered)."""
    province_code: str
    """adm1 code from the identifier; empty if it has none."""
    title: str
    link: str
    published: AwareDatetime
    until: AwareDatetime | None
    """From the description's last sentence; the RSS has no expiry."""
    district_names: tuple[str, ...] = ()
    """As written after "khususnya di"; empty if the text has none."""
    language: str = "id"
    """Of the text. The same code and time in another language is the same warning."""


class Nowcast(_Record):
    """One nowcast CAP document."""

    kind: Literal["nowcast"] = "nowcast"
    code: str
    province_code: str
    identifier: str
    msg_type: str
    sent: AwareDatetime
    effective: AwareDatetime
    expires: AwareDatetime
    event: str
    headline: str
    description: str
    district_names: tuple[str, ...]
    """As written after "khususnya di"; empty if the text has none."""
    polygons: tuple[tuple[tuple[float, float], ...], ...]
    """Rings of (latitude, longitude), closed."""
    references: tuple[str, ...] = ()
    language: str = "id"
    """Of the text. The same code and `sent` in another language is the same warning."""

    @property
    def is_cancel(self) -> bool:
        return self.msg_type.strip().lower() == "cancel"


class ForecastSlot(BaseModel):
    model_config = ConfigDict(frozen=True)

    valid_time: AwareDatetime
    weather: int
    weather_desc: str
    temperature_c: float | None = None
    humidity_pct: float | None = None
    wind_speed_kmh: float | None = None
    wind_from_deg: float | None = None
    cloud_cover_pct: float | None = None
    precipitation_mm: float | None = None
    """BMKG's `tp`; its accumulation period is not documented (unconfirmed)."""


class Forecast(_Record):
    kind: Literal["forecast"] = "forecast"
    adm4_code: str
    analysis_time: AwareDatetime
    latitude: float
    longitude: float
    slots: tuple[ForecastSlot, ...]


class SatelliteImage(_Record):
    """A picture whose content is decoded in `processing`, from the archived bytes."""

    kind: Literal["satellite_image"] = "satellite_image"
    product: str
    valid_time: AwareDatetime
    time_source: Literal["title", "receive-clock"]
    quality: Quality


class Detection(_Record):
    """One solution of BMKG's processing, not announced by BMKG. It never raises a warning: it only
    belongs to the history of what was said of a quake."""

    kind: Literal["detection"] = "detection"
    event_id: str
    """Of the seismic network (`bmg2026swgz`), another one than InaTEWS' or a ShakeMap's."""
    origin_time: AwareDatetime
    latitude: float
    longitude: float
    depth_km: float | None
    magnitude: float | None
    magnitude_type: str = ""
    """As published, e.g. `mb`; empty where the document names none."""
    review: Literal["confirmed", "automatic", "unknown"]
    phases: int | None = None
    """Arrivals that the solution rests on."""
    place: str = ""


class CatalogueQuake(_Record):
    """A row of BMKG's catalogue of damaging quakes: history, never announced."""

    kind: Literal["catalogue_quake"] = "catalogue_quake"
    event_id: str
    """As published; its year may disagree with the date."""
    origin_time: AwareDatetime
    latitude: float
    longitude: float
    depth_km: float | None
    magnitude: float | None
    place: str
    region: str = ""
    tsunami: str = ""
    damage: str = ""
    origin_source: str = ""
    felt: tuple[Felt, ...] = ()


class GridField(BaseModel):
    """A column of a ShakeMap's grid, in order."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str


class ShakeGrid(_Record):
    """The head of one ShakeMap `grid.xml` of BMKG's; the grid itself stays in the archive and is
    decoded by `kentongan.shakegrid`."""

    kind: Literal["shake_grid"] = "shake_grid"
    event_id: str
    version: str
    origin_time: AwareDatetime
    processed_at: AwareDatetime
    latitude: float
    longitude: float
    depth_km: float
    magnitude: float
    place: str
    west: float
    east: float
    south: float
    north: float
    """Centres of the outermost cells, degrees."""
    columns: int
    rows: int
    fields: tuple[GridField, ...]
    max_mmi: float
    exercise: bool = False
    """The document itself shows that no such quake has happened; `status` then is Test."""
    doubts: tuple[str, ...] = ()
    """What is odd about the document, one clear line each; the first reasons are of `exercise`."""


class SatelliteGrid(_Record):
    """A field in physical units, opened from the archived bytes by `ingest.frames.open_frame`."""

    kind: Literal["satellite_grid"] = "satellite_grid"
    product: str
    """Band `B13` (10.4 um), or a ready rain rate: `ERR`, `GSMAP`."""
    variable: str = "brightness_temperature"
    """In kelvin; or `rain_rate`, mm/h."""
    valid_time: AwareDatetime
    """Nominal time of the scan."""
    satellite: str = ""
    shape: tuple[int, int]
    """Rows and columns within 94.5-141.5 E, 11.5 S-6.5 N."""
    bounds: tuple[float, float, float, float]
    """West, south, east, north: edges of its outermost cells, degrees."""
    step: float
    """Degrees between rows."""
    known_fraction: float = Field(ge=0, le=1)
    """Share of that window with a believed value."""
    quality: Quality
    flags: tuple[str, ...] = ()
    """What is doubtful: see `ingest.frames.judge`."""
    part: tuple[int, int] | None = None
    """Segment and how many there are; the segments of one `valid_time` make the scan."""


class RadarScan(_Record):
    """One picture in BMKG's radar archive: that it exists, of when and where; never its pixels."""

    kind: Literal["radar_scan"] = "radar_scan"
    radar: str
    """Three or four letters, e.g. `JAK`."""
    product: str
    scan_time: AwareDatetime
    image_url: str
    """As published; not followed."""


Record = (
    Quake
    | Bulletin
    | NowcastItem
    | Nowcast
    | Forecast
    | SatelliteImage
    | Detection
    | CatalogueQuake
    | ShakeGrid
    | SatelliteGrid
    | RadarScan
)
_ADAPTER: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def record_from_json(text: str | bytes) -> Record:
    """The record that `record.model_dump_json()` wrote."""
    return _ADAPTER.validate_json(text)
