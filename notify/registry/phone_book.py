"""A phone book (CSV) as people to register: every line is taken, or refused with its reason.

Encodings: UTF-8 and UTF-16 with or without byte order mark, else Windows-1252. Separators: comma,
semicolon, tab. Each line of the file is one person: a quote that is never closed spoils its line
and no other. Columns that we do not know are not kept.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from kentongan.errors import DataError, KentonganError
from kentongan.sealing import Keys
from notify.registry.numbers import MAX_CHARS, Refused, masked, mobile_number
from notify.registry.people import Person, Prepared, Role, prepare
from notify.registry.policy import ImportRules

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = ",;\t|"
_LINE = re.compile(r"\r\n|\n|\r")
_HINT = re.compile(r"sep=.?", re.IGNORECASE)
"""What Excel writes above the header to name its separator."""
_DOTTED = re.compile(r"(\d{2})\.?(\d{2})\.?(\d{2})\.?(\d{4})")
_CODE_LIKE = re.compile(r"\d{2}(\.\d{2}){0,2}(\.\d{4})?")

COLUMNS = {
    "number": {"number", "nomor", "nohp", "hp", "msisdn", "phone", "telepon", "nomorhp", "telp"},
    "area": {"area", "adm4", "adm4code", "kodedesa", "desa", "villagecode", "kodewilayah"},
    "language": {"language", "bahasa"},
    "consent": {"consent", "setuju", "persetujuan"},
    "id": {"id", "recipientid", "coordinatorid"},
}
NEEDED = ("number", "area")
_YES = frozenset({"ya", "y", "yes", "1", "true", "setuju"})


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not taken."""

    line: int
    """Of the file, from 1."""
    shown: str
    """Its number, masked."""
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that names somebody."""

    line: int
    prepared: Prepared


@dataclass
class PhoneBook:
    """What a file says."""

    entries: list[Entry] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    lines: int = 0
    """With somebody or something in them, without the header."""
    encoding: str = ""
    not_kept: tuple[str, ...] = ()
    """Names of columns that we do not know."""


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    rules: ImportRules
    villages: Container[str]
    """Codes of every village."""
    role: Role
    text_version: str
    """Of the consent that each resident gave; by duty: of the list that names them."""
    language: str = "id"


def read(data: bytes, keys: Keys, how: Reading) -> PhoneBook:
    """Every line of a phone book.

    Raises:
        DataError: too large, no text, or without the columns that are needed.
    """
    if len(data) > how.rules.max_bytes:
        raise DataError(
            f"phone book: {len(data):,} bytes, at most {how.rules.max_bytes:,} in one import; "
            "divide it (data/policy/registry.toml)"
        )
    text, encoding = decoded(data)
    lines = iter(enumerate(_LINE.split(text), start=1))
    names, separator, not_kept = _header(lines, how.rules)
    book = PhoneBook(encoding=encoding, not_kept=not_kept)
    seen: dict[str, int] = {}
    for number, line in lines:
        if not line.strip(f" \t\x00{separator}"):
            continue
        book.lines += 1
        if book.lines > how.rules.max_lines:
            raise DataError(
                f"phone book: more than {how.rules.max_lines:,} lines; divide it: one import is "
                "one transaction (data/policy/registry.toml)"
            )
        _take(book, number, _line(line, names, separator, keys, how), seen)
    return book


def decoded(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding; never fails: bytes without meaning become `?`."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, errors="replace"), name
    for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        sample = data[first:4096:2]
        if len(sample) >= 8 and sample.count(0) > 0.4 * len(sample):
            return data.decode(name, errors="replace"), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "cp1252"


def _header(
    lines: Iterator[tuple[int, str]], rules: ImportRules
) -> tuple[list[str], str, tuple[str, ...]]:
    """The meaning of each column (empty: not kept), the separator, names that are not kept."""
    for _, line in lines:
        if not line.strip() or _HINT.fullmatch(line.strip()):
            continue
        if len(line) > rules.max_line_chars:
            break
        separator = max(_SEPARATORS, key=line.count)
        cells = _cells(line, separator)
        if isinstance(cells, str):
            break
        names = [_meaning(cell) for cell in cells]
        _check_header(names)
        strange = tuple(c.strip() for c, n in zip(cells, names, strict=True) if not n)
        return names, separator, tuple(name[:MAX_CHARS] for name in strange if name)
    raise DataError(f"phone book: no header; expected a first line with {_expected()}")


def _meaning(cell: str) -> str:
    bare = re.sub(r"[^a-z0-9]", "", cell.casefold())
    return next((name for name, spellings in COLUMNS.items() if bare in spellings), "")


def _check_header(names: Sequence[str]) -> None:
    for name in NEEDED:
        if name not in names:
            raise DataError(f"phone book: no column {name!r} in its first line; expected "
                            f"{_expected()}")  # fmt: skip
    known = [name for name in names if name]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise DataError(f"phone book: two columns mean {twice[0]!r}; keep one of them")


def _expected() -> str:
    return "number (nomor, hp …) and area (kode desa, adm4 …)"


def _cells(line: str, separator: str) -> list[str] | str:
    """The cells of a line, or why it has none."""
    try:
        rows = list(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        return f"quotes that do not fit: {error}"
    return rows[0] if rows else []


def _line(
    line: str, names: Sequence[str], separator: str, keys: Keys, how: Reading
) -> Prepared | tuple[str, str]:
    """Somebody, or what may be shown of the line and why it is refused."""
    if len(line) > how.rules.max_line_chars:
        return "", f"longer than {how.rules.max_line_chars} characters"
    if "\x00" in line:
        return masked(line), "holds NUL bytes"
    cells = _cells(line, separator)
    if isinstance(cells, str):
        return masked(line), cells
    if len(cells) != len(names):
        return masked(line), f"{len(cells)} cells, the header has {len(names)}"
    found = {name: cell for name, cell in zip(names, cells, strict=True) if name}
    return _person(found, keys, how)


def _person(found: dict[str, str], keys: Keys, how: Reading) -> Prepared | tuple[str, str]:
    number = mobile_number(found["number"], foreign=how.role is not Role.RESIDENT)
    if isinstance(number, Refused):
        return number.masked, str(number.fault)
    code = _DOTTED.fullmatch(found["area"].strip())
    area = ".".join(code.groups()) if code else ""
    if area not in how.villages:
        return masked(number), _no_village(found["area"].strip())
    if how.role is Role.RESIDENT and found.get("consent", "ya").strip().casefold() not in _YES:
        return masked(number), "no consent in its column"
    person = Person(
        number=number,
        adm4_code=area,
        role=how.role,
        text_version=how.text_version,
        language=found.get("language", "").strip().casefold() or how.language,
        recipient_id="" if how.role is Role.RESIDENT else found.get("id", "").strip(),
    )
    try:
        return prepare(keys, person)
    except KentonganError as error:
        return masked(number), _harmless(str(error))


def _no_village(text: str) -> str:
    if not text:
        return "no area: expected the code of a village"
    shown = f" {text}" if _CODE_LIKE.fullmatch(text) and len(text) <= 13 else ""
    return f"no village{shown}: expected a code such as 32.04.12.2006, kept as text"


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def _take(
    book: PhoneBook, line: int, found: Prepared | tuple[str, str], seen: dict[str, int]
) -> None:
    if isinstance(found, tuple):
        book.bad.append(BadLine(line, *found))
        return
    first = seen.setdefault(found.blind, line)
    if first != line:
        shown = masked(found.person.number)
        book.bad.append(BadLine(line, shown, f"the same number as in line {first}"))
        return
    book.entries.append(Entry(line, found))
