"""What a person reads in our SMS: which tasks, and what is wanted. Pure.

People see only the text, as on a telephone; a text of ours that a person could not make out is not
made out here either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Sense(StrEnum):
    ASKED = "asked"
    REMINDED = "reminded"
    UNANSWERED = "unanswered"
    """To a post above: nobody has said yes."""
    LIST = "list"
    """The link to one's tasks."""
    CALLED_BACK = "called-back"
    LOST = "lost"
    """Somebody else has it, or it is over."""
    HOW_MANY = "how-many"
    AGAIN = "again"
    """We did not make out what was meant."""
    TOLD = "told"
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message on one telephone."""

    person: str
    """recipient_id."""
    number: str
    """+999…"""
    role: str
    text: str
    at: datetime
    key: str
    """Of the message."""
    village: str
    """Its area code."""
    purpose: str
    about: str = ""
    """Of an answer: the task that the person had written about."""


@dataclass(frozen=True, slots=True)
class Read:
    sense: Sense
    tasks: tuple[str, ...] = ()
    link: str = ""


_TASK = r"(T\d{6,9})"
_ONE = re.compile(_TASK)
_RULES: tuple[tuple[re.Pattern[str], Sense], ...] = tuple(
    (re.compile(pattern), sense)
    for pattern, sense in (
        (rf"BATAL TUGAS {_TASK}", Sense.CALLED_BACK),
        (rf"BELUM DIJAWAB \d+ mnt: TUGAS {_TASK}", Sense.REMINDED),
        (rf"TUGAS {_TASK} belum diterima siapa pun", Sense.UNANSWERED),
        (rf"TUGAS {_TASK} sudah diambil", Sense.LOST),
        (rf"BANTUAN diminta tim TUGAS {_TASK}", Sense.TOLD),
        (r"\d+ TUGAS dialihkan kepada Anda", Sense.ASKED),
        (r"\d+ TUGAS belum dijawab", Sense.REMINDED),
        (rf"TUGAS {_TASK}: ", Sense.ASKED),
    )
)
_LINK = re.compile(r"https?://\S+/t/(\S{26})(?:\s|$)")
_ANSWERS: tuple[tuple[str, Sense], ...] = (
    ("sudah diterima orang lain", Sense.LOST),
    ("sudah dibatalkan", Sense.LOST),
    ("ditarik kembali", Sense.LOST),
    ("Orang lain kami hubungi", Sense.LOST),
    ("Tidak ada tugas terbuka", Sense.LOST),
    ("Berapa orang?", Sense.HOW_MANY),
    ("Maksud Anda", Sense.AGAIN),
    ("tidak dikenal", Sense.AGAIN),
    ("tidak diberikan kepada nomor ini", Sense.AGAIN),
    ("Tugas yang mana?", Sense.AGAIN),
    ("bila menerima", Sense.AGAIN),
    ("tidak dimengerti", Sense.AGAIN),
)


def read(heard: Heard) -> Read:
    """What it says; `TOLD` where nothing is to be done."""
    if heard.purpose == "answer":
        return _answer(heard)
    if found := _LINK.search(heard.text):
        return Read(Sense.LIST, link=found[1])
    for pattern, sense in _RULES:
        if pattern.search(heard.text):
            return Read(sense, tuple(dict.fromkeys(_ONE.findall(heard.text))))
    return Read(Sense.TOLD)


def _answer(heard: Heard) -> Read:
    """The task is the one that they had written about: a wrong number in the text is not it."""
    about = (heard.about,) if heard.about else ()
    for words, sense in _ANSWERS:
        if words in heard.text:
            return Read(sense, about)
    return Read(Sense.TOLD, about)
