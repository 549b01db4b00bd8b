"""How many people a warning reached, as measured: by area, each person at their best message.

Nothing is guessed. What a carrier took and never told of is `accepted` and not delivered; what
got no answer stays `unknown`; who is not registered is counted by nobody. The recorder's rows reach
nobody and stand apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from kentongan.db import messages, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.types import OutboxState
from notify import versions
from notify.firewall.gate import RECORDER
from notify.sending.broadcast import PURPOSE as BROADCAST

_CHUNK = 5_000
"""Codes in one statement; SQLite binds up to 32,766 values."""
_DISTRICT = 8


class Told(StrEnum):
    """The best that became of any message of a warning to one person; the best first."""

    DELIVERED = "delivered"
    """Their phone had it, says the carrier."""
    ACCEPTED = "accepted"
    """The carrier has it; whether the phone has it nobody said."""
    UNKNOWN = "unknown"
    """Sent, or perhaps sent; no answer."""
    WAITING = "waiting"
    RECORDED = "recorded"
    """Written to a file: no phone was meant."""
    FAILED = "failed"
    LATE = "late"
    """It waited beyond its end and was not sent."""
    STOPPED = "stopped"
    """By an end, by the firewall, or by the person's wish."""
    NONE = "none"
    """Registered there, and no message has a row for them (yet)."""


ORDER = tuple(Told)
_OF_STATE = {
    OutboxState.READY: Told.WAITING,
    OutboxState.LEASED: Told.WAITING,
    OutboxState.ON_WIRE: Told.UNKNOWN,
    OutboxState.ACCEPTED: Told.ACCEPTED,
    OutboxState.DELIVERED: Told.DELIVERED,
    OutboxState.FAILED: Told.FAILED,
    OutboxState.UNKNOWN: Told.UNKNOWN,
    OutboxState.EXPIRED: Told.LATE,
    OutboxState.SUPPRESSED: Told.STOPPED,
}


@dataclass(frozen=True)
class AreaReach:
    """One district. `sum(people_told.values())` is `registered`."""

    code: str
    people: int | None
    """Who live in its warned villages, by the layer set; None where that is not known."""
    people_told: Mapping[Told, int]
    """Registered residents by the best that became of their messages."""
    made_up: int = 0
    """Of the registered those who are not real."""
    by_channel: Mapping[str, Mapping[Told, int]] = field(default_factory=dict)
    """Channel -> rows; people may have several."""
    topics: Mapping[str, Told] = field(default_factory=dict)
    """Channel -> what became of the newest message to the district's topic."""

    @property
    def registered(self) -> int:
        return sum(self.people_told.values())

    def share(self, *states: Told) -> float | None:
        """Of the registered; None where nobody is."""
        if not self.registered:
            return None
        return sum(self.people_told.get(state, 0) for state in states) / self.registered

    @property
    def registered_share(self) -> float | None:
        """Real ones, of the people who live there; None where those are not known."""
        return (self.registered - self.made_up) / self.people if self.people else None


@dataclass(frozen=True)
class Reach:
    warning_id: str
    status: str
    areas: tuple[AreaReach, ...]
    """By code."""

    @property
    def whole(self) -> AreaReach:
        """All districts together; topics are left out. People: None where any is not known."""
        told: Counter[Told] = Counter()
        channels: dict[str, Counter[Told]] = {}
        for area in self.areas:
            told.update(area.people_told)
            for channel, states in area.by_channel.items():
                channels.setdefault(channel, Counter()).update(states)
        known = [area.people for area in self.areas]
        people = None if None in known else sum(one for one in known if one is not None)
        return AreaReach("", people, told, sum(a.made_up for a in self.areas), channels)


def measured_reach(
    connection: Connection,
    warning_id: str,
    *,
    people: Mapping[str, int] | None = None,
    ends: bool = False,
) -> Reach:
    """What became of a warning's messages until now.

    Args:
        people: adm4_code -> who live there.
        ends: of its corrections and all-clears instead of its alerts.

    Raises:
        RuleViolation: no such warning, or it was never released.
    """
    newest = versions.newest_released(connection, warning_id)
    if newest is None:
        raise RuleViolation(f"warning {warning_id}: none of that name was released")
    villages = sorted({*newest.body.levels, *newest.body.ever_warned})
    counted = _Counted()
    purpose = "all-clear" if ends else "alert"
    _add_told(connection, warning_id, purpose, counted)
    _add_registered(connection, villages, counted)
    _add_channels(connection, warning_id, purpose, counted)
    _add_topics(connection, warning_id, counted)
    known = _people_by_district(villages, people)
    codes = sorted({v[:_DISTRICT] for v in villages} | counted.districts())
    areas = tuple(counted.area(code, known.get(code) if known else None) for code in codes)
    return Reach(warning_id, newest.body.status, areas)


@dataclass
class _Counted:
    told: dict[str, Counter[Told]] = field(default_factory=dict)
    with_row: Counter[str] = field(default_factory=Counter)
    """Active residents who have a row, by village."""
    made_up: Counter[str] = field(default_factory=Counter)
    channels: dict[str, dict[str, Counter[Told]]] = field(default_factory=dict)
    topics: dict[str, dict[str, Told]] = field(default_factory=dict)

    def count(self, code: str, state: Told, number: int) -> None:
        self.told.setdefault(code[:_DISTRICT], Counter())[state] += number

    def districts(self) -> set[str]:
        return {*self.told, *self.topics}

    def area(self, code: str, people: int | None) -> AreaReach:
        found = self.told.get(code, Counter())
        return AreaReach(
            code,
            people,
            {state: found[state] for state in ORDER if found[state]},
            self.made_up[code],
            self.channels.get(code, {}),
            self.topics.get(code, {}),
        )


def _state() -> ColumnElement[int]:
    """A row's place in `ORDER`; what the recorder took was delivered to nobody."""
    recorded = and_(outbox.c.route == RECORDER, outbox.c.state == OutboxState.ACCEPTED)
    return case(
        (recorded, ORDER.index(Told.RECORDED)),
        *((outbox.c.state == state, ORDER.index(told)) for state, told in _OF_STATE.items()),
        else_=ORDER.index(Told.UNKNOWN),
    )


def _ids(warning_id: str, purpose: str) -> Select[tuple[str]]:
    return select(messages.c.message_id).where(
        messages.c.warning_id == warning_id, messages.c.purpose == purpose
    )


def _home() -> ColumnElement[str]:
    """Where a person lives; of one who was erased since, the area of their row."""
    return func.coalesce(recipients.c.adm4_code, outbox.c.area_code)


def _add_told(connection: Connection, warning_id: str, purpose: str, counted: _Counted) -> None:
    """Each resident once, at the best of their rows."""
    best = (
        select(
            func.max(_home()).label("home"),
            func.min(_state()).label("best"),
            func.coalesce(func.max(case((recipients.c.active, 1), else_=0)), 0).label("active"),
            func.coalesce(func.max(case((recipients.c.synthetic, 1), else_=0)), 0).label("made_up"),
        )
        .select_from(
            outbox.outerjoin(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        )
        .where(outbox.c.message_id.in_(_ids(warning_id, purpose)))
        .where(func.coalesce(recipients.c.role, "resident") == "resident")
        .group_by(outbox.c.recipient_id)
        .subquery()
    )
    query = select(best.c.home, best.c.best, best.c.active, best.c.made_up, func.count()).group_by(
        best.c.home, best.c.best, best.c.active, best.c.made_up
    )
    for home, place, active, made_up, number in connection.execute(query):
        counted.count(home, ORDER[place], number)
        counted.with_row[home] += number * active
        counted.made_up[home[:_DISTRICT]] += number * made_up


def _add_registered(connection: Connection, villages: Sequence[str], counted: _Counted) -> None:
    """Who is registered in a warned village and has no row."""
    for chunk in _chunks(villages):
        table = recipients.c
        query = (
            select(table.adm4_code, func.count())
            .where(table.adm4_code.in_(chunk), table.role == "resident", table.active)
            .group_by(table.adm4_code)
        )
        for code, number in connection.execute(query):
            if left := max(0, number - counted.with_row[code]):
                counted.count(code, Told.NONE, left)


def _add_channels(connection: Connection, warning_id: str, purpose: str, counted: _Counted) -> None:
    place = _state().label("place")
    home = func.substr(_home(), 1, _DISTRICT).label("home")
    query = (
        select(home, outbox.c.channel, place, func.count())
        .select_from(
            outbox.outerjoin(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        )
        .where(outbox.c.message_id.in_(_ids(warning_id, purpose)))
        .where(func.coalesce(recipients.c.role, "resident") == "resident")
        .group_by("home", outbox.c.channel, "place")
    )
    for code, channel, index, number in connection.execute(query):
        states = counted.channels.setdefault(code, {}).setdefault(channel, Counter())
        states[ORDER[index]] += number


def _add_topics(connection: Connection, warning_id: str, counted: _Counted) -> None:
    """The newest message to each district's sirens and apps."""
    query = (
        select(recipients.c.adm4_code, outbox.c.channel, _state())
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(outbox.c.message_id.in_(_ids(warning_id, BROADCAST)))
        .where(func.length(recipients.c.adm4_code) == _DISTRICT)
        .order_by(outbox.c.id)
    )
    for code, channel, index in connection.execute(query):
        counted.topics.setdefault(code, {})[channel] = ORDER[index]


def _people_by_district(
    villages: Sequence[str], people: Mapping[str, int] | None
) -> dict[str, int | None]:
    """None where a village's people are not known."""
    found: dict[str, int | None] = {}
    for code in villages if people is not None else ():
        own, so_far = (people or {}).get(code), found.get(code[:_DISTRICT], 0)
        found[code[:_DISTRICT]] = None if own is None or so_far is None else so_far + own
    return found


def _chunks(codes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (codes[start : start + _CHUNK] for start in range(0, len(codes), _CHUNK))
