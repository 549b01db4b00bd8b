"""`kentongan what-if`: what a quake of given figures would do here; nothing is kept or sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, now, open_settings, parse_at, print_json

if TYPE_CHECKING:
    from orchestration.what_if import Figures

MAX_BYTES = 100_000
"""BMKG's document has some 600."""
_LINES = {"level": "of the level", "bmkg_chain": "BMKG's chain", "allen_2012": "Allen 2012"}
_ROMAN = {4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X"}


def what_if(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help="A document like autogempa.json, instead of figures."
        ),
    ] = None,
    magnitude: Annotated[float | None, typer.Option("--magnitude", "-m", min=0, max=9.5)] = None,
    depth: Annotated[float, typer.Option(min=0, max=800, help="km.")] = 10.0,
    latitude: Annotated[
        float | None, typer.Option("--lat", min=-90, max=90, help="Degrees, south is negative.")
    ] = None,
    longitude: Annotated[float | None, typer.Option("--lon", min=-180, max=180)] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_at, metavar="TIME", help="Origin time, with zone; default: 5 minutes ago."
        ),
    ] = None,
    place: Annotated[str, typer.Option(help="BMKG's sentence on the place.")] = "",
    tsunami: Annotated[
        bool, typer.Option("--tsunami", help="BMKG says that a tsunami is possible.")
    ] = False,
    texts: Annotated[int, typer.Option(min=0, help="SMS texts to print.")] = 3,
    json: AsJson = False,
) -> None:
    """What a quake of these figures would do here: MMI, people, villages, texts and tasks.

    Runs the whole chain in a folder that is thrown away, never as a live run: this machine's
    record, public lists and channels are not touched.
    """
    from orchestration.what_if import PUBLISHED_AFTER
    from orchestration.what_if import what_if as run

    origin = at or now() - timedelta(minutes=5)
    if file is not None:
        if any(value is not None for value in (magnitude, latitude, longitude)):
            raise typer.BadParameter("give FILE or figures, not both")
        payload = _read(file)
    else:
        payload = _figures(origin, magnitude, depth, latitude, longitude, place, tsunami).text()
    document = run(
        payload, open_settings(), at=(at or _origin_of(payload, origin)) + PUBLISHED_AFTER
    )
    print_json(document) if json else print(report(document, texts))


def _read(path: Path) -> bytes:
    from kentongan.errors import DataError

    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: expected a quake's text of at most {MAX_BYTES} bytes")
    return path.read_bytes()


def _figures(
    origin: datetime,
    magnitude: float | None,
    depth: float,
    latitude: float | None,
    longitude: float | None,
    place: str,
    tsunami: bool,
) -> Figures:
    from orchestration.what_if import Figures

    if magnitude is None or latitude is None or longitude is None:
        raise typer.BadParameter("give --magnitude, --lat and --lon, or a FILE of BMKG's text")
    return Figures(origin, magnitude, depth, latitude, longitude, place, tsunami)


def _origin_of(payload: bytes, otherwise: datetime) -> datetime:
    """What the text itself says, so that a file needs no --at."""
    import json

    try:
        said = json.loads(payload)["Infogempa"]["gempa"]["DateTime"]
        return parse_at(said)
    except (ValueError, KeyError, TypeError, AttributeError, typer.BadParameter):
        return otherwise


def report(document: dict[str, Any], texts: int = 3) -> str:
    """For a duty officer, in English."""
    if not document["mmi_max"]:
        return "the quake reaches level 1 nowhere on the grid of Indonesia: nobody is warned"
    parts = [_shaking(document), _people(document["people_by_mmi"]), _villages(document)]
    parts += [_warnings(document, texts), _times(document)]
    return "\n\n".join(part for part in parts if part)


def _shaking(document: dict[str, Any]) -> str:
    strongest = ", ".join(
        f"{words} {document['mmi_max'][name]:.1f}"
        for name, words in _LINES.items()
        if name in document["mmi_max"]
    )
    return (
        f"strongest MMI on the grid: {strongest}\n"
        f"method {document['method']}, quality {document['quality']}; people and village shapes "
        f"of layers {document['layers']}"
    )


def _people(body: dict[str, Any] | None) -> str:
    from console import words
    from console.columns import table

    if body is None:
        return "people by MMI: not computed"
    names = [name for name in _LINES if name in body["people"]]
    band = body["bands"].get("level") or body["bands"]["bmkg_chain"]
    rows = [
        (
            _ROMAN[int(mmi)],
            *(words.number(body["people"][name].get(str(mmi), 0)) for name in names),
            *(words.number(band["in_class"][str(mmi)][p]) for p in ("p10", "p50", "p90")),
        )
        for mmi in body["classes"]
    ]
    head = ("MMI", *(_LINES[name] for name in names), "p10", "p50", "p90")
    shown = table(head, rows, right=tuple(range(1, len(head))))
    return f"people by whole MMI (bands: {body['bands']['spread']})\n{shown}"


def _villages(document: dict[str, Any]) -> str:
    from console import words
    from console.columns import table

    rows = [
        (
            words.level_word(int(level)),
            words.number(count),
            words.number(document["people"][level]),
        )
        for level, count in document["villages"].items()
    ]
    return table(("level", "villages", "their people"), rows, right=(1, 2))


def _warnings(document: dict[str, Any], texts: int) -> str:
    lines = [
        f"{one['hazard_id']}: {one['state']} as {one['status']}, level {one['level']}, "
        f"{one['villages']} villages"
        for one in document["warnings"]
    ]
    shown = document["texts"][:texts]
    lines += [f"  {t['regency']}, {t['villages']} villages: {t['sms']}" for t in shown]
    if len(document["texts"]) > texts:
        lines.append(f"  and {len(document['texts']) - texts} more texts (--texts N, --json)")
    tasks = ", ".join(f"{count} {kind}" for kind, count in document["tasks"].items()) or "none"
    lines.append(f"tasks for Tagana: {tasks}")
    lines += [f"trouble: {t['what']}: {t['detail']}" for t in document["troubles"]]
    return "\n".join(lines)


def _times(document: dict[str, Any]) -> str:
    from console.columns import table
    from orchestration.what_if import GRID_AFTER, PUBLISHED_AFTER

    names = {
        "text_to_villages": "villages and people by level",
        "text_to_messages": "messages made (here: recorded)",
        "text_to_tasks": "tasks planned",
    }
    published = PUBLISHED_AFTER.total_seconds()
    rows = [("the text is on the feed (at most)", "", "", _clock(published))]
    rows += [
        (
            words,
            f"{document['seconds'][name]:.2f}",
            f"{document['seconds_first'][name]:.2f}",
            _clock(published + document["seconds"][name]),
        )
        for name, words in names.items()
    ]
    rows.append(("BMKG's own map (median)", "", "", _clock(GRID_AFTER.total_seconds())))
    head = ("seconds from the text", "running", "new process", "after the quake")
    return table(head, rows, right=(1, 2, 3))


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)} min {seconds % 60:04.1f} s"
