"""A home in which one step of a scenario has been played."""

from __future__ import annotations

import pytest

from ingest.play.feedserver import ScenarioServer
from kentongan.settings import Settings
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.scenarios import find


@pytest.fixture
def play(tmp_path):
    """Run one step of a scenario in a home of its own."""
    opened = []

    def one(name: str, number: int, context=None):
        scenario = find(name)
        server = ScenarioServer(scenario).__enter__()
        opened.append(lambda: server.__exit__(None, None, None))
        server.show(number)
        if context is None:
            settings = Settings(_env_file=None).with_feed_server(server.url, home=tmp_path)
            manager = open_context(settings, live=False, re_creation=True)
            context = manager.__enter__()
            opened.append(lambda: manager.__exit__(None, None, None))
        return context, run_cycle(context, scenario.steps[number].at)

    yield one
    for close in reversed(opened):
        close()
