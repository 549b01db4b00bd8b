"""`data/catalog.toml` names origin, licence and checksum of everything that is bundled."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "data" / "catalog.toml"
OWN_SETTINGS = ("data/catalog.toml", "data/policy/")
"""Our own decisions, not facts from elsewhere."""


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(CATALOG.read_text(encoding="utf-8"))["entry"]
    return found


def files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def digest(path: Path) -> str:
    """Of a file its sha256; of a folder that of the lines `<sha256>  <name>`, by name."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [f"{digest(p)}  {p.relative_to(path).as_posix()}\n" for p in files(path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("entry", entries(), ids=lambda e: e["path"])
def test_an_entry_is_true(entry: dict[str, Any]) -> None:
    found = digest(ROOT / entry["path"])
    assert found == entry["sha256"], f"{entry['path']}: put {found} into data/catalog.toml"
    assert entry["licence"]
    assert all(origin["title"] and origin["licence"] for origin in entry["origin"])


def test_nothing_is_bundled_that_the_catalogue_does_not_name() -> None:
    named = [ROOT / entry["path"] for entry in entries()]
    # A layer set is listed by its manifest, which holds the sha256 of each of its files.
    named += [path.parent for path in named if path.name == "manifest.json"]
    left = [
        str(p.relative_to(ROOT))
        for p in files(ROOT / "data")
        if not any(p == n or n in p.parents for n in named)
        and not str(p.relative_to(ROOT)).startswith(OWN_SETTINGS)
    ]
    assert left == []
