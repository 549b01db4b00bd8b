"""Rules about the alert as a whole: names, times, references, scope, status."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kentongan.drills import is_drill
from notify.cap.document import NAMESPACE
from notify.cap.rules.finding import Finding, children, found, instant, shown, words

OFFSETS = (timedelta(hours=7), timedelta(hours=8), timedelta(hours=9))
AHEAD = timedelta(minutes=5)
"""Clocks of sender and reader may differ by so much."""
_BAD_ID = re.compile(r"[\s,<&]")
_MARKED = re.compile(r"\W*(LATIHAN|TES|TEST|EXERCISE)\b")
_TEXTS = ("headline", "description", "instruction")
REFERRING = ("Update", "Cancel", "Ack", "Error")


def identifiers(root: Any) -> Iterator[Finding]:
    for name in ("identifier", "sender"):
        value = words(root, name)
        if not value or _BAD_ID.search(value):
            at = next(iter(children(root, name)), root)
            yield found("ID", f"{name} {shown(value)}: needs text without space, comma, < or &", at)


def times(root: Any) -> Iterator[Finding]:
    for name in ("sent", "effective", "onset", "expires"):
        for element in root.iter(f"{{{NAMESPACE}}}{name}"):
            text = (element.text or "").strip()
            moment = instant(text)
            if moment is None:
                message = f"{name} {shown(text)}: expected a time as 2026-09-24T15:27:00+08:00"
                yield found("TIME", message, element)
            elif moment.utcoffset() not in OFFSETS and not text.endswith("-00:00"):
                yield found("TIME-ZONE", f"{name} {text}: not WIB, WITA or WIT", element)


def order_of_times(root: Any) -> Iterator[Finding]:
    for info in children(root, "info"):
        expires = instant(words(info, "expires"))
        start = instant(words(info, "effective")) or instant(words(root, "sent"))
        onset = instant(words(info, "onset"))
        if expires and start and start > expires:
            yield found("TIME-ORDER", f"begins {start}, after it expires, {expires}", info)
        if expires and onset and onset > expires:
            yield found("TIME-ONSET", f"onset {onset} is after expires {expires}", info)


def now(root: Any, at: datetime) -> Iterator[Finding]:
    """What only a clock can tell."""
    sent = instant(words(root, "sent"))
    if sent and sent > at + AHEAD:
        yield found("SENT-AHEAD", f"sent {sent} lies in the future", root)
    ends = [instant(words(info, "expires")) for info in children(root, "info")]
    known = [end for end in ends if end]
    if known and len(known) == len(ends) and max(known) <= at:
        yield found("EXPIRED", f"expired {max(known)}", root)


def references(root: Any) -> Iterator[Finding]:
    kind, text = words(root, "msgType"), words(root, "references")
    at = next(iter(children(root, "references")), root)
    if kind in REFERRING and not text:
        yield found("REFERENCES", f"{kind} without references to what it is about", at)
    if kind == "Alert" and text:
        yield found("REFERENCES-ALERT", "an Alert with references: send an Update instead", at)
    seen: set[str] = set()
    for triplet in text.split():
        yield from _reference(root, triplet, at)
        if triplet in seen:
            yield found("REFERENCES-TWICE", f"{shown(triplet)} stands twice", at)
        seen.add(triplet)


def _reference(root: Any, triplet: str, at: Any) -> Iterator[Finding]:
    parts = triplet.split(",")
    sent = instant(parts[-1])
    if len(parts) != 3 or not all(parts) or sent is None:
        yield found("REFERENCES-FORM", f"{shown(triplet)}: expected sender,identifier,sent", at)
        return
    if parts[:2] == [words(root, "sender"), words(root, "identifier")]:
        yield found("REFERENCES-SELF", f"{shown(triplet)} is this alert itself", at)
        return
    own = instant(words(root, "sent"))
    if own and sent.astimezone(UTC) > own.astimezone(UTC):
        yield found("REFERENCES-LATER", f"{shown(triplet)} was sent after this alert", at)


def scope(root: Any) -> Iterator[Finding]:
    kind = words(root, "scope")
    for name, of in (("restriction", "Restricted"), ("addresses", "Private")):
        if (kind == of) != bool(words(root, name)):
            yield found(
                "SCOPE", f"scope {shown(kind)}: {name} belongs to {of}, and only there", root
            )
    if kind == "Public" and not children(root, "info"):
        yield found("INFO", "a public alert without info", root)


def status(root: Any) -> Iterator[Finding]:
    kind = words(root, "status")
    if kind in ("Exercise", "Test", "Draft"):
        yield from _unmarked(root, kind)
    if kind == "Actual":
        yield from _drills(root)


def status_advice(root: Any) -> Iterator[Finding]:
    if words(root, "status") == "Draft":
        yield found("DRAFT", "status Draft: no reader may act on it", root)
    exercise = words(root, "status") == "Exercise"
    if (exercise or words(root, "msgType") == "Error") and not words(root, "note"):
        yield found("NOTE", "no note that says which exercise, or which error", root)


def _unmarked(root: Any, kind: str) -> Iterator[Finding]:
    for info in children(root, "info"):
        for name in _TEXTS:
            text = words(info, name)
            if text and not _MARKED.match(text):
                message = f"status {kind}: {name} must start with LATIHAN or TES: {shown(text)}"
                yield found("EXERCISE-WORDS", message, children(info, name)[0])


def _drills(root: Any) -> Iterator[Finding]:
    for info in children(root, "info"):
        for name in ("event", *_TEXTS):
            text = words(info, name)
            if text and is_drill(text.partition("\n")[0]):
                message = f"status Actual, but {name} says that it is none: {shown(text)}"
                yield found("ACTUAL-WORDS", message, children(info, name)[0])
