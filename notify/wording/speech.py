"""Texts for a voice: abbreviations and numbers in words, for loudspeakers, radio and calls."""

from __future__ import annotations

import re
from collections.abc import Callable

_ID_SMALL = [
    "nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan",
    "sepuluh", "sebelas",
]  # fmt: skip
_EN_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]  # fmt: skip
_EN_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

_ZONES = {
    "id": {
        "WIB": "Waktu Indonesia Barat", "WITA": "Waktu Indonesia Tengah",
        "WIT": "Waktu Indonesia Timur",
    },
    "en": {
        "WIB": "Western Indonesia Time", "WITA": "Central Indonesia Time",
        "WIT": "Eastern Indonesia Time",
    },
}  # fmt: skip
_WORDS = {
    "id": (
        (r"\bKab\.\s*", "Kabupaten "), (r"\bKec\.\s*", "Kecamatan "), (r"\bKel\.\s*", "Kelurahan "),
        (r"\bDs\.\s*", "Desa "), (r"\bKep\.\s*", "Kepulauan "), (r"\bGn\.\s*", "Gunung "),
        (r"\bTj\.\s*", "Tanjung "), (r"\bkec\.", "kecamatan"),
        (r"kabupaten/kota", "kabupaten atau kota"), (r"\bTES\b", "Tes"), (r"\s*&\s*", " dan "),
        (r"\bBMKG\b", "B M K G"), (r"\bBPBD\b", "B P B D"), (r"\bkm\b", "kilometer"),
    ),
    "en": (
        (r"\bKep\.\s*", "Kepulauan "), (r"\bGn\.\s*", "Gunung "), (r"\bTj\.\s*", "Tanjung "),
        (r"\bJan\b", "January"), (r"\bFeb\b", "February"), (r"\bMar\b", "March"),
        (r"\bApr\b", "April"), (r"\bJun\b", "June"), (r"\bJul\b", "July"),
        (r"\bAug\b", "August"), (r"\bSep\b", "September"), (r"\bOct\b", "October"),
        (r"\bNov\b", "November"), (r"\bDec\b", "December"),
        (r"regencies/cities", "regencies or cities"), (r"\s*&\s*", " and "),
        (r"\bBMKG\b", "B M K G"), (r"\bBPBD\b", "B P B D"), (r"\bkm\b", "kilometres"),
    ),
}  # fmt: skip
_CLOCK = re.compile(r"(pukul |at )?\b([01]?\d|2[0-3])[.:]([0-5]\d)( WIB| WITA| WIT)?\b")
_GROUPED = re.compile(r"\b\d{1,3}(?:[.,]\d{3})+\b")
_DECIMAL = re.compile(r"\b(\d+),(\d+)\b")
_WHOLE = re.compile(r"\d+")
_CAPITALS = re.compile(r"\b[A-Z]{4,}\b")


def spoken(text: str, language: str = "id") -> str:
    """`sampai 17.27 WITA` → `sampai pukul tujuh belas dua puluh tujuh Waktu Indonesia Tengah`."""
    code = "en" if language.startswith("en") else "id"
    for pattern, word in _WORDS[code]:
        text = re.sub(pattern, word, text)
    text = _CLOCK.sub(lambda found: _clock(found, code), text)
    text = _GROUPED.sub(lambda found: number(int(re.sub(r"\D", "", found[0])), code), text)
    text = _DECIMAL.sub(lambda found: _decimal(found, code), text)
    text = _WHOLE.sub(lambda found: _plain(found[0], code), text)
    text = _CAPITALS.sub(lambda found: found[0].capitalize(), text)
    return " ".join(text.replace("/", " ").replace("(", ", ").replace(")", "").split()).replace(
        " ,", ","
    )


def _clock(found: re.Match[str], code: str) -> str:
    hour, minute, zone = int(found[2]), int(found[3]), (found[4] or "").strip()
    if code == "id":
        tail = f" {number(minute, code)}" if minute else ""
        if 0 < minute < 10:
            tail = f" lewat {number(minute, code)} menit"
        words = f"pukul {number(hour, code)}{tail}"
    else:
        past = f" {number(minute, code)}" if minute >= 10 else f" oh {number(minute, code)}"
        words = f"{number(hour, code)}{past if minute else ' hours'}"
    return f"{words} {_ZONES[code][zone]}" if zone else words


def _decimal(found: re.Match[str], code: str) -> str:
    digits = " ".join(number(int(d), code) for d in found[2])
    return f"{number(int(found[1]), code)} {'koma' if code == 'id' else 'point'} {digits}"


def _plain(digits: str, code: str) -> str:
    """Long numbers and those with leading zeros are read digit by digit."""
    if len(digits) > 7 or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(number(int(d), code) for d in digits)
    return number(int(digits), code)


def number(value: int, language: str = "id") -> str:
    """0 to 999,999,999 in words.

    Raises:
        ValueError: outside of that.
    """
    if not 0 <= value < 1_000_000_000:
        raise ValueError(f"number in words: expected 0 to 999999999, found {value}")
    return _english(value) if language.startswith("en") else _indonesian(value)


def _indonesian(n: int) -> str:
    if n < 12:
        return _ID_SMALL[n]
    if n < 20:
        return f"{_ID_SMALL[n - 10]} belas"
    if n < 100:
        return _with_rest(f"{_ID_SMALL[n // 10]} puluh", n % 10, _indonesian)
    if n < 1000:
        return _with_rest(_hundred(n // 100, "ratus"), n % 100, _indonesian)
    if n < 1_000_000:
        thousands = "seribu" if n < 2000 else f"{_indonesian(n // 1000)} ribu"
        return _with_rest(thousands, n % 1000, _indonesian)
    return _with_rest(f"{_indonesian(n // 1_000_000)} juta", n % 1_000_000, _indonesian)


def _hundred(count: int, word: str) -> str:
    return f"se{word}" if count == 1 else f"{_ID_SMALL[count]} {word}"


def _english(n: int) -> str:
    if n < 20:
        return _EN_SMALL[n]
    if n < 100:
        return f"{_EN_TENS[n // 10]}{f'-{_EN_SMALL[n % 10]}' if n % 10 else ''}"
    if n < 1000:
        return _with_rest(f"{_EN_SMALL[n // 100]} hundred", n % 100, _english)
    if n < 1_000_000:
        return _with_rest(f"{_english(n // 1000)} thousand", n % 1000, _english)
    return _with_rest(f"{_english(n // 1_000_000)} million", n % 1_000_000, _english)


def _with_rest(head: str, rest: int, words: Callable[[int], str]) -> str:
    return f"{head} {words(rest)}" if rest else head
