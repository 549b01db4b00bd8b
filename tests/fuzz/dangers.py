"""What a reading warns of, in a form in which two readings can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import inf

from kentongan.records import (
    Bulletin,
    CatalogueQuake,
    Detection,
    Forecast,
    Nowcast,
    NowcastItem,
    Quake,
    Record,
    SatelliteGrid,
    SatelliteImage,
    ShakeGrid,
)
from kentongan.types import TsunamiStatus

Strength = tuple[float, float, float]
"""How strong, until when, and how soon (each: more is more danger)."""
Dangers = dict[str, Strength]
_LEVELS = list(TsunamiStatus)


def dangers(records: Iterable[Record]) -> Dangers:
    """The strongest of each. A figure that is not known counts as the worst there can be."""
    found: Dangers = {}
    for record in records:
        real = f"{record.status}/{'re-created' if record.re_creation else 'real'}"
        for name, strength in _of(record):
            key = f"{real} {name}"
            known = found.get(key, strength)
            found[key] = (
                max(known[0], strength[0]),
                max(known[1], strength[1]),
                max(known[2], strength[2]),
            )
    return found


def lost(before: Dangers, after: Dangers) -> list[str]:
    """What `before` warns of and `after` does not, or less, or for a shorter or later time."""
    return [name for name, strength in before.items() if not _covers(after.get(name), strength)]


def _covers(found: Strength | None, wanted: Strength) -> bool:
    return found is not None and all(f >= w - 1e-9 for f, w in zip(found, wanted, strict=True))


def _until(value: datetime | None) -> float:
    return value.timestamp() if value else inf


def _soon(value: datetime | None) -> float:
    return -value.timestamp() if value else inf


def _worst(value: float | None) -> float:
    return inf if value is None else value


def _of(record: Record) -> Iterator[tuple[str, Strength]]:
    if isinstance(record, Quake):
        yield from _quake(record)
    elif isinstance(record, Bulletin):
        yield from _bulletin(record)
    elif isinstance(record, NowcastItem):
        yield f"item {record.code}", (1, _until(record.until), _soon(record.published))
    elif isinstance(record, Nowcast):
        yield from _nowcast(record)
    elif isinstance(record, Forecast):
        yield from _forecast(record)
    elif isinstance(record, CatalogueQuake):
        yield f"{record.event_id} {record.origin_time}", (_worst(record.magnitude), inf, inf)
    elif isinstance(record, Detection):
        where = f"{record.latitude:.2f},{record.longitude:.2f}"
        name = f"{record.kind} {record.origin_time.isoformat()} {where}"
        yield name, (_worst(record.magnitude), inf, inf)
    elif isinstance(record, ShakeGrid):
        yield f"shaking {record.event_id}", (record.max_mmi, inf, inf)
    elif isinstance(record, SatelliteGrid):
        yield f"grid {record.product}", (record.known_fraction, _until(record.valid_time), inf)
    elif isinstance(record, SatelliteImage):
        yield f"image {record.product}", (1, _until(record.valid_time), inf)
    else:
        yield f"{record.kind} {record.key}", (1, inf, inf)


def _quake(quake: Quake) -> Iterator[tuple[str, Strength]]:
    where = f"{quake.latitude:.2f},{quake.longitude:.2f}"
    when = quake.origin_time.isoformat()
    yield f"quake {when} {where}", (_worst(quake.magnitude), inf, inf)
    yield f"shallow {when} {where}", (-(quake.depth_km or -inf), inf, inf)
    words = quake.potential.lower()
    if "tsunami" in words and "tidak" not in words:
        yield f"tsunami possible {when} {where}", (1, inf, inf)
    for felt in quake.felt:
        yield f"felt {when} {felt.place}", (felt.mmi_high, inf, inf)


def _bulletin(bulletin: Bulletin) -> Iterator[tuple[str, Strength]]:
    yield f"bulletin {bulletin.sent.isoformat()}", (-float(bulletin.all_clear), inf, inf)
    for zone in bulletin.zones:
        name = f"zone {bulletin.label} {zone.province} {zone.district}"
        yield name, (_LEVELS.index(zone.level), inf, _soon(zone.arrival))
    for gauge in bulletin.gauges:
        yield f"gauge {bulletin.label} {gauge.location}", (gauge.height_m, inf, inf)
    yield from _quake(bulletin.quake)


def _nowcast(nowcast: Nowcast) -> Iterator[tuple[str, Strength]]:
    level = 0.0 if nowcast.is_cancel else 1.0
    yield f"nowcast {nowcast.code}", (level, _until(nowcast.expires), _soon(nowcast.effective))
    for ring in nowcast.polygons:
        yield f"ring {nowcast.code} {ring}", (1, inf, inf)
    for name in nowcast.district_names:
        yield f"district {nowcast.code} {name}", (1, inf, inf)


def _forecast(forecast: Forecast) -> Iterator[tuple[str, Strength]]:
    for slot in forecast.slots:
        name = f"{forecast.adm4_code} {slot.valid_time.isoformat()}"
        yield f"slot {name}", (slot.weather, inf, inf)
        yield f"rain {name}", (_worst(slot.precipitation_mm), inf, inf)
        yield f"wind {name}", (_worst(slot.wind_speed_kmh), inf, inf)
