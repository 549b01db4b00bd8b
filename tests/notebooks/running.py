"""A notebook as it is committed, and as it is after it ran in a process of its own."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def notebook(name: str) -> Path:
    return ROOT / "notebooks" / name


def execute(path: Path, folder: Path) -> Path:
    """Run every cell without any setting of this user; the notebook with its outputs."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from nbclient.cli import main; main()", str(path)),
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


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in found["cells"] if cell["cell_type"] == kind]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def data(path: Path, kind: str) -> list[str]:
    return ["".join(o["data"].get(kind, "")) for o in outputs(path) if "data" in o]


def is_committed_clean(path: Path) -> bool:
    return outputs(path) == [] and all(
        cell["execution_count"] is None for cell in cells(path, "code")
    )


def defines_anything(path: Path) -> bool:
    """A notebook only uses the packages: what it needs to define belongs there."""
    source = "\n".join("".join(cell["source"]) for cell in cells(path, "code"))
    kinds = ast.FunctionDef | ast.ClassDef | ast.Lambda
    return any(isinstance(node, kinds) for node in ast.walk(ast.parse(source)))
