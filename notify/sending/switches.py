"""The kill switch: a row stops every message, or those of one route, until another row opens it.

It is looked at in the transactions that lease a batch and that put a window on the wire, so a
blast that runs stops within one window. Rows stay ready; nothing is lost, late ones expire.
By default it stops everything, corrections too: a switch is thrown because what goes out is wrong
or the way out is broken, and a person decides when it is not. `data/policy/dispatch.toml` may let
corrections and calls back pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, func, select

from kentongan import audit
from kentongan.db import switches
from kentongan.errors import RuleViolation
from kentongan.policy import load_policy
from kentongan.settings import data_dir
from kentongan.times import iso
from kentongan.transactions import writing
from notify.firewall.gate import RECORDER, TEST_ROUTE

ALL = "dispatch"
ROUTES = ("sms", "push", RECORDER, TEST_ROUTE)


class DispatchPolicy(BaseModel):
    """`data/policy/dispatch.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str = ""
    date: date
    recalls_pass_a_stop: bool
    """Corrections and calls back go out although the switch is off."""


def load_dispatch_policy() -> DispatchPolicy:
    """The bundled policy.

    Raises:
        SettingsError: it cannot be read.
    """
    return load_policy(data_dir() / "policy" / "dispatch.toml", DispatchPolicy)


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
    newest = (
        select(func.max(switches.c.id))
        .where(switches.c.name.in_((ALL, name_of(route))))
        .group_by(switches.c.name)
    )
    query = (select(switches).where(switches.c.id.in_(newest), ~switches.c.is_open)).order_by(
        switches.c.name
    )
    row = connection.execute(query.limit(1)).first()
    return Stop(row.name, row.at, row.actor, row.reason) if row else None


def stops(engine: Engine) -> list[Stop]:
    """Every switch that is off, by name."""
    newest = select(func.max(switches.c.id)).group_by(switches.c.name)
    query = select(switches).where(switches.c.id.in_(newest), ~switches.c.is_open)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(switches.c.name)).all()
    return [Stop(row.name, row.at, row.actor, row.reason) for row in rows]


def throw(
    engine: Engine, *, is_open: bool, at: datetime, actor: str, reason: str, route: str | None
) -> None:
    """Stop or open all messages, or those of one route; the audit says who and why.

    Opening the switch of all leaves a switch of a route as it is.

    Raises:
        RuleViolation: no name, no reason, or no route of that name; nothing is stopped then, and
            whoever mistyped must not believe it is.
    """
    name = name_of(route)
    if not actor.strip() or not reason.strip():
        raise RuleViolation("the switch: expected who throws it and why, found an empty text")
    if route is not None and route not in ROUTES:
        known = ", ".join(ROUTES)
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
