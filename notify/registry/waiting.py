"""Sign-ups that wait: for a code from the person's own phone, or for their choice of a village."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from kentongan.db import sign_ups
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, blind, seal, unseal
from kentongan.times import iso

WEB, ASKED = "web", "asked"
CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-up on the web whose phone has not spoken yet. It gets nothing."""

    id: int
    blind: str
    adm4_code: str
    language: str
    text_version: str
    created_at: str
    until: str


def ask(
    connection: Connection, who: str, codes: Sequence[str], *, at: datetime, minutes: int
) -> None:
    """Note from which villages somebody may choose; an older question is forgotten."""
    mine = (sign_ups.c.blind == who) & (sign_ups.c.kind == ASKED)
    connection.execute(delete(sign_ups).where(mine))
    row = {
        "blind": who, "kind": ASKED, "choices": list(codes), "created_at": iso(at),
        "until": iso(at + timedelta(minutes=minutes)),
    }  # fmt: skip
    connection.execute(insert(sign_ups), row)


def asked(connection: Connection, who: str, at: datetime) -> tuple[str, ...]:
    """Codes of the villages in the open question; empty without one."""
    query = select(sign_ups.c.choices).where(
        sign_ups.c.blind == who, sign_ups.c.kind == ASKED, sign_ups.c.until > iso(at)
    )
    found = connection.execute(query).scalar()
    return tuple(found or ())


def keep(
    connection: Connection,
    keys: Keys,
    number: str,
    who: str,
    *,
    adm4_code: str,
    language: str,
    text_version: str,
    at: datetime,
    days: int,
) -> str:
    """Store a sign-up from the web until the phone confirms it; the code for that.

    Several may wait for one number: a stranger's do not push out the owner's.
    """
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    row = {
        "blind": who, "kind": WEB, "sealed": seal(keys, number, owner=owner_of(who)),
        "adm4_code": adm4_code, "choices": [], "language": language,
        "text_version": text_version, "code_hash": _hashed(keys, who, code),
        "created_at": iso(at), "until": iso(at + timedelta(days=days)),
    }  # fmt: skip
    connection.execute(insert(sign_ups), row)
    return code


def owner_of(who: str) -> str:
    """What is authenticated beside a sealed number that waits."""
    return f"sign-up/{who}"


def _hashed(keys: Keys, who: str, code: str) -> str:
    return blind(keys, f"{who}/{code}", purpose="sign-up code")


def confirmed(
    connection: Connection, keys: Keys, who: str, code: str, at: datetime
) -> Waiting | None:
    """The sign-up that this phone confirms by this code."""
    query = _waiting(at).where(
        sign_ups.c.blind == who, sign_ups.c.code_hash == _hashed(keys, who, code)
    )
    row = connection.execute(query.order_by(sign_ups.c.id.desc())).mappings().first()
    return Waiting(**row) if row else None


def waiting(connection: Connection, at: datetime, limit: int) -> list[Waiting]:
    """Those that wait, the oldest first."""
    rows = connection.execute(_waiting(at).order_by(sign_ups.c.id).limit(limit)).mappings()
    return [Waiting(**row) for row in rows]


def one(connection: Connection, keys: Keys, sign_up_id: int, at: datetime) -> tuple[Waiting, str]:
    """A sign-up that waits and its number.

    Raises:
        RuleViolation: there is none of that id, or it does not open.
    """
    row = connection.execute(_waiting(at).where(sign_ups.c.id == sign_up_id)).mappings().first()
    if row is None:
        raise RuleViolation(f"sign-up {sign_up_id}: none of that id waits; see: recipients pending")
    sealed = connection.execute(
        select(sign_ups.c.sealed).where(sign_ups.c.id == sign_up_id)
    ).scalar_one()
    return Waiting(**row), unseal(keys, sealed, owner=owner_of(row["blind"]))


def _waiting(at: datetime) -> Select[Any]:
    return select(
        sign_ups.c.id, sign_ups.c.blind, sign_ups.c.adm4_code, sign_ups.c.language,
        sign_ups.c.text_version, sign_ups.c.created_at, sign_ups.c.until,
    ).where(sign_ups.c.kind == WEB, sign_ups.c.until > iso(at))  # fmt: skip


def settle(connection: Connection, who: str) -> None:
    """Nothing waits for this number any more."""
    connection.execute(delete(sign_ups).where(sign_ups.c.blind == who))


def forget(connection: Connection, at: datetime) -> int:
    """Delete what waited too long; returns how many."""
    return connection.execute(delete(sign_ups).where(sign_ups.c.until <= iso(at))).rowcount
