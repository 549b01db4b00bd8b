"""Phone numbers: one spelling (E.164), mobile ones alone, and how they are shown.

Numbering: Google's libphonenumber through `phonenumbers`. Its trap, seen in version 9:
`62811123456` without `+` is read as a fixed line of North Sumatra (`+62 62…`), so a leading 62
always is the country.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from notify.firewall.clearance import SYNTHETIC_PREFIX

HOME = "ID"
MAX_CHARS = 40
"""No way to write one number is longer."""
_MIN_DIGITS = 8
"""Shorter ones are services: 112, 171, 14045, 9xxx premium."""
_ALLOWED = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]*", re.ASCII)
_NO_DIGITS = re.compile(r"\D", re.ASCII)
_SEPARATORS = re.compile(r"[^\d+]", re.ASCII)
_POWER_OF_TEN = re.compile(r"[\d.,]+[eE]\+?\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_FORMULA = ("=", "@", "|")


class Fault(StrEnum):
    """Why a text is no number that may be registered; one line each."""

    EMPTY = "no number"
    LONG = f"longer than {MAX_CHARS} characters"
    HIDDEN = "holds control characters"
    FORMULA = "a formula of a spreadsheet, not a number"
    POWER = "a spreadsheet made a power of ten of it and the last digits are lost"
    LETTERS = "holds letters or signs that no number has"
    SEVERAL = "more than one number"
    SHORT = "too short: a service, or digits are missing"
    MADE_UP = "made up (+999)"
    PREMIUM = "a premium, toll-free or other service number"
    FIXED = "a fixed line: no SMS reaches it"
    FOREIGN = "a number of another country: residents need an Indonesian one (+62)"
    INVALID = "no valid number: no operator has it, or a digit is missing or too many"


@dataclass(frozen=True, slots=True)
class Refused:
    """A text that is no number for us."""

    fault: Fault
    masked: str

    @property
    def line(self) -> str:
        return f"{self.masked}: {self.fault}"


def mobile_number(text: str, *, foreign: bool = False) -> str | Refused:
    """A mobile number in E.164 (`+62812…`), or why it is none.

    Args:
        foreign: whether one of another country is taken: people by duty. A resident's is always
            Indonesian: a message abroad costs many times as much, and nobody at home is warned.
    """
    folded = _folded(text[: MAX_CHARS + 1])
    fault = _fault_of_text(text, folded)
    if fault is not None:
        return Refused(fault, masked(text))
    answer = _looked_up(_in_one_spelling(folded))
    if isinstance(answer, Fault):
        return Refused(answer, masked(text))
    if not foreign and not answer.startswith("+62"):
        return Refused(Fault.FOREIGN, masked(text))
    return answer


def _fault_of_text(text: str, folded: str) -> Fault | None:
    bare = text.strip()
    if len(text) > MAX_CHARS:
        return Fault.LONG
    if not bare:
        return Fault.EMPTY
    if bare.startswith(_FORMULA) or (bare[0] in "+-" and any(c.isalpha() for c in bare)):
        return Fault.FORMULA
    if _CONTROL.search(bare):
        return Fault.HIDDEN
    if _POWER_OF_TEN.fullmatch(folded):
        return Fault.POWER
    if not _ALLOWED.fullmatch(folded):
        return Fault.LETTERS
    digits = len(_NO_DIGITS.sub("", folded))
    if digits > 15 + 3:  # E.164 has at most 15; a written 00 or (0) adds to them
        return Fault.SEVERAL
    return Fault.SHORT if digits < _MIN_DIGITS else None


def _folded(text: str) -> str:
    """Digits of any script as ASCII, without what cannot be seen and a spreadsheet's apostrophe."""
    seen = text
    if not text.isascii():
        plain = unicodedata.normalize("NFKC", text)
        seen = "".join(_digit(c) for c in plain if unicodedata.category(c) not in ("Cf", "Mn"))
    return seen.strip().removeprefix("'").removeprefix("tel:").strip()


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _in_one_spelling(text: str) -> str:
    """`0812…`, `812…`, `62812…`, `0062812…`, `+62 (0)812…` as `+62812…`."""
    digits = _SEPARATORS.sub("", text)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    elif digits.startswith("62"):
        digits = f"+{digits}"
    elif not digits.startswith("+"):
        digits = f"+62{digits.removeprefix('0')}"
    return f"+62{digits[4:]}" if digits.startswith("+620") else digits


@lru_cache(maxsize=1024)
def _looked_up(number: str) -> str | Fault:
    """The number, when libphonenumber knows it as a mobile one."""
    if number.startswith((SYNTHETIC_PREFIX, f"+62{SYNTHETIC_PREFIX[1:]}")):
        return Fault.MADE_UP
    if _plainly_mobile(number):
        return number
    return _of_any_country(number)


def _plainly_mobile(number: str) -> bool:
    """The same table as below without its detours: 100,000 lines in a tenth of the time."""
    return number.startswith("+628") and _home_mobile().fullmatch(number[3:]) is not None


@cache
def _home_mobile() -> re.Pattern[str]:
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(HOME)
    mobile = metadata.mobile if metadata else None
    if mobile is None or not mobile.national_number_pattern:
        return re.compile(r"(?!)")
    return re.compile(mobile.national_number_pattern, re.ASCII)


def _of_any_country(number: str) -> str | Fault:
    import phonenumbers
    from phonenumbers import PhoneNumberType as Kind

    try:
        parsed = phonenumbers.parse(number, HOME)
    except phonenumbers.NumberParseException:
        return Fault.INVALID
    kind = phonenumbers.number_type(parsed)
    if kind in (Kind.MOBILE, Kind.FIXED_LINE_OR_MOBILE):
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    if kind == Kind.FIXED_LINE:
        return Fault.FIXED
    return Fault.INVALID if kind == Kind.UNKNOWN else Fault.PREMIUM


def masked(text: str) -> str:
    """What a log, a page and a list may show of a number: `62812****890`.

    Of a text with fewer than 9 digits nothing is shown but its length; of a short number less.
    """
    digits = _NO_DIGITS.sub("", text[: 4 * MAX_CHARS])
    if len(digits) < 9:
        return f"({len(text)} characters)" if text.strip() else "(empty)"
    head, tail = (5, 3) if len(digits) > 10 else (3, 2)
    return f"{digits[:head]}****{digits[-tail:]}"
