"""One state of knowledge → intensity and level on cells; several → what holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError, KentonganError
from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.policy import ShakingRules
from kentongan.shakegrid import ShakeArrays
from kentongan.types import Level
from processing.gmm.bmkg import QuakeFacts, Sites
from processing.quakes import Floats, distance_km
from processing.shaking.allen import (
    allen_2012_hypo,
    ceiling,
    field_radius_km,
    gate_reason,
)
from processing.shaking.felt import EventTerm, Predict, Reports, event_term, reports, says_more
from processing.shaking.inputs import ShakingInputs
from processing.shaking.knowledge import Knowledge
from processing.shaking.lines import (
    allen_mmi,
    chain_mmi,
    chain_radius_km,
    epicentral_km,
    extended,
    facts_of,
    grid_on,
)
from processing.shaking.site import Site, site_of

Levels = npt.NDArray[np.int8]
WITHIN_KM = 150.0
"""Where our line and BMKG's grid are compared: `docs/shaking.md`."""
MOST_CELLS = 4_000_000
"""Of a grid carried on: 12 fields are 400 MB. A finer one is taken onto the base grid."""
FAR_APART = 2.0
"""MMI, mean within 150 km: two levels; a person must look."""


def mmi_level(mmi: Floats, rules: ShakingRules) -> Levels:
    """Level 0..4 by lower edges, int8; an edge belongs to the level above it; NaN is -1."""
    level = np.digitize(np.nan_to_num(mmi, nan=0.0), rules.mmi).astype(np.int8)
    return np.where(np.isnan(mmi), np.int8(LEVEL_UNKNOWN), level).astype(np.int8)


@dataclass(frozen=True)
class Difference:
    """Our line minus BMKG's grid within 150 km."""

    cells: int
    mean: float
    absolute: float
    largest: float


@dataclass(frozen=True, eq=False)
class Lines:
    """What each line says; arrays of shape (latitude, longitude)."""

    latitude: Floats
    longitude: Floats
    site: Site
    away_km: Floats
    """To the rupture's projection if it is known, else to the epicentre."""
    chain: Floats | None
    """With its event term; None: not computed, `trouble` says why."""
    allen: Floats | None
    """With its event term; None: it has no say here."""
    chain_term: EventTerm
    allen_term: EventTerm
    reports: Reports
    grid: Floats | None
    """BMKG's own, NaN outside of it."""
    difference: Difference | None
    """Of what we said."""
    chain_difference: Difference | None
    """Of the chain alone: whether BMKG still computes as it did."""
    mmi: Floats
    """What the level is taken from."""
    level: Levels
    ceiling: Level
    """The highest level that our own line may raise here."""
    raised: int
    """Cells whose level the second opinion raised."""
    trouble: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Axes:
    latitude: Floats
    longitude: Floats
    arrays: ShakeArrays | None
    trouble: tuple[str, ...] = ()


def axes_for(
    current: Knowledge,
    others: tuple[Knowledge, ...],
    inputs: ShakingInputs,
    rules: ShakingRules,
    grid: Grid = BASE_GRID,
) -> Axes | None:
    """Cells that hold every state: of the base grid, or of BMKG's own carried on beyond its edges.

    While earlier states hold, the base grid: on other cells a level could fall at a border.
    None: nothing of it lies on the base grid.
    """
    boxes = [_box(one, rules) for one in (current, *others)]
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    rows, columns = grid.window(west, south, east, north)
    latitude, longitude = grid.latitude[rows], grid.longitude[columns]
    if not latitude.size or not longitude.size:
        return None
    arrays, trouble = _arrays(current, inputs)
    if arrays is None or others or _too_fine(arrays, latitude, longitude):
        return Axes(latitude, longitude, arrays, trouble)
    return Axes(
        extended(arrays.latitude, float(latitude[0]), float(latitude[-1])),
        extended(arrays.longitude, float(longitude[0]), float(longitude[-1])),
        arrays,
    )


def _too_fine(arrays: ShakeArrays, latitude: Floats, longitude: Floats) -> bool:
    """Whether the grid, carried on to hold these axes, has more cells than can be computed."""
    cells = 1.0
    for have, want in ((arrays.latitude, latitude), (arrays.longitude, longitude)):
        whole = max(have[-1], want[-1]) - min(have[0], want[0])
        cells *= 1.0 + float(whole) * (have.size - 1) / float(have[-1] - have[0])
    return cells > MOST_CELLS


def _box(state: Knowledge, rules: ShakingRules) -> tuple[float, float, float, float]:
    """West, south, east, north of all cells that the state may reach, degrees."""
    quake, radius = state.quake, _radius_km(state, rules)
    west, south, east, north = (quake.longitude, quake.latitude) * 2
    if state.fault is not None:
        edges = state.fault.bounds
        west, south = min(west, edges[0]), min(south, edges[1])
        east, north = max(east, edges[2]), max(north, edges[3])
    up = math.degrees(radius / 6371.0)
    widest = min(89.0, max(abs(south), abs(north)) + up)
    aside = min(180.0, up / math.cos(math.radians(widest)))
    return west - aside, south - up, east + aside, north + up


def _radius_km(state: Knowledge, rules: ShakingRules) -> float:
    quake, shift = state.quake, rules.felt_max_shift if state.felt else 0.0
    second = field_radius_km(quake, rules, shift)
    if rules.main == "allen-2012":
        return second
    near = 0.0 if gate_reason(quake, rules) else min(second, 2 * rules.second_raises_within_km)
    try:
        return max(near, chain_radius_km(quake, rules, shift))
    except KentonganError:  # `compute` says so, and takes the equation
        return second


def compute(
    state: Knowledge, where: Axes, inputs: ShakingInputs, rules: ShakingRules, site: Site
) -> Lines:
    """All lines of one state on these cells."""
    quake, trouble = state.quake, list(where.trouble)
    found = reports(state.felt, quake, inputs.locate, rules)
    chain, chain_term = None, EventTerm()
    try:
        chain_term = event_term(found, _chain_at(state, inputs, rules), rules)
        chain = chain_mmi(quake, site.cells, state.fault) + chain_term.applied
    except KentonganError as error:
        trouble.append(f"BMKG's chain cannot be computed: {error}")
    allen, allen_term = None, EventTerm()
    if not gate_reason(quake, rules) or rules.main == "allen-2012" or chain is None:
        allen_term = event_term(found, _allen_at(state), rules)
        allen = allen_mmi(quake, where.latitude, where.longitude, state.fault)
        allen = allen + allen_term.applied
    away = _away_km(state, where)
    own, raised = _own(chain, allen, away, rules)
    level = mmi_level(own, rules)
    highest = ceiling(quake, rules, felt=says_more(found, chain_term, rules))
    if chain is None and gate_reason(quake, rules):
        highest = Level.WATCH
    level = np.minimum(level, np.int8(highest))
    grid, difference, chain_difference = None, None, None
    arrays, more = (None, ()) if where.trouble else _arrays(state, inputs)
    trouble += more
    if arrays is not None:
        on = grid_on(arrays, where.latitude, where.longitude)
        grid = on.mmi
        difference = _difference(own, on.mmi, away)
        chain_difference = None if chain is None else _difference(chain, on.mmi, away)
        taken = np.fmax(on.mmi, own) if far_below(chain_difference) else on.mmi
        level = np.where(on.inside, mmi_level(taken, rules), level).astype(np.int8)
        own = np.where(on.inside, taken, own)
    return Lines(
        latitude=where.latitude,
        longitude=where.longitude,
        site=site,
        away_km=away,
        chain=chain,
        allen=allen,
        chain_term=chain_term,
        allen_term=allen_term,
        reports=found,
        grid=grid,
        difference=difference,
        chain_difference=chain_difference,
        mmi=own,
        level=level,
        ceiling=highest,
        raised=raised,
        trouble=tuple(dict.fromkeys(trouble)),
    )


def _arrays(state: Knowledge, inputs: ShakingInputs) -> tuple[ShakeArrays | None, tuple[str, ...]]:
    """Cells of the state's grid, or why there are none.

    One that does not hold the epicentre says nothing of this quake, whatever its head says.
    """
    if state.grid is None:
        return None, ()
    try:
        arrays = inputs.grid(state.grid)
    except KentonganError as error:
        return None, (f"BMKG's grid cannot be read: {error}",)
    place = (state.quake.latitude, state.quake.longitude)
    for where, axis in zip(place, (arrays.latitude, arrays.longitude), strict=True):
        if not axis[0] <= where <= axis[-1]:
            return None, ("BMKG's grid does not hold the epicentre: not used",)
    return arrays, ()


def _away_km(state: Knowledge, where: Axes) -> Floats:
    """Distance to the rupture's projection if it is known, else to the epicentre, km."""
    if state.fault is not None:
        return state.fault.surface_km(where.latitude, where.longitude)
    return epicentral_km(state.quake, where.latitude, where.longitude)


def _own(
    chain: Floats | None, allen: Floats | None, away: Floats, rules: ShakingRules
) -> tuple[Floats, int]:
    """Our own line by policy, and the cells that the second opinion raised a level."""
    if allen is not None and (chain is None or rules.main == "allen-2012"):
        return allen, 0
    if chain is None:
        raise DataError("shaking: expected a line of intensity, found none")
    if allen is None or not rules.second_raises_within_km:
        return chain, 0
    own = chain + _weight(away, rules) * np.maximum(allen - chain, 0.0)
    raised = int((mmi_level(own, rules) > mmi_level(chain, rules)).sum())
    return own, raised


def _weight(away: Floats, rules: ShakingRules) -> Floats:
    """Of the second opinion: whole up to its distance, none from twice that, even between."""
    found: Floats = np.clip(2.0 - away / rules.second_raises_within_km, 0.0, 1.0)
    return found


def raised(
    chain: npt.NDArray[np.floating],
    quake: QuakeFacts,
    cells: Sites,
    rules: ShakingRules,
    term: float = 0.0,
) -> Floats:
    """MMI of the chain, raised near the epicentre by Allen et al. (2012) as the level is.

    For members of an ensemble, whose gate is that of the event.
    """
    away = distance_km(
        cells.latitude[:, None],
        cells.longitude[None, :],
        to_latitude=quake.latitude,
        to_longitude=quake.longitude,
    )
    second = allen_2012_hypo(quake.magnitude, np.hypot(away, max(quake.depth, 1.0)))[0] + term
    found: Floats = chain + _weight(away, rules) * np.maximum(second - chain, 0.0)
    return found


def _difference(own: Floats, grid: Floats, away: Floats) -> Difference | None:
    compared = np.isfinite(grid) & (away <= WITHIN_KM)
    if not compared.any():
        return None
    found = (np.maximum(own, 1.0) - grid)[compared]
    largest = found[int(np.argmax(np.abs(found)))]
    return Difference(
        int(found.size), float(found.mean()), float(np.abs(found).mean()), float(largest)
    )


def far_below(chain: Difference | None) -> bool:
    """Whether BMKG's grid lies so far below its own formulas that it lowers nothing.

    The same formulas differ by 0.03 on average.
    """
    return chain is not None and chain.mean >= FAR_APART


def _chain_at(state: Knowledge, inputs: ShakingInputs, rules: ShakingRules) -> Predict:
    def predict(latitude: Floats, longitude: Floats) -> Floats:
        cells = site_of(latitude, longitude, inputs.ground, rules.default_vs30).cells
        return np.diagonal(chain_mmi(state.quake, cells, state.fault))

    facts_of(state.quake)
    return predict


def _allen_at(state: Knowledge) -> Predict:
    def predict(latitude: Floats, longitude: Floats) -> Floats:
        return np.diagonal(allen_mmi(state.quake, latitude, longitude, state.fault))

    return predict


@dataclass(frozen=True, eq=False)
class Held:
    """Levels and intensity that hold, shape of the cells."""

    mmi: Floats
    level: Levels
    kept: int
    """Cells that an earlier state keeps up."""


def hold(current: Lines, earlier: tuple[Lines, ...]) -> Held:
    """The highest of all states, cell by cell."""
    mmi, level = current.mmi, current.level
    for one in earlier:
        mmi, level = np.fmax(mmi, one.mmi), np.maximum(level, one.level)
    return Held(mmi, level.astype(np.int8), int((level > current.level).sum()))
