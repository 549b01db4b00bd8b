"""The night of Cianjur runs from the first cell to the last and shows what it says."""

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
NOTEBOOK = ROOT / "notebooks" / "night-of-cianjur.ipynb"


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def data(path: Path, kind: str) -> list[str]:
    return ["".join(o["data"].get(kind, "")) for o in outputs(path) if "data" in o]


def test_it_is_committed_without_outputs() -> None:
    assert outputs(NOTEBOOK) == []
    assert all(cell["execution_count"] is None for cell in cells(NOTEBOOK, "code"))


def test_it_only_uses_the_packages() -> None:
    source = "\n".join("".join(cell["source"]) for cell in cells(NOTEBOOK, "code"))
    nodes = list(ast.walk(ast.parse(source)))
    assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]


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
