"""Classes that polygons name in words: flooded or not, low to high, zone I to III."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_WORDS = {
    **dict.fromkeys(("no", "n", "tidak", "false", "dry", "kering"), 0),
    **dict.fromkeys(("yes", "y", "ya", "true", "wet", "tergenang"), 1),
    **dict.fromkeys(("low", "rendah"), 1),
    **dict.fromkeys(("medium", "moderate", "sedang", "menengah"), 2),
    **dict.fromkeys(("high", "tinggi"), 3),
}
_ZONE = re.compile(r"(?:kawasan rawan bencana|krb|zona|zone)\s*(i{1,3}|[123])")
"""Kawasan rawan bencana I to III, the higher the nearer to the crater (PVMBG)."""
_ROMAN = {"i": 1, "ii": 2, "iii": 3}


def words_as_classes(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """Class of each row, NaN without a value; None if a value is another word or all are numbers.

    A 0 or 1 among words of yes and no is no or yes.
    """
    text = column.astype("object").where(column.notna(), "").astype(str).str.strip().str.lower()
    known = [word for word in text.unique() if word]
    plain = {"0": 0, "1": 1}
    found = {w: c for w in known if (c := _class(w)) is not None}
    if not found or any(w not in found and w not in plain for w in known):
        return None
    return np.array([float((plain | found).get(w, np.nan)) for w in text])


def _class(word: str) -> int | None:
    zone = _ZONE.fullmatch(word)
    if zone is None:
        return _WORDS.get(word)
    return _ROMAN.get(zone[1]) or int(zone[1])
