"""Which villages' forecasts to ask for now: 60 requests a minute cannot reach 83,000 villages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

REPOLL_AFTER = timedelta(hours=3)
"""A forecast's slots are three hours wide; asking earlier teaches nothing."""


def plan_forecasts(
    warned: Sequence[str],
    district_representatives: Sequence[str],
    last_polled: Mapping[str, datetime],
    *,
    budget: int,
    at: datetime,
) -> list[str]:
    """At most `budget` village codes: those under a warning first, then one for each district.

    Within each group never asked comes first, then the longest ago; what was asked within
    `REPOLL_AFTER` waits.
    """
    first = _by_age(warned, last_polled, at)
    chosen = set(first)
    rest = _by_age((c for c in district_representatives if c not in chosen), last_polled, at)
    return (first + rest)[: max(0, budget)]


def _by_age(codes: Iterable[str], last_polled: Mapping[str, datetime], at: datetime) -> list[str]:
    due = [
        code
        for code in dict.fromkeys(codes)
        if code not in last_polled or at - last_polled[code] >= REPOLL_AFTER
    ]
    never = [code for code in due if code not in last_polled]
    return never + sorted(
        (code for code in due if code in last_polled), key=lambda code: (last_polled[code], code)
    )
