"""A text as the parts of an SMS: GSM 7-bit 160 or 153 septets, UCS-2 70 or 67 units (3GPP
TS 23.040 and 23.038).

No cut falls inside an escape pair, a surrogate pair, or a character with its marks; so each part
can be read alone and the parts together are the text again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from notify.wording.gsm7 import BASIC, EXTENSION, ONE_PART

MANY_PARTS = ONE_PART - 7
"""Septets beside the header: its 6 octets take the room of 7 septets."""
ONE_PART_UCS2 = 70
MANY_PARTS_UCS2 = 67
"""16-bit units: 140 octets, and 134 beside the header."""
MOST_PARTS = 255
"""The header counts in one octet."""

_JOINER = "\u200d"
_SKIN = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_MARKS = frozenset({"Mn", "Me", "Mc"})
"""Unicode categories that never begin a character as people see it."""


class Alphabet(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Split:
    alphabet: Alphabet
    parts: tuple[str, ...]
    """At least one; joined they are the text."""


def split(text: str, alphabet: Alphabet | None = None) -> Split:
    """`text` in as few parts as fit.

    Args:
        alphabet: None takes GSM 7-bit where every character is in it, else UCS-2.

    Raises:
        ValueError: a character that the alphabet cannot hold, or more than 255 parts.
    """
    alphabet = alphabet or alphabet_of(text)
    whole, beside_header = _LIMITS[alphabet]
    if _size(text, alphabet) <= whole:
        return Split(alphabet, (text,))
    parts = tuple(_filled(text, alphabet, beside_header))
    if len(parts) > MOST_PARTS:
        raise ValueError(
            f"text of {len(text)} characters: {len(parts)} parts, at most {MOST_PARTS}; shorten it"
        )
    return Split(alphabet, parts)


def count_parts(text: str, alphabet: Alphabet | None = None) -> int:
    """How many SMS `text` is; errors as `split`."""
    return len(split(text, alphabet).parts)


def alphabet_of(text: str) -> Alphabet:
    held = all(c in BASIC or c in EXTENSION for c in text)
    return Alphabet.GSM7 if held else Alphabet.UCS2


def header(ref: int, parts: int, part: int) -> bytes:
    """User data header of a concatenated message, 8-bit reference (TS 23.040, 9.2.3.24.1).

    Args:
        ref: the same for all parts of a message; its low 8 bits count.
        part: from 1.
    """
    return bytes((5, 0, 3, ref & 0xFF, parts, part))


def _size(text: str, alphabet: Alphabet) -> int:
    """Septets or 16-bit units."""
    return sum(_width(c, alphabet) for c in text)


def _width(character: str, alphabet: Alphabet) -> int:
    if alphabet is Alphabet.GSM7:
        if character in BASIC:
            return 1
        if character in EXTENSION:
            return 2
        raise ValueError(f"{character!r} is not in the GSM 7-bit alphabet; send it as UCS-2")
    if unicodedata.category(character) == "Cs":
        raise ValueError(f"{character!r} is half of a surrogate pair: no character")
    return 2 if ord(character) > 0xFFFF else 1


def _filled(text: str, alphabet: Alphabet, limit: int) -> Iterator[str]:
    """Parts of at most `limit`, each as full as whole characters allow."""
    part, used = "", 0
    for piece in _pieces(text, alphabet, limit):
        size = _size(piece, alphabet)
        if used + size > limit:
            yield part
            part, used = "", 0
        part += piece
        used += size
    yield part


def _pieces(text: str, alphabet: Alphabet, limit: int) -> Iterator[str]:
    """What stays together; a heap of marks longer than a part falls into its code points."""
    pieces = text if alphabet is Alphabet.GSM7 else _characters(text)
    for piece in pieces:
        if _size(piece, alphabet) <= limit:
            yield piece
        else:
            yield from piece


def _characters(text: str) -> Iterator[str]:
    """Characters as people see them, by the most common rules of Unicode annex 29: marks, joined
    and coloured emoji, flags."""
    piece, flags = text[0], 1 if ord(text[0]) in _FLAGS else 0
    for before, here in pairwise(text):
        pair_of_flag = ord(here) in _FLAGS and flags % 2 == 1
        flags = flags + 1 if ord(here) in _FLAGS else 0
        if pair_of_flag or before == _JOINER or _belongs_to_last(here):
            piece += here
            continue
        yield piece
        piece = here
    yield piece


def _belongs_to_last(character: str) -> bool:
    if character == _JOINER or ord(character) in _SKIN:
        return True
    return unicodedata.category(character) in _MARKS


_LIMITS = {
    Alphabet.GSM7: (ONE_PART, MANY_PARTS),
    Alphabet.UCS2: (ONE_PART_UCS2, MANY_PARTS_UCS2),
}
