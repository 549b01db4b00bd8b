"""Pictures of the faces that the tests took; where none were taken the page says so."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "screens"
UP = "../../build/screens"
"""From a page one folder below docs/."""
NONE = (
    "```{note}\nNo pictures here: they are taken by the test suite. Run the tests of "
    "`tests/faces`, then `make docs`.\n```"
)
SHOWN = (1280, 390, 3840)


def markdown(face: str = "") -> str:
    """The pictures of one face, or of all; the wall's size as a link."""
    found = sorted(FOLDER.glob(f"{face or '*'}-*.png")) if FOLDER.is_dir() else []
    named = [(path.stem.rpartition("-")[0], int(path.stem.rpartition("-")[2])) for path in found]
    groups = [(name, {w for _, w in g}) for name, g in groupby(named, key=lambda one: one[0])]
    return "\n\n".join(_group(name, widths) for name, widths in groups) or NONE


def _group(name: str, widths: set[int]) -> str:
    pictures = [
        f"![{name} at {width} px]({UP}/{name}-{width}.png){{width={_width(width)}}}"
        for width in SHOWN
        if width in widths
    ]
    return "\n".join((f"## {name}", "", *pictures))


def _width(pixels: int) -> str:
    return "25%" if pixels < 500 else "70%"
