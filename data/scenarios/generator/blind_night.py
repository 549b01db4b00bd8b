"""A storm at night over Sulawesi, 18 October 2026, while one feed after the other fails.

Block page, server errors, a frozen picture, a dead link, no answer, a list that is empty
too early. Both warnings stay in force until they expire by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from generator import nowcast
from generator.forecast import forecast
from generator.nowcast import SEPTEMBER_2026, Alert
from generator.picture import Cell
from generator.places import Places
from generator.quiet import empty_rss, quiet, rain_image
from generator.story import (
    AUTOGEMPA,
    DATAGEMPA,
    GEMPADIRASAKAN,
    GEMPATERKINI,
    LAST_TSUNAMI,
    MARK,
    NOWCAST,
    Payload,
    Step,
    Story,
    cap_path,
    forecast_path,
    utc,
)

NOTE = "An invented night in BMKG's schema; the failures are such as were seen in practice."
DAY = "2026-10-18"
SOUTH = ("73.06.04", "73.06.05", "73.09.11")
"""Tinggimoncong and Parangloe in Gowa; Tompobulu in Maros, a name that Gowa has too."""
WEST = ("76.05.05", "76.05.07", "76.04.15")
"""Ulumanda and Tubo Sendana in Majene, Allu in Polewali Mandar."""
CELLS = (
    Cell(119.82, -5.18, 0.30, 0.26, 1.0),
    Cell(118.96, -3.22, 0.28, 0.24, 0.9),
    Cell(117.4, -5.9, 1.3, 0.7, 0.75),
)
SERVER_ERROR = 503
NO_ANSWER = 0
DEAD_LINK = 404


def story(places: Places) -> Story:
    south = _alert(("CSN20261018001", "73", "Sulawesi Selatan"), SOUTH, places, SOUTH_HOURS)
    west = _alert(("CSK20261018001", "76", "Sulawesi Barat"), WEST, places, WEST_HOURS)
    late = _alert(("CSN20261018002", "73", "Sulawesi Selatan"), SOUTH[:1], places, LATE_HOURS)
    steps = (*_healthy(places, [west, south]), *_failing(places, [west, south], late))
    return Story("blind-night", "A blind night over Sulawesi, 18 October 2026", NOTE, steps)


# Hours of sending, beginning and end, UTC.
SOUTH_HOURS = ("11:40", "11:50", "15:50")
WEST_HOURS = ("11:55", "12:05", "14:35")
LATE_HOURS = ("14:05", "14:15", "16:35")


def _at(clock: str) -> datetime:
    return utc(f"{DAY} {clock}")


def _alert(
    who: tuple[str, str, str], districts: Sequence[str], places: Places, hours: Sequence[str]
) -> Alert:
    code, province_code, province = who
    sent, effective, expires = (_at(clock) for clock in hours)
    return Alert(
        code=code,
        province_code=province_code,
        province=province,
        districts=tuple(places.district_name(d) for d in districts),
        rings=tuple(ring for d in districts for ring in places.rings(d)),
        sent=sent,
        effective=effective,
        expires=expires,
        offset=8,
        style=SEPTEMBER_2026,
    )


def _feed(at: datetime, listed: Sequence[Alert], served: Sequence[Alert]) -> dict[str, Payload]:
    rendered = max(at - timedelta(seconds=25), at.replace(minute=0, second=0))
    documents = {
        cap_path(alert.code): Payload(
            f"{alert.code}-{rendered:%H}.xml", nowcast.cap(alert, rendered=rendered)
        )
        for alert in served
    }
    feed = Payload(f"nowcast-{at:%H%M}.xml", nowcast.rss(listed, rendered=rendered))
    return {NOWCAST: feed, **documents}


def _healthy(places: Places, alerts: Sequence[Alert]) -> tuple[Step, ...]:
    first, second = _at("12:00"), _at("12:30")
    return (
        Step(
            first,
            "the storm is warned of, every feed answers",
            {
                **quiet(first),
                **_forecasts(places),
                **_feed(first, alerts, alerts),
                **rain_image(first, places, CELLS),
            },
        ),
        Step(
            second,
            "the same, half an hour later",
            {**_feed(second, alerts, alerts), **rain_image(second, places, _later(CELLS))},
        ),
    )


def _failing(places: Places, alerts: Sequence[Alert], late: Alert) -> tuple[Step, ...]:
    last_picture = rain_image(_at("13:00"), places, _later(_later(CELLS)))
    back = _feed(_at("14:20"), [*alerts, late], alerts)
    quakes = dict.fromkeys((AUTOGEMPA, GEMPATERKINI, GEMPADIRASAKAN), SERVER_ERROR)
    bulletins = dict.fromkeys((DATAGEMPA, LAST_TSUNAMI), NO_ANSWER)
    dead = {cap_path(late.code): DEAD_LINK}
    page = {NOWCAST: Payload("block-page.html", block_page())}
    forecasts = dict.fromkeys(_forecasts(places), SERVER_ERROR)
    return (
        _step("13:00", "a block page instead of the warnings", {**page, **last_picture}),
        _step("13:30", "the quake lists answer 503; the picture does not change", fail=quakes),
        _step("14:00", "InaTEWS does not answer", fail=bulletins),
        _step("14:20", "the warnings are back, the new one leads nowhere", back, dead),
        _step("15:00", "blocked again; forecasts fail; one warning has expired", page, forecasts),
        _step("15:15", "an empty list ends no warning", {NOWCAST: empty_rss(_at("15:15"))}),
        _step("15:30", "still blind, one warning still in force", fail={NOWCAST: SERVER_ERROR}),
    )


def _step(
    clock: str,
    note: str,
    serve: Mapping[str, Payload] | None = None,
    fail: Mapping[str, int] | None = None,
) -> Step:
    return Step(_at(clock), note, serve or {}, fail or {})


def _later(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The same cells half an hour on: further east and a little wider."""
    return tuple(
        Cell(c.longitude + 0.05, c.latitude, c.radius_x * 1.06, c.radius_y * 1.06, c.strength)
        for c in cells
    )


def block_page() -> bytes:
    """A firewall's page: HTML in UTF-16 with a byte order mark, status 200."""
    page = (
        "<!doctype html>\n"
        f"<!-- {MARK} -->\n"
        "<title>Akses diblokir</title>\n"
        '<meta charset="utf-8">\n'
        "<h1>Laman Diblokir</h1>\n"
        "<p>Permintaan dari alamat ini ditolak. Hubungi admin BMKG.</p>\n"
    )
    return b"\xff\xfe" + page.encode("utf-16-le")


def _forecasts(places: Places) -> dict[str, Payload]:
    analysis = utc(f"{DAY} 00:00")
    villages = [places.first_village(codes[0]) for codes in (SOUTH, WEST)]
    return {
        forecast_path(v.adm4_code): Payload(
            f"forecast-{v.adm4_code}.json", forecast(v, analysis=analysis, stormy=True)
        )
        for v in villages
    }
