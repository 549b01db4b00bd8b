"""Documents of detections: the live list (XML), GeoJSON lists, a quake's history of solutions.

Times are UTC without saying so; positions are plain numbers; events lie anywhere in the world.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ingest.read.fields import number, required, sane, text_of
from ingest.read.payload import one_line, parse_json
from ingest.read.plausible import plausible
from ingest.read.quake import DEPTHS_KM, MAGNITUDES, document_status, status_suffix, texts_in
from ingest.source import ReadContext
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged
from kentongan.records import Detection
from kentongan.times import compact

LIVE = frozenset(
    {"eventid", "status", "waktu", "lintang", "bujur", "dalam", "mag", "fokal", "area"}
)
GEOJSON = frozenset({"id", "time", "mag", "place", "fase", "status", "depth"})
HISTORY = frozenset(
    {"Timestamp", "+OT", "Lat", "Lon", "Depth", "Phase", "MagType", "Mag", "MagCount", "Status"}
)
_UTC = re.compile(
    r"(?P<day>\d{4}[-/]\d{2}[-/]\d{2})[T ]\s*(?P<clock>\d{2}:\d{2}:\d{2})(?P<f>\.\d{1,6})?Z?",
    re.ASCII,
)
_REVIEWS: Mapping[str, Literal["confirmed", "automatic"]] = {
    "confirmed": "confirmed",
    "manual": "confirmed",
    "m": "confirmed",
    "automatic": "automatic",
    "a": "automatic",
}
_LONGEST = timedelta(days=1)
"""From origin to the last solution; a longer `+OT` is no time after an origin."""
_EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Figures:
    """A row of any of the documents, as text."""

    event_id: str
    origin: datetime
    latitude: str
    longitude: str
    depth: str
    magnitude: str
    review: str
    magnitude_type: str = ""
    phases: str = ""
    place: str = ""
    issued: datetime | None = None
    """When this solution was made, where the document says so."""


def utc_instant(text: str, name: str) -> datetime:
    """`2026/09/26  08:10:21.751` or `2022-09-25 13:03:33.941369`, both UTC without saying so.

    Raises:
        DataError: another form, as one with a zone that would contradict.
    """
    found = _UTC.fullmatch(text.strip())
    try:
        if found:
            day = found["day"].replace("/", "-")
            plain = f"{day}T{found['clock']}{found['f'] or ''}"
            return sane(datetime.fromisoformat(plain).replace(tzinfo=UTC), name)
    except ValueError as error:
        raise DataError(f"{name}: {one_line(text, 40)}: {one_line(error, 60)}") from error
    raise DataError(f"{name}: expected a time in UTC, found {one_line(text, 40)!r}")


def live_row(row: Mapping[str, Any]) -> Figures:
    """A `gempa` of live30event.xml."""
    return Figures(
        event_id=_event_id(text_of(row, "eventid")),
        origin=utc_instant(required(row, "waktu"), "waktu"),
        latitude=required(row, "lintang"),
        longitude=required(row, "bujur"),
        depth=text_of(row, "dalam"),
        magnitude=text_of(row, "mag"),
        review=text_of(row, "status"),
        place=text_of(row, "area"),
    )


def geojson_row(feature: Mapping[str, Any]) -> Figures:
    """A feature of gempaQL.json: position as texts, [lon, lat, …]."""
    row, longitude, latitude = point_feature(feature)
    return Figures(
        event_id=_event_id(text_of(row, "id")),
        origin=utc_instant(required(row, "time"), "time"),
        latitude=latitude,
        longitude=longitude,
        depth=text_of(row, "depth"),
        magnitude=text_of(row, "mag"),
        review=text_of(row, "status"),
        phases=text_of(row, "fase"),
        place=text_of(row, "place"),
    )


def features_of(payload: bytes, path: str) -> list[Any]:
    """The features of a GeoJSON collection.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: another document.
    """
    document = parse_json(payload, path)
    found = document.get("features") if isinstance(document, Mapping) else None
    if not isinstance(found, list):
        raise SourceChanged(f"{path}: expected features, found {one_line(document, 60)}")
    return found


def point_feature(feature: Any) -> tuple[Mapping[str, Any], str, str]:
    """Properties, longitude and latitude (as texts) of a GeoJSON point.

    Raises:
        DataError: no point.
    """
    properties = feature.get("properties") if isinstance(feature, Mapping) else None
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    found = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(found, list) or len(found) < 2:
        raise DataError(f"expected a point with properties, found {one_line(feature, 60)}")
    return properties, str(found[0]), str(found[1])


def history_rows(lines: Sequence[str], event_id: str) -> list[Figures | DataError]:
    """Rows of `history.<eventid>.txt`, `Timestamp(UTC)|+OT|Lat|Lon|Depth|…|Status`; `+OT` is taken
    as minutes after the origin (unconfirmed)."""
    return [_history_row(line, _event_id(event_id)) for line in lines]


def _history_row(line: str, event_id: str) -> Figures | DataError:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != 10:
        return DataError(f"expected 10 columns, found {len(cells)} in {one_line(line, 60)!r}")
    try:
        issued = utc_instant(cells[0], "Timestamp")
        after = timedelta(
            minutes=number(cells[1], "+OT", low=0, high=_LONGEST.total_seconds() / 60)
        )
    except DataError as error:
        return error
    return Figures(
        event_id=event_id,
        origin=issued - after,
        latitude=cells[2],
        longitude=cells[3],
        depth=cells[4],
        phases=cells[5],
        magnitude_type=cells[6],
        magnitude=cells[7],
        review=cells[9],
        issued=issued,
    )


def detection(row: Figures, context: ReadContext, *said: str) -> Detection:
    """A checked record. Texts in `said` may mark a drill.

    Raises:
        DataError: no position, a figure out of range, or a time that cannot be true.
    """
    origin = plausible(row.origin, context.last_seen, name="origin")
    issued = plausible(row.issued or origin, context.last_seen, name="Timestamp")
    texts = (row.place, *said)
    status = document_status("Actual", *texts)
    where = place_of(row.latitude, row.longitude)
    magnitude = figure(row.magnitude, "magnitude", *MAGNITUDES)
    depth = figure(row.depth, "depth", *DEPTHS_KM)
    review = _REVIEWS.get(row.review.strip().lower(), "unknown")
    kind = one_line(row.magnitude_type, 8)
    size = "unknown" if magnitude is None else f"{magnitude:.2f}{kind}"
    at = f"-{compact(row.issued)}" if row.issued else ""
    return Detection(
        source_id=context.source_id,
        key=(
            f"{row.event_id}{at}-{compact(origin)}_{where[0]:.2f}_{where[1]:.2f}_M{size}_"
            f"{'u' if depth is None else f'{depth:.0f}'}-{review}{status_suffix(status)}"
        ),
        sha256=context.sha256,
        document_time=issued,
        status=status,
        re_creation=context.re_creation or is_re_creation(*texts),
        event_id=row.event_id,
        origin_time=origin,
        latitude=where[0],
        longitude=where[1],
        depth_km=depth,
        magnitude=magnitude,
        magnitude_type=kind,
        review=review,
        phases=_count(row.phases),
        place=one_line(row.place, 200),
    )


def place_of(latitude: str, longitude: str) -> tuple[float, float]:
    """(latitude, longitude) of two plain numbers.

    Raises:
        DataError: no numbers, or out of range.
    """
    return (
        number(latitude, "latitude", low=-90, high=90),
        number(longitude, "longitude", low=-180, high=180),
    )


def figure(text: str, name: str, low: float, high: float) -> float | None:
    """A number within bounds; None where the document has none.

    Raises:
        DataError: words, or out of range.
    """
    return number(text, name, low=low, high=high) if text.strip() not in ("", "-") else None


def _event_id(text: str) -> str:
    if not _EVENT_ID.fullmatch(text):
        raise DataError(f"event id: expected letters and digits, found {one_line(text, 40)!r}")
    return text


def _count(text: str) -> int | None:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 6 else None


def drill_texts(row: Any) -> tuple[str, ...]:
    """Texts of a row that may mark a drill: those of the row and of its properties."""
    inner = row.get("properties") if isinstance(row, Mapping) else None
    return (*texts_in(row), *texts_in(inner))
