"""How likely a report is a prank: a score with its reasons. It sorts what people read; it never
lowers the urgency of a report, and signs of danger are never thrown away for it."""

from __future__ import annotations

from dataclasses import dataclass

from notify.reports.kinds import HAZARDS, Category, Classified


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of a number."""

    reports: int = 0
    useful: int = 0
    pranks: int = 0
    recent: int = 0
    """Reports in the last minutes, this one not counted."""


@dataclass(frozen=True, slots=True)
class Prank:
    score: float
    """0..1."""
    reasons: tuple[str, ...]


NOBODY = Caller()
_TEXT = 0.8
_MIXED = 0.3
"""Laughter or curses in a text that reports something: people curse when it floods."""
_HISTORY = 0.5
_TRUSTED = 0.2
_RATE = 0.2
_AGAINST = 0.2


def judge(said: Classified, caller: Caller, *, rate_limit: int, against: int = 0) -> Prank:
    """Args:
    rate_limit: reports in the last minutes from which a number is too fast.
    against: other people who say of this place, at this time, that there is nothing.
    """
    parts: list[tuple[float, str]] = []
    jokes = [r for r in said.reasons if r.category is Category.PRANK and r.weight > 0]
    if said.category is Category.PRANK:
        parts.append((_TEXT, f"text: {', '.join(r.said for r in jokes[:3])}"))
    elif jokes:
        parts.append((_MIXED, f"text also has: {', '.join(r.said for r in jokes[:3])}"))
    if caller.pranks:
        share = caller.pranks / (caller.pranks + caller.useful + 1)
        closed = f"{caller.pranks} of this number's reports were closed as pranks"
        parts.append((_HISTORY * share, f"{closed}, {caller.useful} as useful"))
    elif caller.useful:
        parts.append((-_TRUSTED, f"{caller.useful} of this number's reports were useful"))
    if caller.recent >= rate_limit:
        parts.append((_RATE, f"{caller.recent} other reports of this number within minutes"))
    if against and (said.category in HAZARDS or said.category is Category.DANGER):
        parts.append((_AGAINST, f"{against} other(s) there say that there is nothing"))
    score = min(1.0, max(0.0, sum(weight for weight, _ in parts)))
    return Prank(round(score, 2), tuple(f"prank {w:+.2f}: {why}" for w, why in parts))
