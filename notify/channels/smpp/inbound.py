"""What people send us: text out of octets, parts to one message, and one key for one message."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, TypeVar

from notify.channels.smpp.pdu import (
    ASCII,
    HAS_HEADER,
    LATIN_1,
    SAR_PART,
    SAR_REF,
    SAR_TOTAL,
    UCS2,
    Deliver,
)
from notify.wording import gsm7

_UCS2 = frozenset({UCS2, 0x18, 0x19, 0x1A, 0x1B})
_EIGHT_BIT = frozenset({ASCII, LATIN_1, 0x02, 0x04, 0xF4, 0xF5, 0xF6, 0xF7})
"""`data_coding` of SMPP (5.2.19) and of GSM (TS 23.038, 4); all others are the default alphabet."""
_CONCAT_8, _CONCAT_16 = (0x00, 3), (0x08, 4)
"""Element of a user data header and its length (TS 23.040, 9.2.3.24)."""
MOST_PARTS = 20
"""Of one inbound message; more is no person's reply, and each part is kept as it came."""
MOST_OPEN = 200
"""Messages of which parts are missing; the oldest gives way."""
MOST_REPEATS = 4 * MOST_PARTS
"""Of parts of one message that a carrier brings again and again while one stays away."""
REMEMBERED = 5_000
SAME_AGAIN = timedelta(minutes=10)
"""A message that a carrier brings again over another session within this is the same one."""

DefaultAlphabet = Literal["gsm7", "latin1"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """One `deliver_sm` of a person, read."""

    sender: str
    destination: str
    octets: bytes
    coding: int
    ref: int = 0
    total: int = 1
    part: int = 1

    @property
    def group(self) -> tuple[str, str, int, int]:
        return (self.sender, self.destination, self.ref, self.total)


def piece_of(message: Deliver) -> Piece:
    header, octets = _without_header(message)
    ref, total, part = _place(message, header)
    sender = sender_of(message.source, message.source_ton)
    return Piece(sender, message.destination, octets, message.data_coding, ref, total, part)


def sender_of(address: str, ton: int) -> str:
    """`+62…` of a number in any usual spelling; short codes and names as they came.

    Indonesian carriers give `628…`, `+628…`, `08…` or `8…` for the same phone.
    """
    text = "".join(c for c in address if c.isprintable()).strip()
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) < 8:
        return text
    if text.startswith("+"):
        return text
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    if digits.startswith("0"):
        return f"+62{digits[1:]}"
    if digits.startswith("8") and ton != 1:
        return f"+62{digits}"
    return f"+{digits}"


def _without_header(message: Deliver) -> tuple[bytes, bytes]:
    octets = message.octets
    if not message.esm_class & HAS_HEADER or not octets or octets[0] >= len(octets):
        return b"", octets
    end = octets[0] + 1
    return octets[1:end], octets[end:]


def _place(message: Deliver, header: bytes) -> tuple[int, int, int]:
    """Reference, number of parts and this part, by header or by options; (0, 1, 1) for one."""
    found = _place_in_header(header) or _place_in_options(message)
    if found is None:
        return 0, 1, 1
    ref, total, part = found
    return found if 1 < total <= MOST_PARTS and 1 <= part <= total else (ref, 1, 1)


def _place_in_header(header: bytes) -> tuple[int, int, int] | None:
    at = 0
    while at + 2 <= len(header):
        kind = (header[at], header[at + 1])
        value = header[at + 2 : at + 2 + kind[1]]
        if kind in (_CONCAT_8, _CONCAT_16) and len(value) == kind[1]:
            return int.from_bytes(value[:-2], "big"), value[-2], value[-1]
        at += 2 + kind[1]
    return None


def _place_in_options(message: Deliver) -> tuple[int, int, int] | None:
    ref, total, part = (message.number(tag) for tag in (SAR_REF, SAR_TOTAL, SAR_PART))
    if ref is None or total is None or part is None:
        return None
    return ref, total, part


def text_of(pieces: Sequence[Piece | None], default_alphabet: DefaultAlphabet) -> str:
    """The text of a message's parts in order; `[…]` for one that did not come.

    Parts are put together before they are read, because phones cut characters in two.
    """
    there = [piece for piece in pieces if piece is not None]
    if len(there) == len(pieces) and len({piece.coding for piece in there}) == 1:
        octets = b"".join(piece.octets for piece in there)
        return _read(octets, there[0].coding, default_alphabet).strip()
    texts = ("[…]" if p is None else _read(p.octets, p.coding, default_alphabet) for p in pieces)
    return "".join(texts).strip()


def _read(octets: bytes, coding: int, default_alphabet: DefaultAlphabet) -> str:
    if coding in _UCS2:
        text = octets.decode("utf-16-be", "replace")
    elif coding in _EIGHT_BIT or default_alphabet == "latin1":
        text = octets.decode("latin-1")
    else:
        text = gsm7.decode(octets)
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


@dataclass(slots=True)
class _Open(Generic[T]):
    since: float
    parts: dict[int, Piece] = field(default_factory=dict)
    tickets: list[T] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Whole(Generic[T]):
    """A message as far as it came, with what must be acknowledged once it is stored."""

    sender: str
    destination: str
    text: str
    tickets: Sequence[T]


class Joiner(Generic[T]):
    """Puts parts together; bounded, and no part waits longer than `wait_s`.

    Where parts stay away, what came is given on as it is, with `[…]` for what is missing: nothing
    that a person wrote is lost.
    """

    def __init__(self, wait_s: float, default_alphabet: DefaultAlphabet = "gsm7") -> None:
        self.wait_s = wait_s
        self.default_alphabet: DefaultAlphabet = default_alphabet
        self._open: OrderedDict[tuple[str, str, int, int], _Open[T]] = OrderedDict()

    def add(self, piece: Piece, ticket: T, now: float) -> list[Whole[T]]:
        """What is complete by this part, or must give way to it."""
        if piece.total == 1:
            return [self._whole(piece.sender, piece.destination, [piece], [ticket])]
        held = self._open.setdefault(piece.group, _Open(now))
        held.parts[piece.part] = piece
        held.tickets.append(ticket)
        if len(held.parts) == piece.total or len(held.tickets) >= MOST_REPEATS:
            return [self._close(piece.group)]
        return [self._close(next(iter(self._open)))] if len(self._open) > MOST_OPEN else []

    def overdue(self, now: float) -> list[Whole[T]]:
        """What has waited long enough, oldest first."""
        late = [key for key, held in self._open.items() if now - held.since >= self.wait_s]
        return [self._close(key) for key in late]

    def next_due(self) -> float | None:
        """When `overdue` has something to give."""
        first = next(iter(self._open.values()), None)
        return None if first is None else first.since + self.wait_s

    def rest(self) -> list[Whole[T]]:
        """Everything that is held, when a connection ends."""
        return [self._close(key) for key in list(self._open)]

    def _close(self, group: tuple[str, str, int, int]) -> Whole[T]:
        held = self._open.pop(group)
        sender, destination, _, total = group
        pieces = [held.parts.get(n) for n in range(1, total + 1)]
        return self._whole(sender, destination, pieces, held.tickets)

    def _whole(
        self, sender: str, destination: str, pieces: Sequence[Piece | None], tickets: Sequence[T]
    ) -> Whole[T]:
        return Whole(sender, destination, text_of(pieces, self.default_alphabet), tickets)


class Keys:
    """One key for one message: sender, text and the minute in which it first came.

    A carrier that saw no acknowledgement brings a message again over a new session, perhaps in
    another minute; over the same session the same text is a person's second message.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[str, int, datetime]] = OrderedDict()

    def key(self, whole: Whole[T], *, session: int, at: datetime) -> str:
        said = "\0".join((whole.sender, whole.destination, whole.text))
        what = hashlib.sha256(said.encode()).hexdigest()[:32]
        key, first_session, first_at = self._seen.get(what, ("", session, at))
        again = key and first_session != session and at - first_at < SAME_AGAIN
        if not again:
            key = f"{what}-{at.astimezone(UTC):%Y%m%dT%H%M}"
        self._seen[what] = (key, session, at)
        self._seen.move_to_end(what)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return key
