"""Cells from frame to frame: made once, restart safe, the same bytes, used as evidence."""

from __future__ import annotations

import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from console.cli.app import app
from kentongan.grid import Grid
from kentongan.settings import Settings
from kentongan.store import Store
from orchestration import stages
from orchestration.context import open_context
from orchestration.rain import live
from orchestration.rain.cells import KEPT_CELLS, bring_up, newest, prepare_cells, read, thin
from orchestration.rain.history import RainHistory
from orchestration.rain.local import near_villages, with_local_evidence
from processing.rain.policy import rain_policy
from processing.rain.synthetic import afternoon

POLICY = rain_policy()
GRID = Grid(west=105.0, south=-8.5, step=0.02, columns=240, rows=160)
START = datetime(2026, 11, 20, 6, tzinfo=UTC)
FRAMES = 6
SKY = afternoon(4, frames=FRAMES, rows=160, columns=240, storms=30)
NOW = START + timedelta(hours=1)


def when(k):
    return START + timedelta(minutes=10 * k)


class Home:
    """A history and its tables below one folder."""

    def __init__(self, folder):
        self.runs = Store(str(folder))
        self.history = RainHistory(self.runs)

    def put(self, *frames):
        for k in frames:
            self.history.put_temperature(when(k), SKY.temperature[k], (f"{k:064x}",))

    def up(self, at=NOW, **more):
        return bring_up(self.history, self.runs, at, POLICY, grid=GRID, **more)

    def bytes(self):
        return {p: self.runs.read(p) for p in self.runs.paths("runs/rain/cells/")}


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "one")


def test_a_table_a_frame_once_and_not_again(home):
    home.put(*range(FRAMES))
    assert home.up() == [when(k) for k in range(FRAMES)]
    before = home.bytes()
    assert len(before) == FRAMES and home.up() == [] and home.bytes() == before
    last = read(home.runs, when(FRAMES - 1))
    assert last.cells and max(c.age_minutes or 0 for c in last.cells) == 50
    assert last.cells[0].min_k == min(c.min_k for c in last.cells)


def test_the_same_frames_give_the_same_bytes_in_any_order_and_after_a_restart(home, tmp_path):
    home.put(*range(FRAMES))
    home.up()
    folder = tmp_path / "other"
    for k in (2, 0, 5, 1, 4, 3):
        other = Home(folder)
        other.put(k)
        other.up()
    assert other.bytes() == home.bytes()


def test_a_better_frame_makes_its_table_and_those_after_it_again(home):
    home.put(*range(FRAMES))
    home.up()
    home.history.put_temperature(when(3), SKY.temperature[3] - np.float32(2), ("f" * 64,))
    assert home.up() == [when(k) for k in range(3, FRAMES)]


def test_a_backlog_waits_for_the_end_of_the_cycle(home):
    home.put(*range(FRAMES))
    assert home.up(most=1) == [] and home.bytes() == {}
    home.up()
    home.runs.remove(sorted(home.bytes())[-1])
    assert home.up(most=1) == [when(FRAMES - 1)]


def test_a_missing_stretch_ends_tracks(home):
    home.put(0, 1, 5)
    home.up()
    frame = read(home.runs, when(5))
    assert frame.gap_minutes == 40
    assert len(frame.ended) == len(read(home.runs, when(1)).cells)
    assert all(c.begun == "unseen" and c.age_minutes is None for c in frame.cells)


def test_a_damaged_table_is_not_known_and_made_again(home):
    home.put(0, 1)
    home.up()
    whole = home.bytes()
    path = sorted(whole)[1]
    home.runs.write(path, whole[path][:200])
    assert read(home.runs, when(1)) is None
    assert newest(home.runs, NOW, timedelta(hours=1)).time == when(0)
    assert home.up() == [when(1)] and home.bytes() == whole


def test_nothing_left_half_written_and_old_ones_go(home):
    home.put(0, 1)
    home.up()
    assert thin(home.runs, when(0) + KEPT_CELLS) == 1
    assert list(home.bytes()) == ["runs/rain/cells/20261120T061000Z.parquet"]
    assert newest(home.runs, NOW, timedelta(minutes=20)) is None
    assert newest(home.runs, when(0), timedelta(minutes=20)) is None  # from the future: not known


class Layers:
    """What evidence asks of a layer set."""

    def __init__(self, **places):
        rows = [(code, lat, lon) for code, (lat, lon) in places.items()]
        self.villages = pd.DataFrame(rows, columns=["adm4_code", "latitude", "longitude"])


def test_evidence_of_a_village_names_its_cell(home):
    home.put(*range(FRAMES))
    home.up()
    frame = read(home.runs, when(FRAMES - 1))
    cell = frame.cells[0]
    layers = Layers(a=(cell.latitude, cell.longitude), far=(5.0, 140.0))
    found = near_villages(frame, layers, ["a"])
    assert found["cells_of_frame"] == "2026-11-20T06:50:00Z"
    assert found["cells_within_50_km"] >= 1 and found["nearest_cell_km"] == 0
    assert found["nearest_cell_min_k"] == cell.min_k
    assert found["nearest_cell_cooling_k_15min"] == cell.cooling_k_15min
    assert found["nearest_cell_overshooting"] is (cell.tops > 0)
    assert near_villages(frame, layers, ["far"])["cells_within_50_km"] == 0
    # Without a frame nothing is said: that is not "no cells".
    assert near_villages(None, layers, ["a"]) == {} == near_villages(frame, layers, [])


make = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "make_frames.py"))
CLI = CliRunner()


def sky(k):
    """One strong storm over West Java that goes west and grows, on 0.1 degrees."""
    y = np.arange(-12.0, 7.05, 0.1)[:, None]
    x = np.arange(94.0, 142.05, 0.1)[None, :]
    away = (y + 6.9) ** 2 + (x - 107.6 + 0.08 * k) ** 2
    ground = 291 + np.sin(7 * x + y) + np.cos(5 * y)  # rows alike would be stripes
    return ground - (80 + 3 * k) * np.exp(-away / (2 * 0.35**2)) + 0.02 * k


def few(policy):
    ensemble = policy.nowcast.ensemble.model_copy(update={"members": 3})
    nowcast = policy.nowcast.model_copy(update={"ensemble": ensemble})
    return policy.model_copy(update={"nowcast": nowcast})


def test_in_the_cycle_in_the_evidence_and_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "rain_policy", lambda: few(POLICY))
    folder = tmp_path / "b13"
    folder.mkdir()
    home = tmp_path / "home"
    settings = Settings(home=home, himawari_b13_url=str(folder), _env_file=None)
    live.history_of.cache_clear()
    first = make["TIME"]
    with open_context(settings, live=False) as context:
        for k in range(2):
            time = first + timedelta(minutes=10 * k)
            path = folder / f"H08_B13_Indonesia_{time:%Y%m%d%H%M}.nc"
            box = (94.0, -12.0, 142.0, 7.0)
            make["bmkg_netcdf"](path, step=0.1, box=box, time=time, values=sky(k))
            written = (time + timedelta(minutes=3)).timestamp()
            os.utime(path, (written, written))
            at = time + timedelta(minutes=4)
            stages.poll_one(context.ingest, "himawari-b13", at)
            troubles = []
            fields = stages._with_rain(context, at, [], troubles)
            assert troubles == []
            frame = newest(context.runs, at, timedelta(minutes=5))
            assert frame is not None and frame.time == time  # before any decision
            assert prepare_cells(context, at) == []
        storm = frame.cells[0]
        assert frame.known_share > 0.95
        assert storm.age_minutes == 10 and storm.cooling_k_15min > 3
        assert storm.east_m_s == pytest.approx(
            -0.08 * 111.2e3 * np.cos(np.radians(6.9)) / 600, rel=0.1
        )
        near = context.layers.villages["adm4_code"].str.startswith("32.73")
        rows = pd.DataFrame({"adm4_code": context.layers.villages["adm4_code"][near], "level": 2})
        parts = [(fields[0].event, rows)]
        ((event, _),) = with_local_evidence(
            fields[0], context.layers, parts, POLICY.levels, frame
        )  # fmt: skip
        assert event.evidence["nearest_cell_track"] == storm.track
        assert event.evidence["cells_of_frame"] == event.evidence["frame_time"]
    live.history_of.cache_clear()
    monkeypatch.setenv("KENTONGAN_HOME", str(home))
    said = CLI.invoke(app, ["forecast", "cells", "--at", at.isoformat()])
    assert said.exit_code == 0, said.output
    for words in (storm.track, " W ", " km/h", "at least 10 min"):
        assert words in said.output
    late = CLI.invoke(app, ["forecast", "cells", "--at", (at + timedelta(hours=2)).isoformat()])
    assert "Not known" in late.output
    listed = CLI.invoke(app, ["forecast", "cells", "--at", at.isoformat(), "--json"])
    assert f'"{storm.track}"' in listed.output
