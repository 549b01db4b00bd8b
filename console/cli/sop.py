"""`kentongan sop`: the checklist of a warning, ticked with a time and a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, acting, database, now, open_settings, print_json

if TYPE_CHECKING:
    from kentongan.settings import Settings
    from kentongan.sop import Sop
    from notify.sop import Asked

group = typer.Typer(help="Checklists by hazard and level.", no_args_is_help=True)
Warning_ = Annotated[str, typer.Argument(metavar="WARNING", help="As 'warning list' prints it.")]
UNCONFIRMED = "These steps are a proposal: the ministry has not signed them (unconfirmed)."


@group.command()
def show(warning_id: Warning_, at: At = None, json: AsJson = False) -> None:
    """Every step that a warning asks for, and what is done of it."""
    from notify.sop import checklist

    instant, settings = at or now(), open_settings()
    sop = load(settings)
    with database(settings) as engine:
        asked = checklist(engine, sop, warning_id, instant)
    _print(asked, instant, unconfirmed=_any_unconfirmed(sop), as_json=json)


@group.command()
def tick(
    warning_id: Warning_,
    step: Annotated[str, typer.Argument(metavar="STEP", help="As 'sop show' prints it.")],
    actor: Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")],
    note: Annotated[str, typer.Option("--note", help="What you found, in one line.")] = "",
    json: AsJson = False,
) -> None:
    """Say that a step is done."""
    from notify.sop import tick as note_done

    settings, instant = open_settings(), now()
    sop = load(settings)
    with acting(settings) as engine:
        done = note_done(engine, sop, warning_id, step, at=instant, actor=actor, note=note)
    if json:
        print_json(_jsonable(done, instant))
        return
    late = (instant - done.due).total_seconds() / 60
    word = f"{late:.0f} min after its time" if late > 0 else "in time"
    print(f"{done.warning_id} {done.key}: done by {actor}, {word}")


@group.command()
def overdue(at: At = None, json: AsJson = False) -> None:
    """Steps of all warnings whose time has passed; status 0 also when there are some."""
    from notify.sop import overdue as late

    instant, settings = at or now(), open_settings()
    sop = load(settings)
    with database(settings) as engine:
        asked = late(engine, sop, instant)
    if not asked and not json:
        print("no step is overdue")
        return
    _print(asked, instant, unconfirmed=_any_unconfirmed(sop), as_json=json, of_many=True)


@group.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of checklists; default: the one in use.")
    ] = None,
) -> None:
    """Read every checklist of a folder; status 1 names what is wrong."""
    from kentongan.sop import PUBLIC_LEVELS, Phase, load_sop
    from kentongan.types import HazardId

    sop = load_sop(folder) if folder else load(open_settings())
    for hazard in HazardId:
        counts = ", ".join(
            f"level {int(level)}: "
            + "/".join(str(len(sop.steps(hazard, level, phase))) for phase in Phase)
            for level in PUBLIC_LEVELS
        )
        print(f"{hazard}: {counts}  (alert/update/end)")
    if _any_unconfirmed(sop):
        print(UNCONFIRMED)


def load(settings: Settings) -> Sop:
    """The checklists of these settings."""
    from kentongan.settings import data_dir
    from kentongan.sop import load_sop

    return load_sop(settings.sop or data_dir() / "sop")


def _any_unconfirmed(sop: Sop) -> bool:
    return any(sop.unconfirmed(hazard) for hazard in sop.by_hazard)


def _print(
    asked: Sequence[Asked],
    at: datetime,
    *,
    unconfirmed: bool,
    as_json: bool,
    of_many: bool = False,
) -> None:
    if as_json:
        print_json({"unconfirmed": unconfirmed, "steps": [_jsonable(one, at) for one in asked]})
        return
    for one in asked:
        print(f"{_box(one, at)} {f'{one.warning_id} ' if of_many else ''}{one.key}")
        for line in _lines(one):
            print(f"      {line}")
    if unconfirmed:
        print(UNCONFIRMED)


def _box(one: Asked, at: datetime) -> str:
    from console.report import plain_time

    if one.tick is not None:
        return f"[x] {plain_time(one.tick.at)} {one.tick.actor}:"
    if one.lapsed:
        return "[-] lapsed with the warning:"
    word = "OVERDUE since" if one.is_overdue(at) else "until"
    return f"[ ] {word} {plain_time(one.due)}:"


def _lines(one: Asked) -> list[str]:
    from kentongan.sop import ROLE_NAMES

    step = one.step
    lines = [f"{ROLE_NAMES[step.role]}, {step.within_minutes} menit: {step.text}"]
    if step.call:
        lines.append(f"Hubungi: {', '.join(step.call)}")
    if step.hand_over:
        lines.append(f"Serahkan ke {', '.join(step.hand_over)} bila {step.hand_over_when}.")
    if one.tick is not None and one.tick.note:
        lines.append(f"Catatan: {one.tick.note}")
    return lines


def _jsonable(one: Asked, at: datetime) -> dict[str, Any]:
    from kentongan.times import iso

    return {
        "warning_id": one.warning_id,
        "step": one.key,
        **one.step.model_dump(mode="json", exclude={"id"}),
        "due": iso(one.due),
        "overdue": one.is_overdue(at),
        "lapsed": one.lapsed,
        "done_at": iso(one.tick.at) if one.tick else None,
        "done_by": one.tick.actor if one.tick else None,
        "note": one.tick.note if one.tick else "",
    }
