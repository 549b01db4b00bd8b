"""Everybody's telephones: what the outbox put on them, and what their owners do.

Nothing is kept between two runs of a night: whoever comes back reads the same rows, and everybody
has the same intentions again.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, String, cast, select

from kentongan.db import inbound, messages, outbox, recipients, warnings
from kentongan.times import parse_instant
from notify.firewall.answers import PURPOSE
from notify.inbox.store import precise
from orchestration.simulation import residents, tagana
from orchestration.simulation.acts import Act, Reaction
from orchestration.simulation.behaviour import Behaviour
from orchestration.simulation.heard import Heard
from orchestration.simulation.residents import Village

ROUTE = "simulation"
"""By which everybody writes."""
VillageOf = Callable[[str], Village]
_BEFORE_ALL, _AFTER_ALL = "", "9999"
_RESIDENT_PURPOSES = ("alert",)


@dataclass
class People:
    """Everybody of one night."""

    engine: Engine
    seed: int
    behaviour: Behaviour
    village: VillageOf
    _upto: str = _BEFORE_ALL
    _waiting: list[Act] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _stops: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)
    _hazards: dict[str, str] = field(default_factory=dict)

    def listen(self, upto: datetime | None = None) -> int:
        """Read what came on the telephones since the last look; how many messages."""
        with self.engine.connect() as connection:
            found = list(self._heard(connection, precise(upto) if upto else _AFTER_ALL))
        for heard in found:
            self._take(self._react(heard))
        return len(found)

    def due(self, at: datetime) -> Iterator[Act]:
        """What people do up to an instant, in its order; each once."""
        while self._waiting and self._waiting[0].at <= at:
            act = heapq.heappop(self._waiting)
            stops = self._stops.get((act.person, act.task), ())
            if not any(act.since <= stop < act.at for stop in stops):
                yield act

    def forget(self, upto: datetime) -> None:
        """Leave out what was done before an interruption."""
        for _ in self.due(upto):
            pass

    def _take(self, reaction: Reaction) -> None:
        for stop in reaction.stops:
            self._stops.setdefault((stop.person, stop.task), []).append(stop.at)
        for act in reaction.acts:
            if act.key not in self._keys:
                self._keys.add(act.key)
                heapq.heappush(self._waiting, act)

    def _react(self, heard: Heard) -> Reaction:
        if heard.role != "resident":
            return tagana.react(self.seed, self.behaviour, heard)
        if heard.purpose not in _RESIDENT_PURPOSES:
            return Reaction()
        hazard = self._hazards.get(heard.key, "")
        village = self.village(heard.village)
        return residents.react(self.seed, self.behaviour, heard, village, hazard)

    def _heard(self, connection: Connection, upto: str) -> Iterator[Heard]:
        """In the order in which they were written; sending takes real time, which differs."""
        new = outbox.c.sent_at.is_not(None) & (outbox.c.created_at > self._upto)
        new = new & (outbox.c.created_at <= upto)
        rows = connection.execute(_telephones().where(new, outbox.c.channel == "sms")).all()
        replies = connection.execute(_answers().where(new)).all()
        latest = [row.created_at for row in (*rows, *replies)]
        self._upto = max(latest, default=self._upto)
        self._note_hazards(connection, rows)
        for row in sorted((*rows, *replies), key=lambda row: (row.created_at, row.id)):
            if row.purpose == PURPOSE:
                yield _of_answer(row, self._numbers)
            else:
                self._numbers[row.recipient_id] = row.address
                yield _of_row(row)

    def _note_hazards(self, connection: Connection, rows: Sequence[Any]) -> None:
        query = select(warnings.c.warning_id, warnings.c.hazard_id).distinct()
        hazards = {row.warning_id: row.hazard_id for row in connection.execute(query)}
        for row in rows:
            self._hazards[row.message_id] = hazards.get(row.warning_id, "")


def provider_key(act: Act) -> str:
    """What the carrier calls a text; who wrote it about which task can be read from it."""
    digest = hashlib.sha256(act.key.encode()).hexdigest()[:16]
    return f"{act.person}/{act.task}/{digest}"


def _telephones() -> Select[Any]:
    return (
        select(
            outbox.c.id, outbox.c.created_at, outbox.c.message_id, recipients.c.recipient_id,
            recipients.c.address, recipients.c.role, recipients.c.adm4_code, messages.c.text,
            messages.c.purpose, messages.c.warning_id,
        )
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(recipients.c.synthetic)
    )  # fmt: skip


def _answers() -> Select[Any]:
    """Answers to texts of the simulation, with the text's key."""
    return (
        select(
            outbox.c.id, outbox.c.created_at, outbox.c.message_id, messages.c.text,
            messages.c.purpose, inbound.c.provider_key,
        )
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(inbound, outbox.c.recipient_id == "inbound/" + cast(inbound.c.id, String))
        .where(messages.c.purpose == PURPOSE, inbound.c.route == ROUTE)
    )  # fmt: skip


def _of_row(row: Any) -> Heard:
    return Heard(
        row.recipient_id, row.address, row.role, row.text, parse_instant(row.created_at),
        row.message_id, row.adm4_code, row.purpose,
    )  # fmt: skip


def _of_answer(row: Any, numbers: Mapping[str, str]) -> Heard:
    """Whoever wrote reads it, also on a borrowed telephone."""
    person, task, _ = row.provider_key.split("/")
    role = "resident" if person.startswith("r-") else "coordinator"
    return Heard(
        person, numbers.get(person, ""), role, row.text, parse_instant(row.created_at),
        row.message_id, "", row.purpose, about=task,
    )  # fmt: skip
