"""Members who can come for each person, by roads or by straight lines (E2SFCA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from kentongan.policy import AccessPolicy, CoverageRules
from risk.access.catchment import zone_weights
from risk.access.reach import members_who_come, supply_per_person
from risk.access.travel import has_ways, margin_deg, squares_of, window
from risk.coverage import LevelsOn
from risk.sphere import chord_of_km, km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from risk.layers.layerset import LayerSet

_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]


def members_per_person(
    rows: _I64,
    layers: LayerSet,
    rules: CoverageRules,
    access: AccessPolicy,
    *,
    night: bool,
    levels_on: LevelsOn | None = None,
) -> _F64:
    """Expected members for each person of some villages; 0 where nobody comes in the catchment.

    All villages around compete for the same teams, not only those asked for.
    """
    out = _by_straight_lines(layers, rules, access, night=night)[rows]
    if not has_ways(layers):
        return out
    for some in squares_of(layers, rows):
        friction = window(layers, rows[some], access)
        if friction is None:
            continue
        if levels_on is not None:
            friction = friction.under(levels_on(friction.grid), access)
        near = _around(layers, rows[some], margin_deg(access))
        found = supply_per_person(
            friction, layers.teams, layers.villages.iloc[near], access, night=night
        )
        out[some] = found[np.searchsorted(near, rows[some])]
    return out


def _around(layers: LayerSet, rows: _I64, margin: float) -> _I64:
    west, south, east, north = shapely.total_bounds(layers.geometry[rows])
    x, y = (layers.villages[n].to_numpy() for n in ("longitude", "latitude"))
    inside = (x >= west - margin) & (x <= east + margin)
    inside &= (y >= south - margin) & (y <= north + margin)
    inside[rows] = True
    return np.flatnonzero(inside).astype(np.int64)


def _by_straight_lines(
    layers: LayerSet, rules: CoverageRules, access: AccessPolicy, *, night: bool
) -> _F64:
    """Of every village of the set, by the stand-in of `risk.coverage`."""
    ready = layers.teams[layers.teams["on_duty"].to_numpy(dtype=bool)]
    people = layers.villages["people"].to_numpy(np.float64)
    if ready.empty:
        return np.zeros(people.size)
    posts = _posts(ready)
    weights = _pair_weights(layers.villages, posts, rules, access)
    asked = weights.T @ people
    supply = members_who_come(posts["members"].to_numpy(np.float64), night=night, rules=access)
    ratio = np.divide(supply, asked, out=np.zeros_like(asked), where=asked > 0)
    found: _F64 = weights @ ratio
    return found


def _posts(ready: pd.DataFrame) -> pd.DataFrame:
    return ready.groupby("post_id", sort=True).agg(
        longitude=("longitude", "first"), latitude=("latitude", "first"), members=("members", "sum")
    )


def _pair_weights(
    villages: pd.DataFrame, posts: pd.DataFrame, rules: CoverageRules, access: AccessPolicy
) -> csr_array:
    """Weights of the pairs within the longest catchment, villages x posts."""
    reach_km = max(access.catchment.minutes) / 60 * rules.speed_kmh / rules.detour_factor
    chord = chord_of_km(reach_km)
    here, there = (
        unit_vectors(t["longitude"].to_numpy(), t["latitude"].to_numpy()) for t in (villages, posts)
    )
    pairs = cKDTree(here).sparse_distance_matrix(cKDTree(there), chord, output_type="coo_matrix")
    minutes = km_of_chord(pairs.data) * rules.detour_factor / rules.speed_kmh * 60
    weights = zone_weights(minutes, access.catchment)
    return csr_array((weights, (pairs.row, pairs.col)), shape=(len(villages), len(posts)))
