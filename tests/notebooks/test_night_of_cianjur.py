"""The night of Cianjur runs from the first cell to the last and shows what it says."""

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
    printed,
    tables,
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return executed_once(notebook("night-of-cianjur.ipynb"), tmp_path_factory)


def test_every_cell_runs_and_nothing_complains(executed: Path) -> None:
    assert complaints(executed) == []


def test_the_pictures_have_units(executed: Path) -> None:
    maps, line, chart = data(executed, "image/svg+xml")
    assert "chain minus Allen" in maps and "50 km" in maps and "MMI" in maps
    assert "km east of the epicentre" in line and line.count("<polyline") == 2
    assert "people</text>" in chart and chart.count("<rect") > 15


def test_people_villages_and_texts(executed: Path) -> None:
    said = printed(executed)
    assert "villages," in said and "people at Waspada" in said
    assert "LATIHAN" in said and "Kab. Cianjur" in said
    shown = tables(executed)
    assert "Cugenang" in shown and "p90" in shown and "assess" in shown


def test_the_map_opens_without_internet(executed: Path) -> None:
    (page,) = pages(executed)
    assert is_closed(page) and "LATIHAN" in page
