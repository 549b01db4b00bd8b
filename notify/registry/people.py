"""People of the registry: residents by consent, Tagana and officials by duty.

One number is one person. Whoever said BERHENTI, or had their data erased, comes back by their own
word alone, never by somebody's list. What a person said themselves (by SMS, or on the web) is not
changed by a list either.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from kentongan.codes import adm_level
from kentongan.db import consents, contacts, opt_outs, recipients
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.times import iso
from notify.registry.addresses import SMS, blind_address, seal_address
from notify.sending.newcomers import tell_newcomers

_CHUNK = 5_000
"""Keys in one query: PostgreSQL takes 65,535, SQLite 32,766."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,39}")


class Role(StrEnum):
    """What the outbox looks for."""

    RESIDENT = "resident"
    COORDINATOR = "coordinator"
    """Of Tagana: gets tasks."""
    OFFICIAL = "official"


class Basis(StrEnum):
    """By what right somebody's number is kept (UU 27/2022, art. 20)."""

    CONSENT = "consent"
    DUTY = "duty"


class Via(StrEnum):
    SMS = "sms"
    WEB = "web"
    IMPORT = "import"
    OPERATOR = "operator"


OWN_WORD = frozenset({Via.SMS, Via.WEB})
"""The person spoke, and their phone proved it."""


class Outcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    RETURNED = "returned"
    """Had stopped, and came back by their own word."""
    KNOWN = "known"
    """Stood there already, all the same."""
    OPTED_OUT = "opted out: only the person can come back, by SMS from this phone"
    OWN_CHOICE = "signed up themselves; a list does not change what they chose"
    OTHER_ROLE = "registered in another role"
    ID_TAKEN = "another person has this id"


REFUSALS = frozenset({Outcome.OPTED_OUT, Outcome.OWN_CHOICE, Outcome.OTHER_ROLE, Outcome.ID_TAKEN})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to register."""

    number: str
    """E.164, of `numbers.mobile_number`."""
    adm4_code: str
    """Home, or where they serve."""
    role: Role = Role.RESIDENT
    text_version: str = ""
    """Of the consent; of people by duty the decree or list that names them."""
    language: str = "id"
    recipient_id: str = ""
    """Given to people by duty alone, where tasks know them by one; empty: made here."""

    @property
    def basis(self) -> Basis:
        return Basis.CONSENT if self.role is Role.RESIDENT else Basis.DUTY


@dataclass(frozen=True, slots=True)
class Prepared:
    """A person with what takes time to work out, before the database is held."""

    person: Person
    recipient_id: str
    blind: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    recipient_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Known:
    recipient_id: str
    role: str
    adm4_code: str
    language: str
    active: bool
    via: str
    text_version: str


@dataclass
class _Pile:
    """Rows of one call, written together."""

    people: list[dict[str, Any]] = field(default_factory=list)
    instead: list[dict[str, Any]] = field(default_factory=list)
    """In the place of a made-up person of the same id."""
    contacts: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    back: list[str] = field(default_factory=list)


def new_id() -> str:
    """Tells nothing of the person; random, so that two machines never make the same."""
    return f"p-{secrets.token_hex(8)}"


def prepare(keys: Keys, person: Person) -> Prepared:
    """Check what can be checked without a table, seal the number.

    Raises:
        RuleViolation: no village code, no language, or an id of another form.
        DataError: as `adm_level`.
    """
    if adm_level(person.adm4_code) != 4:
        raise RuleViolation(
            f"area {person.adm4_code}: expected the code of a village, e.g. 32.04.12.2001"
        )
    if not _LANGUAGE.fullmatch(person.language):
        raise RuleViolation(f"language {person.language!r}: expected a code such as id or jv")
    if person.recipient_id and not _ID.fullmatch(person.recipient_id):
        raise RuleViolation(f"id {person.recipient_id!r}: expected 2 to 40 of A-Z a-z 0-9 . _ -")
    made = person.recipient_id or new_id()
    return Prepared(
        person=person,
        recipient_id=made,
        blind=blind_address(keys, person.number),
        sealed=seal_address(keys, made, SMS, person.number),
    )


def enrol(
    connection: Connection,
    people: Sequence[Prepared],
    *,
    via: Via,
    at: datetime,
    dry: bool = False,
) -> list[Enrolled]:
    """Put people into the registry or refresh them; one answer each, in order.

    Residents of a village where a warning is in force are told (`notify.sending.newcomers`).
    The caller's transaction must be a writing one (`kentongan.transactions.writing`), and it
    audits. Nobody may stand in `people` twice.

    Args:
        dry: only say what would come of it.
    """
    blinds = [one.blind for one in people]
    known = _known(connection, blinds)
    out = _opted_out(connection, blinds)
    taken = _taken(connection, [one.person.recipient_id for one in people])
    pile, now = _Pile(), iso(at)
    answers = [
        _place(one, known.get(one.blind), one.blind in out, taken, pile, via=via, at=now)
        for one in people
    ]
    if not dry:
        _write(connection, pile)
        tell_newcomers(connection, _villages(people, answers), at=at)
    return answers


def _villages(people: Sequence[Prepared], answers: Sequence[Enrolled]) -> set[str]:
    """Where residents came, came back, or read another language from now on."""
    return {
        one.person.adm4_code
        for one, answer in zip(people, answers, strict=True)
        if one.person.role is Role.RESIDENT
        and answer.outcome in (Outcome.ADDED, Outcome.CHANGED, Outcome.RETURNED)
    }


def _place(
    one: Prepared,
    known: _Known | None,
    opted_out: bool,
    taken: Mapping[str, bool],
    pile: _Pile,
    *,
    via: Via,
    at: str,
) -> Enrolled:
    refusal = _refusal(one, known, opted_out, taken, via)
    if refusal is not None:
        return Enrolled(known.recipient_id if known else "", refusal)
    if opted_out:
        pile.back.append(one.blind)
    if known is None:
        _add(one, pile, via=via, at=at, instead=one.recipient_id in taken)
        return Enrolled(one.recipient_id, Outcome.RETURNED if opted_out else Outcome.ADDED)
    return Enrolled(known.recipient_id, _refresh(one, known, pile, via=via, at=at))


def _refusal(
    one: Prepared, known: _Known | None, opted_out: bool, taken: Mapping[str, bool], via: Via
) -> Outcome | None:
    own = via in OWN_WORD
    person = one.person
    if (opted_out or (known is not None and not known.active)) and not own:
        return Outcome.OPTED_OUT
    if known is None:
        return None if taken.get(person.recipient_id, True) else Outcome.ID_TAKEN
    if known.role != person.role:
        return Outcome.OTHER_ROLE
    same = (known.adm4_code, known.language) == (person.adm4_code, person.language)
    if not same and not own and known.via in OWN_WORD:
        return Outcome.OWN_CHOICE
    return None


def _add(one: Prepared, pile: _Pile, *, via: Via, at: str, instead: bool) -> None:
    person = one.person
    (pile.instead if instead else pile.people).append(
        {
            "recipient_id": one.recipient_id,
            "role": str(person.role),
            "adm4_code": person.adm4_code,
            "address": "",
            "language": person.language,
            "synthetic": False,
            "by_sms": True,
            "by_push": False,  # no subscription stands behind it
            "active": True,
            "created_at": at,
        }
    )
    pile.contacts.append(
        {
            "recipient_id": one.recipient_id,
            "channel": SMS,
            "sealed": one.sealed,
            "blind": one.blind,
            "added_at": at,
        }
    )
    pile.consents.append(_given(one.recipient_id, person, via=via, at=at))


def _refresh(one: Prepared, known: _Known, pile: _Pile, *, via: Via, at: str) -> Outcome:
    person = one.person
    listed = via not in OWN_WORD and known.via in OWN_WORD  # all the same, or it was refused
    same = (known.adm4_code, known.language, known.text_version) == (
        person.adm4_code,
        person.language,
        person.text_version,
    )
    if known.active and (same or listed):
        return Outcome.KNOWN
    pile.changed.append(
        {
            "recipient_id": known.recipient_id,
            "adm4_code": person.adm4_code,
            "language": person.language,
            "active": True,
        }
    )
    pile.consents.append(_given(known.recipient_id, person, via=via, at=at))
    return Outcome.CHANGED if known.active else Outcome.RETURNED


def _given(recipient_id: str, person: Person, *, via: Via, at: str) -> dict[str, Any]:
    return {
        "recipient_id": recipient_id,
        "basis": str(person.basis),
        "act": "given",
        "text_version": person.text_version,
        "via": str(via),
        "at": at,
    }


def _write(connection: Connection, pile: _Pile) -> None:
    for table, rows in (
        (recipients, pile.people), (contacts, pile.contacts), (consents, pile.consents),
    ):  # fmt: skip
        if rows:
            connection.execute(insert(table), rows)
    for row in (*pile.instead, *pile.changed):
        mine = recipients.c.recipient_id == row["recipient_id"]
        connection.execute(update(recipients).where(mine).values(**row))
    for chunk in chunks(pile.back):
        connection.execute(
            delete(opt_outs).where(opt_outs.c.blind.in_(chunk), opt_outs.c.channel == SMS)
        )


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _known(connection: Connection, blinds: Sequence[str]) -> dict[str, _Known]:
    query = (
        select(
            contacts.c.blind, recipients.c.recipient_id, recipients.c.role,
            recipients.c.adm4_code, recipients.c.language, recipients.c.active,
        )
        .join(recipients, recipients.c.recipient_id == contacts.c.recipient_id)
    )  # fmt: skip
    found: dict[str, Any] = {}
    for chunk in chunks(blinds):
        rows = connection.execute(
            query.where(contacts.c.channel == SMS, contacts.c.blind.in_(chunk))
        )
        found.update({row.blind: row for row in rows})
    said: dict[str, Any] = {}
    for chunk in chunks([row.recipient_id for row in found.values()]):
        said.update({row.recipient_id: row for row in connection.execute(_last_words(chunk))})
    return {blind: _as_known(row, said.get(row.recipient_id)) for blind, row in found.items()}


def _last_words(recipient_ids: Sequence[str]) -> Any:
    newest = (
        select(func.max(consents.c.id))
        .where(consents.c.recipient_id.in_(recipient_ids))
        .group_by(consents.c.recipient_id)
    )
    return select(consents.c.recipient_id, consents.c.via, consents.c.text_version).where(
        consents.c.id.in_(newest)
    )


def _as_known(row: Any, said: Any) -> _Known:
    return _Known(
        recipient_id=row.recipient_id,
        role=row.role,
        adm4_code=row.adm4_code,
        language=row.language,
        active=row.active,
        via=said.via if said else "",
        text_version=said.text_version if said else "",
    )


def _opted_out(connection: Connection, blinds: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for chunk in chunks(blinds):
        query = select(opt_outs.c.blind).where(
            opt_outs.c.channel == SMS, opt_outs.c.blind.in_(chunk)
        )
        found.update(connection.execute(query).scalars())
    return frozenset(found)


def _taken(connection: Connection, ids: Sequence[str]) -> dict[str, bool]:
    """Ids that exist already, and whether a made-up person has them, who makes room."""
    found: dict[str, bool] = {}
    columns = (recipients.c.recipient_id, recipients.c.synthetic)
    for chunk in chunks([one for one in ids if one]):
        rows = connection.execute(select(*columns).where(recipients.c.recipient_id.in_(chunk)))
        found.update({row.recipient_id: row.synthetic for row in rows})
    return found
