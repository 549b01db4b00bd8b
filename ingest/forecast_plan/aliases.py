"""Codes of an older decree under which BMKG may still know a village.

BMKG's forecast goes by Kepmendagri 100.1.1-6117/2022, the villages here by a later one. A village
whose own code gives 404 is asked for under its older code. The pairs are a file, CSV:

    adm4_code,older_code,found_by
    96.01.01.2003,92.01.01.2004,district

`found_by` is `district` (same regency, district and village name), `regency` (same regency and
village name, another district) or `spelling` (names that differ by a letter or two); each name
had to be unique on both sides. What is not in the file has no older code that is known, and
stays "not assessed" if BMKG does not know it. Numbers within a district were given anew too, so
no rule over prefixes would do.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

from ingest.forecast_plan.villages import Villages
from kentongan.errors import DataError, SettingsError
from kentongan.settings import data_dir

COLUMNS = ("adm4_code", "older_code", "found_by")
FOUND_BY = ("district", "regency", "spelling", "stated")
"""`stated`: written by hand after a document that names both."""
BUNDLED = "forecast_code_aliases.csv"
ALIKE = 0.85
"""Least likeness of two spellings (2 x matching letters / all letters): "Kwawor Kecil Mata Ata" and
"Kwamor Kecil Mata Ata" have 0.94."""
CLEARLY = 0.03
"""By how much the likeness must exceed that to any other village of the regency that is left."""
_CODE = re.compile(r"\d{2}\.\d{2}\.\d{2}\.\d{4}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A village in a decree's table."""

    code: str
    name: str
    district: str
    regency: str


@dataclass(frozen=True)
class Alias:
    adm4_code: str
    older_code: str
    found_by: str


@dataclass(frozen=True, eq=False)
class Aliases:
    pairs: tuple[Alias, ...] = ()
    _village: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._village.update({pair.older_code: pair.adm4_code for pair in self.pairs})

    def village_of(self, sent: str) -> str:
        """The village that a code which was sent stands for."""
        return self._village.get(sent, sent)

    def by_row(self, villages: Villages) -> dict[int, tuple[str, ...]]:
        """Older codes of each village that has some, by its row.

        An older code that is another village's code today is left out: it would be ambiguous.
        """
        taken = set(villages.codes[villages.rows([p.older_code for p in self.pairs])].tolist())
        usable = [pair for pair in self.pairs if pair.older_code not in taken]
        rows = dict(zip(*_known(villages, [p.adm4_code for p in usable]), strict=True))
        found: dict[int, list[str]] = defaultdict(list)
        for pair in usable:
            if pair.adm4_code in rows:
                found[rows[pair.adm4_code]].append(pair.older_code)
        return {row: tuple(codes) for row, codes in found.items()}


def _known(villages: Villages, codes: Sequence[str]) -> tuple[list[str], list[int]]:
    rows = villages.rows(codes)
    return villages.codes[rows].tolist(), rows.tolist()


def read_aliases(text: str, name: str) -> Aliases:
    """Raises:
    SettingsError: another form, no code, or one older code for two villages.
    """
    rows = csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#"))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise SettingsError(f"{name}: expected the columns {','.join(COLUMNS)}")
    pairs: dict[str, Alias] = {}
    for row in rows:
        try:
            alias = _alias(row)
        except DataError as error:
            raise SettingsError(f"{name} line {rows.line_num}: {error}") from error
        before = pairs.setdefault(alias.older_code, alias)
        if before.adm4_code != alias.adm4_code:
            raise SettingsError(
                f"{name}: {alias.older_code} stands for {before.adm4_code} and {alias.adm4_code}; "
                "keep the true one"
            )
    return Aliases(tuple(pairs.values()))


def _alias(row: Mapping[str, str | None]) -> Alias:
    code, older, found_by = (row.get(name) or "" for name in COLUMNS)
    for text in (code, older):
        if not _CODE.fullmatch(text):
            raise DataError(f"expected a village code such as 96.01.01.2003, found {text!r}")
    if found_by not in FOUND_BY:
        raise DataError(f"found_by: expected one of {', '.join(FOUND_BY)}, found {found_by!r}")
    if code == older:
        raise DataError(f"{code}: the older code is the same")
    return Alias(code, older, found_by)


@lru_cache(maxsize=4)
def load_aliases(path: Path | None = None) -> Aliases:
    """A deployment's file, or the one that comes with Kentongan.

    Raises:
        SettingsError: it cannot be read.
    """
    chosen = path or data_dir() / BUNDLED
    try:
        return read_aliases(chosen.read_text(encoding="utf-8"), str(chosen))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"forecast code aliases {chosen}: {error}") from error


def write_aliases(pairs: Sequence[Alias]) -> str:
    """The file's text; the same pairs give the same bytes."""
    lines = [f"{p.adm4_code},{p.older_code},{p.found_by}" for p in sorted(pairs, key=_by_code)]
    return "\n".join([",".join(COLUMNS), *lines, ""])


def _by_code(pair: Alias) -> tuple[str, str]:
    return pair.adm4_code, pair.older_code


def derive(older: Sequence[Place], newer: Sequence[Place]) -> list[Alias]:
    """Villages of `newer` whose code is not in `older`, led to codes that are only in `older`.

    A pair needs names that are unique on both sides, and the same kind (fourth part 1…: kelurahan,
    2…: desa, 3…: desa adat). What is left over is left out.
    """
    old_codes, new_codes = {p.code for p in older}, {p.code for p in newer}
    left = [p for p in older if p.code not in new_codes]
    right = [p for p in newer if p.code not in old_codes]
    found: list[Alias] = []
    for found_by, key in (("district", _in_district), ("regency", _in_regency)):
        pairs = _unique_pairs(left, right, key)
        found += [Alias(new.code, old.code, found_by) for old, new in pairs]
        left, right = _rest(pairs, left, right)
    pairs = _alike(left, right)
    return [*found, *(Alias(new.code, old.code, "spelling") for old, new in pairs)]


_Pairs = list[tuple[Place, Place]]


def _rest(
    pairs: _Pairs, left: Sequence[Place], right: Sequence[Place]
) -> tuple[list[Place], list[Place]]:
    used = {p.code for pair in pairs for p in pair}
    return [p for p in left if p.code not in used], [p for p in right if p.code not in used]


def _plain(name: str) -> str:
    lower = name.lower().replace("kab.", "kabupaten")
    return "".join(c for c in lower if c.isalnum())


def _in_regency(place: Place) -> tuple[str, ...]:
    return _plain(place.regency), place.code[9], _plain(place.name)


def _in_district(place: Place) -> tuple[str, ...]:
    return (*_in_regency(place), _plain(place.district))


def _unique_pairs(
    left: Sequence[Place], right: Sequence[Place], key: Callable[[Place], tuple[str, ...]]
) -> _Pairs:
    sides: tuple[dict[tuple[str, ...], list[Place]], ...] = (defaultdict(list), defaultdict(list))
    for side, places in zip(sides, (left, right), strict=True):
        for place in places:
            side[key(place)].append(place)
    return [
        (old[0], sides[1][name][0])
        for name, old in sides[0].items()
        if len(old) == 1 and len(sides[1].get(name, ())) == 1
    ]


def _alike(left: Sequence[Place], right: Sequence[Place]) -> _Pairs:
    """Pairs of one regency whose spellings are by far each other's nearest."""
    likely = {
        (old, new): _likeness(old, new)
        for old in left
        for new in right
        if _in_regency(old)[:2] == _in_regency(new)[:2]
    }
    return [pair for pair, like in likely.items() if like >= ALIKE and _stands_out(pair, likely)]


def _stands_out(pair: tuple[Place, Place], likely: Mapping[tuple[Place, Place], float]) -> bool:
    rivals = [like for other, like in likely.items() if other != pair and set(other) & set(pair)]
    return likely[pair] >= max(rivals, default=0.0) + CLEARLY


def _likeness(old: Place, new: Place) -> float:
    return SequenceMatcher(None, _plain(old.name), _plain(new.name), autojunk=False).ratio()


def places_of(table: str) -> list[Place]:
    """Villages of a decree's list: CSV with the columns `code,name`, all four levels, dotted codes.

    Raises:
        DataError: other columns, or a village without its district or regency.
    """
    rows = csv.DictReader(io.StringIO(table))
    if not {"code", "name"} <= set(rows.fieldnames or ()):
        raise DataError("list of a decree: expected the columns code,name")
    names = {(row["code"] or "").strip(): (row["name"] or "").strip() for row in rows}
    villages = [code for code in names if _CODE.fullmatch(code)]
    try:
        return [Place(c, names[c], names[c[:8]], names[c[:5]]) for c in villages]
    except KeyError as error:
        raise DataError(
            f"list of a decree: {error.args[0]} has villages and no row of its own"
        ) from error
