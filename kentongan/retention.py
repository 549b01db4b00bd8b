"""What the archive keeps and for how long: a reviewed policy, and one pure choice.

Bytes are evidence. What a warning rests on is never deleted; of the rest, one document an hour
and one a day stay for as long as the policy says.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kentongan.policy import load_policy


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Strict):
    """Days since a document was last received. 0 hourly or daily days: no such step."""

    keep_all_days: float = Field(ge=1)
    """A day at least: a cycle may read again what it polled."""
    keep_hourly_days: float = Field(ge=0)
    keep_daily_days: float = Field(ge=0)

    @model_validator(mode="after")
    def _grow(self) -> Self:
        steps = [self.keep_all_days, self.keep_hourly_days, self.keep_daily_days]
        told = [days for days in steps if days]
        if told != sorted(told):
            raise ValueError(
                "expected keep_all_days <= keep_hourly_days <= keep_daily_days (or 0), "
                f"found {steps}"
            )
        return self


class RowRule(_Strict):
    """Days that rows of the log stay."""

    repeats_days: float = Field(default=7, ge=3)
    """Of polls that say again what the poll before said. The longest look back of a cycle is 50
    hours."""
    thinned_days: float = Field(default=30, ge=1)
    """Of polls whose bytes were deleted by policy, counted from then."""
    records_with_bytes: frozenset[str] = frozenset()
    """Kinds of record that are deleted with the document that they were read from."""


class RetentionPolicy(_Strict):
    author: str = Field(min_length=1)
    date: date
    thinned_kinds: frozenset[str]
    """Kinds of record that do not by themselves keep their document for ever."""
    default: Rule
    sources: dict[str, Rule] = {}
    rows: RowRule = RowRule()

    @model_validator(mode="after")
    def _no_event_loses_its_records(self) -> Self:
        kept = sorted(self.rows.records_with_bytes - self.thinned_kinds)
        if kept:
            raise ValueError(f"rows.records_with_bytes: {', '.join(kept)} not in thinned_kinds")
        return self

    def rule(self, source_id: str) -> Rule:
        return self.sources.get(source_id, self.default)


@dataclass(frozen=True)
class Document:
    """One archived document: bytes that came from an address between two instants."""

    url: str
    sha256: str
    first: datetime
    last: datetime
    size: int


def load_retention(path: Path) -> RetentionPolicy:
    """Raises:
    SettingsError: unreadable, an unknown or a missing key, steps in the wrong order.
    """
    return load_policy(path, RetentionPolicy)


def thinnable(
    documents: Iterable[Document], protected: Container[str], rule: Rule, at: datetime
) -> Iterator[Document]:
    """Documents whose bytes the policy gives up at `at`.

    Args:
        documents: of one source, in the order of `url`, then `first`.
        protected: sha256 of what is kept for ever. Such a document stands for its hour and day.
    """
    hours: set[tuple[str, str]] = set()
    days: set[tuple[str, str]] = set()
    url = ""
    for document in documents:
        if document.url != url:
            url, hours, days = document.url, set(), set()
        hour = (document.url, f"{document.first:%Y-%m-%dT%H}")
        day = (document.url, f"{document.first:%Y-%m-%d}")
        age = at - document.last
        kept = document.sha256 in protected or age <= timedelta(days=rule.keep_all_days)
        kept = kept or (hour not in hours and age <= timedelta(days=rule.keep_hourly_days))
        kept = kept or (day not in days and age <= timedelta(days=rule.keep_daily_days))
        if kept:
            hours.add(hour)
            days.add(day)
        else:
            yield document
