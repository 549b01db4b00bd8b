"""Whether a time in a document can be true, seen from our own receive clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from kentongan.errors import DataError
from kentongan.times import iso, require_aware

AHEAD = timedelta(minutes=10)
"""Clocks of the publisher and of this machine may differ by minutes. A text in a zone other than
the one it was read in is off by an hour or more, and so stays outside."""


def plausible(
    when: datetime,
    received_at: datetime,
    *,
    name: str,
    ahead: timedelta = AHEAD,
    behind: timedelta | None = None,
) -> datetime:
    """`when`, if it lies from `received_at - behind` to `received_at + ahead`, both included.

    Args:
        when: aware time from a document.
        received_at: when the bytes came; aware.
        name: of the field, for the message.
        ahead: how far the publisher's clock may be before ours.
        behind: how old it may be; None: any age.

    Raises:
        DataError: outside, or a time without a zone.
    """
    early = require_aware(when) - require_aware(received_at)
    if early > ahead:
        raise DataError(
            f"{name}: expected a time up to {_span(ahead)} after it was received "
            f"({iso(received_at)}), found {iso(when)}, {_span(early)} after; a wrong zone, a "
            "wrong date, or this machine's clock"
        )
    if behind is not None and -early > behind:
        raise DataError(
            f"{name}: expected a time at most {_span(behind)} before it was received "
            f"({iso(received_at)}), found {iso(when)}"
        )
    return when


def _span(length: timedelta) -> str:
    """`10 min`, `7.0 h`, `120.0 years`."""
    minutes = length.total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.1f} h"
    days = minutes / (24 * 60)
    return f"{days:.0f} days" if days < 730 else f"{days / 365.25:.1f} years"
