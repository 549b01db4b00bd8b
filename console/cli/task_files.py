"""`kentongan tasks files`: a warning's tasks as files for paper, tables, receivers and maps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from notify.tasks.listing import TaskLine

ALL = "pdf,csv,geojson,gpx,kml"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def add_to(group: typer.Typer) -> None:
    group.command()(files)


def files(
    warning: Annotated[str, typer.Argument(metavar="WARNING", help="Its tasks, open or over.")],
    coordinator: Annotated[str, typer.Option(metavar="ID", help="Of this coordinator only.")] = "",
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Made where it is missing.")
    ] = Path(),
    format_: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Some of these, by commas.")
    ] = ALL,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Write a warning's tasks as PDF, CSV, GeoJSON, GPX and KML; what is unmet comes first.

    Files of the same name are replaced. The same tasks at the same TIME give the same bytes.
    """
    from console.task_sheet import sheet_of
    from notify.tasks.export import make

    kinds = _kinds(format_)
    instant = at or now()
    lines = _lines(warning, coordinator)
    title = f"Tugas Tagana {warning}" + (f", {coordinator}" if coordinator else "")
    sheet = sheet_of(title, lines, instant)
    out.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, int]] = []
    for kind in kinds:
        made = make(kind, sheet)
        path = out / f"{_name(warning, coordinator)}.{kind}"
        path.write_bytes(made.data)
        written.append((path, len(made.data)))
    if json:
        _print_json(warning, lines, written, instant)
        return
    print(sheet.first_line)
    for path, size in written:
        print(f"  {path}  {size:,} bytes")


def _print_json(
    warning: str, lines: list[TaskLine], written: list[tuple[Path, int]], at: datetime
) -> None:
    from kentongan.times import iso

    print_json({
        "warning_id": warning, "at": iso(at), "tasks": len(lines),
        "unmet_people": sum(line.unmet_people for line in lines),
        "files": [{"path": str(path), "bytes": size} for path, size in written],
    })  # fmt: skip


def _kinds(text: str) -> list[str]:
    from kentongan.errors import DataError
    from notify.tasks.export import FORMATS

    kinds = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    wrong = [kind for kind in kinds if kind not in FORMATS]
    if wrong or not kinds:
        raise DataError(f"--format {text!r}: expected some of {', '.join(FORMATS)}, by commas")
    return kinds


def _lines(warning: str, coordinator: str) -> list[TaskLine]:
    """
    Raises:
        DataError: there are none.
    """
    from kentongan.errors import DataError
    from notify.tasks.listing import task_lines
    from orchestration.context import open_context

    with open_context(open_settings(), live=False, reading=True) as context:
        every = task_lines(context.engine, warning, context.layers.villages)
    found = [line for line in every if coordinator in ("", line.coordinator_id)]
    if not found:
        whose = f" of coordinator {coordinator}" if coordinator else ""
        raise DataError(
            f"warning {warning}: expected tasks{whose}, found none; see: kentongan tasks list"
        )
    return found


def _name(warning: str, coordinator: str) -> str:
    """Of the files: nothing in an id leads out of the folder."""
    parts = ["tugas", warning, coordinator]
    return "-".join(_UNSAFE.sub("_", part).strip(".") for part in parts if part)[:150]
