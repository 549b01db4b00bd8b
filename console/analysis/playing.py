"""Homes to look at where there is no real one: a scenario, a simulated night."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from console.analysis.home import Home, open_home
from kentongan.settings import Settings


def play(name: str, *, steps: int | None = None, home: Path | str | None = None) -> Home:
    """Play a bundled scenario, or a folder of one, and open what it left.

    Args:
        steps: stop after so many; none: to its end.
        home: an empty folder to keep it in; none: one that is deleted when Python ends.

    Nothing leaves this machine: the mode is exercise, and messages go into files.
    """
    from ingest.play.feedserver import ScenarioServer
    from orchestration.context import open_context
    from orchestration.cycle import run_cycle
    from orchestration.scenarios import bases, find

    scenario = find(name)
    with ScenarioServer(scenario) as server:
        settings = exercise_in(home).with_feed_server(server.url)
        settings = settings.model_copy(update=bases(scenario, server.url))
        with open_context(settings, live=False, re_creation=True) as context:
            for number, step in enumerate(scenario.steps[:steps]):
                server.show(number)
                run_cycle(context, step.at, sources=scenario.sources)
    return open_home(settings.home)


def play_night(name: str, *, hours: float, seed: int = 1, home: Path | str | None = None) -> Home:
    """The same with made-up people who answer, refuse, report and keep silent.

    Args:
        hours: from the scenario's first moment; half an hour takes some ten seconds.
        seed: the same seed, the same night.
    """
    from orchestration.simulation.behaviour import load_behaviour
    from orchestration.simulation.night import open_night

    behaviour = load_behaviour(None)
    with open_night(name, exercise_in(home), seed=seed, behaviour=behaviour, hours=hours) as night:
        night.run()
        return open_home(night.context.settings.home)


def exercise_in(home: Path | str | None) -> Settings:
    """Those of an exercise in this folder, whatever the environment says."""
    if home is None:
        home = tempfile.mkdtemp(prefix="kentongan-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
    return Settings(_env_file=None, home=Path(home))
