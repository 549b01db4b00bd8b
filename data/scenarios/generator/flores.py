"""Flores Sea, 15 August 2026: M7.7, tsunami bulletins PD-1 to PD-4."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from generator import tews
from generator.forecast import forecast
from generator.inatews import (
    Bulletin,
    Gauge,
    Zone,
    datagempa_bulletin,
    datagempa_felt,
    last_tsunami,
)
from generator.places import Places
from generator.quiet import OLD_TSUNAMI, empty_rss, old_felt_quake, old_sea_quake, quiet, rain_image
from generator.story import (
    AUTOGEMPA,
    DATAGEMPA,
    GEMPATERKINI,
    LAST_TSUNAMI,
    NOWCAST,
    Payload,
    Step,
    Story,
    forecast_path,
    utc,
)
from generator.tews import Quake

NOTE = (
    "Re-creation in InaTEWS' schema with the public facts of its bulletins: times, places, "
    "zones, levels, arrivals and gauge heights. Texts and the quiet documents are ours."
)
FIRST = Quake(
    origin=utc("2026-08-14 21:58:23"),
    latitude=-8.33,
    longitude=121.32,
    magnitude=7.0,
    depth_km=10,
    place="Pusat gempa berada di laut 38 km timur laut Mbay-Nagekeo",
    short_place="38 km TimurLaut MBAY-NAGEKEO-NTT",
    tsunami=True,
)
FINAL = Quake(
    origin=utc("2026-08-14 21:58:24"),
    latitude=-8.41,
    longitude=121.39,
    magnitude=7.7,
    depth_km=15,
    place="Pusat gempa berada di laut 30 km timur laut Mbay-Nagekeo",
    short_place="30 km TimurLaut MBAY-NAGEKEO-NTT",
    tsunami=True,
)
NGADA = Zone("NTT", "NGADA BAGIAN UTARA", "WASPADA", "05:01:23")
ZONES = (
    Zone("NTT", "MANGGARAI BAGIAN UTARA", "SIAGA", "05:02:23"),
    Zone("NTT", "NGADA BAGIAN UTARA", "SIAGA", "05:02:23"),
    Zone("NTT", "MANGGARAI-BARAT BAGIAN UTARA", "SIAGA", "05:03:23"),
    Zone("SULSEL", "SELAYAR", "SIAGA", "05:04:23"),
    Zone("NTT", "ENDE BAGIAN UTARA", "SIAGA", "05:05:23"),
    Zone("NTT", "SIKKA BAGIAN UTARA", "SIAGA", "05:13:23"),
    Zone("SULSEL", "JENEPONTO", "SIAGA", "05:15:23"),
    Zone("SULSEL", "BANTAENG", "SIAGA", "05:46:23"),
    Zone("NTT", "PULAU ENDE", "WASPADA", "05:03:23"),
    Zone("NTT", "PULAU SIKKA", "WASPADA", "05:07:23"),
    Zone("NTB", "BIMA PULAU SANGIANG", "WASPADA", "05:09:23"),
    Zone("NTB", "BIMA PULAU GILI", "WASPADA", "05:12:23"),
    Zone("NTB", "KOTA-BIMA BAGIAN UTARA", "WASPADA", "05:14:23"),
    Zone("NTT", "FLORES-TIMUR BAGIAN UTARA", "WASPADA", "05:15:23"),
    Zone("NTB", "DOMPU BAGIAN UTARA", "WASPADA", "05:19:23"),
    Zone("SULTRA", "KOTA-BAU-BAU", "WASPADA", "05:40:23"),
    Zone("SULSEL", "TAKALAR", "WASPADA", "05:43:23"),
    Zone("SULSEL", "BONE", "WASPADA", "05:54:23"),
    Zone("SULSEL", "WAJO", "WASPADA", "06:01:23"),
    Zone("SULSEL", "LUWU BAGIAN TIMUR", "WASPADA", "06:36:23"),
    Zone("SULSEL", "LUWU BAGIAN UTARA", "WASPADA", "06:39:23"),
    Zone("SULSEL", "KOTA-PALOPO", "WASPADA", "06:41:23"),
)
GAUGES = (
    Gauge("BAKALANG-ALOR", -8.26, 124.23, 0.14, "05:41"),
    Gauge("BAUBAU", -5.45, 122.59, 0.30, "05:47"),
    Gauge("BULUKUMBA", -5.54, 120.21, 0.54, "05:58"),
    Gauge("DOMPU", -8.30, 118.38, 0.17, "05:29"),
    Gauge("FLORESTIMUR", -8.27, 123.09, 0.25, "05:24"),
    Gauge("KOLAKA", -4.05, 121.57, 0.23, "06:27"),
    Gauge("LABUANBAJO", -8.49, 119.87, 0.36, "05:26"),
    Gauge("MAUROLE-ENDE", -8.50, 121.81, 0.94, "05:27"),
    Gauge("PELABUHANKEWAPANTE-SIKKA", -8.64, 122.29, 0.38, "05:16"),
    Gauge("SIKKA", -8.30, 121.73, 0.19, "05:03"),
)
GAUGES_OF = {
    "PD-3.1": ("DOMPU", "LABUANBAJO", "SIKKA"),
    "PD-3.2": tuple(
        g.location for g in GAUGES if g.location not in {"BAUBAU", "BULUKUMBA", "KOLAKA"}
    ),
    "PD-3.3": tuple(g.location for g in GAUGES if g.location != "KOLAKA"),
    "PD-3.4": tuple(g.location for g in GAUGES),
}
FORECAST_DISTRICTS = ("53.09.09", "53.07.05")
"""Riung on the north coast of Ngada; a district of Sikka."""


def _observed(label: str, sent: str, *, swapped: bool = False) -> Bulletin:
    gauges = tuple(g for g in GAUGES if g.location in GAUGES_OF[label])
    return Bulletin(label, utc(sent), FINAL, ZONES, gauges, swapped)


BULLETINS = (
    Bulletin("PD-1", utc("2026-08-14 22:00:37"), FIRST, (NGADA, NGADA)),
    Bulletin("PD-2", utc("2026-08-14 22:09:54"), FINAL, ZONES),
    _observed("PD-3.1", "2026-08-14 22:49:48", swapped=True),
    _observed("PD-3.2", "2026-08-14 23:28:39", swapped=True),
    _observed("PD-3.3", "2026-08-14 23:49:18"),
    _observed("PD-3.4", "2026-08-15 00:05:32"),
    Bulletin("PD-4", utc("2026-08-15 00:31:30"), FINAL),
)
CHAPTERS = (
    ("2026-08-14 22:01:00", "PD-1: one zone, named twice, arrival 46 s after sending"),
    ("2026-08-14 22:10:30", "PD-2: 22 zones in four provinces, eight of them Siaga"),
    ("2026-08-14 22:50:00", "PD-3.1: three gauges, latitude and longitude exchanged"),
    ("2026-08-14 23:29:00", "PD-3.2: seven gauges, still exchanged"),
    ("2026-08-14 23:50:00", "PD-3.3: nine gauges"),
    ("2026-08-15 00:06:00", "PD-3.4: ten gauges, 0.94 m at Maurole"),
    ("2026-08-15 00:32:00", "PD-4: InaTEWS ends the warning"),
)


def story(places: Places) -> Story:
    steps = [_quiet_step(places)]
    for number, (clock, note) in enumerate(CHAPTERS):
        at = utc(clock)
        serve = {**_bulletins(number + 1), **_tews(number)}
        steps.append(Step(at, note, {**serve, **_around(clock, places)}))
    return Story(
        name="flores",
        title="Flores Sea, 15 August 2026",
        note=NOTE,
        steps=(*steps, *_aftermath(places)),
    )


def _quiet_step(places: Places) -> Step:
    clock = "2026-08-14 21:50:00"
    analysis = utc("2026-08-14 12:00")
    villages = [places.first_village(code) for code in FORECAST_DISTRICTS]
    forecasts = {
        forecast_path(v.adm4_code): Payload(
            f"forecast-{v.adm4_code}.json", forecast(v, analysis=analysis, stormy=False)
        )
        for v in villages
    }
    serve = {**quiet(utc(clock)), **forecasts, **_around(clock, places)}
    return Step(utc(clock), "before dawn, nothing", serve)


def _around(clock: str, places: Places) -> dict[str, Payload]:
    at = utc(clock)
    return {NOWCAST: empty_rss(at), **rain_image(at, places)}


def _bulletins(count: int) -> dict[str, Payload]:
    """Both addresses after the first `count` bulletins."""
    known = BULLETINS[:count][::-1]
    name = known[0].label.lower()
    return {
        DATAGEMPA: Payload(f"datagempa-{name}.json", datagempa_bulletin(known[0])),
        LAST_TSUNAMI: Payload(f"last30-{name}.xml", last_tsunami([*known, OLD_TSUNAMI])),
    }


def _tews(number: int) -> Mapping[str, Payload]:
    """The quake lists: M7.0 first, then M7.7 as another entry one second later."""
    if number > 1:
        return {}
    sea = old_sea_quake(utc("2026-08-14 21:50"))
    newest, listed = (FIRST, [FIRST, sea]) if number == 0 else (FINAL, [FINAL, FIRST, sea])
    return {
        AUTOGEMPA: Payload(f"autogempa-{number + 1}.json", tews.autogempa(newest)),
        GEMPATERKINI: Payload(f"gempaterkini-{number + 1}.json", tews.gempaterkini(listed)),
    }


def _aftermath(places: Places) -> tuple[Step, ...]:
    """The old PD-3.4 comes back for a while; then the shaking warning runs out."""
    stale = {DATAGEMPA: Payload("datagempa-pd-3.4.json", datagempa_bulletin(BULLETINS[5]))}
    felt = old_felt_quake(utc("2026-08-14 21:50"))
    later = datagempa_felt(felt, sent=felt.origin + timedelta(minutes=5))
    over = {DATAGEMPA: Payload("datagempa-quiet.json", later)}
    again, end = "2026-08-15 00:40:00", "2026-08-15 04:10:00"
    return (
        Step(
            utc(again),
            "a stale PD-3.4 is served again: nobody may be warned anew",
            {**stale, **_around(again, places)},
        ),
        Step(
            utc(end),
            "more than six hours after the quake: the shaking warning is over",
            {**over, **_around(end, places)},
        ),
    )
