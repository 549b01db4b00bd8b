"""Documents of the open data: their fields, in one place, as OpenAPI describes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

CREDIT = "Sumber data: BMKG (Badan Meteorologi, Klimatologi, dan Geofisika)"
UNSAFE = (
    "Yang tidak terbaca bukan berarti aman. Not known is never safe: an empty list is no all-clear."
)
AREA = r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$"
AreaCode = Annotated[
    str, Field(pattern=AREA, description="Code of the Ministry of Home Affairs: 32.03.01.2001")
]


def _in_calendar(value: datetime) -> datetime:
    """As it is, where it has a date in UTC too."""
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected an instant within the years 1 to 9999 in UTC") from error
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
Hazard = Literal["thunderstorm", "rain", "flood", "landslide", "shaking", "tsunami"]
Status = Literal["actual", "exercise"]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Word(_Shape):
    id: str
    en: str


class Area(_Shape):
    """Villages of one regency at one level."""

    code: AreaCode
    name: str
    province: str
    level: int = Field(ge=0, le=4)
    villages: int
    people_exposed: int
    geocodes: tuple[str, ...]
    """Codes at the coarsest level: a district or regency stands for all of its villages."""
    districts: tuple[str, ...]
    text: str
    """What people there are told, Indonesian, as it went out."""
    arrival: AwareDatetime | None = None
    """First arrival of waves that BMKG gives."""


class Warning(_Shape):
    """One version of a warning, as it was released."""

    identifier: str
    warning_id: str
    version: int
    status: Literal["Actual", "Exercise", "Test"]
    msg_type: Literal["Alert", "Update", "Cancel"]
    all_clear: bool
    state: str
    """released, superseded, ended, cancelled or expired."""
    in_force: bool
    hazard: Hazard
    hazard_word: Word
    level: int = Field(ge=0, le=4)
    level_word: Word
    title: str
    official: bool
    """BMKG itself warns; else our estimate from BMKG's data."""
    sent: AwareDatetime
    onset: AwareDatetime
    expires: AwareDatetime
    villages: int
    people_exposed: int
    areas: tuple[Area, ...]
    unresolved: tuple[str, ...]
    """Names in BMKG's document that no area could be found for."""
    cap_url: str


class _Document(_Shape):
    at: AwareDatetime
    credit: str = CREDIT
    note: str = UNSAFE


class UnknownArea(_Shape):
    """BMKG warns there, and where exactly is not known."""

    province_code: str
    province: str
    title: str
    until: AwareDatetime | None


class Warnings(_Document):
    """What is in force, with what may be missing from it beside."""

    status: Status
    blind_feeds: tuple[str, ...]
    newest_run: AwareDatetime | None
    """When anything was last worked out; None: never. An old one says that nobody looks."""
    unknown_areas: tuple[UnknownArea, ...]
    warnings: tuple[Warning, ...]


class OneWarning(_Document):
    warning: Warning


class ArchiveLine(_Shape):
    identifier: str
    warning_id: str
    version: int
    status: Literal["Actual", "Exercise", "Test"]
    msg_type: Literal["Alert", "Update", "Cancel"]
    all_clear: bool
    state: str
    hazard: Hazard
    level: int = Field(ge=0, le=4)
    title: str
    sent: AwareDatetime
    expires: AwareDatetime
    url: str
    cap_url: str


class Archive(_Document):
    alerts: tuple[ArchiveLine, ...]
    next: str | None
    """Address of the page after this one; None: this is the last."""


class Place(_Shape):
    code: AreaCode
    name: str
    kind: str
    district: str
    regency: str
    province: str


class Places(_Document):
    """Villages that a text may mean; several of one name are all listed."""

    sure: bool
    """The first is meant, beyond reasonable doubt."""
    places: tuple[Place, ...]


class InForce(_Shape):
    identifier: str
    hazard: Hazard
    level: int = Field(ge=0, le=4)
    title: str
    expires: AwareDatetime
    text: str


class AreaNow(_Document):
    code: AreaCode
    name: str
    level: int | None
    """The highest level in force within; None: not known, since a feed is blind, nobody
    has looked lately, or data for it cannot be read. 0 is no all-clear."""
    level_word: Word
    blind_feeds: tuple[str, ...]
    newest_run: AwareDatetime | None
    warnings: tuple[InForce, ...]


class Feed(_Shape):
    source_id: str
    title: str
    credit: str
    state: str
    newest: AwareDatetime | None
    blind_since: AwareDatetime | None


class Feeds(_Document):
    feeds: tuple[Feed, ...]


class Quake(_Shape):
    key: str
    status: str
    origin_time: AwareDatetime
    magnitude: float | None
    depth_km: float | None
    longitude: float
    latitude: float
    place: str


class Quakes(_Document):
    """Each quake once, over all of BMKG's lists."""

    quakes: tuple[Quake, ...]


class Problem(_Shape):
    """Why there is no answer."""

    detail: str
