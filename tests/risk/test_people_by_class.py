"""People of each village by any number of classes: conserved, the same in both forms."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import GridMismatch
from risk.exposure import kernels
from risk.exposure.by_class import people_by_class
from risk.layers.layerset import load_layers


@pytest.fixture(scope="module")
def operator():
    return load_layers().operator


@pytest.fixture
def plain():
    """numpy's form first, whatever ran before."""
    was = kernels.compiled()
    kernels.cool()
    yield
    if was:
        kernels.warm()
    else:
        kernels.cool()


def test_five_classes_are_the_operators_own_count(operator, plain) -> None:
    classes = np.random.default_rng(1).integers(-1, 5, (900, 2350)).astype(np.int8)
    expected = operator.overlay(classes)
    assert np.array_equal(people_by_class(operator, classes, 5), expected)


def test_both_forms_give_the_same_and_nobody_is_lost(operator, plain) -> None:
    classes = np.random.default_rng(2).integers(-1, 10, (900, 2350)).astype(np.int8)
    slow = people_by_class(operator, classes, 10)
    kernels.warm()
    out = np.full_like(slow, 7)
    assert people_by_class(operator, classes, 10, out) is out
    assert np.array_equal(out, slow)
    assert np.array_equal(out.sum(axis=1), operator.people)
    assert out.min() >= 0


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_stronger_cell_never_counts_fewer_above(data) -> None:
    """Two villages of three cells each; raising one cell's class by one."""
    count = data.draw(st.integers(2, 12))
    parts = data.draw(st.lists(st.integers(0, 1 << 10), min_size=2, max_size=2).map(sorted))
    share = np.array([parts[0], parts[1] - parts[0], (1 << 10) - parts[1]] * 2, np.int32)
    small = SimpleNamespace(
        grid=SimpleNamespace(rows=1, columns=3), pointer=np.array([0, 3, 6]),
        cell=np.array([0, 1, 2] * 2, np.int32), share=share, scale=1 << 10,
        people=np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=2))),
        row=np.array([0, 0, 0, 1, 1, 1], np.int32),
        unsigned_cell=np.array([0, 1, 2] * 2, np.uint32),
    )  # fmt: skip
    classes = np.array([data.draw(st.lists(st.integers(-1, count - 2), min_size=3, max_size=3))])
    low = people_by_class(small, classes.astype(np.int8), count)
    classes[0, data.draw(st.integers(0, 2))] += 1
    high = people_by_class(small, classes.astype(np.int8), count)
    above_low, above_high = (np.cumsum(c[:, -2:0:-1], axis=1) for c in (low, high))
    assert (above_high >= above_low).all()
    assert np.array_equal(high.sum(axis=1), small.people)


@pytest.mark.parametrize(
    ("classes", "count"),
    [
        (np.zeros((2, 2), np.int8), 10),
        (np.zeros((900, 2350), np.int64), 10),
        (np.full((900, 2350), 10, np.int8), 10),
        (np.full((900, 2350), -2, np.int8), 10),
        (np.zeros((900, 2350), np.int8), 0),
        (np.zeros((900, 2350), np.int8), 101),
    ],
)
def test_what_does_not_fit_is_refused(operator, classes, count) -> None:
    with pytest.raises(GridMismatch, match="expected"):
        people_by_class(operator, classes, count)
