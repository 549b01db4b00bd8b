"""`kentongan audit`: the chain of what was decided, released and sent."""

from __future__ import annotations

import typer

from console.cli.common import AsJson, database, open_settings, print_json

group = typer.Typer(help="The audit chain.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Keeps `verify` a sub-command while it is the only one."""


@group.command()
def verify(json: AsJson = False) -> None:
    """Walk the hash chain; status 1 names the first row that does not fit."""
    from sqlalchemy import func, select

    from kentongan.audit import first_broken
    from kentongan.db import audit

    with database(open_settings()) as engine, engine.connect() as connection:
        rows = connection.execute(select(func.count()).select_from(audit)).scalar_one()
        broken = first_broken(connection)
    if json:
        print_json({"rows": rows, "first_broken": broken})
    elif broken is None:
        print(f"audit chain holds: {rows} rows")
    else:
        print(f"audit chain broken at row {broken} of {rows}: it was changed after it was written")
    raise typer.Exit(0 if broken is None else 1)
