"""BMKG's detections: what its seismic processing finds, mostly not announced. Page: docs/sources.

They raise no warning, ever: they belong to the history of solutions of a quake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ingest.keep.drift import field_names, misplaced, names_of
from ingest.read.detections import (
    GEOJSON,
    HISTORY,
    LIVE,
    Figures,
    detection,
    drill_texts,
    features_of,
    geojson_row,
    history_rows,
    live_row,
)
from ingest.read.payload import elements, local_name, one_line, parse_xml, refuse_html
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Detection

MAX_ROWS = 2000
"""A week of Indonesia's quakes is some 300, the list of three months 200."""
_EVENT = re.compile(r"bmg\d{4}[a-z]{4,6}", re.ASCII)
_HISTORY_PATH = re.compile(r"/history\.(?P<event>[A-Za-z0-9]{1,40})\.txt")
_COLUMNS = ("timestamp", "+ot", "lat", "lon", "depth")
_SPLIT = re.compile(r"[|,]")
"""The head is on record with commas; what stands in the rows is a pipe."""


class BmkgDetections:
    info = SourceInfo(
        source_id="bmkg-detections",
        title="BMKG detections",
        provider="BMKG",
        licence="undocumented bucket of BMKG's; agree its use; name BMKG as the source",
        documentation="docs/sources/bmkg-detections.md",
        base="bmkg_inatews_url",
        cadence=timedelta(hours=1),
        late_after=timedelta(hours=12),
        history=True,
        tier="support",
        fallbacks={"/gempaQL.json": "/lastQL.json"},
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        """The lists; with event ids, their histories of solutions too."""
        histories = [f"/history.{event}.txt" for event in wanted if _EVENT.fullmatch(event)]
        return ["/live30event.xml", "/gempaQL.json", *histories]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        refuse_html(payload, context.path)
        start = payload.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if start == b"<":
            return _live(payload, context)
        if start in (b"{", b"["):
            return _geojson(payload, context)
        return _history(payload, context)


def _live(payload: bytes, context: ReadContext) -> Reading:
    root = parse_xml(payload, context.path)
    rows = [{local_name(cell): cell.text or "" for cell in row} for row in elements(root, "gempa")]
    if local_name(root) != "Infogempa" or not rows:
        found = one_line(f"<{local_name(root)}> with {len(rows)} <gempa>", 60)
        raise SourceChanged(f"{context.path}: expected <Infogempa> with <gempa>, found {found}")
    places = {"Infogempa": {"gempa"}, "gempa": LIVE}
    names = names_of(rows) | misplaced(root, places, many=("gempa",))
    return _reading(rows, live_row, context, field_names(names, LIVE))


def _geojson(payload: bytes, context: ReadContext) -> Reading:
    rows = features_of(payload, context.path)
    properties = (row.get("properties") for row in rows if isinstance(row, Mapping))
    return _reading(
        rows, geojson_row, context, field_names(names_of(properties, nested=()), GEOJSON)
    )


def _history(payload: bytes, context: ReadContext) -> Reading:
    name = _HISTORY_PATH.fullmatch(context.path)
    if not name:
        raise SourceChanged(f"{context.path}: expected /history.<event>.txt for a table")
    lines = _lines(payload, context.path)
    heads = [cell.strip().lstrip("#").split("(")[0].strip() for cell in _SPLIT.split(lines[0])]
    if tuple(head.lower() for head in heads[: len(_COLUMNS)]) != _COLUMNS:
        found = one_line(lines[0], 60)
        raise SourceChanged(f"{context.path}: expected # Timestamp(UTC)|+OT|…, found {found!r}")
    rows = history_rows([line for line in lines[1:] if line.strip()], name["event"])
    return _reading(rows, _given, context, field_names(heads, HISTORY))


def _lines(payload: bytes, path: str) -> list[str]:
    try:
        return payload.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        found = one_line(error, 60)
        raise SourceChanged(f"{path}: expected a table in UTF-8, found {found}") from error


def _given(row: Figures | DataError) -> Figures:
    if isinstance(row, DataError):
        raise row
    return row


def _reading(
    rows: Sequence[Any],
    figures: Callable[[Any], Figures],
    context: ReadContext,
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> Reading:
    if len(rows) > MAX_ROWS:
        raise SourceChanged(f"{context.path}: expected at most {MAX_ROWS} rows, found {len(rows)}")
    records: list[Detection] = []
    rejected: list[str] = []
    for row in rows:
        try:
            records.append(detection(figures(row), context, *drill_texts(row)))
        except DataError as error:
            rejected.append(f"detection {_name(row)}: {one_line(error, 200)}")
    newest = max((d.document_time for d in records), default=None)
    return Reading(
        tuple(records),
        tuple(rejected),
        (),
        newest,
        empty=not rows,
        fields=names[0],
        unknown_fields=names[1],
    )


def _name(row: Any) -> str:
    return one_line(next(_ids(row), "?"), 40)


def _ids(row: Any) -> Iterator[str]:
    inner = row.get("properties") if isinstance(row, Mapping) else None
    for found in (row, inner):
        if isinstance(found, Mapping):
            yield from (str(found[name]) for name in ("eventid", "id") if found.get(name))
