"""The notebook runs from the first cell to the last and shows what it says."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "first-look.ipynb"


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook with its outputs, executed by a kernel in a process of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from nbclient.cli import main; main()", str(NOTEBOOK)),
            *("--output", str(folder / "executed.ipynb"), "--timeout", "240"),
        ],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("KENTONGAN_")}
        | {"JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "executed.ipynb"


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def test_it_is_committed_without_outputs():
    assert outputs(NOTEBOOK) == []
    assert all(cell["execution_count"] is None for cell in cells(NOTEBOOK, "code"))


def test_it_only_uses_the_packages():
    source = "\n".join("".join(cell["source"]) for cell in cells(NOTEBOOK, "code"))
    nodes = list(ast.walk(ast.parse(source)))
    assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]


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
