"""What a gateway says, in its answer or in a call to us: JSON by a path, text by an expression.

Everything here is hostile: a body may be no JSON, nested without end, or hold other types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")
_PATH = re.compile(r"(?:[^.\[\]]+|\[\d{1,4}\])(?:\.[^.\[\]]+|\[\d{1,4}\])*")
MOST_FIELDS = 100
_SHOWN = 80


def is_path(path: str) -> bool:
    return bool(_PATH.fullmatch(path))


def at_path(document: Any, path: str) -> Any:
    """What stands at `data.messages[0].id`; None where nothing does."""
    for name, index in _STEP.findall(path):
        if index:
            if not isinstance(document, list) or int(index) >= len(document):
                return None
            document = document[int(index)]
        elif isinstance(document, Mapping):
            document = document.get(name)
        else:
            return None
    return document


def as_json(body: bytes) -> Any:
    """The document; None where there is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def as_text(value: Any) -> str:
    """A text, a number or yes and no as text; anything else is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def form_fields(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """Fields of a query or form, the first of each name; empty where it is none."""
    try:
        pairs = parse_qsl(
            body.decode("ascii", errors="replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            encoding=charset,
            errors="replace",
        )
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def harmless(text: str, hidden: tuple[str, ...] = ()) -> str:
    """A few words of an answer for the books: one line, no secret, no phone number."""
    for secret in hidden:
        if secret:
            text = text.replace(secret, "***")
    plain = "".join(c if c.isprintable() else " " for c in text[:2_000])
    return re.sub(r"\+?\d(?:[\s().-]?\d){6,}", "(number)", " ".join(plain.split()))[:_SHOWN]
