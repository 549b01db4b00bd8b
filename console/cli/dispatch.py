"""`kentongan dispatch`: the dispatcher process, its kill switch, and what waits."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, acting, database, now, open_settings, print_json, say

if TYPE_CHECKING:
    from notify.sending.switches import Stop

group = typer.Typer(help="Send what stands in the outbox; stop it, see what waits.")

Route = Annotated[
    str | None, typer.Option("--route", help="One route alone, e.g. sms; default: all.")
]
Actor = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")]
Code = Annotated[str, typer.Option("--code", help="Six digits of your one-time code.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line.")]
PAUSE_S = 1.0
"""Between two looks into the outbox."""


@group.callback(invoke_without_command=True)
def dispatch(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, then stop.")] = False,
    json: AsJson = False,
) -> None:
    """Send what stands in the outbox, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from kentongan.times import iso
    from orchestration.steps import send_due

    if json and not once:
        raise typer.BadParameter("--json needs --once: a process that goes on has no one document")
    settings = open_settings()
    if once:
        sent = send_due(iso(now()))
        print_json(sent) if json else print(_told(sent), flush=True)
        return
    _go_on(settings)


def _go_on(settings: Any) -> None:
    from kentongan.times import iso
    from orchestration.heartbeat import DISPATCH, pulse
    from orchestration.steps import send_due

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


@group.command()
def stop(actor: Actor, reason: Reason, route: Route = None, code: Code = "") -> None:
    """Throw the kill switch: nothing more leaves, within one window of a running blast."""
    _throw(is_open=False, actor=actor, code=code, reason=reason, route=route)


@group.command()
def go(actor: Actor, reason: Reason, route: Route = None, code: Code = "") -> None:
    """Open it again; what waited and has not expired goes out."""
    _throw(is_open=True, actor=actor, code=code, reason=reason, route=route)


def _throw(*, is_open: bool, actor: str, code: str, reason: str, route: str | None) -> None:
    from kentongan import accounts
    from kentongan.policy import ReleasePolicy, load_policy
    from notify.sending.switches import stops, throw
    from orchestration.by_hand import identify

    settings, at = open_settings(), now()
    release = load_policy(settings.resolved_policy, ReleasePolicy)
    who = accounts.Actor(actor, code.replace(" ", ""))
    act = accounts.Act.RESUME if is_open else accounts.Act.STOP
    with acting(settings) as engine:
        name = identify(engine, settings, release, who, act, at=at)
        throw(engine, is_open=is_open, at=at, actor=name, reason=reason, route=route)
        left = stops(engine)
    what = f"route {route}" if route else "every route"
    print(f"{what}: {'may send' if is_open else 'stopped'}; written into the audit")
    for one in left:
        print(_stop_line(one))


@group.command()
def status(json: AsJson = False) -> None:
    """The switches that are off, and the rows of the outbox by route and state."""
    from notify.sending.counts import counts
    from notify.sending.switches import load_dispatch_policy, stops

    with database(open_settings()) as engine:
        off, found = stops(engine), counts(engine)
    if json:
        lines = [{"switch": s.name, "at": s.at, "by": s.actor, "reason": s.reason} for s in off]
        print_json({"stopped": lines, "outbox": found})
        return
    for one in off:
        print(_stop_line(one))
    passes = load_dispatch_policy().recalls_pass_a_stop
    if off:
        print(f"corrections {'pass' if passes else 'wait too'} (data/policy/dispatch.toml)")
    else:
        print("no switch is off: what is due is sent")
    for route, states in found.items():
        print(f"{route}: " + ", ".join(f"{number} {state}" for state, number in states.items()))
    if not found:
        print("the outbox is empty")


def _stop_line(stop: Stop) -> str:
    from console.report import plain_time
    from kentongan.times import parse_instant

    what = stop.name.partition(":")[2]
    where = f"route {what}" if what else "every route"
    at = plain_time(parse_instant(stop.at))
    return f"STOPPED: {where}, by {stop.actor} at {at}: {stop.reason}"


def _told(sent: dict[str, dict[str, int]]) -> str:
    parts = [
        f"{channel} {number} {state}"
        for channel, states in sent.items()
        for state, number in states.items()
        if number
    ]
    return ", ".join(parts) or "nothing was due"
