"""One way out, served by one thread: claim, look again, send a window, write down what became.

What a window answered is written in the transaction that marks the next one, so nothing is on
the wire that the books do not know, and a crash leaves at most one window in doubt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from kentongan.errors import DispatchError, KentonganError
from kentongan.sealing import Keys
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt
from notify.channels.chat.addresses import CHATS
from notify.dispatcher.faults import until_done
from notify.dispatcher.run import Answered, Run
from notify.dispatcher.shared import Shared
from notify.firewall.answers import look
from notify.firewall.inspection import Book
from notify.registry.addresses import SMS, WEBPUSH, addresses_of
from notify.sending.claim import LEASE

log = logging.getLogger(__name__)
_T = TypeVar("_T")

BATCH = 500
IDLE_S = 0.1
"""Between two looks where nothing waits."""
_AFTER_FAULT_S = 1.0


class Worker(threading.Thread):
    """The recorder, or whatever needs no owner, no pace and no price."""

    def __init__(
        self, shared: Shared, channel: Channel, way: str, *, in_flight: timedelta = LEASE
    ) -> None:
        """
        Args:
            in_flight: after it a window that is on the wire is in doubt.
        """
        super().__init__(name=f"send-{way}", daemon=True)
        self.shared, self.way = shared, way
        book = None if shared.keys is None else book_of(shared.keys)
        self.steps = Run(
            shared.engine, way, channel, clock=shared.clock, book=book, owner=shared.owner,
            answers=partial(look, keys=shared.keys), recalls_pass=shared.policy.recalls_pass_a_stop,
            wait=in_flight, resend_after=timedelta(seconds=shared.policy.recovery_wait_s),
        )  # fmt: skip
        self.outcomes: Counter[str] = Counter()
        """Since the start, by outcome."""
        self.idle_turns = 0
        """Looks since the last batch."""

    @property
    def has_looked(self) -> bool:
        """Whether it found nothing more that may go now."""
        return self.idle_turns > 1

    @property
    def sent(self) -> int:
        return sum(self.outcomes[word] for word in ("accepted", "recorded", "unknown"))

    # --- the thread ----------------------------------------------------------------------

    def run(self) -> None:
        try:
            while not self.shared.ending.is_set():
                if self._turn():
                    self.idle_turns = 0
                else:
                    self.idle_turns += 1
                    self.shared.ending.wait(IDLE_S)
        finally:
            self._end()

    def _turn(self) -> bool:
        """One batch; whether there may be more at once."""
        try:
            more = self._is_ready() and self._sends_batch()
        except Exception as error:  # whatever it is, other batches must go on
            if not isinstance(error, KentonganError):
                log.exception("route %s: a batch failed", self.way)
            self.shared.faults.note(f"route {self.way}", error)
            self.shared.ending.wait(_AFTER_FAULT_S)
            return False
        if more:
            self.shared.faults.over(f"route {self.way}")
        return more

    def _is_ready(self) -> bool:
        """Whether it may send now."""
        return True

    def _end(self) -> None:
        """The thread is over."""

    # --- one batch -----------------------------------------------------------------------

    def _sends_batch(self) -> bool:
        steps = self.steps
        ids = self._books("claim", lambda: steps.claim(self._batch()))
        if not ids:
            return False
        done: Answered | None = None
        try:
            for window in self._windows(self._chosen(steps.look(ids))):
                if not self._may_go_on(window):
                    break
                marked = self._marked(done, window)
                done = None
                if marked is None:
                    break
                done = (marked, self._answers(marked)) if marked else None
        finally:
            if done is not None:
                self._books("settle", lambda: steps.turn(done, ()))
            self._books("give back", steps.give_back)
        return True

    def _marked(self, done: Answered | None, window: Sequence[Outgoing]) -> list[Outgoing] | None:
        """What must be sent now; what the last window answered is written down with its mark."""
        tries = 0

        def turn() -> list[Outgoing] | None:
            nonlocal tries
            tries += 1
            return self.steps.turn(done, window, again=tries > 1)

        return self._books("mark", turn)

    def _batch(self) -> int:
        return BATCH

    def _windows(self, messages: Sequence[Outgoing]) -> list[Sequence[Outgoing]]:
        return list(self.steps.windows(messages))

    def _chosen(self, messages: list[Outgoing]) -> list[Outgoing]:
        """Those of a batch that this way sends itself."""
        return messages

    def _may_go_on(self, window: Sequence[Outgoing]) -> bool:
        """Whether the next window may go: nothing more urgent waits, and nobody ends us."""
        return not self.shared.ending.is_set() and not self.steps.is_overtaken(window[0].prio)

    def _answers(self, window: Sequence[Outgoing]) -> Sequence[Receipt]:
        """One receipt for each. What a channel raises besides `DispatchError` leaves the outcome
        unknown: recovery asks again later."""
        try:
            receipts = self.steps.channel.send(window)
        except DispatchError as error:
            receipts = [Receipt(Outcome.RETRY, str(error), counts=False)] * len(window)
        except Exception as error:
            log.exception("route %s: the outcome of a window is not known", self.way)
            self.shared.faults.note(f"route {self.way}", error)
            receipts = [Receipt(Outcome.UNKNOWN, type(error).__name__)] * len(window)
        self.outcomes.update(str(receipt.outcome) for receipt in receipts)
        return receipts

    def _books(self, what: str, act: Callable[[], _T]) -> _T:
        """A step in the database, again and again until it works or the process ends."""
        return until_done(
            act, what=f"the books ({what}, {self.way})", faults=self.shared.faults,
            give_up=self.shared.give_up,
        )  # fmt: skip


def book_of(keys: Keys) -> Book:
    """Addresses of people: `push` rows go to browsers, those of a chat to that chat."""

    def addresses(
        connection: Connection, recipient_ids: Sequence[str], channel: str
    ) -> Mapping[str, str]:
        kind = {"push": WEBPUSH, **{chat: chat for chat in CHATS}}.get(channel, SMS)
        return addresses_of(connection, keys, recipient_ids, kind)

    return addresses


class Waited:
    """Seconds since something was first so."""

    def __init__(self) -> None:
        self._since: float | None = None

    def note(self, holds: bool) -> float:
        if not holds:
            self._since = None
            return 0.0
        self._since = time.monotonic() if self._since is None else self._since
        return time.monotonic() - self._since
