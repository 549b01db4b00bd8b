"""What was released, by village: read once for every change of the tables, not for every reader."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from console.web.reading import Reading
from kentongan.db import alerts, warning_states, warnings
from kentongan.times import iso, parse_instant
from kentongan.types import HazardId, WarningState
from kentongan.view import FeedLine
from notify import versions
from notify.versions import Version
from notify.warning import AreaGroup, ReleasedAlert
from notify.wording.language import facts
from orchestration.live_map.not_known import NotKnown

REMEMBERED = timedelta(hours=24)
"""So long after its end a warning is still told as one that was."""
_AGE_S = 5.0
"""Feeds and the newest cycle are looked at so often at most."""


@dataclass(frozen=True)
class Held:
    """The newest version of a warning that went out."""

    version: Version
    alert: ReleasedAlert | None
    changed_at: datetime
    """When it took its newest state."""
    history: tuple[tuple[int, str], ...]
    """Every version that went out and when, oldest first."""

    @property
    def is_open(self) -> bool:
        """Released and not closed, past its end too: if nobody closed it, nobody has looked."""
        return self.version.state == WarningState.RELEASED and not self.version.body.is_end

    def holds_in(self, code: str) -> bool:
        return self.is_open and self.version.body.levels.get(code, 0) > 0


@dataclass(frozen=True)
class Standing:
    """Warnings of one state of the tables."""

    held: tuple[Held, ...] = ()
    groups: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """adm4 code -> warning and group, as indices: where a text stands for this village."""
    left: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """adm4 code -> warnings that told it once."""
    in_danger: frozenset[str] = frozenset()
    """Villages that people leave, or are told to be ready to leave."""
    in_tsunami: frozenset[str] = frozenset()
    shaken: frozenset[str] = frozenset()

    def group(self, index: int, number: int) -> AreaGroup:
        return self.held[index].version.body.groups[number]


class Watch:
    """The newest `Standing`, and how far it can be trusted."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._lock = threading.Lock()
        self._key: tuple[int, str] | None = None
        self._standing = Standing()
        self._seen: tuple[datetime, Seen] | None = None

    def standing(self, at: datetime) -> Standing:
        """Made anew where a state was added; the hour in the key lets old ends go."""
        with self.reading.engine.connect() as connection:
            newest = connection.execute(select(func.max(warning_states.c.id))).scalar() or 0
            key = (int(newest), iso(at)[:13])
            with self._lock:
                if key != self._key:
                    self._standing, self._key = _read(connection, at), key
                return self._standing

    def seen(self, at: datetime) -> Seen:
        with self._lock:
            if self._seen is None or abs((at - self._seen[0]).total_seconds()) >= _AGE_S:
                self._seen = (at, _seen(self.reading, at))
            return self._seen[1]


@dataclass(frozen=True)
class Seen:
    """What the newest run knew."""

    feeds: tuple[FeedLine, ...]
    not_known: NotKnown


def _seen(reading: Reading, at: datetime) -> Seen:
    return Seen(feeds=reading.feeds(at), not_known=reading.not_known(at))


def _read(connection: Connection, at: datetime) -> Standing:
    held = tuple(_held(connection, one) for one in _wanted(connection, at))
    groups: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    left: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(held):
        for number, group in enumerate(one.version.body.groups):
            for code in group.codes:
                groups[code].append((index, number))
        for code in one.version.body.ever_warned:
            left[code].append(index)
    return Standing(
        held=held, groups=dict(groups), left=dict(left),
        in_danger=_codes(held, {h for h, fact in facts().items() if fact.leave is not None}),
        in_tsunami=_codes(held, {HazardId.TSUNAMI}), shaken=_codes(held, {HazardId.SHAKING}),
    )  # fmt: skip


def _codes(held: Sequence[Held], hazards: set[HazardId]) -> frozenset[str]:
    found = [one.version.body for one in held if one.is_open]
    mine = [body.levels for body in found if body.hazard_id in hazards]
    return frozenset(code for levels in mine for code, level in levels.items() if level > 0)


def _wanted(connection: Connection, at: datetime) -> list[tuple[str, int, str]]:
    """Newest version that went out of each warning: those that are open, and those that were
    closed lately; id, version, when its newest state came."""
    newest = (
        select(alerts.c.warning_id, func.max(alerts.c.version).label("version"))
        .group_by(alerts.c.warning_id)
        .subquery()
    )
    last = (
        select(
            warning_states.c.warning_id, warning_states.c.version, warning_states.c.state,
            warning_states.c.at,
        )
        .join(
            newest,
            (newest.c.warning_id == warning_states.c.warning_id)
            & (newest.c.version == warning_states.c.version),
        )
        .order_by(warning_states.c.id)
    )  # fmt: skip
    state = {row.warning_id: row for row in connection.execute(last)}
    since = iso(at - REMEMBERED)
    return [
        (row.warning_id, row.version, row.at)
        for row in state.values()
        if row.state == WarningState.RELEASED or row.at >= since
    ]


def _held(connection: Connection, one: tuple[str, int, str]) -> Held:
    warning_id, number, changed = one
    version = versions.get(connection, warning_id, number)
    query = (
        select(alerts.c.version, warnings.c.created_at)
        .join(
            warnings,
            (warnings.c.warning_id == alerts.c.warning_id)
            & (warnings.c.version == alerts.c.version),
        )
        .where(alerts.c.warning_id == warning_id)
        .order_by(alerts.c.version)
    )
    history = tuple((row.version, row.created_at) for row in connection.execute(query))
    alert = versions.alert_of(connection, version.ref)
    return Held(version, alert, parse_instant(changed), history)
