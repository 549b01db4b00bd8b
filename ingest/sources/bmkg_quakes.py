"""BMKG quakes (TEWS): the latest, 15 of magnitude 5 and more, 15 felt. Page: docs/sources.

Every value is a text; "lat,lon"; the files carry no publication time, so the origin time stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ingest.fields import instant, local_instant, required, text_of
from ingest.payload import one_line, parse_json
from ingest.quake import (
    depth_of,
    document_status,
    magnitude_of,
    make_quake,
    position,
    texts_in,
)
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Quake

MAX_QUAKES = 200
"""The lists hold 15."""
_CLOCKS_APART = timedelta(seconds=60)
"""DateTime and Tanggal + Jam name the same second; in 2021 one carried the time of access."""


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
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        names = ("autogempa", "gempadirasakan", "gempaterkini")
        return [f"/DataMKG/TEWS/{name}.json" for name in names]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        records: list[Quake] = []
        rejected: list[str] = []
        notes: list[str] = []
        document = parse_json(payload, context.path)
        rows, around = _rows(document, context.path), _around(document)
        for row in rows:
            try:
                quake, unread = _quake(row, around, context)
            except DataError as error:
                rejected.append(f"quake {_name(row)}: {one_line(error, 200)}")
                continue
            records.append(quake)
            notes += [f"quake {_name(row)}: {line}" for line in unread]
        newest = max((q.document_time for q in records), default=None)
        return Reading(tuple(records), tuple(rejected), tuple(notes), newest, empty=not rows)


def _rows(document: Any, path: str) -> Sequence[Any]:
    """The quakes, whether one object, a list, or (seen once) a bare list."""
    found = document
    if isinstance(document, dict):
        inner = document.get("Infogempa")
        found = inner.get("gempa") if isinstance(inner, dict) else None
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise SourceChanged(f"{path}: expected Infogempa.gempa, found {one_line(document, 60)}")
    if len(rows) > MAX_QUAKES:
        raise SourceChanged(f"{path}: expected about 15 quakes, found {len(rows)}")
    return rows


def _around(document: Any) -> tuple[str, ...]:
    """Texts beside the quakes, as a note that the file is a drill or a re-creation."""
    inner = document.get("Infogempa") if isinstance(document, Mapping) else None
    return (*texts_in(document), *texts_in(inner))


def _name(row: Any) -> str:
    if not isinstance(row, dict):
        return "?"
    return one_line(f"{row.get('Tanggal')} {row.get('Jam')} M{row.get('Magnitude')}", 60)


def _quake(row: Any, around: Sequence[str], context: ReadContext) -> tuple[Quake, tuple[str, ...]]:
    if not isinstance(row, Mapping):
        raise DataError(f"expected an object, found {one_line(row, 40)!r}")
    origin, said = _origin(row), (*around, *texts_in(row))
    return make_quake(
        replace(context, re_creation=context.re_creation or is_re_creation(*said)),
        origin=origin,
        document_time=origin,
        where=position(
            row, coordinates="Coordinates", order="lat,lon", latitude="Lintang", longitude="Bujur"
        ),
        magnitude=magnitude_of(required(row, "Magnitude")),
        depth_km=depth_of(required(row, "Kedalaman")),
        place=text_of(row, "Wilayah"),
        potential=text_of(row, "Potensi"),
        felt=text_of(row, "Dirasakan"),
        shakemap=text_of(row, "Shakemap"),
        status=document_status("Actual", *said),
    )


def _origin(row: Mapping[str, Any]) -> datetime:
    """DateTime, checked against Tanggal and Jam (WIB wherever the quake is) if they are there."""
    stated = instant(required(row, "DateTime"), "DateTime") if text_of(row, "DateTime") else None
    if not (text_of(row, "Tanggal") and text_of(row, "Jam")):
        if stated is None:
            raise DataError("DateTime: expected an origin time, found none")
        return stated
    local = local_instant(text_of(row, "Tanggal"), text_of(row, "Jam"), "Tanggal, Jam")
    if stated and abs(stated - local) > _CLOCKS_APART:
        raise DataError(f"DateTime {stated:%Y-%m-%dT%H:%M:%SZ} is not Tanggal + Jam ({local})")
    return stated or local
