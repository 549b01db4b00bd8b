"""The list of events: what a page asks for, and its lines, from the tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from kentongan.db import events, warning_states, warnings
from kentongan.hazard import HazardEvent
from kentongan.times import iso, parse_instant
from kentongan.types import HazardId, WarningState

PAGE = 50
LAST_PAGE = 10_000
OPEN, CLOSED, ALL = "terbuka", "tertutup", "semua"
_OPEN_STATES = (WarningState.DRAFT, WarningState.APPROVED, WarningState.RELEASED)
_WIB = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Wanted:
    """What of the list is asked for, by the address; what is not understood is left out."""

    state: str = OPEN
    hazard: str = ""
    since: date | None = None
    until: date | None = None
    """That day included."""
    number: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        state, hazard = query.get("keadaan", ""), query.get("bahaya", "")
        return cls(
            state=state if state in (OPEN, CLOSED, ALL) else OPEN,
            hazard=hazard if hazard in set(HazardId) else "",
            since=_day(query.get("dari", "")),
            until=_day(query.get("sampai", "")),
            number=page_number(query.get("halaman", "")),
        )

    def link(self, number: int) -> str:
        """The query of another page of the same."""
        kept = {
            "keadaan": self.state, "bahaya": self.hazard, "dari": str(self.since or ""),
            "sampai": str(self.until or ""), "halaman": str(number),
        }  # fmt: skip
        return urlencode({name: value for name, value in kept.items() if value})


def page_number(text: str) -> int:
    """1 for what is no page."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    return min(max(1, number), LAST_PAGE)


def _day(text: str) -> date | None:
    """None where it is no day, or its midnights in Jakarta have no date in UTC."""
    try:
        found = date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
    return found if found is None or date.min < found < date.max else None


@dataclass(frozen=True)
class EventLine:
    event_id: str
    hazard_id: str
    level: int
    title: str
    state: str
    valid_from: datetime
    valid_to: datetime
    place: str = ""
    warning_id: str = ""
    """Empty: no warning was made of it."""
    warning_state: str = ""
    warning_level: int = 0
    cap_status: str = ""
    exposed: int | None = None
    uncovered: int | None = None


@dataclass(frozen=True)
class Listed:
    lines: tuple[EventLine, ...]
    count: int
    open_count: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PAGE))


def listed(connection: Connection, wanted: Wanted, names: Mapping[str, str]) -> Listed:
    """One page of the events, the newest first.

    Args:
        names: of provinces, by code.
    """
    query = _filtered(select(events), wanted)
    count = connection.execute(
        _filtered(select(func.count()).select_from(events), wanted)
    ).scalar_one()
    open_count = connection.execute(
        select(func.count()).select_from(events).where(_is_open())
    ).scalar_one()
    page = query.order_by(events.c.valid_from.desc(), events.c.event_id)
    rows = connection.execute(page.limit(PAGE).offset((wanted.number - 1) * PAGE)).mappings().all()
    held = newest_warnings(connection, [row["event_id"] for row in rows])
    return Listed(
        tuple(_line(row, held.get(row["event_id"]), names) for row in rows), count, open_count
    )


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.state == OPEN:
        query = query.where(_is_open())
    elif wanted.state == CLOSED:
        query = query.where(~_is_open())
    if wanted.hazard:
        query = query.where(events.c.hazard_id == wanted.hazard)
    if wanted.since:
        query = query.where(events.c.valid_to >= _midnight(wanted.since))
    if wanted.until:
        query = query.where(events.c.valid_from < _midnight(wanted.until + timedelta(days=1)))
    return query


def _midnight(day: date) -> str:
    """Of that day in Jakarta."""
    return iso(datetime.combine(day, time(), _WIB))


def _is_open() -> ColumnElement[bool]:
    """It goes on, or a warning of it is in force or waits."""
    return or_(events.c.state == "active", events.c.event_id.in_(_of_open_warnings()))


def _of_open_warnings() -> Select[tuple[str]]:
    last = select(func.max(warning_states.c.id)).group_by(
        warning_states.c.warning_id, warning_states.c.version
    )
    return (
        select(warnings.c.event_id)
        .join(
            warning_states,
            (warning_states.c.warning_id == warnings.c.warning_id)
            & (warning_states.c.version == warnings.c.version),
        )
        .where(warning_states.c.id.in_(last), warning_states.c.state.in_(_OPEN_STATES))
    )


def newest_warnings(connection: Connection, event_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Event -> figures of its newest warning version, read without its whole body."""
    newest = (
        select(warnings.c.warning_id, func.max(warnings.c.version).label("version"))
        .where(warnings.c.event_id.in_(list(event_ids)))
        .group_by(warnings.c.warning_id)
        .subquery()
    )
    state = (
        select(warning_states.c.state)
        .where(
            warning_states.c.warning_id == warnings.c.warning_id,
            warning_states.c.version == warnings.c.version,
        )
        .order_by(warning_states.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            warnings.c.event_id, warnings.c.warning_id, warnings.c.level, warnings.c.cap_status,
            warnings.c.created_at, state.label("state"),
            warnings.c.body["exposed_people"].as_integer().label("exposed"),
            warnings.c.body["uncovered_people"].as_integer().label("uncovered"),
        )
        .join(
            newest,
            (newest.c.warning_id == warnings.c.warning_id)
            & (newest.c.version == warnings.c.version),
        )
        .order_by(warnings.c.created_at, warnings.c.warning_id)
    )  # fmt: skip
    return {row["event_id"]: dict(row) for row in connection.execute(query).mappings()}


def _line(row: RowMapping, held: Mapping[str, Any] | None, names: Mapping[str, str]) -> EventLine:
    event = HazardEvent.model_validate_json(str(row["body"]))
    found = EventLine(
        event_id=event.event_id,
        hazard_id=str(event.hazard_id),
        level=int(event.level),
        title=event.title,
        state=str(row["state"]),
        valid_from=parse_instant(str(row["valid_from"])),
        valid_to=parse_instant(str(row["valid_to"])),
        place=event.place or ", ".join(names.get(code, code) for code in event.province_codes),
    )
    if held is None:
        return found
    return replace(
        found, warning_id=str(held["warning_id"]), warning_state=str(held["state"]),
        warning_level=int(str(held["level"])), cap_status=str(held["cap_status"]),
        exposed=held["exposed"], uncovered=held["uncovered"],
    )  # fmt: skip
