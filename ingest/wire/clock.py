"""Whether this machine's clock is right, told by the hosts that we poll.

A clock that is slow by more than `ingest.read.plausible.AHEAD` makes us refuse every fresh
bulletin as one from the future, while all feeds answer: it must be an alarm before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Any

from sqlalchemy import Engine, select

from ingest.wire.links import host_of
from kentongan.db import feed_log
from kentongan.times import iso, parse_instant, require_aware

LOOK_BACK = timedelta(minutes=10)
ROWS = 300
"""Some minutes of polls of all feeds."""


def clock_error(engine: Engine, at: datetime) -> timedelta | None:
    """How far our clock is before (positive) or behind the hosts'; None: nothing to tell it by.

    A cache may answer with an old Date, never with one to come: of each host the latest counts.
    The median of the hosts, so that one of them that is wrong shifts nothing.
    """
    query = (
        select(feed_log.c.url, feed_log.c.headers, feed_log.c.answered_at)
        .where(feed_log.c.polled_at >= iso(at - LOOK_BACK), feed_log.c.answered_at.is_not(None))
        .order_by(feed_log.c.id.desc())
        .limit(ROWS)
    )
    ours: dict[str, timedelta] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            early = _error(row.headers, parse_instant(row.answered_at))
            if early is not None:
                host = host_of(row.url)
                ours[host] = min(early, ours.get(host, early))
    seconds = [early.total_seconds() for early in ours.values()]
    return timedelta(seconds=median(seconds)) if seconds else None


def _error(headers: Any, answered_at: datetime) -> timedelta | None:
    """Our clock less the server's, as one answer shows it."""
    if not isinstance(headers, Mapping):
        return None
    try:
        sent = require_aware(parsedate_to_datetime(str(headers.get("date"))))
        age = float(str(headers.get("age", "0")))
        return answered_at - sent - timedelta(seconds=max(0.0, age))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
