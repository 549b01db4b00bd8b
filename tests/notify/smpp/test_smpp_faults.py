"""A carrier that dies, goes silent, closes, refuses, or talks nonsense."""

from __future__ import annotations

import logging
import os
import signal
import struct
import threading
import time

import pytest

from notify.channels.channel import Outcome
from tests.notify.smpp.line_to_smsc import Store, message, messages, opened, until
from tests.peers.smsc import Smsc


@pytest.fixture
def smsc(tmp_path):
    with Smsc.start(tmp_path) as running:
        yield running


def outcomes(receipts):
    return [receipt.outcome for receipt in receipts]


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch):
    monkeypatch.setattr("notify.channels.smpp.line.BIND_WAIT_S", 0.6)


def in_background(channel, batch):
    found = []
    thread = threading.Thread(target=lambda: found.extend(channel.transmit(batch)))
    thread.start()
    return thread, found


def test_a_killed_carrier_leaves_what_was_in_flight_unknown_and_is_found_again(smsc):
    smsc.set(answer_delay_ms=5_000)
    with opened(smsc, window=10) as channel:
        sending, receipts = in_background(channel, messages(30))
        until(lambda: len(smsc.accepted()) == 10)
        smsc.kill()
        sending.join(10)
        assert outcomes(receipts) == [Outcome.UNKNOWN] * 10 + [Outcome.RETRY] * 20
        assert not any(r.counts for r in receipts[10:])
        smsc.restart(answer_delay_ms=0)
        until(lambda: channel.state().bound)
        assert outcomes(channel.transmit(messages(5, first=100))) == [Outcome.ACCEPTED] * 5
        assert channel.state().counts["binds"] == 2


def test_a_killed_carrier_leaves_at_most_the_window_in_doubt(smsc):
    smsc.set(exit_after=57, answer_delay_ms=2)
    with opened(smsc, window=8) as channel:
        receipts = channel.transmit(messages(100))
    found = outcomes(receipts)
    accepted = {f"62812{n:08d}" for n, r in enumerate(receipts, 1) if r.outcome is Outcome.ACCEPTED}
    taken = {row["destination"] for row in smsc.accepted()}
    assert accepted <= taken
    assert found.count(Outcome.UNKNOWN) <= 8
    assert len(taken - accepted) <= 8


def test_a_half_open_line_is_noticed_and_made_anew(smsc):
    with opened(smsc, enquire_link_s=0.2, response_timeout_s=30) as channel:
        until(lambda: channel.state().bound)
        started = time.monotonic()
        os.kill(smsc.process.pid, signal.SIGSTOP)
        try:
            until(lambda: not channel.state().bound)
        finally:
            os.kill(smsc.process.pid, signal.SIGCONT)
        assert time.monotonic() - started < 3
        assert "enquire_link" in channel.state().trouble
        until(lambda: channel.state().bound)
        assert outcomes(channel.transmit(messages(3))) == [Outcome.ACCEPTED] * 3


def test_a_silent_carrier_leaves_submits_unknown(smsc):
    with opened(smsc, window=10, response_timeout_s=0.4) as channel:
        until(lambda: channel.state().bound)
        smsc.set(silent=True)
        receipts = channel.transmit(messages(10))
        assert outcomes(receipts) == [Outcome.UNKNOWN] * 10
        until(lambda: channel.state().counts.get("unanswered") == 10)
        until(lambda: not channel.state().bound)  # a whole window: the line is made anew
        smsc.set(silent=False)
        until(lambda: channel.state().bound)
        assert outcomes(channel.transmit(messages(2))) == [Outcome.ACCEPTED] * 2


def test_one_late_answer_does_not_end_the_line(smsc):
    with opened(smsc, window=10, response_timeout_s=0.3) as channel:
        until(lambda: channel.state().bound)
        smsc.set(answer_delay_ms=800)
        assert outcomes(channel.transmit(messages(1))) == [Outcome.UNKNOWN]
        smsc.set(answer_delay_ms=0)
        time.sleep(0.6)  # the late answer comes and is nobody's
        assert outcomes(channel.transmit(messages(3, first=5))) == [Outcome.ACCEPTED] * 3
        assert channel.state().counts["binds"] == 1


def test_closing_after_each_bind_is_met_with_growing_pauses(smsc):
    smsc.set(close_after_bind=True)
    with opened(smsc, reconnect_first_s=0.1, reconnect_max_s=10) as channel:
        time.sleep(1.2)
        assert 2 <= smsc.stats()["binds"] <= 5
        smsc.set(close_after_bind=False)
        until(lambda: channel.state().bound)


def test_connections_dropped_again_and_again_lose_nothing(smsc):
    open_rows = {row.outbox_id: row for row in messages(200)}
    with opened(smsc, window=10) as channel:
        for _ in range(60):
            smsc.set(close_after=17)
            batch = list(open_rows.values())[:20]
            for row, receipt in zip(batch, channel.transmit(batch), strict=True):
                if receipt.outcome is Outcome.ACCEPTED:
                    del open_rows[row.outbox_id]
            if not open_rows:
                break
    assert not open_rows
    assert {row["destination"] for row in smsc.accepted()} == {
        f"62812{n:08d}" for n in range(1, 201)
    }


@pytest.mark.parametrize("status", [0x0E, 0x0F], ids=["password", "system-id"])
def test_a_refused_bind_stops_the_route(smsc, status):
    smsc.set(bind_status=status)
    with opened(smsc) as channel:
        until(lambda: channel.fault)
        receipts = channel.transmit(messages(3))
        time.sleep(0.3)
    assert {(r.outcome, r.counts) for r in receipts} == {(Outcome.RETRY, False)}
    assert f"0x{status:02X}" in receipts[0].detail
    assert smsc.stats()["sessions"] == 1


def test_a_bind_that_is_refused_for_now_is_tried_again(smsc):
    smsc.set(bind_status=0x0D)
    with opened(smsc) as channel:
        until(lambda: smsc.stats()["sessions"] >= 3)
        assert channel.fault is None
        smsc.set(bind_status=0)
        until(lambda: channel.state().bound)


def test_a_carrier_that_says_good_bye_is_answered_and_found_again(smsc):
    smsc.set(answer_delay_ms=150)
    with opened(smsc, window=5) as channel:
        sending, receipts = in_background(channel, messages(5))
        until(lambda: len(smsc.accepted()) == 5)
        smsc.do("unbind")
        sending.join(10)
        assert outcomes(receipts) == [Outcome.ACCEPTED] * 5
        smsc.wait_for("unbind_resp")
        smsc.do("end")
        until(lambda: channel.state().counts["binds"] == 2)


def test_closing_answers_what_is_in_flight_and_unbinds(smsc):
    smsc.set(answer_delay_ms=300)
    with opened(smsc, window=5) as channel:
        sending, receipts = in_background(channel, messages(5))
        until(lambda: len(smsc.accepted()) == 5)
    sending.join(10)
    assert outcomes(receipts) == [Outcome.ACCEPTED] * 5
    assert smsc.stats()["unbinds"] == 1


def test_receipts_that_waited_for_us_are_taken_over_the_next_connection(smsc):
    smsc.set(receipt_delay_ms=400)
    store = Store()
    with opened(smsc, store) as channel:
        accepted = {r.provider_id for r in channel.transmit(messages(10))}
        smsc.do("drop")
        until(lambda: len(store.reports) == 10)
        assert channel.state().counts["binds"] == 2
    assert {r.provider_id for r in store.reports} == accepted


def test_an_enquiry_of_the_carrier_is_answered(smsc):
    with opened(smsc) as channel:
        until(lambda: channel.state().bound)
        smsc.do("enquire")
        smsc.wait_for("enquire_link_resp")


def pdu(command, body=b"", *, length=None, sequence=99, status=0):
    size = 16 + len(body) if length is None else length
    return (struct.pack(">IIII", size, command, status, sequence) + body).hex()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(pdu(0x15, length=0), id="length-0"),
        pytest.param(pdu(0x15, length=15), id="shorter-than-a-header"),
        pytest.param(pdu(0x15, length=0xFFFFFFFF), id="4-GB"),
        pytest.param("474554202f20485454502f312e310d0a0d0a" * 20, id="another-protocol"),
        pytest.param("ff" * 400, id="garbage"),
    ],
)
def test_a_stream_that_cannot_be_followed_is_dropped_and_made_anew(smsc, octets):
    with opened(smsc) as channel:
        until(lambda: channel.state().bound)
        smsc.do("raw", hex=octets)
        until(lambda: channel.state().counts["binds"] == 2)
        assert outcomes(channel.transmit(messages(2))) == [Outcome.ACCEPTED] * 2


@pytest.mark.parametrize(
    ("octets", "nacks"),
    [
        pytest.param(pdu(0x7777), 1, id="unknown-command"),
        pytest.param(pdu(0x103, b"\0" * 20), 1, id="command-of-no-use-to-us"),
        pytest.param(pdu(0x102, b"\0" * 6), 0, id="alert-notification"),
        pytest.param(pdu(0x80000004, b"1\0"), 0, id="answer-to-nothing"),
        pytest.param(pdu(0x80000015, sequence=1), 0, id="answer-again"),
        pytest.param(pdu(0x80000000, status=3), 0, id="nack-to-nothing"),
        pytest.param(pdu(0x05), 0, id="deliver-without-body"),
        pytest.param(pdu(0x05, b"\xff" * 30), 0, id="deliver-without-end"),
        pytest.param(pdu(0x05, b"\0" * 16 + b"\xfeshort"), 0, id="text-longer-than-the-body"),
    ],
)
def test_odd_frames_leave_the_line_up(smsc, octets, nacks):
    with opened(smsc) as channel:
        until(lambda: channel.state().bound)
        smsc.do("raw", hex=octets * 3)
        assert outcomes(channel.transmit(messages(2))) == [Outcome.ACCEPTED] * 2
        assert channel.state().counts["binds"] == 1
        assert smsc.stats()["nacks"] == 3 * nacks


def test_unknown_options_and_a_vendor_receipt_are_read(smsc):
    text = b"id:77 stat:DELIVRD err:000"
    body = (
        b"\0\1\1628123\0\0\0KEMENSOS\0\4\0\0\0\0\1\0\0\0" + bytes([len(text)]) + text
        + struct.pack(">HH4s", 0x1501, 4, b"vend") + struct.pack(">HH", 0x0423, 900)
    )  # fmt: skip
    store = Store()
    with opened(smsc, store) as channel:
        until(lambda: channel.state().bound)
        smsc.do("raw", hex=pdu(5, body))
        until(lambda: store.reports)
    assert store.reports[0].provider_id == "77"


def test_logs_and_details_hold_no_number_and_no_password(smsc, caplog):
    caplog.set_level(logging.DEBUG)
    store = Store(failing=2)
    smsc.set(refuse={"6281200000002": 0x0B}, resend_ms=50)
    with opened(smsc, store) as channel:
        receipts = channel.transmit([*messages(2), message(3, address="+6281234")])
        smsc.do("mo", source="6281200000009", text="YA T1", key="k")
        smsc.wait_for("acked", key="k", status=0)
        until(lambda: len(store.reports) == 1)
    said = caplog.text + repr(receipts) + repr(channel.state())
    assert "812000" not in said and "81234" not in said and "rahasia" not in said
