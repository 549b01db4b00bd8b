"""`kentongan quarantine`: what could not be read, and reading it again after a fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, database, now, open_settings, print_json

if TYPE_CHECKING:
    from ingest.keep.quarantine import Refused
    from ingest.keep.retry import Retried

group = typer.Typer(help="Documents and items that could not be read.", no_args_is_help=True)

Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER…", help="As 'list' prints them.")]
By = Annotated[str, typer.Option("--by", help="Your name, as it shall stand in the audit.")]
EveryState = Annotated[bool, typer.Option("--all", help="Resolved and dismissed ones as well.")]


@group.command("list")
def list_(
    every: EveryState = False,
    source: Annotated[str | None, typer.Option(metavar="ID", help="Of this source only.")] = None,
    json: AsJson = False,
) -> None:
    """What waits for a person: source, how often, since when, why."""
    from ingest.keep.quarantine import OPEN, listed

    with database(open_settings()) as engine, engine.connect() as connection:
        found = listed(connection, state=None if every else OPEN)
    found = [entry for entry in found if source in (None, entry.source_id)]
    if json:
        print_json({"quarantine": [_row(entry) for entry in found]})
    else:
        print(_table(found))


@group.command()
def show(number: int, json: AsJson = False) -> None:
    """One entry with its reason and a sample."""
    from ingest.keep.quarantine import refused

    with database(open_settings()) as engine, engine.connect() as connection:
        entry = refused(connection, number)
    if json:
        print_json(_row(entry))
        return
    for name, value in _row(entry).items():
        print(f"{name:<12} {value if value not in (None, '') else '-'}")


@group.command()
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="NUMBER…", help="As 'list' prints them.")
    ] = None,
    by: By = ...,  # type: ignore[assignment]
    every: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    json: AsJson = False,
) -> None:
    """Read the archived bytes again with today's readers; 1: something is still refused."""
    from ingest.keep.quarantine import listed, refused
    from ingest.keep.retry import retry as read_again
    from orchestration.context import open_ingest

    if bool(numbers) == every:
        raise typer.BadParameter("name entries by their number, or give --all")
    with open_ingest(open_settings()) as context:
        with context.engine.connect() as connection:
            entries = (
                listed(connection) if every else [refused(connection, n) for n in numbers or ()]
            )
        done = [read_again(context, entry, at=now(), by=by) for entry in entries]
    if json:
        print_json({"retried": [_told(one) for one in done]})
    else:
        print("\n".join(_line(one) for one in done) or "Nothing waits in quarantine.")
    raise typer.Exit(1 if any(one.state == "open" for one in done) else 0)


@group.command()
def dismiss(
    numbers: Numbers,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line.")],
    json: AsJson = False,
) -> None:
    """Close entries without reading them again; the bytes stay in the archive."""
    from ingest.keep.quarantine import refused
    from ingest.keep.retry import dismiss as close
    from orchestration.context import open_ingest

    with open_ingest(open_settings()) as context:
        with context.engine.connect() as connection:
            entries = [refused(connection, number) for number in numbers]
        for entry in entries:
            close(context, entry, at=now(), by=by, reason=reason)
    if json:
        print_json({"dismissed": [entry.quarantine_id for entry in entries]})
    else:
        print(f"dismissed: {', '.join(str(entry.quarantine_id) for entry in entries)}")


def _row(entry: Refused) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(entry)


def _told(one: Retried) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)


def _line(one: Retried) -> str:
    what = f"{one.quarantine_id} {one.source_id} {one.item or '(document)'}"
    counts = f"{one.documents} documents read again, {one.new_records} new records"
    return f"{what}: {one.state}; {counts}" + (f"; {one.detail}" if one.state == "open" else "")


def _table(found: Sequence[Refused]) -> str:
    from console import words
    from console.columns import table
    from console.report import plain_time
    from kentongan.times import parse_instant

    if not found:
        return "Nothing waits in quarantine."
    head = ("number", "source", "item", "state", "documents", "first", "last", "why")
    rows = [
        (
            entry.quarantine_id,
            entry.source_id,
            words.shortened(entry.item or f"(document) {entry.url.rpartition('/')[2]}", 40),
            entry.state,
            entry.seen,
            plain_time(parse_instant(entry.first_at)),
            plain_time(parse_instant(entry.last_at)),
            words.shortened(entry.reason, 70),
        )
        for entry in found
    ]
    return table(head, rows, right=(0, 4))
