"""`kentongan dispatch`: the dispatcher process, its kill switch, and what waits."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, acting, database, now, open_settings, print_json, say

if TYPE_CHECKING:
    from kentongan.settings import Settings
    from notify.dispatcher.config import Routes
    from notify.dispatcher.process import Dispatcher
    from notify.sending.switches import Stop

group = typer.Typer(help="Send what stands in the outbox; stop it, see what waits.")

Route = Annotated[
    str | None,
    typer.Option("--route", help="One route or channel alone, e.g. sms; default: all."),
]
Actor = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")]
Code = Annotated[str, typer.Option("--code", help="Six digits of your one-time code.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line.")]
LOOK_S = 0.5
TELL_S = 5.0
"""Between two lines of progress."""
ONCE_S = 600.0
"""The longest that `--once` takes; what waits longer waits for a carrier."""


@group.callback(invoke_without_command=True)
def dispatch(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, then stop.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ROUTE", help="Serve this route alone; may be repeated."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Send what stands in the outbox, until Ctrl-C; with --json one document a look."""
    if context.invoked_subcommand is not None:
        return
    settings = open_settings()
    if once and settings.routes is None:
        _send_once(json)
        return
    _go_on(settings, tuple(only or ()), once=once, json=json)


def _send_once(json: bool) -> None:
    from kentongan.times import iso
    from orchestration.steps import send_due

    sent = send_due(iso(now()))
    print_json(sent) if json else print(_told(sent), flush=True)


def _go_on(settings: Settings, only: tuple[str, ...], *, once: bool, json: bool) -> None:
    from notify.dispatcher.process import Dispatcher
    from orchestration.heartbeat import DISPATCH, pulse

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with (
        pulse(settings.resolved_database_url, DISPATCH) as heart,
        Dispatcher(settings, only=only, tell=say) as running,
    ):
        if not json:
            say(_started(settings, running))
        _look(running, heart, stop, once=once, json=json)
    if running.lost:
        say(running.lost)
        raise typer.Exit(1)


def _started(settings: Settings, running: Dispatcher) -> str:
    names = ", ".join(carrier.config.route for carrier in running.carriers)
    served = f"routes {names}, and the recorder" if names else "the recorder alone"
    return f"Dispatching (mode {settings.mode}; {served}); Ctrl-C stops it."


def _look(
    running: Dispatcher, heart: Any, stop: threading.Event, *, once: bool, json: bool
) -> None:
    """Until it is told to stop: beat, and tell what goes on."""
    import time

    from notify.dispatcher.figures import of_process
    from notify.dispatcher.progress import Speed, Watch
    from orchestration.heartbeat import DISPATCH

    watch, speed = Watch(running.engine), Speed()
    started = told = time.monotonic()
    quiet, rates = True, dict[str, float]()
    while not stop.is_set() and not running.lost:
        fault = "; ".join(running.shared.faults.now.values())
        heart.beat(DISPATCH, now(), fault)
        rates = speed.note({worker.way: worker.sent for worker in running.workers})
        due = time.monotonic() - told >= TELL_S or (json and quiet)
        if due:
            told = time.monotonic()
            quiet = _tell(running, watch, rates, of_process, json=json, was_quiet=quiet)
        if once and (running.is_idle() or time.monotonic() - started > ONCE_S):
            break
        stop.wait(LOOK_S)
    _tell(running, Watch(running.engine), rates, of_process, json=json, was_quiet=False)


def _tell(
    running: Dispatcher,
    watch: Any,
    rates: dict[str, float],
    of_process: Any,
    *,
    json: bool,
    was_quiet: bool,
) -> bool:
    """Print one look; whether there was nothing to tell. A database that is gone was told of."""
    from sqlalchemy.exc import SQLAlchemyError

    from console.dispatch_lines import progress_lines

    try:
        found = of_process(running, watch.look(running.shared.clock()), rates)
    except (SQLAlchemyError, OSError):
        return was_quiet
    if json:
        print_json(found.as_json())
        return False
    quiet = not (found.left or found.on_wire or found.faults)
    if not (quiet and was_quiet):
        print("\n".join(progress_lines(found)), flush=True)
    return quiet


@group.command()
def routes(json: AsJson = False) -> None:
    """The configured routes without their secrets, and what is wrong with them."""
    from notify.dispatcher.config import Routes, read_routes, without_secrets

    settings = open_settings()
    found, faults = (Routes(None), []) if settings.routes is None else read_routes(settings.routes)
    if json:
        print_json({"routes": [without_secrets(one) for one in found.all], "faults": faults})
    else:
        for line in _route_lines(found, settings.routes):
            print(line)
    for fault in faults:
        say(fault)
    if faults:
        raise typer.Exit(1)


def _route_lines(found: Routes, path: Path | None) -> list[str]:
    from notify.dispatcher.config import without_secrets

    if path is None:
        return ["no routes file (KENTONGAN_ROUTES): only the recorder, which reaches nobody"]
    lines = []
    for channel in found.channels:
        for one in found.of(channel):
            keys = without_secrets(one)
            head = (keys.pop("route"), keys.pop("channel"), keys.pop("order"), keys.pop("kind"))
            lines.append("{}: {}, order {}, {}".format(*head))
            lines += [f"  {name} = {_plain(value)}" for name, value in keys.items()]
    return lines or [f"{path}: no route"]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


@group.command()
def plan(
    warning_id: Annotated[str, typer.Argument(metavar="WARNING", help="See: warning list.")],
    json: AsJson = False,
) -> None:
    """What the newest version would send: messages, parts, cost, minutes; nothing is sent."""
    from console.dispatch_plan import plan_lines, plan_of
    from orchestration.context import open_context

    settings = open_settings()
    with open_context(settings, live=True, reading=True) as context:
        found = plan_of(context, warning_id, at=now())
    if json:
        print_json(found)
        return
    print("\n".join(plan_lines(found)))


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
    configured = _readable(settings)
    release = load_policy(settings.resolved_policy, ReleasePolicy)
    who = accounts.Actor(actor, code.replace(" ", ""))
    act = accounts.Act.RESUME if is_open else accounts.Act.STOP
    with acting(settings) as engine:
        name = identify(engine, settings, release, who, act, at=at)
        throw(
            engine, is_open=is_open, at=at, actor=name, reason=reason, route=route,
            configured=configured.names,
        )  # fmt: skip
        left = stops(engine)
    print(f"{_thrown(route, configured)}: {'may send' if is_open else 'stopped'}; "
          "written into the audit")  # fmt: skip
    for one in left:
        print(_stop_line(one))


def _readable(settings: Settings) -> Routes:
    """The routes that can be read: a switch works although the file has faults."""
    from notify.dispatcher.config import Routes, read_routes

    if settings.routes is None:
        return Routes(None)
    found, faults = read_routes(settings.routes)
    for fault in faults:
        say(fault)
    return found


def _thrown(route: str | None, configured: Routes) -> str:
    """What the switch is of, so that nobody believes that it stops something else."""
    from notify.sending.switches import CHANNELS

    if route is None:
        return "every route"
    if route in configured.names:
        channel = next(one.channel for one in configured.all if one.route == route)
        return f"route {route} (messages of channel {channel} may take another route)"
    if route in CHANNELS:
        return f"channel {route} (its messages on every route, on the recorder too)"
    return f"route {route}"


@group.command()
def status(json: AsJson = False) -> None:
    """What waits and when it leaves, routes, switches that are off, rows by route and state."""
    from notify.dispatcher.figures import of_home
    from notify.dispatcher.ownership import running
    from notify.dispatcher.progress import queue_of
    from notify.sending.counts import counts

    settings = open_settings()
    configured, at = _readable(settings), now()
    with database(settings) as engine:
        found, rows, who = counts(engine), queue_of(engine, at), running(engine)
        figures = of_home(engine, rows, configured.all, at)
    if json:
        print_json({**figures.as_json(), "dispatcher": who, "outbox": found})
        return
    print("\n".join(_status_lines(settings, figures, found, who)))


def _status_lines(
    settings: Settings, figures: Any, found: dict[str, dict[str, int]], who: str
) -> list[str]:
    from console.dispatch_lines import status_lines
    from notify.dispatcher.policy import load_dispatch_policy

    lines = [_stop_line(one) for one in figures.stopped]
    if lines:
        passes = load_dispatch_policy(settings.dispatch_policy).recalls_pass_a_stop
        lines.append(f"corrections {'pass' if passes else 'wait too'} (data/policy/dispatch.toml)")
    else:
        lines.append("no switch is off: what is due is sent")
    if settings.resolved_database_url.startswith("sqlite"):
        lines.append(f"dispatcher: {who or 'none runs: nothing real is sent'}")
    lines += status_lines(figures)
    for route, states in found.items():
        lines.append(f"{route}: " + ", ".join(f"{n} {state}" for state, n in states.items()))
    return lines if found else [*lines, "the outbox is empty"]


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
