"""Who is signed in: random ids in cookies, their hashes in the table.

An id has 256 random bits, so its plain SHA-256 cannot be guessed backwards; a stolen table opens
nothing. Role, areas and whether the account lives are read anew with every request.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import OperationalError

from kentongan.accounts.registry import Account, account
from kentongan.db import accounts, sessions
from kentongan.settings import Settings
from kentongan.times import iso, parse_instant
from kentongan.transactions import writing_soon

log = logging.getLogger(__name__)

ID_BYTES = 32
MOST = 20
"""Sessions of one account; the oldest ends when another begins."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly idleness is known: not every request writes."""


@dataclass(frozen=True)
class Limits:
    """How long a session lasts."""

    idle: timedelta
    whole: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            timedelta(minutes=settings.session_idle_min), timedelta(hours=settings.session_hours)
        )


@dataclass(frozen=True)
class Session:
    session_hash: str
    account_id: str
    created_at: str
    seen_at: str
    ends_at: str
    agent: str
    via: str
    network: str


@dataclass(frozen=True)
class Live:
    """A session in force and its account, as both are now."""

    session: Session
    account: Account
    password_initial: bool


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def start(
    connection: Connection, account_id: str, *, via: str, agent: str, network: str, limits: Limits,
    at: datetime,
) -> tuple[str, str]:  # fmt: skip
    """A new session: (the id for the cookie, its hash). Those past their end go."""
    connection.execute(delete(sessions).where(sessions.c.ends_at < iso(at)))
    mine = of_account(connection, account_id)
    for old in mine[: max(0, len(mine) + 1 - MOST)]:
        end(connection, old.session_hash)
    token = secrets.token_urlsafe(ID_BYTES)
    connection.execute(
        sessions.insert().values(
            session_hash=hash_of(token), account_id=account_id, created_at=iso(at),
            seen_at=iso(at), ends_at=iso(at + limits.whole),
            agent=_printable(agent)[:200], via=via, network=network[:64],
        )
    )  # fmt: skip
    return token, hash_of(token)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def find(engine: Engine, token: str, *, limits: Limits, at: datetime) -> Live | None:
    """The session of this cookie; None: no such, over, or its account is disabled.

    One that is over is deleted: a clock that jumps back does not open it again.
    """
    with engine.connect() as connection:
        session = _session(connection, hash_of(token))
        holder = account(connection, session.account_id) if session else None
        initial = bool(
            session
            and connection.execute(
                select(accounts.c.password_initial).where(
                    accounts.c.account_id == session.account_id
                )
            ).scalar()
        )
    if session is None:
        return None
    idle_from = parse_instant(session.seen_at)
    over = at >= parse_instant(session.ends_at) or at >= idle_from + limits.idle
    if over or holder is None or holder.disabled_at is not None:
        _later(engine, lambda connection: end(connection, session.session_hash))
        return None
    if at - idle_from >= SEEN_EVERY:
        _seen(engine, session.session_hash, at)
    return Live(session, holder, initial)


def _seen(engine: Engine, session_hash: str, at: datetime) -> None:
    noted = (
        update(sessions)
        .where(sessions.c.session_hash == session_hash, sessions.c.seen_at < iso(at))
        .values(seen_at=iso(at))
    )
    _later(engine, lambda connection: connection.execute(noted))


def _later(engine: Engine, write: Callable[[Connection], object]) -> None:
    """Write, or leave it to the next request: pages are read while others write."""
    try:
        with writing_soon(engine) as connection:
            write(connection)
    except OperationalError:
        log.info("a session is noted later: somebody else writes")


def _session(connection: Connection, session_hash: str) -> Session | None:
    row = connection.execute(
        select(sessions).where(sessions.c.session_hash == session_hash)
    ).first()
    return Session(**row._mapping) if row else None


def of_account(connection: Connection, account_id: str) -> list[Session]:
    """The oldest first; some may be over by now."""
    query = select(sessions).where(sessions.c.account_id == account_id)
    rows = connection.execute(query.order_by(sessions.c.created_at, sessions.c.session_hash))
    return [Session(**row._mapping) for row in rows]


def every(connection: Connection) -> list[Session]:
    rows = connection.execute(select(sessions).order_by(sessions.c.account_id, sessions.c.seen_at))
    return [Session(**row._mapping) for row in rows]


def in_force(session: Session, *, limits: Limits, at: datetime) -> bool:
    fresh = at < parse_instant(session.seen_at) + limits.idle
    return fresh and at < parse_instant(session.ends_at)


def end(connection: Connection, session_hash: str) -> bool:
    found = delete(sessions).where(sessions.c.session_hash == session_hash)
    return connection.execute(found).rowcount > 0


def end_all(connection: Connection, account_id: str, *, but: str = "") -> int:
    """Every session of an account; `but` names one that stays."""
    found = delete(sessions).where(
        sessions.c.account_id == account_id, sessions.c.session_hash != but
    )
    return connection.execute(found).rowcount
