"""One bound connection: who asked what, who answered, and whether the other side still lives.

All of it runs on one event loop. A session ends once, for one reason; whatever was asked and not
answered then has no answer (`NoAnswer`), which is not the same as "not sent".
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from notify.channels.smpp import codes, pdu
from notify.channels.smpp.pdu import Frame, Malformed
from notify.channels.smpp.route import SmppRoute

log = logging.getLogger(__name__)

MISSES = 2
"""Unanswered `enquire_link` after which a connection is dead."""
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux alone; it holds until the next pause, so it is asked for again and again."""
DRAIN_S = 2.0
"""What answers get to arrive once a carrier said that it goes."""
FARE_WELL_S = 2.0
"""What a carrier gets to answer our `unbind`."""


class NoAnswer(Exception):
    """Sent, and the answer did not come."""


class BindRefused(Exception):
    """The carrier answered the bind with something else than yes."""

    def __init__(self, status: int) -> None:
        super().__init__(codes.words(status))
        self.status = status


@dataclass(slots=True)
class _Asked:
    future: asyncio.Future[Frame]
    answer: int
    at: float


Deliverer = Callable[["Session", Frame], None]


async def connect(route: SmppRoute, password: str, *, number: int, deliverer: Deliverer) -> Session:
    """A bound session; its `run` must be awaited.

    Raises:
        BindRefused: by the carrier.
        OSError: no connection, or a certificate that is not the carrier's.
        NoAnswer: none within `response_timeout_s`, or the connection ended.
    """
    async with asyncio.timeout(route.response_timeout_s):
        reader, writer = await asyncio.open_connection(
            route.host, route.port, ssl=tls_context(route),
            server_hostname=(route.tls_name or route.host) if route.tls else None,
        )  # fmt: skip
    session = Session(route, reader, writer, number=number, deliverer=deliverer)
    try:
        await session.bind(password)
    except BaseException:
        await session.close("not bound")
        raise
    return session


def tls_context(route: SmppRoute) -> ssl.SSLContext | None:
    if not route.tls:
        return None
    context = ssl.create_default_context(cafile=route.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Session:
    def __init__(
        self,
        route: SmppRoute,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        number: int,
        deliverer: Deliverer,
    ) -> None:
        self.number = number
        self.answered = 0
        """Submits that were taken over this session."""
        self.odd = 0
        """Frames that made no sense."""
        self._route = route
        self._reader, self._writer = reader, writer
        self._socket: Any = writer.get_extra_info("socket")
        self._deliverer = deliverer
        self._loop = asyncio.get_running_loop()
        self._asked: dict[int, _Asked] = {}
        """By sequence, oldest first."""
        self._sequence = 0
        self._heard_at = self._loop.time()
        self._unanswered_in_row = 0
        self._leaving = False
        self._ended = self._loop.create_future()
        self._reading = self._loop.create_task(self._read())

    @property
    def usable(self) -> bool:
        """Whether it takes submits."""
        return not self._leaving and not self._ended.done()

    @property
    def in_flight(self) -> int:
        return len(self._asked)

    # --- asking --------------------------------------------------------------------------

    def ask(self, make: Callable[[int], bytes], answer: int) -> asyncio.Future[Frame]:
        """Send what `make` gives for a sequence number; the answer, or `NoAnswer`."""
        future: asyncio.Future[Frame] = self._loop.create_future()
        sequence = self._next()
        octets = make(sequence)
        if self._ended.done():
            future.set_exception(NoAnswer("the connection ended before it was sent"))
            return future
        self._asked[sequence] = _Asked(future, answer, self._loop.time())
        self._writer.write(octets)
        return future

    def reply(self, command: int, sequence: int, *, status: int = 0, body: bytes = b"") -> bool:
        """Answer the peer; False where the connection has ended meanwhile."""
        if self._ended.done():
            return False
        self._writer.write(pdu.frame(command, sequence, body, status))
        return True

    async def bind(self, password: str) -> None:
        """Raises: BindRefused, NoAnswer."""
        route = self._route
        asked = self.ask(
            lambda n: pdu.bind_transceiver(n, route.system_id, password, route.system_type),
            pdu.BIND_TRANSCEIVER_RESP,
        )
        try:
            async with asyncio.timeout(route.response_timeout_s):
                answer = await asked
        except TimeoutError as error:
            raise NoAnswer(f"no answer to the bind in {route.response_timeout_s:g} s") from error
        if answer.status != codes.OK:
            raise BindRefused(answer.status)

    def _next(self) -> int:
        self._sequence = self._sequence % pdu.LAST_SEQUENCE + 1
        while self._sequence in self._asked:
            self._sequence = self._sequence % pdu.LAST_SEQUENCE + 1
        return self._sequence

    # --- living and ending ---------------------------------------------------------------

    async def run(self) -> str:
        """Until the session ends; why it ended."""
        watching = self._loop.create_task(self._watch())
        try:
            return str(await asyncio.shield(self._ended))
        finally:
            watching.cancel()
            await asyncio.gather(watching, self._reading, return_exceptions=True)
            await self._shut()

    async def unbind(self) -> None:
        """Say good-bye and end."""
        if self.usable:
            self._leaving = True
            asked = self.ask(pdu.unbind, pdu.UNBIND_RESP)
            await asyncio.wait([asked], timeout=FARE_WELL_S)
            asked.cancel()
        await self.close("unbound by us")

    async def close(self, reason: str) -> None:
        self.end(reason)
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._shut()

    def end(self, reason: str) -> None:
        """Now. Everything unanswered is `NoAnswer`; a second end changes nothing."""
        if self._ended.done():
            return
        self._ended.set_result(reason)
        self._reading.cancel()
        for asked in self._asked.values():
            self._unanswered(asked, reason)
        self._asked.clear()
        self._writer.close()

    async def _shut(self) -> None:
        """Wait for the transport; a peer that does not read is cut off."""
        self._writer.transport.abort()
        try:
            await self._writer.wait_closed()
        except (OSError, asyncio.CancelledError) as error:
            log.debug("route %s: closing: %s", self._route.route, error)

    @staticmethod
    def _unanswered(asked: _Asked, reason: str) -> None:
        if not asked.future.done():
            asked.future.set_exception(NoAnswer(reason))
            asked.future.exception()

    async def _watch(self) -> None:
        """Timers: answers that do not come, and a peer that has gone silent."""
        tick = min(1.0, self._route.response_timeout_s / 10, self._route.enquire_link_s / 4)
        asked_at, misses = self._loop.time(), 0
        while not self._ended.done():
            await asyncio.sleep(tick)
            now = self._loop.time()
            self._give_up_late(now)
            if self._heard_at > asked_at:
                misses = 0
            if now - max(self._heard_at, asked_at) < self._route.enquire_link_s:
                continue
            if misses >= MISSES:
                self.end(f"silent: {MISSES} enquire_link without an answer")
                return
            misses, asked_at = misses + 1, now
            self.ask(pdu.enquire_link, pdu.ENQUIRE_LINK_RESP).add_done_callback(_look_at)

    def _give_up_late(self, now: float) -> None:
        limit = now - self._route.response_timeout_s
        while self._asked:
            sequence, oldest = next(iter(self._asked.items()))
            if oldest.at > limit:
                break
            del self._asked[sequence]
            self._unanswered(oldest, f"no answer in {self._route.response_timeout_s:g} s")
            self._unanswered_in_row += oldest.answer == pdu.SUBMIT_SM_RESP
        if self._unanswered_in_row >= max(self._route.window, 10):
            self.end("a whole window of submits without an answer")

    # --- hearing -------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(pdu.HEADER.size)
                length = pdu.body_length(head)
                body = await self._reader.readexactly(length) if length else b""
                _, command, status, sequence = pdu.HEADER.unpack(head)
                self._heard_at = self._loop.time()
                self._acknowledge_at_once()
                self._hear(Frame(command, status, sequence, body))
                await self._writer.drain()
        except asyncio.IncompleteReadError:
            self.end("closed by the peer")
        except (Malformed, OSError) as error:
            self.end(f"{type(error).__name__}: {error}")
        except Exception as error:  # ours; a line that hears nothing must not look alive
            log.exception("route %s: reading", self._route.route)
            self.end(f"fault of ours: {type(error).__name__}")

    def _acknowledge_at_once(self) -> None:
        """A peer that gathers small answers (Nagle) sends the last of a window only when we have
        acknowledged those before, which Linux puts off by 40 ms."""
        if QUICK_ACK is not None and self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)

    def _hear(self, frame: Frame) -> None:
        if frame.command & pdu.RESPONSE:
            self._hear_answer(frame)
        elif frame.command == pdu.DELIVER_SM:
            self._deliverer(self, frame)
        elif frame.command == pdu.ENQUIRE_LINK:
            self.reply(pdu.ENQUIRE_LINK_RESP, frame.sequence)
        elif frame.command == pdu.UNBIND:
            self._leaving = True
            self._loop.create_task(self._leave(frame.sequence)).add_done_callback(_look_at)
        elif frame.command != pdu.ALERT_NOTIFICATION:
            self._wonder(f"command 0x{frame.command:08X}")
            self.reply(pdu.GENERIC_NACK, frame.sequence, status=codes.UNKNOWN_COMMAND)

    def _hear_answer(self, frame: Frame) -> None:
        asked = self._asked.get(frame.sequence)
        if asked is None or frame.command not in (asked.answer, pdu.GENERIC_NACK):
            self._wonder(f"answer 0x{frame.command:08X} to nothing that waits")
            return
        del self._asked[frame.sequence]
        if frame.command == pdu.SUBMIT_SM_RESP:
            self._unanswered_in_row = 0
            self.answered += frame.status == codes.OK
        if not asked.future.done():
            asked.future.set_result(frame)

    async def _leave(self, sequence: int) -> None:
        """The carrier goes: let what is in flight be answered, then say good-bye."""
        waiting = [asked.future for asked in self._asked.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=DRAIN_S)
        self.reply(pdu.UNBIND_RESP, sequence)
        self.end("unbound by the peer")

    def _wonder(self, what: str) -> None:
        """Once for 1, 10, 100 … odd frames: a hostile peer does not fill the log."""
        self.odd += 1
        if str(self.odd).strip("0") == "1":
            log.warning("route %s: %s from the peer (%d so far)", self._route.route, what, self.odd)


def _look_at(done: asyncio.Future[Any]) -> None:
    """Take notice of an outcome that nobody awaits: the end of a session is reported once."""
    if not done.cancelled() and (error := done.exception()) and not isinstance(error, NoAnswer):
        log.error("SMPP session: %s", error, exc_info=error)
