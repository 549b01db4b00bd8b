"""Words of reports, as data: `data/reports/lexicon.toml` and `words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from rapidfuzz.distance import OSA

from kentongan.errors import SettingsError
from kentongan.settings import data_dir
from notify.reports.kinds import Category

FUZZY_FROM = 5
"""Letters from which one mistake is forgiven: shorter words are too near to each other."""
FUZZY_COUNTS = 0.8
"""A guessed word counts so much of its weight."""
_BONES_FROM = 4
"""Consonants from which a word without vowels (`trtimbn`) is taken for the one that fits."""
_VOWELS = frozenset("aeiou")
_ENDINGS = ("nya", "kan", "lah", "kah", "ipun", "ne", "na", "ku", "mu", "e")
_STARTS = ("ke", "ter", "di", "ka", "se", "nge", "me")


@dataclass(frozen=True, slots=True)
class Entry:
    category: Category
    weight: float
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Made once a process."""

    phrases: Mapping[str, tuple[Entry, ...]]
    """First word -> entries that begin with it, the longest first."""
    spelled: Mapping[str, str]
    marks: Mapping[str, frozenset[str]]
    """not, not_yet, context, question, urgent."""
    languages: Mapping[str, frozenset[str]]
    harm: Mapping[str, frozenset[str]]
    """people, roots, bodies, states, waking, gone, waters, high, rising (`accidents`)."""
    known: frozenset[str]
    _nearest: dict[str, str] = field(default_factory=dict)

    def known_as(self, word: str) -> str:
        """The word of the lexicon that a written one stands for; itself where there is none.

        A dictionary look-up after the first time; texts of strangers do not grow it for ever.
        """
        if word in self.known:
            return word
        found = self._nearest.get(word)
        if found is None:
            found = self._guess(word) or word
            if len(self._nearest) >= _REMEMBERED:
                self._nearest.clear()
            self._nearest[word] = found
        return found

    def _guess(self, word: str) -> str:
        for bare in _bare(word):
            if bare in self._content:
                return bare
        if len(word) < FUZZY_FROM:
            return self._by_bones(word)
        near = set().union(*(self._deleted.get(form, ()) for form in _deletes(word)))
        ranked = sorted((OSA.distance(word, known), known) for known in near)
        if ranked and ranked[0][0] <= 1:
            return ranked[0][1]
        return self._by_bones(word)

    def _by_bones(self, word: str) -> str:
        bones = _bones(word)
        if len(bones) < _BONES_FROM or len(word) - len(bones) > 1:
            return ""
        found = self._skeletons.get(bones, ())
        return found[0] if len(found) == 1 else ""

    @property
    def _content(self) -> frozenset[str]:
        return _indexes(self)[0]

    @property
    def _deleted(self) -> Mapping[str, tuple[str, ...]]:
        return _indexes(self)[1]

    @property
    def _skeletons(self) -> Mapping[str, tuple[str, ...]]:
        return _indexes(self)[2]


_REMEMBERED = 50_000
_Indexes = tuple[frozenset[str], Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]


@cache
def _indexes(lexicon: Lexicon) -> _Indexes:
    """Words that carry weight; forms with one letter less (symmetric delete); their consonants."""
    content = frozenset(
        word for entries in lexicon.phrases.values() for entry in entries for word in entry.words
    )
    deleted: dict[str, list[str]] = {}
    skeletons: dict[str, list[str]] = {}
    for word in sorted(content):
        if len(word) >= FUZZY_FROM:
            for form in _deletes(word):
                deleted.setdefault(form, []).append(word)
            skeletons.setdefault(_bones(word), []).append(word)
    return (
        content,
        {form: tuple(words) for form, words in deleted.items()},
        {form: tuple(words) for form, words in skeletons.items()},
    )


def _deletes(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _bones(word: str) -> str:
    return "".join(letter for letter in word if letter not in _VOWELS)


def _bare(word: str) -> Iterator[str]:
    """Without an ending or a beginning, where enough of it is left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (3 if len(ending) > 2 else 4):
            yield word[: -len(ending)]
    for start in _STARTS:
        if word.startswith(start) and len(word) - len(start) >= 4:
            yield word[len(start) :]


@cache
def load_lexicon() -> Lexicon:
    """The bundled words.

    Raises:
        SettingsError: a file cannot be read, or names a category that there is not.
    """
    folder = data_dir() / "reports"
    return lexicon_of(_read(folder / "lexicon.toml"), _read(folder / "words.toml"))


def lexicon_of(lexicon: Mapping[str, Any], words: Mapping[str, Any]) -> Lexicon:
    phrases: dict[str, list[Entry]] = {}
    for entry in _entries(lexicon, words["spelled"]):
        phrases.setdefault(entry.words[0], []).append(entry)
    ordered = {
        first: tuple(sorted(found, key=lambda e: (-len(e.words), -e.weight)))
        for first, found in phrases.items()
    }
    marks = ("not", "not_yet", "context", "question", "urgent")
    languages = {name: frozenset(found) for name, found in words["language"].items()}
    in_phrases = (word for found in ordered.values() for entry in found for word in entry.words)
    small = (word for name in marks for word in words[name])
    return Lexicon(
        phrases=ordered,
        spelled=dict(words["spelled"]),
        marks={name: frozenset(words[name]) for name in marks},
        languages=languages,
        harm={name: frozenset(found) for name, found in words["harm"].items()},
        known=frozenset((*in_phrases, *small, *set().union(*languages.values()))),
    )


def _entries(lexicon: Mapping[str, Any], spelled: Mapping[str, str]) -> Iterator[Entry]:
    """Each phrase once, in the spelling that texts are brought to."""
    for name, part in lexicon.items():
        if not isinstance(part, dict):
            continue
        try:
            category = Category(name)
        except ValueError as error:
            raise SettingsError(f"lexicon.toml: [{name}] is no category of reports") from error
        for weight, found in part.items():
            written = (" ".join(spelled.get(w, w) for w in phrase.split()) for phrase in found)
            for words in dict.fromkeys(tuple(once(phrase.split())) for phrase in written):
                yield Entry(category, float(weight.removeprefix("w")), words)


def once(words: Iterable[str]) -> list[str]:
    """Words that are said twice (`anak anak`, `tolong tolong`), said once."""
    return [word for word, _ in groupby(words)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"words of reports: {path}: {error}") from error
