"""The lines of intensity on one set of cells: BMKG's chain, the equation, BMKG's own grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kentongan.policy import ShakingRules
from kentongan.records import Quake
from kentongan.shakegrid import ShakeArrays
from processing.gmm.bmkg import (
    METHOD,
    QuakeFacts,
    Sites,
    ln_motion_grid,
    mmi_grid,
    mmi_sigma,
    model_for,
)
from processing.gmm.chain import Model, bmkg_chain
from processing.gmm.gmice import bmkg_mmi
from processing.gmm.motion import ba08_curve, curve, motion, site_factors, zhao06_at
from processing.gmm.zhao06 import DEPTH_CAP_KM
from processing.quakes import Floats, distance_km
from processing.shaking.allen import (
    MAX_REACH_KM,
    allen_2012_hypo,
    allen_2012_rup,
    known_figures,
    reach_km,
)
from processing.shaking.fault import Fault
from processing.shaking.site import Site

CHAIN_METHOD = METHOD
_SOFTEST = 180.0
"""m/s: no cell has less (`processing.gmm.vs30`)."""
_INTO_SLAB_KM = 1.0
"""Beyond the depth at which BMKG's run turns to its slab model: there that shakes most nearby."""
_SLAB_MAGNITUDE = 8.6
"""Greater quakes break plate boundaries only: the greatest on record within a slab or near one are
8.3 (Okhotsk 2013) and 8.5 (Banda Sea 1938, about 60 km deep)."""


def facts_of(quake: Quake) -> QuakeFacts:
    """What the chain needs.

    Raises:
        DataError: a figure cannot be of a quake.
    """
    magnitude, _ = known_figures(quake)
    return QuakeFacts(magnitude, quake.depth_km, quake.latitude, quake.longitude)


def epicentral_km(quake: Quake, latitude: Floats, longitude: Floats) -> Floats:
    """Shape (latitude, longitude)."""
    return distance_km(
        latitude[:, None],
        longitude[None, :],
        to_latitude=quake.latitude,
        to_longitude=quake.longitude,
    )


def may_be(facts: QuakeFacts) -> tuple[QuakeFacts, ...]:
    """The quake itself; where its depth is not published also one in the slab, shallow and deep.

    A slab quake of M 7.3 shakes up to 1 MMI more than one of 10 km, mostly beyond 50 km. Together
    they stand for all depths from 10 km within 0.1 MMI.
    """
    chain = bmkg_chain()
    if facts.depth_km is not None or model_for(facts, chain) is Model.BA08:
        return (facts,)
    great = facts.magnitude >= chain.choice.interface_from_magnitude
    border = chain.choice.interface_to_km if great else chain.choice.crustal_to_km
    magnitude = min(facts.magnitude, _SLAB_MAGNITUDE)
    slab = (border + _INTO_SLAB_KM, DEPTH_CAP_KM)
    return (facts, *(replace(facts, magnitude=magnitude, depth_km=depth) for depth in slab))


def chain_mmi(quake: Quake, cells: Sites, fault: Fault | None = None) -> Floats:
    """MMI of BMKG's chain, 1 to 10, shape (latitude, longitude); along a rupture if one is known.

    Without a published depth the highest of `may_be`, cell by cell.

    Raises:
        DataError: a figure cannot be of a quake.
    """
    facts = facts_of(quake)
    if fault is None:
        fields = [mmi_grid(one, cells) for one in may_be(facts)]
        found: Floats = np.maximum.reduce(fields).astype(float)
        return found
    ln_pgv = _rupture_ln_pgv(facts, cells, fault)
    return bmkg_mmi(ln_pgv, facts.magnitude)


def _rupture_ln_pgv(facts: QuakeFacts, cells: Sites, fault: Fault) -> Floats:
    """ln PGV (cm/s) with distances to the rupture in place of expected ones."""
    model, chain = model_for(facts), bmkg_chain()
    surface = fault.surface_km(cells.latitude, cells.longitude)
    if model is Model.BA08:
        found = ba08_curve("pgv", chain, facts.magnitude, surface)
    else:
        rupture = np.maximum(np.hypot(surface, fault.top_km), chain.distance.least_km)
        found = zhao06_at("pgv", chain, model, facts.magnitude, facts.depth, rupture)
    return motion(found, site_factors("pgv", model, cells.vs30.astype(float)))


def allen_mmi(
    quake: Quake, latitude: Floats, longitude: Floats, fault: Fault | None = None
) -> Floats:
    """MMI of Allen et al. (2012), not clipped, shape (latitude, longitude)."""
    magnitude, depth = known_figures(quake)
    if fault is not None:
        return allen_2012_rup(magnitude, fault.rupture_km(latitude, longitude))[0]
    epicentral = epicentral_km(quake, latitude, longitude)
    return allen_2012_hypo(magnitude, np.hypot(epicentral, max(depth, 1.0)))[0]


def chain_sigma_at_epicentre(quake: Quake, site: Site) -> float:
    """Of the MMI felt at the cell nearest to the epicentre."""
    facts, cells = facts_of(quake), site.cells
    row = int(np.argmin(np.abs(cells.latitude - quake.latitude)))
    column = int(np.argmin(np.abs(cells.longitude - quake.longitude)))
    one = Sites(
        cells.latitude[[row]], cells.longitude[[column]], cells.vs30[[row]][:, [column]], 1.0
    )
    return float(mmi_sigma(ln_motion_grid("pgv", facts, one), facts)[0, 0])


def chain_radius_km(quake: Quake, rules: ShakingRules, shift: float = 0.0) -> float:
    """Distance to which the chain's field reaches on the softest ground.

    Where MMI falls below 3, at most 300 km; the watch level is followed to its end.
    """
    distances = np.arange(0.0, MAX_REACH_KM, 1.0)
    curves = [_softest_mmi(one, distances) for one in may_be(facts_of(quake))]
    mmi = np.maximum.reduce(curves) + shift
    return reach_km(distances, np.minimum.accumulate(mmi), rules.mmi[0])


def _softest_mmi(facts: QuakeFacts, distances: Floats) -> Floats:
    chain = bmkg_chain()
    found = curve("pgv", chain, facts.magnitude, facts.depth, distances)
    soft = site_factors("pgv", model_for(facts, chain), np.full(distances.shape, _SOFTEST))
    return bmkg_mmi(motion(found, soft), facts.magnitude)


@dataclass(frozen=True, eq=False)
class OnCells:
    """A grid of BMKG's on other cells: the nearest of its own."""

    mmi: Floats
    """NaN outside; shape (latitude, longitude)."""
    inside: npt.NDArray[np.bool_]


def grid_on(arrays: ShakeArrays, latitude: Floats, longitude: Floats) -> OnCells:
    row, row_in = _nearest(arrays.latitude, latitude)
    column, column_in = _nearest(arrays.longitude, longitude)
    inside = row_in[:, None] & column_in[None, :]
    taken = arrays.values["MMI"][np.ix_(row, column)]
    return OnCells(np.where(inside, taken, np.nan), inside)


def _nearest(have: Floats, want: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    step = (have[-1] - have[0]) / (have.size - 1)
    place = np.rint((want - have[0]) / step).astype(np.int64)
    inside = (place >= 0) & (place < have.size)
    return np.clip(place, 0, have.size - 1), inside


def extended(axis: Floats, low: float, high: float) -> Floats:
    """The same even axis, carried on by whole steps until it holds `low` to `high`."""
    step = float(axis[-1] - axis[0]) / (axis.size - 1)
    before = max(0, math.ceil((float(axis[0]) - low) / step - 0.5))
    after = max(0, math.ceil((high - float(axis[-1])) / step - 0.5))
    found: Floats = np.concatenate(
        [
            axis[0] - step * np.arange(before, 0, -1),
            axis,
            axis[-1] + step * np.arange(1, after + 1),
        ]
    )
    return found
