"""The first look runs from the first cell to the last and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.running import (
    complaints,
    data,
    executed_once,
    is_closed,
    notebook,
    pages,
    tables,
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return executed_once(notebook("first-look.ipynb"), tmp_path_factory)


def test_every_cell_runs_and_nothing_complains(executed):
    assert complaints(executed) == []


def test_it_goes_from_feeds_to_people(executed):
    shown = tables(executed)
    for words in ("Kabupaten Cianjur", "exposed_people", "LATIHAN", "recorder", "eta_min"):
        assert words in shown
    assert len(data(executed, "image/png")) == 1


def test_its_maps_are_closed(executed):
    shaded, situation = pages(executed)
    assert is_closed(shaded) and "MMI" in shaded
    assert is_closed(situation) and "LATIHAN" in situation
