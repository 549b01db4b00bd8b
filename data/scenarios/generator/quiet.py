"""What BMKG's addresses say when nothing happens, so that only a story's own trouble shows.

The old small quakes are invented; the old tsunami is that of 14 December 2021 (Flores Sea).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from generator import nowcast, tews
from generator.inatews import Bulletin, datagempa_felt, last_tsunami
from generator.picture import Cell, picture
from generator.places import Places
from generator.story import (
    AUTOGEMPA,
    DATAGEMPA,
    GEMPADIRASAKAN,
    GEMPATERKINI,
    LAST_TSUNAMI,
    NOWCAST,
    RAIN_IMAGE,
    Payload,
    utc,
)
from generator.tews import Quake

SCAN_DELAY = timedelta(minutes=16)
"""A picture was on the server some 14 minutes after its scan; scans are every 10 minutes."""

OLD_TSUNAMI = Bulletin(
    label="PD-4",
    sent=utc("2021-12-14 05:20:40"),
    quake=Quake(
        origin=utc("2021-12-14 03:20:23"),
        latitude=-7.59,
        longitude=122.24,
        magnitude=7.4,
        depth_km=10,
        place="Pusat gempa berada di laut 112 km barat laut Larantuka",
        short_place="112 km BaratLaut LARANTUKA-NTT",
        tsunami=True,
    ),
)


def old_sea_quake(at: datetime) -> Quake:
    """M5.1 far out at sea, three days before."""
    return Quake(
        origin=_days_before(at, 3),
        latitude=-9.94,
        longitude=117.62,
        magnitude=5.1,
        depth_km=12,
        place="Pusat gempa berada di laut 118 km barat daya Sumbawa",
        short_place="118 km BaratDaya SUMBAWA-NTB",
    )


def old_felt_quake(at: datetime) -> Quake:
    """M3.2, felt weakly two days before."""
    return Quake(
        origin=_days_before(at, 2),
        latitude=-8.12,
        longitude=115.21,
        magnitude=3.2,
        depth_km=11,
        place="Pusat gempa berada di laut 9 km utara Kab. Buleleng",
        short_place="9 km Utara BULELENG-BALI",
        felt="II-III Buleleng",
    )


def quiet(at: datetime) -> dict[str, Payload]:
    """All main addresses but the picture, with nothing going on."""
    sea, felt = old_sea_quake(at), old_felt_quake(at)
    return {
        AUTOGEMPA: Payload("autogempa-quiet.json", tews.autogempa(felt)),
        GEMPATERKINI: Payload("gempaterkini-quiet.json", tews.gempaterkini([sea])),
        GEMPADIRASAKAN: Payload("gempadirasakan-quiet.json", tews.gempadirasakan([felt])),
        DATAGEMPA: Payload(
            "datagempa-quiet.json",
            datagempa_felt(felt, sent=felt.origin + timedelta(minutes=5)),
        ),
        LAST_TSUNAMI: Payload("last30tsunamievent-quiet.xml", last_tsunami([OLD_TSUNAMI])),
        NOWCAST: empty_rss(at),
    }


def empty_rss(at: datetime) -> Payload:
    rendered = at - timedelta(seconds=25)
    return Payload(f"nowcast-{at:%H%M}.xml", nowcast.rss([], rendered=rendered))


def rain_image(at: datetime, places: Places, cells: Sequence[Cell] = ()) -> dict[str, Payload]:
    """The newest picture that is out at `at`."""
    ready = at - SCAN_DELAY
    scan = ready.replace(minute=ready.minute - ready.minute % 10, second=0)
    data = picture(scan, cells, places.outline)
    return {RAIN_IMAGE: Payload(f"rp-{scan:%H%M}.png", data)}


def _days_before(at: datetime, days: int) -> datetime:
    return (at - timedelta(days=days)).replace(hour=17, minute=42, second=9)
