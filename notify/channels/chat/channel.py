"""What both chat services have in common: a window goes out at once, one receipt for each."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import httpx

from kentongan.errors import RuleViolation
from notify.channels.answers import seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.channels.chat.route import ChatRoute
from notify.channels.http.wire import Said, Wire
from notify.channels.loop import LoopThread
from notify.channels.real import RealChannel
from notify.firewall.clearance import real_clock

_SLACK_S = 5.0


class ChatChannel(RealChannel):
    """What they tell us comes by the web application (`console.web.chat_hooks`)."""

    def __init__(self, config: ChatRoute, *, clock: Callable[[], datetime] = real_clock) -> None:
        """
        Raises:
            SettingsError: a file of the route cannot be used.
        """
        self.route = config.route
        self.window = config.window
        self._timeout_s = config.timeout_s
        self._wire = Wire(config)
        self._clock = clock
        self._loop = LoopThread(f"{config.kind}-{config.route}")

    def close(self) -> None:
        if self._wire.is_open:
            self._loop.run(self._wire.close(), within_s=_SLACK_S)
        self._loop.close()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        return self._loop.run(self._all(messages), within_s=self._timeout_s + _SLACK_S)

    async def _all(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        return await asyncio.gather(*(self._one(one) for one in messages))

    async def _one(self, message: Outgoing) -> Receipt:
        now = self._clock()
        left = seconds_left(message, now)
        if left is not None and left < 1:
            return Receipt(Outcome.REFUSED, "its end is past")
        try:
            request = self._request(message)
        except RuleViolation as error:
            return Receipt(Outcome.REFUSED, str(error))
        said = await self._wire.ask(request)
        return said if isinstance(said, Receipt) else self._understood(said, now)

    @abstractmethod
    def _request(self, message: Outgoing) -> httpx.Request:
        """Secrets stand in it, so it must not be printed.

        Raises:
            RuleViolation: the address is none of this service.
        """

    @abstractmethod
    def _understood(self, said: Said, at: datetime) -> Receipt:
        """What an answer means; nothing of it is repeated but numbers of faults."""


def body_of(said: Said) -> dict[str, Any]:
    """Its JSON; empty where it is none."""
    try:
        found = json.loads(said.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def posted(url: str, document: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
    content = json.dumps(document, ensure_ascii=False).encode()
    own = {"content-type": "application/json", "accept-encoding": "identity", **headers}
    return httpx.Request("POST", url, headers=own, content=content)
