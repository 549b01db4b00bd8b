"""The kill switch: a row stops every message, or those of one route, until another row opens it.

It is looked at in the transactions that lease a batch and that put a window on the wire, so a
blast that runs stops within one window. Rows stay ready; nothing is lost, late ones expire.
By default it stops everything, corrections too: a switch is thrown because what goes out is wrong
or the way out is broken, and a person decides when it is not. `data/policy/dispatch.toml` may let
corrections and calls back pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from kentongan import audit
from kentongan.db import switches
from kentongan.errors import RuleViolation
from kentongan.times import iso
from kentongan.transactions import writing
from notify.dispatcher.policy import DispatchPolicy, load_dispatch_policy
from notify.firewall.gate import RECORDER, TEST_ROUTE

__all__ = [
    "ALL", "CHANNELS", "ROUTES", "DispatchPolicy", "Stop", "load_dispatch_policy", "name_of",
    "stop_of", "stopped_channels", "stops", "throw",
]  # fmt: skip

ALL = "dispatch"
CHANNELS = ("sms", "push", "webpush", "fcm", "mqtt", "staff", "whatsapp", "telegram")
"""A switch of a channel stops its messages on every route, on the recorder too."""
ROUTES = (*CHANNELS, RECORDER, TEST_ROUTE)
"""Besides these: the names in the routes file."""


@dataclass(frozen=True)
class Stop:
    """A switch that is off."""

    name: str
    at: str
    actor: str
    reason: str


def name_of(route: str | None) -> str:
    return ALL if route is None else f"{ALL}:{route}"


def stop_of(connection: Connection, route: str) -> Stop | None:
    """What keeps this route from sending; the switch of all before its own. One small query."""
    return next(iter(_off(connection, (ALL, name_of(route)))), None)


def stopped_channels(connection: Connection) -> dict[str, Stop]:
    """Channels whose switch is off: their messages wait on every route. One small query."""
    found = _off(connection, [name_of(channel) for channel in CHANNELS])
    return {stop.name.partition(":")[2]: stop for stop in found}


def _off(connection: Connection, names: Sequence[str]) -> list[Stop]:
    """Those of these switches that are off, by name."""
    newest = (
        select(func.max(switches.c.id)).where(switches.c.name.in_(names)).group_by(switches.c.name)
    )
    query = select(switches).where(switches.c.id.in_(newest), ~switches.c.is_open)
    rows = connection.execute(query.order_by(switches.c.name)).all()
    return [Stop(row.name, row.at, row.actor, row.reason) for row in rows]


def stops(engine: Engine) -> list[Stop]:
    """Every switch that is off, by name."""
    newest = select(func.max(switches.c.id)).group_by(switches.c.name)
    query = select(switches).where(switches.c.id.in_(newest), ~switches.c.is_open)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(switches.c.name)).all()
    return [Stop(row.name, row.at, row.actor, row.reason) for row in rows]


def throw(
    engine: Engine,
    *,
    is_open: bool,
    at: datetime,
    actor: str,
    reason: str,
    route: str | None,
    configured: Sequence[str] = (),
) -> None:
    """Stop or open all messages, or those of one route or channel; the audit says who and why.

    Opening the switch of all leaves a switch of a route as it is.

    Args:
        configured: names in the routes file.

    Raises:
        RuleViolation: no name, no reason, or no route of that name; nothing is stopped then, and
            whoever mistyped must not believe it is.
    """
    name = name_of(route)
    if not actor.strip() or not reason.strip():
        raise RuleViolation("the switch: expected who throws it and why, found an empty text")
    if route is not None and route not in (*ROUTES, *configured):
        known = ", ".join((*ROUTES, *configured))
        raise RuleViolation(f"route {route!r}: expected one of {known}; without --route it is all")
    body = {"switch": name, "reason": reason}
    with writing(engine) as connection:
        connection.execute(
            switches.insert().values(
                name=name, is_open=is_open, at=iso(at), actor=actor, reason=reason
            )
        )
        action = "dispatch.go" if is_open else "dispatch.stop"
        audit.append(connection, at=at, actor=actor, action=action, body=body)
