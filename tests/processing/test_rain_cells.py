"""Convective cells: the reference case of tobac, tops, tracks."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from processing.rain.cells import CellRules, find_cells, follow, started

START = datetime(2026, 1, 1, tzinfo=UTC)
CELL_M = 2000.0


def scene(t):
    y, x = np.mgrid[0:100, 0:100].astype(float)
    tb = np.full((100, 100), 290.0)
    for row, column, sigma, depth in ((30, 20 + 4 * t, 6, 85), (70 - t, 60 + 2 * t, 10, 75),
                                      (20, 80, 3, 40)):  # fmt: skip
        tb -= depth * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
    return tb.astype(np.float32)


def followed(frames):
    cells = [started(find_cells(scene(frames[0])))]
    for k in frames[1:]:
        cells.append(follow(
            cells[-1], find_cells(scene(k)), earlier=START + timedelta(minutes=10 * (k - 1)),
            later=START + timedelta(minutes=10 * k), cell_m=CELL_M,
        ))  # fmt: skip
    return cells


def test_cells_sizes_thresholds_and_tracks_of_tobac(samples):
    path = samples / "hazard-refs" / "storm_cells_tobac.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = followed(range(4))
    tracks = {}
    for frame, cells in enumerate(found):
        expected = [r for r in rows if int(r["frame"]) == frame]
        assert len(cells) == len(expected)
        for row in expected:
            there = (float(row["hdim_1"]), float(row["hdim_2"]))
            cell = min(cells, key=lambda c: abs(c.row - there[0]) + abs(c.column - there[1]))
            assert (cell.row, cell.column) == pytest.approx(there, abs=1e-3)
            assert cell.cells == int(row["num"])
            assert cell.threshold_k == float(row["threshold_value"])
            assert tracks.setdefault(row["cell"], cell.track) == cell.track
    assert len(set(tracks.values())) == 2


def test_a_followed_cell_has_age_and_cooling():
    cells = followed(range(3))[-1]
    assert {c.age_minutes for c in cells} == {20.0}
    assert all(c.cooling_k_h == pytest.approx(0, abs=1) for c in cells)
    assert all(c.cooling_k_h is None for c in started(find_cells(scene(0))))


def test_two_cores_in_one_anvil_are_two_cells():
    y, x = np.mgrid[0:60, 0:60].astype(float)
    tb = np.full((60, 60), 290.0)
    tb -= 60 * np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / 400)
    for column in (20, 40):
        tb -= 25 * np.exp(-((y - 30) ** 2 + (x - column) ** 2) / 18)
    cells = find_cells(tb.astype(np.float32))
    assert [c.column for c in cells] == pytest.approx([20, 40], abs=1.5)


def test_an_overshooting_top_is_seen_and_a_flat_anvil_has_none():
    tb = np.full((60, 60), 210.0, dtype=np.float32)
    assert sum(c.tops for c in find_cells(tb)) == 0
    tb[30, 30] = 195.0
    assert sum(c.tops for c in find_cells(tb)) == 1


def test_what_is_not_known_is_no_cell():
    tb = np.full((40, 40), np.nan, dtype=np.float32)
    assert find_cells(tb) == []
    tb[10:20, 10:20] = 220.0
    (cell,) = find_cells(tb)
    assert cell.cells == 100


def test_too_small_and_too_fast():
    tb = np.full((40, 40), 290.0, dtype=np.float32)
    tb[10, 10:13] = 200.0
    assert find_cells(tb) == []
    tb[10, 10:14] = 200.0
    later = np.roll(tb, 15, axis=1)
    one = started(find_cells(tb))
    found = follow(one, find_cells(later), earlier=START, later=START + timedelta(minutes=10),
                   cell_m=CELL_M)  # fmt: skip
    assert found[0].track != one[0].track  # 50 m/s
    slow = CellRules(max_speed_m_s=60.0)
    found = follow(one, find_cells(later), earlier=START, later=START + timedelta(minutes=10),
                   cell_m=CELL_M, rules=slow)  # fmt: skip
    assert found[0].track == one[0].track
