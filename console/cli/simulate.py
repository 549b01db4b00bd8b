"""`kentongan simulate`: a whole night with made-up people, in minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, open_settings, print_json, say

if TYPE_CHECKING:
    from datetime import datetime


def simulate(
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="A bundled scenario, a folder of one, or flood-day.")
    ],
    hours: Annotated[
        float | None, typer.Option(min=0.1, max=72, help="Of the night; as long as it lasts.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same night.")] = 1,
    behaviour: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="How people behave: a file, or 'semarang'."),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Go on with a night that was interrupted.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Play a night: feeds, warnings, tasks, and people who answer, refuse and keep silent."""
    from console.simulated import night_csv, night_report, night_svg
    from orchestration.simulation.behaviour import load_behaviour
    from orchestration.simulation.night import open_night
    from orchestration.simulation.outcome import outcome
    from orchestration.simulation.rules import broken_rules

    settings = open_settings()
    started = time.process_time()
    with open_night(
        scenario, settings, seed=seed, behaviour=load_behaviour(behaviour), hours=hours,
        go_on=go_on,
    ) as night:  # fmt: skip
        night.run(_said)
        found = outcome(night)
        shelters = night.context.layers.shelters
        homes = dict(zip(shelters["shelter_id"], shelters["adm4_code"], strict=True))
        broken = broken_rules(night.context.engine, homes)
        home = night.context.settings.home
    seconds = time.process_time() - started
    (home / "night.csv").write_text(night_csv(found), encoding="utf-8")
    (home / "night.svg").write_text(night_svg(found), encoding="utf-8")
    if json:
        print_json({**found.as_json(), "broken": broken, "cpu_seconds": round(seconds, 1)})
    else:
        print(night_report(found, broken, seconds=seconds))
        print(f"Hours: {home / 'night.csv'}; picture: {home / 'night.svg'}")
    if broken:
        raise typer.Exit(1)


def _said(at: datetime, note: str) -> None:
    from console.report import plain_time

    say(f"{plain_time(at)} {note}")
