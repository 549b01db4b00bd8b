"""Texts from strangers: what a person may be shown, and the bytes as they came. Pure."""

from __future__ import annotations

import base64
import unicodedata

SHOWN_CHARS = 1_600
"""Ten full SMS."""
RAW_CHARS = 16_000
"""More of a text than this is not kept in any form."""
CUT = " [...]"
"""Stands where a text was cut."""
_TURNING = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
"""They turn the direction of a line round, also of what stands behind it on a page."""
_ODD = "\ufffd"


def shown(text: str) -> str:
    """The text for a page, a table or a terminal: at most `SHOWN_CHARS` characters.

    Control characters (NUL, escapes) and those that turn lines round are left out, halves of a
    character become U+FFFD; line ends stay, as one kind.
    """
    bounded = text[:RAW_CHARS].replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    clean = "".join(_character(c) for c in bounded).strip()
    if len(clean) <= SHOWN_CHARS and len(text) <= RAW_CHARS:
        return clean
    return clean[: SHOWN_CHARS - len(CUT)] + CUT


def _character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cs":
        return _ODD
    if (kind == "Cc" and character != "\n") or character in _TURNING:
        return ""
    return character


def raw(text: str) -> str | None:
    """Base64 of the text's bytes in UTF-8, where `shown` is something else; else None."""
    if shown(text) == text:
        return None
    data = text[:RAW_CHARS].encode("utf-8", errors="surrogatepass")
    return base64.b64encode(data).decode("ascii")


def from_raw(stored: str) -> str:
    """The text as it came, up to `RAW_CHARS` characters."""
    return base64.b64decode(stored).decode("utf-8", errors="surrogatepass")
