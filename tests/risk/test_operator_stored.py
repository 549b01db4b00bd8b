"""The stored operator: the same again, the same bytes, and nothing that was tampered with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import LayerError
from kentongan.grid import Grid
from risk.exposure.stored import open_operator, save_operator
from risk.operator import ExposureOperator, compile_operator
from risk.stripes import ArrayStripes

GRID = Grid(west=100.0, south=0.0, step=1.0, columns=4, rows=4)
SHAPES = np.array([shapely.box(100.1, 0.1, 101.7, 3.2), shapely.box(102.2, 1.1, 103.3, 1.9)])


@pytest.fixture
def operator() -> ExposureOperator:
    counts = np.random.default_rng(1).gamma(1, 30, (16, 16)).astype(np.float32)
    return compile_operator(SHAPES, None, GRID, raster=ArrayStripes(counts, 100.0, 4.0, 0.25, 0.25))


def test_what_was_stored_is_there_again(operator, tmp_path):
    save_operator(tmp_path / "a", operator)
    again = open_operator(tmp_path / "a")
    for name in ("pointer", "cell", "share", "people", "spread"):
        np.testing.assert_array_equal(getattr(again, name), getattr(operator, name))
        assert getattr(again, name).dtype == getattr(operator, name).dtype
    assert (again.grid, again.scale, again.notes) == (GRID, operator.scale, operator.notes)
    np.testing.assert_array_equal(again.unassigned.cell, operator.unassigned.cell)
    np.testing.assert_array_equal(again.unassigned.people, operator.unassigned.people)
    save_operator(tmp_path / "b", again)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_operator_of_shapes_alone_has_no_spread(tmp_path):
    save_operator(tmp_path / "a", compile_operator(SHAPES, np.array([7, 9]), GRID))
    again = open_operator(tmp_path / "a")
    assert again.spread is None
    assert again.by_area.all()


def _head(content: bytes) -> tuple[dict, bytes]:
    line, rest = content.split(b"\n", 1)
    return json.loads(line), rest


def _with_head(content: bytes, **changes: object) -> bytes:
    head, rest = _head(content)
    line = json.dumps({**head, **changes}, sort_keys=True).encode()
    old = len(content) - len(rest) - 1
    return line.ljust(old)[: max(old, len(line))] + b"\n" + rest


def _first(content: bytes, value: int) -> bytes:
    """The first number of the cells, which follow the entries, changed."""
    at = content.index(b"\n")
    start = -(-(at + 1) // 64) * 64 + 64
    return content[:start] + value.to_bytes(4, "little", signed=True) + content[start + 4 :]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param(lambda c: b"", "cannot be read", id="empty"),
        pytest.param(lambda c: b"\x00" * 4096, "first line", id="zeros"),
        pytest.param(lambda c: c[: len(c) // 2], "ends within", id="cut-off"),
        pytest.param(lambda c: _with_head(c, magic="x"), "first line", id="another-format"),
        pytest.param(lambda c: _with_head(c, scale=3), "scale of 3", id="odd-scale"),
        pytest.param(lambda c: _with_head(c, grid=None), "first line", id="no-grid"),
        pytest.param(lambda c: _with_head(c, arrays={}), "first line", id="no-arrays"),
        pytest.param(lambda c: _first(c, 99), "outside the grid", id="cell-outside"),
        pytest.param(lambda c: _first(c, -1), "outside the grid", id="cell-below-zero"),
    ],
)
def test_a_broken_file_is_refused_in_words(operator, tmp_path, broken, words):
    path = tmp_path / "a"
    save_operator(path, operator)
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(LayerError, match=words):
        open_operator(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(LayerError, match="cannot be read"):
        open_operator(tmp_path / "nothing")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_any_byte_may_be_wrong(tmp_path_factory, place, value):
    """Refused, or an operator whose loops cannot read beyond its arrays."""
    path = tmp_path_factory.mktemp("operator") / "a"
    save_operator(path, compile_operator(SHAPES, np.array([7, 9]), GRID))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(bytes(content))
    try:
        again = open_operator(path)
    except LayerError:
        return
    cells = (again.grid.rows, again.grid.columns)
    if cells[0] * cells[1] < 10**6:
        counts = again.overlay(np.zeros(cells, dtype=np.int8))
        np.testing.assert_array_equal(counts.sum(axis=1), again.people)
