"""One warning, from the bytes of a feed to a volunteer who answers, as the notebook shows it."""

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
    return executed_once(notebook("one-warning-explained.ipynb"), tmp_path_factory)


def test_every_cell_runs_and_nothing_complains(executed):
    assert complaints(executed) == []


def test_it_begins_with_the_bytes_and_ends_with_answers(executed):
    said = printed(executed)
    assert '"Magnitude":"5.6"' in said
    assert "LATIHAN. SIAGA: gempa merusak" in said and "<status>Exercise</status>" in said
    assert "counted again from these cells: the same people as stored" in said
    assert any("(True, " in text for text in data(executed, "text/plain"))


def test_what_came_back_is_there(executed):
    shown = tables(executed)
    assert "accepted" in shown and "recorder" in shown and "urgency" in shown
    (chart,) = data(executed, "image/svg+xml")
    assert "steps" in chart and "accepted" in chart


def test_its_maps_are_closed(executed):
    exposed, situation = pages(executed)
    assert is_closed(exposed) and "orang" in exposed
    assert is_closed(situation) and "LATIHAN" in situation
