"""`kentongan archive`: the raw bytes that everything was read from."""

from __future__ import annotations

import typer

from console.cli.common import AsJson, database, open_settings, print_json

group = typer.Typer(help="The archive of raw bytes.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Keeps `verify` a sub-command while it is the only one."""


@group.command()
def verify(json: AsJson = False) -> None:
    """Read every archived document; name each that was changed or is missing."""
    from console.archive_check import check_archive
    from kentongan.store import Store

    settings = open_settings()
    with database(settings) as engine:
        found = check_archive(engine, Store(str(settings.home.resolve() / "archive")))
    if json:
        print_json({"files": found.files, "changed": found.changed, "missing": found.missing})
    else:
        for path in found.changed:
            print(f"changed: {path}")
        for path in found.missing:
            print(f"missing: {path}")
        counts = f"{len(found.changed)} changed, {len(found.missing)} missing"
        print(f"{found.files} documents read, {counts}")
    raise typer.Exit(1 if found.changed or found.missing else 0)
