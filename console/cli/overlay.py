"""`kentongan overlay`: any hazard on any people and any areas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, open_settings, print_json, say
from console.cli.progress import progress

if TYPE_CHECKING:
    from risk.analyst.overlay import Overlay


def parse_thresholds(text: str) -> tuple[float, ...]:
    """Numbers with commas between; anything else is wrong use."""
    from kentongan.errors import DataError
    from risk.analyst.classes import checked_thresholds

    try:
        found = checked_thresholds([float(part) for part in text.split(",")])
    except (ValueError, DataError) as error:
        raise typer.BadParameter(
            f"--thresholds {text!r}: expected ascending numbers with commas, e.g. 0.3,0.7,1.5"
        ) from error
    return found or ()


def overlay(
    hazard: Annotated[
        Path, typer.Argument(metavar="HAZARD", help="Raster (GeoTIFF, NetCDF …) or polygons.")
    ],
    people: Annotated[
        Path | None, typer.Option(help="Raster of people; default: those of the layer set.")
    ] = None,
    areas: Annotated[
        Path | None, typer.Option(help="Polygons; default: villages of the layer set.")
    ] = None,
    area_id: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Identifiers of the areas.")
    ] = None,
    thresholds: Annotated[
        str | None,
        typer.Option(
            metavar="a,b,c",
            help="Class = how many of them the value reaches; default: values are classes.",
        ),
    ] = None,
    class_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Values of hazard polygons.")
    ] = None,
    variable: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a NetCDF file with several.")
    ] = None,
    people_kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="count, per-km2 or per-ha; default: count."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write .parquet, .gpkg, .csv or .html (a map).")
    ] = None,
    json: AsJson = False,
) -> None:
    """People by class of a hazard, in each area and in all; exact by area, rounded last."""
    from console.overlay_files import require_kind, write_overlay
    from risk.analyst.overlay import overlay as count_people
    from risk.layers.layerset import load_layers

    edges = None if thresholds is None else parse_thresholds(thresholds)
    settings = open_settings()
    if out is not None:
        require_kind(out)
    needs_set = people is None or areas is None
    with progress() as advance:
        found = count_people(
            hazard, people, areas, thresholds=edges, area_id=area_id,
            class_column=class_column, variable=variable, people_kind=people_kind,
            layers=load_layers(settings.layers) if needs_set else None, advance=advance,
        )  # fmt: skip
    if out is not None:
        say(f"written: {write_overlay(found, out, hazard.name)}")
    if json:
        print_json(found.to_json())
    else:
        print(as_text(found))


_SHOWN = 20


def as_text(found: Overlay) -> str:
    """The table for a person: in all, then the areas with most people in the highest classes."""
    from risk.analyst.result import column_of

    table = found.table
    wide = (
        max((len(f"{n:,}") for n in (found.total_people, *found.by_class.values())), default=1) + 2
    )
    wide = max(wide, 10)
    heads = "".join(f"{key:>{wide}}" for key in ("people", *found.classes))
    keys = [column_of(key) for key in found.classes]
    order = [key for key in reversed(keys) if key not in ("class_0", "people_unknown")]
    shown = table.sort_values([*order, "people"], ascending=False, kind="stable").head(_SHOWN)
    label = shown["area_id"].astype("str")
    if "name" in shown:
        label = label + " " + shown["name"]
    lines = [f"{'':<34}{heads}  known"]
    total = "".join(f"{n:>{wide},}" for n in (found.total_people, *found.by_class.values()))
    lines.append(f"{'all':<34}{total}")
    for name, row in zip(label, shown.to_dict("records"), strict=True):
        numbers = "".join(f"{int(row[key]):>{wide},}" for key in ("people", *keys))
        lines.append(f"{name[:33]:<34}{numbers}{row['known_fraction']:>7.0%}")
    if len(table) > len(shown):
        lines.append(f"… and {len(table) - len(shown):,} more areas; see --json or --out")
    rest = "".join(f"{n:>{wide},}" for n in (found.unassigned, *found.unassigned_by_class.values()))
    lines.append(f"{'in no area':<34}{rest}")
    return "\n".join([*lines, "", *(f"! {text}" for text in found.warnings)])
