"""Rules that need several documents: does each message name what it changes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from notify.cap.rules.alert import REFERRING
from notify.cap.rules.check import read_root
from notify.cap.rules.finding import Finding, children, found, instant, shown, words

Key = tuple[str, str]
"""Sender and identifier."""


@dataclass
class _Message:
    name: str
    root: Any
    key: Key
    sent: datetime
    kind: str
    status: str
    expires: datetime | None
    references: tuple[tuple[Key, str], ...]
    findings: list[Finding] = field(default_factory=list)

    def say(self, rule: str, message: str) -> None:
        at = next(iter(children(self.root, "references")), self.root)
        self.findings.append(found(rule, message, at))


def check_thread(documents: Mapping[str, bytes]) -> dict[str, list[Finding]]:
    """Findings by name of file, where there are any.

    Several threads may stand among the documents: those that refer to each other, directly or
    not, are one. What cannot be read as CAP, or has no time, is left to `check`.
    """
    read = [_message(name, xml) for name, xml in documents.items()]
    messages = sorted((m for m in read if m), key=lambda m: (m.sent, m.name))
    unique = _without_doubles(messages)
    by_key = {m.key: m for m in unique}
    threads: dict[Key, set[Key]] = {}
    for message in unique:
        joined = _joined(message, threads)
        _judge(message, joined, by_key)
        joined.add(message.key)
        for key in joined:
            threads[key] = joined
    return {m.name: m.findings for m in messages if m.findings}


def _message(name: str, xml: bytes) -> _Message | None:
    root, _ = read_root(xml)
    sent = instant(words(root, "sent")) if root is not None else None
    if root is None or sent is None:
        return None
    ends = [instant(words(info, "expires")) for info in children(root, "info")]
    triplets = [text.split(",") for text in words(root, "references").split()]
    return _Message(
        name=name,
        root=root,
        key=(words(root, "sender"), words(root, "identifier")),
        sent=sent.astimezone(UTC),
        kind=words(root, "msgType"),
        status=words(root, "status"),
        expires=max((end.astimezone(UTC) for end in ends if end), default=None),
        references=tuple(((t[0], t[1]), t[2]) for t in triplets if len(t) == 3),
    )


def _without_doubles(messages: Iterable[_Message]) -> list[_Message]:
    """The first of each identifier; a later one is told, unless it is the same document."""
    first: dict[Key, _Message] = {}
    for message in messages:
        known = first.setdefault(message.key, message)
        if known is not message and _bytes(known) != _bytes(message):
            message.say("THREAD-SAME-ID", f"{known.name} has the same identifier, and differs")
    return list(first.values())


def _bytes(message: _Message) -> bytes:
    from lxml import etree

    text: bytes = etree.tostring(message.root, method="c14n")
    return text


def _joined(message: _Message, threads: Mapping[Key, set[Key]]) -> set[Key]:
    """All earlier messages of the threads that this one refers to."""
    found_: set[Key] = set()
    for key, _ in message.references:
        found_ |= threads.get(key, set())
    return found_


def _judge(message: _Message, earlier: set[Key], known: Mapping[Key, _Message]) -> None:
    named = {key for key, _ in message.references}
    for key, sent in message.references:
        if key not in known:
            message.say("REFERENCES-MISSING", f"{shown(key[1])} is not among the files")
        elif instant(sent) != known[key].sent:
            message.say(
                "REFERENCES-SENT", f"{shown(key[1])} was sent {known[key].sent}, not {sent}"
            )
    for other in (known[key] for key in sorted(earlier)):
        _judge_pair(message, other, is_named=other.key in named)


def _judge_pair(message: _Message, other: _Message, *, is_named: bool) -> None:
    name = shown(other.key[1])
    if other.status != message.status:
        message.say("THREAD-STATUS", f"status {message.status}; {name} has {other.status}")
    if other.kind == "Cancel" and message.kind in ("Alert", "Update", "Cancel"):
        message.say("THREAD-CANCELLED", f"{name} took the thread back already")
    changes = message.kind in REFERRING[:2] and other.kind in ("Alert", "Update", "Cancel")
    in_force = other.expires is None or other.expires > message.sent
    if changes and in_force and not is_named:
        message.say("REFERENCES-COMPLETE", f"{name} has not expired, and is not named")
