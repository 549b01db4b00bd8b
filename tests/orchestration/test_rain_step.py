"""From frames to a field of rain, on afternoons whose storms are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr

from kentongan.errors import SourceChanged
from kentongan.grid import Grid
from kentongan.records import SatelliteGrid
from kentongan.store import Store
from kentongan.types import HazardId, Quality
from orchestration.rain.history import RainHistory
from orchestration.rain.live import _mark
from orchestration.rain.step import observed, rain_field, take_in
from processing.rain.policy import rain_policy
from processing.rain.synthetic import afternoon

POLICY = rain_policy()
GRID = Grid(west=105.0, south=-8.5, step=0.02, columns=480, rows=320)
START = datetime(2026, 11, 20, 6, tzinfo=UTC)
FRAMES = 12
DAY = afternoon(4, frames=FRAMES)


def when(k):
    return START + k * timedelta(minutes=10)


def record(k, source="himawari-b13", **changes):
    given = {
        "source_id": source, "key": f"B13-{k}-{source}", "sha256": f"{k:064x}",
        "document_time": when(k), "product": "B13", "valid_time": when(k), "shape": (320, 480),
        "bounds": (105.0, -8.5, 114.6, -2.1), "step": 0.02, "known_fraction": 1.0,
        "quality": Quality.OK,
    }  # fmt: skip
    return SatelliteGrid.model_validate({**given, **changes})


def opened(scan):
    k = int(scan[0].sha256, 16)
    return xr.Dataset(
        {"brightness_temperature": (("latitude", "longitude"), DAY.temperature[k])},
        coords={"latitude": DAY.latitude, "longitude": DAY.longitude},
    )


def taken(history, records, at=None, open_scan=opened):
    return take_in(history, records, open_scan, at=at or when(FRAMES), policy=POLICY, grid=GRID)


@pytest.fixture
def history(tmp_path):
    return RainHistory(Store(str(tmp_path)))


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    history = RainHistory(Store(str(tmp_path_factory.mktemp("rain"))))
    taken(history, [record(k) for k in range(FRAMES)])
    return history


def test_a_field_from_an_hour_of_frames(full):
    field = rain_field(full, at=when(FRAMES), policy=POLICY, grid=GRID)
    event, raster = field.event, field.raster
    assert event.hazard_id is HazardId.RAIN and not event.official
    assert event.evidence["frame_source"] == "himawari-b13"
    assert 1 <= event.level <= POLICY.levels.estimate_at_most
    assert raster["hazard_level_by_lead"].sizes["lead_time"] == 5
    chance = raster["probability"].to_numpy()
    assert np.nanmin(chance) >= 0 and np.nanmax(chance) <= 1
    # Only the sum of an hour is known after two hours of frames.
    assert np.isnan(raster["rain_6h"].to_numpy()).all()
    assert np.isfinite(raster["rain_1h"].to_numpy()).mean() > 0.9


def test_the_low_bound_stands_in_the_field_with_its_unit_and_method(full):
    field = rain_field(full, at=when(FRAMES), policy=POLICY, grid=GRID)
    low, rate = field.raster["rain_rate_low"], field.raster["rain_rate"]
    assert low.attrs["units"] == "mm h-1" and low.attrs["method"] == "imsra/1"
    assert field.event.evidence["low_bound"] == "imsra/1"
    known = np.isfinite(rate.to_numpy())
    assert known.mean() > 0.9 and (low.to_numpy()[known] <= rate.to_numpy()[known]).all()
    wet = rate.to_numpy() > 20
    assert 0 < low.to_numpy()[wet].mean() < rate.to_numpy()[wet].mean()


def test_a_ready_rate_has_no_low_bound(history):
    taken(history, [ready(k) for k in range(5)], at=when(5), open_scan=opened_rain)
    field = rain_field(history, at=when(5), policy=POLICY, grid=GRID)
    assert "rain_rate_low" not in field.raster and field.event.evidence["low_bound"] is None


def test_rain_is_found_where_it_rained(full):
    raster = rain_field(full, at=when(FRAMES), policy=POLICY, grid=GRID).raster
    fell = DAY.rain[FRAMES - 7 :].mean(axis=0)
    wet = raster["rain_1h"].to_numpy() >= 1
    assert fell[wet].mean() > 5 * fell[~wet].mean()


def test_the_same_frames_give_the_same_bytes(full, history):
    order = np.random.default_rng(1).permutation(FRAMES).tolist()
    for k in order:
        taken(history, [record(k)])
    # A frame that came before its predecessor could not know growth: it is taken in again.
    one = rain_field(full, at=when(FRAMES), policy=POLICY, grid=GRID)
    same = rain_field(full, at=when(FRAMES), policy=POLICY, grid=GRID)
    assert one.raster.identical(same.raster)


def test_a_frame_is_taken_once(full):
    assert {t.outcome for t in taken(full, [record(k) for k in range(FRAMES)])} == {"known"}


def test_the_better_source_wins(history):
    for source in ("himawari-b13", "himawari-hsd"):
        (one,) = taken(history, [record(3, source), record(3)])
        assert one.source_id == source
    assert history.note(when(3)).source_id == "himawari-hsd"


def test_a_frame_that_cannot_be_opened_is_named_and_the_others_go_on(history):
    def breaks(scan):
        if scan[0].sha256 == f"{2:064x}":
            raise SourceChanged("frame of 06:20: truncated")
        return opened(scan)

    found = taken(history, [record(k) for k in range(5)], open_scan=breaks)
    assert [t.outcome for t in found] == ["taken", "taken", "frame of 06:20: truncated",
                                          "taken", "taken"]  # fmt: skip


def test_an_all_cold_frame_makes_no_rain(history):
    assert taken(history, [record(1, flags=("all-cold",))]) == []


def test_celsius_is_refused_and_named(history):
    def celsius(scan):
        return opened(scan) - 273.15

    (one,) = taken(history, [record(1)], open_scan=celsius)
    assert "Celsius" in one.outcome
    assert history.times(since=START, until=when(FRAMES)) == []


def test_a_satellite_that_is_not_known_is_refused_and_another_one_has_its_own_place(history):
    def from_(name):
        return lambda scan: opened(scan).assign_attrs(platform=name)

    (one,) = taken(history, [record(1)], open_scan=from_("Nova-1"))
    assert "Nova-1" in one.outcome and history.note(when(1)) is None
    taken(history, [record(1)], open_scan=from_("GK2A"))
    korean = history.rate(when(1))
    taken(history, [record(1, sha256="f" * 63 + "1")], open_scan=lambda _: opened([record(1)]))
    assert not np.array_equal(korean, history.rate(when(1)), equal_nan=True)


def test_near_the_limb_nothing_is_known(tmp_path, monkeypatch):
    history = RainHistory(Store(str(tmp_path)))
    monkeypatch.setattr("orchestration.rain.retrieving.LEAST_ELEVATION_DEG", 53.0)
    taken(history, [record(1)])
    known = np.isfinite(history.rate(when(1))).mean(axis=0)
    assert known[:20].max() == 0 and known[-50:].min() > 0.9


def test_old_frames_make_no_field(full):
    late = when(FRAMES) + timedelta(minutes=POLICY.nowcast.oldest_frame_minutes)
    assert rain_field(full, at=late, policy=POLICY, grid=GRID) is None


def test_one_frame_alone_gives_no_nowcast(history):
    taken(history, [record(0)])
    field = rain_field(history, at=when(0), policy=POLICY, grid=GRID)
    assert field.event.evidence["nowcast"].startswith("none")
    assert (field.raster["hazard_level"] == -1).all()


def test_a_re_creation_stays_one(history):
    taken(history, [record(0), record(1, re_creation=True)])
    assert rain_field(history, at=when(1), policy=POLICY, grid=GRID).event.re_creation


def opened_rain(scan):
    """Rates as a provider would give them, or temperature, by the record."""
    if scan[0].variable != "rain_rate":
        return opened(scan)
    k = int(scan[0].sha256, 16)
    return xr.Dataset(
        {"rain_rate": (("latitude", "longitude"), DAY.rain[k])},
        coords={"latitude": DAY.latitude, "longitude": DAY.longitude},
    )


def ready(k, **changes):
    return record(k, "noaa-err", product="ERR", variable="rain_rate", **changes)


def test_a_ready_rate_is_put_as_it_is_before_any_retrieval(history):
    taken(history, [record(5), ready(5)], open_scan=opened_rain)
    note = history.note(when(5))
    assert (note.source_id, note.method) == ("noaa-err", "noaa-err/1")
    inside = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(history.rate(when(5))[inside], DAY.rain[5][inside], atol=0.02)
    assert history.temperature(when(5)) is None


def test_a_fresh_ready_source_leads_and_a_stale_one_does_not(history):
    both = [record(k) for k in range(8)] + [ready(k) for k in range(7)]
    found = taken(history, both, at=when(8), open_scan=opened_rain)
    assert {t.source_id for t in found} == {"noaa-err"}
    assert history.note(when(7)) is None
    later = [record(k) for k in range(12)] + [ready(k) for k in range(7)]
    taken(history, later, at=when(11), open_scan=opened_rain)
    assert history.note(when(11)).source_id == "himawari-b13"


def test_of_two_files_of_one_scan_the_fuller_counts(history):
    half = ready(5, known_fraction=0.5, sha256="f" * 64, key="ERR-half")
    taken(history, [half, ready(5)], open_scan=opened_rain)
    assert history.note(when(5)).sha256 == (ready(5).sha256,)


def test_a_change_of_method_is_no_growth(history):
    taken(history, [ready(k) for k in range(5)], at=when(5), open_scan=opened_rain)
    taken(history, [record(k) for k in (9, 10, 11)], at=when(11), open_scan=opened_rain)
    assert len(observed(history, when(11), POLICY).rates) == 3
    taken(history, [ready(9)], at=when(11) + timedelta(minutes=1), open_scan=opened_rain)
    assert history.note(when(9)).method == "noaa-err/1"
    assert len(observed(history, when(11), POLICY).rates) == 2


def test_rain_everywhere_is_not_taken(history):
    assert taken(history, [ready(5, flags=("all-wet",))], open_scan=opened_rain) == []


def test_a_newest_frame_half_an_hour_old_still_has_its_motion(full):
    seen = observed(full, when(FRAMES - 1) + timedelta(minutes=35), POLICY)
    assert len(seen.rates) == 3
    assert observed(full, when(FRAMES - 1) + timedelta(minutes=41), POLICY) is None


def test_what_is_taken_for_new_does_not_change_while_nothing_comes(full):
    newest = when(FRAMES - 1)
    assert _mark(newest, full) == _mark(newest, full)
    assert _mark(when(FRAMES - 2), full) != _mark(newest, full)
