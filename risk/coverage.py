"""How long the nearest Tagana team on duty travels to a village.

A straight line over the sphere, lengthened by a detour factor, at one speed: a stand-in until
roads are loaded. Mobilisation (the time until a team leaves) is never part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from risk.sphere import km_of_chord, unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.policy import CoverageRules

REACH_MINUTES = (30, 60)


def nearest_team_minutes(
    longitude: NDArray[np.float64],
    latitude: NDArray[np.float64],
    teams: pd.DataFrame,
    rules: CoverageRules,
) -> NDArray[np.float32]:
    """Travel time in minutes from the nearest team on duty.

    Args:
        longitude, latitude: degrees, shape (n,).
        teams: columns of `kentongan.areas.TEAMS`.

    Returns:
        float32, shape (n,); NaN where no team is on duty at all.
    """
    ready = teams[teams["on_duty"].to_numpy(bool)]
    if ready.empty:
        return np.full(len(longitude), np.nan, dtype=np.float32)
    posts = unit_vectors(ready["longitude"].to_numpy(), ready["latitude"].to_numpy())
    chord, _ = cKDTree(posts).query(unit_vectors(longitude, latitude))
    km = km_of_chord(chord)
    minutes: NDArray[np.float32] = (km * rules.detour_factor / rules.speed_kmh * 60).astype(
        np.float32
    )
    return minutes
