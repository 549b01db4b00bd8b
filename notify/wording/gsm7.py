"""The GSM 7-bit default alphabet (3GPP TS 23.038) and one-part messages.

Only characters that are both in the basic alphabet and in ASCII are written: Indonesian
networks handle extended characters badly, and one of them turns 160 places into 70.
"""

from __future__ import annotations

import unicodedata

ONE_PART = 160
"""Septets of a single SMS without user data header (3GPP TS 23.040)."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Two septets each, behind an escape."""
_ORDER = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_BEHIND_ESCAPE = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E,
    "|": 0x40, "€": 0x65,
}  # fmt: skip
_CODES = {c: bytes((i,)) for i, c in enumerate(_ORDER) if i != _ESCAPE} | {
    c: bytes((_ESCAPE, code)) for c, code in _BEHIND_ESCAPE.items()
}
_ESCAPED = {code: c for c, code in _BEHIND_ESCAPE.items()}

_REPLACED = str.maketrans(
    {
        "–": "-", "—": "-", "‑": "-", "−": "-", "“": '"', "”": '"', "„": '"', "‘": "'",
        "’": "'", "ʼ": "'", "`": "'", "´": "'", "…": "...", "°": " derajat", "·": ".", "•": "-",
        "×": "x", "≥": ">=", "≤": "<=", "€": "EUR", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae",
        "Æ": "AE", "đ": "d", "Đ": "D", "ł": "l", "[": "(", "]": ")", "{": "(", "}": ")",
        "^": "", "~": "-", "\\": "/", "|": "/", "\t": " ", "\n": " ", "\r": " ",
    }
)  # fmt: skip


def septets(text: str) -> int:
    """Septets that `text` takes.

    Raises:
        ValueError: a character is not in the alphabet or its extension.
    """
    strange = {c for c in text if c not in BASIC and c not in EXTENSION}
    if strange:
        found = " ".join(sorted(map(repr, strange)))
        raise ValueError(f"not in the GSM 7-bit alphabet: {found}; pass the text through to_basic")
    return sum(2 if c in EXTENSION else 1 for c in text)


def encode(text: str) -> bytes:
    """`text` as unpacked septets, one an octet, as SMPP carries them.

    Raises:
        ValueError: a character is not in the alphabet or its extension.
    """
    try:
        return b"".join([_CODES[c] for c in text])
    except KeyError:
        septets(text)
        raise


def decode(octets: bytes) -> str:
    """Text of unpacked septets from outside.

    What has no meaning reads as TS 23.038 asks: an unknown escape is a space and the character
    behind it; the eighth bit is not looked at.
    """
    text, escaped = [], False
    for octet in octets:
        code = octet & 0x7F
        if escaped and code in _ESCAPED:
            text.append(_ESCAPED[code])
        elif code != _ESCAPE:
            text.append(f" {_ORDER[code]}" if escaped else _ORDER[code])
        escaped = code == _ESCAPE and not escaped
    return "".join(text)


def fits_one_part(text: str) -> bool:
    """Whether `text` is one SMS, written in the basic alphabet alone."""
    return len(text) <= ONE_PART and all(c in BASIC for c in text)


def to_basic(text: str) -> str:
    """`text` in the characters that ASCII and the basic alphabet share, spaces collapsed.

    Accents are dropped; a character without a likeness becomes `?`.
    """
    if text.isascii() and BASIC.issuperset(text):
        return " ".join(text.split())
    plain = unicodedata.normalize("NFKD", text.translate(_REPLACED)).translate(_REPLACED)
    kept = (c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return " ".join("".join(c if c in BASIC and c.isascii() else "?" for c in kept).split())
