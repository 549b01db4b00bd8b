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
from processing.rain.retrieve import LOW_METHOD, moved_together, retrieve
from processing.rain.sums import opened, stored

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
    satellite = str(frame.attrs.get("platform", ""))
    orbit = orbit_of(satellite)
    seen = _in_sight(seen, orbit, grid)
    earlier = grown_from(history, time)
    before, minutes = None, 10.0
    if earlier is not None:
        before = history.temperature(earlier)
        minutes = (time - earlier).total_seconds() / 60
    if earlier is not None and before is not None and is_repeated(before, opened(stored(seen))):
        raise ValueError(
            f"the very picture of {iso(earlier)}: published again under another time; not taken"
        )
    found = retrieve(seen, before, minutes=minutes, rules=policy.retrieval)
    rate, low = moved_together(
        (found.rate, found.low), seen, grid.latitude, grid.longitude,
        orbit=orbit, rules=policy.retrieval,
    )  # fmt: skip
    history.put_temperature(time, seen, sha256, satellite)
    history.put_low(time, low, LOW_METHOD)
    history.put_retrieved(time, rate, sha256)


def is_repeated(earlier: Grid2, later: Grid2) -> bool:
    """Whether one frame is the other, cell by cell, and not merely dry or empty.

    A sensor has noise and clouds move: no two scans agree everywhere. A picture that stands still
    would rain on the same villages for hours.
    """
    known = earlier[np.isfinite(earlier)]
    if not known.size or known.min() == known.max():
        return False
    return bool(np.array_equal(earlier, later, equal_nan=True))


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
