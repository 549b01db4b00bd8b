"""Rows of `accounts`. Each change is a row of the audit in the same transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from kentongan import audit
from kentongan.accounts.roles import Role
from kentongan.db import accounts
from kentongan.errors import RuleViolation
from kentongan.times import iso

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_AREA = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?")
RESERVED = frozenset({"kentongan", "policy", "dispatcher", "deadman", "nobody"})
"""Names that the audit uses for what is no person."""


@dataclass(frozen=True)
class Account:
    account_id: str
    name: str
    role: Role
    areas: tuple[str, ...]
    """Prefixes of area codes at their dots; empty: the nation."""
    totp_secret: str | None
    """Sealed."""
    created_at: str
    disabled_at: str | None

    def covers(self, codes: Sequence[str]) -> bool:
        """Whether every area lies within this account's."""
        return not self.outside(codes)

    def outside(self, codes: Sequence[str]) -> list[str]:
        if not self.areas:
            return []
        within = tuple(f"{area}." for area in self.areas)
        return [code for code in codes if not f"{code}.".startswith(within)]


def is_name(text: str) -> bool:
    """Whether an account may have this name."""
    return _ID.fullmatch(text) is not None and text not in RESERVED


def account(connection: Connection, account_id: str) -> Account | None:
    row = connection.execute(select(accounts).where(accounts.c.account_id == account_id)).first()
    return _account(row) if row else None


def every_account(connection: Connection) -> list[Account]:
    rows = connection.execute(select(accounts).order_by(accounts.c.account_id))
    return [_account(row) for row in rows]


def _account(row: Row[Any]) -> Account:
    values = row._mapping
    return Account(
        account_id=values["account_id"],
        name=values["name"],
        role=Role(values["role"]),
        areas=tuple(values["areas"]),
        totp_secret=values["totp_secret"],
        created_at=values["created_at"],
        disabled_at=values["disabled_at"],
    )


def add(
    connection: Connection,
    account_id: str,
    *,
    name: str,
    role: Role,
    areas: Sequence[str],
    sealed_secret: str | None,
    at: datetime,
    by: str,
) -> Account:
    """A new account.

    Raises:
        RuleViolation: the name is taken, reserved or of another form; a code is no area's.
    """
    if not is_name(account_id):
        raise RuleViolation(
            f"account {account_id!r}: expected 2 to 40 of a-z 0-9 . _ - (not "
            f"{', '.join(sorted(RESERVED))})"
        )
    if account(connection, account_id) is not None:
        raise RuleViolation(f"account {account_id}: there is one of that name already")
    checked = check_areas(areas)
    connection.execute(
        accounts.insert().values(
            account_id=account_id,
            name=name,
            role=str(role),
            areas=list(checked),
            totp_secret=sealed_secret,
            created_at=iso(at),
        )
    )
    body = {"account": account_id, "name": name, "role": str(role), "areas": list(checked)}
    audit.append(connection, at=at, actor=by, action="account.add", body=body)
    return existing(connection, account_id)


def existing(connection: Connection, account_id: str) -> Account:
    """The account.

    Raises:
        RuleViolation: there is none.
    """
    found = account(connection, account_id)
    if found is None:
        raise RuleViolation(f"account {account_id!r}: none of that name; see: accounts list")
    return found


def check_areas(areas: Sequence[str]) -> tuple[str, ...]:
    """The prefixes, sorted.

    Raises:
        RuleViolation: one is no code of a province, regency, district or village.
    """
    for area in areas:
        if not _AREA.fullmatch(area):
            raise RuleViolation(
                f"area {area!r}: expected a dotted Kemendagri code, e.g. 32 or 32.04"
            )
    return tuple(sorted(set(areas)))


def change(
    connection: Connection, account_id: str, what: str, values: dict[str, Any], *, at: datetime,
    by: str, said: dict[str, Any],
) -> Account:  # fmt: skip
    """Set columns of one account; `said` stands in the audit (never a secret).

    Raises:
        RuleViolation: there is none, or nobody could make accounts any more.
    """
    before = existing(connection, account_id)
    connection.execute(update(accounts).where(accounts.c.account_id == account_id).values(**values))
    after = existing(connection, account_id)
    if before.role is Role.ADMIN and not _admins(connection):
        raise RuleViolation(
            f"account {account_id} is the last admin: make another one first "
            "(kentongan accounts add NAME --role admin)"
        )
    body = {"account": account_id, **said}
    audit.append(connection, at=at, actor=by, action=f"account.{what}", body=body)
    return after


def _admins(connection: Connection) -> list[Account]:
    found = every_account(connection)
    return [one for one in found if one.role is Role.ADMIN and one.disabled_at is None]
