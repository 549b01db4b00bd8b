"""A gateway as a channel: a window goes out over kept connections, one receipt for each message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from notify.channels.answers import seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt, Sink
from notify.channels.http.requests import own_id, request_for, understood
from notify.channels.http.route import HttpRoute
from notify.channels.http.secrets import secrets_of
from notify.channels.http.wire import Wire
from notify.channels.loop import LoopThread
from notify.channels.real import RealChannel
from notify.firewall.clearance import real_clock

_SLACK_S = 5.0


class HttpChannel(RealChannel):
    """One gateway. Receipts and messages come by the web application (`console.web.hooks`)."""

    def __init__(self, config: HttpRoute, *, clock: Callable[[], datetime] = real_clock) -> None:
        """
        Raises:
            SettingsError: a file of the route cannot be used.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._secrets = secrets_of(config)
        self._wire = Wire(config)
        self._clock = clock
        self._loop = LoopThread(f"http-{config.route}")

    def open(self, sink: Sink) -> None:
        """Nothing runs beside sending."""

    def close(self) -> None:
        if self._wire.is_open:
            self._loop.run(self._wire.close(), within_s=_SLACK_S)
        self._loop.close()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        return self._loop.run(self._all(messages), within_s=self.config.timeout_s + _SLACK_S)

    async def _all(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        return await asyncio.gather(*(self._one(one) for one in messages))

    async def _one(self, message: Outgoing) -> Receipt:
        now = self._clock()
        left = seconds_left(message, now)
        if left is not None and left < 1:
            return Receipt(Outcome.REFUSED, "its end is past")
        if message.part:  # gateways split long texts themselves: the whole went with the first
            return Receipt(Outcome.ACCEPTED, "went with part 1", own_id(self.config, message))
        said = await self._wire.ask(request_for(self.config, self._secrets, message, now))
        if isinstance(said, Receipt):
            return said
        return understood(
            self.config, self._secrets, message, status=said.status,
            headers=said.headers, body=said.body, at=now,
        )  # fmt: skip
