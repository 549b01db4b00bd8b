"""What may come instead of a good frame: flagged, refused or left unknown, and the rest goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr

from kentongan.errors import SourceChanged
from kentongan.grid import Grid
from kentongan.records import SatelliteGrid
from kentongan.store import Store
from kentongan.types import Level, Quality
from orchestration.rain.calibration import fit_reference
from orchestration.rain.history import RainHistory
from orchestration.rain.matching import collect
from orchestration.rain.step import best_scan, rain_field, take_in
from processing.rain.policy import rain_policy
from processing.rain.product import on_grid
from processing.rain.synthetic import afternoon

POLICY = rain_policy()
GRID = Grid(west=105.0, south=-8.5, step=0.02, columns=240, rows=160)
START = datetime(2026, 11, 20, 6, tzinfo=UTC)
FRAMES = 10
SKY = afternoon(4, frames=FRAMES, rows=160, columns=240, storms=30)


def when(k):
    return START + timedelta(minutes=10 * k)


def record(k, source="himawari-b13", **changes):
    ready = source in ("noaa-err", "jaxa-gsmap")
    given = {
        "source_id": source, "key": f"{source}-{k}", "sha256": f"{k:02x}{source}".rjust(64, "0"),
        "document_time": when(k), "product": "ERR" if ready else "B13", "valid_time": when(k),
        "variable": "rain_rate" if ready else "brightness_temperature", "shape": (160, 240),
        "bounds": (105.0, -8.5, 109.8, -5.3), "step": 0.02, "known_fraction": 1.0,
        "quality": Quality.OK,
    }  # fmt: skip
    return SatelliteGrid.model_validate({**given, **changes})


def opened(scan, change=None):
    one = scan[0]
    k = round((one.valid_time - START).total_seconds() / 600)
    values = SKY.rain[k] if one.variable == "rain_rate" else SKY.temperature[k]
    axes = {"latitude": SKY.latitude, "longitude": SKY.longitude}
    made = xr.Dataset({one.variable: (("latitude", "longitude"), values.copy())}, coords=axes)
    return change(made, k) if change else made


def broken(change):
    return lambda scan: opened(scan, change)


def played(folder, records, open_scan=opened, at=None):
    history = RainHistory(Store(str(folder)))
    taken = take_in(history, records, open_scan, at=at or when(FRAMES), policy=POLICY, grid=GRID)
    return history, {t.time: t.outcome for t in taken}


def field(history, at=None):
    return rain_field(history, at=at or when(FRAMES), policy=POLICY, grid=GRID)


def all_frames():
    return [record(k) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    history, _ = played(tmp_path_factory.mktemp("good"), all_frames())
    return field(history)


def test_a_column_that_is_not_known_stays_so_and_raises_nothing(tmp_path, good):
    def stripe(made, _k):
        made["brightness_temperature"][:, 120] = np.nan
        return made

    history, outcomes = played(tmp_path, all_frames(), broken(stripe))
    assert set(outcomes.values()) == {"taken"}
    made = field(history)
    assert np.isnan(made.raster["rain_1h"].to_numpy()[:, 120]).mean() > 0.5
    far = (slice(None), slice(0, 60))
    one, other = (f.raster["rain_1h"].to_numpy()[far] for f in (made, good))
    np.testing.assert_allclose(one, other, atol=0.02)
    level, before = (f.raster["hazard_level"].to_numpy() for f in (made, good))
    assert (level > before).mean() < 0.01  # what is left out adds no warning


def test_out_of_order_the_field_is_the_same(tmp_path, good):
    history = RainHistory(Store(str(tmp_path)))
    for k in (3, 0, 1, 2, 5, 4, 9, 8, 6, 7):
        take_in(history, [record(k)], opened, at=when(FRAMES), policy=POLICY, grid=GRID)
    # Those that came before their forerunner are taken again, now that it is known.
    for _ in range(2):
        take_in(history, all_frames(), opened, at=when(FRAMES), policy=POLICY, grid=GRID)
    again = take_in(history, all_frames(), opened, at=when(FRAMES), policy=POLICY, grid=GRID)
    assert {t.outcome for t in again} == {"known"}
    assert field(history).raster.identical(good.raster)


def test_a_gap_of_two_hours_is_not_bridged(tmp_path):
    late = timedelta(hours=2)

    def shifted(k):
        return record(k, valid_time=when(k) + (late if k >= 5 else timedelta()))

    def opened_late(scan):
        one = scan[0]
        early = one.valid_time - late if one.valid_time > when(5) else one.valid_time
        return opened([one.model_copy(update={"valid_time": early})])

    records = [shifted(k) for k in range(FRAMES)]
    played(tmp_path, records[:5], opened_late, at=when(5))
    history, outcomes = played(tmp_path, records[5:], opened_late, at=when(FRAMES) + late)
    assert set(outcomes.values()) == {"taken"}
    made = field(history, at=when(FRAMES) + late)
    assert np.isnan(made.raster["rain_1h"].to_numpy()).all()  # 40 of 60 minutes
    assert np.isnan(made.raster["rain_3h"].to_numpy()).all()
    assert made.event.evidence["nowcast"] == "to three hours"  # motion is known again
    levels = made.raster["hazard_level_by_lead"].sel(lead_time=0).to_numpy()
    assert (levels == -1).all()


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("celsius", lambda made, _: made - 273.15, "Celsius"),
        ("counts without scale", lambda made, _: made * 100, "expected kelvin"),
        ("fill values as data", lambda made, _: made.fillna(0).where(made > 250, 0), "fill values"),
        ("one row", lambda made, _: made.isel(latitude=[0]), "at least two"),
        ("no column", lambda made, _: made.isel(longitude=[]), "at least two"),
        ("upside down", lambda made, _: made.isel(latitude=slice(None, None, -1)), "ascending"),
        ("uneven rows", lambda made, _: made.isel(latitude=[0, 1, 2, 50, 51]), "even steps"),
        ("radiance", lambda made, _: made.rename(brightness_temperature="radiance"), "bright"),
        ("another satellite", lambda made, _: made.assign_attrs(platform="GOES-16"), "GOES-16"),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_right_is_refused_by_name(tmp_path, good, name, change, words):
    def only_the_last(made, k):
        return change(made, k) if k == FRAMES - 1 else made

    history, outcomes = played(tmp_path, all_frames(), broken(only_the_last))
    assert words in outcomes[when(FRAMES - 1)], name
    assert len([o for o in outcomes.values() if o == "taken"]) == FRAMES - 1
    made = field(history)
    assert made.event.onset == when(FRAMES - 2)  # the one before it counts


def test_a_grid_that_shifted_by_a_cell_is_laid_where_it_says(tmp_path, good):
    def shifted(made, _k):
        values = np.roll(made["brightness_temperature"].to_numpy(), -1, axis=1)
        axes = {"latitude": made["latitude"], "longitude": made["longitude"] + 0.02}
        return xr.Dataset(
            {"brightness_temperature": (("latitude", "longitude"), values)}, coords=axes
        )

    history, _ = played(tmp_path, all_frames(), broken(shifted))
    inside = (slice(4, -4), slice(30, -30))  # the rim has other surroundings
    one, other = (f.raster["rain_1h"].to_numpy()[inside] for f in (field(history), good))
    known = np.isfinite(one) & np.isfinite(other)
    assert known.mean() > 0.9
    assert np.abs(one - other)[known].max() < 0.05


def test_a_picture_that_stands_still_rains_no_hour_away(tmp_path):
    def frozen(made, _k):
        return made.copy(data={"brightness_temperature": SKY.temperature[0].copy()})

    history, outcomes = played(tmp_path, all_frames(), broken(frozen))
    assert outcomes[when(0)] == "taken"
    assert all("published again" in outcomes[when(k)] for k in (1, 2))
    # Once the forerunner is too old for growth, one more is believed; an hour never fills.
    assert list(outcomes.values()).count("taken") <= 4
    assert np.isnan(field(history).raster["rain_1h"].to_numpy()).all()


def test_rates_that_stand_still_are_refused_and_a_dry_country_is_not(tmp_path):
    def frozen(made, _k):
        return made.copy(data={"rain_rate": SKY.rain[5].copy()})

    ready = [record(k, "noaa-err") for k in range(3)]
    _, outcomes = played(tmp_path / "a", ready, broken(frozen))
    assert "published again" in outcomes[when(1)]
    _, outcomes = played(tmp_path / "b", ready, broken(lambda made, _: made * 0))
    assert set(outcomes.values()) == {"taken"}


def test_nothing_known_anywhere_is_not_dry(tmp_path):
    history, _ = played(tmp_path, all_frames(), broken(lambda made, _: made * np.nan))
    made = field(history)
    assert (made.raster["hazard_level"].to_numpy() == -1).all()
    assert made.event.level is Level.NONE


def test_infinite_values_make_no_rain(tmp_path):
    def infinite(made, _k):
        made["brightness_temperature"][40:44, 40:44] = np.inf
        made["brightness_temperature"][60:64, 60:64] = -np.inf
        return made

    history, outcomes = played(tmp_path, all_frames(), broken(infinite))
    made = field(history).raster["rain_1h"].to_numpy()
    for place in (slice(41, 43), slice(61, 63)):
        here = made[place, place]
        assert (np.isnan(here) | (here < 1)).all() or set(outcomes.values()) != {"taken"}


def test_a_frame_that_cannot_be_used_is_opened_three_times_and_not_in_every_cycle(tmp_path):
    seen = []

    def truncated(scan):
        seen.append(scan[0].sha256)
        raise SourceChanged("frame of 06:10: truncated")

    for _ in range(5):
        history = RainHistory(Store(str(tmp_path)))  # a process each
        (one,) = take_in(history, [record(1)], truncated, at=when(2), policy=POLICY, grid=GRID)
        assert "truncated" in one.outcome
    assert len(seen) == 3 and "not tried again" in one.outcome
    # Another file of the same scan is another chance.
    (one,) = take_in(
        history, [record(1, sha256="e" * 64)], opened, at=when(2), policy=POLICY, grid=GRID
    )
    assert one.outcome == "taken"
    (tmp_path / "rain" / "failed.json").write_text("[")
    (one,) = take_in(history, [record(2)], truncated, at=when(3), policy=POLICY, grid=GRID)
    assert one.outcome == "frame of 06:10: truncated"


# --- which source counts -------------------------------------------------------------------


def test_a_source_that_lost_half_its_scan_steps_back():
    half = record(1, "himawari-hsd", known_fraction=0.4, part=(5, 10))
    full = record(1)
    assert best_scan([half, full]) == [full]
    nearly = [record(1, "himawari-hsd", known_fraction=0.45, part=(k, 2)) for k in (1, 2)]
    assert best_scan([full, *nearly]) == nearly
    assert best_scan([half]) == [half]


def test_a_mean_of_an_hour_stands_in_for_nothing_but_silence():
    poor = record(1, known_fraction=0.1)
    mean = record(1, "jaxa-gsmap")
    assert best_scan([poor, mean]) == [poor]
    assert best_scan([mean]) == [mean]


# --- a reference that is wrong ---------------------------------------------------------------

RULES = POLICY.calibration.model_copy(
    update={"mean_mm_h": (0.3 * float(SKY.rain.mean()), 3 * float(SKY.rain.mean())),
            "least_samples": 500, "least_wet": 50, "least_days": 1, "samples_a_frame": 500,
            "most_frames_a_cycle": 50}
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("mm a day", lambda made, _: made * 24, "is its unit mm/h"),
        ("scale left out", lambda made, _: made * 0.01, "is its unit mm/h"),
        ("always dry", lambda made, _: made * 0, "dry in every pair"),
        (
            "another day",
            lambda made, k: made.copy(data={"rain_rate": np.roll(made["rain_rate"], 120, axis=1)}),
            "same rain",
        ),
    ],
)
def test_a_reference_that_is_wrong_makes_no_curve(tmp_path, name, change, words):
    def either(scan):
        return opened(scan, change if scan[0].variable == "rain_rate" else None)

    policy = POLICY.model_copy(update={"calibration": RULES})
    history, store = RainHistory(Store(str(tmp_path))), Store(str(tmp_path))
    records = [record(k, s) for k in range(FRAMES) for s in ("himawari-b13", "noaa-err")]
    at = when(FRAMES)
    collect(history, store, records, either, at=at, policy=policy, grid=GRID)
    found, why = fit_reference(store, "noaa-err", at, RULES)
    assert found is None and words in why, (name, why)
    right = RainHistory(Store(str(tmp_path / "b")))
    other = Store(str(tmp_path / "b"))
    collect(right, other, records, opened, at=at, policy=policy, grid=GRID)
    assert fit_reference(other, "noaa-err", at, RULES)[0] is not None


# --- axes ------------------------------------------------------------------------------------


def test_a_field_that_does_not_fit_its_axes_is_refused():
    with pytest.raises(ValueError, match="expected one shape"):
        on_grid(np.zeros((3, 4), np.float32), np.arange(4.0), np.arange(3.0), GRID)
    with pytest.raises(ValueError, match="a side"):
        on_grid(np.zeros((2, 40_000), np.float32), np.arange(2.0), np.arange(40_000.0), GRID)
