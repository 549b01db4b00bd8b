"""Two folders of real layouts, polled: matched after the messages, fitted, used when one is out."""

from __future__ import annotations

import os
import runpy
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from kentongan.settings import Settings
from orchestration import stages
from orchestration.context import open_context
from orchestration.rain import live
from orchestration.rain.ground import prepare_ground
from orchestration.rain.history import RainHistory
from orchestration.rain.matching import read_day
from orchestration.rain.step import rain_field
from processing.rain.policy import rain_policy

make = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "make_frames.py"))
FIRST = make["TIME"]
BOX = (94.0, -12.0, 142.0, 7.0)
STEP = 0.1
FRAMES = 3


def policy():
    given = rain_policy()
    rules = given.calibration.model_copy(
        update={
            "least_samples": 9_000,
            "least_wet": 30,
            "least_days": 1,
            "samples_a_frame": 500,
            "mean_mm_h": (0.02, 20.0),
        }
    )
    few = given.nowcast.ensemble.model_copy(update={"members": 3})
    nowcast = given.nowcast.model_copy(update={"ensemble": few})
    return given.model_copy(update={"calibration": rules, "nowcast": nowcast})


def sky(k):
    """Rain of some storms (mm/h) and the tops over it (K), on 0.1 degrees."""
    west, south, east, north = BOX
    y = np.arange(south, north + STEP / 2, STEP)[:, None]
    x = np.arange(west, east + STEP / 2, STEP)[None, :]
    rain = np.zeros((y.size, x.size))
    random = np.random.default_rng(5)
    for _ in range(60):
        row, column = random.uniform(-10, 5), random.uniform(96, 140)
        peak, size = random.uniform(8, 70), random.uniform(0.3, 0.9)
        rain += peak * np.exp(-((y - row) ** 2 + (x - column - 0.05 * k) ** 2) / size**2)
    rain[rain < 0.2] = 0
    kelvin = 290 - 85 * np.clip(rain / 45, 0, 1) ** 0.4 + 0.02 * k
    return rain, kelvin


def put(folders, k, *, ready=True):
    time = FIRST + timedelta(minutes=10 * k)
    rain, kelvin = sky(k)
    make["bmkg_netcdf"](
        folders["b13"] / f"H08_B13_Indonesia_{time:%Y%m%d%H%M}.nc", step=STEP, box=BOX, time=time,
        values=kelvin,
    )  # fmt: skip
    if ready:
        make["err_netcdf"](
            folders["err"] / f"RRQPE-INST-GLB-5_s{time:%Y%m%d%H%M}.nc", step=STEP, box=BOX,
            values=rain[::-1],
        )  # fmt: skip
    written = (time + timedelta(minutes=3)).timestamp()
    for folder in folders.values():
        for path in folder.glob(f"*{time:%Y%m%d%H%M}.nc"):
            os.utime(path, (written, written))
    return time + timedelta(minutes=4)


@pytest.fixture
def folders(tmp_path):
    found = {name: tmp_path / name for name in ("b13", "err")}
    for folder in found.values():
        folder.mkdir()
    return found


def test_matched_fitted_and_used(tmp_path, folders, monkeypatch):
    monkeypatch.setattr(live, "rain_policy", policy)
    settings = Settings(
        home=tmp_path / "home", rain_rate_url=str(folders["err"]),
        himawari_b13_url=str(folders["b13"]), _env_file=None,
    )  # fmt: skip
    live.history_of.cache_clear()
    with open_context(settings, live=False) as context:

        def cycle(at):
            for source in ("himawari-b13", "noaa-err"):
                stages.poll_one(context.ingest, source, at)
            found = live.rain_now(context, at)
            troubles = []
            prepare_ground(context, at, troubles)
            assert troubles == []
            return found

        for k in range(FRAMES):
            found = cycle(put(folders, k))
        assert found.field.event.evidence["frame_source"] == "noaa-err"
        assert "ready" in found.field.event.evidence["calibration"]
        store = live.store_of(context)
        kept = read_day(store, "noaa-err", FIRST.date())
        assert len(kept.pairs) == FRAMES and len(kept.samples) > 2000

        # The attempt of the first cycle had too few; a day later there is a curve.
        later = FIRST + timedelta(days=1)
        fields = []
        for k in range(2):
            number = 6 * 24 + k
            fields.append(cycle(put(folders, number, ready=False)).field)
        first, second = (f.event.evidence for f in fields)
        assert first["calibrated"] is False and "too few" in first["calibration"]
        assert second["calibrated"] is True and second["frame_source"] == "himawari-b13"
        assert second["calibration_against"] == "noaa-err"
        assert fields[1].event.onset == later + timedelta(minutes=10)
        history = RainHistory(store)
        assert history.note(later).calibrated  # the frame before was made again by the curve
        assert second["nowcast"] == "to three hours"
        # A process that starts now makes the same field.
        curves = live.in_force(store, later + timedelta(minutes=14), policy().calibration)
        again = rain_field(
            history, at=later + timedelta(minutes=14), policy=policy(),
            calibration=curves.calibration,
        )  # fmt: skip
        assert again.raster.identical(fields[1].raster)
    live.history_of.cache_clear()
