"""BMKG's chain: ground motion as one curve over distance and factors of Vs30.

    ln motion = base(r) + site(v) + gain(r) * slope_b(v) + bend(r) * slope(v)

The last two are BA08's nonlinear site term as BMKG's grids have it, in three zones of the rock
motion; Zhao's models have none. Splitting it so makes a grid of a million cells cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from processing.gmm import ba08, zhao06
from processing.gmm.chain import SOURCES, Ba08Terms, Chain, Model, choose
from processing.gmm.coefficients import Ba08, Measure
from processing.gmm.coefficients import ba08 as ba08_row
from processing.gmm.coefficients import zhao06 as zhao06_row
from processing.gmm.distance import rupture_distance

Floats = npt.NDArray[np.float64]

GRAVITY_GAL = 980.665
VS30_RANGE = (180.0, 1300.0)
"""m/s that BA08 is for, p. 104; beyond, the end counts."""
_LN_LOW = float(np.log(ba08.PGA_LOW / 0.1))
_LN_ZONES = float(np.log(ba08.A_2 / ba08.A_1))


@dataclass(frozen=True)
class Curve:
    """One measure over distance; arrays of one shape. PGA in g, PGV in cm/s, ln."""

    base: Floats
    gain: Floats
    bend: Floats


@dataclass(frozen=True)
class SiteFactors:
    """One measure over Vs30; arrays of one shape."""

    site: Floats
    slope_b: Floats
    slope: Floats


def motion(curve: Curve, factors: SiteFactors) -> Floats:
    """ln of PGA (g) or PGV (cm/s), broadcast shape."""
    return curve.base + factors.site + curve.gain * factors.slope_b + curve.bend * factors.slope


def curve(
    measure: Measure, chain: Chain, magnitude: float, depth_km: float, epicentral_km: Floats
) -> Curve:
    """The chain's curve for the model that it chooses."""
    model = choose(magnitude, depth_km, chain.choice)
    if model is Model.BA08:
        return ba08_curve(measure, chain, magnitude, epicentral_km)
    return zhao06_curve(measure, chain, model, magnitude, depth_km, epicentral_km)


def site_factors(measure: Measure, model: Model, vs30: Floats) -> SiteFactors:
    """Factors for one model; Vs30 in m/s."""
    if model is Model.BA08:
        row = ba08_row(measure)
        clipped = np.clip(vs30, *VS30_RANGE)
        slope = grid_slope(row, clipped)
        return SiteFactors(ba08.linear_site(row, clipped), slope + row.b2, slope)
    none = np.zeros(np.shape(vs30))
    row_z = zhao06_row("pga" if measure == "pga" else "sa1")
    return SiteFactors(zhao06.site_term(row_z, vs30), none, none)


def grid_slope(row: Ba08, vs30: Floats) -> Floats:
    """b_nl as BMKG's grids have it: equation 13b of BA08 without its last term, b2."""
    found = ba08.nonlinear_slope(row, vs30)
    between = (vs30 > ba08.V_1) & (vs30 <= ba08.V_2)
    return np.where(between, found - row.b2, found)


def small_magnitude(magnitude: float, rjb_km: Floats) -> Floats:
    """Atkinson & Boore (2011), equation 5, with its log10 read as ln: so BMKG's grids have it."""
    scale = max(0.0, 3.888 - 0.674 * magnitude)
    decay = max(0.0, 2.933 - 0.510 * magnitude)
    found: Floats = scale - decay * np.log(rjb_km + 10.0)
    return found


def rock_ba08(measure: Measure, chain: Chain, magnitude: float, epicentral_km: Floats) -> Floats:
    """ln of BA08 on rock with the small-magnitude term; Rjb is the epicentral distance."""
    r = np.maximum(epicentral_km, chain.ba08.min_distance_km)
    return ba08.rock(ba08_row(measure), magnitude, r) + small_magnitude(magnitude, r)


def zone_position(chain: Chain, magnitude: float, rock_pga: Floats) -> Floats:
    """ln of the motion that decides the zone, over 0.03 g: middle zone from 0 to ln 3."""
    fit = chain.ba08
    return rock_pga + fit.zone_ln_scale + fit.zone_per_magnitude * (magnitude - 5.0)


def ba08_curve(measure: Measure, chain: Chain, magnitude: float, epicentral_km: Floats) -> Curve:
    """BA08 as BMKG's grids have it; beyond its own magnitudes it is not checked."""
    rock = rock_ba08(measure, chain, magnitude, epicentral_km)
    x = zone_position(chain, magnitude, rock_ba08("pga", chain, magnitude, epicentral_km))
    terms: Ba08Terms = getattr(chain.ba08, measure)
    middle, near = (x > 0) & (x <= _LN_ZONES), x > _LN_ZONES
    cubic = ba08.transition(ba08.A_1 * np.exp(np.minimum(x, _LN_ZONES)))
    extra = np.where(middle, terms.middle * cubic, 0.0)
    extra = np.where(near, terms.near + terms.near_slope * (x - _LN_ZONES), extra)
    level = terms.offset + terms.per_magnitude * (magnitude - 5.0)
    level += terms.below_m4 if magnitude < 3.95 else 0.0
    bend = np.select([middle, near], [cubic, np.log(0.9) + (x - _LN_ZONES)], 0.0)
    gain = np.where(middle | near, _LN_LOW, 2 * _LN_LOW)
    return Curve(rock + np.log(chain.component_factor) + level + extra, gain, bend)


def zhao06_curve(
    measure: Measure,
    chain: Chain,
    model: Model,
    magnitude: float,
    depth_km: float,
    epicentral_km: Floats,
) -> Curve:
    """Zhao et al. at the expected rupture distance; PGV from the spectrum at 1.0 s."""
    depth = min(depth_km, zhao06.DEPTH_CAP_KM)
    rrup = rupture_distance(chain.distance, magnitude, np.hypot(epicentral_km, depth))
    return zhao06_at(measure, chain, model, magnitude, depth_km, rrup)


def zhao06_at(
    measure: Measure,
    chain: Chain,
    model: Model,
    magnitude: float,
    depth_km: float,
    rupture_km: Floats,
) -> Curve:
    """The same at known rupture distances, > 0."""
    depth = min(depth_km, zhao06.DEPTH_CAP_KM)
    period, source = ("pga" if measure == "pga" else "sa1"), SOURCES[model]
    row = zhao06_row("pga" if measure == "pga" else "sa1")
    unit = 1.0 if period == "pga" else chain.pgv_per_sa1
    base = zhao06.source_term(row, source, magnitude, depth) + zhao06.path_term(
        row, source, magnitude, rupture_km
    )
    none = np.zeros(np.shape(base))
    return Curve(base + np.log(unit * chain.component_factor / GRAVITY_GAL), none, none)
