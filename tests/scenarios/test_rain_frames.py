"""Band 13 of the made-up afternoon: what the frames show, and that a scenario may play them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from ingest.frames import open_frame
from kentongan.settings import Settings, data_dir
from orchestration.scenarios import run_scenario

SCAN = datetime(2026, 2, 14, 6, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def generator():
    folder = str(data_dir() / "scenarios")
    sys.path.insert(0, folder)
    try:
        from generator import frames, thunderstorm

        yield frames, thunderstorm
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def frame(generator):
    frames, thunderstorm = generator
    payload = frames.frame(SCAN, thunderstorm.cells_at(SCAN))
    return open_frame(payload, "himawari-b13", valid_time=SCAN)


def test_a_frame_is_whole_and_ok(frame):
    assert (frame.attrs["quality"], frame.attrs["flags"]) == ("ok", "")
    assert frame.attrs["known_fraction"] == pytest.approx(1, abs=0.01)
    assert float(frame["brightness_temperature"].min()) < 215


def test_the_tops_stand_west_of_their_storms(generator, frame):
    _, thunderstorm = generator
    bogor = thunderstorm.STORMS[0].cell
    near = frame["brightness_temperature"].sel(
        latitude=slice(bogor.latitude - 0.4, bogor.latitude + 0.4),
        longitude=slice(bogor.longitude - 0.6, bogor.longitude + 0.6),
    )
    coldest = near.where(near == near.min(), drop=True)
    moved_km = (float(coldest["longitude"][0]) - bogor.longitude) * 110
    # 12.5 km for a top of 15 km at Jakarta; the grid has 4 km.
    assert -18 < moved_km < -6


def test_the_same_scan_gives_the_same_temperatures(generator):
    frames, thunderstorm = generator
    one, two = (frames.frame(SCAN, thunderstorm.cells_at(SCAN)) for _ in range(2))
    first, second = (open_frame(b, "himawari-b13", valid_time=SCAN) for b in (one, two))
    np.testing.assert_array_equal(first["brightness_temperature"], second["brightness_temperature"])


def test_a_scenario_may_name_a_source_that_needs_an_address(generator, tmp_path):
    frames, thunderstorm = generator
    folder = tmp_path / "frames-only"
    folder.mkdir()
    name = frames.frame_path(SCAN)
    (folder / name[1:]).write_bytes(frames.frame(SCAN, thunderstorm.cells_at(SCAN)))
    (folder / "scenario.toml").write_text(
        'title = "one frame"\nre_creation = true\nsources = ["himawari-b13"]\n'
        '[[step]]\nat = 2026-02-14T06:30:00Z\nnote = "out"\n'
        f'serve = {{ "{name}" = "{name[1:]}" }}\n'
    )
    settings = Settings(home=tmp_path / "home", _env_file=None)  # type: ignore[call-arg]
    document = run_scenario(str(folder), settings)
    (feed,) = [f for f in document["feeds"] if f["source_id"] == "himawari-b13"]
    assert feed["state"] == "fresh"
