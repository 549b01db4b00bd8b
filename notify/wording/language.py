"""The words of each language (`<code>.toml`) and the facts of each hazard (`hazards.toml`)."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import SettingsError
from kentongan.types import HazardId

FOLDER = Path(__file__).parent
FALLBACK = "id"
"""The language of whoever has none of ours, or one that nobody has reviewed yet."""
CODES = ("id", "en", "jv", "su")
Ways = tuple[str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Facts(_Strict):
    """What machines read of a hazard; no language."""

    category: Literal["Geo", "Met", "Fire"]
    event_code: str | None = None
    leave: int | None = None
    """From this level on the command is to leave."""
    until_told: bool = False
    """It ends by the authority's word; no time of an end is printed."""
    response: dict[int, Literal["Shelter", "Evacuate", "Prepare", "Avoid", "Monitor"]]


class TimeWords(_Strict):
    until: str
    span: str
    tomorrow: str
    date: str
    clock: str
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    arrival: Ways


class PlaceWords(_Strict):
    district: str
    districts: str
    within: str
    some: str
    here: str
    others: str
    province: str
    whole_province: str


class HelpWords(_Strict):
    coming: Ways = ()
    cleared: Ways = ()
    """Everybody is out, says the team that was there."""
    point: Ways
    alone: Ways


class PushWords(_Strict):
    title: str
    title_renew: str
    """Nothing has changed but the end: it must not read as a second alarm."""
    title_end: str
    title_cancel: str


class EndWords(_Strict):
    cancel: Ways
    cancel_brief: Ways
    dropped: Ways
    dropped_brief: Ways


class StaffWords(_Strict):
    ready: Ways
    no_tasks: str
    tasks: str
    stay: str
    """What every coordinator is told of a tsunami."""
    gap: Ways
    bpbd: Ways


class LevelWords(_Strict):
    command: tuple[str, ...] = Field(min_length=1)
    """One of these stands in every way: what to do."""
    ways: Ways = Field(min_length=1)
    resort: Ways = ()
    """Further ways, only where no shorter place helps the others."""
    brief: Ways = Field(min_length=1)
    what: str
    do: str


class HazardWords(_Strict):
    name: str
    short: str
    marks: tuple[str, ...] = Field(min_length=1)
    """One of these stands in every way: which hazard."""
    end: Ways = Field(min_length=1)
    end_brief: Ways = Field(min_length=1)
    end_what: str
    end_do: str
    help: HelpWords | None = None
    levels: dict[int, LevelWords] = Field(min_length=1)

    def at(self, level: int) -> LevelWords:
        """The words of `level`, or of the next lower one that has any."""
        lower = [known for known in self.levels if known <= level]
        return self.levels[max(lower) if lower else min(self.levels)]


class Language(_Strict):
    code: str
    title: str
    reviewed: bool
    author: str
    date: date
    update: str
    last: str
    official: str
    estimate: str
    levels: dict[int, str]
    forbidden: tuple[str, ...]
    time: TimeWords
    place: PlaceWords
    help: HelpWords
    push: PushWords
    ends: EndWords
    staff: StaffWords
    hazards: dict[HazardId, HazardWords]

    def help_of(self, hazard: HazardId) -> HelpWords:
        return self.hazards[hazard].help or self.help


@cache
def facts() -> dict[HazardId, Facts]:
    """By hazard; every hazard has some.

    Raises:
        SettingsError: the file is wrong.
    """
    raw = _read(FOLDER / "hazards.toml")
    raw = {key: value for key, value in raw.items() if key not in ("author", "date")}
    try:
        found = {HazardId(name): Facts.model_validate(table) for name, table in raw.items()}
    except ValueError as error:
        raise SettingsError(f"words of warnings, hazards.toml: {error}") from error
    if missing := set(HazardId) - set(found):
        raise SettingsError(f"words of warnings, hazards.toml: nothing for {sorted(missing)}")
    return found


@cache
def language(code: str) -> Language:
    """One language, reviewed or not.

    Raises:
        SettingsError: no such file, an unknown or a missing key, or a hazard without words.
    """
    return parse_language(_read(FOLDER / f"{code}.toml"), f"{code}.toml")


def parse_language(raw: dict[str, Any], where: str) -> Language:
    hazards = {str(h): _hazard(raw[str(h)]) for h in HazardId if str(h) in raw}
    rest = {key: value for key, value in raw.items() if key not in hazards}
    try:
        found = Language.model_validate({**rest, "hazards": hazards})
    except ValidationError as error:
        raise SettingsError(f"words of warnings, {where}: {error}") from error
    if missing := set(HazardId) - set(found.hazards):
        raise SettingsError(f"words of warnings, {where}: nothing for {sorted(missing)}")
    return found


def spoken_languages() -> tuple[str, ...]:
    """Codes of the languages that may go out: reviewed; the fallback first."""
    return tuple(code for code in CODES if code == FALLBACK or language(code).reviewed)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"words of warnings, {path.name}: {error}") from error


def _hazard(table: dict[str, Any]) -> dict[str, Any]:
    levels = {key: value for key, value in table.items() if key.isdigit()}
    rest = {key: value for key, value in table.items() if not key.isdigit()}
    return {**rest, "levels": levels}
