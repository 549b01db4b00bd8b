"""Which villages a person may mean who types into the app. Lists, never decides.

Names of Indonesian villages repeat up to a hundred times, so every answer says district and
regency, and the person chooses. First the text as it stands, at the start of names and inside
them; only where that finds few, spelling is forgiven: optimal string alignment (Damerau-Levenshtein
without editing a swapped pair again) over names of nearly the same length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from notify.registry.places import Place, Places, squashed, words

MAX_CHARS = 60
MAX_WORDS = 5
SHOWN = 20
ENOUGH = 5
"""Villages whose names are or begin with the text; with fewer, spelling is forgiven."""
BAND = 2
"""Letters that a name may be longer or shorter."""
_NAMES = 60
"""Names of one search whose villages are looked at; a short text stands in thousands."""
_CODE = re.compile(r"(\d{2})\.?(\d{2})\.?(\d{2})\.?(\d{4})")
_NUMBERED = re.compile(r"(?<=.)\s+([ivx]{1,4}|\d{1,2}|[a-d])$", re.IGNORECASE)
"""The tail of `Mbay II`: people leave it out."""
_EXACT, _START, _WRONG, _INSIDE = 0.0, 1.0, 2.0, 6.0
"""Ranks, lower first; one wrong letter adds one."""


def forgiven(text: str) -> int:
    """Wrong letters that a name of this length may have."""
    return 0 if len(text) < 3 else 1 if len(text) < 5 else 2 if len(text) < 8 else 3


@dataclass(frozen=True)
class Hits:
    places: tuple[Place, ...]
    more: int
    """Villages that fit as well and are not listed."""


class Names:
    """Names without spaces, each with its rows, ready for both ways of looking."""

    def __init__(self, rows: dict[str, list[int]]) -> None:
        self.rows = rows
        self.names = sorted(rows, key=lambda name: (len(name), name))
        self._text = "\n" + "\n".join(self.names) + "\n"
        lengths = np.array([len(name) for name in self.names], dtype=np.int64)
        self._starts = np.concatenate(([0], np.cumsum(lengths + 1)))[:-1].tolist()
        self._first_of = np.searchsorted(lengths, np.arange(130)).tolist()

    def phrase(self, part: str) -> Iterator[tuple[str, float]]:
        """Names that are, start with, or hold these letters; short names first."""
        if part in self.rows:
            yield part, _EXACT
        for needle, rank in ((f"\n{part}", _START), (part, _INSIDE)):
            at = self._text.find(needle)
            while at >= 0:
                name = self.names[bisect_right(self._starts, at) - 1]
                yield name, rank
                at = self._text.find(needle, at + 1)

    def alike(self, part: str) -> Iterator[tuple[str, float]]:
        """Names that differ by a few letters, the nearest first."""
        cutoff = forgiven(part)
        low, high = max(0, len(part) - BAND), min(129, len(part) + BAND + 1)
        band = self.names[self._first_of[low] : self._first_of[high]]
        if not cutoff or not band:
            return
        found = process.extract(part, band, scorer=OSA.distance, score_cutoff=cutoff, limit=_NAMES)
        for name, distance, _ in found:
            yield name, _WRONG + distance if distance else _EXACT


class Finder:
    """Every village of an installation; made once a process, in about a second."""

    def __init__(self, places: Places) -> None:
        self.places = places
        villages: defaultdict[str, list[int]] = defaultdict(list)
        around: defaultdict[str, list[int]] = defaultdict(list)
        spelled: dict[str, str] = {}

        def bare(name: str) -> str:
            return spelled.get(name) or spelled.setdefault(name, squashed(name))

        for row, place in enumerate(places.rows):
            for name in {bare(place.name), bare(_NUMBERED.sub("", place.name))}:
                villages[name].append(row)
            regency = bare(place.regency)
            named = {bare(place.district), regency, regency.removeprefix("kota")}
            for area in named | {bare(place.province)}:
                around[area].append(row)
        self._villages, self._around = Names(villages), Names(around)
        self._bare = bare

    def find(self, text: str) -> Hits:
        """Villages that `text` may mean: a name, alone or with its district, regency or province
        before or behind it, or a code."""
        code = _CODE.fullmatch(text.strip())
        if code:
            place = self.places.place(".".join(code.groups()))
            return Hits((place,) if place else (), 0)
        tokens = words(text[:MAX_CHARS])[:MAX_WORDS]
        whole = "".join(tokens)
        if len(whole) < 2:
            return Hits((), 0)
        ranked: dict[int, float] = {}
        self._take(ranked, islice(self._villages.phrase(whole), _NAMES))
        if len(tokens) > 1:
            self._take_split(ranked, tokens)
        if sum(rank < _INSIDE for rank in ranked.values()) < ENOUGH:
            self._take(ranked, self._villages.alike(whole))
        return self._listed(ranked)

    def _take(self, ranked: dict[int, float], names: Iterator[tuple[str, float]]) -> None:
        for name, rank in names:
            for row in self._villages.rows[name]:
                ranked[row] = min(rank, ranked.get(row, rank))

    def _take_split(self, ranked: dict[int, float], tokens: Sequence[str]) -> None:
        """A name beside the area that it lies in."""
        for name, area in _splits(tokens):
            areas = list(islice(self._around.phrase(area), _NAMES))
            areas = [one for one in areas if one[1] < _INSIDE] or list(
                islice(self._around.alike(area), ENOUGH)
            )
            inside = {row: rank for found, rank in areas for row in self._around.rows[found]}
            self._take_inside(ranked, name, inside)

    def _take_inside(self, ranked: dict[int, float], name: str, inside: dict[int, float]) -> None:
        called = [(said, row) for row in inside for said in self._names_of(row)]
        found = process.extract(
            name, [said for said, _ in called], scorer=OSA.distance,
            score_cutoff=forgiven(name), limit=_NAMES,
        )  # fmt: skip
        for _, distance, index in found:
            row = called[index][1]
            rank = (_WRONG + distance if distance else _EXACT) + inside[row] / 10
            ranked[row] = min(rank, ranked.get(row, rank))

    def _names_of(self, row: int) -> set[str]:
        name = self.places.rows[row].name
        return {self._bare(name), self._bare(_NUMBERED.sub("", name))}

    def _listed(self, ranked: dict[int, float]) -> Hits:
        rows = self.places.rows
        order = sorted(ranked, key=lambda row: (ranked[row], len(rows[row].name), row))
        return Hits(tuple(rows[row] for row in order[:SHOWN]), max(0, len(order) - SHOWN))


def _splits(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and area, in both orders."""
    for cut in range(1, len(tokens)):
        before, behind = "".join(tokens[:cut]), "".join(tokens[cut:])
        yield before, behind
        yield behind, before
