"""Sessions that end, and passwords that change: by their owner, or by an admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update

from kentongan import audit
from kentongan.accounts import passwords, registry, sessions
from kentongan.accounts.gate import Actor, admit
from kentongan.accounts.office import Office
from kentongan.accounts.roles import Act
from kentongan.db import accounts
from kentongan.errors import RuleViolation
from kentongan.limits import Per, counted
from kentongan.sealing import blind
from kentongan.transactions import writing

PER_HOUR = 10
"""Changes of one's own password that are tried: a stolen session must not guess it."""


class Trouble(StrEnum):
    """Why a password was not changed."""

    WRONG = "wrong"
    WEAK = "weak"
    SAME = "same"
    TOO_OFTEN = "too often"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Change:
    old: str
    new: str


def sign_out(office: Office, account_id: str, session_hash: str, *, at: datetime) -> None:
    with writing(office.engine) as connection:
        if sessions.end(connection, session_hash):
            body = {"session": session_hash[:12]}
            audit.append(connection, at=at, actor=account_id, action="session.end", body=body)


def revoke_own(office: Office, account_id: str, start: str, *, at: datetime) -> bool:
    """End one of one's own sessions, named by the first 12 digits of its hash."""
    with writing(office.engine) as connection:
        for session in sessions.of_account(connection, account_id):
            if session.session_hash[:12] == start:
                sessions.end(connection, session.session_hash)
                body = {"account": account_id, "session": start}
                audit.append(
                    connection, at=at, actor=account_id, action="session.revoke", body=body
                )
                return True
    return False


def revoke_all(office: Office, account_id: str, *, by: Actor, at: datetime) -> int:
    """An admin ends every session of an account; returns how many.

    Raises:
        RuleViolation: no admin, a wrong code, no such account.
    """
    actor = admit(office.engine, by, Act.ACCOUNTS, at=at, key=office.key, code_needed=True)
    with writing(office.engine) as connection:
        registry.existing(connection, account_id)
        ended = sessions.end_all(connection, account_id)
        body = {"account": account_id, "ended": ended}
        audit.append(connection, at=at, actor=actor, action="session.revoke", body=body)
    return ended


def set_password(
    office: Office, account_id: str, password: str, *, by: Actor, at: datetime
) -> registry.Account:
    """Give a password; every session of the account ends. One that an admin gives to somebody else
    must be changed at the first sign-in.

    Raises:
        RuleViolation: no admin, a wrong code, no such account, or it is too weak.
    """
    trouble = passwords.trouble_of(password, account_id)
    if trouble:
        raise RuleViolation(f"password of {account_id}: {trouble}")
    actor = admit(office.engine, by, Act.ACCOUNTS, at=at, key=office.key, code_needed=True)
    initial = by.name != account_id
    values = {"password_hash": passwords.hashed(password), "password_initial": initial}
    with writing(office.engine) as connection:
        found = registry.change(
            connection, account_id, "password", values, at=at, by=actor,
            said={"initial": initial},
        )  # fmt: skip
        sessions.end_all(connection, account_id)
    return found


def change_own(
    office: Office, account_id: str, change: Change, *, session_hash: str, at: datetime
) -> Trouble | None:
    """Another password for oneself; every other session ends. None: done."""
    if passwords.trouble_of(change.new, account_id):
        return Trouble.WEAK
    if change.new == change.old:
        return Trouble.SAME
    with writing(office.engine) as connection:
        who = blind(office.key, f"change {account_id}", purpose="sign-in")
        if counted(connection, "password-change", who, Per.HOUR, at) > PER_HOUR:
            return Trouble.TOO_OFTEN
        stored = connection.execute(
            select(accounts.c.password_hash).where(accounts.c.account_id == account_id)
        ).scalar()
    try:
        with passwords.KNOWN.turn():
            right = passwords.matches(stored, change.old)
            anew = passwords.hashed(change.new) if right else ""
    except passwords.Busy:
        return Trouble.BUSY
    if not right or stored is None:
        return Trouble.WRONG
    return _changed(office, account_id, stored, anew, session_hash, at)


def _changed(
    office: Office, account_id: str, stored: str, anew: str, session_hash: str, at: datetime
) -> Trouble | None:
    with writing(office.engine) as connection:
        done = connection.execute(
            update(accounts)
            .where(accounts.c.account_id == account_id, accounts.c.password_hash == stored)
            .values(password_hash=anew, password_initial=False)
        ).rowcount
        if not done:
            return Trouble.WRONG
        ended = sessions.end_all(connection, account_id, but=session_hash)
        body = {"account": account_id, "ended": ended}
        audit.append(connection, at=at, actor=account_id, action="account.password", body=body)
    return None
