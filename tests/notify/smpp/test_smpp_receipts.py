"""Receipts as carriers write them: which message, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.types import OutboxState
from notify.channels.smpp import pdu
from notify.channels.smpp.pdu import Deliver
from notify.channels.smpp.receipts import answered_id, receipted_id, report

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)


def receipt(text: str = "", coding: int = 0, **options: bytes) -> Deliver:
    octets = text.encode("utf-16-be" if coding == 8 else "latin-1")
    tags = {"id": pdu.RECEIPTED_ID, "state": pdu.MESSAGE_STATE}
    return Deliver("628", 1, "1708", 4, coding, octets, {tags[k]: v for k, v in options.items()})


def read(message: Deliver, style="raw"):
    found = report(message, route="telco-a", style=style, at=AT)
    return None if found is None else (found.provider_id, found.state, found.detail)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (receipt("id:12AB sub:001 dlvrd:001 submit date:2609240710 done date:2609240711 "
                 "stat:DELIVRD err:000 text:id:99 stat:UNDELIV"),
         ("12AB", OutboxState.DELIVERED, "DELIVRD err 000")),
        (receipt("ID: 7 Stat:undeliv ERR:12"), ("7", OutboxState.FAILED, "UNDELIV err 12")),
        (receipt("id=7 stat=Delivered"), ("7", OutboxState.DELIVERED, "DELIVRD")),
        (receipt("id:7,stat:EXPIRED"), ("7", OutboxState.FAILED, "EXPIRED")),
        (receipt("id:7 stat:REJECTD"), ("7", OutboxState.FAILED, "REJECTD")),
        (receipt("id:7 stat:DELETED"), ("7", OutboxState.FAILED, "DELETED")),
        (receipt("id:7 stat:UNKNOWN"), ("7", OutboxState.UNKNOWN, "UNKNOWN")),
        (receipt("id:7"), ("7", OutboxState.UNKNOWN, "no state")),
        (receipt("id:7 stat:BLABLA"), ("7", OutboxState.UNKNOWN, "no state")),
        (receipt("id:7 stat:DELIVRD", coding=8), ("7", OutboxState.DELIVERED, "DELIVRD")),
        (receipt(id=b"7\0", state=b"\x02"), ("7", OutboxState.DELIVERED, "DELIVRD")),
        (receipt("id:8 stat:UNDELIV", id=b"7\0", state=b"\x02"),
         ("7", OutboxState.DELIVERED, "DELIVRD")),
        (receipt("stat:UNDELIV", id=b"7"), ("7", OutboxState.FAILED, "UNDELIV")),
        (receipt("id:7 stat:DELIVRD", state=b"\x63"), ("7", OutboxState.DELIVERED, "DELIVRD")),
        (receipt("id:7 stat:ENROUTE"), None),
        (receipt("id:7 stat:ACCEPTD"), None),
        (receipt(id=b"7\0", state=b"\x01"), None),
        (receipt("stat:DELIVRD"), None),
        (receipt("", id=b"\0", state=b"\x02"), None),
    ],
)  # fmt: skip
def test_a_receipt(message, expected):
    assert read(message) == expected


@given(
    st.binary(max_size=600), st.integers(0, 255),
    st.dictionaries(st.sampled_from([0x1E, 0x427, 0x1501]), st.binary(max_size=90)),
)  # fmt: skip
def test_any_receipt_is_read_without_an_error(octets, coding, options):
    found = report(Deliver("", 0, "", 4, coding, octets, options), route="r", style="hex2dec",
                   at=AT)  # fmt: skip
    assert found is None or (found.provider_id and len(found.provider_id) <= 80)


@given(st.integers(0, 2**64), st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans())
def test_ids_agree_however_they_are_padded(number, zeros_a, zeros_b, upper_a, upper_b):
    decimal = [f"{'0' * n}{number}" for n in (zeros_a, zeros_b)]
    hexes = [f"{'0' * n}{number:{'X' if up else 'x'}}"
             for n, up in ((zeros_a, upper_a), (zeros_b, upper_b))]  # fmt: skip
    for style, answered, receipted in (
        ("strip0", decimal[0], decimal[1]),
        ("strip0", hexes[0], hexes[1]),
        ("hex2dec", hexes[0], decimal[1]),
        ("dec2hex", decimal[0], hexes[1]),
    ):
        assert answered_id(answered, style) == receipted_id(receipted, style)


def test_ids_that_are_no_numbers_stay_themselves():
    uuid = "0B9F-77aa"
    assert answered_id(uuid, "raw") == receipted_id(uuid, "raw") == uuid
    for style in ("strip0", "hex2dec", "dec2hex"):
        assert answered_id(uuid, style) == receipted_id(uuid, style) == "b9f-77aa"
    assert answered_id("", "raw") is None
    assert answered_id("\x01 ", "strip0") is None
