"""An afternoon of thunderstorms over Banten, Jakarta and West Java, 14 February 2026."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from generator import nowcast
from generator.forecast import forecast
from generator.nowcast import FEBRUARY_2026, Alert
from generator.picture import Cell
from generator.places import Places
from generator.quiet import empty_rss, quiet, rain_image
from generator.story import NOWCAST, Payload, Step, Story, cap_path, forecast_path, utc

NOTE = "An invented afternoon in the schema, palette and geometry of BMKG's documents."
DAY = "2026-02-14"
STEP = timedelta(minutes=30)


@dataclass(frozen=True)
class Storm:
    """One alert and the cell below it. `listed_until`: when the RSS stops to name it."""

    code: str
    province_code: str
    province: str
    districts: tuple[str, ...]
    sent: str
    effective: str
    expires: str
    listed_until: str
    cell: Cell


# Cisarua exists in Bogor and in Bandung Barat, Sobang in Lebak and in Pandeglang: the
# polygon decides. The province of a code's letters is only documented by its identifier.
STORMS = (
    Storm(
        code="CJB20260214001",
        province_code="32",
        province="Jawa Barat",
        districts=("32.01.24", "32.01.25", "32.01.26"),
        sent="05:20",
        effective="05:30",
        expires="07:25",
        listed_until="08:45",
        cell=Cell(106.93, -6.68, 0.31, 0.23, 1.0),
    ),
    Storm(
        code="CBT20260214001",
        province_code="36",
        province="Banten",
        districts=("36.02.04", "36.02.22", "36.02.25"),
        sent="05:50",
        effective="06:00",
        expires="07:55",
        listed_until="07:55",
        cell=Cell(106.37, -6.6, 0.27, 0.22, 0.86),
    ),
    Storm(
        code="CJB20260214002",
        province_code="32",
        province="Jawa Barat",
        districts=("32.17.01", "32.17.02"),
        sent="06:25",
        effective="06:35",
        expires="08:40",
        listed_until="08:40",
        cell=Cell(107.6, -6.82, 0.32, 0.25, 1.0),
    ),
    Storm(
        code="CJK20260214001",
        province_code="31",
        province="DKI Jakarta",
        districts=("31.74.01", "31.74.08", "31.75.03"),
        sent="07:10",
        effective="07:20",
        expires="09:50",
        listed_until="09:50",
        cell=Cell(106.86, -6.24, 0.20, 0.14, 0.84),
    ),
    Storm(
        code="CBT20260214002",
        province_code="36",
        province="Banten",
        districts=("36.01.16", "36.01.17", "36.01.28"),
        sent="07:40",
        effective="07:50",
        expires="09:20",
        listed_until="09:20",
        cell=Cell(105.92, -6.32, 0.23, 0.18, 0.8),
    ),
    Storm(
        code="CJB20260214003",
        province_code="32",
        province="Jawa Barat",
        districts=("32.05.20", "32.05.21", "32.05.22"),
        sent="08:40",
        effective="08:50",
        expires="10:40",
        listed_until="10:40",
        cell=Cell(107.79, -7.34, 0.29, 0.23, 0.95),
    ),
)
OVER_THE_OCEAN = (Cell(98.4, -7.9, 1.9, 1.1, 0.9), Cell(101.7, -10.2, 1.2, 0.8, 0.7))
NOTES = {
    "05:30": "the first warning: Bogor's highland",
    "06:00": "Banten follows; the same guid has become another one in the new hour",
    "06:30": "two warnings in force in West Java",
    "07:00": "every guid is rendered anew, no alert is",
    "07:30": "Jakarta; Bogor's warning has expired but stays in the list",
    "08:00": "Pandeglang",
    "08:30": "the expired one is still listed, under yet another guid",
    "09:00": "Garut",
    "09:30": "Jakarta and Garut remain",
    "10:00": "Garut alone",
    "10:30": "the last warning runs out soon",
    "11:00": "all has expired, the list is empty",
}


def story(places: Places) -> Story:
    alerts = {storm.code: _alert(storm, places) for storm in STORMS}
    steps = tuple(_step(clock, note, alerts, places) for clock, note in NOTES.items())
    return Story("thunderstorm", "Thunderstorms over West Java, 14 February 2026", NOTE, steps)


def _at(clock: str) -> datetime:
    return utc(f"{DAY} {clock}")


def _alert(storm: Storm, places: Places) -> Alert:
    return Alert(
        code=storm.code,
        province_code=storm.province_code,
        province=storm.province,
        districts=tuple(places.district_name(code) for code in storm.districts),
        rings=tuple(ring for code in storm.districts for ring in places.rings(code)),
        sent=_at(storm.sent),
        effective=_at(storm.effective),
        expires=_at(storm.expires),
        offset=7,
        style=FEBRUARY_2026,
    )


def _step(clock: str, note: str, alerts: dict[str, Alert], places: Places) -> Step:
    at = _at(clock)
    first = at == _at(next(iter(NOTES)))
    serve = {**(quiet(at) if first else {}), **(_forecasts(places) if first else {})}
    listed = [alerts[s.code] for s in STORMS if _at(s.sent) <= at < _at(s.listed_until)]
    return Step(at, note, {**serve, **_feed(at, listed), **rain_image(at, places, cells_at(at))})


def _feed(at: datetime, listed: list[Alert]) -> dict[str, Payload]:
    """The list and its documents, rendered at the hour of `at`."""
    if not listed:
        return {NOWCAST: empty_rss(at)}
    rendered = at - timedelta(seconds=25)
    rendered = max(rendered, at.replace(minute=0, second=0))
    documents = {
        cap_path(alert.code): Payload(
            f"{alert.code}-{rendered:%H}.xml", nowcast.cap(alert, rendered=rendered)
        )
        for alert in listed
    }
    feed = Payload(f"nowcast-{at:%H%M}.xml", nowcast.rss(listed, rendered=rendered))
    return {NOWCAST: feed, **documents}


def cells_at(at: datetime) -> list[Cell]:
    """Each cell grows before its warning, is strongest half way and is gone when it expires."""
    cells = list(OVER_THE_OCEAN)
    for storm in STORMS:
        start, end = _at(storm.sent) - STEP, _at(storm.expires)
        phase = (at - start) / (end - start)
        if 0 < phase < 1:
            swell = min(1.0, 2.4 * min(phase, 1 - phase) + 0.15)
            cell = storm.cell
            cells.append(
                Cell(
                    longitude=cell.longitude + 0.06 * (phase - 0.5),
                    latitude=cell.latitude,
                    radius_x=cell.radius_x * (0.5 + 0.5 * swell),
                    radius_y=cell.radius_y * (0.5 + 0.5 * swell),
                    strength=cell.strength * swell,
                )
            )
    return cells


def _forecasts(places: Places) -> dict[str, Payload]:
    """One village of the first district of each warning."""
    analysis = utc(f"{DAY} 00:00")
    villages = [places.first_village(storm.districts[0]) for storm in STORMS]
    return {
        forecast_path(v.adm4_code): Payload(
            f"forecast-{v.adm4_code}.json", forecast(v, analysis=analysis, stormy=True)
        )
        for v in villages
    }
