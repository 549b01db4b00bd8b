"""Homes of exercises beside ours: scenarios that were played, nights that were simulated."""

from __future__ import annotations

import csv
import sqlite3
from dataclasses import dataclass
from pathlib import Path

MOST = 50
ROWS = 60
_CELLS, _CHARS = 16, 40
_KINDS = (("scenarios", "skenario"), ("simulations", "malam simulasi"))


@dataclass(frozen=True)
class Home:
    name: str
    kind: str
    path: Path
    cycles: int | None
    """None: its database cannot be read."""
    first: str
    last: str
    warnings: int
    hours: bool
    """Whether a table of its hours was kept."""


def homes(home: Path) -> list[Home]:
    """By kind and name."""
    found = []
    for folder, kind in _KINDS:
        place = home / folder
        paths = sorted(place.iterdir())[:MOST] if place.is_dir() else []
        found += [_home(path, kind) for path in paths if path.is_dir() and not path.is_symlink()]
    return found


def _home(path: Path, kind: str) -> Home:
    cycles, first, last, count = _counts(path / "kentongan.sqlite")
    hours = (path / "night.csv").is_file()
    return Home(path.name, kind, path, cycles, first, last, count, hours)


def _counts(database: Path) -> tuple[int | None, str, str, int]:
    if not database.is_file():
        return None, "", "", 0
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)
    except sqlite3.Error:
        return None, "", "", 0
    try:
        cycles, first, last = connection.execute(
            "SELECT count(*), min(at), max(at) FROM cycles"
        ).fetchone()
        count = connection.execute("SELECT count(DISTINCT warning_id) FROM warnings").fetchone()[0]
    except sqlite3.Error:
        return None, "", "", 0
    finally:
        connection.close()
    return int(cycles), first or "", last or "", int(count)


def night_table(one: Home) -> list[list[str]]:
    """Head and hours of a simulated night; empty where the file cannot be read."""
    try:
        with (one.path / "night.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row, _ in zip(csv.reader(file), range(ROWS), strict=False)]
    except (OSError, ValueError, csv.Error):
        return []
    return [[cell[:_CHARS] for cell in row[:_CELLS]] for row in rows]
