"""BMKG's catalogue of damaging quakes (GeoJSON, positions as texts). Page: docs/sources.

History: nothing in it is announced, and it raises no warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.keep.drift import field_names, names_of
from ingest.read.detections import drill_texts, features_of, figure, place_of, point_feature
from ingest.read.felt import parse_felt
from ingest.read.fields import required, text_of
from ingest.read.payload import one_line
from ingest.read.plausible import plausible
from ingest.read.quake import DEPTHS_KM, MAGNITUDES, document_status, status_suffix
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import CatalogueQuake
from kentongan.times import WIB, compact, iso

MAX_ROWS = 5000
"""Damaging quakes of two centuries are some 500."""
_OLDEST = timedelta(days=120 * 365.25)
"""An older row was never recorded by an instrument; such a date is a fault of the document."""
_SAME = timedelta(seconds=60)
KNOWN = frozenset(
    {
        *("lokasi", "ot_utc", "pusat_gempa", "tsunami", "id_event", "korban_kerusakan", "depth"),
        *("mag", "date", "sumber", "dirasakan"),
    }
)


class BmkgCatalogue:
    info = SourceInfo(
        source_id="bmkg-catalogue",
        title="BMKG catalogue of damaging quakes",
        provider="BMKG",
        licence="undocumented bucket of BMKG's; agree its use; name BMKG as the source",
        documentation="docs/sources/bmkg-catalogue.md",
        base="bmkg_inatews_url",
        cadence=timedelta(days=30),
        late_after=timedelta(days=3 * 365),
        history=True,
        tier="support",
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/katalog_gempa.json"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        rows = features_of(payload, context.path)
        if len(rows) > MAX_ROWS:
            raise SourceChanged(f"{context.path}: expected some 500 quakes, found {len(rows)}")
        records: list[CatalogueQuake] = []
        rejected: list[str] = []
        notes: list[str] = []
        for row in rows:
            try:
                quake, lines = _quake(row, context)
            except DataError as error:
                rejected.append(f"catalogue {_name(row)}: {one_line(error, 200)}")
                continue
            records.append(quake)
            notes += [f"catalogue {quake.event_id}: {line}" for line in lines]
        newest = max((q.document_time for q in records), default=None)
        properties = (row.get("properties") for row in rows if isinstance(row, Mapping))
        fields, unknown = field_names(names_of(properties, nested=()), KNOWN)
        return Reading(
            tuple(records),
            tuple(rejected),
            tuple(notes),
            newest,
            empty=not rows,
            fields=fields,
            unknown_fields=unknown,
        )


def _quake(feature: Any, context: ReadContext) -> tuple[CatalogueQuake, tuple[str, ...]]:
    row, longitude, latitude = point_feature(feature)
    origin = plausible(_origin(row), context.last_seen, name="date, ot_utc", behind=_OLDEST)
    said = drill_texts(feature)
    status = document_status("Actual", *said)
    felt, unread = parse_felt(text_of(row, "dirasakan"))
    event_id = one_line(text_of(row, "id_event"), 40) or compact(origin)
    where = place_of(latitude, longitude)
    magnitude = figure(text_of(row, "mag"), "mag", *MAGNITUDES)
    quake = CatalogueQuake(
        source_id=context.source_id,
        key=f"{event_id}-{compact(origin)}-M{magnitude}{status_suffix(status)}",
        sha256=context.sha256,
        document_time=origin,
        status=status,
        re_creation=context.re_creation or is_re_creation(*said),
        event_id=event_id,
        origin_time=origin,
        latitude=where[0],
        longitude=where[1],
        depth_km=figure(text_of(row, "depth"), "depth", *DEPTHS_KM),
        magnitude=magnitude,
        place=one_line(text_of(row, "pusat_gempa"), 200),
        region=one_line(text_of(row, "lokasi"), 120),
        tsunami=one_line(text_of(row, "tsunami"), 120),
        damage=one_line(text_of(row, "korban_kerusakan"), 500),
        origin_source=one_line(text_of(row, "sumber"), 60),
        felt=felt,
    )
    lines = (*_id_doubt(event_id, origin), *(f"felt: could not read {part!r}" for part in unread))
    return quake, lines


def _origin(row: Mapping[str, Any]) -> datetime:
    text = f"{required(row, 'date')} {required(row, 'ot_utc')}"
    try:
        return datetime.strptime(text, "%d-%m-%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        found = one_line(text, 40)
        raise DataError(f"date, ot_utc: expected dd-mm-yyyy hh:mm:ss, found {found!r}") from error


def _id_doubt(event_id: str, origin: datetime) -> tuple[str, ...]:
    """A line where the time in the id (`rsk` + WIB) is not that of the row; the row holds."""
    try:
        named = datetime.strptime(event_id.removeprefix("rsk"), "%Y%m%d%H%M%S").replace(tzinfo=WIB)
    except ValueError:
        return ()
    if abs(named - origin) <= _SAME:
        return ()
    return (f"its id says {iso(named)}, its row {iso(origin)}; the row is taken",)


def _name(row: Any) -> str:
    inner = row.get("properties") if isinstance(row, Mapping) else None
    found = inner.get("id_event") if isinstance(inner, Mapping) else None
    return one_line(found or "?", 40)
