"""Cells with their history: known motion and growth, split, merge, gap, what nobody saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.grid import Grid
from processing.rain.cell_near import near
from processing.rain.cell_tracks import KM_A_DEGREE, cells_of
from processing.rain.cells import CellRules
from processing.rain.parallax import Orbit

RULES = CellRules()
GRID = Grid(west=106.0, south=-7.0, step=0.02, columns=120, rows=100)
START = datetime(2026, 2, 14, 5, tzinfo=UTC)
BELOW = Orbit(longitude=107.2)
"""Overhead: hardly any parallax, so that places are those drawn."""


def when(k, minutes=10):
    return START + timedelta(minutes=minutes * k)


def sky(*storms):
    """Round storms (row, column, size, coldest K) over warm ground."""
    y, x = np.mgrid[0 : GRID.rows, 0 : GRID.columns].astype(float)
    tb = np.full((GRID.rows, GRID.columns), 292.0)
    for row, column, size, coldest in storms:
        depth = 292 - coldest
        cone = 292 - depth * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * size**2))
        tb = np.minimum(tb, cone)
    return tb.astype(np.float32)


def followed(frames, minutes=10):
    out, last = [], None
    for k, tb in enumerate(frames):
        time = when(k, minutes)
        out.append(cells_of(tb, time, out, last, grid=GRID, orbit=BELOW, rules=RULES))
        last = tb
    return out


def test_a_storm_of_known_motion_and_growth_is_one_track():
    # 3 cells east and 1 south in ten minutes; 2 K colder each frame.
    frames = followed([sky((60 - k, 30 + 3 * k, 6, 210 - 2 * k)) for k in range(6)])
    assert [len(f.cells) for f in frames] == [1] * 6
    assert {f.cells[0].track for f in frames} == {"20260214T050000Z-001"}
    last = frames[-1].cells[0]
    metres = GRID.step * KM_A_DEGREE * 1000
    assert last.east_m_s == pytest.approx(3 * metres * np.cos(np.radians(6)) / 600, rel=0.03)
    assert last.north_m_s == pytest.approx(-metres / 600, rel=0.05)
    assert last.cooling_k_15min == pytest.approx(3.0, abs=0.05)
    assert last.min_k == pytest.approx(200, abs=0.2)
    assert (last.begun, last.age_minutes) == ("unseen", 50.0)
    assert last.cloud_km2 > last.area_km2 > 0
    assert frames[0].cells[0].cooling_k_15min is None and frames[0].cells[0].east_m_s is None


def test_a_storm_born_in_view_is_new_and_one_that_dies_faded():
    frames = followed([sky(), sky((50, 50, 5, 220)), sky()])
    (cell,) = frames[1].cells
    assert (cell.begun, cell.age_minutes, cell.track) == ("new", 0.0, "20260214T051000Z-001")
    assert [(e.track, e.how) for e in frames[2].ended] == [(cell.track, "faded")]


def test_a_split_names_its_parent_and_a_merger_what_it_swallowed():
    one = sky((50, 50, 7, 205))
    two = sky((50, 46, 5, 205), (50, 57, 4, 208))
    frames = followed([one, two, one])
    origin = frames[0].cells[0].track
    kept, young = frames[1].cells
    assert kept.track == origin
    assert (young.begun, young.parent) == ("split", origin)
    (whole,) = frames[2].cells
    assert whole.track == origin and whole.merged == young.track
    assert [(e.track, e.how) for e in frames[2].ended] == [(young.track, f"merged into {origin}")]


def test_a_gap_ends_every_track_and_invents_nothing():
    frames = followed([sky((50, 50 + k, 6, 205)) for k in range(2)], minutes=30)
    first, second = frames
    assert second.gap_minutes == 30
    assert [e.how for e in second.ended] == ["gap"]
    (cell,) = second.cells
    assert cell.track != first.cells[0].track and cell.begun == "unseen"
    assert cell.age_minutes is None and cell.cooling_k_15min is None and cell.east_m_s is None


def test_one_missing_frame_is_bridged_at_its_true_time():
    frames = followed([sky((50, 50 + 4 * k, 6, 206 - 4 * k)) for k in range(2)], minutes=20)
    (cell,) = frames[1].cells
    assert cell.age_minutes == 20 and cell.cooling_k_15min == pytest.approx(3, abs=0.05)


def test_what_was_not_seen_is_neither_new_nor_faded():
    hidden = sky((50, 50, 6, 205))
    hidden[:, 30:] = np.nan
    frames = followed([sky((50, 50, 6, 205)), hidden, sky((50, 50, 6, 205))])
    assert [e.how for e in frames[1].ended] == ["not seen"]
    assert frames[1].cells == () and frames[1].known_share < 1
    (back,) = frames[2].cells
    assert back.begun == "unseen" and back.age_minutes is None


def test_a_cell_at_the_rim_of_what_is_known_says_that_it_may_be_larger():
    half = sky((50, 50, 6, 205))
    half[:, 52:] = np.nan
    (cut,) = followed([half])[0].cells
    (whole,) = followed([sky((50, 50, 6, 205))])[0].cells
    assert cut.at_edge and not whole.at_edge and cut.area_km2 < whole.area_km2
    (rim,) = followed([sky((50, 0, 6, 205))])[0].cells
    assert rim.at_edge


def test_places_lie_below_the_tops():
    tb = sky((50, 50, 6, 200))
    (there,) = cells_of(tb, START, grid=GRID, rules=RULES).cells
    (overhead,) = cells_of(tb, START, grid=GRID, orbit=BELOW, rules=RULES).cells
    # Himawari looks from the east: what it sees lies west of the true place.
    away = (there.longitude - overhead.longitude) * KM_A_DEGREE
    assert 5 < away < 13


def test_another_shape_and_another_order_are_refused():
    with pytest.raises(ValueError, match="expected the grid's"):
        cells_of(np.zeros((3, 3), dtype=np.float32), START, grid=GRID, rules=RULES)
    frame = cells_of(sky(), START, grid=GRID, rules=RULES)
    with pytest.raises(ValueError, match="does not come before"):
        cells_of(sky(), START, [frame], grid=GRID, rules=RULES)


@settings(max_examples=25, deadline=None)
@given(
    east=st.integers(-5, 5), north=st.integers(-5, 5), row=st.integers(45, 55),
    column=st.integers(55, 65),
)  # fmt: skip
def test_any_slow_storm_keeps_its_track_and_its_speed(east, north, row, column):
    frames = followed([sky((row + north * k, column + east * k, 5, 205)) for k in range(3)])
    assert len({f.cells[0].track for f in frames}) == 1
    cell = frames[-1].cells[0]
    metres = GRID.step * KM_A_DEGREE * 1000 / 600
    assert cell.north_m_s == pytest.approx(north * metres, abs=0.1)
    assert cell.east_m_s == pytest.approx(east * metres, rel=0.02, abs=0.1)


def test_the_nearest_and_the_strongest_cell_of_places():
    storms = [sky((50, 40 + 3 * k, 5, 215), (66, 52, 5, 198)) for k in range(3)]
    frame = followed(storms)[-1]
    weak = next(c for c in frame.cells if c.min_k > 210)
    east_of = np.array([weak.latitude]), np.array([weak.longitude + 0.2])
    found = near(frame, *east_of)
    assert found.nearest.cell is weak and found.nearest.towards is True
    assert found.strongest.cell.min_k < 200 and found.around == 2
    west_of = np.array([weak.latitude]), np.array([weak.longitude - 0.2])
    assert near(frame, *west_of).nearest.towards is False
    within = near(frame, np.array([weak.latitude]), np.array([weak.longitude])).nearest
    assert within.away_km == 0 and within.towards is None
    still = replace(frame, cells=tuple(replace(c, east_m_s=None) for c in frame.cells))
    assert near(still, *east_of).nearest.towards is None
    assert near(frame, np.array([-1.0]), np.array([120.0])) is None
    assert near(frame, np.array([np.nan]), np.array([np.nan])) is None
