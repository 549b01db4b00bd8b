"""What is known at an instant: records that had arrived, and that are dated, by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from ingest.log import first_received
from ingest.sources.bmkg_forecast import village_of
from kentongan.db import feed_log, records
from kentongan.errors import DataError
from kentongan.records import Nowcast, NowcastItem, Record, record_from_json
from kentongan.store import Store, read_archived
from kentongan.times import iso, parse_instant

WITHOUT_END = timedelta(hours=6)
"""How long an item without a stated end counts; the longest warning on record lasts 4.3 hours."""
FORECAST_MEMORY = timedelta(days=1)
"""A village asked for longer ago is as good as never asked: two model runs have passed."""
_SAME_ISSUE = timedelta(minutes=10)
"""A CAP sent up to this long before its RSS item is that item's; on record both agree."""


def known(
    engine: Engine,
    at: datetime,
    *,
    kinds: Sequence[str],
    since: datetime | None = None,
    include_history: bool = False,
) -> list[Record]:
    """Records of `kinds` that a cycle at `at` may use, by document time, then key.

    Known means: received by `at`, and not dated after it. `since` bounds the document time.
    """
    wanted = select(records.c.body).where(
        records.c.kind.in_(list(kinds)),
        records.c.known_at <= iso(at),
        records.c.document_time <= iso(at),
    )
    if since is not None:
        wanted = wanted.where(records.c.document_time >= iso(since))
    if not include_history:
        wanted = wanted.where(records.c.history.is_(False))
    wanted = wanted.order_by(records.c.document_time, records.c.key, records.c.id)
    with engine.connect() as connection:
        return [record_from_json(body) for body in connection.scalars(wanted)]


def unknown_areas(engine: Engine, at: datetime) -> list[NowcastItem]:
    """Nowcast items that still run and whose CAP document was never read; one for each code.

    An item that left the list counts until its own end: a list that comes back empty ends nothing.
    """
    day = at - timedelta(days=1)
    documents = known(engine, at, kinds=["nowcast"], since=day - _SAME_ISSUE)
    sent = [(d.code, d.sent) for d in documents if isinstance(d, Nowcast)]
    items = known(engine, at, kinds=["nowcast_item"], since=day)
    newest = {item.code: item for item in items if isinstance(item, NowcastItem)}
    return [
        item
        for item in newest.values()
        if (item.until or item.published + WITHOUT_END) > at
        and not any(c == item.code and s >= item.published - _SAME_ISSUE for c, s in sent)
    ]


def forecast_ages(engine: Engine, at: datetime) -> dict[str, datetime]:
    """When each village's forecast was asked for last, of the last day, by village code."""
    rows = (
        select(feed_log.c.url, func.max(feed_log.c.polled_at))
        .where(
            feed_log.c.source_id == "bmkg-forecast",
            feed_log.c.polled_at <= iso(at),
            feed_log.c.polled_at > iso(at - FORECAST_MEMORY),
        )
        .group_by(feed_log.c.url)
    )
    with engine.connect() as connection:
        ages = {village_of(url): parse_instant(when) for url, when in connection.execute(rows)}
    return {village: when for village, when in ages.items() if village}


def read_payload(connection: Connection, archive: Store, source_id: str, sha256: str) -> bytes:
    """The archived bytes that a record was read from.

    Raises:
        DataError: never received, or changed since.
    """
    received = first_received(connection, source_id, sha256)
    if received is None:
        raise DataError(f"archive {source_id} {sha256[:12]}: no reception is on record")
    return read_archived(archive, source_id, received, sha256)
