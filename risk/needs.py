"""Which villages need a task, and for how many people: the question that a plan answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kentongan.types import Level
from risk.layers.layerset import among

if TYPE_CHECKING:
    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent
    from kentongan.policy import CoverageRules

_PEOPLE = ("people_3", "people_4", "exposed_people")
DAY_HOURS = range(6, 18)  # local; volunteers gather faster by day (CoverageRules)
DEFAULT_UTC_OFFSET = 7  # WIB, where a village is in no table: most people live there


@dataclass(frozen=True)
class Need:
    """One village at level 3 or above."""

    adm4_code: str
    level: int
    people: int
    point: tuple[float, float]
    """Longitude, latitude; NaN where the layer set does not hold the village."""
    utc_offset: int
    onset: datetime


def needs(
    event: HazardEvent, impact: pd.DataFrame, decision: Decision, villages: pd.DataFrame
) -> list[Need]:
    """Villages at level 3 or above, highest level first, then most people, then by code.

    People are those in level 3 or above; where the impact table has none of them (a held
    level, a missing run), those exposed; where it has no row, all who live there.
    """
    codes = sorted(code for code, level in decision.levels.items() if level >= Level.SIAGA)
    if not codes:
        return []
    layer = villages[among(villages["adm4_code"], codes)].set_index("adm4_code")
    people, onset = _people(codes, impact, layer), _onset(codes, impact)
    layer = layer.reindex(codes)
    points = layer[["longitude", "latitude"]].to_numpy(dtype=np.float64).tolist()
    offsets = layer["utc_offset"].fillna(DEFAULT_UTC_OFFSET).to_numpy(dtype=int).tolist()
    found = [
        Need(code, decision.levels[code], count, (lon, lat), offset, onset.get(code, event.onset))
        for code, count, (lon, lat), offset in zip(codes, people, points, offsets, strict=True)
    ]
    return sorted(found, key=lambda need: (-need.level, -need.people, need.adm4_code))


def mobilisation_minutes(need: Need, at: datetime, rules: CoverageRules) -> float:
    """Time until a team leaves, by the village's local hour; travel comes on top."""
    hour = (at.hour + need.utc_offset) % 24
    by_day = hour in DAY_HOURS
    return rules.mobilisation_day_minutes if by_day else rules.mobilisation_night_minutes


def minutes_to_give(need: Need, at: datetime, rules: CoverageRules) -> float:
    """For both ways, so that a team reaches the village, works there and is out before the hazard
    comes; negative where there is no time for it."""
    left = (need.onset - at).total_seconds() / 60
    return left - mobilisation_minutes(need, at, rules) - rules.on_site_minutes


def _people(codes: list[str], impact: pd.DataFrame, layer: pd.DataFrame) -> list[int]:
    residents = layer["people"].reindex(codes).fillna(0).to_numpy(dtype=np.int64)
    if len(impact) == 0:
        return [int(n) for n in residents]
    rows = impact.drop_duplicates("adm4_code").set_index("adm4_code")
    counts = rows[list(_PEOPLE)].reindex(codes).fillna(0).to_numpy(dtype=np.int64)
    high, exposed = counts[:, 0] + counts[:, 1], counts[:, 2]
    found = np.where(high > 0, high, np.where(exposed > 0, exposed, residents))
    return [int(n) for n in found]


def _onset(codes: list[str], impact: pd.DataFrame) -> dict[str, datetime]:
    if len(impact) == 0 or "onset" not in impact:
        return {}
    rows = impact.loc[among(impact["adm4_code"], codes), ["adm4_code", "onset"]].dropna()
    times = pd.to_datetime(rows["onset"], utc=True)
    return {
        code: time.to_pydatetime(warn=False)
        for code, time in zip(rows["adm4_code"].tolist(), times, strict=True)
    }


def teams_needed(people: int, rules: CoverageRules) -> int:
    return math.ceil(people / rules.people_per_team)
