"""The time line of an event: what was known, decided, said and released, when, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, select

from console.web.centre import saying
from console.words import WARNING_STATES, indonesian, level_word, number
from kentongan.db import approvals, event_links, event_versions, releases, warning_states, warnings
from kentongan.times import parse_instant

LONGEST = 300
"""Moments on the page; the rest is in the audit."""
_REASONS = {
    "first": "pertama kali diketahui", "solution": "solusi gempa baru",
    "felt": "laporan dirasakan baru", "fault": "patahan diketahui", "grid": "grid BMKG tiba",
    "hold-over": "tingkat ditahan", "document": "dokumen baru",
    "policy": "ambang atau lapisan berubah",
}  # fmt: skip
_HOWS = {
    "policy": "oleh kebijakan", "approved": "atas persetujuan",
    "break-glass": "oleh satu orang, wajib ditinjau",
}  # fmt: skip


@dataclass(frozen=True)
class Moment:
    at: datetime
    what: str
    who: str = ""
    why: str = ""
    level: int = 0
    """For its colour; 0: none."""


def story(connection: Connection, event_id: str) -> tuple[list[Moment], int]:
    """The newest `LONGEST` moments, oldest first, and how many there are in all."""
    found = [
        *_known(connection, event_id),
        *_linked(connection, event_id),
        *_versions(connection, event_id),
        *_states(connection, event_id),
        *_words(connection, event_id),
        *_releases(connection, event_id),
    ]
    found.sort(key=lambda moment: moment.at)
    return found[-LONGEST:], len(found)


def _known(connection: Connection, event_id: str) -> list[Moment]:
    table = event_versions.c
    query = select(table.at, table.version, table.level, table.method, table.reason)
    rows = connection.execute(query.where(table.event_id == event_id).order_by(table.version))
    return [
        Moment(
            parse_instant(row.at), f"Pengetahuan versi {row.version}: {level_word(row.level)}",
            row.method, ", ".join(_REASONS.get(one, one) for one in row.reason.split("+")),
            row.level,
        )
        for row in rows
    ]  # fmt: skip


def _linked(connection: Connection, event_id: str) -> list[Moment]:
    table = event_links.c
    mine = (table.event_id == event_id) | (table.other_id == event_id)
    return [
        Moment(parse_instant(r.at), f"{r.event_id} {r.relation} {r.other_id}", "", r.reason)
        for r in connection.execute(select(event_links).where(mine))
    ]


def _versions(connection: Connection, event_id: str) -> list[Moment]:
    table = warnings.c
    body = table.body
    query = select(
        table.created_at, table.warning_id, table.version, table.level, table.cap_status,
        body["action"].as_string().label("action"), body["reason"].as_string().label("reason"),
        body["exposed_people"].as_integer().label("people"),
    ).where(table.event_id == event_id)  # fmt: skip
    return [
        Moment(
            parse_instant(row.created_at),
            f"Rancangan {row.warning_id} v{row.version}: "
            f"{saying.ACTIONS.get(row.action, row.action)}, {level_word(row.level)}, "
            f"{number(row.people)} orang ({row.cap_status})",
            "", row.reason or "", row.level,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def _of_event(event_id: str) -> Select[tuple[str]]:
    return select(warnings.c.warning_id).where(warnings.c.event_id == event_id)


def _states(connection: Connection, event_id: str) -> list[Moment]:
    table = warning_states.c
    query = select(warning_states).where(table.warning_id.in_(_of_event(event_id)))
    return [
        Moment(
            parse_instant(row.at),
            f"{row.warning_id} v{row.version}: {indonesian(WARNING_STATES, row.state)}",
            row.actor, row.reason,
        )
        for row in connection.execute(query.order_by(table.id))
        if row.state != "draft"
    ]  # fmt: skip


def _words(connection: Connection, event_id: str) -> list[Moment]:
    table = approvals.c
    query = select(approvals).where(table.warning_id.in_(_of_event(event_id)))
    return [
        Moment(
            parse_instant(row.at),
            f"{row.warning_id} v{row.version}: {saying.KINDS.get(row.kind, row.kind)}",
            row.actor, row.reason,
        )
        for row in connection.execute(query.order_by(table.id))
    ]  # fmt: skip


def _releases(connection: Connection, event_id: str) -> list[Moment]:
    table = releases.c
    query = select(releases).where(table.warning_id.in_(_of_event(event_id)))
    return [
        Moment(
            parse_instant(row.at),
            f"{row.warning_id} v{row.version}: dilepas {_HOWS.get(row.how, row.how)} kepada "
            f"{number(row.recipients)} penerima, {number(row.messages)} pesan",
        )
        for row in connection.execute(query.order_by(table.at))
    ]  # fmt: skip
