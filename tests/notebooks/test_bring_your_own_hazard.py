"""The analyst's notebook runs from the first cell to the last; its sums hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.running import complaints, data, executed_once, is_closed, notebook, pages


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return executed_once(notebook("bring-your-own-hazard.ipynb"), tmp_path_factory)


def test_every_cell_runs_and_nothing_complains(executed):
    assert complaints(executed) == []


def test_it_shows_sums_bands_and_files(executed):
    shown = data(executed, "text/plain")
    assert "True" in shown
    assert any("at_least_3_p90" in text for text in shown)
    assert any("terpapar_kelas_3" in text for text in shown)


def test_its_pictures_have_units(executed):
    assert len(data(executed, "image/png")) == 1
    (chart,) = data(executed, "image/svg+xml")
    assert "people</text>" in chart


def test_its_maps_are_closed(executed):
    own, overlay = pages(executed)
    assert is_closed(own) and "orang" in own
    assert is_closed(overlay)
