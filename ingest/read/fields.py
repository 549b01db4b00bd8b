"""Fields of foreign documents to numbers, places and aware times. One clear line for each fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.read.payload import one_line
from kentongan.errors import DataError, NaiveTime
from kentongan.times import ZONES_BY_NAME, month_number, parse_instant

_NUMBER = re.compile(r"[-+]?\d{1,9}(?:\.\d{1,12})?", re.ASCII)
_GOES_ON = re.compile(r"[.,\d]|e[-+]?\d", re.ASCII | re.IGNORECASE)
"""After a number: there is more of it, in a form that is not ours (`7.5.1`, `1e999`)."""
_DATE = re.compile(
    r"(?P<d>\d{1,2})[-/ ]\s*(?P<m>\d{1,2}|[A-Za-z]{3,9})[-/ ]\s*(?P<y>\d{4}|\d{2})(?!\d)", re.ASCII
)
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})[:.](?P<i>\d{2})(?:[:.](?P<s>\d{2}))?\s*(?P<z>WITA|WIT|WIB)\b", re.ASCII
)
_ISO_NAMED = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})\s*(WITA|WIT|WIB)", re.ASCII)
_SIGNED = {"LS": -1.0, "LU": 1.0, "BT": 1.0, "BB": -1.0}
_SIDE = re.compile(r"\s*(?P<n>\d{1,3}(?:\.\d{1,12})?)\s*(?:°\s*)?(?P<side>LS|LU|BT|BB)\s*", re.I)
_YEARS = range(1990, 2101)
"""A time outside is a fault of the document: BMKG's digital feeds begin later."""


def text_of(raw: Mapping[str, Any], name: str) -> str:
    """A field as stripped text; empty if it is missing, null, or BMKG's `-`."""
    value = raw.get(name)
    if value is None or isinstance(value, dict | list | bool):
        return ""
    text = str(value).strip()
    return "" if text == "-" else text


def required(raw: Mapping[str, Any], name: str) -> str:
    """Raises:
    DataError: the field is missing, empty or `-`.
    """
    text = text_of(raw, name)
    if not text:
        raise DataError(f"{name}: expected a value, found {one_line(raw.get(name), 40)!r}")
    return text


def number(text: str, name: str, *, low: float, high: float) -> float:
    """The number that `text` begins with (a unit may follow), within `low` … `high`.

    Raises:
        DataError: no number, or out of range.
    """
    found = _NUMBER.match(text.strip())
    if not found or _GOES_ON.match(text.strip(), found.end()):
        raise DataError(f"{name}: expected a number, found {one_line(text, 40)!r}")
    value = float(found.group())
    if not low <= value <= high:
        raise DataError(f"{name}: expected {low:g} to {high:g}, found {value:g}")
    return value


def optional_number(raw: Mapping[str, Any], name: str, *, low: float, high: float) -> float | None:
    """A JSON number or numeric text; None if it is missing.

    Raises:
        DataError: no number, or out of range.
    """
    text = text_of(raw, name)
    if not text:
        return None
    value = raw[name]
    if isinstance(value, int | float) and low <= value <= high:
        return float(value)
    return number(text, name, low=low, high=high)


def hemisphere(text: str, name: str, *, of_latitude: bool) -> float:
    """`8.21 LS` → -8.21; LS south, LU north, BT east, BB west.

    Raises:
        DataError: another form, or a side of the other axis.
    """
    found, sides = _SIDE.fullmatch(text), ("LS", "LU") if of_latitude else ("BT", "BB")
    if not found or found["side"].upper() not in sides:
        expected = " or ".join(sides)
        raise DataError(f"{name}: expected degrees with {expected}, found {one_line(text)!r}")
    value = float(found["n"]) * _SIGNED[found["side"].upper()]
    limit = 90 if of_latitude else 180
    if abs(value) > limit:
        raise DataError(f"{name}: expected at most {limit} degrees, found {one_line(text)!r}")
    return value


def pair(text: str, name: str) -> tuple[float, float]:
    """`-8.21,120.61` → the two numbers, in the order written.

    Raises:
        DataError: not two numbers.
    """
    parts = text.split(",")
    if len(parts) != 2:
        raise DataError(f"{name}: expected two numbers, found {one_line(text, 40)!r}")
    return (
        number(parts[0], name, low=-180, high=180),
        number(parts[1], name, low=-180, high=180),
    )


def sane(value: datetime, name: str) -> datetime:
    """Raises:
    DataError: a year that no document of BMKG's can have.
    """
    if value.year not in _YEARS:
        raise DataError(f"{name}: expected a year within 1990 to 2100, found {value.year}")
    return value


def instant(text: str, name: str) -> datetime:
    """ISO 8601 with an offset, or with WIB, WITA or WIT after it, as UTC.

    Raises:
        DataError: another form, or no zone.
    """
    named = _ISO_NAMED.fullmatch(text.strip())
    try:
        if named:
            zone = ZONES_BY_NAME[named[2]]
            return sane(datetime.fromisoformat(named[1]).replace(tzinfo=zone).astimezone(UTC), name)
        return sane(parse_instant(text), name)
    except (ValueError, OverflowError, NaiveTime) as error:
        raise DataError(f"{name}: expected a time with a zone, found {one_line(text, 40)!r}") from (
            error
        )


def utc_text(text: str, name: str) -> datetime:
    """A time that BMKG writes without zone and means as UTC.

    Raises:
        DataError: not ISO 8601.
    """
    try:
        value = datetime.fromisoformat(text.strip())
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return sane(aware.astimezone(UTC), name)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{name}: expected an ISO 8601 time, found {one_line(text, 40)!r}") from (
            error
        )


def local_instant(day: str, clock: str, name: str) -> datetime:
    """A date (`23 Sep 2026`, `15-08-26`, `15/08/2026`) and a clock (`04:58:24 WIB`) as UTC.

    Raises:
        DataError: another form, an impossible date, or no zone.
    """
    date, time = _DATE.search(day), _CLOCK.search(clock)
    if not date or not time:
        found = one_line(f"{day} {clock}", 50)
        raise DataError(f"{name}: expected a date and a clock with WIB, WITA or WIT, found {found}")
    return _combine(date, time, name)


def last_local_instant(text: str, name: str) -> datetime | None:
    """The last "24 September 2026, 17:27 WITA" in a sentence; None if there is none."""
    clocks = list(_CLOCK.finditer(text))
    if not clocks:
        return None
    dates = list(_DATE.finditer(text, 0, clocks[-1].start()))
    return _combine(dates[-1], clocks[-1], name) if dates else None


def _combine(date: re.Match[str], time: re.Match[str], name: str) -> datetime:
    try:
        month = int(date["m"]) if date["m"].isdigit() else month_number(date["m"])
        year = int(date["y"]) + (2000 if len(date["y"]) == 2 else 0)
        value = datetime(
            year,
            month,
            int(date["d"]),
            int(time["h"]),
            int(time["i"]),
            int(time["s"] or 0),
            tzinfo=ZONES_BY_NAME[time["z"]],
        )
        return sane(value.astimezone(UTC), name)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{name}: {date.group()} {time.group()}: {one_line(error, 60)}") from error
