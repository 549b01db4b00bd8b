"""`kentongan feeds`: what each source is worth now, and how its documents have changed."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import AsJson, At, database, now, open_settings, print_json

group = typer.Typer(help="What each feed is worth: state, age, blind since.")


@group.callback(invoke_without_command=True)
def feeds(context: typer.Context, at: At = None, json: AsJson = False) -> None:
    """What each feed is worth: state, age, blind since."""
    if context.invoked_subcommand is not None:
        return
    from console.feed_table import feeds_document, feeds_report, overview

    settings, instant = open_settings(), at or now()
    with database(settings) as engine:
        seen = overview(engine, instant, settings)
    print_json(feeds_document(seen)) if json else print(feeds_report(seen))


@group.command()
def drift(
    days: Annotated[
        float, typer.Option(min=0, help="A known field missing for so long is reported.")
    ] = 2.0,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Fields that no reader knows, and known ones that no longer come."""
    from datetime import timedelta

    from console.feed_table import drift_document, drift_report
    from ingest.keep.census import drift as drifted
    from ingest.keep.census import fields_known

    instant = at or now()
    with database(open_settings()) as engine:
        found = drifted(engine, instant, gone_after=timedelta(days=days))
        known = fields_known(engine)
    print_json(drift_document(found, instant)) if json else print(drift_report(found, known))
