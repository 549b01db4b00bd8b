"""Shaking: intensity of a quake by Allen, Wald & Worden (2012), hypocentral form, gated.

Verified against published values computed with another implementation of the paper, not only
against our own output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import (
    LEVEL_UNKNOWN,
    AreaRule,
    HazardEvent,
    HazardField,
    attributes,
)
from kentongan.policy import LevelPolicy, ShakingRules
from kentongan.records import Felt, Quake, Record
from kentongan.types import HazardId, Level, Quality
from processing.quakes import (
    NO_PAST,
    Floats,
    Past,
    QuakeGroup,
    distance_km,
    figures,
    magnitude_words,
    plausible,
    quake_groups,
)
from processing.rasters import QUALITIES, grid_coordinates, level_attributes, quality_attributes

if TYPE_CHECKING:
    import xarray as xr

METHOD = "allen-2012-hypo/1"
PREFIX = "shaking-"
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


def mmi_level(mmi: Floats, rules: ShakingRules) -> np.ndarray:
    """Level 0..4 by lower edges, int8; an edge belongs to the level above it; NaN is -1."""
    level = np.digitize(np.nan_to_num(mmi, nan=0.0), rules.mmi).astype(np.int8)
    return np.where(np.isnan(mmi), np.int8(LEVEL_UNKNOWN), level).astype(np.int8)


def gate_reason(quake: Quake, rules: ShakingRules) -> str:
    """Why the equation may raise no more than a watch; empty: it may."""
    magnitude, depth = figures(quake)
    if magnitude < rules.min_magnitude:
        return f"M{magnitude:.1f} < {rules.min_magnitude:.1f}"
    if depth > rules.max_depth_km:
        return f"depth {depth:.0f} km > {rules.max_depth_km:.0f} km"
    return ""


def field_radius_km(quake: Quake, rules: ShakingRules) -> float:
    """Epicentral distance to which the field reaches.

    Where MMI falls below 3, at most 300 km; a great quake whose watch level reaches further
    is followed to where that level ends, at most 1,500 km.
    """
    magnitude, depth = figures(quake)
    distances = np.arange(0.0, MAX_REACH_KM, 1.0)
    mmi, _ = allen_2012_hypo(magnitude, np.hypot(distances, max(depth, 1.0)))
    felt = float(distances[np.argmax(mmi < FELT_MMI)]) if (mmi < FELT_MMI).any() else math.inf
    watched = float(np.count_nonzero(mmi >= rules.mmi[0]))
    return max(min(felt, MAX_DISTANCE_KM), watched)


def shaking_raster(
    quake: Quake, rules: ShakingRules, *, grid: Grid = BASE_GRID
) -> xr.Dataset | None:
    """Level, MMI and quality around an epicentre; none if that lies off the grid.

    Returns:
        Dims (latitude, longitude), both ascending, a window of `grid`: `hazard_level` int8
        0..4 (fill -1), `mmi` float32 (1), `quality` int8. Outside the window: level 0.
    """
    magnitude, depth = figures(quake)
    radius = field_radius_km(quake, rules)
    rows, columns = _window(quake, radius, grid)
    latitude, longitude = grid.latitude[rows], grid.longitude[columns]
    if not latitude.size or not longitude.size:
        return None
    epicentral = distance_km(
        latitude[:, None],
        longitude[None, :],
        to_latitude=quake.latitude,
        to_longitude=quake.longitude,
    )
    mmi, _ = allen_2012_hypo(magnitude, np.hypot(epicentral, max(depth, 1.0)))
    level = mmi_level(mmi, rules)
    if gate_reason(quake, rules):
        level = np.minimum(level, np.int8(Level.WATCH))
    return _dataset(latitude, longitude, level, mmi, _cell_quality(quake, rules, epicentral))


def _window(quake: Quake, radius_km: float, grid: Grid) -> tuple[slice, slice]:
    north = math.degrees(radius_km / 6371.0)
    widest = min(89.0, abs(quake.latitude) + north)
    east = min(180.0, north / math.cos(math.radians(widest)))
    return grid.window(
        quake.longitude - east,
        quake.latitude - north,
        quake.longitude + east,
        quake.latitude + north,
    )


def _cell_quality(quake: Quake, rules: ShakingRules, epicentral_km: Floats) -> np.ndarray:
    whole = field_quality(quake, rules) is not Quality.OK
    extrapolated = QUALITIES.index(Quality.EXTRAPOLATED)
    cell = np.where(epicentral_km > MAX_DISTANCE_KM, extrapolated, QUALITIES.index(Quality.OK))
    return np.where(whole, extrapolated, cell).astype(np.int8)


def field_quality(quake: Quake, rules: ShakingRules) -> Quality:
    """Extrapolated outside the magnitudes and depths that the equation was made for."""
    outside = gate_reason(quake, rules) or figures(quake)[0] > MAX_MAGNITUDE
    return Quality.EXTRAPOLATED if outside else Quality.OK


def _dataset(
    latitude: Floats, longitude: Floats, level: np.ndarray, mmi: Floats, quality: np.ndarray
) -> xr.Dataset:
    import xarray as xr

    dims = ("latitude", "longitude")
    dataset = xr.Dataset(
        {
            "hazard_level": (dims, level, level_attributes("shaking")),
            "mmi": (
                dims,
                mmi.astype(np.float32),
                {"long_name": "macroseismic intensity (MMI)", "units": "1"},
            ),
            "quality": (dims, quality, quality_attributes()),
        },
        coords=grid_coordinates(latitude, longitude),
    )
    return dataset.assign_attrs(value_variable="mmi", outside="none")


def shaking_fields(
    records: Sequence[Record],
    *,
    policy: LevelPolicy,
    since: datetime | None = None,
    past: Past = NO_PAST,
) -> list[HazardField]:
    """One field a quake whose shaking reaches level 1 or more on the base grid.

    A quake whose warning would have ended before `since` is left out.
    """
    term = timedelta(hours=policy.shaking.valid_hours)
    groups = [
        group
        for group in quake_groups(records, past=past, prefix=PREFIX)
        if since is None or group.best.quake.origin_time + term > since
    ]
    fields = [_field(group, policy.shaking) for group in groups]
    return [field for field in fields if field is not None]


def _field(group: QuakeGroup, rules: ShakingRules) -> HazardField | None:
    quake = group.best.quake
    if not plausible(quake):
        return None
    raster = shaking_raster(quake, rules)
    if raster is None or int(raster["hazard_level"].max()) < Level.WATCH:
        return None
    event = _event(group, rules, raster)
    return HazardField(
        event=event,
        rule=AreaRule.SHARE_OF_PEOPLE,
        raster=raster.assign_attrs(attributes(event)),
    )


def _event(group: QuakeGroup, rules: ShakingRules, raster: xr.Dataset) -> HazardEvent:
    quake = group.best.quake
    return HazardEvent(
        event_id=f"{PREFIX}{group.event_key}",
        hazard_id=HazardId.SHAKING,
        level=Level(int(raster["hazard_level"].max())),
        onset=quake.origin_time,
        valid_from=group.best.issued,
        valid_to=quake.origin_time + timedelta(hours=rules.valid_hours),
        official=False,
        status=group.status,
        re_creation=group.re_creation,
        title=f"{magnitude_words(quake)}, {quake.place}",
        place=quake.place,
        method=METHOD,
        quality=field_quality(quake, rules),
        observations=group.observations,
        evidence=_evidence(group, rules, float(raster["mmi"].max())),
    )


def _evidence(
    group: QuakeGroup, rules: ShakingRules, mmi_max: float
) -> dict[str, str | float | int | bool | None]:
    quake = group.best.quake
    magnitude, depth = figures(quake)
    _, sigma = allen_2012_hypo(magnitude, max(depth, 1.0))
    return {
        "magnitude": magnitude,
        "depth_km": depth,
        "latitude": quake.latitude,
        "longitude": quake.longitude,
        "mmi_max": round(mmi_max, 2),
        "mmi_sigma_at_epicentre": round(float(sigma), 2),
        "mmi_thresholds": "/".join(str(edge) for edge in rules.mmi),
        "solutions": len(group.solutions),
        "source": group.best.source_id,
        "felt": "; ".join(_felt_words(entry) for entry in group.felt),
        "potential": "; ".join(_potential(group)),
        "gate": gate_reason(quake, rules),
        "limits": "; ".join(limits(quake, rules)),
    }


def _potential(group: QuakeGroup) -> list[str]:
    """What BMKG says of a tsunami, each statement once, oldest first."""
    said = (" ".join(s.quake.potential.replace(";", ",").split()) for s in group.solutions)
    return list(dict.fromkeys(text for text in said if text))


def _felt_words(entry: Felt) -> str:
    low, high = f"{entry.mmi_low:g}", f"{entry.mmi_high:g}"
    return f"{entry.place} MMI {low}" + ("" if low == high else f"-{high}")


def limits(quake: Quake, rules: ShakingRules) -> list[str]:
    """What a duty officer must know about this estimate."""
    magnitude, depth = figures(quake)
    found = ["intensity equation without site effect, point source"]
    if gate_reason(quake, rules):
        found.append(
            "outside the equation's magnitudes or depths: watch only, use BMKG's felt text"
        )
    low, high = OVERWARNED_MAGNITUDE
    if low <= magnitude <= high and depth <= OVERWARNED_DEPTH_KM:
        found.append("M5 to 6.5, shallow: about 1 MMI above BMKG's ShakeMaps within 25 km")
    if magnitude >= LONG_FAULT_MAGNITUDE:
        found.append("M6.8 and more: too low along the fault")
    if magnitude > MAX_MAGNITUDE:
        found.append("above M7.9: extrapolated")
    return found
