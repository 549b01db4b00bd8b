"""A row of the outbox as the `submit_sm` messages that carry it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from notify.channels.channel import Outgoing
from notify.channels.smpp import pdu
from notify.channels.smpp.pdu import Submit
from notify.channels.smpp.route import SmppRoute
from notify.wording import gsm7
from notify.wording.parts import Alphabet, header, split

_DIGITS = range(8, 16)
"""Of a number with its country (E.164: at most 15)."""


HIGHEST_PRIORITY = 3
"""`priority_flag` (5.2.14) of level 4; 2 and 1 of the levels below."""


class Unsendable(ValueError):
    """This row can never go out over this route. Says why, without the number."""


@dataclass(frozen=True, slots=True)
class Encoded:
    data_coding: int
    parts: tuple[bytes, ...]
    """Without headers."""


def submits(message: Outgoing, route: SmppRoute, now: datetime) -> Sequence[Submit]:
    """One for a row that is a part or fits one; all parts where a row holds a longer text.

    Where the route's alphabet needs other parts than the rows were counted in, the first row takes
    the whole and the others are empty.

    Raises:
        Unsendable: no such number, or a text that does not fit the alphabet.
    """
    digits = destination(message.address)
    text = encoded(message.text, route.alphabet, route.default_alphabet)
    count = len(text.parts)
    validity = validity_of(message.not_after, now, route)
    chosen: Sequence[int] = range(count)
    if message.parts > 1 and count == message.parts and 0 <= message.part < count:
        chosen = (message.part,)
    elif message.parts > 1 and message.part > 0:  # counted in another alphabet: all went with it
        return []
    elif route.payload and count > 1:
        return [_submit(message, digits, text, b"".join(text.parts), 0, validity, route)]
    ref = reference(message)
    made = []
    for index in chosen:
        head = header(ref, count, index + 1) if count > 1 else b""
        octets = head + text.parts[index]
        esm_class = pdu.HAS_HEADER if head else 0
        made.append(_submit(message, digits, text, octets, esm_class, validity, route))
    return made


def _submit(
    message: Outgoing,
    digits: str,
    text: Encoded,
    octets: bytes,
    esm_class: int,
    validity: bytes,
    route: SmppRoute,
) -> Submit:
    return Submit(
        destination=digits,
        octets=octets,
        data_coding=text.data_coding,
        esm_class=esm_class,
        priority=min(HIGHEST_PRIORITY, max(0, message.level - 1)),
        validity=validity,
        reference=message.outbox_id if route.reference else None,
        as_payload=len(octets) > pdu.LONGEST_SHORT_MESSAGE,
    )


def destination(address: str) -> str:
    """Digits of a number in international form.

    Raises:
        Unsendable: anything else.
    """
    digits = address.removeprefix("+")
    if not address.startswith("+") or not (digits.isascii() and digits.isdigit()):
        raise Unsendable("address: expected +62… in digits; the registry keeps numbers so")
    if len(digits) not in _DIGITS or digits[0] == "0":
        raise Unsendable(f"address of {len(digits)} digits: no number of any country")
    return digits


def reference(message: Outgoing) -> int:
    """The same for all parts of a message to one person, in 8 bits."""
    return zlib.crc32(f"{message.message_id}\0{message.recipient_id}".encode()) & 0xFF


@lru_cache(maxsize=512)
def encoded(text: str, alphabet: str, default_alphabet: str) -> Encoded:
    """Parts in octets; the same text goes to many people.

    Raises:
        Unsendable: a character that the alphabet cannot hold, or too many parts.
    """
    try:
        if alphabet == "gsm7":
            text = gsm7.to_basic(text)
        made = split(text, None if alphabet == "auto" else Alphabet(alphabet))
    except ValueError as error:
        raise Unsendable(str(error)) from error
    if made.alphabet is Alphabet.UCS2:
        return Encoded(pdu.UCS2, tuple(part.encode("utf-16-be") for part in made.parts))
    if default_alphabet == "gsm7":
        return Encoded(pdu.DEFAULT_ALPHABET, tuple(map(gsm7.encode, made.parts)))
    return Encoded(
        pdu.DEFAULT_ALPHABET, tuple(part.encode("latin-1", "replace") for part in made.parts)
    )


def validity_of(not_after: datetime | None, now: datetime, route: SmppRoute) -> bytes:
    """`validity_period`: a late warning can be harm. Empty where the route sends none."""
    if not_after is None or route.validity == "none":
        return b""
    longest = timedelta(hours=route.validity_max_h)
    left = min(not_after - now, longest)
    return (
        pdu.relative_time(left) if route.validity == "relative" else pdu.absolute_time(now + left)
    )
