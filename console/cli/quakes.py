"""`kentongan quakes`: each quake once, and what was said of it over time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, database, now, open_settings, print_json

if TYPE_CHECKING:
    from processing.quake_history import Statement
    from processing.quakes import QuakeGroup

_HEAD = ("said", "received", "feed", "what", "origin (UTC)", "M", "depth", "latitude", "longitude")


def quakes(
    event: Annotated[
        str | None, typer.Argument(help="A quake's key: show every solution of it.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=40_000, help="How far to look back.")] = 30,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Quakes over all feeds, each once; with EVENT the history of its solutions."""
    from orchestration import quakes as found

    instant, since = at or now(), timedelta(days=days)
    with database(open_settings()) as engine:
        if event is None:
            groups = found.quakes(engine, instant, since=since)
        else:
            groups = [found.quake(engine, instant, event, since=since)]
    if json:
        print_json({"quakes": [_as_json(group) for group in groups]})
    elif event is None:
        _print_list(groups, days)
    else:
        _print_history(groups[0])


def _as_json(group: QuakeGroup) -> dict[str, Any]:
    from console.report import stamped

    return {
        "event_key": group.event_key,
        "status": str(group.status),
        "place": group.best.quake.place,
        "history": [
            {
                **asdict(one),
                "issued": stamped(one.issued),
                "received": stamped(one.received),
                "origin_time": stamped(one.origin_time),
            }
            for one in group.history
        ],
    }


def _print_list(groups: list[QuakeGroup], days: int) -> None:
    from console.columns import table

    if not groups:
        print(f"no quake is on record for {days} days; see: kentongan feeds")
        return
    rows = [
        (
            group.event_key,
            _figure(group.best.quake.magnitude),
            _figure(group.best.quake.depth_km),
            len(group.history),
            len({one.source_id for one in group.history}),
            str(group.status),
            group.best.quake.place,
        )
        for group in groups
    ]
    head = ("event", "M", "depth km", "solutions", "feeds", "status", "place")
    print(table(head, rows, right=(1, 2, 3, 4)))


def _print_history(group: QuakeGroup) -> None:
    from console.columns import table

    print(f"{group.event_key} ({group.status}): {group.best.quake.place}")
    print(table(_HEAD, [_cells(one) for one in group.history], right=(5, 6, 7, 8)))


def _cells(one: Statement) -> tuple[str, ...]:
    from console.report import plain_time

    return (
        plain_time(one.issued) if one.issued else "-",
        plain_time(one.received) if one.received else "-",
        one.source_id,
        one.label or one.kind,
        f"{one.origin_time:%Y-%m-%d %H:%M:%S}",
        _figure(one.magnitude),
        _figure(one.depth_km),
        f"{one.latitude:.2f}",
        f"{one.longitude:.2f}",
    )


def _figure(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
