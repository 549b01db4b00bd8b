"""The outlook of a village as people and programs read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np

from console.village_outlook import as_json, as_text
from kentongan.records import Forecast, ForecastSlot
from processing.rain.village_forecast import join, village_forecast

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CODES = ["75.02.01.2001", "75.02.02.2001"]
NAMES = {CODES[0]: "Tohupo", CODES[1]: "Bongo"}


def found():
    slot = ForecastSlot(
        valid_time=datetime(2026, 11, 22, 9, tzinfo=UTC), weather=63, weather_desc="Hujan Lebat",
        precipitation_mm=24.0,
    )  # fmt: skip
    record = Forecast(
        source_id="bmkg-forecast", key="k", sha256="a" * 64, document_time=AT,
        adm4_code=CODES[0], analysis_time=datetime(2026, 11, 22, tzinfo=UTC), latitude=0.5,
        longitude=122.0, slots=(slot,),
    )  # fmt: skip
    return join(village_forecast([record], CODES, at=AT), np.array([9.0, np.nan], "f4"), at=AT)


def test_a_person_reads_local_times_sources_and_what_is_not_known():
    text = as_text(found(), NAMES, {CODES[0]: 8, CODES[1]: 9})
    first, second = text.split("\n\n")
    assert "Tohupo (75.02.01.2001): BMKG's run is 4 h old. Source: BMKG" in first
    assert "14.00 WITA" in first and "our nowcast" in first and "nowcast and BMKG" in first
    assert "19.0 mm" in first
    assert "no forecast on record" in second and "15.00 WIT" in second
    assert "mm" not in second.replace("rain in 3 h", "")


def test_a_program_gets_none_for_what_is_not_known():
    first, second = json.loads(json.dumps(as_json(found(), NAMES)))
    assert first["age_hours"] == 4.0
    assert first["steps"][0] == {
        "until": "2026-11-22T06:00:00Z", "rain_mm": 6.0, "source": "our nowcast",
    }  # fmt: skip
    assert {step["rain_mm"] for step in second["steps"]} == {None}
    assert {step["source"] for step in second["steps"]} == {"not known"}
