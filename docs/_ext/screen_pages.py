"""Pictures of the faces that the tests took; where none were taken the page says so."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
FROM = ROOT / "docs" / "how-to"
"""Where the pages stand that show them."""
NONE = (
    "```{note}\nNo pictures here: they are taken by the test suite. Run the tests of "
    "`tests/faces`, then `make docs`.\n```"
)
WALL = 1500
"""Pixels: wider pictures are linked, not shown."""


def folder() -> Path:
    """build/screens, or what `SCREENS_FOLDER` names."""
    return Path(os.environ.get("SCREENS_FOLDER", ROOT / "build" / "screens"))


def markdown(face: str = "") -> str:
    """The pictures of one face, or of all; those of a wall's size as links."""
    found = sorted(path.stem.rpartition("-") for path in folder().glob(f"{face or '*'}-*.png"))
    named = [(name, int(width)) for name, _, width in found if width.isdigit()]
    groups = groupby(sorted(named), key=lambda one: one[0])
    shown = [_group(name, [w for _, w in widths]) for name, widths in groups]
    return "\n\n".join([_taken(), *shown]) if shown else NONE


def _taken() -> str:
    """When: old pictures are seen to be old."""
    times = [path.stat().st_mtime for path in folder().glob("*.png")]
    first, last = (datetime.fromtimestamp(t, UTC) for t in (min(times), max(times)))
    return f"Taken from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC."


def one(what: str) -> str:
    """One picture: `NAME WIDTH WORDS`; where it was not taken, the words say what it would show."""
    name, width, words = what.split(" ", 2)
    file = folder() / f"{name}-{width}.png"
    if not file.is_file():
        return f"*({words})*"
    place = os.path.relpath(file, FROM)
    return f"![{words}]({place}){{width={_width(int(width))}}}"


def _group(name: str, widths: list[int]) -> str:
    place = os.path.relpath(folder(), FROM)
    shown = [
        f"![{name}, {w} px]({place}/{name}-{w}.png){{width={_width(w)} loading=lazy}}"
        for w in sorted(widths, reverse=True)
        if w <= WALL
    ]
    linked = [f"{{download}}`{w} px <{place}/{name}-{w}.png>`" for w in widths if w > WALL]
    return "\n".join((f"## {name}", "", *shown, "", *linked))


def _width(pixels: int) -> str:
    return "24%" if pixels < 500 else "72%"
