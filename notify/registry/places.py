"""Which village a person means: by code, postal code, or names with forgivable spelling.

Similarity is rapidfuzz's `ratio` (normalised indel similarity, 0..100) of names without spaces and
accents, so that `Dayeuh Kolot` is `Dayeuhkolot`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from notify.registry.postal import postal_codes

if TYPE_CHECKING:
    import pandas as pd

MAX_CHARS = 120
MAX_WORDS = 8
NAME_FROM = 80.0
"""Two letters of ten may be wrong."""
AROUND_FROM = 80.0
SURE_FROM = 88.0
CLEAR_BY = 5.0
"""A guess is taken only where the next best one is so much worse."""
_GUESSES = 40

_LEFT_OUT = frozenset(
    {
        "desa", "ds", "kel", "kelurahan", "kec", "kecamatan", "kab", "kabupaten", "prov",
        "provinsi", "nagari", "administrasi", "di",
    }
)  # fmt: skip
_DISTRICT = re.compile(r"\s*kec(amatan)?\b[.\s]*", re.IGNORECASE)
_WRITTEN_OUT = {
    "kp": "kampung", "kpg": "kampung", "tj": "tanjung", "tjg": "tanjung", "tg": "tanjung",
    "gn": "gunung", "gng": "gunung", "sei": "sungai", "s": "sungai", "bt": "batu", "kt": "kota",
    "pd": "padang", "lb": "lubuk", "ma": "muara", "pulo": "pulau", "p": "pulau",
}  # fmt: skip
_WORD = re.compile(r"[a-z0-9]+")
_VILLAGE_CODE = re.compile(r"(\d{2})\.?(\d{2})\.?(\d{2})\.?(\d{4})")
_POSTAL_CODE = re.compile(r"\d{5}")


@dataclass(frozen=True, slots=True)
class Place:
    """A village."""

    code: str
    name: str
    kind: str
    district: str
    regency: str
    """With its kind: `Kabupaten Bandung`."""
    province: str

    @property
    def short(self) -> str:
        """`Citeureup, Kec.Dayeuhkolot, Kab.Bandung`."""
        regency = self.regency.replace("Kabupaten ", "Kab.").replace("Administrasi ", "")
        return f"{self.name}, Kec.{self.district}, {regency}"


@dataclass(frozen=True, slots=True)
class Found:
    """Villages that a text may mean, the likeliest first."""

    places: tuple[Place, ...]
    sure: bool
    """Whether the first one is meant, beyond reasonable doubt."""
    district: str = ""
    """Name of the district, where the text names one and no village."""
    postal: str = ""
    """The postal code, where the text is one and nothing else."""
    near: int = 0
    """How many of the first ones are about equally likely."""


NOTHING = Found((), sure=False)


@dataclass(frozen=True, slots=True)
class _Hit:
    row: int
    score: float


@dataclass(frozen=True, eq=False)
class Places:
    """Every village of a layer set, ready to be searched. Made once per process."""

    rows: tuple[Place, ...]
    postal: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, villages: pd.DataFrame) -> Places:
        """From a table of `kentongan.areas.VILLAGES`."""
        columns = ("adm4_code", "name", "kind", "adm3_name", "adm2_name", "adm1_name")
        rows = zip(*(villages[column].tolist() for column in columns), strict=True)
        return cls(tuple(Place(*row) for row in rows), postal_codes())

    @cached_property
    def by_code(self) -> dict[str, int]:
        return {place.code: row for row, place in enumerate(self.rows)}

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, place in enumerate(self.rows):
            found.setdefault(squashed(place.name), []).append(row)
        return found

    @cached_property
    def _by_district(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, place in enumerate(self.rows):
            found.setdefault(squashed(place.district), []).append(row)
        return found

    @cached_property
    def _names(self) -> list[str]:
        return list(self._by_name)

    def place(self, code: str) -> Place | None:
        row = self.by_code.get(code)
        return None if row is None else self.rows[row]

    def find(self, text: str) -> Found:
        """What a person means by `text`: the code of a village, a postal code with or without a
        name, or a village with or without its district, regency, province."""
        said = unicodedata.normalize("NFKC", text)[:MAX_CHARS]
        code = _VILLAGE_CODE.fullmatch(said.strip())
        if code:
            place = self.place(".".join(code.groups()))
            return Found((place,), sure=True) if place else NOTHING
        tokens = words(said)[:MAX_WORDS]
        if tokens and _POSTAL_CODE.fullmatch(tokens[0]):
            return self._within_postal(tokens[0], tokens[1:])
        if _DISTRICT.match(said):
            return self._in_district(tokens) or NOTHING
        return self._named(tokens) if tokens else NOTHING

    def _within_postal(self, postal: str, tokens: Sequence[str]) -> Found:
        rows = [self.by_code[c] for c in self.postal.get(postal, ()) if c in self.by_code]
        if not tokens:
            places = tuple(self.rows[row] for row in rows)
            return Found(places, sure=len(rows) == 1, postal=postal, near=len(rows))
        name = "".join(tokens)
        scored = [_Hit(row, fuzz.ratio(name, squashed(self.rows[row].name))) for row in rows]
        return self._judged([hit for hit in scored if hit.score >= NAME_FROM])

    def _named(self, tokens: Sequence[str]) -> Found:
        exact = [
            _Hit(row, score)
            for name, rest in _splits(tokens)
            for row in self._by_name.get(name, ())
            if (score := self._around(row, rest)) >= AROUND_FROM
        ]
        if exact:
            best = max(hit.score for hit in exact)
            hits = _unique([hit for hit in exact if hit.score > best - CLEAR_BY])
            return self._found(hits, sure=len(hits) == 1)
        return self._in_district(tokens) or self._judged(list(self._guesses(tokens)))

    def _in_district(self, tokens: Sequence[str]) -> Found | None:
        """The villages of a district that is named and nothing else."""
        rows = self._by_district.get("".join(tokens))
        if not rows:
            return None
        places = tuple(self.rows[row] for row in rows)
        return Found(places, len(places) == 1, places[0].district, near=len(places))

    def _guesses(self, tokens: Sequence[str]) -> Iterator[_Hit]:
        for name, rest in _splits(tokens):
            near = process.extract(
                name, self._names, scorer=fuzz.ratio, score_cutoff=NAME_FROM, limit=_GUESSES
            )
            for known, alike, _ in near:
                for row in self._by_name[known]:
                    around = self._around(row, rest)
                    if around >= AROUND_FROM:
                        yield _Hit(row, (alike + around) / 2 if rest else alike)

    def _around(self, row: int, rest: str) -> float:
        """How well the words beside a village's name fit where it lies."""
        if not rest:
            return 100.0
        place = self.rows[row]
        regency = place.regency.removeprefix("Kabupaten ")
        district, second, province = map(squashed, (place.district, regency, place.province))
        ways = (
            district, second, province, district + second, second + province,
            district + second + province, district + province, second.removeprefix("kota"),
            district + second.removeprefix("kota"),
        )  # fmt: skip
        return max(float(fuzz.ratio(rest, way)) for way in ways)

    def _judged(self, hits: Sequence[_Hit]) -> Found:
        """Guesses: sure only if one stands out."""
        ranked = _unique(hits)
        if not ranked:
            return NOTHING
        first = ranked[0].score
        clear = len(ranked) == 1 or first - ranked[1].score >= CLEAR_BY
        near = [hit for hit in ranked if hit.score > first - 2 * CLEAR_BY]
        return self._found(near, sure=clear and first >= SURE_FROM)

    def _found(self, hits: Sequence[_Hit], *, sure: bool) -> Found:
        near = sum(hit.score > hits[0].score - CLEAR_BY for hit in hits)
        return Found(tuple(self.rows[hit.row] for hit in hits), sure, near=near)


def _unique(hits: Sequence[_Hit]) -> list[_Hit]:
    best: dict[int, _Hit] = {}
    for hit in hits:
        if hit.row not in best or hit.score > best[hit.row].score:
            best[hit.row] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.row))


def _splits(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A village's name and what is said around it: before or behind."""
    for cut in range(len(tokens), 0, -1):
        yield "".join(tokens[:cut]), "".join(tokens[cut:])
    for cut in range(1, len(tokens)):
        yield "".join(tokens[cut:]), "".join(tokens[:cut])


def words(text: str) -> list[str]:
    """Words of a name in one spelling; what says its kind is left out."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    found = _WORD.findall(bare)
    kept = [word for word in found if word not in _LEFT_OUT] or found
    return [_WRITTEN_OUT.get(word, word) for word in kept]


def squashed(name: str) -> str:
    return "".join(words(name))
