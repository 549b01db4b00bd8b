"""Which files there are, and how a list is cut so that a cheap phone can load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module

from kentongan.errors import DataError
from notify.tasks.export.sheet import Sheet, urgency
from notify.tasks.listing import task_list_csv

LARGEST = 2_000_000
"""Bytes of a file behind a link: minutes on 2G, and no more."""
MOST_TASKS = 500
"""Of a file behind a link; a coordinator of a large quake has some dozens."""


@dataclass(frozen=True)
class Format:
    """How a list is written."""

    name: str
    media_type: str
    module: str
    """Of `notify.tasks.export`; loaded when the first such file is asked for."""

    def write(self, sheet: Sheet) -> bytes:
        if self.name == "csv":
            lines = sorted(sheet.lines, key=urgency)
            return task_list_csv(lines, first_line=sheet.first_line).encode("utf-8-sig")
        module = import_module(f"notify.tasks.export.{self.module}")
        writer: Callable[[Sheet], bytes] = getattr(module, self.name)
        return writer(sheet)


FORMATS = {
    one.name: one
    for one in (
        Format("pdf", "application/pdf", "pdf"),
        Format("csv", "text/csv; charset=utf-8", ""),
        Format("geojson", "application/geo+json", "geojson"),
        Format("gpx", "application/gpx+xml", "xml_maps"),
        Format("kml", "application/vnd.google-earth.kml+xml", "xml_maps"),
    )
}


@dataclass(frozen=True)
class Made:
    name: str
    """`tugas.pdf`."""
    media_type: str
    data: bytes


def make(name: str, sheet: Sheet) -> Made:
    """
    Raises:
        DataError: no such format.
    """
    if name not in FORMATS:
        raise DataError(f"format {name!r}: expected one of {', '.join(FORMATS)}")
    kind = FORMATS[name]
    return Made(f"tugas.{name}", kind.media_type, kind.write(sheet))


def fitting(name: str, sheet: Sheet, *, largest: int = LARGEST) -> Made:
    """The file with as many of the most urgent tasks as fit; it says how many it leaves out.

    Raises:
        DataError: no such format, or one task alone is too large.
    """
    most = min(len(sheet.lines), MOST_TASKS)
    while True:
        kept = tuple(sorted(sheet.lines, key=urgency)[:most])
        cut = replace(sheet, lines=kept, left_out=sheet.left_out + len(sheet.lines) - most)
        made = make(name, cut)
        if len(made.data) <= largest:
            return made
        if most <= 1:
            raise DataError(f"{made.name}: expected at most {largest} bytes, found one task above")
        most //= 2
