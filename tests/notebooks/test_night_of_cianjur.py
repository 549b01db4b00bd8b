"""The night of Cianjur runs from the first cell to the last and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.running import (
    data,
    defines_anything,
    execute,
    is_committed_clean,
    notebook,
    outputs,
)

NOTEBOOK = notebook("night-of-cianjur.ipynb")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return execute(NOTEBOOK, tmp_path_factory.mktemp("notebook"))


def test_it_is_committed_without_outputs() -> None:
    assert is_committed_clean(NOTEBOOK)


def test_it_only_uses_the_packages() -> None:
    assert not defines_anything(NOTEBOOK)


def test_every_cell_runs_and_nothing_complains(executed: Path) -> None:
    complaints = [o for o in outputs(executed) if o["output_type"] == "error"]
    complaints += [o for o in outputs(executed) if o.get("name") == "stderr"]
    assert complaints == []


def test_the_pictures_have_units(executed: Path) -> None:
    maps, line, chart = [page for page in data(executed, "image/svg+xml") if page]
    assert "chain minus Allen" in maps and "50 km" in maps and "MMI" in maps
    assert "km east of the epicentre" in line and line.count("<polyline") == 2
    assert "people</text>" in chart and chart.count("<rect") > 15


def test_people_villages_and_texts(executed: Path) -> None:
    texts = ["".join(o["text"]) for o in outputs(executed) if o["output_type"] == "stream"]
    assert any("villages," in text and "people at Waspada" in text for text in texts)
    assert any("LATIHAN" in text and "Kab. Cianjur" in text for text in texts)
    tables = [page for page in data(executed, "text/html") if "dataframe" in page]
    assert any("Cugenang" in page for page in tables)
    assert any("p90" in page for page in tables)
    assert any("assess" in page for page in tables)


def test_the_map_opens_without_internet(executed: Path) -> None:
    (frame,) = [page for page in data(executed, "text/html") if "<iframe srcdoc" in page]
    assert "Content-Security-Policy" in frame and "LATIHAN" in frame
