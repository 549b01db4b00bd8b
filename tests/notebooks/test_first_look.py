"""The notebook runs from the first cell to the last and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.running import defines_anything, execute, is_committed_clean, notebook, outputs

NOTEBOOK = notebook("first-look.ipynb")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return execute(NOTEBOOK, tmp_path_factory.mktemp("notebook"))


def test_it_is_committed_without_outputs():
    assert is_committed_clean(NOTEBOOK)


def test_it_only_uses_the_packages():
    assert not defines_anything(NOTEBOOK)


def test_every_cell_runs_and_nothing_complains(executed):
    complaints = [o for o in outputs(executed) if o["output_type"] == "error"]
    complaints += [o for o in outputs(executed) if o.get("name") == "stderr"]
    assert complaints == []


def test_it_ends_with_a_report_and_a_closed_map(executed):
    texts = ["".join(o["text"]) for o in outputs(executed) if o["output_type"] == "stream"]
    assert any("Guncangan gempa" in text and "Nothing left this machine" in text for text in texts)
    pages = ["".join(o["data"].get("text/html", "")) for o in outputs(executed) if "data" in o]
    (frame,) = [page for page in pages if "<iframe srcdoc" in page]
    assert "Content-Security-Policy" in frame
    assert "LATIHAN" in frame
