"""`kentongan drill-check`: can this drill reach the public? Each layer of the firewall alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, print_json

if TYPE_CHECKING:
    from console.drill_check import Verdict


def drill_check(
    file: Annotated[
        Path | None,
        typer.Argument(help="A document of BMKG's that is a drill; default: that of 27 May 2021."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Hold a drill against every layer of the firewall, each alone; status 1 if one lets it by."""
    from console.drill_check import read_file, verdicts
    from kentongan.settings import data_dir

    path = file or data_dir() / "drills" / "2021-05-27.json"
    drill = read_file(path)
    # The scratch home's own kill switch is thrown on purpose.
    logging.getLogger("notify.sending.dispatch").setLevel(logging.ERROR)
    *rows, control = verdicts(drill)
    broken = [row for row in rows if not row.stopped]
    if json:
        print_json(
            {
                "file": str(path),
                "layers": [vars(row) for row in rows],
                "control_reached_the_wire": not control.stopped,
            }
        )
    else:
        _show(path, rows, control)
    if broken or control.stopped:
        raise typer.Exit(1)


def _show(path: Path, rows: list[Verdict], control: Verdict) -> None:
    from console.columns import table

    print(f"{path.name}: every layer alone, all others made to fail\n")
    head = ("layer", "with", "", "what it said")
    print(table(head, [_cells(row) for row in rows]))
    stopped = sum(row.stopped for row in rows)
    print(f"\n{stopped} of {len(rows)} layers stop it alone")
    said = control.said
    print(f"control, with every layer and every table lying: {said} (a scratch one)")


def _cells(row: Verdict) -> tuple[str, ...]:
    said = row.said.split(";")[0]
    word = "stopped" if row.stopped else "LET BY"
    return row.layer, row.alone, word, said[:70]
