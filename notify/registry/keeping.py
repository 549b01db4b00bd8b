"""What the registry forgets every night, by `data/policy/registry.toml`; and new keys for what it
keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from kentongan import audit
from kentongan.db import accounts, consents, contacts, inbound, recipients, sign_ups
from kentongan.sealing import Keys, add_key, key_of, seal, secrets_key, unseal
from kentongan.settings import Settings
from kentongan.times import iso
from kentongan.transactions import writing
from notify.firewall.answers import sealed_for
from notify.registry import limits, waiting
from notify.registry.addresses import owner_of
from notify.registry.leaving import STOPPED, erase_many, forget_texts
from notify.registry.policy import RegistryPolicy

FORGOTTEN = "recipient.retention"
ROTATED = "secrets.rotate"
_BATCH = 500
"""Rows in one transaction: a cycle that sends waits for it at most some tens of milliseconds."""


@dataclass(frozen=True)
class Forgotten:
    """How many of each went."""

    stopped: int
    """People who stopped long enough ago: number, area and language."""
    sign_ups: int
    texts: int
    limits: int

    @property
    def total(self) -> int:
        return self.stopped + self.sign_ups + self.texts + self.limits


def forget(engine: Engine, policy: RegistryPolicy, *, at: datetime, actor: str) -> Forgotten:
    """Delete what the policy gives up, with one line of the audit; the second time nothing."""
    rules = policy.retention
    with writing(engine) as connection:
        stopped = _stopped(connection, at - timedelta(days=rules.stopped_days))
        old = inbound.c.received_at < iso(at - timedelta(days=rules.inbound_text_days))
        found = Forgotten(
            stopped=erase_many(connection, stopped, at=at, reason=STOPPED),
            sign_ups=waiting.forget(connection, at),
            texts=forget_texts(connection, old),
            limits=limits.forget(connection, at, days=rules.limits_days),
        )
        if found.total:
            audit.append(connection, at=at, actor=actor, action=FORGOTTEN, body=asdict(found))
    return found


def _stopped(connection: Connection, before: datetime) -> list[str]:
    """People who are not active and whose last word is from before."""
    query = (
        select(recipients.c.recipient_id)
        .join(consents, consents.c.recipient_id == recipients.c.recipient_id)
        .where(recipients.c.active.is_(False), recipients.c.synthetic.is_(False))
        .group_by(recipients.c.recipient_id)
        .having(func.max(consents.c.at) < iso(before))
    )
    return list(connection.execute(query).scalars())


@dataclass(frozen=True)
class Rotated:
    """What was sealed anew, and which keys still seal something."""

    sealed_anew: int
    in_use: dict[str, int]
    """Key id -> sealed texts; empty id: of a time without ids."""


def rotate(engine: Engine, keys: Keys, *, at: datetime, actor: str) -> Rotated:
    """Seal everything by the first key of the file that another one seals.

    In batches, each whole or not at all; broken off, it goes on where it was. Sending goes on
    beside it.

    Raises:
        RuleViolation: a text does not open; everything before it is sealed anew.
    """
    done = 0
    for table in _TABLES:
        for batch in _old(engine, keys, table):
            with writing(engine) as connection:
                for row in batch:
                    done += _seal_anew(connection, keys, table, row)
    in_use = _in_use(engine)
    if done:
        with writing(engine) as connection:
            body = {"key": keys.newest_id, "sealed_anew": done}
            audit.append(connection, at=at, actor=actor, action=ROTATED, body=body)
    return Rotated(done, in_use)


def rotated(engine: Engine, settings: Settings, *, at: datetime, actor: str) -> Rotated:
    """Make a new key where the newest one seals everything, then seal the rest by it.

    Broken off, the next call finishes with the key that is there instead of making another.

    Raises:
        SettingsError: the operator keeps the keys, and has put no new one in front.
        RuleViolation: as `rotate`.
    """
    keys = secrets_key(settings)
    if not set(_in_use(engine)) - {keys.newest_id}:
        keys = add_key(settings)
    return rotate(engine, keys, at=at, actor=actor)


@dataclass(frozen=True)
class _Sealed:
    """Where sealed texts stand."""

    table: Any
    column: Any
    keys: tuple[Any, ...]

    def owner(self, row: Any) -> str:
        if self.table is contacts:
            return owner_of(row.recipient_id, row.channel)
        if self.table is inbound:
            return sealed_for(row.route, row.provider_key)
        return waiting.owner_of(row.blind) if self.table is sign_ups else str(row.account_id)


_TABLES = (
    _Sealed(contacts, contacts.c.sealed, (contacts.c.recipient_id, contacts.c.channel)),
    _Sealed(sign_ups, sign_ups.c.sealed, (sign_ups.c.id, sign_ups.c.blind)),
    _Sealed(inbound, inbound.c.sender_sealed, (inbound.c.route, inbound.c.provider_key)),
    _Sealed(accounts, accounts.c.totp_secret, (accounts.c.account_id,)),
)


def _old(engine: Engine, keys: Keys, of: _Sealed) -> Iterator[list[Any]]:
    """Rows that another key sealed, in batches; each batch is read when the one before is done."""
    mine = of.column.startswith(f"v2:{keys.newest_id}:", autoescape=True)
    query = (
        select(*of.keys, of.column.label("sealed"))
        .where(of.column.is_not(None), of.column != "", ~mine)
        .order_by(*of.keys)
        .limit(_BATCH)
    )
    while True:
        with engine.connect() as connection:
            batch = list(connection.execute(query))
        if not batch:
            return
        yield batch


def _seal_anew(connection: Connection, keys: Keys, of: _Sealed, row: Any) -> int:
    owner = of.owner(row)
    fresh = seal(keys, unseal(keys, row.sealed, owner=owner), owner=owner)
    # Only what still stands there: somebody may have changed it since it was read.
    here = [column == getattr(row, column.name) for column in of.keys]
    statement = update(of.table).where(*here, of.column == row.sealed)
    return connection.execute(statement.values({of.column.name: fresh})).rowcount


def _in_use(engine: Engine) -> dict[str, int]:
    found: dict[str, int] = {}
    with engine.connect() as connection:
        for of in _TABLES:
            head = func.substr(of.column, 1, len("v2:") + 8)
            query = (
                select(head, func.count())
                .where(of.column.is_not(None), of.column != "")
                .group_by(head)
            )
            for text, count in connection.execute(query):
                name = key_of(f"{text}:")
                found[name] = found.get(name, 0) + count
    return found
