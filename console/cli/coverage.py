"""`kentongan coverage`: whom Tagana reaches in an area, and whom it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json, say
from console.cli.overlay import parse_thresholds

if TYPE_CHECKING:
    from orchestration.covering import Covered


def coverage(
    area: Annotated[
        str, typer.Argument(metavar="[AREA]", help="Code of any level; default: all regencies.")
    ] = "",
    at: At = None,
    event: Annotated[
        str | None, typer.Option(metavar="ID", help="Under a stored event; closes roads.")
    ] = None,
    hazard: Annotated[
        Path | None,
        typer.Option(help="Or under any hazard file: level 3 and above closes roads."),
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option(metavar="a,b,c,d", help="Where its levels 1, 2, 3, 4 begin.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Draw the villages to this HTML file.")
    ] = None,
    json: AsJson = False,
) -> None:
    """People within 30 and 60 minutes of a team on duty, members for them, and the uncovered."""
    from orchestration.context import open_context
    from orchestration.covering import closing_file, covered

    if event is not None and hazard is not None:
        raise typer.BadParameter("give --event or --hazard, not both")
    edges = None if thresholds is None else parse_thresholds(thresholds)
    moment = at or now()
    with open_context(open_settings(), live=False, reading=True) as context:
        given = None if hazard is None else closing_file(hazard, edges, context.layers)
        found = covered(context, area, moment, event_id=event, given=given)
        if map_file is not None:
            from console.coverage_map import coverage_page

            page = coverage_page(found.table, context.layers, _title(found, area))
            map_file.write_text(page, encoding="utf-8", newline="\n")
            say(f"map: {map_file}")
    if json:
        print_json(_document(found, area, moment.isoformat(), event))
    else:
        print(as_text(found))


def _title(found: Covered, area: str) -> str:
    return f"Jangkauan Tagana {area}".strip() + (f": {found.title}" if found.title else "")


def _document(found: Covered, area: str, at: str, event: str | None) -> dict[str, Any]:
    table = found.table
    villages = table.villages.astype({"team_minutes": object})
    villages["team_minutes"] = [
        None if minutes != minutes else round(float(minutes), 1)
        for minutes in table.villages["team_minutes"]
    ]
    return {
        "area": area,
        "at": at,
        "event": event,
        "travel": table.travel,
        "night": table.night,
        "mobilisation_minutes": table.mobilisation_minutes,
        "unknown_people": found.unknown_people,
        "warnings": list(found.warnings),
        "areas": table.areas.to_dict("records"),
        "villages": villages.to_dict("records"),
    }


def as_text(found: Covered) -> str:
    """One line an area, the sum below; how times were worked out, last."""
    table = found.table
    names = ("people", "people_30min", "people_60min", "exposed_people", "uncovered_people")
    heads = ("people", "≤ 30 min", "≤ 60 min", "exposed", "uncovered")
    head = "".join(f"{text:>13}" for text in heads)
    lines = [f"{'':<34}{head}{'on duty':>10}{'per 10,000':>12}"]
    for row in table.areas.to_dict("records"):
        numbers = "".join(f"{int(row[name]):>13,}" for name in names)
        label = f"{row['code']} {row['name']}"[:33]
        lines.append(
            f"{label:<34}{numbers}{row['members_on_duty']:>10,.0f}{row['members_per_10000']:>12.2f}"
        )
    sums = "".join(f"{int(table.areas[name].sum()):>13,}" for name in names)
    lines.append(f"{'all':<34}{sums}{table.areas['members_on_duty'].sum():>10,.0f}")
    hour = "night" if table.night else "day"
    return "\n".join(
        [
            *lines,
            "",
            f"Travel by {table.travel}; {hour}: a team leaves {table.mobilisation_minutes:.0f} "
            "minutes after the call, which is not part of the times.",
            "Speeds, availability and mobilisation are assumptions: data/policy/access.toml, "
            "levels.toml.",
            *(f"! {text}" for text in found.warnings),
        ]
    )
