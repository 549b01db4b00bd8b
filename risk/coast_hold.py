"""When a coast is not entered although no tsunami zone is drawn: BMKG says one is possible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EVIDENCE = "potential"
"""Key of a shaking event's evidence: what BMKG's quake documents say, joined by `"; "`."""
_DENIED = re.compile(r"\b(tidak|tdk|tak|bukan|no|not)\b", re.IGNORECASE)


def tsunami_possible(evidence: Mapping[str, object]) -> bool:
    """Whether any of BMKG's statements of this quake speaks of a tsunami without denying it.

    `Berpotensi tsunami untuk diteruskan pada masyarakat`: yes; `Tidak berpotensi tsunami` and
    a text that names no tsunami: no. A denial counts where it stands before the word.
    """
    return any(_possible(part) for part in str(evidence.get(EVIDENCE) or "").split("; "))


def _possible(statement: str) -> bool:
    before, tsunami, _ = statement.lower().partition("tsunami")
    return bool(tsunami) and not _DENIED.search(before)


def coastal_villages(villages: pd.DataFrame, tsunami: pd.DataFrame | None = None) -> frozenset[str]:
    """Villages with any share of their area in the coast strip (`coast_share` > 0).

    Args:
        tsunami: columns of `risk.coast.compile.TABLE`; with it also those along a river where a
            tsunami may come. None is taken out: before the zones are drawn nobody goes near.
    """
    coast = villages["coast_share"].to_numpy() > 0
    found = set(villages["adm4_code"].to_numpy()[coast].tolist())
    if tsunami is not None:
        found |= set(tsunami.loc[tsunami["inside"] > 0, "adm4_code"].tolist())
    return frozenset(found)
