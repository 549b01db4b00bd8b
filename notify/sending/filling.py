"""From segments to rows of the outbox, as the dispatcher needs them.

Most urgent class first, and in a class the areas that were served least, so that no message waits
for rows behind it. One chunk is one transaction, its rows and the cursors of its segments, so a
process that dies leaves a whole chunk or none; the rows' unique key makes a chunk that is made
twice harmless. A row's `turn` is its place within its area: the claim goes by it, so that
every area of a class has its first message before one has its second.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    String,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from kentongan.db import insert_ignore, messages, outbox, recipients, segments
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import OutboxState, SegmentState
from notify.firewall.gate import RECORDER, TEST_ROUTE
from notify.sending.rows import (
    COLUMNS,
    REACHED,
    due_of,
    ended_later,
    is_made_up,
    is_told_by,
    reads_texts_of,
)
from notify.sending.segments import close

CHUNK = {"sqlite": 20_000, "postgresql": 10_000}
"""Recipients whose rows are made in one transaction: 0.2 s on SQLite, where nobody else writes
meanwhile, and 0.4 s on PostgreSQL. Ids of a chunk lie all over the unique index of SQLite, whose
pages are written anew with each chunk: half as many chunks write half as much."""
_ROOM = ("cache_size = -98304", "wal_autocheckpoint = 8000")
"""Of a connection of SQLite that makes rows: 96 MB of pages at most, and a log of 32 MB before it
is copied; with SQLite's 2 and 4 MB a million rows take a fifth longer."""
FIRST = 5_000
"""Recipients whose rows are made with the segments: a small warning is whole at once."""
_SHARE = 20
"""Recipients of one segment in a chunk at least, so that a first chunk serves up to 500 areas."""
_GROWTH, _MOST = 5, 500
"""Later a fifth of what the least served area has had, up to this many: areas differ by no more
than that, and rows of one area, which stand side by side in the indexes, are made together."""


def fill(
    engine: Engine,
    *,
    at: datetime,
    limit: int | None = None,
    channels: Sequence[str] = (),
    max_prio: int | None = None,
) -> int:
    """Make rows for up to about `limit` recipients of open segments; returns for how many.

    One transaction. 0: nothing is open, or others have it in hand.

    Args:
        at: segments past their end are left alone (`notify.sending.segments.expire`).
        limit: a chunk of this database without.
        channels: of these alone; empty: of all.
        max_prio: of segments at least so urgent alone.
    """
    where: list[ColumnElement[bool]] = [segments.c.channel.in_(channels)] if channels else []
    if max_prio is not None:
        where.append(segments.c.prio <= max_prio)
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            for setting in _ROOM:
                connection.exec_driver_sql(f"PRAGMA {setting}")
        return _fill_all(connection, at, limit or CHUNK[engine.dialect.name], where)


def fill_first(connection: Connection, alert_version: str, *, at: datetime) -> int:
    """The first rows of one version, in the transaction that writes its segments."""
    where = [segments.c.alert_version == alert_version]
    return _fill_all(connection, at, FIRST, where)


def _fill_all(
    connection: Connection, at: datetime, limit: int, where: Sequence[ColumnElement[bool]]
) -> int:
    done = 0
    while done < limit:
        picked = _pick(connection, at, limit - done, where)
        if not picked:
            break
        done += _fill(connection, picked, limit - done)
        if limit - done < len(picked):  # not one more for each: no round for those few
            break
    return done


def top_prio(connection: Connection, *, at: datetime, channels: Sequence[str] = ()) -> int | None:
    """Of the most urgent open segment; one look into an index."""
    where = [segments.c.channel.in_(channels)] if channels else []
    first = _first(connection, at, where)
    return None if first is None else int(first.prio)


def _first(connection: Connection, at: datetime, where: Sequence[ColumnElement[bool]]) -> Any:
    """The most urgent open segment that was served least."""
    table = segments.c
    query = select(table.prio, table.rows).where(*_open(at), *where)
    return connection.execute(query.order_by(table.prio, table.rows).limit(1)).first()


def _open(at: datetime) -> list[ColumnElement[bool]]:
    return [segments.c.state == SegmentState.OPEN, segments.c.not_after > iso(at)]


def _pick(
    connection: Connection, at: datetime, limit: int, where: Sequence[ColumnElement[bool]]
) -> list[Any]:
    """Segments of the most urgent class that were served least; none of an ended warning."""
    while (first := _first(connection, at, where)) is not None:
        share = max(_SHARE, min(_MOST, first.rows // _GROWTH))
        query = (
            select(segments.c.id, segments.c.message_id, segments.c.source)
            .where(*_open(at), *where, segments.c.prio == first.prio)
            .order_by(segments.c.rows, segments.c.id)
            .limit(max(1, limit // share))
        )
        if connection.dialect.name == "postgresql":  # segments of other workers are passed by
            query = query.with_for_update(skip_locked=True)
        picked = list(connection.execute(query))
        ended = _ended(connection, _among(connection, [row.id for row in picked]))
        if not ended:
            return picked
        close(connection, segments.c.message_id.in_(ended), SegmentState.SUPPRESSED)
    return []


def _among(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Segments by their ids, which go as one value: a statement with hundreds of them takes longer
    to write than the database takes to find them, and is written anew for each number."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY

        return segments.c.id == func.any(literal(list(ids), ARRAY(BigInteger)))
    each = func.json_each(json.dumps(list(ids))).table_valued("value")
    return segments.c.id.in_(select(each.c.value))


def _ended(connection: Connection, mine: ColumnElement[bool]) -> list[str]:
    of_them = select(segments.c.message_id).where(mine)
    query = select(messages.c.message_id).where(messages.c.message_id.in_(of_them))
    return list(connection.execute(query.where(ended_later())).scalars())


def _fill(connection: Connection, picked: Sequence[Any], limit: int) -> int:
    """Rows of the next recipients of each of these segments; how many recipients those are."""
    share = max(1, limit // len(picked))
    done = 0
    for audience in (_Residents(), _Told()):
        ids = [row.id for row in picked if bool(row.source) is audience.of_ends]
        if ids:
            mine = _among(connection, ids)
            connection.execute(update(segments).where(mine).values(upto=audience.upto(share)))
            for part in range(_parts(connection, mine)):
                rows = audience.rows(mine, part)
                made = insert_ignore(connection, outbox).from_select(list(COLUMNS), rows)
                connection.execute(made)
            done += _advance(connection, audience, mine, share)
    return done


def _parts(connection: Connection, mine: ColumnElement[bool]) -> int:
    of_them = select(segments.c.message_id).where(mine)
    query = select(func.max(messages.c.parts)).where(messages.c.message_id.in_(of_them))
    return connection.execute(query).scalar() or 1


def _advance(
    connection: Connection, audience: _Audience, mine: ColumnElement[bool], share: int
) -> int:
    """Cursors behind the chunk; a segment that had less than its share left is filled."""
    found = connection.execute(select(segments.c.id, audience.count()).where(mine)).all()
    by_number: dict[int, list[int]] = {}
    for key, number in found:
        by_number.setdefault(int(number), []).append(key)
    for number, keys in by_number.items():
        values: dict[str, Any] = {"cursor": segments.c.upto, "rows": segments.c.rows + number}
        if number < share:
            values["state"] = SegmentState.FILLED
        connection.execute(update(segments).where(_among(connection, keys)).values(values))
    return sum(number * len(keys) for number, keys in by_number.items())


class _Audience(ABC):
    """Recipients of segments, in the order of their ids; correlated to `segments`."""

    of_ends: bool
    person: ColumnElement[str]
    area: ColumnElement[str]

    @abstractmethod
    def source(self) -> FromClause:
        """What is joined to `segments`."""

    @abstractmethod
    def belongs(self) -> ColumnElement[bool]:
        """Who gets the message of a segment."""

    @abstractmethod
    def route(self) -> ColumnElement[str]:
        """Where a row goes."""

    def upto(self, share: int) -> ColumnElement[str]:
        """The last of the next `share` ids; the cursor itself where nobody is left."""
        ahead = (
            select(self.person.label("person"))
            .select_from(self.source())
            .where(self.belongs(), self.person > segments.c.cursor)
            .order_by(self.person)
            .limit(share)
            .correlate(segments)
        )
        if self.of_ends:  # a text of several parts has several rows for one person
            ahead = ahead.distinct()
        last = select(func.max(ahead.subquery().c.person)).scalar_subquery()
        return func.coalesce(last, segments.c.cursor)

    def chunk(self) -> ColumnElement[bool]:
        person = self.person
        return and_(self.belongs(), person > segments.c.cursor, person <= segments.c.upto)

    def count(self) -> ColumnElement[int]:
        query = select(func.count(self.person.distinct())).select_from(self.source())
        return query.where(self.chunk()).correlate(segments).scalar_subquery()

    def rows(self, mine: ColumnElement[bool], part: int) -> Select[Any]:
        """Rows of one part; a text that has fewer parts gives none."""
        table = segments.c
        place = func.row_number().over(partition_by=table.id, order_by=self.person)
        values: tuple[ColumnElement[Any], ...] = (
            table.alert_version, self.person, table.channel, literal(part), table.message_id,
            self.route(), table.prio, literal(int(OutboxState.READY)), literal(0),
            table.created_at, due_of(table.created_at), table.not_after, self.area,
            table.rows + place,
        )  # fmt: skip
        query = select(*values).select_from(
            segments.join(messages, messages.c.message_id == table.message_id).join(
                self.source(), self.chunk()
            )
        )
        return query.where(mine, messages.c.parts > part)


class _Residents(_Audience):
    """Of a village, by `recipients_by_area`."""

    of_ends = False
    person = recipients.c.recipient_id
    area = segments.c.adm4_code

    def source(self) -> FromClause:
        return recipients

    def belongs(self) -> ColumnElement[bool]:
        table = recipients.c
        return and_(
            table.adm4_code == segments.c.adm4_code, table.role == "resident",
            is_told_by(segments.c.channel), reads_texts_of(segments.c.language),
        )  # fmt: skip

    def route(self) -> ColumnElement[str]:
        real = segments.c.to_public & ~is_made_up()
        return case((real, segments.c.channel), else_=literal(RECORDER, String))


class _Told(_Audience):
    """Whom an earlier message reached, or may have reached; by `outbox_by_message`."""

    of_ends = True

    def __init__(self) -> None:
        self.earlier = outbox.alias("earlier")
        self.person = self.earlier.c.recipient_id
        self.area = self.earlier.c.area_code

    def source(self) -> FromClause:
        mine = recipients.c.recipient_id == self.earlier.c.recipient_id
        return self.earlier.join(recipients, mine)

    def belongs(self) -> ColumnElement[bool]:
        return and_(
            self.earlier.c.message_id == segments.c.source,
            self.earlier.c.state.in_(REACHED),
            recipients.c.role == "resident",
            is_told_by(segments.c.channel),
            reads_texts_of(segments.c.language),
        )

    def route(self) -> ColumnElement[str]:
        """The public way where the alert went it, and the recorder for all others."""
        way = self.earlier.c.route
        closed = or_(is_made_up(), ~segments.c.to_public, way.in_((RECORDER, TEST_ROUTE)))
        return case((closed, literal(RECORDER, String)), else_=segments.c.channel)
