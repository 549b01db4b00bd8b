"""BMKG village forecast, three days in slots of three hours. Page: docs/sources.

One request a village, 60 a minute: which villages are asked is chosen in `ingest/forecast_plan`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from ingest.keep.drift import field_names, names_of
from ingest.read.fields import optional_number, required, text_of, utc_text
from ingest.read.payload import head_text, one_line, parse_json, refuse_html
from ingest.read.plausible import plausible
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import DataError, NotPublishedYet, SourceChanged
from kentongan.records import Forecast, ForecastSlot
from kentongan.times import compact

SOURCE_ID = "bmkg-forecast"
PATH = "/publik/prakiraan-cuaca"
MAX_SLOTS = 200
"""A document holds 20 to 24."""
SPAN = timedelta(days=3)
"""How far a forecast reaches: with an older analysis, all of it is past."""
_VILLAGE = re.compile(r"\d{2}\.\d{2}\.\d{2}\.\d{4}", re.ASCII)
_PLACE = (
    *("adm1", "adm2", "adm3", "adm4", "provinsi", "kotkab", "kecamatan", "desa"),
    *("lon", "lat", "timezone", "type"),
)
_SLOT = (
    *("datetime", "utc_datetime", "local_datetime", "time_index", "analysis_date"),
    *("t", "tcc", "tp", "hu", "vs", "vs_text", "weather", "weather_desc", "weather_desc_en"),
    *("wd_deg", "wd", "wd_to", "ws", "image"),
)
KNOWN = frozenset(
    ["lokasi", "data", "data.lokasi", "data.cuaca"]
    + [f"lokasi.{name}" for name in _PLACE]
    + [f"cuaca.{name}" for name in _SLOT]
)


class BmkgForecast:
    info = SourceInfo(
        source_id=SOURCE_ID,
        title="BMKG village forecast",
        provider="BMKG",
        licence="BMKG open data; name BMKG as the source",
        documentation="docs/sources/bmkg-forecast.md",
        base="bmkg_api_url",
        cadence=timedelta(hours=12),
        # One model run of two a day missed, and the time until it is published.
        late_after=timedelta(hours=24),
        history=False,
        periodic=True,
        absent_is_empty=True,
        tier="support",
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [f"{PATH}?adm4={code}" for code in wanted if _VILLAGE.fullmatch(code)]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        _refuse_the_old_form(payload, context.path)
        document = parse_json(payload, context.path)
        _refuse_not_found(document, context.path)
        try:
            place, days = _parts(document)
            village = _village(place, context.path)
            slots, rejected = _slots(days)
            if not slots:
                raise DataError("cuaca: expected slots of three hours, found none that can be read")
            forecast = _forecast(village, place, slots, context)
            plausible(forecast.analysis_time, context.last_seen, name="analysis_date")
        except DataError as error:
            raise SourceChanged(f"{context.path}: forecast: {one_line(error, 300)}") from error
        fields, unknown = field_names(_names(document, days), KNOWN)
        return Reading(
            (forecast,),
            tuple(f"{village}: {line}" for line in rejected),
            tuple(f"{village}: {line}" for line in _oddities(forecast, slots, context)),
            forecast.document_time,
            fields=fields,
            unknown_fields=unknown,
        )


def village_of(path: str) -> str:
    """The village that a forecast path or URL asks for; empty if none."""
    return parse_qs(path.partition("?")[2]).get("adm4", [""])[0]


def _refuse_the_old_form(payload: bytes, path: str) -> None:
    """Raises:
    SourceChanged: DigitalForecast, which BMKG wrote until July 2024.
    """
    head = head_text(payload).lstrip("\ufeff \t\r\n")
    if head.startswith("<") and "<forecast" in head and "<data" in head:
        raise SourceChanged(
            f"{path}: a DigitalForecast document, a form that BMKG stopped in July 2024 and "
            "replaced by the forecast of villages; it has no rain amount and is not read. Ask "
            f"for {PATH}?adm4=<village code> instead"
        )
    refuse_html(payload, path)


def _refuse_not_found(document: Any, path: str) -> None:
    """Raises:
    NotPublishedYet: the text of BMKG's 404, whatever status it came with.
    """
    if isinstance(document, dict) and document.get("statusCode") == 404:
        raise NotPublishedYet(f"{path}: BMKG does not know this village; it is not assessed")


def _names(document: Mapping[str, Any], days: Sequence[Any]) -> Iterator[str]:
    entry = document["data"][0]
    places = [part for part in (document.get("lokasi"), entry.get("lokasi")) if part]
    yield from names_of([document])
    yield from names_of([entry], "data.")
    yield from names_of(places, "lokasi.")
    yield from names_of((row for day in days if isinstance(day, list) for row in day), "cuaca.")


def _oddities(
    forecast: Forecast, slots: Sequence[tuple[datetime, ForecastSlot]], context: ReadContext
) -> Iterator[str]:
    """What is odd about the times and is kept: the age of the content judges the feed."""
    runs = {time for time, _ in slots}
    if len(runs) > 1:
        yield f"analysis_date: {len(runs)} model runs in one document; the oldest counts"
    try:
        plausible(forecast.analysis_time, context.last_seen, name="analysis_date", behind=SPAN)
    except DataError as error:
        yield f"{one_line(error, 200)}; the village counts as not assessed"


def _parts(document: Any) -> tuple[Mapping[str, Any], Sequence[Any]]:
    place = document.get("lokasi") if isinstance(document, dict) else None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(place, dict) or not isinstance(data, list) or len(data) != 1:
        raise DataError(f"expected lokasi and one entry of data, found {one_line(document, 60)}")
    days = data[0].get("cuaca") if isinstance(data[0], dict) else None
    if not isinstance(days, list):
        raise DataError(f"cuaca: expected a list of days, found {one_line(days, 40)}")
    return place, days


def _village(place: Mapping[str, Any], path: str) -> str:
    village = required(place, "adm4")
    if not _VILLAGE.fullmatch(village):
        raise DataError(f"adm4: expected a village code, found {one_line(village, 40)!r}")
    asked = village_of(path)
    if asked and asked != village:
        raise DataError(f"adm4: expected the answer for {asked}, found {village}")
    return village


def _slots(days: Sequence[Any]) -> tuple[list[tuple[datetime, ForecastSlot]], list[str]]:
    """(analysis time, slot) in order of time, and a line for each slot left out."""
    rows = [row for day in days if isinstance(day, list) for row in day]
    if len(rows) > MAX_SLOTS:
        raise DataError(f"cuaca: expected about 24 slots, found {len(rows)}")
    slots: list[tuple[datetime, ForecastSlot]] = []
    rejected: list[str] = []
    for row in rows:
        try:
            slots.append(_slot(row))
        except DataError as error:
            rejected.append(f"slot left out: {one_line(error, 120)}")
    return sorted(slots, key=lambda pair: pair[1].valid_time), rejected


def _slot(row: Any) -> tuple[datetime, ForecastSlot]:
    if not isinstance(row, Mapping):
        raise DataError(f"expected an object, found {one_line(row, 40)!r}")
    weather = optional_number(row, "weather", low=0, high=999)
    if weather is None:
        raise DataError("weather: expected a code, found none")
    slot = ForecastSlot(
        valid_time=utc_text(required(row, "datetime"), "datetime"),
        weather=int(weather),
        weather_desc=one_line(text_of(row, "weather_desc"), 80),
        temperature_c=optional_number(row, "t", low=-20, high=60),
        humidity_pct=optional_number(row, "hu", low=0, high=100),
        wind_speed_kmh=optional_number(row, "ws", low=0, high=500),
        wind_from_deg=optional_number(row, "wd_deg", low=0, high=360),
        cloud_cover_pct=optional_number(row, "tcc", low=0, high=100),
        precipitation_mm=optional_number(row, "tp", low=0, high=2000),
    )
    return utc_text(required(row, "analysis_date"), "analysis_date"), slot


def _forecast(
    village: str,
    place: Mapping[str, Any],
    slots: Sequence[tuple[datetime, ForecastSlot]],
    context: ReadContext,
) -> Forecast:
    analysis = min(time for time, _ in slots)
    latitude = optional_number(place, "lat", low=-15, high=15)
    longitude = optional_number(place, "lon", low=90, high=145)
    if latitude is None or longitude is None:
        raise DataError("lokasi: expected lat and lon, found none")
    return Forecast(
        source_id=context.source_id,
        key=f"{village}-{compact(analysis)}",
        sha256=context.sha256,
        document_time=analysis,
        re_creation=context.re_creation,
        adm4_code=village,
        analysis_time=analysis,
        latitude=latitude,
        longitude=longitude,
        slots=tuple(slot for _, slot in slots),
    )
