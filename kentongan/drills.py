"""Words by which a text says that it is a drill, or was made after an event of the past.

BMKG has sent drills whose status said Actual; the words are then all there is. What is taken
for a drill never gets out, so the words count only where no ordinary text of BMKG's has them:
at the beginning, in parentheses or between asterisks, behind a dash at the end (but for `Tes`,
a town in Bengkulu), or as the name of the Indian Ocean exercise. A word counts however it is
written: other scripts whose letters look alike, invisible characters, accents and letters set
apart are read as a person reads them.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKED_AT = 20_000
"""Characters; the longest text on record, a nowcast description, has 2,000."""
_PLAIN_WORDS = (
    "TES", "TEST", "TESTING", "UJI", "LATIHAN", "EXERCISE", "DRILL", "SIMULASI", "GLADI", "GELADI",
)  # fmt: skip
_SPACED = "|".join(r"[\W_]{1,3}".join(word) for word in _PLAIN_WORDS)
"""`T E S`, `L.A.T.I.H.A.N`: between all letters of the word, so that no ordinary words match."""
_WORDS = (
    rf"(?:TES|TEST|TESTING|UJI\s?COBA|LATIHAN|EXERCISE|DRILL|SIMULASI|GE?LADI|{_SPACED})"
    r"(?![^\W\d_])"  # Tesa, Testamen and Latihannya are other words; TES1 is not.
)
_LEAD = r"(?:(?:INI|THIS)[\W_]+(?:(?:ADALAH|HANYA|HANYALAH|MERUPAKAN|IS|ONLY|AN?)[\W_]+)*+)?"
_OPENING = re.compile(rf"(?:\[[^\]]{{0,60}}\])?[\W_]*+{_LEAD}[\W_]*+{_WORDS}", re.IGNORECASE)
_IN_PARENTHESES = re.compile(
    rf"[(\[][\W_]{{0,5}}{_WORDS}|\([^()]{{0,120}}?\bLATIHAN\b[^()]{{0,120}}?\)", re.IGNORECASE
)
_STARRED = re.compile(rf"\*{{2}}[\W_]{{0,5}}{_WORDS}", re.IGNORECASE)
_CLOSING = re.compile(
    r"[-:#|/\u2013\u2014]\s?(?:TEST|UJI\s?COBA|LATIHAN|EXERCISE|DRILL|SIMULASI)[\W_]{0,5}\Z",
    re.IGNORECASE,
)
_EXERCISE_NAME = re.compile(r"(?<![^\W_])IO\W?WAVE", re.IGNORECASE)
_RE_CREATION = re.compile(r"\breka(?:an)?[\s_-]ulang\b|\bre-creation\b", re.IGNORECASE)

_ALIKE = {
    # Cyrillic
    "ABCEHIJKMOPSTXWGDY": "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420"
    "\u0405\u0422\u0425\u051c\u050c\u0500\u04ae",
    "aceijopsxywgdhntk": "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443\u0461"
    "\u0261\u0501\u04bb\u043f\u0442\u043a",
    # Greek
    "ABEZHIKMNOPTYXC": "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4"
    "\u03a5\u03a7\u03f9",
    "aeivouktpc": "\u03b1\u03b5\u03b9\u03bd\u03bf\u03c5\u03ba\u03c4\u03c1\u03f2",
    # Armenian, Cherokee, Lisu
    "LSUOhnuog": "\u053c\u054f\u054d\u0555\u0570\u0578\u057d\u0585\u0581",
    "DRTAJESLMHGCPKBI": "\u13a0\u13a1\u13a2\u13aa\u13ab\u13ac\u13da\u13de\u13b7\u13bb\u13c0\u13df"
    "\u13e2\u13e6\u13f4\u13c6",
    "TESLAIHNUJCOBRDGMPW": "\ua4d4\ua4f0\ua4e2\ua4e1\ua4ee\ua4f2\ua4e7\ua4e0\ua4f4\ua4d9\ua4da"
    "\ua4f3\ua4d0\ua4e3\ua4d3\ua4d6\ua4df\ua4d1\ua4ea",
    # small capitals
    "TESLAIHNUJCOBRDGMPWX": "\u1d1b\u1d07\ua731\u029f\u1d00\u026a\u029c\u0274\u1d1c\u1d0a\u1d04"
    "\u1d0f\u0299\u0280\u1d05\u0262\u1d0d\u1d18\u1d21x",
    "i": "\u0131",
}
"""Letters that look like Latin ones (a part of Unicode's confusables, UTS 39): Latin to others."""
_ROWS_OF_CAPITALS = (0x1F150, 0x1F170, 0x1F1E6)
"""Letters on dark discs and squares, and those that flags are made of: A to Z in order."""
_FOLDED = {
    **{ord(o): latin for latins, others in _ALIKE.items()
       for latin, o in zip(latins, others, strict=True)},
    **{first + i: chr(65 + i) for first in _ROWS_OF_CAPITALS for i in range(26)},
}  # fmt: skip
_UNSEEN = {"Cf", "Mn", "Me", "Cc"}
_FILLERS = "\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5"
_TURNED_ROUND = re.compile("\u202e([^\u202c]*)\u202c?")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def is_drill(*texts: str) -> bool:
    """Whether any of the texts says that it is a test or an exercise.

    `TES …`, `[TES] …`, `*** TES ***`, `Ini adalah latihan`, `[InaTEWS] uji coba`, `… (LATIHAN)`,
    `iowave_1.mmi.jpg`. A place named Tes inside a text is none.
    """
    return any(_drill(_plain(way)) for text in texts for way in _ways_to_read(text))


def is_re_creation(*texts: str) -> bool:
    """Whether any of the texts is marked `rekaan ulang`, `reka ulang` or `re-creation`."""
    return any(_RE_CREATION.search(_plain(text)) for text in texts)


def _drill(text: str) -> bool:
    return bool(
        _OPENING.match(text)
        or _IN_PARENTHESES.search(text)
        or _STARRED.search(text)
        or _CLOSING.search(text)
        or _EXERCISE_NAME.search(text)
    )


def _ways_to_read(text: str) -> tuple[str, ...]:
    """As it stands, and backwards where a character turns the writing round."""
    turned = _TURNED_ROUND.sub(lambda found: found[1][::-1], text[:_LOOKED_AT])
    return (text,) if turned == text[:_LOOKED_AT] else (text, turned)


def _plain(text: str) -> str:
    """As a person sees it, in Latin letters, white space single."""
    text = text[:_LOOKED_AT]
    if text.isascii() and not _CONTROLS.search(text):
        return " ".join(text.split())
    apart = unicodedata.normalize("NFKD", text)
    seen = (c for c in apart if c.isspace() or not _is_unseen(c))
    return " ".join("".join(seen).translate(_FOLDED).split())


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _FILLERS
