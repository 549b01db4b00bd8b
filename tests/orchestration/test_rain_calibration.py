"""A ready rain rate beside band 13 for three days, then band 13 alone: curves, levels, restarts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr

from kentongan.grid import Grid
from kentongan.records import SatelliteGrid
from kentongan.store import Store
from kentongan.types import Quality
from orchestration.rain.applying import recalibrate
from orchestration.rain.calibration import in_force, renew
from orchestration.rain.history import RainHistory
from orchestration.rain.matching import collect, days_of, read_day
from orchestration.rain.step import observed, rain_field, take_in
from processing.rain.policy import rain_policy
from processing.rain.retrieve import METHOD
from processing.rain.synthetic import afternoon
from processing.rasters import QUALITIES

GRID = Grid(west=105.0, south=-8.5, step=0.02, columns=240, rows=160)
RULES = rain_policy().calibration.model_copy(
    update={"least_samples": 1500, "least_wet": 100, "least_days": 3, "mean_mm_h": (0.02, 20.0),
            "samples_a_frame": 400, "most_frames_a_cycle": 50}
)  # fmt: skip
POLICY = rain_policy().model_copy(update={"calibration": RULES})
FIRST = datetime(2026, 11, 17, 6, tzinfo=UTC)
FRAMES = 8
DAYS = 3
SKY = [afternoon(k, frames=FRAMES, rows=160, columns=240, storms=25) for k in range(DAYS + 1)]
FACTOR = 2.5
"""The ready product rains so much more than our synthetic truth: calibration must follow it."""


def when(day, k):
    return FIRST + timedelta(days=day, minutes=10 * k)


def record(day, k, source="himawari-b13", **changes):
    ready = source != "himawari-b13"
    given = {
        "source_id": source, "key": f"{source}-{day}-{k}", "document_time": when(day, k),
        "sha256": f"{day:02x}{k:02x}{'e' if ready else 'b'}".rjust(64, "0"),
        "product": {"noaa-err": "ERR", "jaxa-gsmap": "GSMAP"}.get(source, "B13"),
        "variable": "rain_rate" if ready else "brightness_temperature",
        "valid_time": when(day, k), "shape": (160, 240), "bounds": (105.0, -8.5, 109.8, -5.3),
        "step": 0.02, "known_fraction": 1.0, "quality": Quality.OK,
    }  # fmt: skip
    return SatelliteGrid.model_validate({**given, **changes})


def opened(scan):
    one = scan[0]
    day = (one.valid_time - FIRST).days
    k = round((one.valid_time - FIRST - timedelta(days=day)).total_seconds() / 600)
    sky, ready = SKY[day], one.variable == "rain_rate"
    field = sky.rain[k] * np.float32(FACTOR) if ready else sky.temperature[k]
    return xr.Dataset(
        {one.variable: (("latitude", "longitude"), field)},
        coords={"latitude": sky.latitude, "longitude": sky.longitude},
    )


def both(day):
    return [record(day, k, s) for k in range(FRAMES) for s in ("himawari-b13", "noaa-err")]


def gather(folder, days=range(DAYS), order=None):
    """Cycles with both sources; matched after each frame as after the messages."""
    history, store = RainHistory(Store(str(folder))), Store(str(folder))
    for day in days:
        for k in order or range(FRAMES):
            at = when(day, k) + timedelta(minutes=2)
            records = [r for r in both(day) if r.valid_time <= at] if order is None else [
                r for r in both(day) if r.valid_time == when(day, k)
            ]  # fmt: skip
            at = at if order is None else when(day, FRAMES)
            take_in(history, records, opened, at=at, policy=POLICY, grid=GRID)
            collect(history, store, records, opened, at=at, policy=POLICY, grid=GRID)
    return history, store


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """Three days of both sources and their curves; the tests below only read it."""
    folder = tmp_path_factory.mktemp("gathered")
    history, store = gather(folder)
    made = renew(store, when(DAYS, 0) - timedelta(hours=1), RULES)
    return folder, history, store, made


def alone(folder, calibration, day=DAYS):
    """A day of band 13 alone on a history of its own."""
    history = RainHistory(Store(str(folder)))
    for k in range(FRAMES):
        at = when(day, k) + timedelta(minutes=2)
        take_in(history, [record(day, k)], opened, at=at, policy=POLICY, grid=GRID,
                calibration=calibration)  # fmt: skip
    return history


def field(history, calibration=None, **more):
    at = when(DAYS, FRAMES)
    return rain_field(history, at=at, policy=POLICY, grid=GRID, calibration=calibration, **more)


# --- matching ------------------------------------------------------------------------------


def test_both_sources_of_one_time_are_matched_though_one_leads(gathered):
    _, history, store, _ = gathered
    assert history.note(when(0, 3)).source_id == "noaa-err"  # the ready rate led
    assert len(days_of(store, "noaa-err")) == DAYS
    kept = read_day(store, "noaa-err", when(0, 0).date())
    assert [p.time for p in kept.pairs] == sorted(p.time for p in kept.pairs)
    assert len(kept.pairs) == FRAMES
    assert sum(p.samples for p in kept.pairs) == len(kept.samples)
    ours, theirs = (kept.samples[n].astype(float) for n in ("ours", "theirs"))
    wet = (ours > 100) & (theirs > 100)
    assert np.corrcoef(ours[wet], theirs[wet])[0, 1] > 0.4  # parallax corrected, they fit


def test_a_pair_is_matched_once_and_a_better_file_takes_its_place(tmp_path):
    history, store = gather(tmp_path, days=[0])
    path = tmp_path / "rain/calibration/samples/noaa-err/20261117.npz"
    before = path.read_bytes()
    again = collect(history, store, both(0), opened, at=when(0, FRAMES), policy=POLICY, grid=GRID)
    assert (again.pairs, again.retrieved) == (0, 0) and path.read_bytes() == before
    better = record(0, 2, "noaa-err", sha256="f" * 64)
    found = collect(history, store, [better], opened, at=when(0, FRAMES), policy=POLICY, grid=GRID)
    assert found.pairs == 1
    kept = read_day(store, "noaa-err", when(0, 0).date())
    assert len(kept.pairs) == FRAMES and "f" * 64 in kept.pairs[2].sha256


def test_the_order_of_arrival_changes_no_byte(tmp_path):
    paths = []
    for name, order in (("a", [0, 1, 2, 3]), ("b", [0, 1, 3, 2])):
        gather(tmp_path / name, days=[0], order=order)
        paths.append(tmp_path / name / "rain/calibration/samples/noaa-err/20261117.npz")
    # A frame that came before its forerunner did not know growth; what was matched of it stands.
    one, other = (read_day(Store(str(p.parents[4])), "noaa-err", FIRST.date()) for p in paths)
    assert [p.time for p in one.pairs] == [p.time for p in other.pairs]
    assert np.array_equal(one.samples["rank"], other.samples["rank"])
    assert np.array_equal(one.samples["theirs"], other.samples["theirs"])


def test_a_frame_that_cannot_be_used_is_named_and_the_others_go_on(tmp_path):
    def celsius(scan):
        made = opened(scan)
        return made - 273.15 if scan[0].key == "himawari-b13-0-1" else made

    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))
    found = collect(history, store, both(0), celsius, at=when(0, FRAMES), policy=POLICY, grid=GRID)
    assert len(found.refused) == 1 and "Celsius" in found.refused[0]
    assert found.pairs == FRAMES - 1


@pytest.mark.parametrize("flag", ["all-cold", "all-wet", "implausible"])
def test_doubtful_frames_are_no_witnesses(tmp_path, flag):
    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))
    bad = record(0, 2, "noaa-err", flags=(flag,)), record(0, 2)
    found = collect(history, store, bad, opened, at=when(0, 4), policy=POLICY, grid=GRID)
    assert found.pairs == 0
    bad = record(0, 2, "noaa-err"), record(0, 2, flags=(flag,))
    assert collect(history, store, bad, opened, at=when(0, 4), policy=POLICY, grid=GRID).pairs == 0


def test_times_apart_are_no_pair(tmp_path):
    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))
    late = record(0, 2, "noaa-err"), record(0, 3)
    assert collect(history, store, late, opened, at=when(0, 4), policy=POLICY, grid=GRID).pairs == 0
    near = record(0, 2, "noaa-err", valid_time=when(0, 2) + timedelta(minutes=4)), record(0, 2)
    assert collect(history, store, near, opened, at=when(0, 4), policy=POLICY, grid=GRID).pairs == 1


def test_frames_opened_for_it_alone_are_few_a_cycle(tmp_path):
    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))
    policy = POLICY.model_copy(
        update={"calibration": RULES.model_copy(update={"most_frames_a_cycle": 3})}
    )
    done = []
    for _ in range(3):
        found = collect(
            history, store, both(0), opened, at=when(0, FRAMES), policy=policy, grid=GRID
        )
        done.append((found.retrieved, found.pairs))
    assert done == [(3, 3), (3, 3), (2, 2)]


def hourly(day, k):
    """A mean of an hour on 0.1 degrees, centred on frame `k`."""
    sky = SKY[day]
    rain = sky.rain[k - 3 : k + 4].mean(axis=0)
    coarse = rain.reshape(32, 5, 48, 5).mean(axis=(1, 3))
    axes = sky.latitude.reshape(32, 5).mean(axis=1), sky.longitude.reshape(48, 5).mean(axis=1)
    return xr.Dataset(
        {"rain_rate": (("latitude", "longitude"), coarse)},
        coords={"latitude": axes[0], "longitude": axes[1]},
    )


def test_a_mean_of_an_hour_is_held_against_ours_of_that_hour_on_its_cells(tmp_path):
    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))

    def either(scan):
        return hourly(0, 4) if scan[0].source_id == "jaxa-gsmap" else opened(scan)

    mean = record(0, 4, "jaxa-gsmap", step=0.1, shape=(32, 48))
    records = [mean, *(record(0, k) for k in range(FRAMES))]
    found = collect(history, store, records, either, at=when(0, FRAMES), policy=POLICY, grid=GRID)
    assert found.pairs == 1 and found.retrieved == 7
    kept = read_day(store, "jaxa-gsmap", FIRST.date()).samples
    assert len(kept) <= 32 * 48
    ours, theirs = (kept[n].astype(float) for n in ("ours", "theirs"))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.6
    # Half the hour is missing: no pair.
    other = RainHistory(Store(str(tmp_path / "b")))
    few = collect(other, Store(str(tmp_path / "b")), [mean, *(record(0, k) for k in range(3))],
                  either, at=when(0, FRAMES), policy=POLICY, grid=GRID)  # fmt: skip
    assert few.pairs == 0


def test_a_damaged_day_is_named_and_the_others_count(tmp_path, caplog):
    _, store = gather(tmp_path, days=[0, 1])
    path = tmp_path / "rain/calibration/samples/noaa-err/20261117.npz"
    path.write_bytes(path.read_bytes()[:2000])
    assert read_day(store, "noaa-err", FIRST.date()).pairs == ()
    assert "20261117" in caplog.text
    assert read_day(store, "noaa-err", when(1, 0).date()).pairs


# --- curves --------------------------------------------------------------------------------


def test_too_few_samples_make_no_curve_and_say_how_far_it_is(tmp_path):
    _, store = gather(tmp_path, days=[0])
    at = when(0, FRAMES)
    assert renew(store, at, RULES) == []
    found = in_force(store, at, RULES)
    assert found.calibration is None and "1 days of 3" in found.why_not
    event = field(alone(tmp_path / "b", None), why_not=found.why_not).event
    assert event.evidence["calibrated"] is False
    assert "too few" in event.evidence["calibration"]
    assert event.evidence["retrieval"] == METHOD
    assert not any("p10" in name or "p90" in name for name in event.evidence)


def test_a_version_is_made_once_a_day_and_the_newest_at_a_time_counts(gathered, tmp_path):
    _, _, store, (made,) = gathered
    at = when(DAYS, 0)
    assert made.reference == "noaa-err" and made.frames == DAYS * FRAMES
    assert (made.first, made.last) == (when(0, 0), when(DAYS - 1, FRAMES - 1))
    assert renew(store, at, RULES) == []  # tried an hour ago
    assert in_force(store, at, RULES).calibration.id == made.id
    assert in_force(store, made.made_at - timedelta(seconds=1), RULES).calibration is None
    late = in_force(store, at + timedelta(days=RULES.oldest_days + 5), RULES)
    assert late.calibration is None and "too old" in late.why_not


def test_the_same_run_gives_the_same_bytes(gathered, tmp_path):
    folder, _, _, (made,) = gathered
    _, store = gather(tmp_path)
    (again,) = renew(store, made.made_at, RULES)
    assert again.id == made.id
    for path in sorted((folder / "rain/calibration").rglob("*")):
        if path.is_file() and "tried" not in path.name:
            other = tmp_path / path.relative_to(folder)
            assert other.read_bytes() == path.read_bytes(), path.name


def test_a_damaged_version_leaves_the_one_before_it(gathered, tmp_path):
    import shutil

    folder, _, _, (made,) = gathered
    shutil.copytree(folder / "rain/calibration", tmp_path / "rain/calibration")
    store = Store(str(tmp_path))
    store.write("rain/calibration/curves/noaa-err/20261120T060000Z-0.json", b'{"curves": ')
    found = in_force(store, when(DAYS, 2), RULES)
    assert found.calibration.id == made.id


# --- the whole event -------------------------------------------------------------------------


def test_band_13_alone_is_brought_to_the_ready_rate_and_the_level_changes(gathered, tmp_path):
    calibration = gathered[3][0]
    plain = field(alone(tmp_path / "plain", None))
    made = field(alone(tmp_path / "made", calibration), calibration)
    truth = SKY[DAYS].rain.mean(axis=0) * FACTOR
    inner = (slice(12, -12), slice(12, -12))
    said = [f.raster["rain_1h"].to_numpy()[inner] for f in (plain, made)]
    wet = [np.nanmean(s >= 10) for s in (*said, truth[inner])]
    assert abs(wet[1] - wet[2]) < 0.5 * abs(wet[0] - wet[2])
    levels = [f.raster["hazard_level"].to_numpy() for f in (plain, made)]
    assert (levels[0] >= 2).sum() != (levels[1] >= 2).sum()
    evidence = made.event.evidence
    assert evidence["calibrated"] is True and evidence["calibration"] == calibration.id
    assert evidence["retrieval"] == f"{METHOD}+{calibration.id}"
    assert evidence["calibration_against"] == "noaa-err"
    assert evidence["calibration_samples"] >= RULES.least_samples
    assert "%" in evidence["calibration_by"]
    assert plain.event.evidence["calibrated"] is False


def test_bands_stand_beside_the_central_value_with_their_unit(gathered, tmp_path):
    calibration = gathered[3][0]
    raster = field(alone(tmp_path, calibration), calibration).raster
    low, central, high = (raster[n].to_numpy() for n in ("rain_1h_p10", "rain_1h", "rain_1h_p90"))
    assert raster["rain_1h_p10"].attrs["units"] == raster["rain_1h_p90"].attrs["units"] == "mm"
    known = np.isfinite(low)
    assert known.mean() > 0.8 and np.array_equal(known, np.isfinite(high))
    assert (low[known] <= central[known]).all() and (central[known] <= high[known]).all()
    assert (high - low)[known].max() > 1
    beyond = raster["calibration_beyond"].to_numpy() == 1
    quality = raster["quality"].to_numpy()[beyond]
    assert not (quality == QUALITIES.index(Quality.OK)).any()


def test_a_frame_is_taken_once_whatever_curve_made_it(gathered, tmp_path):
    calibration = gathered[3][0]
    history = alone(tmp_path, None)
    records = [record(DAYS, k) for k in range(FRAMES)]
    found = take_in(history, records, opened, at=when(DAYS, FRAMES), policy=POLICY, grid=GRID,
                    calibration=calibration)  # fmt: skip
    assert {t.outcome for t in found} == {"known"}


def test_new_curves_are_no_growth_frames_before_are_made_again(gathered, tmp_path):
    calibration = gathered[3][0]
    history, at = alone(tmp_path, None), when(DAYS, FRAMES)
    redo = {"at": at, "since": timedelta(hours=3), "policy": POLICY, "grid": GRID}
    assert len(recalibrate(history, calibration, **redo)) == FRAMES
    assert recalibrate(history, calibration, **redo) == []
    assert len(observed(history, at, POLICY).rates) == 3
    there = alone(tmp_path / "b", calibration)
    for k in range(FRAMES):
        one, other = history.rate(when(DAYS, k)), there.rate(when(DAYS, k))
        assert np.array_equal(one, other, equal_nan=True)
        assert history.note(when(DAYS, k)) == there.note(when(DAYS, k))
    one, other = field(history, calibration), field(there, calibration)
    assert one.raster.identical(other.raster)
    # And back, should the curves be withdrawn.
    assert len(recalibrate(history, None, **redo)) == FRAMES
    assert history.note(when(DAYS, 2)).calibrated is False


def test_a_restart_in_the_middle_changes_nothing(gathered, tmp_path):
    calibration = gathered[3][0]
    for k in range(FRAMES):
        history = RainHistory(Store(str(tmp_path / "often")))  # a new process each time
        take_in(history, [record(DAYS, k)], opened, at=when(DAYS, k), policy=POLICY, grid=GRID,
                calibration=calibration)  # fmt: skip
        history.sums(when(DAYS, k))
    often = RainHistory(Store(str(tmp_path / "often")))
    one, other = (
        field(often, calibration),
        field(alone(tmp_path / "once", calibration), calibration),
    )
    assert one.raster.identical(other.raster) and one.event == other.event


def test_curves_of_another_retrieval_serve_nothing(gathered, tmp_path):
    from dataclasses import replace

    old = replace(gathered[3][0], retrieval="auto-estimator-weighted/0")
    found = field(alone(tmp_path, old), old)
    assert found.event.evidence["calibrated"] is False
    assert "rain_1h_p10" not in found.raster


def test_a_ready_rate_says_that_it_is_one(tmp_path):
    history = RainHistory(Store(str(tmp_path)))
    ready = [record(DAYS, k, "noaa-err") for k in range(FRAMES)]
    take_in(history, ready, opened, at=when(DAYS, FRAMES), policy=POLICY, grid=GRID)
    evidence = field(history).event.evidence
    assert evidence["calibrated"] is False and "ready" in evidence["calibration"]


def test_what_is_stored_says_its_counts_and_period(gathered):
    folder = gathered[0]
    (path,) = (folder / "rain/calibration/curves/noaa-err").iterdir()
    kept = json.loads(path.read_text())
    assert kept["counts"]["nation"]["days"] == DAYS
    assert kept["first"] < kept["last"] and kept["confirmed"] is False
    assert path.stat().st_mode & 0o222 == 0  # a version is never changed
