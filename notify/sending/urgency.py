"""In which order messages go: by class, then by channel, then by risk. Pure.

| first | what | number |
|---|---|---|
| calls back out of a tsunami zone | `notify.tasks.recall` | −2 |
| corrections (a warning taken back) | `notify.sending.told` | −1 |
| Awas | class 0 | 0 … 999 |
| Siaga; ends; tasks under Awas | class 1 | 1000 … |
| Waspada; tasks under Siaga | class 2 | 2000 … |
| coordinators and staff without a class of their own; other tasks | class 3 | 3000 … |
| renewals: the warning holds on | class 4 | 4000 … |

Within a class what costs one message for many goes first (sirens and displays, topics of the
app), then push, then SMS: `channel rank × 100`. Within a channel the nearer danger, then more
people: `onset rank × 10 + people rank`. Lower goes first. No number depends on what became of
another message, so a missing receipt holds nobody back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum


class Class(IntEnum):
    AWAS = 0
    SIAGA = 1
    WASPADA = 2
    READINESS = 3
    RENEWAL = 4


_BY_LEVEL = {4: Class.AWAS, 3: Class.SIAGA, 2: Class.WASPADA}
CHANNEL_RANK = {"mqtt": 0, "fcm": 0, "push": 1, "webpush": 1, "sms": 2, "whatsapp": 2,
                "telegram": 2, "staff": 3}  # fmt: skip
"""One message to a topic reaches a whole district, so those go first; SMS is the slowest way."""
_LAST_CHANNEL = 3
_ONSET_MIN = (0, 10, 20, 30, 60, 120, 180, 360, 720)
"""Upper ends of the ranks, minutes: a near tsunami comes within 10 to 30, rain within 1 to 6 h."""
_PEOPLE_RANKS = 9
"""Whole powers of ten: 1 to 9 people is rank 8, a million and more rank 2."""


def class_of(level: int, *, is_end: bool = False, renews: bool = False) -> Class:
    """Of a warning's message; an end goes with Siaga whatever it ends."""
    if is_end:
        return Class.SIAGA
    if renews:
        return Class.RENEWAL
    return _BY_LEVEL.get(level, Class.READINESS)


def task_class(level: int) -> Class:
    """Of a request to a volunteer: one class behind the warning of its level."""
    return {4: Class.SIAGA, 3: Class.WASPADA}.get(level, Class.READINESS)


def prio(
    urgency: Class,
    channel: str,
    *,
    onset: timedelta | None = None,
    people: int | None = None,
) -> int:
    """The number by which the outbox is claimed, 0 … 4999 (a small integer).

    Args:
        onset: from now until the danger comes; None is not known, and goes first.
        people: whom it exposes there; None is not known, and goes first.
    """
    rank = CHANNEL_RANK.get(channel, _LAST_CHANNEL)
    return urgency * 1000 + rank * 100 + onset_rank(onset) * 10 + people_rank(people)


def onset_rank(onset: timedelta | None) -> int:
    """0 (now, past or not known) to 9 (in more than 12 hours)."""
    if onset is None:
        return 0
    minutes = onset / timedelta(minutes=1)
    return sum(minutes > end for end in _ONSET_MIN)


def people_rank(people: int | None) -> int:
    """0 (100 million and more, or not known) to 9 (nobody)."""
    if people is None:
        return 0
    return max(0, _PEOPLE_RANKS - len(str(people))) if people > 0 else _PEOPLE_RANKS


def time_to(danger: datetime | None, at: datetime) -> timedelta | None:
    return None if danger is None else danger - at
