"""`kentongan inbox`: what people sent us, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, acting, database, now, open_settings, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from notify.inbox.listing import Line

group = typer.Typer(help="Messages that people sent us; numbers are masked.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As 'list' prints it.")]


@group.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option("--state", help="new, done or failed; default: all.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most.")] = 50,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="As CSV, harmless in spreadsheets.")
    ] = False,
    json: AsJson = False,
) -> None:
    """The newest messages first: who, what, what became of it."""
    from dataclasses import asdict

    from kentongan.sealing import secrets_key
    from notify.inbox import listing

    if state is not None and state not in listing.STATES:
        raise typer.BadParameter(f"--state: expected one of {', '.join(listing.STATES)}")
    settings = open_settings()
    with database(settings) as engine, engine.connect() as connection:
        found = listing.listed(connection, secrets_key(settings), state=state, limit=limit)
        waiting = listing.counts(connection)
    if json:
        print_json({"counts": waiting, "inbox": [asdict(line) for line in found]})
    elif as_csv:
        print(listing.as_csv(found), end="")
    else:
        print(_table(found))
        print(", ".join(f"{name}: {number}" for name, number in waiting.items()))


@group.command()
def show(number: Number, json: AsJson = False) -> None:
    """One message, with its bytes as they came where they are something else."""
    from dataclasses import asdict

    from kentongan.sealing import secrets_key
    from notify.inbox import listing

    settings = open_settings()
    with database(settings) as engine, engine.connect() as connection:
        line, raw = listing.one(connection, secrets_key(settings), number)
    document = {**asdict(line), "as_it_came": raw}
    if json:
        print_json(document)
        return
    for name, value in document.items():
        print(f"{name:<12} {value if value not in (None, '') else '-'}")


@group.command()
def retry(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER…", help="As 'list' prints them.")],
    by: Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")],
) -> None:
    """Let the handlers read messages once more; none is answered twice."""
    from notify.inbox import listing

    with acting(open_settings()) as engine:
        for number in numbers:
            listing.retry(engine, number, at=now(), actor=by)
    print(f"to be read again: {', '.join(map(str, numbers))}")


def _table(found: Sequence[Line]) -> str:
    from console import words
    from console.columns import table
    from console.report import plain_time
    from kentongan.times import parse_instant

    if not found:
        return "Nothing in the inbox."
    head = ("number", "received", "route", "from", "state", "became", "answer", "text")
    rows = [
        (
            line.number,
            plain_time(parse_instant(line.received_at)),
            line.route,
            line.sender,
            f"{line.state}{' (flood)' if line.flood else ''}",
            f"{line.kind} {line.ref}".strip() or line.detail or "-",
            line.answer or "-",
            words.shortened(line.text, 60),
        )
        for line in found
    ]
    return table(head, rows, right=(0,))
