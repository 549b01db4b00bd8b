"""What our estimates on the ground share: their event, their raster, the days of rain before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.hazard import HazardEvent
from kentongan.types import HazardId, Level, Quality

if TYPE_CHECKING:
    import xarray as xr

    from orchestration.rain.history import RainHistory

Grid2 = npt.NDArray[np.float32]


def window(have: npt.NDArray[np.float64], want: npt.NDArray[np.float64]) -> slice:
    """Cells of an ascending axis that meet a span of another one, and one more on each side.

    Raises:
        ValueError: the two have nothing in common.
    """
    step = (have[-1] - have[0]) / (have.size - 1)
    first = int(np.floor((want.min() - have[0]) / step)) - 1
    last = int(np.ceil((want.max() - have[0]) / step)) + 2
    found = slice(max(0, first), min(have.size, last))
    if found.stop - found.start < 2:
        raise ValueError(
            f"ground from {want.min():.2f} to {want.max():.2f} degrees and rain from "
            f"{have[0]:.2f} to {have[-1]:.2f}: nothing in common"
        )
    return found


def days_before(
    history: RainHistory,
    time: datetime,
    count: int,
    cut: tuple[slice, slice],
    shape: tuple[int, ...],
) -> list[Grid2 | None]:
    """Totals of the days before `time`'s (UTC), yesterday first; of another grid: not known."""
    yesterday = time.astimezone(UTC).date() - timedelta(days=1)
    found: list[Grid2 | None] = []
    for back in range(count):
        # One by one: a day of the nation is 8 MB.
        (day,) = history.days(yesterday - timedelta(days=back), 1)
        found.append(day[cut].copy() if day is not None and day.shape == shape else None)
    return found


def estimate_event(
    rain: HazardEvent,
    hazard: HazardId,
    *,
    level: int,
    hours: float,
    title: str,
    method: str,
    degraded: bool,
    evidence: dict[str, str | float | int | bool | None],
) -> HazardEvent:
    """An event of our own that follows from rain; what the rain is, it is (drill, re-creation)."""
    return HazardEvent(
        event_id=f"{hazard}-{rain.onset:%Y%m%dT%H}00Z",
        hazard_id=hazard,
        level=Level(max(0, level)),
        onset=rain.onset,
        valid_from=rain.onset,
        valid_to=rain.onset + timedelta(hours=hours),
        official=False,
        status=rain.status,
        re_creation=rain.re_creation,
        title=title,
        method=method,
        quality=Quality.DEGRADED if degraded else rain.quality,
        observations=rain.observations,
        evidence=evidence,
    )


def estimate_raster(
    hazard: HazardId,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    level: npt.NDArray[np.int8],
    quality: npt.NDArray[np.int8],
    *,
    value: tuple[str, Grid2, str],
    more: dict[str, tuple[Grid2, str]],
    method: str,
) -> xr.Dataset:
    """Hand-over 2, from arrays with rows from north to south."""
    import xarray as xr

    from processing.rasters import grid_coordinates, level_attributes, quality_attributes

    dims, (name, amount, about) = ("latitude", "longitude"), value
    fields = {name: (amount, about), **more}
    return xr.Dataset(
        {
            "hazard_level": (dims, level[::-1], level_attributes(str(hazard))),
            "quality": (dims, quality[::-1], quality_attributes()),
            **{
                key: (dims, field[::-1].astype(np.float32), {"long_name": words})
                for key, (field, words) in fields.items()
            },
        },
        coords=grid_coordinates(latitude[::-1], longitude),
    ).assign_attrs(value_variable=name, outside="unknown", method=method)


def mostly(quality: npt.NDArray[np.int8], wanted: Quality) -> bool:
    from processing.rasters import QUALITIES

    return bool(quality.size and (quality == QUALITIES.index(wanted)).mean() >= 0.5)


def most(values: Grid2) -> float | None:
    return round(float(np.nanmax(values)), 1) if np.isfinite(values).any() else None


def percentile(values: Grid2, percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values.size else None
