"""The nowcast in two languages: the same warning, never two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from kentongan.db import records
from kentongan.records import Nowcast, NowcastItem, Record, record_from_json
from kentongan.times import iso
from kentongan.types import DocumentStatus

_Nowcasts = (Nowcast, NowcastItem)
_OURS = "id"
"""The language that warnings are made from."""
_EARLIER = timedelta(days=1)
"""How much further back the other language of a document is looked for."""


def in_one_language(
    engine: Engine, at: datetime, found: list[Record], since: datetime | None
) -> list[Record]:
    """Each nowcast warning once: in Indonesian, or in English where that cannot be had.

    English stands in for a missing document or one without a usable polygon; it never speaks as
    real of a warning of which an Indonesian record says that it is a drill or a re-creation.
    """
    if not any(isinstance(r, _Nowcasts) and r.language != _OURS for r in found):
        return found
    query = select(records.c.body).where(
        records.c.kind.in_(("nowcast", "nowcast_item")), records.c.known_at <= iso(at)
    )
    if since is not None:
        query = query.where(records.c.document_time >= iso(since - _EARLIER))
    with engine.connect() as connection:
        every = [record_from_json(body) for body in connection.scalars(query)]
    ours = [r for r in every if isinstance(r, _Nowcasts) and r.language == _OURS]
    return list(_once(found, ours))


def _once(found: Sequence[Record], ours: Sequence[Nowcast | NowcastItem]) -> Iterator[Record]:
    unreal = {r.code for r in ours if not _is_real(r)}
    told = {_issue(r): r for r in ours}
    instead: dict[_Issue, Record] = {}
    for record in found:
        if isinstance(record, _Nowcasts) and record.language != _OURS:
            other = told.get(_issue(record))
            fits = other is None or (_is_bare(other) and not _is_bare(record))
            if fits and not (record.code in unreal and _is_real(record)):
                instead[_issue(record)] = record
    for record in found:
        if isinstance(record, _Nowcasts):
            chosen = instead.get(_issue(record))
            if record is chosen or (chosen is None and record.language == _OURS):
                yield record
        else:
            yield record


def _is_real(record: Nowcast | NowcastItem) -> bool:
    return record.status is DocumentStatus.ACTUAL and not record.re_creation


def _is_bare(record: Nowcast | NowcastItem) -> bool:
    """A document of a warning in force whose area cannot be had from it."""
    return isinstance(record, Nowcast) and not (record.polygons or record.is_cancel)


_Issue = tuple[str, str, datetime, bool]


def _issue(record: Nowcast | NowcastItem) -> _Issue:
    """What is the same in all languages."""
    sent = record.sent if isinstance(record, Nowcast) else record.published
    cancel = isinstance(record, Nowcast) and record.is_cancel
    return record.kind, record.code, sent, cancel


def nowcast_in(engine: Engine, code: str, language: str, at: datetime) -> Nowcast | None:
    """The newest document of a warning in that language (`id` or `en`), known by `at`."""
    wanted = select(records.c.body).where(
        records.c.kind == "nowcast",
        records.c.key.like(f"{code}-%"),
        records.c.known_at <= iso(at),
        records.c.document_time <= iso(at),
    )
    with engine.connect() as connection:
        found = [record_from_json(body) for body in connection.scalars(wanted)]
    texts = [
        r for r in found if isinstance(r, Nowcast) and (r.code, r.language) == (code, language)
    ]
    return max(texts, key=lambda record: (record.sent, record.key), default=None)
