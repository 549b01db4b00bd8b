"""Villages under InaTEWS' tsunami zones: the coast of the named area, on the named side.

Never a whole regency with its mountains. A shore that faces no clear side (a cape, a small
island) counts for every side: not known is never safe. How much of a village is coast follows
from heights where the layer set has them (`risk.coast`), else from the strip alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kentongan.policy import TsunamiRules
from risk.coast.shares import CoastShares, coast_shares
from risk.findings import Findings
from risk.operator import CLASSES, PARTS

if TYPE_CHECKING:
    import geopandas as gpd

    from risk.layers.layerset import LayerSet

SIDES = {"N": 0, "NE": 45, "E": 90, "SE": 135, "S": 180, "SW": 225, "W": 270, "NW": 315}
"""Degrees clockwise from north."""
SIDE_REACH_DEG = 67.5
"""A shore belongs to a side up to this turn away: neighbours of eight overlap by half."""

BRUSHED = 0.05
"""Share of a village's area in the strip below which it has no shore of its own to speak of."""
NEIGHBOUR_DEG = 0.2
"""About 22 km: points of large villages lie that far from those at the shore."""

_I64 = NDArray[np.int64]


def coast_findings(zones: gpd.GeoDataFrame, layers: LayerSet, rules: TsunamiRules) -> Findings:
    """Coastal villages of the zones; the highest of several zones, the earliest onset."""
    coast = coast_shares(layers, rules)
    level = np.zeros(len(layers.villages), dtype=np.int64)
    onset = np.full(len(level), np.iinfo(np.int64).max)
    sideless = np.zeros(len(level), dtype=np.bool_)
    unresolved = []
    for zone in zones.itertuples():
        rows, any_side = _members(str(zone.adm_codes), str(zone.side), layers, coast)
        if not rows.size:
            unresolved.append(str(zone.zone))
            continue
        level[rows] = np.maximum(level[rows], int(zone.hazard_level))
        sideless[rows[any_side]] = True
        if not pd.isna(zone.onset):
            microseconds = pd.Timestamp(zone.onset).value // 1000
            onset[rows] = np.minimum(onset[rows], microseconds)
    rows = np.flatnonzero(level)
    return Findings(
        rows=rows,
        level=level[rows],
        rule=_rule(sideless[rows], coast.rule[rows]),
        parts=_parts(level[rows], coast.inside[rows]),
        value=np.full(rows.size, np.nan, dtype=np.float32),
        onset=_times(onset[rows]),
        no_elevation=coast.no_elevation[rows],
        counts=_counts(
            level[rows], layers.villages["people"].to_numpy(np.int64)[rows], coast.inside[rows]
        ),
        unresolved=tuple(unresolved),
    )


def _members(
    codes: str, side: str, layers: LayerSet, coast: CoastShares
) -> tuple[_I64, NDArray[np.bool_]]:
    """Rows of the coastal villages of a zone, and which of them face no clear side.

    Where no shore faces the named side at all (a town at the head of a bay), the half of the
    coast that lies there is meant.
    """
    spans = [layers.within(code.strip()) for code in codes.split(",") if code.strip()]
    inside = np.concatenate([np.arange(0), *(np.arange(s.start, s.stop) for s in spans)])
    rows = np.unique(inside).astype(np.int64)
    rows = rows[coast.inside[rows] > 0]
    if not rows.size:
        return rows, np.empty(0, dtype=np.bool_)
    azimuth = _facing(rows, layers)
    unclear = np.isnan(azimuth)
    if side.upper() not in SIDES:
        return rows, np.zeros(rows.size, dtype=np.bool_)
    turn = np.abs((azimuth - SIDES[side.upper()] + 180) % 360 - 180)
    facing = turn <= SIDE_REACH_DEG
    if not facing.any():
        unclear |= _half(rows, SIDES[side.upper()], layers)
    return rows[facing | unclear], (unclear & ~facing)[facing | unclear]


def _facing(rows: _I64, layers: LayerSet) -> NDArray[np.float64]:
    """Direction to the sea; a village that the strip only brushes faces as its neighbour does.

    Such a village has no shore of its own. A small island or a cape lies in the strip with
    more of its area and keeps facing every side (NaN).
    """
    columns = ["longitude", "latitude", "coast_share", "sea_azimuth_deg"]
    table = layers.villages[columns].to_numpy(np.float64)[rows]
    points, share, azimuth = table[:, :2], table[:, 2], table[:, 3].copy()
    brushed, clear = np.isnan(azimuth) & (share < BRUSHED), ~np.isnan(azimuth)
    if brushed.any() and clear.any():
        distance, nearest = cKDTree(points[clear]).query(points[brushed])
        found = np.where(distance <= NEIGHBOUR_DEG, azimuth[clear][nearest], np.nan)
        azimuth[brushed] = found
    return azimuth


def _half(rows: _I64, azimuth: float, layers: LayerSet) -> NDArray[np.bool_]:
    """Villages on one side of the middle of all: a coast that faces elsewhere has a side too."""
    points = layers.villages[["longitude", "latitude"]].to_numpy(np.float64)[rows]
    turn = np.radians(azimuth)
    along = points @ np.array([np.sin(turn), np.cos(turn)])
    half: NDArray[np.bool_] = along >= (along.min() + along.max()) / 2
    return half


def _rule(sideless: NDArray[np.bool_], rule: NDArray[np.object_]) -> NDArray[np.object_]:
    """The rule's name, with `-any-side` after its first word."""
    any_side = [f"{first}-any-side{space}{rest}" for first, space, rest in map(_split, rule)]
    return np.where(sideless, np.array(any_side, dtype=object), rule).astype(object)


def _split(rule: str) -> tuple[str, str, str]:
    return rule.partition(" ")


def _parts(level: _I64, share: NDArray[np.float64]) -> _I64:
    parts = np.zeros((level.size, CLASSES), dtype=np.int64)
    inside = np.round(share * PARTS).astype(np.int64)
    parts[:, 0] = PARTS - inside
    parts[np.arange(level.size), level] += inside
    return parts


def _counts(level: _I64, people: _I64, share: NDArray[np.float64]) -> _I64:
    """Whole people: those of the coast, at least one where anybody lives."""
    inside = np.maximum(np.round(people * share).astype(np.int64), np.minimum(people, 1))
    counts = np.zeros((level.size, CLASSES), dtype=np.int64)
    counts[:, 0] = people - inside
    counts[np.arange(level.size), level] += inside
    return counts


def _times(microseconds: _I64) -> pd.DatetimeIndex:
    unknown = microseconds == np.iinfo(np.int64).max
    times = microseconds.astype("datetime64[us]")
    times[unknown] = np.datetime64("NaT")
    return pd.DatetimeIndex(times, tz="UTC")
