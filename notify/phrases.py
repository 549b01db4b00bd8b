"""The reviewed words of `phrases.toml`, by hazard and level."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kentongan.types import HazardId

LEVEL_WORDS = {2: "WASPADA", 3: "SIAGA", 4: "AWAS"}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LevelPhrases(_Strict):
    response: Literal["Shelter", "Evacuate", "Prepare", "Avoid", "Monitor"]
    sms: tuple[str, ...] = Field(min_length=1)
    sms_last: tuple[str, ...] = ()
    what_id: str
    what_en: str
    do_id: str
    do_en: str


class HazardPhrases(_Strict):
    category: Literal["Geo", "Met"]
    name_id: str
    name_en: str
    event_code: str | None = None
    """OET:v1.2, only where known from a published alert."""
    sms_end: tuple[str, ...] = Field(min_length=1)
    end_id: str
    end_en: str
    end_do_id: str
    end_do_en: str
    by_level: dict[int, LevelPhrases] = Field(min_length=1)

    def at(self, level: int) -> LevelPhrases:
        """The words of `level`, or of the next lower one that has any."""
        lower = [known for known in self.by_level if known <= level]
        return self.by_level[max(lower) if lower else min(self.by_level)]


@cache
def phrases() -> dict[HazardId, HazardPhrases]:
    path = Path(__file__).with_name("phrases.toml")
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    _Header.model_validate({k: raw.pop(k, None) for k in ("author", "date")})
    return {HazardId(name): _hazard(table) for name, table in raw.items()}


class _Header(_Strict):
    author: str
    date: date


def _hazard(table: dict[str, object]) -> HazardPhrases:
    levels = {int(key): value for key, value in table.items() if key.isdigit()}
    rest = {key: value for key, value in table.items() if not key.isdigit()}
    return HazardPhrases.model_validate({**rest, "by_level": levels})
