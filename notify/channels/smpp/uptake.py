"""What a carrier delivers: stored first, acknowledged after.

Receipts are stored in batches: what comes while the last batch is committed, and for a moment
longer. Messages of people are stored one by one. Both lines are bounded; beyond it, and when a
commit fails, the carrier is told to come again (`TRY_AGAIN`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from notify.channels.channel import DeliveryReport, InboundMessage, Sink
from notify.channels.smpp import codes, pdu, receipts
from notify.channels.smpp.asking import Asking
from notify.channels.smpp.inbound import Joiner, Keys, Piece, Whole, piece_of
from notify.channels.smpp.pdu import Frame, Malformed
from notify.channels.smpp.route import SmppRoute
from notify.channels.smpp.session import Session

log = logging.getLogger(__name__)

BATCH = 500
LINGER_S = 0.02
"""A batch waits so long for company. A carrier keeps few receipts in flight, so longer would
slow it down."""
WAITING_RECEIPTS = 4 * BATCH
WAITING_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is owed for one `deliver_sm`."""

    session: Session
    sequence: int

    def answer(self, status: int) -> None:
        self.session.reply(pdu.DELIVER_SM_RESP, self.sequence, status=status, body=b"\0")


class Uptake:
    """Runs on the loop of its sessions; `sink` is called in threads of its own."""

    def __init__(self, route: SmppRoute, sink: Sink, clock: Callable[[], datetime]) -> None:
        self.counts: Counter[str] = Counter()
        self._route, self._sink, self._clock = route, sink, clock
        self._receipts: asyncio.Queue[tuple[DeliveryReport, Ticket | None]] = asyncio.Queue(
            WAITING_RECEIPTS
        )
        self._messages: asyncio.Queue[tuple[Piece, Ticket]] = asyncio.Queue(WAITING_MESSAGES)
        self._joiner: Joiner[Ticket] = Joiner(route.join_wait_s, route.default_alphabet)
        self._keys = Keys()
        self.asking = Asking(route.query_after_s)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"{route.route}-sink")
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = (
            loop.create_task(self._store_receipts()),
            loop.create_task(self._store_messages()),
        )

    async def stop(self, limit_s: float) -> None:
        """Store and acknowledge what is there, then end; what is not stored by then the carrier
        keeps."""
        try:
            async with asyncio.timeout(limit_s):
                await self._store_all()
        except TimeoutError:
            log.warning("route %s: not all that came in was stored", self._route.route)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def _store_all(self) -> None:
        await self._receipts.join()
        await self._messages.join()
        for whole in self._joiner.rest():
            await self._store_message(whole)

    # --- on the reader's side ------------------------------------------------------------

    def take(self, session: Session, frame: Frame) -> None:
        """Put a `deliver_sm` in line; answers at once only where it cannot be put there."""
        ticket = Ticket(session, frame.sequence)
        try:
            message = pdu.deliver(frame.body)
        except Malformed as error:
            self._count("malformed", str(error))
            ticket.answer(codes.WRONG_LENGTH)
            return
        try:
            if message.is_receipt:
                self._take_receipt(message, ticket)
            else:
                self._messages.put_nowait((piece_of(message), ticket))
        except asyncio.QueueFull:
            self._count("pushed_back", "more comes in than is stored")
            ticket.answer(codes.TRY_AGAIN)

    def learnt(self, report: DeliveryReport) -> None:
        """What the carrier said because we asked; nothing is owed for it."""
        try:
            self._receipts.put_nowait((report, None))
        except asyncio.QueueFull:
            self._count("pushed_back", "more comes in than is stored")

    def _take_receipt(self, message: pdu.Deliver, ticket: Ticket) -> None:
        report = receipts.report(
            message, route=self._route.route, style=self._route.receipt_ids, at=self._clock()
        )
        if report is not None:
            self.asking.told(report.provider_id)
            self._receipts.put_nowait((report, ticket))
            return
        if receipts.told(message) is None:
            self._count("unreadable_receipts", "a receipt names no message")
        ticket.answer(codes.OK)

    # --- on the store's side -------------------------------------------------------------

    async def _store_receipts(self) -> None:
        while True:
            batch = [await self._receipts.get()]
            if self._receipts.qsize() < BATCH:
                await asyncio.sleep(LINGER_S)
            while len(batch) < BATCH and not self._receipts.empty():
                batch.append(self._receipts.get_nowait())
            reports = [report for report, _ in batch]
            stored = await self._stored("receipts", partial(self._sink.receipts, reports))
            self.counts["receipts"] += len(batch) if stored else 0
            _answer([ticket for _, ticket in batch if ticket is not None], stored)
            for _ in batch:
                self._receipts.task_done()

    async def _store_messages(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = self._joiner.next_due()
            try:
                async with asyncio.timeout_at(due):
                    piece, ticket = await self._messages.get()
            except TimeoutError:
                wholes, taken = self._joiner.overdue(loop.time()), False
            else:
                wholes, taken = self._joiner.add(piece, ticket, loop.time()), True
            for whole in wholes:
                await self._store_message(whole)
            if taken:
                self._messages.task_done()

    async def _store_message(self, whole: Whole[Ticket]) -> None:
        at = self._clock()
        key = self._keys.key(whole, session=whole.tickets[0].session.number, at=at)
        message = InboundMessage(self._route.route, key, whole.sender, whole.text, at)
        stored = await self._stored("message", partial(self._sink.inbound, message))
        self.counts["messages"] += stored
        _answer(whole.tickets, stored)

    async def _stored(self, what: str, commit: Callable[[], None]) -> bool:
        """Whether the sink committed; why not is written down, and the carrier keeps it."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, commit)
        except Exception as error:  # noqa: BLE001 whatever it is, the carrier must keep it
            self._count("not_stored", f"{what} not stored, the carrier keeps it: {_plain(error)}")
            return False
        return True

    def _count(self, what: str, words: str) -> None:
        """Once for 1, 10, 100 …: a flood does not fill the log."""
        self.counts[what] += 1
        if str(self.counts[what]).strip("0") == "1":
            log.warning("route %s: %s (%d so far)", self._route.route, words, self.counts[what])


def _plain(error: Exception) -> str:
    """Its first line without numbers: a database names the values that it could not write."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {re.sub(r'[0-9]{6,}', '…', first)[:200]}"


def _answer(tickets: Sequence[Ticket], stored: bool) -> None:
    for ticket in tickets:
        ticket.answer(codes.OK if stored else codes.TRY_AGAIN)
