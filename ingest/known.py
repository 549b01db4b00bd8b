"""What is known at an instant: records that had arrived, and that are dated, by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from ingest.log import first_received
from ingest.registry import SOURCES
from ingest.report import GOOD
from ingest.sources.bmkg_forecast import PATH as FORECAST_PATH
from ingest.sources.bmkg_forecast import village_of
from ingest.sources.bmkg_nowcast import code_in
from kentongan.db import feed_log, records
from kentongan.errors import DataError
from kentongan.records import Nowcast, NowcastItem, Record, record_from_json
from kentongan.store import Store, read_archived
from kentongan.times import iso, parse_instant

WITHOUT_END = timedelta(hours=6)
"""How long an item without a stated end counts; the longest warning on record lasts 4.3 hours."""
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
    """Items of the newest nowcast index that still run and whose CAP document was never read."""
    day = at - timedelta(days=1)
    items = known(engine, at, kinds=["nowcast_item"], since=day)
    documents = known(engine, at, kinds=["nowcast"], since=day - _SAME_ISSUE)
    sent = [(d.code, d.sent) for d in documents if isinstance(d, Nowcast)]
    listed = _listed_codes(engine, at)
    return [
        item
        for item in items
        if isinstance(item, NowcastItem)
        and (listed is None or item.code in listed)
        and (item.until or item.published + WITHOUT_END) > at
        and not any(c == item.code and s >= item.published - _SAME_ISSUE for c, s in sent)
    ]


def _listed_codes(engine: Engine, at: datetime) -> set[str] | None:
    """Codes of the links in the newest index that was read; None if none ever was."""
    own = SOURCES["bmkg-nowcast"].paths(())[0]
    good = [str(outcome) for outcome in GOOD]
    mine = feed_log.c.source_id == "bmkg-nowcast"
    with engine.connect() as connection:
        newest = connection.execute(
            select(func.max(feed_log.c.polled_at)).where(
                mine,
                feed_log.c.polled_at <= iso(at),
                feed_log.c.outcome.in_(good),
                feed_log.c.url.endswith(own, autoescape=True),
            )
        ).scalar()
        if newest is None:
            return None
        urls = connection.scalars(
            select(feed_log.c.url).where(mine, feed_log.c.polled_at == newest)
        )
        return {code for code in map(code_in, urls) if code}


def forecast_ages(engine: Engine, at: datetime) -> dict[str, datetime]:
    """When each village's forecast was last asked for, by village code."""
    rows = (
        select(feed_log.c.url, func.max(feed_log.c.polled_at))
        .where(
            feed_log.c.source_id == "bmkg-forecast",
            feed_log.c.polled_at <= iso(at),
            feed_log.c.url.contains(FORECAST_PATH, autoescape=True),
        )
        .group_by(feed_log.c.url)
    )
    with engine.connect() as connection:
        return {village_of(url): parse_instant(when) for url, when in connection.execute(rows)}


def read_payload(connection: Connection, archive: Store, source_id: str, sha256: str) -> bytes:
    """The archived bytes that a record was read from.

    Raises:
        DataError: never received, or changed since.
    """
    received = first_received(connection, source_id, sha256)
    if received is None:
        raise DataError(f"archive {source_id} {sha256[:12]}: no reception is on record")
    return read_archived(archive, source_id, received, sha256)
