"""Origin time of a row of the quake lists, from two clocks that must agree.

`DateTime` is UTC; `Tanggal` and `Jam` are WIB wherever the quake is, Papua too. In 2021 `DateTime`
was for some hours the time of access. Then the local clock holds, where the document proves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ingest.read.fields import instant, local_instant, required, text_of
from ingest.read.plausible import plausible
from kentongan.errors import DataError
from kentongan.times import iso

CLOCKS_APART = timedelta(seconds=60)
"""DateTime and Tanggal + Jam name the same second."""
FRESH = timedelta(hours=1)
"""A DateTime this near to the access may be of a quake of just now, with an old Tanggal."""
_DAY = timedelta(days=1)


def access_stamps(rows: Sequence[Any]) -> frozenset[str]:
    """DateTimes that quakes of different local times have in common: they are of the access."""
    clocks: dict[str, list[datetime]] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        try:
            stated, local = required(row, "DateTime"), _local(row)
        except DataError:
            continue
        clocks.setdefault(stated, []).append(local)
    return frozenset(
        stated for stated, times in clocks.items() if max(times) - min(times) > CLOCKS_APART
    )


def origin_of(
    row: Mapping[str, Any], *, last_seen: datetime, stamps: frozenset[str]
) -> tuple[datetime, tuple[str, ...]]:
    """The origin, UTC, and a line for a clock that was not believed.

    Args:
        row: a quake of the list.
        last_seen: when the list was published still.
        stamps: from `access_stamps` of the whole list.

    Raises:
        DataError: no time, one that cannot be true, or two that differ for no known reason.
    """
    stated = instant(required(row, "DateTime"), "DateTime") if text_of(row, "DateTime") else None
    if not (text_of(row, "Tanggal") and text_of(row, "Jam")):
        if stated is None:
            raise DataError("DateTime: expected an origin time, found none")
        return plausible(stated, last_seen, name="DateTime"), ()
    local = plausible(_local(row), last_seen, name="Tanggal, Jam")
    if stated is None:
        return local, ()
    if abs(stated - local) <= CLOCKS_APART:
        return plausible(stated, last_seen, name="DateTime"), ()
    if text_of(row, "DateTime") in stamps or _is_access_date(stated, local, last_seen):
        return local, (f"DateTime {iso(stated)} is the time of access; Tanggal + Jam taken",)
    raise DataError(f"DateTime {iso(stated)} is not Tanggal + Jam ({iso(local)})")


def _local(row: Mapping[str, Any]) -> datetime:
    return local_instant(text_of(row, "Tanggal"), text_of(row, "Jam"), "Tanggal, Jam")


def _is_access_date(stated: datetime, local: datetime, last_seen: datetime) -> bool:
    """The clock of the event on the day of the access, and not of just now."""
    apart = (stated - local) % _DAY
    same_clock = min(apart, _DAY - apart) <= CLOCKS_APART
    return same_clock and stated.date() == last_seen.date() and abs(last_seen - stated) > FRESH
