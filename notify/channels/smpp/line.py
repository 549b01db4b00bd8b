"""A route's line to its carrier: bound as long as it is wanted, and a window of submits on it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from notify.channels.channel import DeliveryReport, Outcome, Outgoing, Receipt, Sink
from notify.channels.smpp import codes, pdu
from notify.channels.smpp.compose import Unsendable, submits
from notify.channels.smpp.pace import Pace
from notify.channels.smpp.pdu import Frame, Submit, Submitter
from notify.channels.smpp.receipts import answered_id
from notify.channels.smpp.route import SmppRoute
from notify.channels.smpp.session import BindRefused, NoAnswer, Session, connect
from notify.channels.smpp.uptake import Uptake

log = logging.getLogger(__name__)

BIND_WAIT_S = 3.0
"""After the line went down (or was begun) sends wait so long for it; later they are given back at
once, so that another route can take them."""
START_WITHIN_S = 20.0
"""What is not on the wire by then is given back: a send must end within the lease of its rows."""
LAST_ANSWERS_S = 10.0
"""What answers in flight get when the line is closed."""
JITTER = 0.2
"""Of a pause: many centres must not come back in the same second."""

Waiting = asyncio.Future[Frame] | Receipt


class Line:
    """Lives on one event loop."""

    def __init__(
        self,
        route: SmppRoute,
        password: str,
        sink: Sink,
        clock: Callable[[], datetime],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.fault: str | None = None
        """Why the route stands still until a person acts."""
        self.trouble = "not connected yet"
        """Why there is no connection now; empty while bound."""
        self.counts: Counter[str] = Counter()
        self.uptake = Uptake(route, sink, clock)
        self.pace = Pace(route.rate_per_s, asyncio.get_running_loop().time())
        self._route, self._password, self._clock, self._chance = route, password, clock, chance
        ton, npi, source = route.origin
        self._submitter = Submitter(
            service_type=route.service_type, source_ton=ton, source_npi=npi, source=source
        )
        self._window = asyncio.Semaphore(route.window)
        self._session: Session | None = None
        self._changed = asyncio.Condition()
        self._closing = False
        self._strangers = 0
        """Refusals of our sender in a row."""
        self._down_since = asyncio.get_running_loop().time()
        self._sends = 0
        """`transmit` that have not returned."""
        self._tasks: list[asyncio.Task[None]] = []

    # --- the connection ------------------------------------------------------------------

    def start(self) -> None:
        self.uptake.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep())]
        if self._route.query_after_s is not None:
            self._tasks.append(loop.create_task(self._ask_about()))

    @property
    def session(self) -> Session | None:
        """The one that takes submits."""
        return self._session if self._session is not None and self._session.usable else None

    async def close(self) -> None:
        """Answers in flight first, then what was delivered to us, then good-bye."""
        self._closing = True
        await self._tell()
        await self._sent_all(LAST_ANSWERS_S)
        await self.uptake.stop(LAST_ANSWERS_S)
        if self._session is not None:
            await self._session.unbind()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sent_all(1.0)

    async def _sent_all(self, limit_s: float) -> None:
        """Wait until nobody waits for an answer any more."""
        end = asyncio.get_running_loop().time() + limit_s
        while self._sends and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)

    async def _keep(self) -> None:
        """Connect, stay, connect again, until closed or refused."""
        pauses = self._pauses()
        number = 0
        while not self._closing and self.fault is None:
            number += 1
            try:
                worked = await self._once(number)
            except Exception as error:  # whatever it is, the line must come back
                self.trouble, worked = type(error).__name__, False
                log.exception("route %s: connection given up", self._route.route)
            if worked:
                pauses = self._pauses()
            await self._tell()
            if self._closing or self.fault is not None:
                return
            await asyncio.sleep(next(pauses))

    async def _once(self, number: int) -> bool:
        """One connection from beginning to end; whether it was of use."""
        name = self._route.route
        started = asyncio.get_running_loop().time()
        try:
            self._session = await connect(
                self._route, self._password, number=number, deliverer=self.uptake.take
            )
        except BindRefused as error:
            self.trouble = f"bind refused: {error}"
            if error.status in codes.WRONG_BIND:
                self._stand_still(f"{self.trouble}; correct the route and start again")
            return False
        except (OSError, TimeoutError, NoAnswer) as error:
            self.trouble = f"{type(error).__name__}: {error}"
            log.warning("route %s: no connection: %s", name, self.trouble)
            return False
        self.counts["binds"] += 1
        self.trouble = ""
        log.info("route %s: bound", name)
        await self._tell()
        self.trouble = await self._session.run()
        log.warning("route %s: connection ended: %s", name, self.trouble)
        self._down_since = asyncio.get_running_loop().time()
        lived = self._down_since - started
        return self._session.answered > 0 or lived > self._route.reconnect_max_s

    def _pauses(self) -> Iterator[float]:
        """1, 2, 4 … 60 s, each a little off."""
        pause = self._route.reconnect_first_s
        while True:
            yield pause * (1 + JITTER * (2 * self._chance() - 1))
            pause = min(self._route.reconnect_max_s, 2 * pause)

    def _stand_still(self, why: str) -> None:
        self.fault = why
        log.critical("route %s stands still: %s", self._route.route, why)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # --- sending -------------------------------------------------------------------------

    async def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """One receipt for each, in order."""
        self._sends += 1
        try:
            return await self._transmit(messages)
        finally:
            self._sends -= 1

    async def _transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        start_by = asyncio.get_running_loop().time() + START_WITHIN_S
        waiting = [await self._put(message, start_by) for message in messages]
        futures = [one for group in waiting for one in group if isinstance(one, asyncio.Future)]
        if futures:
            await asyncio.wait(futures)
        return [_worst([self._receipt(one) for one in group]) for group in waiting]

    async def _put(self, message: Outgoing, start_by: float) -> list[Waiting]:
        """On the wire, part by part; a receipt where a part did not get there."""
        now = self._clock()
        if message.not_after is not None and message.not_after <= now:
            return [_later("its end has passed")]
        try:
            parts = submits(message, self._route, now)
        except Unsendable as error:
            return [Receipt(Outcome.REFUSED, str(error))]
        if not parts:
            return [Receipt(Outcome.ACCEPTED, "went with part 1")]
        put: list[Waiting] = []
        for part in parts:
            put.append(await self._put_part(part, start_by))
            if isinstance(put[-1], Receipt):
                break
        return put

    async def _put_part(self, part: Submit, start_by: float) -> Waiting:
        try:
            async with asyncio.timeout_at(start_by):
                await self._window.acquire()
        except TimeoutError:
            return _later("no room in the window")
        refused = await self._ready(start_by)
        session = self.session
        if refused is not None or session is None:
            self._window.release()
            return refused or _later(self.trouble)
        asked = session.ask(lambda n: self._submitter.pack(n, part), pdu.SUBMIT_SM_RESP)
        asked.add_done_callback(self._answered)
        return asked

    async def _ready(self, start_by: float) -> Receipt | None:
        """Wait for a connection and for the pace; why not, where it does not come to that."""
        loop = asyncio.get_running_loop()
        while (refused := await self._bound(start_by)) is None:
            pause = self.pace.wait(loop.time())
            if pause == 0.0:
                return None
            if loop.time() + pause > start_by:
                return _later(f"too many for {self.pace.rate:.3g} messages a second")
            await asyncio.sleep(pause)
        return refused

    async def _bound(self, start_by: float) -> Receipt | None:
        if self.fault is None and not self._closing and self.session is None:
            end = min(start_by, self._down_since + BIND_WAIT_S)
            try:
                async with asyncio.timeout_at(end), self._changed:
                    await self._changed.wait_for(
                        lambda: self.session or self.fault or self._closing
                    )
            except TimeoutError:
                return _later(f"no connection: {self.trouble}")
        if self.fault is not None:
            return _later(self.fault)
        return _later("the route is being closed") if self._closing else None

    def _answered(self, asked: asyncio.Future[Frame]) -> None:
        """As soon as an answer is there, or certainly will not be."""
        self._window.release()
        if asked.exception() is not None:
            self.counts["unanswered"] += 1
            return
        status = asked.result().status
        kind = codes.kind_of(status)
        self.counts[kind.value] += 1
        if kind is codes.Kind.BUSY:
            self.pace.throttled(asyncio.get_running_loop().time())
        if kind is codes.Kind.UNBOUND and self._session is not None:
            self._session.end("the peer says that we are not bound")
        if kind is codes.Kind.TAKEN:
            self._note_taken(asked.result())
        self._strangers = self._strangers + 1 if status in codes.WRONG_SENDER else 0
        if self._strangers >= max(self._route.window, 10) and self.fault is None:
            self._stand_still(f"sender refused {self._strangers} times: {codes.words(status)}")

    def _note_taken(self, frame: Frame) -> None:
        raw = pdu.text_of(frame.body)
        provider_id = answered_id(raw, self._route.receipt_ids)
        if provider_id is not None and raw.isascii():
            self.uptake.asking.taken(raw, provider_id, asyncio.get_running_loop().time())

    async def _ask_about(self) -> None:
        """Ask for receipts that stay away, one at a time and never beside submits."""
        loop = asyncio.get_running_loop()
        asking = self.uptake.asking
        while asking.is_on:
            session, wanted = self.session, None
            if session is not None and not self._sends:
                wanted = asking.due(loop.time())
            if session is None or wanted is None:
                await asyncio.sleep(min(1.0, (self._route.query_after_s or 1.0) / 4))
                continue
            raw_id, provider_id = wanted
            asked = session.ask(
                partial(pdu.query, message_id=raw_id, origin=self._route.origin), pdu.QUERY_SM_RESP
            )
            await asyncio.wait([asked])
            self._heard_about(provider_id, asked)
        log.warning("route %s: the carrier does not answer query_sm", self._route.route)

    def _heard_about(self, provider_id: str, asked: asyncio.Future[Frame]) -> None:
        if asked.exception() is not None:
            return
        frame = asked.result()
        self.uptake.asking.answered(refused=frame.status != codes.OK)
        try:
            state = pdu.queried_state(frame.body) if frame.status == codes.OK else 0
        except pdu.Malformed:
            return
        if state in codes.FINAL:
            word = f"{codes.STATE_WORDS[state]} when asked"
            report = DeliveryReport(
                self._route.route, provider_id, codes.FINAL[state], self._clock(), word
            )
            self.uptake.learnt(report)

    def _receipt(self, waited: Waiting) -> Receipt:
        if isinstance(waited, Receipt):
            return waited
        error = waited.exception()
        if error is not None:
            return Receipt(Outcome.UNKNOWN, str(error))
        frame = waited.result()
        raw = pdu.text_of(frame.body) if frame.command == pdu.SUBMIT_SM_RESP else ""
        return codes.receipt_of(frame.status, answered_id(raw, self._route.receipt_ids))


def _later(why: str) -> Receipt:
    return Receipt(Outcome.RETRY, why, counts=False)


_ORDER = (Outcome.REFUSED, Outcome.UNKNOWN, Outcome.RETRY, Outcome.ACCEPTED)


def _worst(parts: Sequence[Receipt]) -> Receipt:
    """Of a text that went out in several parts; its id is the last part's."""
    ranked = sorted(parts, key=lambda part: _ORDER.index(part.outcome))
    return parts[-1] if ranked[0].outcome is Outcome.ACCEPTED else ranked[0]
