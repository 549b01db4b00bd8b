"""Signing in: name, password and one-time code; every wrong one gets the same answer.

Attempts are counted before anything is tried, by network and by name, in the database: neither a
restart nor a second process gives more of them. A browser that signed in before is counted apart,
so that a stranger who guesses cannot keep the person out (OWASP: device cookies).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select, update

from kentongan import audit
from kentongan.accounts import codes, passwords, registry, sessions
from kentongan.accounts.office import Office
from kentongan.accounts.registry import Account, account
from kentongan.db import accounts
from kentongan.errors import RuleViolation
from kentongan.limits import Per, counted
from kentongan.sealing import blind, unseal
from kentongan.transactions import writing

PER_NETWORK = 60
"""Attempts an hour: a command centre shares one address, twenty people, three tries each."""
PER_NAME = 10
"""Attempts an hour at one account from browsers that it does not know."""
PER_DEVICE = 20
"""Attempts an hour from one browser that it knows."""
STRANGER = "nobody"
"""Actor of what nobody with an account did; no account has this name."""
_PURPOSE = "sign-in"


class Refusal(StrEnum):
    WRONG = "wrong"
    TOO_OFTEN = "too often"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came from a browser; hostile."""

    name: str
    password: str
    code: str
    network: str
    agent: str = ""
    device: str = ""
    """Cookie of a browser that signed in before."""
    old_token: str = ""
    """Of the session that it has now; it ends."""


@dataclass(frozen=True, slots=True)
class Signed:
    token: str
    account: Account
    must_change: bool
    """The password is an admin's: another one first."""


def sign_in(
    office: Office, asked: Asked, *, limits: sessions.Limits, at: datetime
) -> Signed | Refusal:
    """A new session, or the one answer that tells nothing."""
    asked = replace(asked, name=name_in(asked.name))
    known = device_of(office, asked.device, asked.name)
    with writing(office.engine) as connection:
        if not _may_try(connection, office, asked, known, at):
            return Refusal.TOO_OFTEN
    with office.engine.connect() as connection:
        stored = _stored(connection, asked.name)
    try:
        with (passwords.KNOWN if known else passwords.STRANGERS).turn():
            right = passwords.matches(stored, asked.password)
            anew = _anew(stored, asked.password) if right else None
    except passwords.Busy:
        return Refusal.BUSY
    with writing(office.engine) as connection:
        return _finished(connection, office, asked, right, stored, anew, limits=limits, at=at)


def name_in(text: str) -> str:
    """The name of an account as people type it; empty where it can be none."""
    found = text[:80].strip().lower()
    return found if registry.is_name(found) else ""


def _stored(connection: Connection, name: str) -> str | None:
    query = select(accounts.c.password_hash).where(accounts.c.account_id == name)
    found: str | None = connection.execute(query).scalar()
    return found


def _anew(stored: str | None, password: str) -> str | None:
    return passwords.hashed(password) if stored and passwords.outdated(stored) else None


def _finished(
    connection: Connection, office: Office, asked: Asked, right: bool, stored: str | None,
    anew: str | None, *, limits: sessions.Limits, at: datetime,
) -> Signed | Refusal:  # fmt: skip
    holder = account(connection, asked.name)
    if holder is None:
        # Writes as a wrong password does, so that neither takes longer than the other.
        counted(connection, "sign-in-unknown", "all", Per.HOUR, at)
        return Refusal.WRONG
    if _stored(connection, holder.account_id) != stored:  # changed while it was tried
        right = False
    refusal = (
        "wrong password" if not right else _code_trouble(connection, office, holder, asked, at)
    )
    if refusal:
        who = _who(office, asked.network)
        _refused(
            connection, at, account=holder.account_id, reason=refusal, network=who[:12]
        )  # fmt: skip
        return Refusal.WRONG
    if anew is not None:
        _keep_hash(connection, holder.account_id, anew)
    return started(connection, office, holder, asked, via="password", limits=limits, at=at)


def started(
    connection: Connection, office: Office, holder: Account, asked: Asked, *, via: str,
    limits: sessions.Limits, at: datetime,
) -> Signed:  # fmt: skip
    """A session for somebody who has proven who they are; the browser's old one ends."""
    if asked.old_token:
        sessions.end(connection, sessions.hash_of(asked.old_token))
    token, session_hash = sessions.start(
        connection, holder.account_id, via=via, agent=asked.agent, network=asked.network,
        limits=limits, at=at,
    )  # fmt: skip
    who = _who(office, asked.network)
    body = {"via": via, "session": session_hash[:12], "network": who[:12]}
    audit.append(connection, at=at, actor=holder.account_id, action="session.start", body=body)
    initial = select(accounts.c.password_initial).where(accounts.c.account_id == holder.account_id)
    must_change = via == "password" and bool(connection.execute(initial).scalar())
    return Signed(token, holder, must_change)


def _code_trouble(
    connection: Connection, office: Office, holder: Account, asked: Asked, at: datetime
) -> str:
    if holder.disabled_at is not None:
        return "the account is disabled"
    if holder.totp_secret is None:
        return "no one-time code is set up"
    secret = unseal(office.key, holder.totp_secret, owner=holder.account_id)
    counter = codes.counter_of(secret, "".join(asked.code.split())[:6], at)
    if counter is None:
        return "wrong code"
    try:
        codes.use_up(connection, holder.account_id, counter, at)
    except RuleViolation:
        return "a code that was used already"
    return ""


def _keep_hash(connection: Connection, account_id: str, anew: str) -> None:
    connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(password_hash=anew)
    )


def _may_try(
    connection: Connection, office: Office, asked: Asked, known: str, at: datetime
) -> bool:
    if not network_may_try(connection, office, asked.network, at):
        return False
    if known:
        who = _who(office, f"device {known}")
        return counted(connection, "sign-in-device", who, Per.HOUR, at) <= PER_DEVICE
    who = _who(office, f"name {asked.name}")
    tries = counted(connection, "sign-in-name", who, Per.HOUR, at)
    if tries == PER_NAME + 1 and account(connection, asked.name) is not None:
        _refused(connection, at, account=asked.name, reason=f"{PER_NAME} attempts in the hour")
    return tries <= PER_NAME


def network_may_try(connection: Connection, office: Office, network: str, at: datetime) -> bool:
    """Counts one attempt; the first too many stands in the audit, once an hour and network."""
    who = _who(office, network)
    tries = counted(connection, "sign-in-network", who, Per.HOUR, at)
    if tries == PER_NETWORK + 1:
        _refused(connection, at, network=who[:12], reason=f"{PER_NETWORK} attempts in the hour")
    return tries <= PER_NETWORK


def _refused(connection: Connection, at: datetime, **body: str) -> None:
    audit.append(connection, at=at, actor=STRANGER, action="session.refused", body=body)


def _who(office: Office, text: str) -> str:
    return blind(office.key, text, purpose=_PURPOSE)


def new_device(office: Office, account_id: str) -> str:
    """Cookie by which this account knows a browser again; it opens nothing."""
    nonce = secrets.token_hex(16)
    return f"{nonce}.{_mark(office, account_id, nonce)}"


def device_of(office: Office, cookie: str, account_id: str) -> str:
    """The nonce of a browser that this account knows; else empty."""
    nonce, _, mark = cookie[:200].partition(".")
    right = hmac.compare_digest(mark.encode(), _mark(office, account_id, nonce).encode())
    return nonce if right else ""


def _mark(office: Office, account_id: str, nonce: str) -> str:
    return blind(office.key, f"{account_id} {nonce}", purpose="device")
