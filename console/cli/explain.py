"""`kentongan explain`: where a number of a warning comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, now, open_settings, print_json, say


def explain(
    warning_id: Annotated[str, typer.Argument(help="As 'warning list' prints it.")],
    village: Annotated[
        str | None,
        typer.Option(help="Village code; default: the warned village with most people."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Draw the village and its cells to this SVG file.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Cells, people, sources and their ages, methods, rounding: one village of a warning."""
    from dataclasses import asdict

    from console.explanation import as_json, as_text, village_map
    from notify.reports.evidence import evidence
    from orchestration.context import open_context
    from orchestration.explaining import explain as take_apart

    with open_context(open_settings(), live=False, reading=True) as context:
        found = take_apart(context, warning_id, village)
        with context.engine.connect() as connection:
            said = evidence(connection, warning_id, now())
        if map_file is not None:
            map_file.write_text(village_map(found, context.layers), encoding="utf-8")
            say(f"map: {map_file}")
    if json:
        print_json({**as_json(found, now()), "reports": asdict(said)})
    else:
        print(as_text(found))
        print(said.line)
