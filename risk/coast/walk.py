"""Whether people can walk out before the first wave.

T_need = T_warn + T_react + way / speed, against the time from the quake to the wave. The way is
straight over land from cell to cell, stretched by the detour of roads; who walks slower, and what
blocks a road, is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.impact import UNASSIGNED
from kentongan.policy import CoastRules
from kentongan.times import require_aware
from kentongan.types import Level

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

Floats = NDArray[np.float64]


class WalkOut(StrEnum):
    """Whether the last of a village can be out in time."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Walk:
    """Attributes:
    need_minutes: from the quake until the last one is out; None: not known, inf: no way out.
    have_minutes: from the quake until the first wave; None: BMKG names no arrival.
    """

    need_minutes: float | None
    have_minutes: float | None
    out: WalkOut


def need_minutes(path_m: Floats | float, rules: CoastRules, detour: float) -> Floats:
    """Minutes from the quake until somebody so far inside is out.

    Args:
        path_m: least way over land, m; inf: there is none.
        detour: how much longer a road is than the way over land.
    """
    walk = np.asarray(path_m, dtype=np.float64) * detour / rules.walk_m_s / 60
    minutes: Floats = rules.warn_minutes + rules.react_minutes + walk
    return minutes


def walk_out(
    path_m: float | None,
    *,
    path_known_m: float,
    origin: datetime,
    arrival: datetime | None,
    rules: CoastRules,
    detour: float,
) -> Walk:
    """Judge one village.

    "Yes" where also those get out whose height is not known, "no" where those do not whose height
    is.

    Args:
        path_m: longest way of anybody inside; None: the layer set has no heights.
        path_known_m: likewise of those whose height is known; 0 where it is known of nobody.
        arrival: of the first wave; None: not known.
    """
    have = None
    if arrival is not None:
        have = (require_aware(arrival) - require_aware(origin)).total_seconds() / 60
    if path_m is None or have is None:
        need = None if path_m is None else float(need_minutes(path_m, rules, detour))
        return Walk(need, have, WalkOut.UNKNOWN)
    need = float(need_minutes(path_m, rules, detour))
    if need <= have:
        return Walk(need, have, WalkOut.YES)
    proven = path_known_m > 0 and float(need_minutes(path_known_m, rules, detour)) > have
    return Walk(need, have, WalkOut.NO if proven else WalkOut.UNKNOWN)


def walk_table(
    impact: pd.DataFrame, layers: LayerSet, *, origin: datetime, rules: CoastRules, detour: float
) -> pd.DataFrame:
    """Every warned village of a tsunami: who is inside, how far a wave reaches, who walks out.

    Args:
        impact: columns of `kentongan.impact.COLUMNS`; `onset` is the arrival of the first wave.
        origin: of the quake.

    Returns:
        `adm4_code`, `level`, `people`, `inside` (in the zone's levels), `outside`, `unknown` (of
        those inside, only because no height is known; NaN without heights), `reach` (in reach of
        the wave of the zone's status; NaN without heights), `path_m`, `need_minutes`,
        `have_minutes` (NaN: not known), `walk_out`, `no_elevation`; code order.
    """
    warned = impact[(impact["level"] >= Level.WASPADA) & (impact["adm4_code"] != UNASSIGNED)]
    table = _land_of(warned, layers)
    arrivals = [None if pd.isna(t) else t.to_pydatetime() for t in warned["onset"]]
    walks = [
        walk_out(
            None if np.isnan(path) else float(path),
            path_known_m=float(known),
            origin=origin,
            arrival=arrival,
            rules=rules,
            detour=detour,
        )
        for path, known, arrival in zip(
            table["path_m"], table["path_known_m"], arrivals, strict=True
        )
    ]
    level, people = warned["level"].to_numpy(np.int64), warned["people"].to_numpy(np.int64)
    reach = table[[f"reach_{status}" for status in (2, 3, 4)]].to_numpy()
    inside = warned["exposed_people"].to_numpy(np.int64)
    return pd.DataFrame(
        {
            "adm4_code": warned["adm4_code"].to_numpy(),
            "level": level,
            "people": people,
            "inside": inside,
            "outside": people - inside,
            "unknown": np.round(people * table["unknown"].to_numpy()),
            "reach": np.round(people * reach[np.arange(level.size), level - Level.WASPADA]),
            "path_m": table["path_m"].to_numpy(),
            "need_minutes": [_or_nan(walk.need_minutes) for walk in walks],
            "have_minutes": [_or_nan(walk.have_minutes) for walk in walks],
            "walk_out": [str(walk.out) for walk in walks],
            "no_elevation": warned["no_elevation"].to_numpy(bool),
        }
    )


def _land_of(warned: pd.DataFrame, layers: LayerSet) -> pd.DataFrame:
    """Rows of the compiled coast for these villages; NaN where it has none."""
    columns = ["unknown", "reach_2", "reach_3", "reach_4", "path_m", "path_known_m"]
    if layers.tsunami is None:
        return pd.DataFrame(np.full((len(warned), len(columns)), np.nan), columns=columns)
    known = layers.tsunami.set_index("adm4_code")[columns]
    return known.reindex(warned["adm4_code"].to_numpy()).reset_index(drop=True)


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
