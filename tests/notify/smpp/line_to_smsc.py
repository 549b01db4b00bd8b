"""What the SMPP tests share: a store that can fail, a message, and a channel to the test SMSC."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from notify.channels.channel import DeliveryReport, InboundMessage, Outgoing
from notify.channels.smpp import SmppChannel, SmppRoute
from tests.peers.smsc import Smsc


@dataclass
class Store:
    """A sink in memory. `failing` commits raise; each commit takes `slow_s`."""

    failing: int = 0
    slow_s: float = 0.0
    reports: list[DeliveryReport] = field(default_factory=list)
    messages: list[InboundMessage] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    committed_at: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _commit(self) -> None:
        time.sleep(self.slow_s)
        with self._lock:
            if self.failing:
                self.failing -= 1
                raise OSError("disk is full, +6281200000001 not stored")
        self.committed_at.append(time.time())

    def receipts(self, reports: Sequence[DeliveryReport]) -> None:
        self._commit()
        self.reports.extend(reports)
        self.batches.append(len(reports))

    def inbound(self, message: InboundMessage) -> None:
        self._commit()
        self.messages.append(message)


def message(number: int = 1, text: str = "AWAS TSUNAMI", **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "outbox_id": number, "message_id": "m", "warning_id": "w", "version": 1, "channel": "sms",
        "recipient_id": f"r{number}", "address": f"+62812{number:08d}", "text": text,
        "payload": None, "level": 4, "cap_status": "Test",
        "not_after": datetime.now(UTC) + timedelta(hours=3),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def messages(count: int, first: int = 1) -> list[Outgoing]:
    return [message(number) for number in range(first, first + count)]


def route(folder: Path, port: int, **changes: Any) -> SmppRoute:
    password = folder / "password"
    password.write_text("rahasia\n")
    values: dict[str, Any] = {
        "kind": "smpp", "route": "telco-a", "host": "127.0.0.1", "port": port,
        "system_id": "kentongan", "password_file": password, "source": "KEMENSOS",
        "rate_per_s": 10_000, "window": 10, "reconnect_first_s": 0.05, "reconnect_max_s": 0.4,
        "response_timeout_s": 5,
    }  # fmt: skip
    return SmppRoute(**{**values, **changes})


@contextmanager
def opened(smsc: Smsc, store: Store | None = None, **changes: Any) -> Iterator[SmppChannel]:
    channel = SmppChannel(route(smsc.log.parent, smsc.port, **changes))
    channel.open(store or Store())
    try:
        yield channel
    finally:
        channel.close()


def until(holds: Callable[[], object], timeout: float = 10) -> None:
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, f"not reached in {timeout} s"
        time.sleep(0.01)
