"""The firewall between exercise and reality, in one place and by construction.

A message can reach the public only if everything agrees: the mode is actual, the run is live and
of the present by the real clock, its home never held anything else, the input says `Actual`, and
nothing in it is a re-creation. Everything else exists only with the recorder behind it and with a
mark in front of every text. No policy and no approval stands above this page. On 27 May 2021 a
test tsunami SMS reached the public in Indonesia; here a test document in actual mode never becomes
a warning at all, and were one written into the tables by hand, every step behind would stop it
alone (`notify.drill_check`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from kentongan.binding import bound_to
from kentongan.drills import is_drill
from kentongan.errors import RuleViolation
from kentongan.types import DocumentStatus, Mode
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt
from notify.channels.real import RealChannel
from notify.firewall.clearance import (
    SYNTHETIC_PREFIX,
    Clearance,
    Cleared,
    is_synthetic,
    number,
    public_clearance,
    real_clock,
    rehearsal_clearance,
)
from notify.firewall.marks import CapStatus, Marked, mark, mark_of, require_marked

__all__ = [
    "RECORDER", "RECORDER_ONLY", "SYNTHETIC_PREFIX", "TEST_ROUTE", "CapStatus", "Guarded",
    "Marked", "Routes", "all_routes", "cap_status", "channels_for", "document_status",
    "is_public", "is_synthetic", "mark", "mark_of", "number", "require_marked", "routes_for",
]  # fmt: skip

RECORDER = "recorder"
TEST_ROUTE = "test"

_KEY = object()


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


def is_public(route: str) -> bool:
    """Whether messages of this route could reach somebody who is not on a list."""
    return route not in (RECORDER, TEST_ROUTE)


@dataclass(frozen=True)
class Routes:
    """Where rows of one alert go when they are put into the outbox.

    Raises:
        RuleViolation: somebody but this module opens the real ones.
    """

    real: bool = False
    """Real channels; only for an Actual alert."""
    test_numbers: tuple[str, ...] = ()
    key: object = None
    test_blinds: tuple[str, ...] = ()
    """Indexes of the same numbers, for people whose number is sealed (`notify.registry`)."""

    def __post_init__(self) -> None:
        if self.real and self.key is not _KEY:
            raise RuleViolation("real routes are opened by notify.firewall.gate.routes_for alone")

    def open_to(self, status: str) -> Routes:
        """Those of the routes that an alert of `status` may take."""
        if status == "Actual":
            return Routes(real=self.real, key=self.key)
        if status != "Test":
            return RECORDER_ONLY
        return Routes(test_numbers=self.test_numbers, test_blinds=self.test_blinds)


RECORDER_ONLY = Routes()


def routes_for(
    mode: Mode,
    *,
    live: bool,
    status: str,
    test_numbers: Sequence[str] = (),
    test_blinds: Sequence[str] = (),
) -> Routes:
    """The routes open to an alert of `status` in this run."""
    every = all_routes(mode, live=live, test_numbers=test_numbers, test_blinds=test_blinds)
    return every.open_to(status)


def all_routes(
    mode: Mode, *, live: bool, test_numbers: Sequence[str] = (), test_blinds: Sequence[str] = ()
) -> Routes:
    """Every route that this run has; what is written takes those open to its status."""
    if mode is Mode.ACTUAL and live:
        return Routes(real=True, key=_KEY)
    if mode is Mode.TEST:
        real = tuple(n for n in test_numbers if not is_synthetic(n))
        return Routes(test_numbers=real, test_blinds=tuple(test_blinds))
    return RECORDER_ONLY


def channels_for(
    engine: Engine,
    mode: Mode,
    *,
    live: bool,
    at: datetime,
    recorder: Channel,
    real: Mapping[str, RealChannel] | None = None,
    test_numbers: Sequence[str] = (),
    clock: Callable[[], datetime] = real_clock,
) -> dict[str, Channel]:
    """The channels that exist in this run, by route.

    Without a clearance the real ones are not in the answer, so nothing can call them; in test
    mode one of them may stand behind a list of numbers.
    """
    channels: dict[str, Channel] = {RECORDER: recorder}
    home = bound_to(engine) if mode is Mode.ACTUAL else None
    if public := public_clearance(mode, live=live, bound_to=home, at=at, clock=clock):
        channels.update({r: Guarded(c, public) for r, c in (real or {}).items() if is_public(r)})
    listed = rehearsal_clearance(mode, test_numbers, at=at, clock=clock)
    if listed and real and "sms" in real:
        channels[TEST_ROUTE] = Guarded(real["sms"], listed)
    return channels


class Guarded:
    """A real channel behind its clearance: the only thing that hands messages to one."""

    def __init__(self, channel: RealChannel, clearance: Clearance) -> None:
        self._channel = channel
        self._clearance = clearance
        self.route = channel.route
        self.window = channel.window

    def holds(self) -> bool:
        """Whether the clearance has not run out; a long call ends here and the next goes on."""
        return self._clearance.holds()

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        tried = [self._cleared(message) for message in messages]
        passed = [one for one in tried if isinstance(one, Cleared)]
        answers = iter(self._channel.send(passed) if passed else [])
        return [next(answers) if isinstance(one, Cleared) else one for one in tried]

    def _cleared(self, message: Outgoing) -> Cleared | Receipt:
        if not self.holds():
            return Receipt(Outcome.RETRY, "the run's instant is no longer the present")
        try:
            return self._clearance.clear(message)
        except RuleViolation as error:
            return Receipt(Outcome.REFUSED, str(error))
