"""`kentongan warning`: what is in force, and everything about one warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import by_hand
from console.cli.common import AsJson, At, database, now, open_settings, print_json

if TYPE_CHECKING:
    from kentongan.view import WarningLine

group = typer.Typer(help="Warnings and their life.", no_args_is_help=True)
group.command()(by_hand.approve)
group.command()(by_hand.cancel)
group.command()(by_hand.allclear)


@group.command("list")
def list_(at: At = None, json: AsJson = False) -> None:
    """Warnings in force and drafts, the most urgent first."""
    from console.columns import table
    from console.warning_lines import jsonable, open_warnings
    from kentongan.times import iso

    instant = at or now()
    with database(open_settings()) as engine:
        lines = open_warnings(engine)
    if json:
        print_json({"at": iso(instant), "warnings": [jsonable(line) for line in lines]})
    elif not lines:
        print("no warning is open; this is not an all-clear (see: kentongan feeds)")
    else:
        head = ("level", "hazard", "state", "until", "villages", "people", "uncovered", "warning")
        print(table(head, [_cells(line) for line in lines], right=(4, 5, 6)))


def _cells(line: WarningLine) -> tuple[str, ...]:
    from console import words
    from console.report import plain_time

    return (
        words.level_word(line.level),
        line.hazard_id,
        line.state,
        plain_time(line.expires),
        words.number(line.villages),
        words.number(line.exposed),
        words.number(line.uncovered),
        line.warning_id,
    )


@group.command()
def show(
    warning_id: Annotated[str, typer.Argument(help="As 'warning list' prints it.")],
    json: AsJson = False,
) -> None:
    """All versions of one warning, with their states and texts."""
    from console.warning_lines import history

    with database(open_settings()) as engine:
        document = history(engine, warning_id)
    if json:
        print_json(document)
        return
    for version in document["versions"]:
        body = version["body"]
        print(f"{warning_id} version {version['version']}: {body['title']}")
        print(f"  {body['action']}, level {body['level']}, {body['status']}: {body['reason']}")
        for state in version["states"]:
            print(f"  {state['at']} {state['state']} by {state['actor']}")
        for area in body["groups"]:
            print(f"  {area['adm2_name']}, level {area['level']}, {len(area['codes'])} villages")
            print(f"    {area['sms']}")
        print(f"  content {version['content_hash']}")
        print(f"  CAP {version['cap']}" if version["cap"] else "  no CAP document yet")
