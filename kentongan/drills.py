"""Words by which a text says that it is a drill, or was made after an event of the past.

BMKG has sent drills whose status said Actual; the words are then all there is. What is taken
for a drill never gets out, so the words count only where no ordinary text of BMKG's has them:
at the beginning, in parentheses, or as the name of the Indian Ocean exercise.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKED_AT = 20_000
"""Characters; the longest text on record, a nowcast description, has 2,000."""
_WORDS = (
    r"(?:TES|TEST|TESTING|UJI\s?COBA|LATIHAN|EXERCISE|DRILL|SIMULASI|GE?LADI)"
    r"(?![^\W\d_])"  # Tesa, Testamen and Latihannya are other words; TES1 is not.
)
_LEAD = r"(?:(?:INI|THIS)[\W_]+(?:(?:ADALAH|HANYA|HANYALAH|MERUPAKAN|IS|ONLY|AN?)[\W_]+)*+)?"
_OPENING = re.compile(rf"(?:\[[^\]]{{0,60}}\])?[\W_]*+{_LEAD}[\W_]*+{_WORDS}", re.IGNORECASE)
_IN_PARENTHESES = re.compile(
    rf"[(\[][\W_]{{0,5}}{_WORDS}|\([^()]{{0,120}}?\bLATIHAN\b[^()]{{0,120}}?\)", re.IGNORECASE
)
_EXERCISE_NAME = re.compile(r"IO\W?WAVE", re.IGNORECASE)
_RE_CREATION = re.compile(r"\breka(?:an)?[\s_-]ulang\b|\bre-creation\b", re.IGNORECASE)


def is_drill(*texts: str) -> bool:
    """Whether any of the texts says that it is a test or an exercise.

    `TES …`, `[TES] …`, `*** TES ***`, `Ini adalah latihan`, `[InaTEWS] uji coba`, `… (LATIHAN)`,
    `iowave_1.mmi.jpg`. A place named Tes inside a text is none.
    """
    return any(_drill(_plain(text)) for text in texts)


def is_re_creation(*texts: str) -> bool:
    """Whether any of the texts is marked `rekaan ulang`, `reka ulang` or `re-creation`."""
    return any(_RE_CREATION.search(_plain(text)) for text in texts)


def _drill(text: str) -> bool:
    return bool(_OPENING.match(text) or _IN_PARENTHESES.search(text) or _EXERCISE_NAME.search(text))


def _plain(text: str) -> str:
    """Compatibility forms folded (full-width letters), white space single."""
    return " ".join(unicodedata.normalize("NFKC", text[:_LOOKED_AT]).split())
