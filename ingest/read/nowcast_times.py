"""Times of a nowcast warning: taken as written, or corrected with a reason, never dropped.

A warning that a wrong time would end before it begins, or begin hours from now, is the costliest
one to lose. What cannot be corrected is refused, and its province is shown as warned, area
unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from ingest.read.fields import last_local_instant
from ingest.read.plausible import plausible
from ingest.source import ReadContext
from kentongan.errors import DataError
from kentongan.times import iso

LONGEST = timedelta(hours=24)
"""From begin to end. The longest on record is 4.3 hours; a nowcast is a matter of hours."""
ZONE_SLIP = timedelta(hours=9)
"""A local time of Papua that is taken for UTC, or the reverse, is 9 hours off; nothing more is."""
_END = re.compile(r"hingga|gradually improve by", re.IGNORECASE)


def said_end(description: str) -> datetime | None:
    """The time after "hingga" (English: "gradually improve by") in the last sentence."""
    starts = [found.start() for found in _END.finditer(description)]
    if not starts:
        return None
    try:
        return last_local_instant(description[starts[-1] : starts[-1] + 200], "hingga")
    except DataError:
        return None


def sent_time(
    stated: datetime, context: ReadContext, name: str
) -> tuple[datetime, tuple[str, ...]]:
    """When it was issued, and a line if that is not what the document says.

    A document that we hold cannot have been issued later; up to `ZONE_SLIP` ahead it is a wrong
    zone, and counts from when it came.

    Raises:
        DataError: further ahead: the date is wrong, and the document may be any.
    """
    try:
        return plausible(stated, context.last_seen, name=name), ()
    except DataError as error:
        plausible(stated, context.last_seen, name=name, ahead=ZONE_SLIP)
        came = context.received_at.replace(microsecond=0)
        return came, (f"{error}; taken as issued when it came, {iso(came)}",)


def end_time(
    stated: datetime | None, said: Callable[[], datetime | None], *, begin: datetime
) -> tuple[datetime, tuple[str, ...]]:
    """When it ends, and a line if that is not what the document's own field says.

    Args:
        said: the end that the text names, looked up only if the field is missing or cannot be.

    Raises:
        DataError: neither names an end after the begin.
    """
    if stated is not None and begin < stated <= begin + LONGEST:
        return stated, ()
    named = said()
    found = f"found {iso(stated)}" if stated else "found none"
    expected = f"expires: expected a time up to 24 h after {iso(begin)}, {found}"
    if named is not None and begin < named <= begin + LONGEST:
        return named, (f"{expected}; the text says {iso(named)}",) if stated else ()
    if stated is not None and stated > begin:
        return begin + LONGEST, (f"{expected}; taken to end after 24 h",)
    raise DataError(f"{expected}, nor a later one after 'hingga' in the text")
