"""SMS over SMPP as the dispatcher sees it: a thread with the line's event loop behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from kentongan.errors import DispatchError, SettingsError
from kentongan.keyfiles import key_file
from notify.channels.channel import Outgoing, Receipt, Sink
from notify.channels.real import RealChannel
from notify.channels.smpp.line import BIND_WAIT_S, START_WITHIN_S, Line
from notify.channels.smpp.route import LONGEST_PASSWORD, SmppRoute
from notify.channels.smpp.session import tls_context

CLOSING_S = 40.0
"""Longest that closing may take: answers, stores and a good-bye have limits of their own."""
SLACK_S = 10.0
"""Beyond the limits that the line keeps by itself."""
T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LineState:
    """A glance at the line, for progress and metrics."""

    bound: bool
    """It takes submits."""
    fault: str | None
    """It stands still until a person acts."""
    trouble: str
    """Why there is no connection now."""
    rate_per_s: float
    """Now; below the contract's while the carrier throttles."""
    in_flight: int
    counts: dict[str, int]
    """`taken`, `busy`, `hopeless`, `passing`, `unanswered`, `binds`, `receipts`, `messages`, …"""


class SmppChannel(RealChannel):
    """One route. `open` once, by its owner; `transmit` from any thread."""

    def __init__(self, route: SmppRoute, *, clock: Callable[[], datetime] = _now) -> None:
        self.route = route.route
        self.window = route.window
        self.settings = route
        self._clock = clock
        self._line: Line | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def fault(self) -> str | None:
        """Why the route stands still until a person acts: a refused bind or sender."""
        return None if self._line is None else self._line.fault

    def state(self) -> LineState:
        line = self._line
        if line is None:
            return LineState(False, None, "not open", self.settings.rate_per_s, 0, {})
        session = line.session
        return LineState(
            bound=session is not None and line.fault is None,
            fault=line.fault,
            trouble=line.trouble,
            rate_per_s=line.pace.rate,
            in_flight=0 if session is None else session.in_flight,
            counts={**line.counts, **line.uptake.counts},
        )

    def open(self, sink: Sink) -> None:
        """Start the line; it binds by itself.

        Raises:
            SettingsError: no password, one longer than SMPP allows, or no certificates to trust.
            DispatchError: it is open already.
        """
        if self._thread is not None:
            raise DispatchError(f"route {self.route} is open already")
        password = read_password(self.settings)
        check_trust(self.settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"{self.route}-smpp", daemon=True
        )
        self._thread.start()
        self._line = self._on_loop(self._started(password, sink), timeout=CLOSING_S)

    async def _started(self, password: str, sink: Sink) -> Line:
        line = Line(self.settings, password, sink, self._clock)
        line.start()
        return line

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        """Submit within the window and wait for the answers.

        Raises:
            DispatchError: not open; nothing was sent.
            TimeoutError: the line's thread does not answer; what was sent is not known.
        """
        if self._line is None:
            raise DispatchError(f"route {self.route} is not open; call open first")
        longest = START_WITHIN_S + BIND_WAIT_S + self.settings.response_timeout_s + SLACK_S
        return self._on_loop(self._line.transmit(messages), timeout=longest)

    def close(self) -> None:
        """What is in flight is answered, what was delivered is stored; then unbind."""
        if self._thread is None or self._loop is None:
            return
        line, self._line = self._line, None
        try:
            if line is not None:
                self._on_loop(line.close(), timeout=CLOSING_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSING_S)
            self._loop.close()
            self._thread = self._loop = None

    def _on_loop(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        assert self._loop is not None  # noqa: S101
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)


def check_trust(route: SmppRoute) -> None:
    """Raises: SettingsError."""
    try:
        tls_context(route)
    except OSError as error:
        raise SettingsError(
            f"route {route.route}: ca_file {route.ca_file}: expected certificates in PEM, found: "
            f"{error.strerror or error}"
        ) from error


def read_password(route: SmppRoute) -> str:
    """Raises: SettingsError."""
    text = key_file(route.password_file, make=None).decode("utf-8", "replace").strip("\r\n")
    if not text or len(text) > LONGEST_PASSWORD or not text.isascii():
        raise SettingsError(
            f"route {route.route}: password in {route.password_file}: expected 1 to "
            f"{LONGEST_PASSWORD} ASCII characters, found {len(text)}; SMPP 3.4 allows no more"
        )
    return text
