"""Views from outside (radar, cameras, other agencies) as places: `data/places.toml` or your own.

Only links: nothing of another site is ever loaded into a page of ours.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from datetime import date as Day  # noqa: N812 a field has its name
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator

from kentongan.errors import SettingsError

MOST = 5_000
"""Places; more are no list that a person looks at."""
MOST_BYTES = 5_000_000


class Kind(StrEnum):
    RADAR = "radar"
    SATELLITE = "satellite"
    CAMERA = "camera"
    WATER = "water"
    SEA = "sea"
    VOLCANO = "volcano"
    MAP = "map"
    AGENCY = "agency"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Place(_Strict):
    name: str = Field(min_length=1, max_length=120)
    kind: Kind
    url: HttpUrl
    longitude: float = Field(ge=90, le=145)
    latitude: float = Field(ge=-15, le=10)
    owner: str = Field(default="", max_length=120)
    note: str = Field(default="", max_length=300)

    @field_validator("url")
    @classmethod
    def _is_closed(cls, url: HttpUrl) -> HttpUrl:
        if url.scheme != "https" or url.username or url.password:
            raise ValueError("expected an https address without a user name")
        return url


class Places(_Strict):
    author: str = ""
    date: Day | None = None
    unconfirmed: bool = False
    place: tuple[Place, ...] = Field(default=(), max_length=MOST)


def load_places(path: Path) -> Places:
    """The list of a TOML or CSV file.

    Raises:
        SettingsError: it cannot be read; the first place that is wrong is named.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path}: expected at most {MOST_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
        document = _of_csv(text) if path.suffix.lower() == ".csv" else tomllib.loads(text)
        return Places.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise SettingsError(f"{path}: {error}") from error


def _of_csv(text: str) -> dict[str, Any]:
    rows = csv.DictReader(text.splitlines())
    return {"place": [{k: v for k, v in row.items() if k and v} for row in rows]}


def as_points(places: Sequence[Place]) -> list[dict[str, Any]]:
    """For the map: name, kind, url, lon, lat, owner, note."""
    return [
        {
            "name": one.name, "kind": str(one.kind), "url": str(one.url), "lon": one.longitude,
            "lat": one.latitude, "owner": one.owner, "note": one.note,
        }
        for one in places
    ]  # fmt: skip
