"""Reports that come by the web form and by telephone: kept with the caller sealed before anybody
is told that we have them, and read in the same transaction.

Who typed a number into a page is not known to have it. Such a sender is marked (`web:`, `voice:`),
so that nothing it says stops a registration or accepts a task.
"""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import OperationalError

from kentongan.db import inbound
from kentongan.sealing import Keys, blind, seal
from kentongan.transactions import writing
from notify.firewall.answers import sealed_for
from notify.inbox.cleaning import raw, shown
from notify.inbox.store import DONE, FAILED, precise
from notify.registry.limits import Per, counted
from notify.registry.numbers import Refused, mobile_number
from notify.registry.web import network_of
from notify.reports.desk import Desk, Taken, Telling
from notify.reports.handler import KIND, report_id
from notify.reports.kinds import VOICE, WEB, Category

log = logging.getLogger(__name__)

TEXT_CHARS = 1_000
PLACE_CHARS = 120
_NUMBER_CHARS = 40
_MADE_UP = re.compile(r"\+999\d{1,12}", re.ASCII)
"""Numbers of exercises; nobody has one."""


class Refusal(StrEnum):
    EMPTY = "empty"
    TOO_OFTEN = "too often"
    NUMBER = "number"
    """What was typed is no number of a telephone."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed; hostile."""

    text: str
    place: str = ""
    number: str = ""
    category: str = ""
    trap: str = ""
    """A field that people do not see: whoever fills it is a program."""
    once: str = ""
    """Made up by a page that sends again until it hears from us: the same is taken once."""


@dataclass(frozen=True, slots=True)
class Received:
    """It is kept; `taken` is None where it could not be read and waits for a person."""

    report_id: str
    taken: Taken | None


def from_web(
    engine: Engine, keys: Keys, desk: Desk, form: Form, *, address: str, at: datetime
) -> Received | Refusal:
    """A report of the public form.

    Args:
        address: IP address of the browser; kept as a keyed hash in the counts alone.

    Raises:
        OperationalError: it could not be stored; nothing may be acknowledged.
    """
    number = _number(form.number)
    if not form.text.strip():
        return Refusal.EMPTY
    if number is None:
        return Refusal.NUMBER
    known = _taken_before(engine, keys, form)
    if known is not None:
        return known
    if not _may(engine, keys, desk, address, at):
        return Refusal.TOO_OFTEN
    if form.trap:
        return Received("r-" + secrets.token_hex(12), None)
    caller = blind(keys, f"{WEB}:{number}") if number else ""
    return _receive(engine, keys, desk, form, WEB, number, caller, at=at, actor="")


def from_voice(
    engine: Engine, keys: Keys, desk: Desk, form: Form, *, operator: str, at: datetime
) -> Received | Refusal:
    """A call as an operator writes it down; the caller's number is the one that is shown to them.

    Raises:
        OperationalError: it could not be stored.
    """
    number = _number(form.number)
    if not form.text.strip() and form.category not in set(Category):
        return Refusal.EMPTY
    if number is None:
        return Refusal.NUMBER
    caller = blind(keys, number) if number else ""
    return _receive(engine, keys, desk, form, VOICE, number, caller, at=at, actor=operator)


def _receive(
    engine: Engine, keys: Keys, desk: Desk, form: Form, via: str, number: str, caller: str,
    *, at: datetime, actor: str,
) -> Received:  # fmt: skip
    key = _key_of(keys, form)
    values = _row(keys, form, via, number, key, at)
    try:
        with writing(engine) as connection:
            return _read(connection, keys, desk, form, values, via, caller, actor=actor, at=at)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 whatever the text broke, it is kept
        known = _taken_before(engine, keys, form)  # the same, sent twice at once
        if known is not None:
            return known
        log.error("report by %s: %s", via, type(error).__name__)  # noqa: TRY400
        with writing(engine) as connection:
            failed = {**values, "state": FAILED, "kind": "", "detail": type(error).__name__}
            found = connection.execute(inbound.insert().values(**failed)).inserted_primary_key
        return Received(report_id(keys, found[0] if found else 0), None)


def _key_of(keys: Keys, form: Form) -> str:
    return blind(keys, form.once, purpose="report once") if form.once else secrets.token_hex(16)


def _taken_before(engine: Engine, keys: Keys, form: Form) -> Received | None:
    """What a page was told when it sent the same before; it did not hear it."""
    if not form.once:
        return None
    same = (inbound.c.route == WEB) & (inbound.c.provider_key == _key_of(keys, form))
    with engine.connect() as connection:
        found = connection.execute(select(inbound.c.id).where(same)).scalar()
    return None if found is None else Received(report_id(keys, found), None)


def _read(
    connection: Connection, keys: Keys, desk: Desk, form: Form, values: dict[str, object],
    via: str, caller: str, *, actor: str, at: datetime,
) -> Received:  # fmt: skip
    kept = connection.execute(inbound.insert().values(**values)).inserted_primary_key
    inbound_id = int(kept[0]) if kept else 0
    chosen = Category(form.category) if form.category in set(Category) else None
    telling = Telling(
        report_id(keys, inbound_id), via, shown(form.text[:TEXT_CHARS]), at, caller=caller,
        inbound_id=inbound_id, place=shown(form.place[:PLACE_CHARS]) or None, category=chosen,
        actor=actor,
    )  # fmt: skip
    taken = desk.take(connection, telling, at=at)
    mine = inbound.update().where(inbound.c.id == inbound_id)
    connection.execute(mine.values(ref=taken.case_id or taken.report_id))
    return Received(telling.report_id, taken)


def _row(
    keys: Keys, form: Form, via: str, number: str, key: str, at: datetime
) -> dict[str, object]:
    """A row of the inbox that no handler of messages will read."""
    sender = f"{via}:{number}" if number else f"{via}:-"
    said = f"{form.text[:TEXT_CHARS]}\n{form.place[:PLACE_CHARS]}".strip()
    return {
        "route": via, "provider_key": key, "text": shown(said), "raw": raw(said),
        "sender_sealed": seal(keys, sender, owner=sealed_for(via, key)),
        "sender_blind": blind(keys, sender), "received_at": precise(at), "state": DONE,
        "kind": KIND, "handled_at": precise(at), "flood": False, "detail": via, "ref": "",
    }  # fmt: skip


def _number(text: str) -> str | None:
    """E.164; empty where none was given; None: it is no number of a mobile phone."""
    if not text.strip():
        return ""
    if _MADE_UP.fullmatch(text.strip()):
        return text.strip()
    found = mobile_number(text[:_NUMBER_CHARS])
    return None if isinstance(found, Refused) else found


def _may(engine: Engine, keys: Keys, desk: Desk, address: str, at: datetime) -> bool:
    network = blind(keys, network_of(address), purpose="address")
    with writing(engine) as connection:
        own = counted(connection, "report-address", network, Per.HOUR, at)
        every = counted(connection, "report-all", "all", Per.HOUR, at)
    rules = desk.rules
    return own <= rules.web_per_address_per_hour and every <= rules.web_all_per_hour
