"""What people send: stored before it is acknowledged, in whatever pieces and letters it comes."""

from __future__ import annotations

import time

import pytest

from tests.notify.smpp.line_to_smsc import Store, messages, opened, until
from tests.peers.smsc import Smsc


@pytest.fixture
def smsc(tmp_path):
    with Smsc.start(tmp_path, resend_ms=80) as running:
        yield running


@pytest.mark.parametrize(
    ("coding", "text"),
    [
        (0, "Siap, T-4821 {laksanakan} €"),
        (3, "Café sudah tutup"),
        (8, "SELESAI T4821 – 12 jiwa 😀"),
    ],
    ids=["gsm7", "latin1", "ucs2"],
)
def test_a_reply_is_read(smsc, coding, text):
    store = Store()
    with opened(smsc, store):
        smsc.do("mo", source="6281234567890", text=text, coding=coding, key="k")
        assert smsc.wait_for("acked", key="k")["status"] == 0
    (found,) = store.messages
    assert (found.route, found.sender, found.text) == ("telco-a", "+6281234567890", text)


def test_the_acknowledgement_comes_after_the_commit(smsc):
    store = Store(slow_s=0.3)
    with opened(smsc, store):
        smsc.do("mo", source="6281234567890", text="YA T1", key="k")
        acked = smsc.wait_for("acked", key="k")
    assert acked["status"] == 0
    assert acked["at_ms"] / 1000 >= store.committed_at[0] - 0.002


def test_a_commit_that_fails_is_not_acknowledged_and_the_carrier_comes_again(smsc):
    store = Store(failing=2)
    with opened(smsc, store):
        smsc.do("mo", source="6281234567890", text="YA T1", key="k")
        smsc.wait_for("acked", key="k", status=0)
    assert [e["status"] for e in smsc.events if e["event"] == "acked"] == [0x64, 0x64, 0]
    assert [m.text for m in store.messages] == ["YA T1"]


@pytest.mark.parametrize("concat", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]], ids=["in-order", "mixed"])
def test_parts_become_one_message(smsc, concat, order):
    store = Store()
    parts = ["LAPOR banjir di ", "RW 03, air 1 ", "meter 😀"]
    with opened(smsc, store):
        smsc.do("mo", source="6281234567890", parts=parts, concat=concat, order=order, coding=8,
                key="k")  # fmt: skip
        for part in (1, 2, 3):
            smsc.wait_for("acked", key=f"k/{part}", status=0)
    assert [m.text for m in store.messages] == ["".join(parts)]


def test_a_part_whose_sisters_stay_away_is_kept_as_it_is(smsc):
    store = Store()
    with opened(smsc, store, join_wait_s=0.3):
        smsc.do("mo", source="6281234567890", parts=["TOLONG ", "kami"], concat="udh8", order=[0],
                key="k")  # fmt: skip
        smsc.wait_for("acked", key="k/1", status=0)
    assert [m.text for m in store.messages] == ["TOLONG […]"]


def test_closing_keeps_parts_that_wait(smsc):
    store = Store()
    with opened(smsc, store, join_wait_s=20) as channel:
        until(lambda: channel.state().bound)
        smsc.do("mo", source="6281234567890", parts=["TOLONG ", "kami"], concat="udh8", order=[1])
        smsc.until(lambda seen: seen["outstanding"] == 1)
        time.sleep(0.1)
    assert [m.text for m in store.messages] == ["[…]kami"]


def test_what_a_dropped_line_brings_again_has_the_same_key(smsc):
    store = Store(slow_s=0.3)
    with opened(smsc, store) as channel:
        until(lambda: channel.state().bound)
        smsc.do("mo", source="6281234567890", text="YA T1", key="k")
        smsc.until(lambda seen: seen["outstanding"] == 1)
        time.sleep(0.1)  # it is being stored
        smsc.do("drop")
        smsc.wait_for("acked", key="k", status=0)
    assert len(store.messages) == 2
    assert len({m.provider_key for m in store.messages}) == 1


def test_a_flood_is_bounded_and_sending_goes_on(smsc):
    smsc.set(deliver_window=1_500, resend_ms=300)
    store = Store()
    with opened(smsc, store, window=50) as channel:
        until(lambda: channel.state().bound)
        smsc.do("mo", source="6281234567890", text="LAPOR {n}", count=10_000)
        started = time.monotonic()
        receipts = channel.transmit(messages(200))
        assert time.monotonic() - started < 5
        assert {str(r.outcome) for r in receipts} == {"accepted"}
        smsc.until(lambda seen: seen["delivers_acked"] >= 10_200, timeout=60)
        assert channel.state().counts["pushed_back"] > 0
    assert len({m.text for m in store.messages}) == 10_000


def test_a_message_that_looks_like_a_receipt_is_a_message(smsc):
    store = Store()
    with opened(smsc, store):
        smsc.do("mo", source="6281234567890", text="id:1 stat:DELIVRD", key="k")
        smsc.wait_for("acked", key="k", status=0)
    assert store.reports == []
    assert [m.text for m in store.messages] == ["id:1 stat:DELIVRD"]
