"""The analyst's notebook runs from the first cell to the last; its sums hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebooks.running import execute, is_committed_clean, notebook, outputs

NOTEBOOK = notebook("bring-your-own-hazard.ipynb")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return outputs(execute(NOTEBOOK, tmp_path_factory.mktemp("notebook")))


def test_it_is_committed_without_outputs():
    assert is_committed_clean(NOTEBOOK)


def test_every_cell_runs_and_nothing_complains(executed):
    bad = [o for o in executed if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert bad == []


def test_it_shows_sums_bands_files_and_a_closed_map(executed):
    shown = ["".join(o["data"].get("text/plain", "")) for o in executed if "data" in o]
    assert "True" in shown
    assert any("at_least_3_p90" in text for text in shown)
    assert any("terpapar_kelas_3" in text for text in shown)
    pages = ["".join(o["data"].get("text/html", "")) for o in executed if "data" in o]
    (frame,) = [page for page in pages if "<iframe srcdoc" in page]
    assert "Content-Security-Policy" in frame
    assert "src=&quot;http" not in frame
