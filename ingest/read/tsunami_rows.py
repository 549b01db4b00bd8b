"""Rows of a tsunami bulletin: warned zones and gauges. Each fault is a line; the rest stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest.read.fields import local_instant, number, required, text_of
from ingest.read.payload import one_line
from kentongan.errors import DataError
from kentongan.records import GaugeReading, TsunamiZone
from kentongan.times import iso
from kentongan.types import TsunamiStatus

MAX_ROWS = 2000
"""Zones or gauges of one bulletin; the longest on record has 22."""
ZONE_FIELDS = frozenset({"province", "district", "level", "date", "time"})
GAUGE_FIELDS = frozenset({"location", "loclatitude", "loclongitude", "height", "date", "time"})
_ARCHIPELAGO = ((-15.0, 15.0), (90.0, 145.0))
"""Latitudes and longitudes of BMKG's gauges, generously."""


def rows_digest(zones: Sequence[TsunamiZone], gauges: Sequence[GaugeReading]) -> str:
    """Eight hex digits of what a bulletin says, in any order of rows.

    BMKG sends a corrected bulletin under the same label, and the JSON and the XML may be read
    with different rows left out: each content is a record of its own, equal ones are one.
    """
    said = [f"z|{z.province}|{z.district}|{z.level}|{_clock(z.arrival)}" for z in zones]
    said += [f"g|{g.location}|{g.height_m:g}|{_clock(g.observed_at)}" for g in gauges]
    text = "\n".join(sorted(said)).upper()
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def _clock(value: datetime | None) -> str:
    return iso(value) if value else ""


def zones_of(rows: Sequence[Any]) -> tuple[tuple[TsunamiZone, ...], tuple[str, ...]]:
    """Each province and district once: the highest level, the earliest arrival."""
    kept: dict[tuple[str, str], TsunamiZone] = {}
    bad = _too_many(rows, "zones")
    for row in rows[:MAX_ROWS]:
        try:
            zone = _zone(row)
        except DataError as error:
            bad.append(f"zone left out: {one_line(error, 160)}")
            continue
        name = (zone.province, zone.district)
        kept[name] = _worse(kept[name], zone) if name in kept else zone
    return tuple(kept.values()), tuple(bad)


def _too_many(rows: Sequence[Any], what: str) -> list[str]:
    excess = len(rows) - MAX_ROWS
    return [f"{excess} {what} after the first {MAX_ROWS} left out"] if excess > 0 else []


def _zone(row: Any) -> TsunamiZone:
    if not isinstance(row, Mapping):
        raise DataError(f"wzarea: expected an object, found {one_line(row, 40)!r}")
    level = required(row, "level").upper()
    district = one_line(required(row, "district"), 120)
    if level not in set(TsunamiStatus):
        raise DataError(f"{district}: expected AWAS, SIAGA or WASPADA, found {one_line(level)!r}")
    return TsunamiZone(
        province=one_line(text_of(row, "province"), 120),
        district=district,
        level=TsunamiStatus(level),
        arrival=_when(row, "arrival"),
    )


def _worse(a: TsunamiZone, b: TsunamiZone) -> TsunamiZone:
    order = list(TsunamiStatus)
    arrivals = [z.arrival for z in (a, b) if z.arrival]
    return a.model_copy(
        update={
            "level": max(a.level, b.level, key=order.index),
            "arrival": min(arrivals, default=None),
        }
    )


def _when(row: Mapping[str, Any], name: str) -> datetime | None:
    """Date and clock of a row; None where either is missing or unreadable: the row still counts."""
    try:
        return local_instant(text_of(row, "date"), text_of(row, "time"), name)
    except DataError:
        return None


def gauges_of(rows: Sequence[Any]) -> tuple[tuple[GaugeReading, ...], tuple[str, ...]]:
    """Every gauge that can be read, and a line for each that cannot."""
    kept: list[GaugeReading] = []
    bad = _too_many(rows, "gauges")
    for row in rows[:MAX_ROWS]:
        try:
            kept.append(_gauge(row))
        except DataError as error:
            bad.append(f"gauge left out: {one_line(error, 160)}")
    return tuple(kept), tuple(bad)


def _gauge(row: Any) -> GaugeReading:
    if not isinstance(row, Mapping):
        raise DataError(f"obsarea: expected an object, found {one_line(row, 40)!r}")
    place = one_line(required(row, "location"), 120)
    latitude = number(required(row, "loclatitude"), f"{place} latitude", low=-180, high=180)
    longitude = number(required(row, "loclongitude"), f"{place} longitude", low=-180, high=180)
    swapped = not _in_archipelago(latitude, longitude) and _in_archipelago(longitude, latitude)
    if swapped:
        latitude, longitude = longitude, latitude
    if abs(latitude) > 90:
        raise DataError(f"{place}: expected a latitude, found {latitude:g}")
    return GaugeReading(
        location=place,
        latitude=latitude,
        longitude=longitude,
        height_m=number(required(row, "height"), f"{place} height", low=0, high=100),
        observed_at=_when(row, "observed"),
        repaired=swapped,
    )


def _in_archipelago(latitude: float, longitude: float) -> bool:
    (south, north), (west, east) = _ARCHIPELAGO
    return south <= latitude <= north and west <= longitude <= east
