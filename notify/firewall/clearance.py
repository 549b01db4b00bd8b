"""The only page that can let a message reach a phone.

Two things are made here and nowhere else. A `Clearance` is a run's leave to use real channels; a
`Cleared` is one message that passed every rule under it. Both ask for a key that only this module
holds. Real channels take `Cleared` and nothing else (`notify.channels.real`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, final

from kentongan.drills import is_drill, is_re_creation
from kentongan.errors import RuleViolation
from kentongan.times import iso, require_aware
from kentongan.types import Mode
from notify.channels.channel import Outgoing
from notify.channels.chat.addresses import TELEGRAM, WHATSAPP, is_telegram
from notify.firewall.marks import is_marked

NEAR = timedelta(minutes=10)
"""An `at` further off the real clock is a replay, which never reaches the public."""
SYNTHETIC_PREFIX = "+999"
"""A country code that ITU has not assigned: no number behind it can ring."""
BOUND_TO_PUBLIC = "actual"
"""The kind of run (`kentongan.binding`) whose home may hold real warnings."""

_KEY = object()
_BY_NUMBER = ("sms", WHATSAPP)
_PHONE_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]")
_PHONE = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)  # E.164: at most 15 digits


def real_clock() -> datetime:
    """The guard believes no caller's clock, so it has its own."""
    return datetime.now(UTC)


def number(address: str) -> str:
    """A phone number in one spelling: `0812…`, `62812…`, `+62 812-…` and `0062812…` are one.

    What is no phone number (a push token) comes back as it is, without what cannot be seen.
    """
    folded = unicodedata.normalize("NFKC", address)
    seen = "".join(_digit(c) for c in folded if unicodedata.category(c) not in ("Cf", "Cc", "Mn"))
    bare = _PHONE_PUNCTUATION.sub("", seen)
    if not re.fullmatch(r"\+?\d+", bare, re.ASCII):
        return seen.strip()
    if bare.startswith("+"):
        return bare
    if bare.startswith("00"):
        return f"+{bare[2:]}"
    if bare.startswith("0"):
        return f"+62{bare[1:]}"
    return f"+62{bare}" if bare.startswith("8") else f"+{bare}"


def spellings(address: str) -> tuple[str, ...]:
    """The ways in which an Indonesian number may stand in a table, and the one given."""
    one = number(address)
    bare = one.removeprefix("+62")
    if bare == one:
        return (address, one)
    return (address, one, f"62{bare}", f"0{bare}", f"0062{bare}")


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def is_synthetic(address: str) -> bool:
    """Whether a number is made up, however it is written (`0999…` and `+62999…` too)."""
    return number(address).startswith((SYNTHETIC_PREFIX, f"+62{SYNTHETIC_PREFIX[1:]}"))


@final
class Cleared:
    """A message that may go out now."""

    __slots__ = ("_clearance", "message")

    def __init__(self, message: Outgoing, clearance: Clearance, *, key: object) -> None:
        if key is not _KEY:
            raise RuleViolation("a message is cleared by notify.firewall.clearance alone")
        self.message = message
        self._clearance = clearance

    def check(self) -> None:
        """Once more, at the wire.

        Raises:
            RuleViolation: what held when it was cleared does not hold any more.
        """
        self._clearance.require(self.message)


@final
class Clearance:
    """A run's leave to use real channels, for as long as its clock is right."""

    __slots__ = ("_at", "_clock", "_numbers", "_status")

    def __init__(
        self,
        *,
        key: object,
        status: str,
        at: datetime,
        clock: Callable[[], datetime],
        numbers: frozenset[str] | None,
    ) -> None:
        if key is not _KEY:
            raise RuleViolation("a clearance is given by notify.firewall.clearance alone")
        self._status, self._at, self._clock, self._numbers = status, at, clock, numbers

    def holds(self) -> bool:
        """Whether the run's instant is still the present."""
        return abs(self._at - require_aware(self._clock())) <= NEAR

    def clear(self, message: Outgoing) -> Cleared:
        """The message with its leave.

        Raises:
            RuleViolation: a rule that keeps it from going out.
        """
        self.require(message)
        return Cleared(message, self, key=_KEY)

    def require(self, message: Outgoing) -> None:
        """See that the message may go out.

        Raises:
            RuleViolation: the first rule that says no.
        """
        if not self.holds():
            raise RuleViolation(
                f"the run is of {iso(self._at)}, more than {NEAR.seconds // 60} minutes off the "
                "real clock: a replay reaches nobody"
            )
        for reason in _refusals(message, self._status, self._numbers):
            raise RuleViolation(reason)


def public_clearance(
    mode: Mode,
    *,
    live: bool,
    bound_to: str | None,
    at: datetime,
    clock: Callable[[], datetime] = real_clock,
) -> Clearance | None:
    """Leave to reach the public; None in every run but a live one of the present in actual mode,
    in a home that never held anything else.

    Args:
        live: no scenario, no replay, and feeds that are BMKG's.
        bound_to: `kentongan.binding.bound_to`.
    """
    if mode is not Mode.ACTUAL or not live or bound_to != BOUND_TO_PUBLIC:
        return None
    return _if_it_holds("Actual", at, clock, None)


def rehearsal_clearance(
    mode: Mode,
    numbers: Sequence[str],
    *,
    at: datetime,
    clock: Callable[[], datetime] = real_clock,
) -> Clearance | None:
    """Leave to reach these numbers with `Test` messages, in test mode."""
    listed = frozenset(number(n) for n in numbers if not is_synthetic(n))
    if mode is not Mode.TEST or not listed:
        return None
    return _if_it_holds("Test", at, clock, listed)


def _if_it_holds(
    status: str, at: datetime, clock: Callable[[], datetime], numbers: frozenset[str] | None
) -> Clearance | None:
    made = Clearance(key=_KEY, status=status, at=require_aware(at), clock=clock, numbers=numbers)
    return made if made.holds() else None


def _refusals(message: Outgoing, status: str, numbers: frozenset[str] | None) -> Iterator[str]:
    """Every reason why a message may not go out, in words that hold no number."""
    if message.synthetic or is_synthetic(message.address):
        yield "synthetic number (+999): no real channel takes it"
    if message.channel in _BY_NUMBER and not _PHONE.fullmatch(number(message.address)):
        yield "not a phone number"
    if message.channel == TELEGRAM and not is_telegram(message.address):
        yield "not the address of a chat"
    if message.cap_status != status:
        yield f"alert of status {message.cap_status}: this channel takes {status} only"
    if numbers is not None and number(message.address) not in numbers:
        yield "not one of the listed test numbers"
    if not is_marked(message.text, message.payload, status):
        yield f"a text of status {status} without its mark"
    if status == "Actual":
        yield from _public_refusals(message)


def _public_refusals(message: Outgoing) -> Iterator[str]:
    if message.origin is None:
        yield "nobody looked up where it comes from"
    else:
        yield from message.origin.doubts
        if message.origin.status != "Actual":
            yield f"its warning is {message.origin.status or 'in doubt'}, not Actual"
    words = tuple(texts_of(message))
    if is_drill(*words) or is_re_creation(*words):
        yield "its words say that it is a drill or a re-creation"


def texts_of(message: Outgoing) -> Iterator[str]:
    """Every text of a message that a person may read."""
    yield message.text
    yield from _strings(message.payload or {})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in _strings(inner))
    elif isinstance(value, list | tuple):
        yield from (text for inner in value for text in _strings(inner))
