"""Values to classes: how many thresholds are reached, or the whole numbers themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import DataError

UNKNOWN = "unknown"
"""Key of people for whom the hazard is not known."""
MAX_CLASSES = 100
_USUAL_NODATA = (127.0, 128.0, 255.0, 32767.0, 65535.0, 9999.0, 99999.0)
_FILLS_BELOW = (-99999.0, -32768.0, -9999.0, -999.0, -99.0, -9.0, -1.0)
"""Negative numbers that stand for nothing, ascending; only where they stand alone."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Attributes:
    index: int16, positions in `keys`; -1 not known.
    keys: whole numbers, ascending, with 0.
    """

    index: NDArray[np.int16]
    keys: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def checked_thresholds(thresholds: Sequence[float] | None) -> tuple[float, ...] | None:
    """Ascending, finite and different numbers.

    Raises:
        DataError: anything else.
    """
    if thresholds is None:
        return None
    found = tuple(float(t) for t in thresholds)
    rising = all(a < b for a, b in pairwise(found))
    if not found or not np.isfinite(found).all() or not rising or len(found) >= MAX_CLASSES:
        raise DataError(
            f"thresholds {', '.join(f'{t:g}' for t in found) or '(none)'}: expected 1 to "
            f"{MAX_CLASSES - 1} ascending finite numbers, e.g. 0.3,0.7,1.5"
        )
    return found


def classes_of(
    values: NDArray[np.floating],
    thresholds: Sequence[float] | None,
    name: str,
    *,
    minus_one_unknown: bool = False,
) -> Classes:
    """Classes of values; NaN is not known.

    Thresholds are compared in the precision of the values: a file's float32 0.7 reaches 0.7.

    Raises:
        DataError: without thresholds, values that are no classes.
    """
    if thresholds is None:
        return _own_classes(values, name, minus_one_unknown)
    edges = np.asarray(thresholds, dtype=values.dtype)
    values, warnings = _without_fills(values, edges, name)
    index = np.searchsorted(edges, values, side="right").astype(np.int16)
    index[np.isnan(values)] = -1
    return Classes(index, tuple(range(len(edges) + 1)), (*warnings, *_nothing(index, name)))


def _without_fills(
    values: NDArray[np.floating], edges: NDArray[np.floating], name: str
) -> tuple[NDArray[np.floating], list[str]]:
    """Values with NaN for a negative number that stands alone, and what looks like a fill.

    A number stands alone if no other value lies between it and half of it: depths that go on
    below 0 keep theirs.
    """
    said: list[str] = []
    for fill in _FILLS_BELOW:
        low = np.fmin.reduce(values, axis=None)
        if low != fill or fill >= edges[0]:
            continue
        rest = np.where(values == low, values.dtype.type(np.nan), values)
        if np.fmin.reduce(rest, axis=None) > fill / 2:
            said.append(
                f"{name}: {int((values == low).sum()):,} values are {fill:g}, far below all "
                "others, and not declared as nodata; taken as not known"
            )
            values = rest
    top = np.fmax.reduce(values, axis=None)
    if (
        top in _USUAL_NODATA
        and top >= edges[-1]
        and not ((values > top / 2) & (values < top)).any()
    ):
        said.append(
            f"{name}: {int((values == top).sum()):,} values are {top:g}, often a nodata value, but "
            "not declared as one; counted in the highest class; declare it if it is one"
        )
    return values, said


def _nothing(index: NDArray[np.int16], name: str) -> list[str]:
    if (index >= 0).any():
        return []
    return [f"{name}: no value in the part that was asked for; the hazard is not known there"]


def _own_classes(values: NDArray[np.floating], name: str, minus_one_unknown: bool) -> Classes:
    known = values[~np.isnan(values)]
    if known.size and not (known == np.rint(known)).all():
        odd = known[known != np.rint(known)][0]
        raise DataError(
            f"{name}: holds {odd:g}, which is no class; expected whole numbers, or say where the "
            "classes begin with --thresholds a,b,c"
        )
    found = np.unique(known)
    warnings: list[str] = []
    if found.size and found[0] == -1:
        if not minus_one_unknown:
            warnings.append(f"{name}: cells hold -1; taken as not known")
        values, found = np.where(values == -1, values.dtype.type(np.nan), values), found[1:]
    if found.size > MAX_CLASSES or (found.size and found[0] < 0):
        raise DataError(
            f"{name}: {found.size} different whole numbers from {found[0]:g} to {found[-1]:g}; "
            f"expected at most {MAX_CLASSES} classes from 0; give --thresholds a,b,c"
        )
    if found.size and found[-1] in _USUAL_NODATA:
        warnings.append(
            f"{name}: class {found[-1]:g} is often a nodata value, but is not declared as one; "
            "counted as a class"
        )
    keys = np.union1d(found, [0.0]).astype(values.dtype)
    index = np.searchsorted(keys, values).astype(np.int16)
    index[np.isnan(values)] = -1
    return Classes(index, tuple(int(k) for k in keys), (*warnings, *_nothing(index, name)))
