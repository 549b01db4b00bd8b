"""Inbound text out of octets, parts to messages, keys, and the pace of submitting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels.smpp.asking import MOST as MOST_ASKED
from notify.channels.smpp.asking import Asking
from notify.channels.smpp.inbound import (
    MOST_OPEN,
    Joiner,
    Keys,
    Whole,
    piece_of,
    sender_of,
    text_of,
)
from notify.channels.smpp.pace import Pace
from notify.channels.smpp.pdu import SAR_PART, SAR_REF, SAR_TOTAL, Deliver
from notify.wording import gsm7
from notify.wording.parts import Alphabet, header, split

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)


def deliver(octets: bytes, *, coding=0, esm_class=0, source="6281234567890", options=None):
    return Deliver(source, 1, "1708", esm_class, coding, octets, options or {})


@pytest.mark.parametrize(
    ("address", "ton", "expected"),
    [
        ("6281234567890", 1, "+6281234567890"),
        ("+6281234567890", 0, "+6281234567890"),
        ("081234567890", 2, "+6281234567890"),
        ("81234567890", 2, "+6281234567890"),
        ("006281234567890", 0, "+6281234567890"),
        ("8613912345678", 1, "+8613912345678"),
        ("1708", 3, "1708"),
        ("TELKOMSEL", 5, "TELKOMSEL"),
        ("x\x00\x1by", 0, "xy"),
        ("٦٢٨١٢٣٤٥٦٧٨", 1, "٦٢٨١٢٣٤٥٦٧٨"),
    ],
)
def test_senders(address, ton, expected):
    assert sender_of(address, ton) == expected


@pytest.mark.parametrize(
    ("octets", "coding", "default", "expected"),
    [
        (b"YA\x00T1", 0, "gsm7", "YA@T1"),
        (b"YA@T1", 0, "latin1", "YA@T1"),
        (b"caf\xe9", 3, "gsm7", "café"),
        ("é–".encode("utf-16-be"), 8, "gsm7", "é–"),
        ("é–".encode("utf-16-be"), 0x18, "gsm7", "é–"),
        (b"\xd8", 8, "gsm7", "\ufffd"),
        (b"a\x00\x07b", 3, "gsm7", "a  b"),
        (b"hi", 0xF4, "gsm7", "hi"),
        (b"hi", 0x10, "gsm7", "hi"),
        (b"", 0, "gsm7", ""),
    ],
)
def test_letters(octets, coding, default, expected):
    assert text_of([piece_of(deliver(octets, coding=coding))], default) == expected


@given(st.binary(max_size=300), st.integers(0, 255), st.integers(0, 255))
def test_any_octets_are_a_text_that_a_database_takes(octets, coding, esm_class):
    text = text_of([piece_of(deliver(octets, coding=coding, esm_class=esm_class))], "gsm7")
    assert "\x00" not in text
    text.encode()


@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=600),
    data=st.data(),
)
def test_parts_in_any_order_are_the_text_again(text, data):
    made = split(text)
    ucs2 = made.alphabet is Alphabet.UCS2
    octets = [p.encode("utf-16-be") if ucs2 else gsm7.encode(p) for p in made.parts]
    count = len(octets)
    coding, kind = (8 if ucs2 else 0), data.draw(st.sampled_from(["udh", "sar"]))
    joiner: Joiner[int] = Joiner(5)
    found: list[Whole[int]] = []
    for n in data.draw(st.permutations(range(count))):
        options = {SAR_REF: b"\1\2", SAR_TOTAL: bytes([count]), SAR_PART: bytes([n + 1])}
        whole = (
            deliver(header(9, count, n + 1) + octets[n], coding=coding, esm_class=0x40)
            if kind == "udh" and count > 1
            else deliver(octets[n], coding=coding, options=options)
        )
        found += joiner.add(piece_of(whole), n, 0.0)
    (one,) = found
    printable = "".join(c if c.isprintable() else " " for c in text).strip()
    assert one.text == printable
    assert sorted(one.tickets) == list(range(count))


def test_a_phone_that_cuts_a_pair_is_read_after_joining():
    octets = "Air naik 😀".encode("utf-16-be")
    halves = octets[:-2], octets[-2:]
    joiner: Joiner[int] = Joiner(5)
    for n, half in enumerate(halves, 1):
        found = joiner.add(
            piece_of(deliver(header(1, 2, n) + half, coding=8, esm_class=0x40)), n, 0
        )
    assert found[0].text == "Air naik 😀"


@pytest.mark.parametrize(
    ("esm_class", "expected"),
    [(0x00, False), (0x40, False), (0x04, True), (0x44, True), (0x20, True), (0x08, False)],
)
def test_what_is_a_receipt(esm_class, expected):
    assert deliver(b"id:1 stat:ENROUTE", esm_class=esm_class).is_receipt is expected


def part(ref: int, n: int, total: int = 3, sender: str = "6281234567890"):
    octets = header(ref, total, n) + b"x"
    return piece_of(deliver(octets, esm_class=0x40, source=sender))


def test_waiting_parts_are_bounded_in_number_and_time():
    joiner: Joiner[int] = Joiner(5)
    given_up: list[Whole[int]] = []
    for i in range(3 * MOST_OPEN):
        given_up += joiner.add(part(i % 256, 1, sender=f"62812345{i:05d}"), i, float(i))
    assert len(given_up) == 2 * MOST_OPEN
    assert given_up[0].tickets == [0]
    assert joiner.next_due() == 2 * MOST_OPEN + 5
    assert len(joiner.overdue(1e9)) == MOST_OPEN
    assert joiner.next_due() is None


def test_the_same_part_again_and_again_is_bounded():
    joiner: Joiner[int] = Joiner(5)
    found = [w for i in range(1_000) for w in joiner.add(part(1, 1), i, 0.0)]
    assert found[0].text == "x[…][…]"
    assert sum(len(w.tickets) for w in found) + len(joiner.rest()[0].tickets) == 1_000


@pytest.mark.parametrize(
    "head",
    [
        bytes((5, 0, 3, 1, 0, 0)), bytes((5, 0, 3, 1, 2, 3)), bytes((5, 0, 3, 1, 255, 1)),
        bytes((2, 0, 9)), bytes((4, 5, 4, 1, 2)),
    ],
)  # fmt: skip
def test_headers_without_sense_make_one_message(head):
    joiner: Joiner[int] = Joiner(5)
    (whole,) = joiner.add(piece_of(deliver(head + b"YA", esm_class=0x40)), 1, 0)
    assert whole.text == "YA"


def test_a_header_longer_than_the_text_is_text():
    assert text_of([piece_of(deliver(b"\x20YA", esm_class=0x40))], "gsm7").endswith("YA")


def whole(text="YA T1", sender="+6281234567890"):
    return Whole(sender, "1708", text, [1])


def test_one_key_for_one_message():
    keys = Keys()
    first = keys.key(whole(), session=1, at=AT)
    assert keys.key(whole(), session=1, at=AT + timedelta(seconds=20)) == first
    assert keys.key(whole(), session=1, at=AT + timedelta(minutes=2)) != first
    assert keys.key(whole("TIDAK T1"), session=1, at=AT) != first
    assert keys.key(whole(sender="+6281234567891"), session=1, at=AT) != first
    assert len(first) <= 120 and "812345" not in first


def test_a_new_session_brings_the_same_message_again_within_ten_minutes():
    keys = Keys()
    first = keys.key(whole(), session=1, at=AT)
    assert keys.key(whole(), session=2, at=AT + timedelta(minutes=3)) == first
    assert keys.key(whole(), session=3, at=AT + timedelta(minutes=30)) != first


def test_the_pace_is_the_contracts_and_halves_once_a_second():
    pace, now, gone = Pace(100, 0.0), 0.0, 0
    while now < 2.0:
        wait = pace.wait(now)
        gone += wait == 0.0
        now += max(wait, 1e-6)
    assert 200 <= gone <= 212
    for _ in range(50):
        pace.throttled(2.0)
    assert pace.rate == 50
    pace.throttled(3.1)
    assert 27 < pace.rate < 28
    assert pace.wait(3.1) > 0
    pace.wait(3.1 + 15)
    assert pace.rate == 100


def test_what_to_ask_about():
    asking = Asking(30)
    asking.taken("0A", "10", 0.0)
    asking.taken("0B", "11", 1.0)
    asking.taken("0C", "12", 2.0)
    asking.told("11")
    asking.told("13")  # before its answer
    asking.taken("0D", "13", 3.0)
    assert asking.due(29.0) is None
    assert [asking.due(40.0) for _ in range(3)] == [("0A", "10"), ("0C", "12"), None]
    for number in range(MOST_ASKED + 5):
        asking.taken("x", str(number), 50.0)
    assert asking.due(90.0) == ("x", "5")
    for _ in range(3):
        asking.answered(refused=True)
    assert not asking.is_on and asking.due(1e9) is None
    off = Asking(None)
    off.taken("0A", "10", 0.0)
    assert off.due(1e9) is None


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=80), st.floats(0.5, 5_000))
def test_the_pace_stays_within_its_bounds(steps, rate):
    pace, now, gone = Pace(rate, 0.0), 0.0, 0
    for step, busy in steps:
        now += step
        if busy:
            pace.throttled(now)
        assert rate / 64 <= pace.rate <= rate
        gone += pace.wait(now) == 0.0
    assert gone <= rate * (now + 0.1) + 1
