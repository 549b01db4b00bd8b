"""Submits a second on one SMPP bind, against the SMSC of the tests on this machine.

Ours (`notify.channels.smpp`, through `transmit` as the dispatcher calls it) and smpplib's own
synchronous client in turns, with the same window, text and numbers; the SMSC answers at once and
sends no receipts, except in the last line. Both processes need a core each.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.harness import Bench, Result, alternate, seconds
from notify.channels.channel import Outcome, Outgoing
from notify.channels.smpp import SmppChannel, SmppRoute
from tests.peers.smsc import ROOT, Smsc, node

MESSAGES = 4_000
TARGET = 1_200.0
"""Submits a second on one bind."""
PAIRS = 3
TEXT = "SIAGA BANJIR Kec.Dayeuhkolot mulai 19.30 WIB. Segera ke Masjid Al-Amanah. Bawa obat."


class _Nowhere:
    """A sink that commits at once."""

    def __init__(self) -> None:
        self.receipts_seen = 0

    def receipts(self, reports: Any) -> None:
        self.receipts_seen += len(reports)

    def inbound(self, message: Any) -> None:
        raise AssertionError(f"nobody writes to us here, found {type(message).__name__}")

    def gone(self, message: Any) -> None:
        raise AssertionError(f"SMS has no such answer, found {type(message).__name__}")


def _message(number: int, ends: datetime) -> Outgoing:
    return Outgoing(
        outbox_id=number, message_id="m", warning_id="w", version=1, channel="sms",
        recipient_id=str(number), address=f"+62812{number:08d}", text=TEXT, payload=None, level=3,
        cap_status="Test", not_after=ends,
    )  # fmt: skip


def _ours(channel: SmppChannel, window: int) -> int:
    ends = datetime.now(UTC) + timedelta(hours=6)
    accepted = 0
    for start in range(0, MESSAGES, window):
        batch = [_message(n, ends) for n in range(start, min(start + window, MESSAGES))]
        accepted += sum(r.outcome is Outcome.ACCEPTED for r in channel.transmit(batch))
    return accepted


def _smpplib(client: Any, taken: list[int], window: int) -> int:
    taken.clear()
    for start in range(0, MESSAGES, window):
        count = min(window, MESSAGES - start)
        for n in range(start, start + count):
            client.send_message(
                source_addr_ton=5, source_addr="KEMENSOS", dest_addr_ton=1, dest_addr_npi=1,
                destination_addr=f"62812{n:08d}", short_message=TEXT.encode(),
                registered_delivery=1, validity_period="000000060000000R", priority_flag=2,
            )  # fmt: skip
        while len(taken) < start + count:
            client.read_once()
    return sum(status == 0 for status in taken)


@contextmanager
def _line(folder: Path, smsc: Smsc, window: int) -> Iterator[tuple[SmppChannel, _Nowhere]]:
    password = folder / "password"
    password.write_text("secret")
    route = SmppRoute(
        kind="smpp", route="bench", host="127.0.0.1", port=smsc.port, system_id="bench",
        password_file=password, source="KEMENSOS", window=window, rate_per_s=1e6,
    )  # fmt: skip
    channel, sink = SmppChannel(route), _Nowhere()
    channel.open(sink)
    try:
        while not channel.state().bound:
            time.sleep(0.01)
        yield channel, sink
    finally:
        channel.close()


@contextmanager
def _peer(smsc: Smsc) -> Iterator[tuple[Any, list[int]]]:
    from smpplib.client import Client

    taken: list[int] = []
    client = Client("127.0.0.1", smsc.port, timeout=30, allow_unknown_opt_params=True)
    client.set_message_sent_handler(lambda pdu: taken.append(pdu.status))
    client.set_error_pdu_handler(lambda pdu: taken.append(pdu.status or 1))
    client.connect()
    client.bind_transceiver(system_id="bench", password="secret")  # noqa: S106
    try:
        yield client, taken
    finally:
        client.unbind()
        client.disconnect()


def _same(left: int, right: int) -> None:
    assert left == right == MESSAGES, f"not all were accepted: {left} and {right} of {MESSAGES}"


def _submits(window: int) -> Iterator[Result]:
    name = f"dispatch.smpp_{window}"
    if (missing := _missing()) is not None:
        yield Result(name, None, "submits/s", None, None, None, TARGET, None, missing)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Smsc(Path(folder) / "log", {"drop_receipts": 1}) as smsc,
        _line(Path(folder), smsc, window) as (channel, _),
        _peer(smsc) as (client, taken),
    ):
        ours_s, peer_s = alternate(
                partial(_ours, channel, window), partial(_smpplib, client, taken, window), _same,
                pairs=PAIRS,
            )  # fmt: skip
    rate = MESSAGES / ours_s
    yield Result(
        name, rate, "submits/s", ours_s, f"smpplib {version('smpplib')}, synchronous", peer_s,
        TARGET, rate >= TARGET, f"{MESSAGES} messages, one bind",
    )  # fmt: skip


def _with_receipts() -> Iterator[Result]:
    """Submits while a receipt comes for each."""
    name = "dispatch.smpp_receipts"
    if (missing := _missing()) is not None:
        yield Result(name, None, "submits/s", None, None, None, None, None, missing)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Smsc(Path(folder) / "log", {"receipt_delay_ms": 20}) as smsc,
        _line(Path(folder), smsc, 50) as (channel, sink),
    ):
        ours_s, accepted = seconds(partial(_ours, channel, 50))
        smsc.until(lambda seen: seen["delivers_acked"] >= MESSAGES, timeout=60)
        assert accepted == sink.receipts_seen == MESSAGES
    note = f"{MESSAGES} messages, each with its receipt stored before it is acknowledged"
    yield Result(name, MESSAGES / ours_s, "submits/s", ours_s, None, None, None, None, note)


def _missing() -> str | None:
    if node().exists() and (ROOT / "node_modules" / "smpp").exists():
        return None
    return "no SMSC: run make setup-test"


def _windows(window: int) -> Callable[[], Iterator[Result]]:
    return partial(_submits, window)


BENCHES: dict[str, Bench] = {
    "dispatch.smpp_50": _windows(50),
    "dispatch.smpp_200": _windows(200),
    "dispatch.smpp_receipts": _with_receipts,
}
