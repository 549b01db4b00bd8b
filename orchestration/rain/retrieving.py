"""A frame of band 13 to our own rate, before any calibration, kept with what it came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.grid import Grid
from kentongan.times import iso
from orchestration.rain.history import RainHistory
from processing.rain.parallax import LEAST_ELEVATION_DEG, Orbit, elevation, orbit_of
from processing.rain.product import on_grid
from processing.rain.retrieve import moved, retrieve

if TYPE_CHECKING:
    import xarray as xr

    from processing.rain.policy import RainPolicy

Grid2 = npt.NDArray[np.float32]

GROWTH_WITHIN = (timedelta(minutes=5), timedelta(minutes=25))
"""How much older the frame that growth is told from may be."""


def retrieve_frame(
    history: RainHistory,
    time: datetime,
    frame: xr.Dataset,
    *,
    sha256: Sequence[str],
    policy: RainPolicy,
    grid: Grid,
) -> None:
    """Rates where the rain falls, kept with the temperatures that they came from.

    Raises:
        ValueError: no kelvin, or a satellite whose place is not known.
        KeyError: no brightness temperature in the frame.
    """
    axes = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    seen = on_grid(frame["brightness_temperature"].to_numpy(), *axes, grid)
    orbit = orbit_of(str(frame.attrs.get("platform", "")))
    seen = _in_sight(seen, orbit, grid)
    earlier = grown_from(history, time)
    before = history.temperature(earlier) if earlier else None
    minutes = (time - earlier).total_seconds() / 60 if earlier and before is not None else 10.0
    found = retrieve(seen, before, minutes=minutes, rules=policy.retrieval)
    rate = moved(
        found.rate, seen, grid.latitude, grid.longitude, orbit=orbit, rules=policy.retrieval
    )
    history.put_temperature(time, seen)
    history.put_retrieved(time, rate, sha256)


def grown_from(history: RainHistory, time: datetime) -> datetime | None:
    """The newest frame of temperature that growth can be told from; None: there is none."""
    nearest, farthest = GROWTH_WITHIN
    found = history.seen_times(since=time - farthest, until=time - nearest)
    return found[-1] if found else None


def grown_from_text(history: RainHistory, time: datetime) -> str:
    """As a note of a frame says it."""
    found = grown_from(history, time)
    return iso(found) if found else ""


def _in_sight(seen: Grid2, orbit: Orbit, grid: Grid) -> Grid2:
    """Not known where the satellite stands too low."""
    latitude, longitude = np.meshgrid(grid.latitude, grid.longitude, indexing="ij")
    low = np.degrees(elevation(longitude, latitude, orbit)) < LEAST_ELEVATION_DEG
    return np.where(low, np.float32(np.nan), seen)
