"""Cianjur, 21 November 2022: M5.6, 11 km deep, under a crowded valley."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from generator import tews
from generator.forecast import forecast
from generator.inatews import datagempa_felt
from generator.places import Places
from generator.quiet import empty_rss, old_felt_quake, old_sea_quake, quiet, rain_image
from generator.story import (
    AUTOGEMPA,
    DATAGEMPA,
    GEMPADIRASAKAN,
    GEMPATERKINI,
    NOWCAST,
    Payload,
    Step,
    Story,
    forecast_path,
    utc,
)
from generator.tews import Quake

NOTE = (
    "Re-creation in the schema of 2026 with the public facts of BMKG's release; the quiet "
    "documents around it are invented."
)
MAIN = Quake(
    origin=utc("2022-11-21 06:21:10"),
    latitude=-6.84,
    longitude=107.05,
    magnitude=5.6,
    depth_km=11,
    place="Pusat gempa berada di darat 10 km barat daya Kab. Cianjur",
    short_place="10 km BaratDaya KAB-CIANJUR-JABAR",
)
FELT = (
    "V-VI Cianjur, IV-V Garut, IV-V Sukabumi, III Cimahi, III Lembang, III Kota Bandung, "
    "III Cikalong Wetan, III Rangkasbitung, III Bogor, II-III Rancaekek, "
    "II-III Tangerang Selatan, II-III DKI Jakarta, II-III Depok"
)
FORECAST_DISTRICTS = ("32.03.01", "32.03.11")
"""Cianjur and Cugenang."""


def story(places: Places) -> Story:
    felt = replace(MAIN, felt=FELT)
    start = utc("2022-11-21 06:15")
    sea, old_felt = old_sea_quake(start), old_felt_quake(start)
    first = {
        AUTOGEMPA: Payload("autogempa-1.json", tews.autogempa(MAIN, felt="-")),
        GEMPATERKINI: Payload("gempaterkini-1.json", tews.gempaterkini([MAIN, sea])),
    }
    reports = {
        AUTOGEMPA: Payload("autogempa-2.json", tews.autogempa(felt)),
        GEMPADIRASAKAN: Payload("gempadirasakan-2.json", tews.gempadirasakan([felt, old_felt])),
    }
    message = datagempa_felt(felt, sent=utc("2022-11-21 06:41:30"))
    chapters: tuple[tuple[str, str, Mapping[str, Payload]], ...] = (
        ("06:15", "an ordinary Monday", {**quiet(start), **_forecasts(places)}),
        ("06:26", "the quake is published, not yet felt by anybody on record", first),
        ("06:35", "reports of shaking come in", reports),
        ("06:45", "InaTEWS' message repeats it", {DATAGEMPA: Payload("felt.json", message)}),
        ("12:40", "more than six hours after: the warning is over", {}),
    )
    return Story(
        name="cianjur",
        title="Cianjur, 21 November 2022",
        note=NOTE,
        steps=tuple(_step(clock, note, serve, places) for clock, note, serve in chapters),
    )


def _step(clock: str, note: str, serve: Mapping[str, Payload], places: Places) -> Step:
    at = utc(f"2022-11-21 {clock}")
    return Step(at, note, {**serve, NOWCAST: empty_rss(at), **rain_image(at, places)})


def _forecasts(places: Places) -> dict[str, Payload]:
    analysis = utc("2022-11-21 00:00")
    villages = [places.first_village(code) for code in FORECAST_DISTRICTS]
    return {
        forecast_path(v.adm4_code): Payload(
            f"forecast-{v.adm4_code}.json", forecast(v, analysis=analysis, stormy=False)
        )
        for v in villages
    }
