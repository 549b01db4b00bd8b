"""`kentongan archive`: the raw bytes that everything was read from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, database, now, open_settings, parse_at, print_json, say

if TYPE_CHECKING:
    from ingest.keep.archive_check import Names
    from ingest.keep.archive_index import ListedDocument
    from kentongan.settings import Settings
    from kentongan.store import Store

group = typer.Typer(help="The archive of raw bytes.", no_args_is_help=True)

Since = Annotated[
    datetime | None,
    typer.Option(parser=parse_at, metavar="TIME", help="Received at or after, with zone."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=parse_at, metavar="TIME", help="Received at or before, with zone."),
]


def _store(settings: Settings) -> Store:
    from kentongan.store import Store

    return Store(str(settings.home.resolve() / "archive"))


@group.command("list")
def list_documents(
    source: Annotated[str, typer.Option(help="Id of one source; default: all.")] = "",
    since: Since = None,
    until: Until = None,
    json: AsJson = False,
) -> None:
    """What was received, oldest first: one line for each document."""
    from ingest.keep.archive_index import listed
    from ingest.registry import SOURCES

    if source and source not in SOURCES:
        raise typer.BadParameter(f"--source {source}: expected one of {', '.join(SOURCES)}")
    settings = open_settings()
    with database(settings) as engine:
        found = listed(engine, source_id=source, since=since, until=until)
        if json:
            print_json({"documents": [document.to_json() for document in found]})
            return
        count = size = 0
        for document in found:
            _print_line(document)
            count, size = count + 1, size + document.bytes
        say(f"Documents: {count}, {_megabytes(size)}")


def _print_line(document: ListedDocument) -> None:
    state = f" thinned {document.thinned_at}" if document.thinned_at else ""
    print(
        f"{document.first}  {document.source_id:18} {document.sha256[:16]}  {document.bytes:>9}  "
        f"{document.outcome:11} x{document.seen:<5} {document.url}{state}"
    )


@group.command()
def show(
    sha256: Annotated[str, typer.Argument(help="The document, or its first 8 digits or more.")],
    meta: Annotated[bool, typer.Option("--meta", help="How it came, as JSON, not it.")] = False,
) -> None:
    """One document's bytes, as received, on standard output."""
    from ingest.keep.archive_index import receptions
    from ingest.keep.archiving import in_archive
    from kentongan.errors import DataError

    settings = open_settings()
    with database(settings) as engine:
        rows = receptions(engine, sha256)
        if meta:
            print_json({"sha256": rows[0]["sha256"], "receptions": rows})
            return
        with engine.connect() as connection:
            source_id, digest = rows[0]["source_id"], rows[0]["sha256"]
            try:
                body = in_archive(connection, _store(settings), source_id, digest)
            except FileNotFoundError as error:
                raise DataError(
                    f"archive {source_id} {digest[:12]}: the file is missing; run: kentongan "
                    "archive verify"
                ) from error
    sys.stdout.buffer.write(body)


@group.command()
def verify(json: AsJson = False) -> None:
    """Read every archived document; name each that was changed, is missing or is not ours."""
    from ingest.keep.archive_check import check_archive, documents_kept

    settings = open_settings()
    with database(settings) as engine, _bar("read", lambda: documents_kept(engine)) as progress:
        found = check_archive(engine, _store(settings), progress=progress)
    kinds = {
        "changed": found.changed,
        "missing": found.missing,
        "foreign": found.foreign,
        "unlogged": found.unlogged,
    }
    numbers = {"files": found.files, "bytes": found.size, "thinned": found.thinned}
    numbers["unfinished"] = found.unfinished
    if json:
        counts = {name: names.count for name, names in kinds.items()}
        lists = {name: names.first for name, names in kinds.items()}
        print_json({**numbers, **lists, "counts": counts, "holds": found.holds})
    else:
        _print_kinds(kinds)
        counts_text = ", ".join(f"{names.count} {name}" for name, names in kinds.items())
        print(
            f"{found.files} documents read, {counts_text} ({_megabytes(found.size)}; "
            f"{found.thinned} thinned by policy, {found.unfinished} unfinished)"
        )
    raise typer.Exit(0 if found.holds else 1)


def _print_kinds(kinds: dict[str, Names]) -> None:
    for name, names in kinds.items():
        for path in names.first:
            print(f"{name}: {path}")
        if names.count > len(names.first):
            print(f"{name}: and {names.count - len(names.first)} more")


@group.command()
def thin(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, delete nothing.")] = False,
    actor: Annotated[str, typer.Option(help="Who stands in the audit chain.")] = "archive thin",
    policy: Annotated[
        Path | None, typer.Option(help="Policy file; default: data/policy/retention.toml.")
    ] = None,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Delete bytes that the retention policy gives up, and rows of the log that say nothing new."""
    from ingest.keep.thinning import Thinning, sweep
    from ingest.keep.thinning import thin as carry_out
    from ingest.keep.thinning_rows import thin_rows
    from ingest.registry import SOURCES
    from kentongan.retention import load_retention
    from kentongan.settings import data_dir

    settings, when = open_settings(), at or now()
    if when > now() and not dry_run:
        raise typer.BadParameter("--at: a time to come deletes what is not old yet; use --dry-run")
    rules = load_retention(policy or data_dir() / "policy" / "retention.toml")
    with database(settings) as engine, _bar("deleted") as progress:
        run = Thinning(engine, _store(settings), rules, when, actor)
        done = carry_out(
            run,
            known_sources=tuple(SOURCES),
            dry_run=dry_run,
            progress=lambda _source, count: progress(count),
        )
        rows = thin_rows(engine, rules, when, actor, dry_run=dry_run)
        swept = 0 if dry_run else sweep(engine, run.store, at=when)
    total = {
        "documents": sum(t.documents for t in done),
        "bytes": sum(t.size for t in done),
        "rows": rows.total,
    }
    if json:
        per_source = {t.source_id: {"documents": t.documents, "bytes": t.size} for t in done}
        print_json({"dry_run": dry_run, **total, "leftovers": swept, "sources": per_source})
        return
    for one in done:
        print(f"{one.source_id:20} {one.documents:>9} {_megabytes(one.size):>12}")
    word = "would be deleted" if dry_run else "deleted"
    print(
        f"Documents {word}: {total['documents']}, {_megabytes(total['bytes'])}; "
        f"rows of the log: {total['rows']}; leftovers: {swept}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


@contextmanager
def _bar(word: str, total: Callable[[], int | None] = lambda: None) -> Iterator[Any]:
    """A function that is told a count: a bar on a terminal, silent anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _count: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(word, total=total())
        yield lambda count: bar.update(task, completed=count)
