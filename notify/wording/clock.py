"""When, as people say it at a place: `sampai besok 02.10 WIB`."""

from __future__ import annotations

from datetime import datetime, timedelta

from kentongan.times import ZONES, require_aware
from notify.wording.language import Language


def clock(value: datetime, zone: int, words: Language) -> str:
    """`15.27 WITA`; English `15:27 WITA`. `zone` is 7, 8 or 9."""
    local = require_aware(value).astimezone(ZONES[zone])
    return f"{local.strftime(words.time.clock)} {local.tzname()}"


def moment(value: datetime, *, at: datetime, zone: int, words: Language) -> str:
    """`17.27 WITA`, `besok 02.10 WIB` or `26 September 02.10 WIB`, as seen from `at`."""
    there = require_aware(value).astimezone(ZONES[zone]).date()
    today = require_aware(at).astimezone(ZONES[zone]).date()
    time = clock(value, zone, words)
    if there == today:
        return time
    if there == today + timedelta(days=1):
        return words.time.tomorrow.format(clock=time)
    month = words.time.months[there.month - 1]
    return words.time.date.format(day=there.day, month=month, clock=time)


def when_ways(
    onset: datetime, expires: datetime, *, at: datetime, zone: int, words: Language
) -> list[str]:
    """From-to while the onset is ahead, else until when; the shorter way second."""
    end = moment(expires, at=at, zone=zone, words=words)
    until = words.time.until.format(end=end)
    if onset <= at or onset >= expires:
        return [until]
    start = moment(onset, at=at, zone=zone, words=words).rsplit(" ", 1)[0]
    return [words.time.span.format(start=start, end=end), until]


def arrival_ways(
    arrival: datetime | None, *, at: datetime, zone: int, words: Language
) -> list[str]:
    """A time that has passed is never printed: waves may still come."""
    if arrival is None or arrival <= at:
        return [""]
    time = clock(arrival, zone, words)
    return [*(way.format(clock=time) for way in words.time.arrival), ""]
