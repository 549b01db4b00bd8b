"""What a rule found: which rule, where, and how to read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notify.cap.document import NAMESPACE
from notify.cap.rules.catalogue import RULES, Severity

_NS = {"c": NAMESPACE}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", re.ASCII)
_SHOWN = 80
"""Characters of a foreign text that a message repeats."""


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: Severity
    message: str
    line: int | None = None
    element: str = ""
    """As `alert/info[2]/area[1]/polygon[3]`; empty: the file as a whole."""


def found(rule: str, message: str, element: Any = None) -> Finding:
    severity = RULES[rule].severity
    if element is None:
        return Finding(rule, severity, message)
    return Finding(rule, severity, message, element.sourceline, path_of(element))


def path_of(element: Any) -> str:
    """Names from the root down; a number where an element stands several times."""
    parts: list[str] = []
    while element is not None:
        before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
        after = next(element.itersiblings(element.tag), None) is not None
        name = local(element)
        parts.append(f"{name}[{before + 1}]" if before or after else name)
        element = element.getparent()
    return "/".join(reversed(parts))


def local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def shown(text: str) -> str:
    """A foreign text for a message: one line, cut, nothing that turns or hides it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * _SHOWN]).split())
    return repr(line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…")


def children(element: Any, path: str) -> list[Any]:
    """Elements of CAP by names with slashes: `info/area`."""
    steps = "/".join(f"c:{name}" for name in path.split("/"))
    nodes: list[Any] = element.findall(steps, _NS)
    return nodes


def words(element: Any, name: str) -> str:
    """The text of the first child of that name, outer spaces gone."""
    return (element.findtext(f"c:{name}", default="", namespaces=_NS) or "").strip()


def instant(text: str) -> datetime | None:
    """None where it is not written as CAP asks, or no such time exists."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
