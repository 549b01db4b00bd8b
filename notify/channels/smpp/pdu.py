"""Octets of SMPP 3.4 (Issue 1.2): frames, what we submit, and what a peer delivers.

`smpplib` writes the few messages of a session; its bytes are also the yardstick for `submit` in
the tests. Reading is our own, because `smpplib` gives up on optional parameters that it does not
know or does not expect, and everything read here is a stranger's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from smpplib import smpp  # type: ignore[import-untyped]

HEADER = struct.Struct(">IIII")
"""Length, command, status, sequence."""
LARGEST = 16_384
"""Octets of one PDU; the largest that makes sense is a `message_payload` of a few thousand."""
LAST_SEQUENCE = 0x7FFFFFFF
RESPONSE = 0x80000000

GENERIC_NACK = 0x80000000
SUBMIT_SM = 0x00000004
SUBMIT_SM_RESP = 0x80000004
DELIVER_SM = 0x00000005
DELIVER_SM_RESP = 0x80000005
UNBIND = 0x00000006
UNBIND_RESP = 0x80000006
BIND_TRANSCEIVER_RESP = 0x80000009
QUERY_SM_RESP = 0x80000003
ENQUIRE_LINK = 0x00000015
ENQUIRE_LINK_RESP = 0x80000015
ALERT_NOTIFICATION = 0x00000102
"""A phone can be reached again; it wants no answer, and we keep nothing that waits for it."""

HAS_HEADER = 0x40
"""`esm_class`: the text begins with a user data header."""
RECEIPTS = frozenset({0x04, 0x20, 0x24})
"""Final and intermediate ones."""
KIND = 0x3C
"""`esm_class`: the bits that tell a receipt from a message (5.2.12)."""

DEFAULT_ALPHABET, ASCII, LATIN_1, UCS2 = 0x00, 0x01, 0x03, 0x08
"""`data_coding` (5.2.19)."""

SAR_REF, SAR_TOTAL, SAR_PART = 0x020C, 0x020E, 0x020F
PAYLOAD, RECEIPTED_ID, MESSAGE_STATE = 0x0424, 0x001E, 0x0427
USER_REFERENCE = 0x0204
LONGEST_SHORT_MESSAGE = 254
"""Octets; more only fit `message_payload`."""


class Malformed(ValueError):
    """Octets that are no PDU of SMPP 3.4."""


@dataclass(frozen=True, slots=True)
class Frame:
    command: int
    status: int
    sequence: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A `deliver_sm`, as far as it concerns us."""

    source: str
    source_ton: int
    destination: str
    esm_class: int
    data_coding: int
    octets: bytes
    options: dict[int, bytes] = field(default_factory=dict)

    @property
    def is_receipt(self) -> bool:
        return self.esm_class & KIND in RECEIPTS or RECEIPTED_ID in self.options

    def number(self, tag: int) -> int | None:
        """An optional parameter as a whole number."""
        value = self.options.get(tag)
        return int.from_bytes(value, "big") if value else None


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def body_length(head: bytes) -> int:
    """Octets that follow a header.

    Raises:
        Malformed: shorter than a header or beyond `LARGEST`; the stream cannot be followed.
    """
    length = int.from_bytes(head[:4], "big")
    if not HEADER.size <= length <= LARGEST:
        raise Malformed(f"PDU of {length} octets, expected {HEADER.size} to {LARGEST}")
    return length - HEADER.size


def bind_transceiver(sequence: int, system_id: str, password: str, system_type: str) -> bytes:
    return _written(
        "bind_transceiver", sequence, system_id=system_id, password=password,
        system_type=system_type,
    )  # fmt: skip


def enquire_link(sequence: int) -> bytes:
    return _written("enquire_link", sequence)


def unbind(sequence: int) -> bytes:
    return _written("unbind", sequence)


def query(sequence: int, message_id: str, origin: tuple[int, int, str]) -> bytes:
    """`query_sm`; `origin` is the sender of the message: type, plan, address."""
    ton, npi, source = origin
    return _written(
        "query_sm", sequence, message_id=message_id, source_addr_ton=ton, source_addr_npi=npi,
        source_addr=source,
    )  # fmt: skip


def queried_state(body: bytes) -> int:
    """`message_state` of a `query_sm_resp`.

    Raises:
        Malformed: it ends too early.
    """
    reader = _Reader(body)
    reader.string()
    reader.string()
    return reader.octet()


def _written(command: str, sequence: int, **fields: Any) -> bytes:
    made = smpp.make_pdu(command, sequence=sequence, **fields)
    made.sequence = sequence  # the constructor only takes note that there is one
    octets: bytes = made.generate()
    return octets


@dataclass(frozen=True, slots=True)
class Submit:
    """What one `submit_sm` says; the sender and the service are the route's."""

    destination: str
    """Digits with the country, without `+`."""
    octets: bytes
    """With the user data header, where there is one."""
    data_coding: int
    esm_class: int
    priority: int
    """0 to 3."""
    validity: bytes
    """Empty, or 16 characters."""
    reference: int | None = None
    as_payload: bool = False


class Submitter:
    """Packs `submit_sm` for one sender; several times as fast as a general encoder."""

    def __init__(self, *, service_type: str, source_ton: int, source_npi: int, source: str) -> None:
        self._head = (
            service_type.encode("ascii") + b"\0" + bytes((source_ton, source_npi))
            + source.encode("ascii") + b"\0" + bytes((1, 1))
        )  # fmt: skip
        """Up to `dest_addr_npi`; destinations are international numbers (TON 1, NPI 1)."""

    def pack(self, sequence: int, message: Submit) -> bytes:
        """Octets, with a receipt asked for (`registered_delivery` 1)."""
        short = b"" if message.as_payload else message.octets
        if len(short) > LONGEST_SHORT_MESSAGE:
            raise ValueError(
                f"short_message of {len(short)} octets, at most {LONGEST_SHORT_MESSAGE}"
            )
        body = b"".join((
            self._head, message.destination.encode("ascii"), b"\0",
            bytes((message.esm_class, 0, message.priority)), b"\0", message.validity, b"\0",
            bytes((1, 0, message.data_coding, 0, len(short))), short, *_options(message),
        ))  # fmt: skip
        return frame(SUBMIT_SM, sequence, body)


def _options(message: Submit) -> Iterator[bytes]:
    if message.reference is not None:
        yield struct.pack(">HHH", USER_REFERENCE, 2, message.reference & 0xFFFF)
    if message.as_payload:
        yield struct.pack(">HH", PAYLOAD, len(message.octets)) + message.octets


def relative_time(left: timedelta) -> bytes:
    """`YYMMDDhhmmss000R` from now on, by days (7.1.1.2)."""
    seconds = max(1, int(left.total_seconds()))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return b"0000%02d%02d%02d%02d000R" % (days, hour, minute, second)


def absolute_time(at: datetime) -> bytes:
    """`YYMMDDhhmmsst00+`: world time, tenths of seconds (7.1.1.1)."""
    return f"{at.astimezone(UTC):%y%m%d%H%M%S}000+".encode("ascii")


def text_of(body: bytes) -> str:
    """The first C string, as in `submit_sm_resp` and `bind_transceiver_resp`; lenient."""
    return body.partition(b"\0")[0].decode("latin-1")


def deliver(body: bytes) -> Deliver:
    """A `deliver_sm`; unknown options are kept, a broken tail of options is left away.

    Raises:
        Malformed: the mandatory part ends too early.
    """
    reader = _Reader(body)
    reader.string()
    source_ton = reader.octet()
    reader.octet()
    source = reader.string()
    reader.skip(2)
    destination = reader.string()
    esm_class = reader.octet()
    reader.skip(2)
    reader.string()
    reader.string()
    reader.skip(2)
    coding = reader.octet()
    reader.skip(1)
    short = reader.take(reader.octet())
    options = dict(_tlvs(reader.rest()))
    return Deliver(
        source, source_ton, destination, esm_class, coding, short or options.get(PAYLOAD, b""),
        options,
    )  # fmt: skip


def _tlvs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(octets):
        tag, length = struct.unpack_from(">HH", octets, at)
        value = octets[at + 4 : at + 4 + length]
        if len(value) < length:
            return
        yield tag, value
        at += 4 + length


class _Reader:
    """Mandatory fields in order."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise Malformed(f"body of {len(self._octets)} octets ends within a mandatory field")
        self._at += count
        return taken

    def skip(self, count: int) -> None:
        self.take(count)

    def octet(self) -> int:
        return self.take(1)[0]

    def string(self) -> str:
        end = self._octets.find(b"\0", self._at)
        if end < 0:
            raise Malformed(f"body of {len(self._octets)} octets: a string without its end")
        text = self._octets[self._at : end].decode("latin-1")
        self._at = end + 1
        return text

    def rest(self) -> bytes:
        return self._octets[self._at :]
