"""`kentongan feed-server`: recorded payloads under BMKG's own paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import At, say

if TYPE_CHECKING:
    import threading

    from ingest.play.feedserver import TimedServer
    from kentongan.scenario import Step

LOOK_S = 0.1
"""Between two looks at the scenario's clock."""


def feed_server(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8090,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, max=100_000, help="Play a scenario in its timing, times so much."),
    ] = None,
    at: At = None,
) -> None:
    """Serve recorded payloads under BMKG's paths, still or with a scenario's own timing."""
    import signal
    import threading

    from ingest.play.feedserver import FeedServer, TimedServer
    from kentongan.scenario import load_scenario

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    is_scenario = (folder / "scenario.toml").is_file()
    if not is_scenario and (speed is not None or at is not None):
        raise typer.BadParameter(f"{folder}: no scenario.toml, so it has no times to play")
    if is_scenario:
        scenario = load_scenario(folder)
        start = at or scenario.steps[0].at
        with TimedServer(scenario, start=start, speed=speed or 1.0, port=port) as timed:
            say(f"Serving {scenario.title} on {timed.url} ; Ctrl-C stops it.")
            _play(timed, stop)
        return
    with FeedServer(folder, port=port) as server:
        say(f"Serving {folder} on {server.url} ; Ctrl-C stops it.")
        stop.wait()


def _play(server: TimedServer, stop: threading.Event) -> None:
    import time

    started = time.monotonic()
    say(f"It is {_stamp(server, 0)} there, {server.speed:g} times as fast as here.")
    while not stop.wait(LOOK_S):
        elapsed = time.monotonic() - started
        for step in server.advance(elapsed):
            say(_line(step))
            if server.is_over:
                say("That was the last step; it stays up.")


def _stamp(server: TimedServer, elapsed: float) -> str:
    from kentongan.times import iso

    return iso(server.instant(elapsed))


def _line(step: Step) -> str:
    from kentongan.times import iso

    failing = "".join(f"; {path} fails with {status}" for path, status in step.fail.items())
    return f"{iso(step.at)}  {step.note or ', '.join(step.serve)}{failing}"
