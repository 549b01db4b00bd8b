"""Where a report speaks of: villages that a text names, never one that is silently guessed.

A name behind `desa`, `kel.`, `kp.` counts most, behind `di` less, a bare one least; a district or a
regency that is named as well makes it surer, and the sender's registered home decides only among
villages that the text fits equally. What is not beyond doubt is asked back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz, process

from notify.registry.places import Place, Places, squashed
from notify.reports.lexicon import Lexicon, load_lexicon

if TYPE_CHECKING:
    import pandas as pd

MAX_CHOICES = 3
_MAX_TOKENS = 120
_NAME_TOKENS = 3
_KM_PER_DEG = 111.195  # of latitude, on a sphere of 6,371 km
_ALIKE = 82.0
"""rapidfuzz `ratio`: two letters of eleven may be wrong."""
_SURE = 2.0
"""Score of a name behind `di`; a bare name needs its district too."""
_CLEAR = 0.2
"""So much must the first be ahead of the next."""
_MARKED, _BEHIND, _BARE = 3.0, 2.0, 1.0
_DISTRICT, _REGENCY, _PROVINCE = 2.0, 1.5, 0.5
_HOME = ((13, 0.75), (8, 0.5), (5, 0.25))
"""Characters of the code that are those of the registered home -> how much it adds."""

_OF_VILLAGE = frozenset(
    {
        "desa", "ds", "kel", "kelurahan", "kp", "kampung", "kpg", "nagari", "gampong", "negeri",
        "pekon", "dusun", "dsn", "dukuh", "lembur", "banjar", "jorong",
    }
)  # fmt: skip
_OF_DISTRICT = frozenset(
    {
        "kec", "kecamatan", "distrik", "kapanewon",
    }
)  # fmt: skip
_OF_REGENCY = frozenset(
    {
        "kab", "kabupaten", "kota", "kotamadya",
    }
)  # fmt: skip
_BEFORE = frozenset(
    {
        "di", "nang", "ning", "neng", "ing", "ka", "ke", "dari", "teko", "saking", "ti", "in", "at",
        "near", "daerah", "wilayah",
    }
)  # fmt: skip
_LANDMARKS = frozenset(
    {
        "pasar", "masjid", "mesjid", "musholla", "mushola", "gereja", "sekolah", "sd", "sdn", "smp",
        "sma", "jl", "jalan", "jln", "gang", "gg", "rt", "rw", "pabrik", "toko", "ruko", "warung",
        "jembatan", "sungai", "kali", "walungan", "batang", "gunung", "terminal", "stasiun",
        "puskesmas", "perumahan", "griya", "blok", "km", "pos", "posko", "lapangan", "pelabuhan",
        "pantai", "bukit", "waduk", "situ", "danau", "bts",
    }
)  # fmt: skip
_NEARBY = frozenset(
    {
        "dekat", "deket", "caket", "deukeut", "sebelah", "samping", "depan", "ngarep", "belakang",
        "mburi",
    }
)  # fmt: skip
_CODE = re.compile(r"(?<!\d)(\d{2})\.(\d{2})\.(\d{2})\.(\d{4})(?!\d)")
_TOKEN = re.compile(r"[a-z0-9]+")
_PLACE_TEXT_CHARS = 80


@dataclass(frozen=True, slots=True)
class Located:
    """A place, choices to ask about, or nothing; each with its reasons."""

    code: str | None = None
    choices: tuple[str, ...] = ()
    """Codes to ask back, at most three, the likeliest first."""
    area: str = ""
    """District or regency that the text names, where the village is not known."""
    text: str = ""
    """The place as typed."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    name: str
    weight: float
    note: str


@dataclass(frozen=True, slots=True)
class _Hit:
    row: int
    score: float
    note: str


@dataclass(frozen=True, eq=False)
class Gazette:
    """Villages by name, and which are near to each other. Made once a process."""

    places: Places
    longitude: np.ndarray
    latitude: np.ndarray
    lexicon: Lexicon = field(default_factory=load_lexicon)
    _near: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _alike: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, villages: pd.DataFrame, places: Places | None = None) -> Gazette:
        """From a table of `kentongan.areas.VILLAGES`."""
        return cls(
            places or Places.of(villages),
            villages["longitude"].to_numpy(float),
            villages["latitude"].to_numpy(float),
        )

    def place(self, code: str) -> Place | None:
        return self.places.place(code)

    def near(self, code: str, km: float) -> tuple[str, ...]:
        """Codes of the villages whose centre is within `km` of this one's, itself first.

        Only villages are known of most reports, so a distance is one between centres: two reports
        on both sides of a border may be nearer than this says.
        """
        key = f"{code}/{km}"
        if key not in self._near:
            if len(self._near) > 10_000:
                self._near.clear()
            self._near[key] = self._within(code, km)
        return self._near[key]

    def _within(self, code: str, km: float) -> tuple[str, ...]:
        row = self.places.by_code.get(code)
        if row is None:
            return (code,)
        x, y = self.longitude[row], self.latitude[row]
        east = (self.longitude - x) * np.cos(np.radians(y))
        away = np.hypot(east, self.latitude - y) * _KM_PER_DEG
        found = [self.places.rows[i].code for i in np.flatnonzero(away <= km)]
        return (code, *(other for other in found if other != code))

    def locate(self, text: str, *, home: str = "") -> Located:
        """The village that a text names.

        Args:
            home: code of the sender's registered village; empty: not registered.
        """
        code = _CODE.search(text)
        if code and self.place(".".join(code.groups())):
            named = ".".join(code.groups())
            return Located(named, text=named, reasons=(f"place: code {named} in the text",))
        tokens = _TOKEN.findall(text.casefold().replace("'", ""))[:_MAX_TOKENS]
        around = _Around.of(self, tokens)
        exact = self._exact(tokens, around, home)
        found = self._judged(exact, tokens, around)
        if found.code:
            return found
        guessed = self._guessed(tokens, around, home)
        return self._judged([*exact, *guessed], tokens, around) if guessed else found

    def _exact(self, tokens: Sequence[str], around: _Around, home: str) -> list[_Hit]:
        return [
            self._hit(row, span, around, home)
            for span in self._spans(tokens)
            for row in self._villages.get(span.name, ())
        ]

    def _guessed(self, tokens: Sequence[str], around: _Around, home: str) -> list[_Hit]:
        """Names with a mistake; only where the text says that a place comes."""
        found: list[_Hit] = []
        for span in self._spans(tokens):
            if span.weight < _BEHIND or len(span.name) < 5 or span.end - span.start > 2:
                continue
            if span.name in self._villages or span.name in self.districts:
                continue
            for name, alike in self._names_like(span.name):
                note = f"{span.note}, taken for {name} ({alike:.0f} % alike)"
                guess = _Span(span.start, span.end, name, span.weight - 0.5, note)
                found += [self._hit(row, guess, around, home) for row in self._villages[name]]
        return found

    def _names_like(self, name: str) -> tuple[tuple[str, float], ...]:
        if name not in self._alike:
            if len(self._alike) > 20_000:
                self._alike.clear()
            near = process.extract(
                name, self._village_names, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=5
            )
            self._alike[name] = tuple((known, score) for known, score, _ in near)
        return self._alike[name]

    def _spans(self, tokens: Sequence[str]) -> Iterator[_Span]:
        """What may be a village's name: one to three words that are no words of reports."""
        for start in range(len(tokens)):
            weight, note = self._weight(tokens, start)
            if not weight:
                continue
            for end in range(min(len(tokens), start + _NAME_TOKENS), start, -1):
                part = tokens[start:end]
                if any(t in _ALL_MARKS for t in part[1:]) or part[0].isdigit():
                    continue
                if weight < _MARKED and all(self.is_common(t) for t in part):
                    continue
                said = " ".join(part)
                yield _Span(start, end, squashed(said), weight, f"{note}{said!r}")

    def _weight(self, tokens: Sequence[str], start: int) -> tuple[float, str]:
        before = tokens[start - 1] if start else ""
        if tokens[start] in _ALL_MARKS and tokens[start] not in ("kampung", "kp", "kpg"):
            return 0.0, ""
        if before in _OF_VILLAGE:
            return _MARKED, f"behind {before!r}: "
        if before in _LANDMARKS or before in _NEARBY or before in _OF_DISTRICT | _OF_REGENCY:
            return 0.0, ""
        if before in _BEFORE:
            return _BEHIND, f"behind {before!r}: "
        return _BARE, ""

    def is_common(self, token: str) -> bool:
        """Whether a word is one of reports rather than of a map."""
        return token.isdigit() or len(token) < 4 or token in self.lexicon.known

    def _hit(self, row: int, span: _Span, around: _Around, home: str) -> _Hit:
        place = self.places.rows[row]
        fits, why = around.fits(place, span.start, span.end)
        score = span.weight + fits + 0.1 * (span.end - span.start)
        if span.weight < _MARKED and not fits and self._is_larger_too(span.name):
            score, why = _BARE, ", which is a larger place too"
        for chars, plus in _HOME:
            if home and place.code[:chars] == home[:chars]:
                return _Hit(row, score + plus, f"{span.note}{why}, near the registered home")
        return _Hit(row, score, f"{span.note}{why}")

    def _is_larger_too(self, name: str) -> bool:
        """`di Palu` is the city, not the village of that name far away."""
        return name in self.regencies or name in self.districts or name in self.provinces

    def _judged(self, hits: Sequence[_Hit], tokens: Sequence[str], around: _Around) -> Located:
        said = typed_place(tokens)
        best: dict[int, _Hit] = {}
        for hit in hits:
            if hit.row not in best or hit.score > best[hit.row].score:
                best[hit.row] = hit
        ranked = sorted(best.values(), key=lambda h: (-h.score, h.row))
        if not ranked:
            return Located(area=around.area, text=said, reasons=around.reasons())
        first = ranked[0]
        next_score = ranked[1].score if len(ranked) > 1 else 0.0
        if first.score >= _SURE and first.score - next_score >= _CLEAR:
            code = self.places.rows[first.row].code
            return Located(code, text=said, reasons=(f"place: {first.note}",))
        near = [h for h in ranked if h.score > first.score - _CLEAR]
        codes = (
            tuple(self.places.rows[h.row].code for h in near) if len(near) <= MAX_CHOICES else ()
        )
        why = f"place not sure: {first.note}; {len(near)} village(s) fit"
        return Located(choices=codes, area=around.area, text=said, reasons=(why,))

    @cached_property
    def _villages(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for row, place in enumerate(self.places.rows):
            found.setdefault(squashed(place.name), []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}

    @cached_property
    def _village_names(self) -> list[str]:
        return [name for name in self._villages if len(name) >= 5]

    @cached_property
    def districts(self) -> dict[str, frozenset[str]]:
        """Name -> codes of districts."""
        return _codes((squashed(p.district), p.code[:8]) for p in self.places.rows)

    @cached_property
    def regencies(self) -> dict[str, frozenset[str]]:
        return _codes((_regency(p), p.code[:5]) for p in self.places.rows)

    @cached_property
    def provinces(self) -> dict[str, frozenset[str]]:
        return _codes((squashed(p.province), p.code[:2]) for p in self.places.rows)


_ALL_MARKS = _OF_VILLAGE | _OF_DISTRICT | _OF_REGENCY | _BEFORE | _LANDMARKS | _NEARBY


@dataclass(frozen=True)
class _Around:
    """Districts, regencies and provinces that a text names, and where in it."""

    named: tuple[tuple[int, int, str, frozenset[str], bool], ...]
    """(start, end, kind, codes, behind `kec.` or `di`)."""

    @classmethod
    def of(cls, gazette: Gazette, tokens: Sequence[str]) -> _Around:
        return cls(tuple(_areas(gazette, tokens)))

    def fits(self, place: Place, start: int, end: int) -> tuple[float, str]:
        """What the areas named beside a village's name say for this village."""
        total, notes = 0.0, []
        for kind, length, weight in _AREAS:
            apart = [n for n in self.named if n[2] == kind and (n[1] <= start or n[0] >= end)]
            if any(place.code[:length] in codes for _, _, _, codes, _ in apart):
                total += weight
                notes.append(kind)
        return total, f" with its {' and '.join(notes)}" if notes else ""

    @property
    def area(self) -> str:
        """The smallest area that is beyond doubt."""
        for kind, _, _ in _AREAS[:2]:
            codes = [n[3] for n in self.named if n[2] == kind and n[4]]
            common = frozenset.intersection(*codes) if codes else frozenset()
            if len(common) == 1:
                return next(iter(common))
        return ""

    def reasons(self) -> tuple[str, ...]:
        if not self.area:
            return ("place: no village's name in the text",)
        return (f"place: no village's name in the text, only the area {self.area}",)


_AREAS = (
    ("district", 8, _DISTRICT), ("regency", 5, _REGENCY), ("province", 2, _PROVINCE),
)  # fmt: skip


def _areas(
    gazette: Gazette, tokens: Sequence[str]
) -> Iterator[tuple[int, int, str, frozenset[str], bool]]:
    tables = {
        "district": (gazette.districts, _OF_DISTRICT),
        "regency": (gazette.regencies, _OF_REGENCY),
        "province": (gazette.provinces, frozenset({"prov", "provinsi"})),
    }
    for start in range(len(tokens)):
        before = tokens[start - 1] if start else ""
        if before in _LANDMARKS or before in _NEARBY or tokens[start] in _ALL_MARKS:
            continue
        for end in range(min(len(tokens), start + _NAME_TOKENS), start, -1):
            name = squashed(" ".join(tokens[start:end]))
            for kind, (table, marks) in tables.items():
                marked = before in marks or before in _BEFORE
                common = all(gazette.is_common(t) for t in tokens[start:end])
                if name in table and (marked or not common):
                    yield start, end, kind, table[name], marked


def _codes(pairs: Iterator[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, code in pairs:
        found.setdefault(name, set()).add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


def _regency(place: Place) -> str:
    return squashed(re.sub(r"^(Kabupaten|Kota)( Administrasi)? ", "", place.regency))


def typed_place(tokens: Sequence[str]) -> str:
    """The part of a text that speaks of a place, as typed: from its first mark on."""
    marks = _ALL_MARKS - {"ke", "ka", "ti", "dari"}
    start = next((i for i, token in enumerate(tokens) if token in marks), None)
    return "" if start is None else " ".join(tokens[start : start + 8])[:_PLACE_TEXT_CHARS]
