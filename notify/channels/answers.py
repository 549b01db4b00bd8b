"""What an HTTP answer says, where the protocols of the channels agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from kentongan.errors import NaiveTime
from kentongan.times import parse_instant, require_aware
from notify.channels.channel import Outgoing

LONGEST_PAUSE = timedelta(hours=1)
"""What another side may ask of us; a warning does not wait longer for anybody."""


def retry_after(value: str | None, at: datetime) -> float | None:
    """Seconds of a `Retry-After` header (RFC 9110, 10.2.3), 1 … 3600; None: it says nothing."""
    if value is None:
        return None
    text = value.strip()
    try:
        if text.isascii() and text.isdigit() and len(text) < 10:
            seconds = float(text)
        else:
            seconds = (require_aware(parsedate_to_datetime(text)) - at).total_seconds()
    except (ValueError, TypeError, ArithmeticError, LookupError, NaiveTime):
        return None
    return min(max(seconds, 1.0), LONGEST_PAUSE.total_seconds())


def seconds_left(message: Outgoing, at: datetime) -> int | None:
    """Whole seconds until the message must not arrive any more, below 1 where that is past.

    None: neither the outbox nor the payload says when.
    """
    end = message.not_after
    if end is None:
        stated = (message.payload or {}).get("expires")
        try:
            end = parse_instant(str(stated))
        except (ValueError, NaiveTime):
            return None
    return int((end - at).total_seconds())
