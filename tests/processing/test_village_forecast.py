"""BMKG's village forecast as a field, its age and coverage, and the seam to the nowcast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from kentongan.records import Forecast, ForecastSlot
from processing.rain.village_forecast import Source, join, village_forecast

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CODES = ["31.71.01.1001", "31.71.01.1002", "31.71.02.1001"]
H = timedelta(hours=1)


def forecast(code=CODES[0], *, analysis=AT - 4 * H, rain=6.0, sha="a" * 64):
    slots = [
        ForecastSlot(
            valid_time=datetime(2026, 11, 22, tzinfo=UTC) + 3 * k * H,
            weather=61, weather_desc="Hujan Sedang", precipitation_mm=rain,
        )
        for k in range(1, 24)
    ]  # fmt: skip
    return Forecast(
        source_id="bmkg-forecast", key=code, sha256=sha, document_time=analysis, adm4_code=code,
        analysis_time=analysis, latitude=-6.2, longitude=106.8, slots=tuple(slots),
    )  # fmt: skip


def test_own_district_and_nothing_are_told_apart():
    found = village_forecast([forecast()], CODES, at=AT)
    first = found["source"].to_numpy()[:, 0].tolist()
    assert first == [Source.OWN, Source.DISTRICT, Source.NONE]
    assert found["rain"].to_numpy()[:2, 0].tolist() == [6.0, 6.0]
    assert np.isnan(found["rain"].to_numpy()[2]).all() and np.isnan(found["age_hours"][2])
    assert found["age_hours"].to_numpy()[0] == 4.0
    assert found.attrs["coverage_own"] == pytest.approx(1 / 3)


def test_steps_of_three_hours_over_three_days():
    found = village_forecast([forecast()], CODES, at=AT)
    times = found["valid_time"].to_numpy()
    assert len(times) == 24
    assert times[0] == np.datetime64("2026-11-22T06:00")
    assert (np.diff(times) == np.timedelta64(3, "h")).all()
    # BMKG's own days end before ours do: the rest is not known.
    assert np.isnan(found["rain"].to_numpy()[0, -1])


def test_the_newest_analysis_counts_whatever_the_order():
    new, old = forecast(analysis=AT - H, rain=9.0), forecast(rain=1.0)
    for given in ([new, old], [old, new]):
        assert village_forecast(given, CODES, at=AT)["rain"].to_numpy()[0, 0] == 9.0


def test_an_old_or_a_future_forecast_is_not_shown():
    for analysis in (AT - 25 * H, AT + H):
        found = village_forecast([forecast(analysis=analysis)], CODES, at=AT)
        assert (found["source"] == Source.NONE).all()


def test_a_code_that_bmkg_knows_by_its_older_name():
    found = village_forecast(
        [forecast("99.01.01.2001")], CODES[:1], at=AT, asked_as={CODES[0]: "99.01.01.2001"}
    )
    assert found["source"].to_numpy()[0, 0] == Source.OWN


def test_the_nowcast_stands_in_front_and_hands_over_at_the_seam():
    ahead = np.array([30.0, np.nan, 12.0], dtype=np.float32)
    found = join(village_forecast([forecast()], CODES, at=AT), ahead, at=AT)
    rain, source = found["rain"].to_numpy(), found["source"].to_numpy()
    # 04 to 06 UTC: two of the nowcast's three hours; 06 to 09: its last and two of BMKG's.
    assert rain[0, 0] == pytest.approx(20.0) and source[0, 0] == Source.NOWCAST
    assert rain[0, 1] == pytest.approx(10.0 + 6.0 * 2 / 3) and source[0, 1] == Source.JOINED
    assert rain[0, 2] == 6.0 and source[0, 2] == Source.OWN
    assert rain[1, 0] == 6.0 and source[1, 0] == Source.DISTRICT
    # A village of which BMKG says nothing has the nowcast's step, and what goes beyond is unknown.
    assert rain[2, 0] == pytest.approx(8.0) and source[2, 0] == Source.NOWCAST
    assert np.isnan(rain[2, 1])


def test_no_village_no_coverage():
    assert village_forecast([], [], at=AT).attrs["coverage_own"] == 0.0
