"""Time: aware UTC inside; WIB, WITA and WIT only in texts.

Nobody reads the clock but the edges (the command, the DAGs); steps take `at`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from kentongan.errors import NaiveTime

WIB = timezone(timedelta(hours=7), "WIB")
WITA = timezone(timedelta(hours=8), "WITA")
WIT = timezone(timedelta(hours=9), "WIT")
ZONES = {7: WIB, 8: WITA, 9: WIT}
ZONES_BY_NAME = {"WIB": WIB, "WITA": WITA, "WIT": WIT}

_MONTHS = (
    ["jan", "feb", "mar", "apr", "mei", "jun", "jul", "agu", "sep", "okt", "nov", "des"],
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
)
MONTH_NAMES_ID = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
]


def require_aware(value: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        NaiveTime: `value` has no zone.
    """
    if value.tzinfo is None:
        raise NaiveTime(
            f"{value.isoformat()} has no time zone; give one, e.g. {value.isoformat()}Z"
        )
    return value.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 text with a zone as aware UTC.

    Raises:
        NaiveTime: no zone in the text.
        ValueError: not ISO 8601, or outside the years 1 to 9999 in UTC.
    """
    found = datetime.fromisoformat(text.strip())
    try:
        return require_aware(found)
    except OverflowError as error:
        raise ValueError(f"{text.strip()!r}: outside the years 1 to 9999 in UTC") from error


def iso(value: datetime) -> str:
    """`2026-09-24T07:35:00Z`, seconds precision, always 20 characters, so that texts sort."""
    return f"{require_aware(value).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def compact(value: datetime) -> str:
    """`20260924T073500Z`, for names of files and identifiers."""
    return require_aware(value).strftime("%Y%m%dT%H%M%SZ")


def month_number(name: str) -> int:
    """1..12 from an Indonesian or English month name or abbreviation.

    Raises:
        ValueError: unknown name.
    """
    key = name.strip().lower()[:3]
    key = {"agt": "agu", "ags": "agu", "nop": "nov", "peb": "feb"}.get(key, key)
    for months in _MONTHS:
        if key in months:
            return months.index(key) + 1
    raise ValueError(f"unknown month {name!r}; expected one of {' '.join(_MONTHS[0])}")


def local_clock(value: datetime, zone_hours: int) -> str:
    """`15.27 WITA`: how a resident reads a time. `zone_hours` is 7, 8 or 9."""
    return require_aware(value).astimezone(ZONES[zone_hours]).strftime("%H.%M %Z")


def local_date(value: datetime, zone_hours: int) -> str:
    """`24 September 2026` at that place."""
    local = require_aware(value).astimezone(ZONES[zone_hours])
    return f"{local.day} {MONTH_NAMES_ID[local.month - 1]} {local.year}"
