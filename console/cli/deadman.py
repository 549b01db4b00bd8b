"""`kentongan deadman`: the switch outside the scheduler."""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

import typer

from console.cli.common import AsJson, now, open_settings, print_json, say


def deadman(
    once: Annotated[bool, typer.Option("--once", help="One look, then stop; 1: an alarm.")] = False,
    json: AsJson = False,
) -> None:
    """Raise an alarm when a feed, the cycle or a component falls silent."""
    if json and not once:
        raise typer.BadParameter("--json needs --once: a process that goes on has no one document")
    from orchestration.deadman.policy import deadman_policy
    from orchestration.deadman.run import Switch, keep_looking

    settings = open_settings()
    policy = deadman_policy(settings)
    switch = Switch(settings, policy)
    if not settings.alarm_urls:
        say("KENTONGAN_ALARM_URLS is empty: alarms go to this log only.")
    if once:
        found = switch.turn(now()).as_json()
        print_json(found) if json else print(_told(found))
        raise typer.Exit(0 if found["well"] else 1)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    say(f"Dead-man's switch over {settings.home.resolve()}; Ctrl-C stops it.")
    keep_looking(switch, stop=stop, clock=now)


def _told(found: dict[str, Any]) -> str:
    lines = [f"{a['since']}  {a['key']}: {a['what']}" for a in found["alarms"]]
    lines += [
        f"{a['alarm_at']}  becomes an alarm: {a['key']}: {a['what']}" for a in found["suspects"]
    ]
    return "\n".join(lines) if lines else "Nothing is overdue."
