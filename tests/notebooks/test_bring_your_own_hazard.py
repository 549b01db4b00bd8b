"""The analyst's notebook runs from the first cell to the last; its sums hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "bring-your-own-hazard.ipynb"


def code_cells(path: Path) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Outputs of the notebook, executed by a kernel in a process of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from nbclient.cli import main; main()", str(NOTEBOOK)),
            *("--output", str(folder / "executed.ipynb"), "--timeout", "120"),
        ],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("KENTONGAN_")}
        | {"JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [o for cell in code_cells(folder / "executed.ipynb") for o in cell["outputs"]]


def test_it_is_committed_without_outputs():
    assert all(not cell["outputs"] for cell in code_cells(NOTEBOOK))
    assert all(cell["execution_count"] is None for cell in code_cells(NOTEBOOK))


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
