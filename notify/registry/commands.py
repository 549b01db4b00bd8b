"""What people tell the registry by SMS: `DAFTAR <desa>`, `BERHENTI`, `INFO`.

The sender's own phone is the proof that the number is theirs. Each answer is one part of 160
characters of the GSM alphabet, and holds nothing of what was received. Answers to one number are
limited (`data/policy/registry.toml`); `BERHENTI` is obeyed beyond that limit too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rapidfuzz import fuzz
from sqlalchemy import Connection, Engine

from kentongan import audit
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys
from kentongan.transactions import writing
from notify.registry import replies, waiting
from notify.registry.addresses import blind_address, require_index
from notify.registry.leaving import by_number, stop
from notify.registry.limits import Per, counted
from notify.registry.numbers import mobile_number
from notify.registry.people import REFUSALS, Outcome, Person, Role, Via, enrol, prepare
from notify.registry.places import Found, Place, Places
from notify.registry.policy import default_text, registry_policy

MAX_TEXT = 500
"""Characters that are read: three parts of an SMS; nobody signs up with more."""
_LIKE = 80.0
"""Similarity (0..100) from which a first word is taken as the one meant."""
_WORDS = re.compile(r"[^\W_]+")
_POLITE = frozenset(
    {"tolong", "mohon", "minta", "saya", "aku", "mau", "ingin", "pak", "bu", "min", "halo"}
)
_DISMISS = frozenset({"sms", "kirim", "pesan", "jangan", "langganan", "lagi", "info", "dulu"})
_FEW = 4
"""`Berhenti di jembatan, ada longsor di depan` is a report, not a good-bye."""
_CODE = re.compile(r"\d{3}[\s-]?\d{3}")
_CHOICE = re.compile(r"[1-3]")


class Command(StrEnum):
    JOIN = "daftar"
    LEAVE = "berhenti"
    STATE = "info"


_MEANT = {
    "daftar": Command.JOIN, "daptar": Command.JOIN, "reg": Command.JOIN,
    "berhenti": Command.LEAVE, "stop": Command.LEAVE, "unreg": Command.LEAVE,
    "info": Command.STATE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    command: Command
    text: str
    """One SMS; empty: nothing is answered."""
    recipient_id: str = ""


def handle(
    engine: Engine, keys: Keys, sender: str, text: str, at: datetime, places: Places
) -> Answer | None:
    """Do what an SMS to the registry asks for; None: it is not for the registry.

    Args:
        sender: as the carrier gives it; what is no mobile number (a service) is not answered.
        text: hostile.
    """
    with writing(engine) as connection:
        return handle_in(connection, keys, sender, text, at, places)


def handle_in(
    connection: Connection, keys: Keys, sender: str, text: str, at: datetime, places: Places
) -> Answer | None:
    """As `handle`, within a transaction that writes."""
    number = mobile_number(sender, foreign=True)
    if not isinstance(number, str):
        return None
    command, rest = parsed(text)
    desk = _Desk(connection, keys, number, at, places)
    if command is None:
        return desk.choice(rest) if _CHOICE.fullmatch(rest) else None
    if command is Command.LEAVE:
        return desk.leave()
    return desk.join(rest) if command is Command.JOIN else desk.state()


def parsed(text: str) -> tuple[Command | None, str]:
    """The command and what stands behind it; without one, the whole text."""
    bare = " ".join(text[:MAX_TEXT].split())
    found = list(_WORDS.finditer(bare))
    while len(found) > 1 and found[0].group().casefold() in _POLITE:
        found.pop(0)
    command = _meant(found[0].group().casefold()) if found else None
    if command is None or not _is_meant(command, found):
        return None, bare
    return command, bare[found[0].end() :].strip(" :;,.-#=")


def _meant(word: str) -> Command | None:
    if word in _MEANT or len(word) < 5:
        return _MEANT.get(word)
    likeliest = max(("daftar", "berhenti"), key=lambda known: fuzz.ratio(word, known))
    return _MEANT[likeliest] if fuzz.ratio(word, likeliest) >= _LIKE else None


def _is_meant(command: Command, found: list[re.Match[str]]) -> bool:
    if command is Command.LEAVE:
        behind = {match.group().casefold() for match in found[1:]}
        return len(behind) < _FEW or bool(behind & _DISMISS)
    return command is not Command.STATE or len(found) <= 2


@dataclass(frozen=True)
class _Desk:
    """One SMS on the table."""

    connection: Connection
    keys: Keys
    number: str
    at: datetime
    places: Places

    @property
    def blind(self) -> str:
        return blind_address(self.keys, self.number)

    def _may_answer(self) -> bool:
        rules = registry_policy().sms
        hour = counted(self.connection, "sms", self.blind, Per.HOUR, self.at)
        day = counted(self.connection, "sms", self.blind, Per.DAY, self.at)
        return hour <= rules.answers_per_hour and day <= rules.answers_per_day

    def leave(self) -> Answer:
        may = self._may_answer()
        try:
            found = stop(
                self.connection, self.keys, self.number, via=Via.SMS, at=self.at, actor="recipient"
            )
        except RuleViolation:
            return Answer(Command.LEAVE, replies.BY_DUTY if may else "")
        text = replies.STOPPED if may else ""
        return Answer(Command.LEAVE, text, found.recipient_id if found else "")

    def state(self) -> Answer:
        if not self._may_answer():
            return Answer(Command.STATE, "")
        found = by_number(self.connection, self.keys, self.number)
        if found is None or not found.active:
            return Answer(Command.STATE, replies.NOT_REGISTERED)
        if found.role != Role.RESIDENT:
            return Answer(Command.STATE, replies.BY_DUTY, found.recipient_id)
        place = self.places.place(found.adm4_code)
        return Answer(Command.STATE, replies.registered_for(place), found.recipient_id)

    def join(self, rest: str) -> Answer:
        if not self._may_answer():
            return Answer(Command.JOIN, "")
        if not isinstance(mobile_number(self.number), str):
            return Answer(Command.JOIN, "")
        if _CHOICE.fullmatch(rest):
            return self._chosen(int(rest)) or Answer(Command.JOIN, replies.HOW_TO)
        if _CODE.fullmatch(rest):
            return self._confirmed(re.sub(r"\D", "", rest))
        return self._named(rest) if rest else Answer(Command.JOIN, replies.HOW_TO)

    def choice(self, rest: str) -> Answer | None:
        """A bare `1`, `2` or `3`: ours only where we have asked."""
        if not waiting.asked(self.connection, self.blind, self.at):
            return None
        return self._chosen(int(rest)) if self._may_answer() else Answer(Command.JOIN, "")

    def _chosen(self, number: int) -> Answer | None:
        codes = waiting.asked(self.connection, self.blind, self.at)
        place = self.places.place(codes[number - 1]) if number <= len(codes) else None
        return None if place is None else self._enrolled(place, default_text().version)

    def _confirmed(self, code: str) -> Answer:
        found = waiting.confirmed(self.connection, self.keys, self.blind, code, self.at)
        place = self.places.place(found.adm4_code) if found else None
        if found is None or place is None:
            return Answer(Command.JOIN, replies.WRONG_CODE)
        return self._enrolled(place, found.text_version, language=found.language)

    def _named(self, rest: str) -> Answer:
        found = self.places.find(rest)
        if found.sure:
            return self._enrolled(found.places[0], default_text().version)
        return self._ask(found)

    def _ask(self, found: Found) -> Answer:
        offered, text = replies.question(found)
        if offered:
            waiting.ask(
                self.connection, self.blind, [place.code for place in offered], at=self.at,
                minutes=registry_policy().sms.asked_minutes,
            )  # fmt: skip
        return Answer(Command.JOIN, text)

    def _enrolled(self, place: Place, text_version: str, *, language: str = "id") -> Answer:
        person = Person(self.number, place.code, text_version=text_version, language=language)
        require_index(self.connection, self.keys)
        [done] = enrol(self.connection, [prepare(self.keys, person)], via=Via.SMS, at=self.at)
        waiting.settle(self.connection, self.blind)
        if done.outcome in REFUSALS:
            return Answer(Command.JOIN, replies.BY_DUTY, done.recipient_id)
        if done.outcome is not Outcome.KNOWN:
            body = {"recipient": done.recipient_id, "area": place.code, "via": "sms",
                    "outcome": str(done.outcome)}  # fmt: skip
            audit.append(
                self.connection, at=self.at, actor="recipient", action="recipient.sign-up",
                body=body,
            )  # fmt: skip
        return Answer(Command.JOIN, replies.registered(place, done.outcome), done.recipient_id)
