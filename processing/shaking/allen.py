"""Allen, Wald & Worden (2012): the second opinion on shaking, and the main line by policy.

Verified against published values computed with another implementation of the paper, not only
against our own output.
"""

from __future__ import annotations

import math

import numpy as np

from kentongan.policy import ShakingRules
from kentongan.records import Quake
from kentongan.types import Level
from processing.quakes import Floats

METHOD = "allen-2012-hypo/1"
RUPTURE_METHOD = "allen-2012-rup/1"
ASSUMED_DEPTH_KM = 10.0
"""Where no depth is published: what fast solutions are fixed to, and on the strong side."""
MAX_DISTANCE_KM = 300.0
"""Range of the equation's data (Allen et al. 2012); beyond it is extrapolated."""
MAX_REACH_KM = 1500.0
"""The longest rupture on record is about 1,300 km (Sumatra 2004): nobody is nearer to a rupture
than that far from its hypocentre. Only above M9.2 would Waspada reach further by the equation."""
FELT_MMI = 3.0
"""Below, a quake is hardly felt indoors (MMI II): the field ends there."""
MAX_MAGNITUDE = 7.9
"""Upper end of the equation's data."""
LONG_FAULT_MAGNITUDE = 6.8
"""From here a point source under-estimates along the fault."""
OVERWARNED_MAGNITUDE = (5.0, 6.5)
OVERWARNED_DEPTH_KM = 30.0
"""BMKG's own ShakeMaps minus this equation within 25 km: -1.2 MMI up to M6, -0.9 for M6 to 6.5,
at most 30 km deep (689 maps, 2012-2024)."""


def allen_2012_hypo(
    magnitude: Floats | float, hypocentral_km: Floats | float
) -> tuple[Floats, Floats]:
    """Mean MMI and its standard deviation from moment magnitude and hypocentral distance.

    Allen, Wald & Worden (2012), Intensity attenuation for active crustal regions,
    J. Seismol. 16, 409-433, hypocentral form; symbols as in the paper. For active crust,
    M 5 to 7.9, up to 300 km; no site term. Monotone in M from 1 km of distance.

    Args:
        magnitude: any shape that broadcasts.
        hypocentral_km: distance to the hypocentre, km, > 0.

    Returns:
        MMI (1, not clipped) and sigma (1), broadcast shape.
    """
    m, r = np.asarray(magnitude, dtype=float), np.asarray(hypocentral_km, dtype=float)
    r_m = -0.209 + 2.042 * np.exp(m - 5.0)
    far = np.where(r > 50.0, 0.078 * np.log(np.maximum(r, 50.0) / 50.0), 0.0)
    mmi: Floats = 2.085 + 1.428 * m - 1.402 * np.log(np.sqrt(r**2 + r_m**2)) + far
    sigma: Floats = 0.82 + 0.37 / (1.0 + (r / 22.9) ** 2) + 0.0 * m
    return mmi, sigma


def allen_2012_rup(magnitude: Floats | float, rupture_km: Floats | float) -> tuple[Floats, Floats]:
    """The same paper's form for the closest distance to the rupture, km, >= 0; shapes as above."""
    m, r = np.asarray(magnitude, dtype=float), np.asarray(rupture_km, dtype=float)
    r_m = 1.0 + 0.813 * np.exp(m - 5.0)
    mmi: Floats = 3.950 + 0.913 * m - 1.107 * np.log(np.sqrt(r**2 + r_m**2))
    sigma: Floats = 0.72 + 0.23 / (1.0 + (r / 44.7) ** 2) + 0.0 * m
    return mmi, sigma


def known_figures(quake: Quake) -> tuple[float, float]:
    """Magnitude and depth (km) of a plausible quake; 10 km where no depth is published."""
    depth = ASSUMED_DEPTH_KM if quake.depth_km is None else quake.depth_km
    return float(quake.magnitude or 0.0), depth


def gate_reason(quake: Quake, rules: ShakingRules) -> str:
    """Why the equation has no say (alone: raises no more than a watch); empty: it has."""
    magnitude, depth = known_figures(quake)
    if magnitude < rules.min_magnitude:
        return f"M{magnitude:.1f} < {rules.min_magnitude:.1f}"
    if depth > rules.max_depth_km:
        return f"depth {depth:.0f} km > {rules.max_depth_km:.0f} km"
    return ""


def cap_reason(quake: Quake, rules: ShakingRules) -> str:
    """Why our own line raises no more than a watch; empty: it may."""
    if rules.main == "allen-2012":
        return gate_reason(quake, rules)
    magnitude, depth = known_figures(quake)
    if depth > rules.deep_focus_km:
        return f"depth {depth:.0f} km > {rules.deep_focus_km:.0f} km"
    if magnitude < rules.min_magnitude:
        return f"M{magnitude:.1f} < {rules.min_magnitude:.1f}"
    return ""


def ceiling(quake: Quake, rules: ShakingRules, *, felt: bool) -> Level:
    """The highest level that our own line may raise.

    `felt`: several places report more than the chain gives, so a small quake may be one to warn of.
    """
    if not cap_reason(quake, rules):
        return Level.AWAS
    deep = known_figures(quake)[1] > rules.deep_focus_km
    return Level.WASPADA if felt and not deep else Level.WATCH


def field_radius_km(quake: Quake, rules: ShakingRules, shift: float = 0.0) -> float:
    """Epicentral distance to which the equation's field reaches; `shift` is added to its MMI.

    Where MMI falls below 3, at most 300 km; a great quake whose watch level reaches further
    is followed to where that level ends, at most 1,500 km.
    """
    magnitude, depth = known_figures(quake)
    distances = np.arange(0.0, MAX_REACH_KM, 1.0)
    mmi = allen_2012_hypo(magnitude, np.hypot(distances, max(depth, 1.0)))[0] + shift
    return reach_km(distances, mmi, rules.mmi[0])


def reach_km(distances: Floats, mmi: Floats, watch_mmi: float) -> float:
    """Where a falling curve leaves what is felt (at most 300 km), or the watch level if farther."""
    felt = float(distances[np.argmax(mmi < FELT_MMI)]) if (mmi < FELT_MMI).any() else math.inf
    watched = float(distances[0] + np.count_nonzero(mmi >= watch_mmi) * (distances[1]))
    return max(min(felt, MAX_DISTANCE_KM), watched)
