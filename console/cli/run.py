"""`kentongan run`: one whole cycle, or a scenario, then stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json, say

if TYPE_CHECKING:
    from kentongan.settings import Settings

ALL = "all"


def run(
    at: At = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Poll this source only; may be repeated."),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A bundled scenario, a folder of one, or 'all'."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Run one whole cycle, or a scenario, then stop."""
    if scenario is not None and (at is not None or source):
        raise typer.BadParameter("a scenario brings its own times and feeds: no --at, no --source")
    if scenario is not None:
        _play(scenario, as_json=json)
    else:
        _cycle(at, source or None, as_json=json)


def _cycle(at: datetime | None, sources: list[str] | None, *, as_json: bool) -> None:
    from console.report import cycle_report
    from console.situation_map import situation_map
    from ingest.registry import SOURCES
    from orchestration.context import is_live, open_context
    from orchestration.cycle import run_cycle

    unknown = sorted(set(sources or ()) - set(SOURCES))
    if unknown:
        raise typer.BadParameter(
            f"unknown source {', '.join(unknown)}; known: {', '.join(SOURCES)}"
        )
    settings, real_now = open_settings(), now()
    instant = at or real_now
    live = is_live(instant, real_now)
    with open_context(settings, live=live, draw=situation_map) as context:
        document = run_cycle(context, instant, sources=sources)
    print_json(document) if as_json else print(cycle_report(document))


def _play(scenario: str, *, as_json: bool) -> None:
    from console.report import scenario_report, scenarios_table

    names = _names(scenario)
    settings = open_settings()
    documents = _documents(names, settings)
    if as_json:
        print_json({"scenarios": documents} if scenario == ALL else documents[0])
    elif scenario == ALL:
        print(scenarios_table(documents))
    else:
        print(scenario_report(documents[0]))


def _names(scenario: str) -> list[str]:
    from kentongan.errors import SettingsError
    from orchestration.scenarios import bundled, find

    if scenario == ALL:
        return bundled()
    try:
        find(scenario)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    return [scenario]


def _documents(names: list[str], settings: Settings) -> list[dict[str, Any]]:
    from console.situation_map import situation_map
    from orchestration.scenarios import run_scenario

    with _progress() as progress:
        return [
            run_scenario(name, settings, progress=progress, draw=situation_map) for name in names
        ]


@contextmanager
def _progress() -> Iterator[Any]:
    """A bar on a terminal, a line for each step anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name, step, steps, note: say(f"{name} {step}/{steps} {note}")
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar)


class _Bar:
    """One line for each scenario of what `rich` draws."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.lines: dict[str, Any] = {}

    def __call__(self, name: str, step: int, steps: int, note: str) -> None:
        if name not in self.lines:
            self.lines[name] = self.bar.add_task(name, total=steps)
        # Notes come from a file: never read as rich's markup.
        text = f"{name}: {note}".replace("[", r"\[")
        self.bar.update(self.lines[name], completed=step - 1, description=text)
