"""Frames one after the other, quiet frames, numpy and compiled loops: one and the same table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kentongan.errors import GridMismatch
from kentongan.grid import Grid
from risk.exposure import kernels
from risk.exposure.live import LiveOverlay
from risk.operator import FINE_PARTS, ExposureOperator, Unassigned, compile_operator

GRID = Grid(west=100.0, south=0.0, step=0.5, columns=9, rows=7)
SHAPES = np.array(
    [
        shapely.box(100.1, 0.1, 104.4, 3.4),
        shapely.box(100.6, 1.1, 100.9, 1.4),
        shapely.Point(102.5, 1.7).buffer(1.3) - shapely.Point(102.6, 1.7).buffer(0.4),
        shapely.Polygon([(101, 0.2), (104.4, 0.3), (103.1, 3.4)]),
    ]
)
frames = hnp.arrays(np.int8, (7, 9), elements=st.integers(-1, 4))


def operator(scale: int = FINE_PARTS) -> ExposureOperator:
    made = compile_operator(SHAPES, np.array([99_991, 1, 0, 523]), GRID, scale=scale)
    left = Unassigned(np.array([3, 60], dtype=np.int32), np.array([5, 7]))
    return ExposureOperator(
        made.grid, made.pointer, made.cell, made.share, made.people, scale, unassigned=left
    )


OPERATOR = operator()


@pytest.fixture(scope="module", params=[False, True], ids=["numpy", "compiled"])
def fast(request) -> Iterator[bool]:
    kernels.cool()
    if request.param:
        kernels.warm()
    yield request.param
    kernels.cool()


@given(st.lists(frames, min_size=2, max_size=5))
def test_the_table_after_many_frames_is_that_of_the_last(fast, several):
    live = LiveOverlay(OPERATOR, several[0])
    for before, frame in pairwise(several):
        old = live.counts.copy()
        rows = live.update(frame)
        np.testing.assert_array_equal(live.counts, OPERATOR.overlay(frame))
        np.testing.assert_array_equal(live.parts, OPERATOR.parts(frame))
        changed = np.flatnonzero((live.counts != old).any(axis=1))
        assert set(changed) <= set(rows)
        assert (np.diff(rows) > 0).all()
        assert live.holds(frame)
        if (before != frame).any():
            assert not live.holds(before) or not rows.size or (old == live.counts).all()


@given(frames)
def test_villages_that_are_not_touched_are_left_out(fast, frame):
    rows, parts = OPERATOR.touched(frame)
    whole = OPERATOR.parts(frame)
    np.testing.assert_array_equal(rows, np.flatnonzero(whole[:, 0] < OPERATOR.scale))
    np.testing.assert_array_equal(parts, whole[rows])


@given(frames)
def test_numpy_and_compiled_loops_count_the_same(fast, frame):
    kernels.cool()
    plain = OPERATOR.overlay(frame), OPERATOR.parts(frame), *OPERATOR.touched(frame)
    kernels.warm()
    room = np.empty_like(plain[0])
    quick = OPERATOR.overlay(frame, room), OPERATOR.parts(frame), *OPERATOR.touched(frame)
    check = kernels.recount(OPERATOR, OPERATOR.flat(frame))
    if not fast:
        kernels.cool()
    for a, b in zip(plain, quick, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(check, plain[0])
    assert quick[0] is room


def test_people_in_no_village_are_counted_by_the_class_of_their_cell(fast):
    frame = np.zeros((7, 9), dtype=np.int8)
    frame.ravel()[3], frame.ravel()[60] = 4, -1
    assert OPERATOR.overlay_unassigned(frame).tolist() == [0, 0, 0, 0, 5, 7]


def test_a_part_of_the_operator_answers_as_the_whole(fast):
    frame = np.random.default_rng(3).integers(-1, 5, (7, 9)).astype(np.int8)
    part = OPERATOR.take(1, 3)
    np.testing.assert_array_equal(part.overlay(frame), OPERATOR.overlay(frame)[1:3])


def test_finer_parts_change_no_total_and_hardly_a_person(fast):
    frame = np.random.default_rng(3).integers(-1, 5, (7, 9)).astype(np.int8)
    coarse = operator(1 << 20).overlay(frame)
    fine = OPERATOR.overlay(frame)
    np.testing.assert_array_equal(coarse.sum(axis=1), fine.sum(axis=1))
    assert np.abs(coarse - fine).max() <= 2


def test_classes_that_are_not_whole_numbers_are_refused(fast):
    with pytest.raises(GridMismatch, match="float64"):
        OPERATOR.overlay(np.zeros((7, 9)))
