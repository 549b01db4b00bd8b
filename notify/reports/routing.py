"""Which unit looks after a report, and how soon: `data/policy/routing.toml`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.policy import load_policy
from kentongan.settings import data_dir
from notify.reports.kinds import Category

EVERYTHING = "*"
_JAKARTA = timedelta(hours=7)
"""Decrees begin at midnight of the capital."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(_Strict):
    """Who takes cases."""

    code: str = Field(min_length=1, max_length=40)
    name: str
    short: str = Field(min_length=1, max_length=20)
    """For an SMS."""
    directorate: str
    valid_from: date
    valid_to: date | None = None
    """The first day on which it is no longer."""
    categories: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    """Words that bring a text here whatever its category, danger to life excepted."""
    areas: tuple[str, ...] = ()
    """Codes of areas that it serves; empty: the nation."""
    minutes: tuple[int, int, int, int]
    """Until somebody takes the case, by urgency 0 to 3."""
    handover: bool = False
    """Another agency's: the case is handed over, not worked on here."""

    @model_validator(mode="after")
    def _is_sound(self) -> Unit:
        unknown = set(self.categories) - {EVERYTHING, *map(str, Category)}
        if unknown:
            raise ValueError(f"{self.code}: no categories of reports: {', '.join(sorted(unknown))}")
        if min(self.minutes) < 1 or list(self.minutes) != sorted(self.minutes, reverse=True):
            raise ValueError(f"{self.code}: expected minutes ≥ 1, none above the one before")
        return self

    def valid(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def serves(self, area: str) -> bool:
        return not self.areas or any(area.startswith(code) for code in self.areas)

    def takes(self, category: Category, words: Iterable[str]) -> bool:
        if category in self.categories or EVERYTHING in self.categories:
            return True
        return category is not Category.DANGER and not set(self.keywords).isdisjoint(words)


class Routing(_Strict):
    author: str = ""
    date: date
    emergency_number: str = Field(pattern=r"^\d{3,15}$")
    join_km: float = Field(ge=0, le=10)
    join_minutes: float = Field(gt=0)
    ask_minutes: float = Field(gt=0)
    caller_reports: int = Field(ge=1)
    caller_minutes: float = Field(gt=0)
    quiet_seconds: float = Field(ge=0)
    noise_from: float = Field(gt=0, le=1)
    web_per_address_per_hour: int = Field(ge=1)
    web_all_per_hour: int = Field(ge=1)
    unit: tuple[Unit, ...]

    @model_validator(mode="after")
    def _somebody_takes_everything(self) -> Routing:
        codes = [unit.code for unit in self.unit]
        last = [u for u in self.unit if EVERYTHING in u.categories and not u.areas]
        if len(set(codes)) != len(codes) or not any(u.valid_to is None for u in last):
            raise ValueError(
                "unit: expected codes that differ, and one unit without an end and areas that "
                "takes '*'"
            )
        return self

    def unit_for(
        self, category: Category, *, at: datetime, area: str = "", words: Iterable[str] = ()
    ) -> Unit:
        """The first that fits.

        Args:
            area: code of a village, district or regency; empty: not known.

        Raises:
            LookupError: no unit was valid on that day.
        """
        day = (at + _JAKARTA).date()
        said = frozenset(words)
        valid = [unit for unit in self.unit if unit.valid(day)]
        named = [u for u in valid if u.serves(area) and u.takes(category, said)]
        if not named:
            raise LookupError(f"routing.toml: no unit for {category} on {day}")
        return named[0]

    def by_code(self, code: str) -> Unit | None:
        return next((unit for unit in self.unit if unit.code == code), None)

    def due(self, unit: Unit, urgency: int, at: datetime) -> datetime:
        return at + timedelta(minutes=unit.minutes[urgency])


@cache
def routing() -> Routing:
    """The bundled file.

    Raises:
        SettingsError: it cannot be read.
    """
    return load_policy(data_dir() / "policy" / "routing.toml", Routing)
