"""InaTEWS bulletins and felt messages in the schema of `datagempa.json` and `last30*.xml`.

They claim CAP 1.2's namespace and are none: `sent` ends in `WIB`, coordinates are "lon,lat".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from generator.story import MARK
from generator.tews import FELT, MONTHS, WIB, Quake

POTENTIAL = "Potensi TSUNAMI untuk diteruskan pada masyarakat"
ADVICE = {
    "instruction": "Dengarkan petunjuk BMKG, BNPB dan BPBD setempat",
    "instruction1": 'Daerah "Awas": pemerintah daerah mengungsikan seluruh warga dari pantai',
    "instruction2": 'Daerah "Siaga": pemerintah daerah mengungsikan warga dari pantai',
    "instruction3": 'Daerah "Waspada": warga menjauh dari pantai dan muara sungai',
}


@dataclass(frozen=True)
class Zone:
    """One row `wzarea`; `arrival` is a clock time WIB of the quake's day."""

    province: str
    district: str
    level: str
    arrival: str


@dataclass(frozen=True)
class Gauge:
    location: str
    latitude: float
    longitude: float
    height_m: float
    observed: str


@dataclass(frozen=True)
class Bulletin:
    """`swapped`: latitude and longitude of the gauges are exchanged, as BMKG once did."""

    label: str
    sent: datetime
    quake: Quake
    zones: tuple[Zone, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    swapped: bool = False


def datagempa_bulletin(bulletin: Bulletin) -> bytes:
    return _json(_stamp(bulletin.sent), bulletin.sent, _bulletin_info(bulletin))


def datagempa_felt(quake: Quake, *, sent: datetime) -> bytes:
    stamp = f"felt-Eq-{_stamp(quake.origin)}"
    return _json(stamp, quake.origin, _felt_info(quake, sent))


def last_tsunami(bulletins: Sequence[Bulletin]) -> bytes:
    """The history, newest first."""
    newest = bulletins[0].sent.astimezone(WIB)
    head = {
        "identifier": f"Indonesia-InaTEWS-history-{newest:%Y%m%d%H%M%S}",
        **_head(newest, "Update"),
    }
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<!-- {MARK} -->",
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">',
        *(f"  <{name}>{escape(value)}</{name}>" for name, value in head.items()),
    ]
    for bulletin in bulletins:
        lines += ["  <info>", *_xml(_bulletin_info(bulletin), 5), "  </info>"]
    return ("\n".join([*lines, "</alert>"]) + "\n").encode()


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(WIB):%Y%m%d%H%M%S}"


def _head(sent: datetime, msg_type: str) -> dict[str, str]:
    return {
        "sender": "inatews@bmkg.go.id",
        "sent": f"{sent.astimezone(WIB):%Y-%m-%dT%H:%M:%S}WIB",
        "status": "Actual",
        "msgType": msg_type,
        "scope": "Public",
        "code": "profile:BMKG-Versi:1",
    }


def _json(stamp: str, sent: datetime, info: Mapping[str, Any]) -> bytes:
    body = {
        "identifier": f"Indonesia-InaTEWS-{stamp}",
        **_head(sent, "Alert"),
        "info": info,
        "_catatan": MARK,
    }
    return (json.dumps(body, ensure_ascii=False, indent=2) + "\n").encode()


def _quake_fields(quake: Quake, area: str) -> dict[str, Any]:
    local = quake.origin.astimezone(WIB)
    return {
        "event": "Gempabumi",
        "date": f"{local:%d-%m-%y}",
        "time": quake.clock,
        "point": {"coordinates": f"{quake.longitude:.2f},{quake.latitude:.2f}"},
        "latitude": quake.lintang,
        "longitude": quake.bujur,
        "magnitude": f"{quake.magnitude:.1f}",
        "depth": f"{quake.depth_km} Km",
        "area": area,
    }


def _long_time(moment: datetime) -> str:
    local = moment.astimezone(WIB)
    return f"{local:%d}-{MONTHS[local.month - 1]}-{local:%y %H:%M:%S} WIB"


def _felt_info(quake: Quake, sent: datetime) -> dict[str, Any]:
    stamp = _stamp(quake.origin)
    when = _long_time(quake.origin)
    return {
        **_quake_fields(quake, quake.place),
        "eventid": stamp,
        "potential": FELT,
        "subject": "Warning Gempa dirasakan",
        "headline": f"Gempa terasa M{quake.magnitude:.1f}, {when} ({MARK})",
        "description": f"{quake.place}, {when}. Terasa (MMI): {quake.felt}",
        "instruction": "Periksa bangunan sebelum masuk; waspadai gempa susulan",
        "shakemap": f"{stamp}.mmi.jpg",
        "felt": quake.felt,
        "timesent": f"{sent.astimezone(WIB):%d/%m/%Y %H:%M:%S}WIB",
    }


def _bulletin_info(bulletin: Bulletin) -> dict[str, Any]:
    stamp = _stamp(bulletin.sent)
    info: dict[str, Any] = {
        **_quake_fields(bulletin.quake, bulletin.quake.short_place),
        "eventid": stamp,
        "potential": POTENTIAL,
        "subject": f"Warning Tsunami {bulletin.label}",
        "headline": _headline(bulletin),
        "description": _headline(bulletin) + f" Sumber: {bulletin.quake.short_place}.",
        "instruction": ADVICE["instruction"],
        "shakemap": f"{stamp}.mmi.jpg",
        "wzmap": f"{stamp}.wz.png",
        "ttmap": f"{stamp}.tt.png",
        "sshmap": f"{stamp}.ssh.png",
        **{name: text for name, text in ADVICE.items() if name != "instruction"},
    }
    if bulletin.zones:
        info["wzarea"] = [_zone(zone, bulletin) for zone in bulletin.zones]
    if bulletin.gauges:
        info["obsarea"] = [_gauge(gauge, bulletin) for gauge in bulletin.gauges]
    return {**info, "timesent": f"{bulletin.sent.astimezone(WIB):%d/%m/%Y %H:%M:%S}WIB"}


def _headline(bulletin: Bulletin) -> str:
    quake = bulletin.quake
    cause = f"gempa M{quake.magnitude:.1f}, {_long_time(quake.origin)}"
    if bulletin.label == "PD-4":
        return f"Peringatan dini tsunami akibat {cause} telah berakhir ({MARK})."
    if bulletin.gauges:
        seen = ", ".join(f"{g.location} {g.height_m:.2f} m" for g in bulletin.gauges)
        return f"Tsunami akibat {cause} terukur di {seen} ({MARK})."
    provinces = ", ".join(sorted({zone.province for zone in bulletin.zones}))
    return f"Peringatan dini tsunami untuk {provinces} akibat {cause} ({MARK})."


def _zone(zone: Zone, bulletin: Bulletin) -> dict[str, str]:
    return {
        "province": zone.province,
        "district": zone.district,
        "level": zone.level,
        "date": f"{bulletin.quake.origin.astimezone(WIB):%d-%m-%Y}",
        "time": f"{zone.arrival} WIB",
    }


def _gauge(gauge: Gauge, bulletin: Bulletin) -> dict[str, str]:
    first, second = gauge.latitude, gauge.longitude
    if bulletin.swapped:
        first, second = second, first
    return {
        "location": gauge.location,
        "loclatitude": f"{first:.2f}",
        "loclongitude": f"{second:.2f}",
        "height": f"{gauge.height_m:.2f}",
        "date": f"{bulletin.quake.origin.astimezone(WIB):%d-%m-%Y}",
        "time": f"{gauge.observed} WIB",
    }


def _xml(fields: Mapping[str, Any], indent: int) -> list[str]:
    pad = " " * indent
    lines: list[str] = []
    for name, value in fields.items():
        if name == "point":
            inner = f"<coordinates>{value['coordinates']}</coordinates>"
            lines.append(f"{pad}<point>{inner}</point>")
        elif isinstance(value, list):
            for row in value:
                lines += [f"{pad}<{name}>", *_xml(row, indent + 3), f"{pad}</{name}>"]
        else:
            lines.append(f"{pad}<{name}>{escape(value)}</{name}>")
    return lines
