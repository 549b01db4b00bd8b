"""Is it they, may they, and here? The one door before every act of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from kentongan import audit
from kentongan.accounts import codes
from kentongan.accounts.registry import RESERVED, Account, account
from kentongan.accounts.roles import Act, may, who_may
from kentongan.db import audit as audit_table
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, unseal
from kentongan.times import iso
from kentongan.transactions import writing

REFUSED = "account.refused"
MAX_WRONG = 5
WRONG_WITHIN = timedelta(minutes=5)
"""Five guesses in five minutes, three codes of a million fit: a stranger needs months."""
_LOOK_BACK = 10_000
"""Rows of the audit in which wrong codes are looked for."""


@dataclass(frozen=True)
class Actor:
    """Who acts, as they say it themselves."""

    name: str
    code: str = ""


def admit(
    engine: Engine,
    actor: Actor,
    act: Act,
    *,
    at: datetime,
    key: Keys | None,
    areas: Sequence[str] = (),
    code_needed: bool,
) -> str:
    """The name for the audit, when the person may do this here. A good code is used up.

    Where no code is needed (exercise and test), a name without an account is taken as it is; one
    with an account still keeps to its role and areas.

    Args:
        key: of `secrets_key`; None where no code is needed.
        areas: codes that the act concerns.

    Raises:
        RuleViolation: no account, disabled, another role, another area, no code, a wrong or a
            used one, or too many wrong ones; it stands in the audit.
    """
    with writing(engine) as connection:
        refusal = _refusal(connection, actor, act, areas=areas, code_needed=code_needed)
        if not refusal and code_needed:
            refusal = _code_refusal(connection, actor, at=at, key=key)
        if refusal:
            body = {"act": str(act), "reason": refusal}
            audit.append(connection, at=at, actor=actor.name[:80], action=REFUSED, body=body)
    if refusal:
        raise RuleViolation(refusal)
    return actor.name


def _refusal(
    connection: Connection,
    actor: Actor,
    act: Act,
    *,
    areas: Sequence[str],
    code_needed: bool,
) -> str:
    if not actor.name.strip() or actor.name in RESERVED:
        return f"{actor.name!r} is no person: say who you are with --as NAME"
    found = account(connection, actor.name)
    if found is None:
        if not code_needed:
            return ""
        return f"{actor.name}: no account of that name; an admin makes one: kentongan accounts add"
    return _of_account(found, act, areas)


def _of_account(found: Account, act: Act, areas: Sequence[str]) -> str:
    name = found.account_id
    if found.disabled_at is not None:
        return f"{name}: this account was disabled on {found.disabled_at}"
    if not may(found.role, act):
        return f"{name} is {found.role} and may not {act}; who may: {who_may(act)}"
    outside = found.outside(areas)
    if outside:
        return (
            f"{name} acts for {', '.join(found.areas)}; {len(outside)} of {len(areas)} places lie "
            f"outside, the first is {outside[0]}: ask somebody who acts for all of them"
        )
    return ""


def _code_refusal(connection: Connection, actor: Actor, *, at: datetime, key: Keys | None) -> str:
    found = account(connection, actor.name)
    if found is None or found.totp_secret is None or key is None:
        return f"{actor.name}: no one-time code is set up; an admin does: kentongan accounts totp"
    if not actor.code:
        return f"{actor.name}: the six digits of your one-time code are needed: --code"
    if _wrong_lately(connection, actor.name, at) >= MAX_WRONG:
        return (
            f"{actor.name}: {MAX_WRONG} wrong codes within {WRONG_WITHIN.seconds // 60} minutes; "
            "wait, or ask an admin for a new secret"
        )
    secret = unseal(key, found.totp_secret, owner=found.account_id)
    counter = codes.counter_of(secret, actor.code, at)
    if counter is None:
        return f"{actor.name}: {_WRONG}; check the clocks of this machine and of your phone"
    try:
        codes.use_up(connection, found.account_id, counter, at)
    except RuleViolation as error:
        return str(error)
    return ""


_WRONG = "wrong code"


def _wrong_lately(connection: Connection, name: str, at: datetime) -> int:
    last = select(func.max(audit_table.c.seq)).scalar_subquery()
    lately = select(audit_table.c.body).where(
        audit_table.c.seq > last - _LOOK_BACK,
        audit_table.c.actor == name,
        audit_table.c.action == REFUSED,
        audit_table.c.at > iso(at - WRONG_WITHIN),
    )
    return sum(_WRONG in body for body in connection.execute(lately).scalars())
