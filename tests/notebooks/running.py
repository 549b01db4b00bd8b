"""A notebook as it is committed, and as it is after it ran in a process of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.faces.scenes import once, shared_folder

ROOT = Path(__file__).parents[2]
_LINKS = re.compile(r"<a\s[^>]*>|<script.*?</script>", re.DOTALL)
_OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
)


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


def executed_once(path: Path, factory: pytest.TempPathFactory) -> Path:
    """The executed notebook; all workers of a run share it."""
    folder = shared_folder(factory, "notebooks")
    return once(folder / path.stem, lambda part: execute(path, part)) / "executed.ipynb"


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in found["cells"] if cell["cell_type"] == kind]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def data(path: Path, kind: str) -> list[str]:
    """Every output of a kind that is there, in order."""
    found = ["".join(o["data"].get(kind, "")) for o in outputs(path) if "data" in o]
    return [one for one in found if one]


def printed(path: Path) -> str:
    return "".join("".join(o["text"]) for o in outputs(path) if o["output_type"] == "stream")


def tables(path: Path) -> str:
    return "\n".join(page for page in data(path, "text/html") if "dataframe" in page)


def pages(path: Path) -> list[str]:
    """The documents in frames: maps."""
    frames = [page for page in data(path, "text/html") if "<iframe srcdoc" in page]
    return [unescape(frame.split('srcdoc="', 1)[1].split('" width=', 1)[0]) for frame in frames]


def is_closed(html: str) -> bool:
    """Its own policy forbids every request, and nothing in it asks another host."""
    return "Content-Security-Policy" in html and not _OUTSIDE.search(_LINKS.sub("", html))


def complaints(path: Path) -> list[dict[str, Any]]:
    return [o for o in outputs(path) if o["output_type"] == "error" or o.get("name") == "stderr"]


def is_committed_clean(path: Path) -> bool:
    return outputs(path) == [] and all(
        cell["execution_count"] is None for cell in cells(path, "code")
    )


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path, "code")]


def defines_anything(path: Path) -> bool:
    """A notebook only uses the packages: what it needs to define belongs there."""
    kinds = ast.FunctionDef | ast.ClassDef | ast.Lambda
    parsed = ast.parse("\n".join(sources(path)))
    return any(isinstance(node, kinds) for node in ast.walk(parsed))
