"""`kentongan warning`: what is in force, and everything about one warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli import by_hand
from console.cli.common import AsJson, At, database, now, open_settings, print_json
from console.cli.reach import reach

if TYPE_CHECKING:
    from datetime import datetime

    from kentongan.view import WarningLine
    from notify.release.waiting import Waiting

group = typer.Typer(help="Warnings and their life.", no_args_is_help=True)
group.command()(by_hand.approve)
group.command()(by_hand.cancel)
group.command()(by_hand.allclear)
group.command("break-glass")(by_hand.break_glass)
group.command()(by_hand.review)
group.command()(reach)


@group.command()
def lint(json: AsJson = False) -> None:
    """Prove that every text of every language fits every area, and says what it must."""
    from notify.wording.verdict import judge

    verdict = judge(open_settings().layers)
    if json:
        print_json(verdict.as_json())
    else:
        for finding in (*verdict.findings, *verdict.drafts):
            typer.echo(finding)
        typer.echo(verdict.summary)
    if not verdict.clean:
        raise typer.Exit(1)


@group.command("list")
def list_(at: At = None, json: AsJson = False) -> None:
    """Warnings in force and drafts, the most urgent first; then what waits for people."""
    from console.columns import table
    from console.warning_lines import jsonable, open_warnings
    from kentongan.times import iso
    from notify.release.waiting import waiting
    from orchestration.by_hand import reading_desk

    instant, settings = at or now(), open_settings()
    with database(settings) as engine:
        lines = open_warnings(engine)
        with engine.connect() as connection:
            drafts = waiting(connection, reading_desk(settings), instant)
    if json:
        print_json(
            {
                "at": iso(instant),
                "warnings": [jsonable(line) for line in lines],
                "waiting": [jsonable(line) for line in drafts],
            }
        )
        return
    if lines:
        print(table(_HEAD, [_cells(line, instant) for line in lines], right=(4, 5, 6, 7)))
    else:
        print("no warning is open; this is not an all-clear (see: kentongan feeds)")
    if drafts:
        print("\nwaits for people:")
        print(table(_WAITING, [_waiting_cells(line, instant) for line in drafts], right=(3,)))


_HEAD = ("level", "hazard", "state", "until", "age", "villages", "people", "uncovered", "warning")
_WAITING = ("level", "hazard", "what", "age", "until", "warning", "waits for")


def _waiting_cells(line: Waiting, at: datetime) -> tuple[str, ...]:
    from console import words
    from console.report import plain_age, plain_time

    held = f" (held back: {line.held})" if line.held else ""
    return (
        words.level_word(line.level),
        line.hazard_id,
        line.what,
        plain_age(line.since, at),
        plain_time(line.until),
        f"{line.warning_id} v{line.version}",
        line.waits_for + held,
    )


def _cells(line: WarningLine, at: datetime) -> tuple[str, ...]:
    from console import words
    from console.report import plain_age, plain_time

    return (
        words.level_word(line.level),
        line.hazard_id,
        line.state,
        plain_time(line.expires),
        plain_age(line.sent, at) if line.sent else "-",
        words.number(line.villages),
        words.number(line.exposed),
        words.number(line.uncovered),
        line.warning_id,
    )


@group.command()
def show(
    warning_id: Annotated[str, typer.Argument(help="As 'warning list' prints it.")],
    at: At = None,
    json: AsJson = False,
) -> None:
    """All versions of one warning, and what a person must know before they approve the newest."""
    from console.cli.sop import load
    from console.dispatch_plan import routes_of
    from console.dossier import dossier, dossier_lines
    from console.warning_lines import history
    from orchestration.by_hand import reading_desk

    settings = open_settings()
    with database(settings) as engine:
        document = history(engine, warning_id)
    desk, sop = reading_desk(settings), load(settings)
    with database(settings) as engine, engine.connect() as connection:
        document["newest"] = dossier(
            connection, desk, sop, warning_id, at or now(), routes=routes_of(settings.routes)
        )
    if json:
        print_json(document)
        return
    for version in document["versions"]:
        print("\n".join(_version_lines(warning_id, version)))
    print("\n".join(dossier_lines(document["newest"], warning_id)))


def _version_lines(warning_id: str, version: dict[str, Any]) -> list[str]:
    body = version["body"]
    return [
        f"{warning_id} version {version['version']}: {body['title']}",
        f"  {body['action']}, level {body['level']}, {body['status']}: {body['reason']}",
        *(f"  {s['at']} {s['state']} by {s['actor']}" for s in version["states"]),
        f"  CAP {version['cap']}" if version["cap"] else "  no CAP document yet",
    ]


@group.command()
def thread(
    warning_id: Annotated[str, typer.Argument(help="As 'warning list' prints it.")],
    xml: Annotated[bool, typer.Option("--xml", help="With the CAP documents in full.")] = False,
    json: AsJson = False,
) -> None:
    """The whole CAP thread of a warning, from the first alert to its end, with its SMS texts."""
    from console.cap_thread import as_document, report
    from console.cap_thread import thread as of_warning
    from kentongan.store import Store

    settings = open_settings()
    with database(settings) as engine:
        links = of_warning(engine, Store(str(settings.home.resolve())), warning_id)
    if json:
        print_json({"warning_id": warning_id, "alerts": as_document(links)})
    else:
        print(report(links, xml=xml))
