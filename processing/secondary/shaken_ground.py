"""Where the ground was shaken so hard that slopes slide, and for how long that counts.

A quake breaks slopes, some at once; the others slide in the days after, with less rain than before
(as at Cianjur 2022). Seven days are an assumption.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from kentongan.times import require_aware

Floats = npt.NDArray[np.float64]
NO, PRONE, NOT_KNOWN = 0, 1, 2
"""Classes of `ground_classes`."""


def raised_until(origin: datetime, days: float) -> datetime:
    """End of the raise; the instant itself is no longer in it."""
    return require_aware(origin) + timedelta(days=days)


def shaken_cells(mmi: npt.NDArray[np.floating], at_least: int) -> npt.NDArray[np.bool_]:
    """Cells at a whole MMI or more, rounded half up; where it is not known, they are not."""
    values = np.nan_to_num(np.asarray(mmi, dtype=float), nan=0.0)
    shaken: npt.NDArray[np.bool_] = values >= at_least - 0.5
    return shaken


def ground_classes(
    mmi: npt.NDArray[np.floating],
    index: npt.NDArray[np.floating] | None,
    *,
    at_least: int,
    prone_from: float,
) -> npt.NDArray[np.int8]:
    """Cells that were shaken, and whether their ground is prone.

    Args:
        mmi: NaN: not known, counts as not shaken.
        index: of the same shape, an index or classes; NaN: not known. None: no map is loaded.
        prone_from: value of `index` from which ground is prone.

    Returns:
        int8: `PRONE` or `NOT_KNOWN` in shaken cells, `NO` elsewhere and where the map says that
        the ground is not prone.
    """
    shaken = shaken_cells(mmi, at_least)
    if index is None:
        return np.where(shaken, NOT_KNOWN, NO).astype(np.int8)
    values = np.asarray(index, dtype=float)
    known = np.isfinite(values)
    prone = known & (values >= prone_from)
    classes = np.where(prone, PRONE, np.where(known, NO, NOT_KNOWN))
    return np.where(shaken, classes, NO).astype(np.int8)
