"""`kentongan quakes`: each quake once, what was said of it over time, and what we made of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, database, now, open_settings, print_json, say

if TYPE_CHECKING:
    from datetime import datetime

    from processing.quakes import QuakeGroup


def quakes(
    event: Annotated[
        str | None, typer.Argument(help="A quake's key: show all that is known of it.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=40_000, help="How far to look back.")] = 30,
    fault: Annotated[
        Path | None,
        typer.Option(help="GeoJSON of EVENT's rupture: the next cycle computes with it."),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Your name, for the audit; with --fault.")] = "",
    at: At = None,
    json: AsJson = False,
) -> None:
    """Quakes over all feeds, each once; with EVENT its solutions, versions and people by MMI."""
    instant, since = at or now(), timedelta(days=days)
    if fault is not None:
        _give_fault(event, fault, by, instant, since)
    if event is None:
        _list(instant, since, days, as_json=json)
    else:
        _one(event, instant, since, as_json=json)


def _give_fault(event: str | None, path: Path, by: str, at: datetime, since: timedelta) -> None:
    from kentongan.errors import DataError
    from orchestration import faults
    from orchestration.context import open_context
    from orchestration.quakes import quake

    if event is None or not by.strip():
        raise typer.BadParameter("--fault needs EVENT and --by NAME")
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise DataError(f"fault {path}: expected a file, {error.strerror}") from error
    with open_context(open_settings(), live=False, reading=True) as context:
        group = quake(context.engine, at, event, since=since)
        given = faults.give(context, group, payload, actor=by.strip(), at=at)
    say(f"fault {given.fault.sha256[:8]} taken for {group.event_key}; the next cycle uses it")


def _list(at: datetime, since: timedelta, days: int, *, as_json: bool) -> None:
    from console import quake_report
    from orchestration import quakes as found

    with database(open_settings()) as engine:
        groups = found.quakes(engine, at, since=since)
    if as_json:
        print_json({"quakes": [quake_report.as_json(group) for group in groups]})
    else:
        _print_list(groups, days)


def _one(event: str, at: datetime, since: timedelta, *, as_json: bool) -> None:
    from console import quake_report
    from kentongan.store import Store
    from orchestration.event_versions import versions_of
    from orchestration.quakes import quake
    from orchestration.shaking import read_people

    settings = open_settings()
    with database(settings) as engine:
        group = quake(engine, at, event, since=since)
        versions = versions_of(engine, f"shaking-{group.event_key}")
    people: dict[str, Any] | None = None
    if versions:
        folder = versions[-1].impact_path.rpartition("/")[0]
        people = read_people(Store(str(settings.home.resolve())), folder)
    if as_json:
        one = quake_report.as_json(group)
        told = quake_report.versions_as_json(versions)
        print_json({"quakes": [{**one, "versions": told, "people_by_mmi": people}]})
        return
    print(quake_report.history_text(group))
    print(f"\n{quake_report.versions_text(versions)}")
    if versions:
        print(f"\n{quake_report.people_text(people)}")
        print(f"\nwhat follows from it: kentongan losses {group.event_key}")


def _print_list(groups: list[QuakeGroup], days: int) -> None:
    from console.columns import table
    from console.quake_report import figure

    if not groups:
        print(
            f"no quake is on record for the last {days} days; see: kentongan feeds. Of a played "
            "scenario, or older: --days or --at"
        )
        return
    rows = [
        (
            group.event_key,
            figure(group.best.quake.magnitude),
            figure(group.best.quake.depth_km),
            len(group.history),
            len({one.source_id for one in group.history}),
            str(group.status),
            group.best.quake.place,
        )
        for group in groups
    ]
    head = ("event", "M", "depth km", "solutions", "feeds", "status", "place")
    print(table(head, rows, right=(1, 2, 3, 4)))
