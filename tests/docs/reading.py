"""The pages as they are written: commands, settings and links that they name."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

_SPAN = re.compile(r"`+([^`\n]+)`+")
_COMMAND = re.compile(r"(?:^|[\s/(\"])kentongan ((?:-|[a-z]).*)$")
_SETTING = re.compile(r"KENTONGAN_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_])")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def code(text: str) -> Iterator[str]:
    """Each line of a block of code, and each span of it."""
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from (m[1].strip() for m in _SPAN.finditer(line))


def commands(text: str) -> list[str]:
    """What stands behind `kentongan` in code, without remarks and without what it is led into."""
    found = (_COMMAND.search(re.sub(r"\s#.*$", "", line)) for line in code(text))
    return [re.split(r" [|>;&] | · ", m[1])[0].strip() for m in found if m]


def fault(command: str, root: Any) -> str:
    """What is wrong with a command as it is written; empty if nothing is."""
    words = _words(command)
    # `stop|go` names two commands: the first is looked at.
    words = [word.split("|")[0] if not word.startswith("-") else word for word in words]
    while words and getattr(root, "commands", None):
        if not re.fullmatch(r"[a-z][a-z-]*", words[0]):
            break
        if words[0] not in root.commands:
            return f"no command {words[0]!r}"
        root, words = root.commands[words[0]], words[1:]
    known = {name for p in root.params for name in (*p.opts, *p.secondary_opts)} | {"-h", "--help"}
    wrong = [w for w in words if w.startswith("--") and w.split("=")[0] not in known]
    return f"no option {', '.join(wrong)}" if wrong else ""


def _words(command: str) -> list[str]:
    plain = re.sub(r"[\[\]]", " ", command)
    try:
        found = shlex.split(plain)
    except ValueError:
        found = plain.split()
    return [word.rstrip(",.:") for word in found]


def settings(text: str) -> set[str]:
    return set(_SETTING.findall(text))


def targets(text: str) -> list[str]:
    """Relative links and pictures outside code."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = [*_LINK.findall(plain), *_PICTURE.findall(plain)]
    return [one for one in found if not re.match(r"[a-z]+:", one)]
