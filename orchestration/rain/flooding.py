"""Flood in a cycle: the field of rain, the wetness of the days before, the ground of the set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.hazard import AreaRule, HazardEvent, HazardField, attributes
from kentongan.times import iso
from kentongan.types import HazardId, Level, Quality
from orchestration.rain.estimates import (
    days_before,
    estimate_event,
    estimate_raster,
    most,
    mostly,
    percentile,
    window,
)
from orchestration.rain.live import history_of
from orchestration.rain.reasons import NO_RAIN, NO_RASTER

if TYPE_CHECKING:
    import xarray as xr

    from orchestration.context import CycleContext
    from orchestration.rain.history import RainHistory
    from processing.rain.policy import RainPolicy
    from processing.water.estimate import FloodEstimate, Rain
    from processing.water.ground import FloodGround

Grid2 = npt.NDArray[np.float32]


def flood_field(
    context: CycleContext, rain: HazardField, policy: RainPolicy
) -> tuple[HazardField | None, str]:
    """The field of flood, and what of it could not be assessed.

    Raises:
        LayerError, ValueError: the heights cannot be used.
    """
    from orchestration.rain.land import flood_ground_of
    from processing.water.estimate import Onto, flood_estimate

    ground = flood_ground_of(context, policy.flood)
    if ground is None or rain.raster is None:
        return None, NO_RASTER[HazardId.FLOOD] if ground is None else NO_RAIN
    fallen = rain_over(
        rain.raster, ground.latitude, ground.longitude, context, rain.event.onset, policy
    )
    onto = Onto.of((fallen.latitude, fallen.longitude), (ground.latitude, ground.longitude))
    found = flood_estimate(
        ground, fallen, onto, policy.flood, at_most=policy.levels.estimate_at_most
    )
    event = _flood_event(rain.event, ground, fallen, found, policy)
    raster = _flood_raster(ground, found).assign_attrs(attributes(event))
    field = HazardField(event=event, rule=AreaRule.SHARE_OF_PEOPLE, raster=raster)
    if not (found.level >= 0).any():
        return field, "heights and rain have no place in common"
    return field, ""


def rain_over(
    raster: xr.Dataset,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    context: CycleContext,
    time: datetime,
    policy: RainPolicy,
) -> Rain:
    """The part of a field of rain over a place, with its wetness and its own return periods."""
    from orchestration.rain.return_periods import return_periods
    from processing.water.estimate import Rain

    rows = window(raster["latitude"].to_numpy(), latitude)
    columns = window(raster["longitude"].to_numpy(), longitude)
    cut = raster.isel(latitude=rows, longitude=columns)
    here = cut["latitude"].to_numpy(), cut["longitude"].to_numpy()
    sums = {h: cut[f"rain_{h}h"].to_numpy() for h in policy.flood.rain_mm if f"rain_{h}h" in cut}
    history = history_of(str(context.settings.home.resolve()))
    shape = raster["hazard_level"].shape
    return Rain(
        *here,
        now_mm=sums,
        next_hour_mm=cut["rain_next_1h"].to_numpy() if "rain_next_1h" in cut else None,
        api_mm=_wetness(history, time, (rows, columns), shape, policy),
        edges_mm=return_periods(context, *here),
    )


def _wetness(
    history: RainHistory,
    time: datetime,
    cut: tuple[slice, slice],
    shape: tuple[int, ...],
    policy: RainPolicy,
) -> Grid2 | None:
    from processing.water.estimate import wetness_of

    days = days_before(history, time, policy.flood.api_days, cut, shape)
    known = [day for day in days if day is not None]
    if not known:
        return None
    nothing = np.full(known[0].shape, np.nan, dtype=np.float32)
    stack = np.stack([nothing if day is None else day for day in reversed(days)])
    return wetness_of(stack, policy.flood)


def _flood_event(
    rain: HazardEvent,
    ground: FloodGround,
    fallen: Rain,
    found: FloodEstimate,
    policy: RainPolicy,
) -> HazardEvent:
    from processing.water.estimate import METHOD

    coarse = ground.cell_m > policy.flood.fine_enough_m
    warned = found.level >= Level.WASPADA
    lead = ground.hours[warned & np.isfinite(ground.hours)]
    wet = 0.0 if fallen.api_mm is None else float(np.isfinite(fallen.api_mm).mean())
    evidence: dict[str, str | float | int | bool | None] = {
        "frame_time": iso(rain.onset),
        "rain_method": rain.method,
        "classes": "return periods of the place" if fallen.edges_mm else "general, unconfirmed",
        "ground_cell_m": round(ground.cell_m, 1),
        "stream_from_km2": policy.flood.drain_km2,
        "wetness_known_share": round(wet, 3),
        "nowcast_hour": fallen.next_hour_mm is not None,
        "most_catchment_mm": most(found.catchment_mm[warned]),
        "lead_time_hours_least": percentile(lead, 0),
        "lead_time_hours_median": percentile(lead, 50),
        "lead_time_hours_most": percentile(lead, 100),
        "limits": "estimate from cloud tops and heights; no dams, pumps, tides or river gauges",
    }
    return estimate_event(
        rain,
        HazardId.FLOOD,
        level=int(found.level.max()),
        hours=policy.flood.valid_hours,
        title="Perkiraan banjir dari hujan dan bentuk lahan",
        method=METHOD,
        degraded=coarse or not mostly(found.quality[found.level >= 0], Quality.OK),
        evidence=evidence,
    )


def _flood_raster(ground: FloodGround, found: FloodEstimate) -> xr.Dataset:
    from processing.water.estimate import METHOD

    hours = np.where(found.level >= Level.WATCH, ground.hours, np.float32(np.nan))
    return estimate_raster(
        HazardId.FLOOD,
        ground.latitude,
        ground.longitude,
        found.level,
        found.quality,
        value=("catchment_rain", found.catchment_mm, "mm, counted by its wetness"),
        more={
            "lead_time_hours": (hours, "concentration time of the catchment"),
            "rain_hours": (
                found.hours.astype(np.float32),
                "hours of the rain that decided; 0: none is known",
            ),
        },
        method=METHOD,
    )
