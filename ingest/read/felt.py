"""BMKG's "dirasakan" text: `III-IV Waingapu, II - III Kab. Manggarai`."""

from __future__ import annotations

import re

from ingest.read.payload import one_line
from kentongan.records import Felt

_ROMAN = {
    name: value
    for value, name in enumerate(
        ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), start=1
    )
}
_ENTRY = re.compile(
    r"(?:MMI[:\s]+)?(?P<low>[IVX]{1,4})\b\s*(?:[-–]\s*(?P<high>[IVX]{1,4})\b)?\s*"
    r"(?:\(?MMI\)?\s+)?(?:di\s+)?(?P<place>.*)"
)
MAX_ENTRIES = 200
"""The longest list on record has 15."""


def parse_felt(text: str) -> tuple[tuple[Felt, ...], tuple[str, ...]]:
    """Places with their intensity, and the parts that could not be read.

    A place without a numeral has the range of the one before it.
    """
    found: list[Felt] = []
    unread: list[str] = []
    span: tuple[float, float] | None = None
    parts = re.split(r"[,;]", text)
    if len(parts) > MAX_ENTRIES:
        unread.append(f"{len(parts) - MAX_ENTRIES} entries after the first {MAX_ENTRIES}")
    for part in parts[:MAX_ENTRIES]:
        entry = one_line(part, 120).rstrip(".")
        if not entry or entry == "-":
            continue
        match = _ENTRY.fullmatch(entry)
        own = _span(match) if match else None
        place = match["place"].strip() if match and own else entry
        span = own or span
        if span and place:
            found.append(Felt(place=one_line(place, 80), mmi_low=span[0], mmi_high=span[1]))
        else:
            unread.append(one_line(entry, 60))
    return tuple(found), tuple(unread)


def _span(match: re.Match[str]) -> tuple[float, float] | None:
    low, high = _ROMAN.get(match["low"]), _ROMAN.get(match["high"] or match["low"])
    return (float(min(low, high)), float(max(low, high))) if low and high else None
