"""Levels of villages from several warnings at once, and the same for districts and above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.types import HazardId
from orchestration.live_map.held import Held

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

HAZARDS = tuple(str(hazard) for hazard in HazardId)
NOT_KNOWN = -1
"""Of figures of people, and of indexes into lists: not known, or none."""
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coloured:
    """Areas with a level, in code order; arrays of one length."""

    codes: list[str]
    level: NDArray[np.int8]
    hazard: _I64
    """Place in `HAZARDS` of the hazard that gave the level; -1: none."""
    people: _I64
    exposed: _I64
    uncovered: _I64
    warning: _I64
    """Place in the list of warnings; -1: none."""
    not_known: _I64
    """Villages of the area of which the level is not known."""

    def rows(self) -> list[tuple[int, ...]]:
        columns = (
            self.level, self.hazard, self.people, self.exposed, self.uncovered, self.warning,
            self.not_known,
        )  # fmt: skip
        return list(zip(*(column.tolist() for column in columns), strict=True))


def coloured(
    held: Sequence[Held],
    layers: LayerSet,
    *,
    not_known: Sequence[str] = (),
    forecast: tuple[Sequence[str], NDArray[np.int8]] | None = None,
) -> Coloured:
    """The highest level of each village; where two are equal, the warning that comes first.

    Args:
        held: warnings, the most urgent first.
        not_known: villages of which no more is known unless a warning says so.
        forecast: villages and their levels of rain by the nowcast; -1: not known.
    """
    parts = [_of_warning(one, number) for number, one in enumerate(held)]
    if forecast is not None:
        codes, levels = forecast
        parts.append(_plain(codes, levels, HAZARDS.index(HazardId.RAIN)))
    unknown = np.full(len(not_known), LEVEL_UNKNOWN, dtype=np.int8)
    parts.append(_plain(not_known, unknown, NOT_KNOWN))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["code", "level", "order"], ascending=[True, False, True])
    table = table.drop_duplicates("code").reset_index(drop=True)
    return _as_coloured(table.assign(people=_people(table["code"], layers)))


def _of_warning(held: Held, number: int) -> pd.DataFrame:
    content = held.content
    return pd.DataFrame(
        {
            "code": np.array(content.codes, dtype=object),
            "level": content.levels,
            "hazard": HAZARDS.index(content.hazard_id),
            "exposed": content.exposed,
            "uncovered": content.uncovered,
            "warning": number,
            "order": number,
        }
    )


def _plain(codes: Sequence[str], levels: NDArray[np.int8], hazard: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "code": np.array(codes, dtype=object),
            "level": levels,
            "hazard": np.where(levels > 0, hazard, NOT_KNOWN).astype(np.int64),
            "exposed": np.full(len(codes), NOT_KNOWN, dtype=np.int64),
            "uncovered": np.full(len(codes), NOT_KNOWN, dtype=np.int64),
            "warning": np.full(len(codes), NOT_KNOWN, dtype=np.int64),
            "order": np.full(len(codes), 1_000_000, dtype=np.int64),
        }
    )


def rows_of(codes: Iterable[str], layers: LayerSet) -> _I64:
    """Row of each village in the layer set; -1 for a code that it does not have."""
    found: _I64 = _index(layers.version, _Held(layers)).get_indexer(pd.Index(list(codes)))
    return found.astype(np.int64)


class _Held:
    """A layer set handed through a cache that knows it by its version."""

    def __init__(self, layers: LayerSet) -> None:
        self.layers = layers

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)


@lru_cache(maxsize=2)
def _index(_version: str, held: _Held) -> pd.Index[str]:
    codes: pd.Index[str] = pd.Index(held.layers.villages["adm4_code"].to_numpy(dtype=object))
    return codes


def _people(codes: pd.Series, layers: LayerSet) -> _I64:
    """Who lives there; -1 for a code that this layer set does not have."""
    place = rows_of(codes.tolist(), layers)
    people = layers.villages["people"].to_numpy(np.int64)
    return np.where(place >= 0, people[place], NOT_KNOWN)


def _as_coloured(table: pd.DataFrame) -> Coloured:
    whole = {
        name: table[name].to_numpy(np.int64)
        for name in ("hazard", "people", "exposed", "uncovered", "warning")
    }
    level = table["level"].to_numpy(np.int8)
    not_known = (level == LEVEL_UNKNOWN).astype(np.int64)
    return Coloured(table["code"].tolist(), level=level, not_known=not_known, **whole)


def rolled_up(villages: Coloured, characters: int) -> Coloured:
    """One row for each area whose code has so many characters: the highest level below it.

    People are summed over its villages with a known level, or, where none is known, over the
    others. Figures that are not known count nothing.
    """
    if not villages.codes:
        return villages
    codes = np.array([code[:characters] for code in villages.codes])
    start = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    group = np.cumsum(np.concatenate([[True], codes[1:] != codes[:-1]])) - 1
    # The village that speaks: highest level, then first in the list of warnings.
    order = np.lexsort((villages.warning, -villages.level.astype(np.int64), group))
    speaks = order[np.searchsorted(group[order], np.arange(len(start)))]
    known = villages.level > LEVEL_UNKNOWN
    counted = known | ~(np.add.reduceat(known, start, dtype=np.int64) > 0)[group]

    def summed(figure: _I64) -> _I64:
        return np.add.reduceat(np.where(counted, np.maximum(figure, 0), 0), start)

    return Coloured(
        codes=codes[start].tolist(),
        level=villages.level[speaks],
        hazard=villages.hazard[speaks],
        people=summed(villages.people),
        exposed=summed(villages.exposed),
        uncovered=summed(villages.uncovered),
        warning=villages.warning[speaks],
        not_known=np.add.reduceat(villages.not_known, start),
    )
