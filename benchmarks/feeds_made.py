"""Documents as large as BMKG's busiest, drawn by us: the same bytes each time."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
DOCUMENTS, POLYGONS, POINTS = 11, 150, 3_000
"""Warnings in force on 2026-09-24; polygons and points of the largest of them."""
BULLETINS, ZONES, GAUGES = 30, 22, 10
"""What InaTEWS' history holds; zones and gauges of its longest bulletin on record."""
QUAKES = 15
RSS = "/alerts/nowcast/id"
_CODES = ("CGT", "CSK", "CAH", "CBK", "CLG", "CBB", "CKR", "CSU", "CSG", "CSS", "CBT")
_PROVINCES = (75, 76, 11, 17, 18, 19, 21, 12, 72, 16, 36)
_CAP = """<?xml version="1.0" ?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier>
<sender>cuaca.ekstrem@bmkg.go.id</sender><sent>2026-11-20T14:10:00+07:00</sent>
<status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>id</language>
<category>Met</category><event>Hujan Lebat dan Petir</event><urgency>Immediate</urgency>
<severity>Moderate</severity><certainty>Observed</certainty>
<effective>2026-11-20T14:20:00+07:00</effective><expires>2026-11-20T16:20:00+07:00</expires>
<headline>Hujan Lebat disertai Petir di Contoh</headline>
<description>Hujan lebat akan terjadi pada 20 November 2026, 14:20 WIB di sebagian wilayah Contoh,
khususnya di {names}.
 Kondisi diperkirakan dapat berlangsung hingga 20 November 2026, 16:20 WIB.</description>
<area><areaDesc>Contoh</areaDesc>{polygons}</area></info></alert>"""
_ITEM = """<item><title>Hujan Lebat disertai Petir di Contoh</title>
<link>https://www.bmkg.go.id{path}</link><description>x hingga 20 November 2026, 16:20 WIB.
</description><guid isPermaLink="false">{identifier}</guid>
<pubDate>Fri, 20 Nov 2026 14:10:00 +0700</pubDate></item>"""
_INFO = """<info><event>Gempabumi</event><date>{day}</date><time>04:00:10 WIB</time>
<point><coordinates>120.50,-8.10</coordinates></point><latitude>8.10 LS</latitude>
<longitude>120.50 BT</longitude><magnitude>7.2</magnitude><depth>20 Km</depth>
<area>40 km Utara CONTOH-NTT</area><eventid>{event}</eventid>
<potential>Potensi TSUNAMI untuk diteruskan pada masyarakat</potential>
<subject>Warning Tsunami PD-3.{part}</subject><headline>Pemutakhiran</headline>
<timesent>{sent}</timesent>{rows}</info>"""
_ZONE = """<wzarea><province>NTT</province><district>CONTOH {n} BAGIAN UTARA</district>
<level>{level}</level><date>{day}</date><time>04:{n:02}:10 WIB</time></wzarea>"""
_GAUGE = """<obsarea><location>PELABUHAN-{n}</location><loclatitude>-8.{n:02}</loclatitude>
<loclongitude>121.{n:02}</loclongitude><height>0.{n:02}</height><date>{day}</date>
<time>04:{n:02} WIB</time></obsarea>"""


def ring(number: int, points: int) -> str:
    """A closed, wavy outline in Java's longitudes, as `lat,lon` pairs with three decimals."""
    north, east = -7.5 + number % 12 * 0.08, 108.0 + number // 12 * 0.09
    found = []
    for step in range(points - 1):
        angle = 2 * math.pi * step / (points - 1)
        reach = 0.03 + 0.004 * math.sin(9 * angle + number)
        found.append(f"{north + reach * math.sin(angle):.3f},{east + reach * math.cos(angle):.3f}")
    return " ".join([*dict.fromkeys(found), found[0]])


def cap(number: int) -> bytes:
    per_ring = POINTS // POLYGONS
    polygons = "".join(f"<polygon>{ring(n, per_ring)}</polygon>" for n in range(POLYGONS))
    names = ", ".join(f"KECAMATAN {n}" for n in range(98))
    return _CAP.format(identifier=_identifier(number), names=names, polygons=polygons).encode()


def nowcast() -> dict[str, bytes]:
    """The list and the documents behind it, by path."""
    paths = [f"{RSS}/{_CODES[n]}20261120001_alert.xml" for n in range(DOCUMENTS)]
    items = "".join(
        _ITEM.format(path=path, identifier=_identifier(n)) for n, path in enumerate(paths)
    )
    built = "<lastBuildDate>Fri, 20 Nov 2026 07:20:00 +0000</lastBuildDate>"
    listed = f'<rss version="2.0"><channel>{built}{items}</channel></rss>'
    return {RSS: listed.encode(), **{path: cap(n) for n, path in enumerate(paths)}}


def _identifier(number: int) -> str:
    return f"2.49.0.1.360.0.2026.11.20.07.{_PROVINCES[number]}.001"


def bulletins() -> bytes:
    return (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>x</identifier>'
        "<sender>inatews@bmkg.go.id</sender><status>Actual</status><msgType>Alert</msgType>"
        f"<scope>Public</scope>{''.join(_infos())}</alert>"
    ).encode()


def _infos() -> Iterator[str]:
    for number in range(BULLETINS):
        day = AT - timedelta(days=number)
        long = f"{day:%d-%m-%Y}"
        rows = [
            _ZONE.format(n=n, day=long, level="SIAGA" if n % 3 else "WASPADA") for n in range(ZONES)
        ]
        rows += [_GAUGE.format(n=n + 10, day=long) for n in range(GAUGES)]
        yield _INFO.format(
            day=f"{day:%d-%m-%y}",
            event=f"{day:%Y%m%d}044000",
            part=number % 9 + 1,
            sent=f"{day:%d/%m/%Y} 04:40:00WIB",
            rows="".join(rows),
        )


def quake_list(newest: datetime = AT - timedelta(minutes=15)) -> bytes:
    import json

    rows = [_quake_row(newest)]
    rows += [_quake_row(AT - timedelta(hours=10 * number)) for number in range(1, QUAKES)]
    return json.dumps({"Infogempa": {"gempa": rows}}, separators=(",", ":")).encode()


def _quake_row(origin: datetime) -> dict[str, str]:
    local = origin + timedelta(hours=7)
    return {
        "Tanggal": f"{local:%d-%m-%Y}",
        "Jam": f"{local:%H:%M:%S} WIB",
        "DateTime": origin.isoformat(),
        "Coordinates": "-7.55,108.90",
        "Lintang": "7.55 LS",
        "Bujur": "108.90 BT",
        "Magnitude": "5.1",
        "Kedalaman": "12 km",
        "Wilayah": "20 km Selatan CONTOH-JATENG",
        "Dirasakan": "III - IV Contoh Utara, II-III Contoh Timur, II Contoh Barat",
    }


def rain_image() -> bytes:
    """The rainfall-potential picture with ragged land and cloud, as hard to pack as a real one."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = np.mgrid[0:1118, 0:1674].astype("float32")
    waves = np.sin(rows / 37) * np.cos(columns / 53) + 0.4 * np.sin(rows / 5.3 + columns / 7.1)
    noise = np.random.default_rng(1).normal(0, 0.15, rows.shape).astype("float32")
    picture = np.full((1118, 1674, 3), 255, dtype=np.uint8)
    land = np.cos(rows / 120) * np.sin(columns / 160) + 0.2 * waves
    picture[land > 0.3] = (255, 226, 171)
    picture[np.abs(land - 0.3) < 0.01] = (151, 86, 67)
    limits = ((0.8, (127, 255, 255)), (1.0, (85, 255, 85)), (1.15, (255, 255, 85)))
    for limit, colour in (*limits, (1.3, (255, 42, 85))):
        picture[waves + noise > limit] = colour
    picture[:64] = (76, 76, 76)
    image = Image.fromarray(picture)
    font = ImageFont.load_default(size=36)
    title = "HIMAWARI-9 RP  20/11/2026  07:10UTC"
    ImageDraw.Draw(image).text((16, 12), title, fill=(255, 248, 198), font=font)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
