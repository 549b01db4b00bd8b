"""What a reply says: spelling, order and case are free. Pure.

`siap T-482173 laksanakan`, `oke 48 2173`, `gak bisa`, `SELESAI 118 jiwa T482173`. What cannot be
told apart (`ya` and `tidak` in one text, a thumb) is asked back, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz.distance import OSA

from notify.tasks.ids import read_task_id


class Meaning(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    FINISH = "finish"
    FAIL = "fail"
    HELP = "help"
    """The team needs help; the task goes on."""
    NUMBER = "number"
    """A task's number and no word."""
    UNCLEAR = "unclear"


_WORDS: dict[Meaning, tuple[str, ...]] = {
    Meaning.ACCEPT: (
        "ya", "iya", "iyaa", "y", "yes", "ok", "oke", "okey", "okay", "siap", "siapp", "sanggup",
        "bisa", "terima", "menerima", "laksanakan", "dilaksanakan", "nggih", "inggih", "njih",
        "muhun", "sumuhun",
    ),
    Meaning.DECLINE: (
        "tidak", "tdk", "tak", "tidk", "gak", "ga", "nggak", "enggak", "ngga", "engga", "gk", "no",
        "tolak", "menolak", "mboten", "ora", "henteu", "teu",
    ),
    Meaning.DEPART: ("berangkat", "jalan", "otw", "menuju", "meluncur", "brangkat"),
    Meaning.ARRIVE: ("tiba", "sampai", "sampe", "dilokasi"),
    Meaning.FINISH: ("selesai", "sls", "slesai", "beres", "tuntas", "done", "rampung", "kelar"),
    Meaning.FAIL: ("gagal", "batal"),
    Meaning.HELP: ("bantuan", "bantu", "tolong", "help", "butuh", "perlu"),
}  # fmt: skip
_MEANING = {word: meaning for meaning, words in _WORDS.items() for word in words}
_FUZZY_FROM = 5
"""Letters from which one mistake is forgiven; shorter words are too near to each other."""
_FUZZY = tuple(word for word in _MEANING if len(word) >= _FUZZY_FROM)
_NO = frozenset(_WORDS[Meaning.DECLINE])
_NOT_YET = frozenset({"belum", "blm", "belom"})
_NEAR = 2
"""Words from a negation to what it denies: `tidak bisa`, `belum juga sampai`."""
_DIGITS = re.compile(r"(?<!\d)((?<![a-z\d])t[\s.-]?)?(\d+)(?!\d)", re.IGNORECASE)
_GAP = re.compile(r"[\s.-]?")
_ID_DIGITS = range(6, 10)
"""Digits of a task's number, its check digit among them (`notify.tasks.ids.candidate`)."""
_COUNT = re.compile(r"(?<!\d)(\d{1,3}(?:[.,]\d{3})+|\d{1,6})(?!\d)")
_WORD = re.compile(r"[a-z]+")
_AT_THE_PLACE = re.compile(r"\bdi\s+lokasi\b", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    meaning: Meaning
    task_ids: tuple[str, ...] = ()
    """Numbers whose check digit is right, in their order."""
    wrong_ids: tuple[str, ...] = ()
    """Digits that look like a task's number and are none."""
    people: int | None = None


def read_reply(text: str) -> Reply:
    """What a text says; `UNCLEAR` where it says nothing of a task, or two things."""
    found, wrong, rest = _numbers(text)
    words = _WORD.findall(_AT_THE_PLACE.sub("dilokasi", rest).lower())
    meanings = _meanings(words)
    meaning = _one(meanings)
    counts = _counts(rest) if meaning is Meaning.FINISH else []
    if meaning is None:
        meaning = Meaning.NUMBER if found and not meanings else Meaning.UNCLEAR
    people = counts[0] if len(counts) == 1 else None
    return Reply(meaning, tuple(dict.fromkeys(found)), tuple(wrong), people)


def _numbers(text: str) -> tuple[list[str], list[str], str]:
    """Task numbers, digits that are none though they look like one, and the text without them.

    Groups of digits are joined over one space, dot or dash where only so they are a number.
    """
    groups = list(_DIGITS.finditer(text))
    found: list[str] = []
    wrong: list[str] = []
    cut: list[tuple[int, int]] = []
    place = 0
    while place < len(groups):
        task_id, used = _task_id(text, groups[place:])
        if task_id is not None:
            found.append(task_id)
        elif _looks_like_one(groups[place]):
            wrong.append(groups[place][2])
        if task_id is not None or (wrong and wrong[-1] == groups[place][2]):
            cut.append((groups[place].start(), groups[place + used - 1].end()))
        place += used
    for start, end in reversed(cut):
        text = f"{text[:start]} {text[end:]}"
    return found, wrong, text


def _looks_like_one(group: re.Match[str]) -> bool:
    least = 4 if group[1] else _ID_DIGITS[0]
    return least <= len(group[2]) <= _ID_DIGITS[-1]


def _task_id(text: str, groups: list[re.Match[str]]) -> tuple[str | None, int]:
    """The number with which these groups begin, and how many of them it takes."""
    digits = ""
    for used, group in enumerate(groups, start=1):
        joined = used == 1 or _GAP.fullmatch(text[groups[used - 2].end() : group.start()])
        if not joined or (used > 1 and group[1]):
            break
        digits += group[2]
        if len(digits) in _ID_DIGITS and (task_id := read_task_id(digits)):
            return task_id, used
    return None, 1


def _counts(text: str) -> list[int]:
    return [int(re.sub(r"[.,]", "", match)) for match in _COUNT.findall(text)]


def _meanings(words: list[str]) -> list[Meaning]:
    """In the order of the words. `tidak bisa` is a no; `belum sampai` says nothing yet."""
    found: list[Meaning] = []
    no = not_yet = -_NEAR - 1
    for place, word in enumerate(words):
        if word in _NOT_YET:
            not_yet = place
            continue
        meaning = _meaning(word)
        if meaning is Meaning.DECLINE:
            no = place
        denied = place - max(no, not_yet) <= _NEAR
        if meaning is Meaning.ACCEPT and denied:
            meaning = Meaning.DECLINE
        elif place - not_yet <= _NEAR and meaning in _LATER_FIRST:
            continue
        if meaning is not None:
            found.append(meaning)
    return found


def _meaning(word: str) -> Meaning | None:
    if word in _MEANING:
        return _MEANING[word]
    if len(word) < _FUZZY_FROM:
        return None
    near = [known for known in _FUZZY if OSA.distance(word, known, score_cutoff=1) <= 1]
    meanings = {_MEANING[known] for known in near}
    return meanings.pop() if len(meanings) == 1 else None


def _one(meanings: list[Meaning]) -> Meaning | None:
    """The one that counts: `siap, berangkat` is on its way; `selesai, butuh bantuan` needs help.
    None: nothing, or yes and no at once."""
    kinds = set(meanings)
    if Meaning.HELP in kinds:
        return Meaning.HELP
    if Meaning.DECLINE in kinds:
        return Meaning.DECLINE if kinds == {Meaning.DECLINE} else None
    for later in _LATER_FIRST:
        if later in kinds:
            return later
    return None


_LATER_FIRST = (
    Meaning.FAIL, Meaning.FINISH, Meaning.ARRIVE, Meaning.DEPART, Meaning.ACCEPT,
)  # fmt: skip
