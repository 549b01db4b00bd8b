"""Landslide by NASA's LHASA 1.1: wet for this place, on a slope that slides.

Kirschbaum & Stanley (2018), Satellite-based assessment of rainfall-triggered landslide hazard for
situational awareness, Earth's Future 6, 505-523; decision tree as in the program's version 1.1.1.
Percentiles must be of the same rain product as the index: products are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from kentongan.hazard import LEVEL_UNKNOWN

Floats = npt.NDArray[np.float64]

DAYS = 7
WEIGHTS: Floats = 1.0 / np.arange(1, DAYS + 1, dtype=float) ** 2
"""(t + 1)^-2, t = 0 is today; the exponent was not re-checked against the paper."""


TENTHS = 10
"""Percentiles are taken of tenths of a millimetre, in whole numbers."""

Classes = npt.NDArray[np.int8]
Kind = Literal["index", "classes-3", "classes-4", "classes-5"]


class SusceptibilityRules(BaseModel):
    """How a map's values become the classes 1 to 5 of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto"] | Kind
    index_edges: tuple[float, ...]
    """Of an index 0 to 1; a value above an edge has at least its class."""
    index_classes: tuple[int, ...]
    of_3: tuple[int, int, int]
    of_4: tuple[int, int, int, int]
    of_5: tuple[int, int, int, int, int]

    @model_validator(mode="after")
    def _sound(self) -> SusceptibilityRules:
        if len(self.index_edges) != len(self.index_classes):
            raise ValueError("susceptibility: expected one of index_classes for each of the edges")
        for name in ("index_edges", "index_classes", "of_3", "of_4", "of_5"):
            values = getattr(self, name)
            if list(values) != sorted(values):
                raise ValueError(f"susceptibility: expected ascending {name}")
        if not {*self.index_classes, *self.of_3, *self.of_4, *self.of_5} <= set(range(1, 6)):
            raise ValueError("susceptibility: expected classes 1 to 5")
        return self


def kind_of(values: npt.NDArray[np.floating], rules: SusceptibilityRules) -> Kind:
    """Which kind of map these values are of.

    Where the highest class of a clip could be of two scales, it is read as the top of the shorter
    one: that warns rather too much.

    Raises:
        ValueError: nothing known, or values of no such map.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        raise ValueError("susceptibility: nothing is known; expected an index or classes")
    highest = float(known.max())
    if rules.kind != "auto":
        found: Kind = rules.kind
    elif highest <= 1:
        if bool((known == np.rint(known)).all()):
            raise ValueError(
                "susceptibility of nothing but 0 and 1: expected an index or classes; if these are "
                "the lowest of some classes or a map of yes and no, name the kind in "
                "[landslide.susceptibility] of rain.toml"
            )
        found = "index"
    else:
        found = "classes-3" if highest <= 3 else "classes-4" if highest <= 4 else "classes-5"
    most = 1 if found == "index" else int(found[-1])
    whole = found == "index" or bool((known == np.rint(known)).all())
    if highest > most or not whole or known.min() < 0:
        raise ValueError(
            f"susceptibility from {known.min():g} to {highest:g}: expected an index 0 to 1, or "
            "whole classes from 1 up to 3, 4 or 5; see [landslide.susceptibility] in rain.toml"
        )
    return found


def susceptibility_classes(
    values: npt.NDArray[np.floating], rules: SusceptibilityRules
) -> tuple[Classes, Kind]:
    """Classes 1 to 5, 0 where the map says nothing; and how the map was read.

    Raises:
        ValueError: as `kind_of`.
    """
    kind = kind_of(values, rules)
    known = np.isfinite(values)
    out = np.zeros(values.shape, dtype=np.int8)
    if kind == "index":
        out[known] = 1
        for edge, number in zip(rules.index_edges, rules.index_classes, strict=True):
            out[known & (values > edge)] = number
        return out, kind
    table = {"classes-3": rules.of_3, "classes-4": rules.of_4, "classes-5": rules.of_5}[kind]
    # Class 0 is what maps write for water and beyond their rim.
    for number, ours in enumerate(table, start=1):
        out[known & (values == number)] = ours
    return out, kind


def windows(
    last_24h: npt.NDArray[np.floating],
    before: Sequence[npt.NDArray[np.floating] | None],
    passed: float,
) -> Floats:
    """The seven spans of 24 hours that end now, out of whole days.

    A span lies over two days; each is taken as even through the day.

    Args:
        last_24h: rain, mm; NaN: not known.
        before: totals of yesterday and the six days before, None: not known.
        passed: share of today that has passed, 0 to 1.

    Returns:
        Shape (7, …), the newest first, mm; NaN where either of its days is not known.
    """
    if len(before) != DAYS:
        raise ValueError(f"{len(before)} days of rain: expected {DAYS}, yesterday first")
    nothing = np.full(last_24h.shape, np.nan, dtype=np.float32)
    days = [nothing if day is None else day for day in before]
    older = [days[k] * passed + days[k + 1] * (1 - passed) for k in range(DAYS - 1)]
    return np.stack([last_24h, *older]).astype(float)


def least_index(daily_mm: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The index where what is not known counts as dry, and where all of it is known.

    More rain only makes the index larger: what it exceeds thus, it exceeds in any case.
    """
    rain = np.asarray(daily_mm, dtype=float)
    return ari7(np.nan_to_num(rain, nan=0.0)), np.isfinite(rain).all(axis=0)


def percentiles_of_place(
    daily_mm: npt.NDArray[np.uint16], *, least_days: int
) -> tuple[Floats, Floats]:
    """95th and 99th percentile of the index at each place, in mm.

    Args:
        daily_mm: whole days in a row, oldest first, shape (days, cells), tenths of mm; 65535: not
            known.

    Returns:
        Shape (cells,), mm; NaN where fewer than `least_days` indices are known.
    """
    days, cells = daily_mm.shape
    out = np.full((2, cells), np.nan)
    weights = (WEIGHTS / WEIGHTS.sum())[::-1].astype(np.float32)
    for first in range(0, cells, _AT_ONCE):
        part = daily_mm[:, first : first + _AT_ONCE]
        rain = np.where(part == NOT_KNOWN, np.float32(np.nan), part / np.float32(TENTHS))
        index = np.full(part.shape, np.nan, dtype=np.float32)
        for day in range(DAYS - 1, days):
            index[day] = np.tensordot(weights, rain[day - DAYS + 1 : day + 1], axes=1)
        index.sort(axis=0)  # NaN last
        count = np.isfinite(index).sum(axis=0)
        for number, share in enumerate((0.95, 0.99)):
            place = np.clip(np.ceil(share * count).astype(int) - 1, 0, days - 1)
            found = np.take_along_axis(index, place[None], axis=0)[0]
            out[number, first : first + _AT_ONCE] = np.where(count >= least_days, found, np.nan)
    return out[0], out[1]


NOT_KNOWN = 65_535
_AT_ONCE = 20_000
"""Cells of 400 days: 32 MB."""


def ari7(daily_mm: Floats) -> Floats:
    """Antecedent rainfall index: the weighted mean of seven days.

    Args:
        daily_mm: shape (7, …), today first, mm a day. NaN: not known.

    Returns:
        Index, mm, shape (…); NaN where any day is not known.

    Raises:
        ValueError: another number of days.
    """
    rain = np.asarray(daily_mm, dtype=float)
    if rain.shape[0] != DAYS:
        raise ValueError(f"{rain.shape[0]} days of rain: expected {DAYS}, today first")
    index: Floats = np.tensordot(WEIGHTS / WEIGHTS.sum(), rain, axes=1)
    return index


def landslide_level(
    index_mm: Floats,
    p95_mm: Floats,
    p99_mm: Floats,
    susceptibility: npt.NDArray[np.integer],
    shaken: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int8]:
    """Level 0 to 4 of each cell; -1 where anything is not known.

    2: susceptibility 3 and more, index above the 95th percentile. 3: susceptibility 5 and above the
    95th, or 3 and more and above the 99th. 4: susceptibility 5 and above the 99th, or level 3 where
    the ground was shaken with MMI VI and more in the last seven days. The tree is LHASA's; the
    levels and the raise after shaking are ours.

    Args:
        index_mm: `ari7`, mm.
        p95_mm, p99_mm: percentiles of the same index at the same place, mm.
        susceptibility: 1 to 5; 0 or below: not known.
        shaken: cells shaken so in the last seven days; None: not known, no raise.
    """
    wet, very_wet = index_mm > p95_mm, index_mm > p99_mm
    prone, most = susceptibility >= 3, susceptibility >= 5
    level = np.where(prone & wet, 2, 0)
    level = np.where((most & wet) | (prone & very_wet), 3, level)
    level = np.where(most & very_wet, 4, level)
    if shaken is not None:
        level = np.where((level == 3) & shaken, 4, level)
    known = np.isfinite(index_mm) & np.isfinite(p95_mm) & np.isfinite(p99_mm)
    known &= susceptibility > 0
    return np.where(known, level, LEVEL_UNKNOWN).astype(np.int8)


def landslide_estimate(
    index_mm: Floats,
    complete: npt.NDArray[np.bool_],
    p95_mm: Floats,
    p99_mm: Floats,
    susceptibility: Classes,
    shaken: npt.NDArray[np.bool_] | None,
    *,
    at_most: int,
) -> Classes:
    """Level of each cell; what the known days give stands, whatever the others brought.

    Args:
        index_mm, complete: `least_index`.
        at_most: what an estimate may say alone; where BMKG's quake shook the ground it is not
            alone, and the tree's 4 stands.

    Returns:
        -1 where the ground is not known, and where days are missing and the others give no level.
    """
    level = landslide_level(index_mm, p95_mm, p99_mm, susceptibility, shaken)
    level = np.where(~complete & (level == 0), LEVEL_UNKNOWN, level)
    # Ground that does not slide in any rain is none, however little of the rain is known.
    firm = (susceptibility > 0) & (susceptibility < 3)
    level = np.where(firm, 0, level)
    alone = np.ones(level.shape, dtype=bool) if shaken is None else ~shaken
    return np.where(alone, np.minimum(level, at_most), level).astype(np.int8)
