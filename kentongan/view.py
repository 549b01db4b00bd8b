"""What a face shows: the situation at one instant, ready to be drawn.

Made by `orchestration.view.situation`; drawn by the map and the web pages. Times are aware
UTC; `zone_hours` (7, 8, 9) says in which clock the people of that area read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

VILLAGES: dict[str, str] = {
    "adm4_code": "text, unique; villages of the warnings in `warnings`, nothing else",
    "name": "text",
    "district": "text, without 'Kecamatan'",
    "regency": "text, with its kind",
    "level": "int8 -1..4: the highest level of any warning; -1 = not known",
    "hazard_id": "text: the hazard that gave the level",
    "people": "int64, all who live there",
    "exposed": "int64, exposed people; 0 where nothing is known",
    "uncovered": "int64, exposed people whom no team reaches within 60 minutes",
    "team_minutes": "float32, travel of the nearest team, NaN if none; mobilisation apart",
    "geometry": "polygons, EPSG:4326; may be empty",
}
TEAMS: dict[str, str] = {
    "team_id": "text",
    "name": "text",
    "longitude": "float64",
    "latitude": "float64",
    "members": "int",
    "on_duty": "bool",
}
SHELTERS: dict[str, str] = {
    "shelter_id": "text",
    "name": "text",
    "longitude": "float64",
    "latitude": "float64",
    "capacity": "int, people",
}


@dataclass(frozen=True)
class FeedPart:
    """One address of a source, or one product of it."""

    name: str
    """Path without host and query."""
    state: str
    newest: datetime | None
    blind_since: datetime | None
    detail: str = ""


@dataclass(frozen=True)
class FeedLine:
    """One source and what it is worth now."""

    source_id: str
    title: str
    state: str
    """A value of `kentongan.types.FeedState`, `unknown` (never polled) or `unconfigured`."""
    newest: datetime | None
    """The newest document's own time."""
    blind_since: datetime | None
    """Since when this source tells us nothing; None while it does."""
    detail: str = ""
    credit: str = "BMKG"
    due_at: datetime | None = None
    """When the next content must be there; None: at any time."""
    last_success: datetime | None = None
    """The newest poll that gave what it should."""
    last_poll: datetime | None = None
    tier: str = "warning"
    """`support`: no decision waits for it."""
    parts: tuple[FeedPart, ...] = ()
    """Each address of a source that has several."""


@dataclass(frozen=True)
class WarningLine:
    """The newest version of one warning that is not closed."""

    warning_id: str
    version: int
    event_id: str
    hazard_id: str
    title: str
    level: int
    state: str
    msg_type: str
    cap_status: str
    sent: datetime | None
    """None while it is a draft."""
    expires: datetime
    villages: int
    people: int
    exposed: int
    uncovered: int
    identifier: str = ""
    """Of the CAP document; empty while there is none."""
    cap_path: str = ""
    areas: tuple[str, ...] = ()
    """Regencies in words, for people: `Kabupaten Boalemo`."""
    zone_hours: int = 7
    notes: tuple[str, ...] = ()
    """What a duty officer must know: rules that spoke, missing elevation, linked events."""


@dataclass(frozen=True)
class TaskLine:
    task_id: str
    warning_id: str
    kind: str
    level: int
    adm4_code: str
    village: str
    district: str
    regency: str
    people: int
    unmet_people: int
    team_id: str | None
    team: str
    shelter_id: str | None
    shelter: str
    coordinator_id: str | None
    eta_min: float | None
    state: str
    after: str = ""
    note: str = ""


@dataclass(frozen=True)
class UnknownArea:
    """BMKG warns, but not where we can tell: no document, no usable area, or an unknown name."""

    province_code: str
    province: str
    title: str
    until: datetime | None
    zone_hours: int = 7
    longitude: float | None = None
    latitude: float | None = None
    """A point inside the province where the mark is drawn; None: only in words."""


@dataclass(frozen=True)
class Mark:
    """A place to show by a cross: an epicentre."""

    longitude: float
    latitude: float
    label: str


@dataclass(frozen=True, eq=False)
class SituationView:
    at: datetime
    mode: str
    re_creation: bool
    title: str
    feeds: tuple[FeedLine, ...]
    warnings: tuple[WarningLine, ...]
    villages: gpd.GeoDataFrame
    """Columns of `VILLAGES`, in code order; no row where nothing is in force."""
    teams: pd.DataFrame
    """Columns of `TEAMS`: those near the warned villages, not the nation's."""
    shelters: pd.DataFrame
    """Columns of `SHELTERS`, likewise."""
    tasks: tuple[TaskLine, ...] = ()
    unknown_areas: tuple[UnknownArea, ...] = ()
    marks: tuple[Mark, ...] = ()
    layers_note: str = ""
    """What of people and shapes is modelled, in one line."""
    messages: dict[str, dict[str, int]] = field(default_factory=dict)
    """Channel -> state -> count."""
