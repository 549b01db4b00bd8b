"""Octets out are those of smpplib; octets in are a stranger's."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import smpp

from notify.channels.smpp import pdu
from notify.channels.smpp.pdu import Malformed, Submit, Submitter

ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


@given(
    source=st.text(ASCII, min_size=1, max_size=20), ton=st.integers(0, 6), npi=st.integers(0, 18),
    service=st.text(ASCII, max_size=5), destination=st.text("0123456789", min_size=8, max_size=15),
    octets=st.binary(max_size=254), coding=st.sampled_from([0, 3, 8]),
    esm_class=st.sampled_from([0, 0x40]), priority=st.integers(0, 3),
    validity=st.sampled_from([b"", b"000000030000000R", b"310504030201000+"]),
    reference=st.none() | st.integers(0, 2**40), as_payload=st.booleans(),
    sequence=st.integers(1, pdu.LAST_SEQUENCE),
)  # fmt: skip
def test_submit_is_the_same_as_smpplib_writes(
    source, ton, npi, service, destination, octets, coding, esm_class, priority, validity,
    reference, as_payload, sequence,
):  # fmt: skip
    as_payload = as_payload and bool(octets)
    submitter = Submitter(service_type=service, source_ton=ton, source_npi=npi, source=source)
    message = Submit(
        destination, octets, coding, esm_class, priority, validity, reference, as_payload
    )
    theirs = smpp.make_pdu(
        "submit_sm", sequence=sequence, service_type=service, source_addr_ton=ton,
        source_addr_npi=npi, source_addr=source, dest_addr_ton=1, dest_addr_npi=1,
        destination_addr=destination, esm_class=esm_class, priority_flag=priority,
        validity_period=validity.decode(), registered_delivery=1, data_coding=coding,
        short_message=None if as_payload else octets,
        message_payload=octets if as_payload else None,
        user_message_reference=None if reference is None else reference & 0xFFFF,
    )  # fmt: skip
    theirs.sequence = sequence
    assert submitter.pack(sequence, message) == theirs.generate()


def test_a_short_message_that_is_too_long_is_refused():
    submitter = Submitter(service_type="", source_ton=5, source_npi=0, source="X")
    with pytest.raises(ValueError, match="254"):
        submitter.pack(1, Submit("628123456789", b"x" * 255, 0, 0, 0, b""))


def test_frames_of_a_session():
    bind = smpp.parse_pdu(pdu.bind_transceiver(7, "kentongan", "rahasia", "WARN"), sequence=0)
    assert (bind.command, bind.sequence, bind.system_id, bind.password, bind.system_type) == (
        "bind_transceiver", 7, b"kentongan", b"rahasia", b"WARN",
    )  # fmt: skip
    assert bind.interface_version == 0x34
    assert pdu.enquire_link(3) == pdu.frame(pdu.ENQUIRE_LINK, 3)
    assert pdu.unbind(4) == pdu.frame(pdu.UNBIND, 4)


@given(
    octets=st.binary(max_size=254), coding=st.integers(0, 255), esm_class=st.integers(0, 255),
    source=st.text(ASCII, max_size=20), ton=st.integers(0, 255),
    receipted=st.none() | st.text("0123456789abcdef", min_size=1, max_size=60),
    state=st.none() | st.integers(0, 255),
)  # fmt: skip
def test_deliver_reads_what_smpplib_writes(
    octets, coding, esm_class, source, ton, receipted, state
):
    theirs = smpp.make_pdu(
        "deliver_sm", sequence=1, source_addr_ton=ton, source_addr=source, short_message=octets,
        esm_class=esm_class, data_coding=coding, destination_addr="1708",
        receipted_message_id=receipted, message_state=state,
    )  # fmt: skip
    read = pdu.deliver(theirs.generate()[16:])
    assert (read.source, read.source_ton, read.destination) == (source, ton, "1708")
    assert (read.esm_class, read.data_coding, read.octets) == (esm_class, coding, octets)
    assert read.number(pdu.MESSAGE_STATE) == state
    assert pdu.text_of(read.options.get(pdu.RECEIPTED_ID, b"")) == (receipted or "")


@given(st.binary(max_size=400))
def test_any_body_is_read_or_malformed(body):
    try:
        read = pdu.deliver(body)
    except Malformed:
        return
    assert len(read.octets) <= len(body)


def test_a_payload_counts_where_there_is_no_short_message():
    mandatory = b"\0\1\1628123\0\1\1" + b"1708\0" + b"\0" * 10
    body = mandatory + struct.pack(">HH", 0x0424, 2) + b"YA"
    assert pdu.deliver(body).octets == b"YA"
    broken = body[:-1]
    assert pdu.deliver(broken).octets == b""


@pytest.mark.parametrize("length", [0, 1, 15, pdu.LARGEST + 1, 0xFFFFFFFF])
def test_lengths_that_cannot_be(length):
    with pytest.raises(Malformed, match=str(length)):
        pdu.body_length(struct.pack(">IIII", length, 4, 0, 1))


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(seconds=1), b"000000000001000R"),
        (timedelta(hours=2, minutes=3, seconds=4), b"000000020304000R"),
        (timedelta(days=2), b"000002000000000R"),
        (timedelta(milliseconds=5), b"000000000001000R"),
    ],
)
def test_relative_times(left, expected):
    assert pdu.relative_time(left) == expected


def test_absolute_times_are_world_time():
    wib = timezone(timedelta(hours=7))
    at = datetime(2026, 9, 24, 14, 10, 5, tzinfo=wib)
    assert pdu.absolute_time(at) == b"260924071005000+"
    assert pdu.absolute_time(at.astimezone(UTC)) == b"260924071005000+"
