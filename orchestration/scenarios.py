"""Play a scenario: one cycle per step, against its own feed server, in its own home."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kentongan.errors import SettingsError
from kentongan.scenario import Scenario, Step, load_scenario
from kentongan.settings import Settings, data_dir
from kentongan.times import iso
from orchestration.context import Draw, open_context

Progress = Callable[[str, int, int, str], None]
"""Called before each step with scenario, step number, number of steps, note."""

_MARK = ".kentongan-scenario"


def bundled() -> list[str]:
    """Names of the scenarios that come with Kentongan, in alphabetical order."""
    return sorted(p.parent.name for p in (data_dir() / "scenarios").glob("*/scenario.toml"))


def find(name_or_path: str) -> Scenario:
    """A bundled scenario by name, or any folder that holds one.

    Raises:
        SettingsError: neither is there.
    """
    for folder in (data_dir() / "scenarios" / name_or_path, Path(name_or_path)):
        if (folder / "scenario.toml").is_file():
            return load_scenario(folder)
    raise SettingsError(
        f"scenario {name_or_path!r}: not found; bundled ones are {', '.join(bundled())}, "
        "or give a folder with scenario.toml"
    )


def run_scenario(
    name_or_path: str,
    settings: Settings,
    *,
    progress: Progress | None = None,
    draw: Draw | None = None,
) -> dict[str, Any]:
    """Play every step; returns the last step's document with `steps` and `seconds`."""
    from ingest.play.feedserver import ScenarioServer

    scenario = find(name_or_path)
    home = _fresh_home(settings.home / "scenarios" / scenario.name)
    started = time.monotonic()
    with ScenarioServer(scenario) as server:
        own = settings.with_feed_server(
            server.url, home=home, database_url="", sources=scenario.sources
        )
        own = own.model_copy(update=bases(scenario, server.url))
        documents = _play(scenario, server, own, progress, draw)
    return {
        **documents[-1],
        "scenario": scenario.name,
        "title": scenario.title,
        "re_creation": scenario.re_creation,
        "seconds": round(time.monotonic() - started, 2),
        "steps": documents,
    }


def bases(scenario: Scenario, url: str) -> dict[str, str]:
    """Addresses that a source needs and no setting of BMKG's gives: the scenario's own server."""
    from ingest.registry import SOURCES

    infos = [SOURCES[name].info for name in scenario.sources if name in SOURCES]
    return {i.base: url for i in infos if i.needs == i.base and i.base.endswith("_url")}


def _play(
    scenario: Scenario,
    server: Any,
    settings: Settings,
    progress: Progress | None,
    draw: Draw | None,
) -> list[dict[str, Any]]:
    from orchestration.cycle import run_cycle

    documents = []
    # Whatever its author wrote: a scenario is never live.
    with open_context(settings, live=False, re_creation=True, draw=draw) as context:
        for number, step in enumerate(scenario.steps):
            if progress:
                progress(scenario.name, number + 1, len(scenario.steps), step.note)
            server.show(number)
            documents.append(
                {**run_cycle(context, step.at, sources=scenario.sources), **_told(step)}
            )
    return documents


def _told(step: Step) -> dict[str, str]:
    return {"at": iso(step.at), "note": step.note}


def _fresh_home(home: Path) -> Path:
    """An empty folder; only one that an earlier play made is emptied.

    Raises:
        SettingsError: the folder holds something else.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).is_file():
            raise SettingsError(f"{home}: not empty and not made by a scenario; move it away")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / _MARK).touch()
    return home
