"""The words in front of every text that is not about reality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NewType

from kentongan.errors import RuleViolation

CapStatus = Literal["Actual", "Exercise", "Test"]
Marked = NewType("Marked", str)
"""A text that carries the mark of its status; only `mark` and `require_marked` make one."""

_MARKS: dict[tuple[str, str], str] = {
    ("Actual", "id"): "",
    ("Actual", "en"): "",
    ("Exercise", "id"): "LATIHAN. ",
    ("Exercise", "en"): "LATIHAN (EXERCISE). ",
    ("Test", "id"): "TES. ",
    ("Test", "en"): "TES (TEST). ",
}
_WORDS = {"Actual": "", "Exercise": "LATIHAN", "Test": "TES"}
READ_ON_A_SCREEN = ("title", "body")
"""What a phone shows of a push message."""


def mark_of(status: str, language: str = "id") -> str:
    """The words in front of every text of this status."""
    return _MARKS[(status, language[:2])]


def mark(text: str, status: str, language: str = "id") -> Marked:
    """The text with the mark of its status in front."""
    return Marked(mark_of(status, language) + text)


def require_marked(text: str, status: str) -> Marked:
    """The same text, seen to carry its mark.

    Raises:
        RuleViolation: it does not; nothing may be written or sent.
    """
    if status not in _WORDS:
        raise RuleViolation(f"status {status!r}: expected Actual, Exercise or Test")
    word = _WORDS[status]
    if not text.startswith(word):
        raise RuleViolation(f"a text of status {status} must start with {word!r}: {text[:40]!r}")
    return Marked(text)


def is_marked(text: str, payload: Mapping[str, Any] | None, status: str) -> bool:
    """Whether the text and all that a push message shows carry the mark, and its own status."""
    word = _WORDS.get(status)
    if word is None or not text.startswith(word):
        return False
    if payload is None:
        return True
    shown = [payload[key] for key in READ_ON_A_SCREEN if key in payload]
    return payload.get("status", status) == status and all(
        isinstance(value, str) and value.startswith(word) for value in shown
    )
