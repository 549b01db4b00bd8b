"""Who comes to a village while a warning holds there: told as everybody else was.

A segment's people are looked up in the order of their ids, so whoever signs up, comes back, changes
language or moves there behind its cursor, or after its last row, would be passed by; and a village
where nobody was registered at the release has no segment at all. So whoever registers somebody
calls this in the same transaction: the segments of the newest version that told the village are
opened again, and the rows' unique key keeps everybody else from being told twice.

Not told: of a version whose own end is past although a renewal holds on (its text names that end),
and of villages where the newest version does not hold any more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, select, update

from kentongan.binding import bound_in
from kentongan.db import alerts, segments, warnings
from kentongan.times import iso
from kentongan.types import SegmentState
from notify import versions
from notify.cap.publisher import Publisher
from notify.firewall.clearance import BOUND_TO_PUBLIC
from notify.sending.messages import Message, messages_for
from notify.sending.segments import Segment, count_people, of_villages, write

_KEPT = 64
"""Versions whose messages are remembered; a version never changes."""


@dataclass(frozen=True)
class _Told:
    """What one released version says, and where."""

    is_end: bool
    status: str
    expires: datetime
    holds: frozenset[str]
    messages: tuple[Message, ...]


_known: OrderedDict[tuple[str, int, str], _Told] = OrderedDict()
_lock = threading.Lock()


def tell_newcomers(connection: Connection, codes: Collection[str], *, at: datetime) -> int:
    """Open the segments of these villages, where a warning in force told them, for who came now.

    One query where nothing is in force.

    Returns:
        How many segments are open for it.
    """
    wanted = frozenset(codes)
    done = 0
    for of_one in _in_force(connection, at) if wanted else ():
        for told, made in _newest_words(connection, of_one, wanted):
            if told.expires > at:
                done += _open(connection, told, made, at)
    return done


def _in_force(connection: Connection, at: datetime) -> Iterator[list[Any]]:
    """Released versions by warning, the newest first; of warnings that may still hold."""
    query = (
        select(warnings.c.warning_id, warnings.c.version, warnings.c.content_hash)
        .join(
            alerts,
            (alerts.c.warning_id == warnings.c.warning_id)
            & (alerts.c.version == warnings.c.version),
        )
        .where(warnings.c.warning_id.in_(_may_hold(at)))
        .order_by(warnings.c.warning_id, warnings.c.version.desc())
    )
    rows = connection.execute(query).all()
    for _, of_one in groupby(rows, key=lambda row: row.warning_id):
        yield list(of_one)


def _may_hold(at: datetime) -> Select[tuple[str]]:
    """An end may run out before what it ended would have."""
    return select(warnings.c.warning_id).where(warnings.c.expires > iso(at))


def _newest_words(
    connection: Connection, of_one: Sequence[Any], wanted: frozenset[str]
) -> Iterator[tuple[_Told, list[Message]]]:
    """For each channel and village where the newest version holds, the newest that spoke there."""
    newest = _told(connection, of_one[0])
    if newest.is_end:
        return
    here = newest.holds & wanted
    left = {(channel, code) for channel in ("sms", "push") for code in here}
    for row in of_one:
        if not left:
            return
        told = _told(connection, row)
        made = list(_only(told.messages, left))
        left -= {(one.channel, code) for one in made for code in one.villages}
        if made:
            yield told, made


def _only(messages: Iterable[Message], left: Collection[tuple[str, str]]) -> Iterator[Message]:
    for message in messages:
        villages = tuple(code for code in message.villages if (message.channel, code) in left)
        if villages:
            yield replace(message, villages=villages)


def _told(connection: Connection, row: Any) -> _Told:
    key = (row.warning_id, row.version, row.content_hash)
    with _lock:
        known = _known.get(key)
    if known is not None:
        return known
    version = versions.get(connection, row.warning_id, row.version)
    body = version.body
    made = messages_for(version.ref, body, publisher=Publisher(), coordinators={})
    found = _Told(
        is_end=body.is_end,
        status=body.status,
        expires=body.expires,
        holds=frozenset(code for code, level in body.levels.items() if level > 0),
        messages=tuple(one for one in made if one.villages and one.purpose == "alert"),
    )
    with _lock:
        _known[key] = found
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return found


def _open(connection: Connection, told: _Told, made: Sequence[Message], at: datetime) -> int:
    people = count_people(connection, sorted({code for one in made for code in one.villages}))
    to_public = told.status == "Actual" and bound_in(connection) == BOUND_TO_PUBLIC
    planned = of_villages(made, people, to_public=to_public)
    write(connection, planned, at=at, not_after=told.expires)
    _hold(connection, planned)
    return sum(_open_again(connection, one) for one in planned)


def _hold(connection: Connection, planned: Sequence[Segment]) -> None:
    """In one order, so that two who register people, or an end, never block each other."""
    if connection.dialect.name != "postgresql" or not planned:
        return
    table = segments.c
    mine = table.alert_version.in_({one.alert_version for one in planned}) & table.adm4_code.in_(
        {one.adm4_code for one in planned}
    )
    connection.execute(select(table.id).where(mine).order_by(table.id).with_for_update())


def _open_again(connection: Connection, one: Segment) -> int:
    """Also where as many left as came, which a count does not show."""
    table = segments.c
    change = (
        update(segments)
        .where(table.alert_version == one.alert_version, table.adm4_code == one.adm4_code)
        .where(table.channel == one.channel, table.language == one.language)
        .where(table.source == "")
        .where(table.state.in_((SegmentState.OPEN, SegmentState.FILLED)))
        .values(state=SegmentState.OPEN, cursor="", rows=0, people=one.people)
    )
    return int(connection.execute(change).rowcount)
