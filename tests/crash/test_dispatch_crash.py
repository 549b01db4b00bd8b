"""The dispatcher killed with -9 at random moments, against a real SMSC, on both databases."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.campaign import WINDOW, Tally, campaign
from tests.crash.homes import Home
from tests.peers.smsc import Smsc

KILLS = int(os.environ.get("CRASH_KILLS", "200"))
RATE = 300.0
"""Messages a second; slow enough that a blast outlives its dispatchers."""
ENGINES = ("sqlite", "postgresql")


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Callable[[str], str]:
    def made(engine: str) -> str:
        if engine == "sqlite":
            return ""
        server = request.getfixturevalue("postgres")
        return str(server.url(server._create()))

    return made


def run(
    engine: str, address: str, folder: Path, kills: int, *, people: int, longest: float
) -> Tally:
    home = Home(folder / "home", address)
    home.sending()
    home.register(people)
    home.warn()
    with Smsc.start(folder, drop_receipts=3) as smsc:
        home.route(smsc.port, window=WINDOW, rate_per_s=RATE)
        found = campaign(home, smsc, name=engine, kills=kills, seed=kills, longest=longest)
    home.close()
    sys.stderr.write(f"\n{found.as_json()}\n{found.table()}\n")
    assert found.lost == 0
    assert found.worst <= WINDOW, "more was in doubt after one kill than one window"
    assert found.doubled <= sum(found.doubt.values()) <= kills * WINDOW
    assert found.kills == kills and found.messages == people
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_ten_kills_lose_nothing(engine, url, tmp_path):
    run(engine, url(engine), tmp_path, 10, people=700, longest=0.3)


@pytest.mark.crash
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("engine", ENGINES)
def test_hundreds_of_kills_lose_nothing(engine, url, tmp_path, capsys):
    found = run(engine, url(engine), tmp_path, KILLS, people=KILLS * 60, longest=0.4)
    with capsys.disabled():
        sys.stdout.write(f"\n{found.as_json()}\n{found.table()}\n")
