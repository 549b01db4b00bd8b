"""`kentongan cap`: judge anybody's CAP documents, make and check signatures, publish feeds."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import AsJson, At, print_json

group = typer.Typer(help="CAP 1.2 documents.", no_args_is_help=True)

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE…", help="Files, folders (their CAP documents), or - for stdin."),
]


@group.command()
def check(
    files: Files,
    thread: Annotated[
        bool, typer.Option("--thread", help="Also judge how the documents refer to each other.")
    ] = False,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Judge documents by the schema and the rules of CAP 1.2 (`kentongan cap rules`).

    Status 0: all are valid; 1: some has an error; 2: some could not be read.
    """
    from console.cap_judging import as_document, judge, report

    judged = judge(files, thread=thread, at=at)
    if json:
        print_json(as_document(judged))
    else:
        print(report(judged))
    raise typer.Exit(judged.status)


@group.command()
def rules(json: AsJson = False) -> None:
    """Every rule by its id, with its source."""
    from dataclasses import asdict

    from console.columns import table
    from notify.cap.rules import RULES

    if json:
        print_json({"rules": [asdict(rule) for rule in RULES.values()]})
        return
    words = {"error": "error", "warning": "advice"}
    lines = [(rule.id, words[rule.severity], rule.source, rule.says) for rule in RULES.values()]
    print(table(("rule", "weight", "source", "what it asks"), lines))
