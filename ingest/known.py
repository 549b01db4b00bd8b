"""What is known at an instant: records that had arrived, and that are dated, by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from ingest.keep.archiving import in_archive
from ingest.languages import in_one_language
from kentongan.db import records
from kentongan.records import Nowcast, NowcastItem, Record, record_from_json
from kentongan.store import Store
from kentongan.times import iso

WITHOUT_END = timedelta(hours=6)
"""How long an item without a stated end counts; the longest warning on record lasts 4.3 hours."""
NAMES_SHOWN = 20
"""Districts in a title; the longest list on record has 98."""
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
        found = [record_from_json(body) for body in connection.scalars(wanted)]
    return in_one_language(engine, at, found, since)


def unknown_areas(engine: Engine, at: datetime) -> list[NowcastItem]:
    """Nowcast warnings that still run and whose area is not known; one for each code.

    Either the CAP document was never read, or the newest one has no usable polygon. An item that
    left the list counts until its own end: a list that comes back empty ends nothing. Titles name
    the districts that BMKG names.
    """
    day = at - timedelta(days=1)
    found = known(engine, at, kinds=["nowcast"], since=day - _SAME_ISSUE)
    documents = [document for document in found if isinstance(document, Nowcast)]
    listed = known(engine, at, kinds=["nowcast_item"], since=day)
    items = {item.code: item for item in listed if isinstance(item, NowcastItem)}
    without = {document.code: document for document in _without_area(documents, at)}
    unread = {code: item for code, item in items.items() if _is_unread(item, documents, at)}
    every = {code: _from_document(one) for code, one in without.items()} | unread
    return [_naming_districts(item) for item in every.values()]


def _is_unread(item: NowcastItem, documents: Sequence[Nowcast], at: datetime) -> bool:
    if (item.until or item.published + WITHOUT_END) <= at:
        return False
    since = item.published - _SAME_ISSUE
    return not any(d.code == item.code and d.sent >= since for d in documents)


def _without_area(documents: Sequence[Nowcast], at: datetime) -> list[Nowcast]:
    """The newest document of each code and status, where it runs and no polygon can be used."""
    newest = {(document.code, document.status): document for document in documents}
    return [d for d in newest.values() if not (d.polygons or d.is_cancel) and d.expires > at]


def _from_document(document: Nowcast) -> NowcastItem:
    return NowcastItem(
        source_id=document.source_id,
        key=document.key,
        sha256=document.sha256,
        document_time=document.document_time,
        status=document.status,
        re_creation=document.re_creation,
        code=document.code,
        province_code=document.province_code,
        title=document.headline or document.event,
        link="",
        published=document.sent,
        until=document.expires,
        district_names=document.district_names,
    )


def _naming_districts(item: NowcastItem) -> NowcastItem:
    names = item.district_names
    if not names:
        return item
    more = f" (+{len(names) - NAMES_SHOWN})" if len(names) > NAMES_SHOWN else ""
    title = f"{item.title}: {', '.join(names[:NAMES_SHOWN])}{more}"
    return item.model_copy(update={"title": title})


def read_payload(connection: Connection, archive: Store, source_id: str, sha256: str) -> bytes:
    """The archived bytes that a record was read from.

    Raises:
        DataError: never received, thinned by policy, or changed since.
    """
    return in_archive(connection, archive, source_id, sha256)
