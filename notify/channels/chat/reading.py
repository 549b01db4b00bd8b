"""Reading what a chat service tells: all of it is hostile."""

from __future__ import annotations

from typing import Any

NOT_TEXT = "(bukan teks)"
"""Stands for a picture or a voice: it is asked back for words, as any text that is not clear."""
MOST = 200
"""Items of one list."""


def items(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list; nothing where it is none."""
    found = document.get(name)
    if not isinstance(found, list):
        return []
    return [one for one in found[:MOST] if isinstance(one, dict)]


def text_at(document: dict[str, Any], name: str) -> str:
    """A text or whole number as text; empty for anything else."""
    found = document.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).strip() if isinstance(found, str) or abs(found) < 10**18 else ""


def words(document: dict[str, Any], *paths: tuple[str, ...]) -> str:
    """The text at the first of these paths that has one."""
    for path in paths:
        found: Any = document
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and found.strip():
            return found
    return ""
