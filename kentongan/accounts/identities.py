"""Who somebody is at an OpenID provider: accounts are tied to it by an admin, never made by it.

An admin names the subject (`sub`), or an e-mail address that the provider has verified. The address
serves once: at the first sign-in the subject takes its place, since addresses are given to others
when people leave.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, select

from kentongan import audit
from kentongan.accounts import registry, sessions
from kentongan.accounts.gate import Actor, admit
from kentongan.accounts.office import Office
from kentongan.accounts.registry import Account, account
from kentongan.accounts.roles import Act
from kentongan.accounts.sign_in import STRANGER, Asked, Refusal, Signed, started
from kentongan.db import identities
from kentongan.errors import RuleViolation
from kentongan.times import iso
from kentongan.transactions import writing

LONGEST = 255
"""Characters of a subject (OpenID Connect Core 1.0, section 2)."""


class Kind(StrEnum):
    SUBJECT = "sub"
    EMAIL = "email"


def tie(
    office: Office, account_id: str, *, issuer: str, kind: Kind, value: str, by: Actor, at: datetime
) -> Account:
    """From now on this identity opens this account, and no other one does.

    Raises:
        RuleViolation: no admin, a wrong code, no such account, or the identity is another's.
    """
    if not issuer:
        raise RuleViolation("no OpenID provider is set: KENTONGAN_OIDC_ISSUER")
    value = value.strip().lower() if kind is Kind.EMAIL else value
    if not 0 < len(value) <= LONGEST or not value.isprintable():
        raise RuleViolation(f"{kind} {value[:40]!r}: expected 1 to {LONGEST} characters")
    actor = admit(office.engine, by, Act.ACCOUNTS, at=at, key=office.key, code_needed=True)
    with writing(office.engine) as connection:
        found = registry.existing(connection, account_id)
        holder = _holder(connection, issuer, kind, value)
        if holder not in ("", account_id):
            raise RuleViolation(f"{kind} {value}: it opens {holder} already; untie it there first")
        _untie(connection, account_id, issuer)
        _keep(connection, account_id, issuer, kind, value, at)
        body = {"account": account_id, "issuer": issuer, "kind": str(kind)}
        audit.append(connection, at=at, actor=actor, action="account.identity", body=body)
    return found


def untie(office: Office, account_id: str, *, issuer: str, by: Actor, at: datetime) -> Account:
    """The provider opens this account no more, and every session of it ends.

    Raises:
        RuleViolation: no admin, a wrong code, no such account.
    """
    actor = admit(office.engine, by, Act.ACCOUNTS, at=at, key=office.key, code_needed=True)
    with writing(office.engine) as connection:
        found = registry.existing(connection, account_id)
        _untie(connection, account_id, issuer)
        sessions.end_all(connection, account_id)
        body = {"account": account_id, "issuer": issuer, "kind": "none"}
        audit.append(connection, at=at, actor=actor, action="account.identity", body=body)
    return found


def sign_in_elsewhere(
    office: Office, asked: Asked, *, issuer: str, subject: str, email: str,
    limits: sessions.Limits, at: datetime,
) -> Signed | Refusal:  # fmt: skip
    """A session for whom the provider vouches for, when an admin tied them to an account.

    Args:
        email: verified by the provider; else empty.
    """
    with writing(office.engine) as connection:
        holder = _account_of(connection, issuer, subject, email, at)
        if holder is None or holder.disabled_at is not None:
            name = holder.account_id if holder else ""
            body = {"account": name, "reason": "no account, or disabled", "via": "oidc"}
            audit.append(connection, at=at, actor=STRANGER, action="session.refused", body=body)
            return Refusal.WRONG
        return started(connection, office, holder, asked, via="oidc", limits=limits, at=at)


def _account_of(
    connection: Connection, issuer: str, subject: str, email: str, at: datetime
) -> Account | None:
    name = _holder(connection, issuer, Kind.SUBJECT, subject)
    if name:
        return account(connection, name)
    name = _holder(connection, issuer, Kind.EMAIL, email.strip().lower()) if email else ""
    if not name:
        return None
    _untie(connection, name, issuer)
    _keep(connection, name, issuer, Kind.SUBJECT, subject, at)
    body = {"account": name, "issuer": issuer, "kind": "sub"}
    audit.append(connection, at=at, actor=name, action="account.identity", body=body)
    return account(connection, name)


def _holder(connection: Connection, issuer: str, kind: Kind, value: str) -> str:
    query = select(identities.c.account_id).where(
        identities.c.issuer == issuer, identities.c.kind == str(kind), identities.c.value == value
    )
    return str(connection.execute(query).scalar() or "")


def _keep(
    connection: Connection, account_id: str, issuer: str, kind: Kind, value: str, at: datetime
) -> None:
    connection.execute(
        identities.insert().values(
            issuer=issuer, kind=str(kind), value=value, account_id=account_id, at=iso(at)
        )
    )


def _untie(connection: Connection, account_id: str, issuer: str) -> None:
    connection.execute(
        delete(identities).where(
            identities.c.account_id == account_id, identities.c.issuer == issuer
        )
    )
