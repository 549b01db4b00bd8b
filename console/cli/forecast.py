"""`kentongan forecast`: what is known of the weather to come, and what is asked for next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json, say

if TYPE_CHECKING:
    from ingest.forecast_plan.coverage import Coverage
    from orchestration.context import CycleContext

group = typer.Typer(
    help="Village forecast: how much is known, how old it is, what is asked next.",
    no_args_is_help=True,
)

_SHOWN = 40
"""Requests of a plan in the table; `--json` has all."""


@contextmanager
def _reading(at: datetime) -> Iterator[CycleContext]:
    from orchestration.context import open_context

    with open_context(open_settings(), live=False, reading=True) as context:
        say(f"Layer set {context.layers.version}, as of {at.isoformat()}")
        yield context


@group.command()
def show(
    villages: Annotated[list[str], typer.Argument(help="Villages, by their codes.")],
    at: At = None,
    json: AsJson = False,
) -> None:
    """Three days of a village: our nowcast of the first hours, then BMKG's forecast and its age."""
    from console.village_outlook import as_json, as_text
    from orchestration.rain.village import outlook_of

    instant = at or now()
    with _reading(instant) as context:
        found = outlook_of(context, villages, instant)
        rows = context.layers.villages
        names = dict(zip(rows["adm4_code"], rows["name"], strict=True))
        zones = dict(zip(rows["adm4_code"], rows["utc_offset"], strict=True))
    if json:
        print_json({"at": _stamp(instant), "villages": as_json(found, names)})
        return
    print(as_text(found, names, zones))


@group.command()
def coverage(
    area: Annotated[
        str, typer.Argument(help="Province, regency or district; none: the nation.")
    ] = "",
    at: At = None,
    json: AsJson = False,
) -> None:
    """How many villages have a forecast, of which model run and age, and why the others have none.

    Shows the parts of AREA: provinces, then with a code its regencies, districts or villages.
    """
    from orchestration.forecasts import covered

    instant = at or now()
    with _reading(instant) as context:
        whole, parts, reached = covered(context, instant, area)
        names = {part.code: context.layers.names.get(part.code, "") for part in parts}
        everywhere = context.layers.villages["adm4_code"].str[:8].nunique()
    if not whole.villages:
        raise typer.BadParameter(f"{area!r}: no area of this layer set")
    if json:
        document = {
            "at": _stamp(instant),
            "districts": everywhere,
            "districts_reached": reached,
            "area": _row(whole, "" if area else "Indonesia"),
            "parts": [_row(part, names[part.code]) for part in parts],
        }
        print_json(document)
        return
    _print(whole, parts, names)
    print(
        f"\nDistricts of the nation with at least one village assessed: {reached} of {everywhere}"
    )


@group.command()
def cells(at: At = None, json: AsJson = False) -> None:
    """Thunderstorm cells of the newest frame in kelvin: how cold, how fast they cool, whither."""
    from console.cell_table import as_json, as_text, cells_at

    instant = at or now()
    with _reading(instant) as context:
        found = cells_at(context, instant)
    if json:
        print_json(as_json(found, instant))
        return
    print(as_text(found, instant))


def _print(whole: Coverage, parts: list[Coverage], names: dict[str, str]) -> None:
    from console.columns import table

    head = ("area", "name", "villages", "assessed", "newest run (UTC)", "have it", "median age")
    rows = [_cells(part, names[part.code]) for part in parts]
    total = _cells(whole, "all")
    print(table((*head, "oldest", "not assessed"), [*rows, total], right={2, 3, 5, 6, 7}))


def _cells(entry: Coverage, name: str) -> tuple[str, ...]:
    from console.words import number, shortened

    run = f"{entry.analysis_time:%Y-%m-%d %H:%M}" if entry.analysis_time else "-"
    return (
        entry.code,
        shortened(name, 28),
        number(entry.villages),
        number(entry.assessed),
        run,
        number(entry.newest_run),
        _hours(entry.median_age),
        _hours(entry.oldest_age),
        ", ".join(f"{number(n)} {why}" for why, n in entry.reasons().items() if n) or "none",
    )


def _hours(age: timedelta | None) -> str:
    return "-" if age is None else f"{age.total_seconds() / 3600:.1f} h"


def _row(entry: Coverage, name: str) -> dict[str, object]:
    return {
        "code": entry.code,
        "name": name,
        "villages": entry.villages,
        "assessed": entry.assessed,
        "not_assessed": entry.not_assessed,
        "never_asked": entry.never_asked,
        "absent": entry.absent,
        "failed": entry.failed,
        "outdated": entry.outdated,
        "analysis_time": _stamp(entry.analysis_time),
        "newest_run": entry.newest_run,
        "median_age_s": _seconds(entry.median_age),
        "oldest_age_s": _seconds(entry.oldest_age),
    }


def _seconds(age: timedelta | None) -> int | None:
    return None if age is None else int(age.total_seconds())


def _stamp(value: datetime | None) -> str | None:
    from console.report import stamped

    return stamped(value)


@group.command()
def plan(
    budget: Annotated[
        int | None, typer.Option(min=0, help="Requests; default: what the minute allows.")
    ] = None,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Which villages would be asked for now, and why. Asks nobody."""
    from console.columns import table
    from orchestration.forecasts import plan_now

    instant = at or now()
    with _reading(instant) as context:
        found = plan_now(context, instant, budget=budget)
        names = context.layers.names
    if json:
        asks = [
            {"adm4_code": a.adm4_code, "asked_as": a.asked_as, "why": str(a.why)}
            for a in found.asks
        ]
        waiting = {str(why): count for why, count in found.due.items()}
        run = _stamp(found.run)
        print_json({"at": _stamp(instant), "run": run, "due": waiting, "asks": asks})
        return
    run = f"{found.run:%Y-%m-%d %H:%M} UTC" if found.run else "none known yet"
    print(f"Newest model run: {run}")
    print("Waiting: " + ", ".join(f"{count} {why}" for why, count in found.due.items()))
    rows = [(a.adm4_code, a.asked_as, str(a.why), names.get(a.adm4_code, "")) for a in found.asks]
    print(table(("village", "asked as", "why", "name"), rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        print(f"and {len(rows) - _SHOWN} more")


@group.command()
def aliases(
    table: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV code,name of all levels.")
    ],
) -> None:
    """Pairs of this layer set's village codes and those of an older decree, as CSV.

    Only names that are unique on both sides become pairs. Set KENTONGAN_FORECAST_ALIASES to the
    file that you keep.
    """
    from ingest.forecast_plan.aliases import write_aliases
    from orchestration.forecasts import older_codes
    from risk.layers.layerset import load_layers

    pairs = older_codes(load_layers(open_settings().layers), table.read_text(encoding="utf-8"))
    say(f"{len(pairs)} pairs; a village without one is asked for by its own code alone")
    print(write_aliases(pairs), end="")
