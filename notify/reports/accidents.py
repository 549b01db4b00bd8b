"""Danger to life by how words are made and put together, where no word of the lexicon says it.

Indonesian and its neighbours make the word for what befalls somebody with a beginning: `ke-`,
`ter-` (Indonesian), `k-`, `ke-` (Javanese), `ka-`, `ti-` (Sundanese), `ta-` (Minangkabau). Such a
word of an accident's root beside a person, a hurt part of the body, somebody who does not wake,
somebody gone in the water, water that rises towards whoever is on a roof: each is a sign.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from notify.reports.kinds import Category, Reason
from notify.reports.lexicon import Lexicon

_BEGINNINGS = ("ke", "ter", "ka", "ti", "ta", "k")
_ENDINGS = ("", "an", "nya", "e")
_NEAR = 4
"""Words between a person and what befell them."""
_BESIDE = 2
_ALONE, _WITH_PERSON = 1.0, 3.5
DENIES = 5
"""Words in front of an accident among which a `tidak ada` may stand."""
_WHO = ("yang", "sing", "nu", "jiwa", "satupun", "nan", "korban")
_THERE = ("ada", "ono", "aya", "ado", "wonten")
_NOT = ("tidak", "belum", "ora", "teu", "mboten", "durung", "dereng", "can", "indak", "not")


def accidents(written: Sequence[str], lexicon: Lexicon) -> Iterator[Reason]:
    """Signs of danger to life, each once."""
    words = lexicon.harm
    yield from _befallen(written, lexicon)
    for here, there, why in (
        (words["bodies"], words["states"], "a hurt part of the body"),
        (_NOT, words["waking"], "does not wake or breathe"),
    ):
        if pair := _pair(written, here, there, _BESIDE):
            yield Reason(Category.DANGER, pair, why, _WITH_PERSON)
    rises = _pair(written, words["high"], words["rising"], _NEAR)
    if rises and not words["waters"].isdisjoint(written):
        yield Reason(Category.DANGER, rises, "on a roof, and water rises", _WITH_PERSON)
    in_water = _pair(written, words["gone"], words["waters"], _NEAR)
    if in_water and not words["people"].isdisjoint(written):
        yield Reason(Category.DANGER, in_water, "gone in the water", _WITH_PERSON)


def _befallen(written: Sequence[str], lexicon: Lexicon) -> Iterator[Reason]:
    roots, people = lexicon.harm["roots"], lexicon.harm["people"]
    for place, word in enumerate(written):
        root = _root(word, roots)
        if not root or denied(written[max(0, place - DENIES) : place], lexicon):
            continue
        around = written[max(0, place - _NEAR) : place + _NEAR + 1]
        person = next((one for one in around if one in people), "")
        if person:
            yield Reason(Category.DANGER, f"{person} {word}", f"befallen: {root}", _WITH_PERSON)
        elif root != "bawa":
            yield Reason(Category.DANGER, word, f"befallen: {root}", _ALONE)
        return


def denied(before: Sequence[str], lexicon: Lexicon) -> bool:
    """`tidak ada orang yang` in front of what happens; `belum ada bantuan, orang` denies nothing.

    Args:
        before: the words in front, the nearest last.
    """
    people = lexicon.harm["people"]
    for place in range(len(before) - 1):
        if before[place] in _NOT and before[place + 1] in _THERE:
            return all(word in people or word in _WHO for word in before[place + 2 :])
    return False


def _root(word: str, roots: Collection[str]) -> str:
    """The root of an accident's word; empty: it is none."""
    for start in _BEGINNINGS:
        for end in _ENDINGS:
            if word.startswith(start) and word.endswith(end):
                root = word[len(start) : len(word) - len(end)]
                if root in roots:
                    return root
    return ""


def _pair(written: Sequence[str], here: Collection[str], there: Collection[str], near: int) -> str:
    """Two words, the first of `here`, not farther apart than `near`; empty: none."""
    for place, word in enumerate(written):
        if word in here:
            for other in written[max(0, place - near) : place + near + 1]:
                if other in there and other != word:
                    return f"{word} {other}"
    return ""
