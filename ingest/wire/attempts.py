"""Whether and when one request is worth a second try within the same poll."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 2
"""The next poll comes within seconds and is the better try; more would multiply the load on a
server that is already down."""
FIRST_PAUSE_S = 0.2
SPREAD_S = 0.3
"""Pause before the second try: 0.2 to 0.5 s, so that clients do not come back in step."""
LONGEST_WAIT_S = 3.0
"""Longest Retry-After that a poll waits for: a feed must not hold up the feeds after it. A longer
one goes to the breaker."""
TRANSIENT = (429, 502, 503, 504)
"""Statuses that may be others a moment later. 403, 404, pages and broken documents stay."""


def pause_s(attempt: int, status: int | None, asked_s: float | None, spread: float) -> float | None:
    """Seconds to wait before trying again; None: do not.

    Args:
        attempt: tries made, 1 for the first.
        status: of the answer; None for a connection that could not be made.
        asked_s: Retry-After of the answer.
        spread: a random number from 0 to 1.
    """
    if attempt >= MAX_ATTEMPTS or (status is not None and status not in TRANSIENT):
        return None
    if status == 429 and asked_s is None:
        return None
    if asked_s is not None and asked_s > LONGEST_WAIT_S:
        return None
    return max(FIRST_PAUSE_S + SPREAD_S * spread, asked_s or 0.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks us to wait: a number, or a date against its own `Date`.

    None without the header, or with one that says nothing usable.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    until, now = _date(text), _date(headers.get("date", ""))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else None
