"""What somebody at a desk does with the registry, each in one transaction with its audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from kentongan import audit
from kentongan.db import contacts, opt_outs, recipients
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.transactions import writing
from notify.registry import leaving, waiting
from notify.registry.addresses import SMS, blind_address, require_index, unseal_address
from notify.registry.leaving import Registered, masked_numbers
from notify.registry.numbers import Refused, masked, mobile_number
from notify.registry.people import REFUSALS, Enrolled, Outcome, Person, Role, Via, enrol, prepare


@dataclass(frozen=True)
class Shown:
    """A person as a list may show them."""

    registered: Registered
    number: str
    """Masked; empty: none."""


def number_or_refuse(text: str, *, foreign: bool) -> str:
    """Raises:
    RuleViolation: no mobile number; it names the reason and a mask.
    """
    found = mobile_number(text, foreign=foreign)
    if isinstance(found, Refused):
        raise RuleViolation(f"number {found.line}")
    return found


def register(engine: Engine, keys: Keys, person: Person, *, at: datetime, actor: str) -> Enrolled:
    """One person, on an operator's word.

    Raises:
        RuleViolation: opted out, signed up themselves, or registered in another role.
    """
    prepared = prepare(keys, person)
    with writing(engine) as connection:
        require_index(connection, keys)
        [done] = enrol(connection, [prepared], via=Via.OPERATOR, at=at)
        if done.outcome in REFUSALS:
            raise RuleViolation(f"{masked(person.number)}: {done.outcome}")
        if done.outcome is not Outcome.KNOWN:
            body = {"recipient": done.recipient_id, "area": person.adm4_code, "via": "operator",
                    "role": str(person.role), "outcome": str(done.outcome)}  # fmt: skip
            audit.append(connection, at=at, actor=actor, action="recipient.add", body=body)
    return done


def whose(engine: Engine, keys: Keys, name: str) -> Registered:
    """The person of an id or of a number.

    Raises:
        RuleViolation: there is none.
    """
    number = mobile_number(name, foreign=True)
    with engine.connect() as connection:
        found = leaving.by_id(connection, name)
        if found is None and isinstance(number, str):
            found = leaving.by_number(connection, keys, number)
    if found is None:
        looks_like_one = sum(c.isdigit() for c in name) > 6
        typed = masked(name) if looks_like_one else repr(name[:40])
        shown = masked(number) if isinstance(number, str) else typed
        raise RuleViolation(f"recipient {shown}: nobody of that id or number; see: recipients list")
    return found


def stop(engine: Engine, keys: Keys, name: str, *, at: datetime, actor: str) -> str:
    """End all messages to somebody, or to a number that nobody registered; what was stopped.

    Raises:
        RuleViolation: neither an id that exists nor a mobile number.
    """
    with writing(engine) as connection:
        found = leaving.by_id(connection, name)
        number = _number_of(connection, keys, found) if found else name
        called = number_or_refuse(number, foreign=True)
        leaving.stop(connection, keys, called, via=Via.OPERATOR, at=at, actor=actor)
    return masked(called)


def _number_of(connection: Any, keys: Keys, found: Registered) -> str:
    query = select(contacts.c.sealed).where(
        contacts.c.recipient_id == found.recipient_id, contacts.c.channel == SMS
    )
    sealed = connection.execute(query).scalar()
    if sealed is None:
        raise RuleViolation(f"recipient {found.recipient_id}: no number is kept of them")
    return unseal_address(keys, found.recipient_id, SMS, sealed)


def erase(engine: Engine, recipient_id: str, *, at: datetime, actor: str, why: str) -> None:
    """Raises:
    RuleViolation: there is none of that id.
    """
    with writing(engine) as connection:
        leaving.erase(connection, recipient_id, at=at, actor=actor, why=why)


def export(
    engine: Engine, keys: Keys, recipient_id: str, *, at: datetime, actor: str
) -> dict[str, Any]:
    """Raises:
    RuleViolation: there is none of that id, or a contact does not open.
    """
    with writing(engine) as connection:
        document = leaving.export(connection, keys, recipient_id)
        body = {"recipient": recipient_id}
        audit.append(connection, at=at, actor=actor, action="recipient.export", body=body)
    return document


def number_of_waiting(
    engine: Engine, keys: Keys, sign_up_id: int, *, at: datetime, actor: str
) -> str:
    """The number of a sign-up from the web, for a call; that it was shown stands in the audit.

    Raises:
        RuleViolation: nothing of that id waits.
    """
    with writing(engine) as connection:
        _, number = waiting.one(connection, keys, sign_up_id, at)
        body = {"sign_up": sign_up_id}
        audit.append(connection, at=at, actor=actor, action="recipient.call", body=body)
    return number


def confirm(engine: Engine, keys: Keys, sign_up_id: int, *, at: datetime, actor: str) -> Enrolled:
    """Register somebody who signed up on the web, on the word of an operator who called them.

    Raises:
        RuleViolation: nothing of that id waits; opted out, or registered in another role.
    """
    with writing(engine) as connection:
        found, number = waiting.one(connection, keys, sign_up_id, at)
        person = Person(
            number, found.adm4_code, text_version=found.text_version, language=found.language
        )
        [done] = enrol(connection, [prepare(keys, person)], via=Via.OPERATOR, at=at)
        if done.outcome in REFUSALS:
            raise RuleViolation(f"sign-up {sign_up_id}: {done.outcome}")
        waiting.settle(connection, found.blind)
        body = {"recipient": done.recipient_id, "area": found.adm4_code, "via": "web",
                "outcome": str(done.outcome)}  # fmt: skip
        audit.append(connection, at=at, actor=actor, action="recipient.confirm", body=body)
    return done


def listed(
    engine: Engine,
    keys: Keys,
    *,
    area: str = "",
    role: Role | None = None,
    inactive: bool = False,
    limit: int,
) -> list[Shown]:
    """People who are no made-up ones, by area; numbers masked.

    Args:
        area: code of any level; empty: the nation.
    """
    inside = recipients.c.adm4_code.startswith(f"{area}." if area else "", autoescape=True)
    query = (
        select(
            recipients.c.recipient_id, recipients.c.role, recipients.c.adm4_code,
            recipients.c.language, recipients.c.active, recipients.c.synthetic,
            recipients.c.created_at,
        )
        .where(
            recipients.c.synthetic.is_(False),
            inside | (recipients.c.adm4_code == area),
        )
        .order_by(recipients.c.adm4_code, recipients.c.recipient_id)
        .limit(limit)
    )  # fmt: skip
    query = query if inactive else query.where(recipients.c.active)
    query = query if role is None else query.where(recipients.c.role == str(role))
    with engine.connect() as connection:
        rows = [Registered(**row) for row in connection.execute(query).mappings()]
        numbers = masked_numbers(connection, keys, [row.recipient_id for row in rows])
    return [Shown(row, numbers.get(row.recipient_id, "")) for row in rows]


def stopped_since(engine: Engine, keys: Keys, number: str) -> str | None:
    """When this number said BERHENTI or was erased; None: it did not."""
    query = select(opt_outs.c.at).where(
        opt_outs.c.channel == SMS, opt_outs.c.blind == blind_address(keys, number)
    )
    with engine.connect() as connection:
        found: str | None = connection.execute(query).scalar()
    return found


def outcomes_in_words(counts: dict[Outcome, int]) -> str:
    order: Sequence[Outcome] = (
        Outcome.ADDED, Outcome.CHANGED, Outcome.RETURNED, Outcome.KNOWN,
    )  # fmt: skip
    told = [f"{counts[one]:,} {one}" for one in order if counts.get(one)]
    return ", ".join(told) or "nobody"
