"""What an admin does with accounts, each in one transaction with its row of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from kentongan.accounts import registry, sessions
from kentongan.accounts.codes import new_secret, otpauth_uri
from kentongan.accounts.gate import Actor, admit
from kentongan.accounts.registry import Account
from kentongan.accounts.roles import Act, Role
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, seal
from kentongan.times import iso
from kentongan.transactions import writing


@dataclass(frozen=True)
class Enrolled:
    account: Account
    uri: str
    """`otpauth://…`: shown once, never stored in the clear."""


@dataclass(frozen=True)
class Office:
    """Where accounts are kept."""

    engine: Engine
    key: Keys
    """Of `kentongan.sealing.secrets_key`."""


def add(
    office: Office,
    account_id: str,
    *,
    name: str,
    role: Role,
    areas: Sequence[str],
    by: Actor | None,
    host: str,
    at: datetime,
) -> Enrolled:
    """A new account and its secret. The first one is an admin's, and needs nobody.

    Args:
        by: the admin; None for the first account of all.
        host: who runs the command on this machine, for the audit.

    Raises:
        RuleViolation: no admin, a wrong code, or the name is taken.
    """
    actor = _admitted(office, by, at) if by is not None else _first(office, role, host)
    secret = new_secret()
    with writing(office.engine) as connection:
        if by is None:
            _nobody_yet(connection, role)
        account = registry.add(
            connection,
            account_id,
            name=name,
            role=role,
            areas=areas,
            sealed_secret=seal(office.key, secret, owner=account_id),
            at=at,
            by=actor,
        )
    return Enrolled(account, otpauth_uri(secret, account_id))


def _admitted(office: Office, by: Actor, at: datetime) -> str:
    return admit(office.engine, by, Act.ACCOUNTS, at=at, key=office.key, code_needed=True)


def _first(office: Office, role: Role, host: str) -> str:
    with office.engine.connect() as connection:
        _nobody_yet(connection, role)
    return f"host:{host}"


def _nobody_yet(connection: Connection, role: Role) -> None:
    if registry.every_account(connection):
        raise RuleViolation("accounts exist: an admin makes new ones: --as NAME --code 123456")
    if role is not Role.ADMIN:
        raise RuleViolation("the first account must be an admin's: --role admin")


def new_code(
    office: Office, account_id: str, *, by: Actor | None, host: str, at: datetime
) -> Enrolled:
    """A new secret; the old one is worth nothing any more, and every session ends.

    Args:
        by: the admin; None: whoever holds this machine and its secrets key, when the last admin's
            phone is lost. It works for admins alone, and stands in the audit as `host:…`.

    Raises:
        RuleViolation: no admin, a wrong code, no such account.
    """
    actor = _admitted(office, by, at) if by is not None else f"host:{host}"
    secret = new_secret()
    with writing(office.engine) as connection:
        before = registry.existing(connection, account_id)
        if by is None and before.role is not Role.ADMIN:
            raise RuleViolation(
                f"{account_id} is {before.role}: an admin gives the new code: --as NAME --code …"
            )
        sealed = seal(office.key, secret, owner=account_id)
        values = {"totp_secret": sealed}
        account = registry.change(
            connection, account_id, "totp", values, at=at, by=actor, said={"new": True}
        )
        sessions.end_all(connection, account_id)
    return Enrolled(account, otpauth_uri(secret, account_id))


def set_role(office: Office, account_id: str, role: Role, *, by: Actor, at: datetime) -> Account:
    """Another role.

    Raises:
        RuleViolation: as `add`; the last admin must stay one.
    """
    values: dict[str, object] = {"role": str(role)}
    return _change(office, account_id, "role", values, by=by, at=at, said=values)


def set_areas(
    office: Office, account_id: str, areas: Sequence[str], *, by: Actor, at: datetime
) -> Account:
    """Other areas; none: the nation.

    Raises:
        RuleViolation: as `add`; a code is no area's.
    """
    values: dict[str, object] = {"areas": list(registry.check_areas(areas))}
    return _change(office, account_id, "areas", values, by=by, at=at, said=values)


def disable(office: Office, account_id: str, *, by: Actor, at: datetime) -> Account:
    """The account does nothing any more, from the next request on; what it did stays in the audit.

    Raises:
        RuleViolation: as `add`; the last admin must stay one.
    """
    values: dict[str, object] = {"disabled_at": iso(at)}
    found = _change(office, account_id, "disable", values, by=by, at=at, said=values)
    with writing(office.engine) as connection:
        sessions.end_all(connection, account_id)
    return found


def _change(
    office: Office,
    account_id: str,
    what: str,
    values: dict[str, object],
    *,
    by: Actor,
    at: datetime,
    said: dict[str, object],
) -> Account:
    actor = _admitted(office, by, at)
    with writing(office.engine) as connection:
        return registry.change(connection, account_id, what, values, at=at, by=actor, said=said)
