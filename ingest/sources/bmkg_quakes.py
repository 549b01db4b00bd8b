"""BMKG quakes (TEWS): the latest, 15 of magnitude 5 and more, 15 felt. Page: docs/sources.

Every value is a text; "lat,lon" ("lon,lat" in 2020); the files carry no publication time, so the
origin time stands in. JSON is asked for, XML where it gives nothing good; both are read by content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ingest.keep.drift import field_names, names_of
from ingest.read.fields import required, text_of
from ingest.read.payload import one_line
from ingest.read.quake import (
    Order,
    depth_of,
    document_status,
    magnitude_of,
    make_quake,
    position,
    texts_in,
)
from ingest.read.quake_rows import KNOWN, quake_list
from ingest.read.quake_times import access_stamps, origin_of
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError
from kentongan.records import Quake

_FOLDER = "/DataMKG/TEWS"
_NAMES = ("autogempa", "gempadirasakan", "gempaterkini")


class BmkgQuakes:
    info = SourceInfo(
        source_id="bmkg-quakes",
        title="BMKG quakes",
        provider="BMKG",
        licence="BMKG open data; name BMKG as the source",
        documentation="docs/sources/bmkg-quakes.md",
        base="bmkg_data_url",
        cadence=timedelta(days=1),
        late_after=timedelta(days=7),
        history=True,
        fallbacks={f"{_FOLDER}/{name}.json": f"{_FOLDER}/{name}.xml" for name in _NAMES},
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return list(self.info.fallbacks)

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        listed = quake_list(payload, context.path)
        whole = _Document(context, listed.around, access_stamps(listed.rows))
        records: list[Quake] = []
        rejected: list[str] = []
        notes: list[str] = []
        for row in listed.rows:
            try:
                quake, lines = _quake(row, whole)
            except DataError as error:
                rejected.append(f"quake {_name(row)}: {one_line(error, 240)}")
                continue
            records.append(quake)
            notes += [f"quake {_name(row)}: {line}" for line in lines]
        newest = max((q.document_time for q in records), default=None)
        fields, unknown = field_names(names_of(listed.rows, nested=()) | listed.others, KNOWN)
        return Reading(
            tuple(records),
            tuple(rejected),
            tuple(notes),
            newest,
            empty=not listed.rows,
            fields=fields,
            unknown_fields=unknown,
        )


@dataclass(frozen=True)
class _Document:
    """What holds for every row of a list."""

    context: ReadContext
    around: tuple[str, ...]
    stamps: frozenset[str]


def _name(row: Any) -> str:
    if not isinstance(row, Mapping):
        return "?"
    return one_line(f"{row.get('Tanggal')} {row.get('Jam')} M{row.get('Magnitude')}", 60)


def _quake(row: Any, whole: _Document) -> tuple[Quake, tuple[str, ...]]:
    if not isinstance(row, Mapping):
        raise DataError(f"expected an object, found {one_line(row, 40)!r}")
    context, said = whole.context, (*whole.around, *texts_in(row))
    origin, doubts = origin_of(row, last_seen=context.last_seen, stamps=whole.stamps)
    depth = text_of(row, "Kedalaman")
    quake, unread = make_quake(
        replace(context, re_creation=context.re_creation or is_re_creation(*said)),
        origin=origin,
        document_time=origin,
        where=_where(row),
        magnitude=magnitude_of(required(row, "Magnitude")),
        depth_km=depth_of(depth) if depth else None,
        place=text_of(row, "Wilayah") or text_of(row, "Wilayah1"),
        potential=text_of(row, "Potensi"),
        felt=text_of(row, "Dirasakan"),
        shakemap=text_of(row, "Shakemap"),
        status=document_status("Actual", *said),
    )
    shallow = () if depth else ("Kedalaman: not published; shaking is reckoned for 10 km",)
    return quake, (*doubts, *shallow, *unread)


def _where(row: Mapping[str, Any]) -> tuple[float, float]:
    """(latitude, longitude). Rows of 2020, which have no DateTime, write "lon,lat"; there the
    order that fits the position in words holds."""
    if text_of(row, "DateTime"):
        return _position(row, "lat,lon")
    try:
        return _position(row, "lon,lat")
    except DataError:
        return _position(row, "lat,lon")


def _position(row: Mapping[str, Any], order: Order) -> tuple[float, float]:
    return position(
        row, coordinates="Coordinates", order=order, latitude="Lintang", longitude="Bujur"
    )
