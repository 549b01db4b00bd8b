"""`kentongan dispatch`: the dispatcher process."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from console.cli.common import AsJson, now, open_settings, print_json, say


def dispatch(
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, then stop.")] = False,
    json: AsJson = False,
) -> None:
    """Send what stands in the outbox, until Ctrl-C."""
    from kentongan.times import iso
    from orchestration.heartbeat import DISPATCH, pulse
    from orchestration.steps import send_due

    if json and not once:
        raise typer.BadParameter("--json needs --once: a process that goes on has no one document")
    settings = open_settings()
    if once:
        sent = send_due(iso(now()))
        print_json(sent) if json else print(_told(sent), flush=True)
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    say(f"Dispatching (mode {settings.mode}); Ctrl-C stops it.")
    with pulse(settings.resolved_database_url, DISPATCH) as heart:
        while not stop.is_set():
            heart.beat(DISPATCH, now())
            sent = send_due(iso(now()))
            if any(any(states.values()) for states in sent.values()):
                print(_told(sent), flush=True)
            stop.wait(PAUSE_S)


PAUSE_S = 1.0
"""Between two looks into the outbox."""


def _told(sent: dict[str, dict[str, int]]) -> str:
    parts = [
        f"{channel} {number} {state}"
        for channel, states in sent.items()
        for state, number in states.items()
        if number
    ]
    return ", ".join(parts) or "nothing was due"
