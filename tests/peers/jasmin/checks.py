"""What must hold when a gateway of others stands between us and the carrier."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notify.channels.channel import Outcome
from notify.channels.smpp import SmppChannel
from tests.notify.smpp.line_to_smsc import Store, message, messages, route, until
from tests.peers.jasmin.gateway import SMPP_PORT, Gateway
from tests.peers.smsc import Smsc

Check = Callable[[Gateway, Smsc], dict[str, Any]]


def run_checks(gateway: Gateway, folder: Path) -> int:
    """Each check's name and what it found, one JSON object a line; 1 where one failed."""
    failed = 0
    with Smsc.start(folder) as carrier:
        gateway.configure(carrier.port)
        until(lambda: carrier.stats()["binds"] > 0, timeout=30)
        for check in CHECKS:
            try:
                found = {"check": check.__name__, "ok": True, **check(gateway, carrier)}
            except (AssertionError, TimeoutError) as error:
                failed += 1
                found = {"check": check.__name__, "ok": False, "why": str(error)[:500]}
            print(json.dumps(found), flush=True)  # noqa: T201
    return 1 if failed else 0


@contextmanager
def _bound(carrier: Smsc, store: Store | None = None, **changes: Any) -> Iterator[SmppChannel]:
    settings = route(carrier.log.parent, SMPP_PORT, **{"response_timeout_s": 20, **changes})
    channel = SmppChannel(settings)
    channel.open(store or Store())
    try:
        until(lambda: channel.state().bound, timeout=20)
        yield channel
    finally:
        channel.close()


def every_submit_is_answered_and_passed_on(_: Gateway, carrier: Smsc) -> dict[str, Any]:
    with _bound(carrier, window=50) as channel:
        started = time.monotonic()
        receipts = channel.transmit(messages(500))
        taken_s = time.monotonic() - started
    assert Counter(r.outcome for r in receipts) == {Outcome.ACCEPTED: 500}, receipts[:3]
    assert len({r.provider_id for r in receipts}) == 500
    carrier.until(lambda seen: seen["accepted"] >= 500, timeout=60)
    assert len({row["destination"] for row in carrier.accepted()}) == 500
    return {"submits_per_s": round(500 / taken_s)}


def letters_and_parts_arrive(_: Gateway, carrier: Smsc) -> dict[str, Any]:
    texts = ["Jauhi pantai @ {19.30} €", "Naik ke tempat tinggi. " * 12, "Awas – 😀 " * 20]
    seen = len(carrier.accepted())
    with _bound(carrier) as channel:
        receipts = channel.transmit([message(9000 + n, text) for n, text in enumerate(texts)])
    assert {r.outcome for r in receipts} == {Outcome.ACCEPTED}, receipts
    until(lambda: len(carrier.accepted()) >= seen + 1 + 2 + 3, timeout=30)
    arrived: dict[str, list[dict[str, Any]]] = {}
    for row in carrier.accepted()[seen:]:
        arrived.setdefault(row["destination"], []).append(row)
    for n, text in enumerate(texts):
        rows = sorted(
            arrived[f"62812{9000 + n:08d}"], key=lambda r: (r["concat"] or {"part": 0})["part"]
        )
        assert "".join(row["text"] for row in rows) == text, rows
    return {"parts": sum(map(len, arrived.values()))}


def messages_of_people_come_back(_: Gateway, carrier: Smsc) -> dict[str, Any]:
    store = Store()
    with _bound(carrier, store):
        for number in range(20):
            carrier.do("mo", source=f"62812999{number:05d}", text=f"YA T{number}")
        until(lambda: len(store.messages) >= 20, timeout=40)
    assert {m.text for m in store.messages} == {f"YA T{n}" for n in range(20)}
    return {"stored": len(store.messages)}


def a_failed_store_is_told_to_the_gateway(_: Gateway, carrier: Smsc) -> dict[str, Any]:
    """Jasmin 0.11.1 may drop what we refuse; what counts is that we never said yes."""
    store = Store(failing=1)
    with _bound(carrier, store) as channel:
        carrier.do("mo", source="6281277700001", text="SELESAI T1")
        until(lambda: channel.state().counts.get("not_stored"), timeout=30)
        time.sleep(1)
        again = len(store.messages)
    return {"brought_again": again > 0}


def throttling_is_seen_and_nothing_is_counted(gateway: Gateway, carrier: Smsc) -> dict[str, Any]:
    gateway.throttle(50)
    with _bound(carrier, window=50, rate_per_s=2_000) as channel:
        receipts = channel.transmit(messages(300, first=20_000))
        rate = channel.state().rate_per_s
    found = Counter(str(r.outcome) for r in receipts)
    busy = [r for r in receipts if r.outcome is Outcome.RETRY]
    assert busy and not any(r.counts for r in busy), found
    assert "0x58" in busy[0].detail, busy[0]
    gateway.throttle(100_000)
    return {**found, "rate_after": round(rate)}


def a_wrong_password_stops_the_route(_: Gateway, carrier: Smsc) -> dict[str, Any]:
    settings = route(carrier.log.parent, SMPP_PORT)
    settings.password_file.write_text("falsch")
    channel = SmppChannel(settings)
    channel.open(Store())
    try:
        until(lambda: channel.fault or "refused" in channel.state().trouble, timeout=20)
        return {"said": channel.fault or channel.state().trouble}
    finally:
        channel.close()


def no_way_out_is_a_refusal(gateway: Gateway, carrier: Smsc) -> dict[str, Any]:
    gateway.refuse_all()
    with _bound(carrier) as channel:
        (receipt,) = channel.transmit(messages(1, first=30_000))
    assert receipt.outcome in (Outcome.REFUSED, Outcome.RETRY), receipt
    return {"outcome": str(receipt.outcome), "said": receipt.detail}


CHECKS: tuple[Check, ...] = (
    every_submit_is_answered_and_passed_on,
    letters_and_parts_arrive,
    messages_of_people_come_back,
    a_failed_store_is_told_to_the_gateway,
    throttling_is_seen_and_nothing_is_counted,
    a_wrong_password_stops_the_route,
    no_way_out_is_a_refusal,
)
