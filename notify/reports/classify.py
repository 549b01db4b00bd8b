"""What a text is about, and which of its words say so. Pure, and without any learned model:
a person who is asked "why" gets the words.

Each word or phrase of the lexicon gives its weight to one category. A hazard that is denied counts
for `clear` instead, one that is only named as the cause (`since the flood`) counts a third, and
signs of danger to life win whatever else a text says, curses and laughter included.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from notify.reports.accidents import DENIES, accidents
from notify.reports.accidents import denied as denied_by
from notify.reports.kinds import HAZARDS, RANK, Category, Classified, Reason
from notify.reports.lexicon import FUZZY_COUNTS, Entry, Lexicon, load_lexicon, once

MAX_WORDS = 300
"""Ten full SMS; a person reads the rest."""
LEAST = 1.6
"""A lower score is no category."""
LIFE_FROM = 3.0
"""From this score on a text speaks of danger to life."""
_NEAR = 2
"""Words from a negation or a `since` to what it concerns."""
_AS_CONTEXT = 0.35
_ASKED = 0.4
"""`apakah aman` is a question, no all clear."""
_LAUGHS = re.compile(r"^(?:w+k+)+w*$|^(?:ha){2,}h?$|^(?:h[ieoa]){2,}h?$|^x+d+$|^lo+l$")
_MANY = re.compile(r"(.)\1{2,}")
_WORD = re.compile(r"[a-z]+|\d+|\?")
_URL = re.compile(r"https?://\S+|\b(?:bit\.ly|t\.me|wa\.me)/\S+|hyperlink\(", re.IGNORECASE)
_MAP = re.compile(r"https?://\S*(?:maps|waze|geo)\S*", re.IGNORECASE)
"""Who sends where they are does not advertise."""
_MASHED = re.compile(r"[bcdfghjklmnpqrstvwxyz]{6,}|^(?:asd|qwe|zxc)[a-z]*$")
_URGENCY = {
    Category.DANGER: 3, Category.MISSING: 2, Category.EVACUATE: 2, Category.CONFLICT: 2,
    Category.VULNERABLE: 1, Category.NEEDS: 1, Category.TSUNAMI: 2, Category.FIRE: 2,
    Category.LANDSLIDE: 1, Category.FLOOD: 1, Category.VOLCANO: 1, Category.STORM: 1,
    Category.QUAKE: 1, Category.INFRASTRUCTURE: 1, Category.UNCLEAR: 1,
}  # fmt: skip
_MAY_RISE = frozenset({*HAZARDS, Category.NEEDS, Category.VULNERABLE, Category.INFRASTRUCTURE})
_READ_SOON = 4
"""Words from which a text that nothing here understands is read by a person within the time of
urgency 2: it may tell of a danger in words that nobody collected."""
_PLEAS = frozenset({"tolong", "tulung", "tulungan", "help", "darurat", "segera", "cepat"})


@dataclass(frozen=True, slots=True)
class _Hit:
    entry: Entry
    start: int
    end: int
    said: str
    exact: bool


def classify(text: str, lexicon: Lexicon | None = None) -> Classified:
    """What a text says; `unclear` where it says nothing that we know, never an error."""
    words_of = lexicon or load_lexicon()
    written = tokens(text, words_of)
    known = [words_of.known_as(word) for word in written]
    reasons = [_reason(hit, known, words_of) for hit in _hits(written, known, words_of)]
    reasons += _signs(text, written, known, words_of)
    reasons += accidents(written, words_of)
    scores: dict[Category, float] = defaultdict(float)
    for reason in reasons:
        scores[reason.category] += reason.weight
    category = _best(scores)
    return Classified(
        category=category,
        urgency=_urgency(category, known, words_of),
        language=language(known, words_of),
        confidence=_confidence(category, scores),
        reasons=tuple(sorted(reasons, key=lambda r: (-r.weight, RANK[r.category]))),
        hazards=_hazards(scores),
    )


def tokens(text: str, lexicon: Lexicon) -> list[str]:
    """Words in one spelling: small letters, no accents, no doubled letters, short forms written
    out, `rumah2` as `rumah`."""
    plain = unicodedata.normalize("NFKD", text[:4_000].casefold().replace("'", ""))
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    found: list[str] = []
    for word in _WORD.findall(_MANY.sub(r"\1", _URL.sub(" ", bare))):
        found += lexicon.spelled.get(word, word).split()
        if len(found) >= MAX_WORDS:
            break
    return once(word for i, word in enumerate(found) if word != "2" or i == 0)


def _hits(written: Sequence[str], known: Sequence[str], lexicon: Lexicon) -> list[_Hit]:
    """Phrases from left to right, each word in one of them; the heaviest at a place wins."""
    found: list[_Hit] = []
    taken: set[int] = set()
    every = [hit for place in range(len(known)) for hit in _at(place, written, known, lexicon)]
    every.sort(key=lambda h: (-len(h.entry.words), -h.entry.weight, h.start))
    for hit in every:
        places = range(hit.start, hit.end)
        if not taken.intersection(places):
            taken.update(places)
            found.append(hit)
    return sorted(found, key=lambda h: h.start)


def _at(place: int, written: Sequence[str], known: Sequence[str], lexicon: Lexicon) -> list[_Hit]:
    found = []
    for entry in lexicon.phrases.get(known[place], ()):
        end = _end(entry.words, place, known)
        if end:
            said = " ".join(written[place:end])
            exact = all(word in lexicon.known for word in written[place:end])
            found.append(_Hit(entry, place, end, said, exact))
    return found


def _end(words: Sequence[str], place: int, known: Sequence[str]) -> int:
    """Where a phrase that begins here ends; 0: it does not stand here. One word may come between
    two of its own."""
    for word in words[1:]:
        if place + 1 < len(known) and known[place + 1] == word:
            place += 1
        elif place + 2 < len(known) and known[place + 2] == word:
            place += 2
        else:
            return 0
    return place + 1


def _reason(hit: _Hit, known: Sequence[str], lexicon: Lexicon) -> Reason:
    entry = hit.entry
    weight = entry.weight * (1 if hit.exact else FUZZY_COUNTS)
    before = known[max(0, hit.start - _NEAR) : hit.start]
    denied = next((w for w in before if w in lexicon.marks["not"]), "")
    if entry.category is Category.DANGER or entry.category in HAZARDS:
        if entry.category is Category.DANGER and _denied_here(known, hit.start, lexicon):
            denied = "tidak ada"
        early = next((w for w in before if w in lexicon.marks["not_yet"]), "")
        if denied or (early and entry.category is Category.DANGER):
            if entry.category in HAZARDS and entry.weight >= 3:
                return Reason(Category.CLEAR, hit.said, entry.name, 4.0, f"{denied} {entry.name}")
            return Reason(entry.category, hit.said, entry.name, 0.0, f"behind {denied or early!r}")
        cause = next((w for w in before if w in lexicon.marks["context"]), "")
        if cause and entry.category in HAZARDS:
            return Reason(
                entry.category, hit.said, entry.name, weight * _AS_CONTEXT, f"behind {cause!r}"
            )
    if entry.category is Category.CLEAR and len(entry.words) == 1:
        if denied:
            return Reason(entry.category, hit.said, entry.name, 0.0, f"behind {denied!r}")
        if lexicon.marks["question"].intersection(known):
            return Reason(entry.category, hit.said, entry.name, weight * _ASKED, "asked")
    return Reason(entry.category, hit.said, entry.name, weight)


def _denied_here(known: Sequence[str], place: int, lexicon: Lexicon) -> bool:
    return denied_by(known[max(0, place - DENIES) : place], lexicon)


def _signs(
    text: str, written: Sequence[str], known: Sequence[str], lexicon: Lexicon
) -> list[Reason]:
    """What is no word: questions, laughter, advertising, nothing at all."""
    found = []
    if "?" in written:
        found.append(Reason(Category.INFO, "?", "?", 1.0))
    laughs = [word for word in written if _LAUGHS.match(word)]
    if laughs:
        found.append(Reason(Category.PRANK, laughs[0], "laughter", 3.0))
    if _URL.search(_MAP.sub(" ", text)):
        found.append(Reason(Category.PRANK, "link", "link", 3.0))
    letters = [word for word in written if word.isalpha() and len(word) > 1]
    if not letters:
        found.append(Reason(Category.PRANK, "no words", "no words", 3.0))
    mashed = [w for w, k in zip(written, known, strict=True) if w == k and _MASHED.search(w)]
    if mashed and len(letters) <= 2 and mashed[0] not in lexicon.known:
        found.append(Reason(Category.PRANK, mashed[0], "keys at random", 3.0))
    return found


def _best(scores: dict[Category, float]) -> Category:
    if scores[Category.DANGER] >= LIFE_FROM:
        return Category.DANGER
    apart = (Category.PRANK, Category.DANGER)
    serious: dict[Category, float] = {c: s for c, s in scores.items() if c not in apart}
    best = min(serious, key=lambda c: (-serious[c], RANK[c]), default=Category.UNCLEAR)
    least = LEAST if best is not Category.INFO else 1.0
    if best is not Category.UNCLEAR and serious[best] >= max(least, scores[Category.PRANK] / 2):
        return best
    if scores[Category.PRANK] >= 2:
        return Category.PRANK
    return Category.UNCLEAR


def _urgency(category: Category, known: Sequence[str], lexicon: Lexicon) -> int:
    base = _URGENCY.get(category, 0)
    if category is Category.UNCLEAR:
        return 2 if len(known) >= _READ_SOON else base if _PLEAS.intersection(known) else 0
    if category in _MAY_RISE and lexicon.marks["urgent"].intersection(known):
        return min(base + 1, 2)
    return base


def _confidence(category: Category, scores: dict[Category, float]) -> float:
    own = max(scores.get(category, 0.0), 0.0)
    others = max((s for c, s in scores.items() if c is not category), default=0.0)
    return round(own / (own + max(others, 0.0) + 1), 2)


def _hazards(scores: dict[Category, float]) -> tuple[Category, ...]:
    there = [category for category in HAZARDS if scores.get(category, 0.0) >= LEAST]
    return tuple(sorted(there, key=lambda c: (-scores[c], RANK[c])))


def language(known: Sequence[str], lexicon: Lexicon) -> str:
    """The language whose small words are most of those that tell; Indonesian on a tie."""
    counts = {
        name: sum(word in small for word in known) for name, small in lexicon.languages.items()
    }
    best = max(counts, key=lambda name: (counts[name], name == "id"), default="")
    return best if best and counts[best] else ""
