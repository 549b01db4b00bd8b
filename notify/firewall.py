"""The firewall between exercise and reality, in one place and by construction.

A message can reach the public only if four things agree: the mode is actual, the run is
live, the input says `Actual`, and nothing in it is a re-creation. Everything else exists
only with the recorder behind it and with a mark in front of every text. No policy and no
approval stands above this page. On 27 May 2021 a test tsunami SMS reached the public in
Indonesia; here a test document in actual mode never becomes a warning at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NewType

from kentongan.drills import is_drill
from kentongan.errors import RuleViolation
from kentongan.types import DocumentStatus, Mode
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt

CapStatus = Literal["Actual", "Exercise", "Test"]
Marked = NewType("Marked", str)
"""A text that carries the mark of its status; only `mark` and `marked` make one."""

SYNTHETIC_PREFIX = "+999"
"""A country code that ITU has not assigned: no number behind it can ring."""

RECORDER = "recorder"
TEST_ROUTE = "test"

_MARKS: dict[tuple[str, str], str] = {
    ("Actual", "id"): "",
    ("Actual", "en"): "",
    ("Exercise", "id"): "LATIHAN. ",
    ("Exercise", "en"): "LATIHAN (EXERCISE). ",
    ("Test", "id"): "TES. ",
    ("Test", "en"): "TES (TEST). ",
}


def document_status(status: DocumentStatus, *texts: str) -> DocumentStatus:
    """What the input says of itself; words of a drill in any text outweigh `Actual`."""
    if status is DocumentStatus.ACTUAL and is_drill(*texts):
        return DocumentStatus.TEST
    return status


def cap_status(mode: Mode, *, live: bool, status: DocumentStatus, re_creation: bool) -> CapStatus:
    """The `status` that everything made from this input carries.

    Args:
        live: the run is of the present: no scenario, no replay, `at` near the real clock.
        status: what the input says of itself.
        re_creation: the input is marked as made after an event of the past.

    Raises:
        RuleViolation: a test or exercise document in actual mode.
    """
    if mode is Mode.ACTUAL and status is not DocumentStatus.ACTUAL:
        raise RuleViolation(
            f"input of status {status} in mode actual: only Actual input may lead to a warning "
            "there; run with KENTONGAN_MODE=exercise or test to use it"
        )
    if mode is Mode.ACTUAL and live and not re_creation:
        return "Actual"
    return "Test" if mode is Mode.TEST else "Exercise"


def mark_of(status: str, language: str = "id") -> str:
    """The words in front of every text of this status."""
    return _MARKS[(status, language[:2])]


def mark(text: str, status: str, language: str = "id") -> Marked:
    """The text with the mark of its status in front."""
    return Marked(mark_of(status, language) + text)


def require_marked(text: str, status: str) -> Marked:
    """The same text, seen to carry its mark.

    Raises:
        RuleViolation: it does not; nothing may be written or sent.
    """
    if status not in ("Actual", "Exercise", "Test"):
        raise RuleViolation(f"status {status!r}: expected Actual, Exercise or Test")
    word = {"Exercise": "LATIHAN", "Test": "TES"}.get(status, "")
    if not text.startswith(word):
        raise RuleViolation(f"a text of status {status} must start with {word!r}: {text[:40]!r}")
    return Marked(text)


@dataclass(frozen=True)
class Routes:
    """Where rows of one alert go when they are put into the outbox."""

    real: bool = False
    """Real channels; only for an Actual alert."""
    test_numbers: tuple[str, ...] = ()

    def open_to(self, status: str) -> Routes:
        """Those of the routes that an alert of `status` may take."""
        if status == "Actual":
            return Routes(real=self.real)
        return Routes(test_numbers=self.test_numbers if status == "Test" else ())


RECORDER_ONLY = Routes()


def routes_for(mode: Mode, *, live: bool, status: str, test_numbers: Sequence[str] = ()) -> Routes:
    """The routes open to an alert of `status` in this run."""
    if mode is Mode.ACTUAL and live and status == "Actual":
        return Routes(real=True)
    if mode is Mode.TEST and status == "Test":
        return Routes(test_numbers=tuple(n for n in test_numbers if not is_synthetic(n)))
    return RECORDER_ONLY


def is_synthetic(address: str) -> bool:
    return re.sub(r"[^\d+]", "", address).removeprefix("00").lstrip("+").startswith("999")


def channels_for(
    mode: Mode,
    *,
    live: bool,
    recorder: Channel,
    real: Mapping[str, Channel] | None = None,
    test_numbers: Sequence[str] = (),
) -> dict[str, Channel]:
    """The channels that exist in this run, by route.

    Outside a live actual run the real ones are not in the answer, so nothing can call
    them; in test mode one of them may stand behind a list of numbers.
    """
    channels: dict[str, Channel] = {RECORDER: recorder}
    if mode is Mode.ACTUAL and live:
        channels.update({r: Guarded(c, status="Actual") for r, c in (real or {}).items()})
    elif mode is Mode.TEST and test_numbers and real and "sms" in real:
        numbers = frozenset(test_numbers)
        channels[TEST_ROUTE] = Guarded(real["sms"], status="Test", only=numbers)
    return channels


class Guarded:
    """A real channel behind the rules that hold for each of them."""

    def __init__(
        self, channel: Channel, *, status: CapStatus, only: frozenset[str] | None = None
    ) -> None:
        self._channel = channel
        self._status = status
        self._only = only
        self.route = channel.route
        self.window = channel.window

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        reasons = [self._refusal(message) for message in messages]
        passed = [m for m, reason in zip(messages, reasons, strict=True) if not reason]
        answers = iter(self._channel.send(passed) if passed else [])
        return [Receipt(Outcome.REFUSED, r) if r else next(answers) for r in reasons]

    def _refusal(self, message: Outgoing) -> str:
        if is_synthetic(message.address):
            return "synthetic number (+999): no real channel takes it"
        if message.cap_status != self._status:
            return f"alert of status {message.cap_status}: this channel takes {self._status} only"
        if self._only is not None and message.address not in self._only:
            return "not one of the listed test numbers"
        try:
            require_marked(message.text, self._status)
        except RuleViolation as error:
            return str(error)
        return ""
