"""Villages → area groups, one for each regency and level; where the names of areas come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kentongan.errors import DataError
from notify.area.geocodes import GEOCODE_SCHEME
from notify.area.names import area_names, joined, short_regency

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "GEOCODE_SCHEME", "Geometry", "area_names", "joined", "rows_of", "short_regency", "split",
]  # fmt: skip

Geometry = Callable[[Sequence[str]], Any]
"""adm4 codes -> array of shapely polygons in the same order, degrees; None where unknown."""


def rows_of(areas: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """The rows of `codes`, in that order.

    Raises:
        DataError: a code is not in the layer set.
    """
    known = areas["adm4_code"].to_numpy(dtype=object)
    wanted = np.asarray(codes, dtype=object)
    at = np.searchsorted(known, wanted)
    found = (at < len(known)) & (known[np.minimum(at, len(known) - 1)] == wanted)
    if not found.all():
        missing = [str(c) for c in wanted[~found][:5]]
        raise DataError(
            f"villages {', '.join(missing)}: not in the layer set's table of villages; "
            "impact and areas must come from the same set"
        )
    return areas.iloc[at]


def split(codes: Sequence[str], levels: Mapping[str, int]) -> dict[tuple[str, int], list[str]]:
    """(adm2_code, level) → adm4 codes; highest level first, then by code."""
    groups: dict[tuple[str, int], list[str]] = {}
    for code in sorted(codes):
        groups.setdefault((code[:5], levels.get(code, 0)), []).append(code)
    return dict(sorted(groups.items(), key=lambda item: (-item[0][1], item[0][0])))
