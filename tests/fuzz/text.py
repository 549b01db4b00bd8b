"""Hostile words, and changes to a value that a careless or broken sender might make."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

TOKENS = (
    "",
    " ",
    "-",
    "null",
    "None",
    "NaN",
    "nan",
    "Infinity",
    "-1",
    "0",
    "1e999",
    "-1e999",
    "9" * 400,
    "0." + "3" * 400,
    "1,5",
    "1.234.567",
    "٣٤",
    "７．５",
    "½",
    "0x1F",
    "±7",
    "1/0",
    "true",
    "[]",
    "{}",
    "\x00",
    "\x1b[2J",
    "\u202e7.7",
    "\ufeff",
    "\u200b",
    "\ud800",
    "\U0001f30a",
    "a\nb",
    "a\r\nSet-Cookie: x",
    "<script>alert(1)</script>",
    "&amp;",
    "&lt;",
    "]]>",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "http://[::1",
    "%00%0a",
    "{{7*7}}",
    "%s%n",
    "${jndi:ldap://x}",
    "A" * 20_000,
    "ñ" * 3_000,
    "\t" * 500,
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-02-30T25:61:61+99:99",
    "0000-00-00",
    "24:00:00 WIB",
    "31 Feb 2026",
    "999.99,999.99",
    "-8.21",
    "8.21 XX",
    "90.0001 LU",
    "XIII-XX",
)
"""None holds a word of a drill: those are tested by name, and end a warning rightly."""

ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "b">]>',
    '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE x [<!ENTITY a SYSTEM "http://127.0.0.1:9/x">]>',
    '<!DOCTYPE x [<!ENTITY a "0123456789"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">'
    '<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">'
    '<!ATTLIST x y CDATA "&f;&f;&f;&f;">]>',
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SIGN = re.compile(r"-(?=\d)")
_ZONE = re.compile(r"WITA|WIB|WIT|Z$|[+-]\d{2}:?\d{2}$|UTC")
_ZONES = ("WIB", "WITA", "WIT", "Z", "+07:00", "+09:00", "-12:00", "+14:00", "UTC", "GMT", "")
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|Mei|May|Jun|Jul|Agu|Aug|Sep|Okt|Oct|Nov|Des|Dec)[a-z]*")
_MONTHS = ("Jan", "Peb", "Maret", "Mei", "May", "Agustus", "Agt", "Okt", "Des", "Dec", "Foo", "13")


def _scaled(text: str, rng: Random) -> str:
    """One of its numbers, changed."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return text + rng.choice(TOKENS)
    spot = rng.choice(found)
    value = float(spot.group())
    new = rng.choice(
        (
            f"{value + 1:g}",
            f"{value - 1:g}",
            f"{value * 10:g}",
            f"{value / 10:g}",
            f"-{spot.group()}",
            f"{value:.12f}",
            f"{value:e}",
            spot.group().replace(".", ","),
            f"0{spot.group()}",
            f"+{spot.group()}",
            "0",
            "",
            "99999999999",
        )
    )
    return text[: spot.start()] + new + text[spot.end() :]


def _rezoned(text: str, rng: Random) -> str:
    return _ZONE.sub(rng.choice(_ZONES), text)


def _remonthed(text: str, rng: Random) -> str:
    return _MONTH.sub(rng.choice(_MONTHS), text)


def _exchanged(text: str, rng: Random) -> str:
    """Parts of a pair, a date or a position in another order."""
    mark = rng.choice([m for m in (",", "-", "/", " ", ":") if m in text] or [","])
    parts = text.split(mark)
    rng.shuffle(parts)
    return mark.join(parts)


CHANGES: tuple[Callable[[str, Random], str], ...] = (
    lambda text, rng: rng.choice(TOKENS),
    lambda text, rng: text + rng.choice(TOKENS),
    lambda text, rng: rng.choice(TOKENS) + text,
    lambda text, rng: text[: rng.randint(0, len(text))],
    lambda text, rng: text[rng.randint(0, len(text)) :],
    lambda text, rng: text * rng.randint(2, 40),
    lambda text, rng: text.upper(),
    lambda text, rng: text.lower(),
    lambda text, rng: text.replace(" ", rng.choice(("", "  ", "\t", "\u00a0", "\n"))),
    lambda text, rng: f"  {text}\n ",
    lambda text, rng: text[::-1],
    lambda text, rng: _SIGN.sub("", text),
    _scaled,
    _scaled,
    _scaled,
    _rezoned,
    _remonthed,
    _exchanged,
)


def changed(text: str, rng: Random) -> str:
    return rng.choice(CHANGES)(text[:50_000], rng)
