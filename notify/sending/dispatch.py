"""Sending: claim by urgency, look again, put on the wire, write down what became of it.

At least once to the other side, exactly once in our books. A row is `on_wire` only while
its window is being sent; after a crash such a row is in doubt (`notify.sending.recovery`).

`dispatch` sends what is due through some channels and returns. `RouteRun` is one worker of one
route, for a process that goes on: make one for each route and thread, and call `sends_batch` until
it says that there is nothing more. The steps are public for a caller that paces them:

    run = RouteRun(engine, route, channel, takes=(route, "sms"), clock=now)
    ids = run.claim(500)                         # rows are made from segments as they are needed
    for window in run.windows(run.look(ids)):    # the firewall's look; addresses
        if run.is_overtaken(window[0].prio):     # something more urgent waits: claim again
            break
        if not run.sends_window(window):         # False: the switch was thrown meanwhile
            break
    run.give_back()                              # what was leased and not sent

`sends_window` is `put_on_wire`, `channel.send` and `settle`; who has answers one by one may call
the outer two itself, with whichever messages and answers there are.

Each step that writes is one transaction; the kill switch (`switches.py`) is read in those that
lease a batch and that put a window on the wire. The firewall looks at every row
(`notify.firewall.inspection`) and at every message (`notify.firewall.clearance`). Beside its runs a
process calls `keep_house` about once a second, and once at its start, for each route that it owns
alone, `notify.sending.claim.adopt`; receipts go to `notify.sending.receipts.record`; a row is
handed to another route by `notify.sending.claim.reroute`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from kentongan.errors import DispatchError, RuleViolation
from kentongan.transactions import writing
from notify.channels.channel import Channel, Outcome, Outgoing, Receipt
from notify.firewall.answers import Looking, look
from notify.firewall.gate import RECORDER, TEST_ROUTE, Guarded
from notify.firewall.inspection import Book, Origins, inspect, suppress, suppress_strays
from notify.sending import claim as claims
from notify.sending.claim import LEASE, Want
from notify.sending.filling import fill, top_prio
from notify.sending.receipts import sweep
from notify.sending.recovery import RESEND_FROM_LEVEL, expire, give_up_waiting, recover
from notify.sending.rows import PRIO_CORRECTION
from notify.sending.settle import RETRY_AFTER_S, settle
from notify.sending.switches import Stop, stop_of, stopped_channels

__all__ = [
    "LEASE", "RESEND_FROM_LEVEL", "RETRY_AFTER_S", "DispatchReport", "RouteRun", "dispatch",
    "keep_house",
]  # fmt: skip

log = logging.getLogger(__name__)

POOLS = ("sms", "push")
"""Values of `outbox.route` that stand for a channel: no route has taken the row yet."""
BATCH = 500
_LOOK_S = 0.5
"""Between two looks for something more urgent while a batch is being sent."""
_WORDS = {Outcome.REFUSED: "failed", Outcome.RETRY: "retried"}


@dataclass
class DispatchReport:
    """What became of the messages of one call, by channel; several threads may count."""

    sms: Counter[str] = field(default_factory=Counter)
    push: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, Stop] = field(default_factory=dict)
    """Route -> the switch that keeps it from sending; its rows stay ready."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, channel: str, word: str, number: int = 1) -> None:
        with self._lock:
            (self.sms if channel == "sms" else self.push)[word] += number

    def count_all(self, word: str, by_channel: Mapping[str, int]) -> None:
        for channel, number in by_channel.items():
            self.count(channel, word, number)

    def as_json(self) -> dict[str, dict[str, int]]:
        sms = {"accepted": 0, "recorded": 0, **self.sms}
        return {"sms": dict(sorted(sms.items())), "push": dict(sorted(self.push.items()))}


def dispatch(
    engine: Engine,
    channels: Mapping[str, Channel],
    *,
    at: datetime,
    batch: int = BATCH,
    recalls_pass: bool = False,
    urgent: bool = False,
    book: Book | None = None,
    answers: Looking = look,
) -> DispatchReport:
    """Send what is due over the channels that exist, until nothing is left.

    Rows of a route without a channel stay as they are, and so do those of a route whose switch is
    off. Rows past their end become `expired` and are never sent.

    Args:
        recalls_pass: corrections and calls back go out although a switch is off.
        urgent: send corrections and calls back alone.
        book: addresses of real people.
        answers: looks at answers; with keys where they go to real people.

    Raises:
        RuleViolation: a channel besides the recorder that is not behind its guard.
        Exception: whatever a channel raises besides `DispatchError`; the rows of that
            window stay `on_wire` and are settled by a call after the lease.
    """
    require_guards(channels)
    report, origins = DispatchReport(), Origins()
    report.count_all("unknown", recover(engine, at=at))
    clock = _clock_from(at)
    for route, channel in sorted(channels.items()):
        run = RouteRun(
            engine, route, channel, report=report, origins=origins, clock=clock, book=book,
            answers=answers, recalls_pass=recalls_pass, urgent=urgent,
        )  # fmt: skip
        while run.sends_batch(batch):
            pass
    if not urgent:
        suppress_strays(engine, tuple(channels), at=at)
        report.count_all("expired", expire(engine, at=at))
    for route, stop in report.stopped.items():
        log.warning("route %s sends nothing: stopped by %s at %s (%s)", route, stop.actor, stop.at,
                    stop.reason)  # fmt: skip
    return report


def keep_house(engine: Engine, report: DispatchReport, *, at: datetime) -> None:
    """What must happen beside sending, about once a second, by one thread of the process."""
    report.count_all("unknown", recover(engine, at=at))
    report.count_all("expired", expire(engine, at=at))
    give_up_waiting(engine, at=at)
    sweep(engine, at=at)


def require_guards(channels: Mapping[str, Channel]) -> None:
    """By construction there is no other; this is for code that goes round it.

    Raises:
        RuleViolation: a channel besides the recorder that is not behind its guard.
    """
    for route, channel in channels.items():
        if route != RECORDER and not isinstance(channel, Guarded):
            raise RuleViolation(
                f"route {route}: expected a guarded channel of the firewall's channels_for, "
                f"found {type(channel).__name__}"
            )


def _clock_from(at: datetime) -> Callable[[], datetime]:
    """A call's instant and the time that it has taken since."""
    started = time.monotonic()
    return lambda: at + timedelta(seconds=time.monotonic() - started)


def _own_name() -> str:
    return f"{os.uname().nodename}:{os.getpid()}"


@dataclass
class RouteRun:
    """One worker of one route; not to be shared between threads."""

    engine: Engine
    route: str
    channel: Channel
    clock: Callable[[], datetime]
    report: DispatchReport = field(default_factory=DispatchReport)
    origins: Origins = field(default_factory=Origins)
    book: Book | None = None
    """Addresses of real people; None: there are none in this run."""
    answers: Looking = look
    """Looks at answers to messages of people; with keys where they go to real people."""
    takes: tuple[str, ...] = ()
    """Values of `outbox.route` that it serves (`notify.sending.claim.Want`); empty: its route."""
    owner: str = field(default_factory=_own_name)
    recalls_pass: bool = False
    urgent: bool = False
    lease: timedelta = LEASE
    wait: timedelta = LEASE
    """After a crash, for the receipt of a row that was on the wire."""
    _want: Want = field(init=False)
    _looked: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._want = Want(self.route, self.owner, self.takes)

    @property
    def now(self) -> datetime:
        return self.clock()

    # --- what it takes ---

    @property
    def _channels(self) -> tuple[str, ...]:
        """Channels whose segments may hold rows for it; empty: all."""
        if self.route in (RECORDER, TEST_ROUTE):
            return ()
        return tuple(one for one in self._want.routes if one in POOLS) or (self.route,)

    @property
    def _seen(self) -> tuple[str, ...]:
        """Where rows that it had made may stand: the recorder does not empty segments in search of
        the few made-up people among real ones."""
        return (*self._want.routes, *(POOLS if not self._channels else ()))

    def _ask(self, connection: Connection) -> Want | None:
        """What may be taken now by the switches; None: nothing."""
        stop = stop_of(connection, self.route)
        if stop is None:
            self.report.stopped.pop(self.route, None)
        else:
            self.report.stopped[self.route] = stop
        if stop is not None and not self.recalls_pass:
            return None
        return Want(
            self.route,
            self.owner,
            self.takes,
            max_prio=PRIO_CORRECTION if stop is not None or self.urgent else None,
            barred=tuple(sorted(stopped_channels(connection))),
            recalls_pass=self.recalls_pass,
        )

    def claim(self, limit: int = BATCH) -> list[int]:
        """Lease the most urgent rows; their ids in order of urgency. Empty: nothing is due."""
        if isinstance(self.channel, Guarded) and not self.channel.holds():
            return []
        self._provide(limit)
        with writing(self.engine) as connection:
            want = self._ask(connection)
            if want is None:
                return []
            return claims.claim(connection, want, limit=limit, now=self.now, lease=self.lease)

    def _provide(self, limit: int) -> None:
        """Make rows from segments until there are enough of the most urgent class."""
        while True:
            with self.engine.connect() as connection:
                want = self._ask(connection)
                if want is None:
                    return
                open_to = self._open_to(want)
                top = top_prio(connection, at=self.now, channels=open_to)
                if top is None or (want.max_prio is not None and top > want.max_prio):
                    return
                ready = claims.count_ready(
                    connection, replace(want, takes=self._seen, max_prio=top), limit=limit,
                    now=self.now,
                )  # fmt: skip
            if ready >= limit or not self._fill(want, open_to):
                return

    def _open_to(self, want: Want) -> tuple[str, ...]:
        """Channels whose segments are made into rows now; none of a channel that is stopped, so
        that its rows do not stand before those of the others."""
        if not want.barred or want.recalls_pass:
            return self._channels
        return tuple(one for one in self._channels or POOLS if one not in want.barred)

    def _fill(self, want: Want, channels: Sequence[str]) -> int:
        if not channels and self._channels:
            return 0
        return fill(self.engine, at=self.now, channels=channels, max_prio=want.max_prio)

    def look(self, ids: Sequence[int]) -> list[Outgoing]:
        """The messages of leased rows that may go out; why the others may not is written down."""
        found = inspect(
            self.engine, self.route, ids, self.origins, book=self.book, answers=self.answers
        )
        suppress(self.engine, self.route, found, at=self.now)
        return found.passed

    def windows(self, messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
        size = self.channel.window
        return (messages[start : start + size] for start in range(0, len(messages), size))

    def is_overtaken(self, prio: int) -> bool:
        """Whether something more urgent than this waits; looked up twice a second at most."""
        if time.monotonic() - self._looked < _LOOK_S:
            return False
        self._looked = time.monotonic()
        with self.engine.connect() as connection:
            tops = (
                claims.first_prio(connection, self._want.routes, now=self.now),
                top_prio(connection, at=self.now, channels=self._channels),
            )
        return any(top is not None and top < prio for top in tops)

    # --- sending ---

    def sends_batch(self, limit: int = BATCH) -> bool:
        """Claim and send one batch; whether there may be more."""
        ids = self.claim(limit)
        if not ids:
            return False
        self._looked = time.monotonic()
        for window in self.windows(self.look(ids)):
            if self.is_overtaken(window[0].prio):
                self.give_back()
                return True
            if not self.sends_window(window):
                self.give_back()
                return False
        if self.route in self.report.stopped:
            self.give_back()
        return True

    def sends_window(self, window: Sequence[Outgoing]) -> bool:
        """Send what is still ours to send; False when the switch was thrown meanwhile."""
        marked = self.put_on_wire(window)
        if marked is None:
            return False
        if marked:
            self.settle(marked, self._answers(marked))
        return True

    def put_on_wire(self, window: Sequence[Outgoing]) -> list[Outgoing] | None:
        """Those of a window that are now on the wire and must be sent; None: stopped."""
        with writing(self.engine) as connection:
            want = self._ask(connection)
            if want is None:
                return None
            ids = [message.outbox_id for message in window]
            left = claims.put_on_wire(connection, ids, want, now=self.now, wait=self.wait)
        return [message for message in window if message.outbox_id in left]

    def _answers(self, window: Sequence[Outgoing]) -> Sequence[Receipt]:
        try:
            return self.channel.send(window)
        except DispatchError as error:
            return [Receipt(Outcome.RETRY, str(error))] * len(window)

    def settle(self, window: Sequence[Outgoing], receipts: Sequence[Receipt]) -> None:
        """Write down what the channel answered, one receipt for each message."""
        with writing(self.engine) as connection:
            settle(connection, self.route, window, receipts, now=self.now)
        words: Counter[tuple[str, str]] = Counter(
            (message.channel, _WORDS.get(receipt.outcome, str(receipt.outcome)))
            for message, receipt in zip(window, receipts, strict=True)
        )
        for (channel, word), number in words.items():
            self.report.count(channel, word, number)

    def give_back(self) -> int:
        """Rows that it leased and did not send are ready again at once."""
        with writing(self.engine) as connection:
            return claims.give_back(connection, self._want)
