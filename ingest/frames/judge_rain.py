"""Ready rain rates: millimetres an hour or nothing; a missing cell is not dry.

The retrieval is the provider's and is not mended here. What no rain can be is not known, and what
makes the whole grid doubtful is named in the attribute `flags`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ingest.frames.judge import (
    GAP_SHARE,
    HARMLESS,
    IMPLAUSIBLE,
    IMPLAUSIBLE_SHARE,
    MISSING,
    extent_share,
)
from ingest.frames.raw import About, RawWindow
from ingest.read.payload import one_line
from kentongan.errors import SourceChanged
from kentongan.times import iso, parse_instant, require_aware
from kentongan.types import Quality

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

PLAUSIBLE_MM_H = (0.0, 400.0)
"""No hour on record brought more than some 400 mm (not re-checked)."""
WET_MM_H = 1.0
WET_SHARE = 0.6
"""Of 47 x 18 degrees; rain of more than 1 mm/h covers some per cent of the tropics at a time, so
this is no sky, but a wrong unit or scale (ours)."""
PRODUCTS = {"noaa-err": "ERR", "jaxa-gsmap": "GSMAP"}
UNITS = ("mm/h", "mm/hr", "mm h-1", "mm hr-1", "mm h^-1", "mm hr^-1", "mm/hour", "millimeters/hour")
_APART = timedelta(minutes=10)
_HALF = timedelta(minutes=30)


def judged_rain(raw: RawWindow, *, where: str, source_id: str, valid_time: datetime) -> xr.Dataset:
    """CF dataset with `rain_rate` (mm/h, float32) and `quality` (int8), dims (latitude,
    longitude), both ascending; scalar coordinate `time`.

    Raises:
        SourceChanged: another unit, or no rate that can be believed.
    """
    import numpy as np

    flags = _unit_flags(raw, where)
    quality = _quality(raw.values)
    values = np.where(quality == 0, raw.values, np.float32(np.nan))
    believed = quality == 0
    if not believed.any():
        raise SourceChanged(
            f"{where}: no rain rate can be believed: {int((quality == MISSING).sum())} cells "
            f"without value, {int((quality == IMPLAUSIBLE).sum())} not within "
            f"{PLAUSIBLE_MM_H[0]:g}-{PLAUSIBLE_MM_H[1]:g} mm/h"
        )
    flags += _flags(values, quality)
    covered = extent_share(raw)
    if covered < 1 - GAP_SHARE:
        flags.append("outside-not-covered")
    return _dataset(raw, values, quality, valid_time).assign_attrs(
        Conventions="CF-1.11",
        title="Rain rate over Indonesia, as its provider retrieved it",
        source=source_id,
        platform=raw.about.satellite,
        product=PRODUCTS[source_id],
        variable="rain_rate",
        valid_time=iso(valid_time),
        known_fraction=round(float(believed.mean()) * covered, 4),
        quality=str(Quality.DEGRADED if set(flags) - set(HARMLESS) else Quality.OK),
        flags=" ".join(flags),
        implausible_cells=int((quality == IMPLAUSIBLE).sum()),
        stripe_cells=0,
    )


def _unit_flags(raw: RawWindow, where: str) -> list[str]:
    units = raw.about.units.strip().lower()
    if units and units not in UNITS:
        raise SourceChanged(
            f"{where}: {raw.about.variable} in {one_line(raw.about.units, 30)}, expected mm/h"
        )
    return [] if units else ["unit-not-stated"]


def _quality(values: NDArray[np.float32]) -> NDArray[np.int8]:
    """0 believed, 1 missing, 2 implausible. A rate below 0 is a mark of the file's: missing."""
    import numpy as np

    low, high = PLAUSIBLE_MM_H
    quality = np.zeros(values.shape, np.int8)
    quality[~np.isfinite(values) | (values < low)] = MISSING
    quality[np.isfinite(values) & (values > high)] = IMPLAUSIBLE
    return quality


def _flags(values: NDArray[np.float32], quality: NDArray[np.int8]) -> list[str]:
    found = []
    if (quality != 0).mean() > GAP_SHARE:
        found.append("gaps")
    if (quality == IMPLAUSIBLE).mean() > IMPLAUSIBLE_SHARE:
        found.append("implausible")
    if (values[quality == 0] >= WET_MM_H).mean() > WET_SHARE:
        found.append("all-wet")
    return found


def rain_time(about: About, stated: datetime | None, where: str) -> datetime:
    """By the file's name, unless its content says another time.

    GSMaP counts its time from the start of the hour that it is the mean of; the rate then stands
    at the middle of that hour.

    Raises:
        SourceChanged: neither tells, or the two contradict each other.
    """
    inside = parse_instant(about.times[0]) + _HALF if about.times else None
    if stated is None and inside is None:
        raise SourceChanged(f"{where}: neither its name nor its content tells the time")
    if stated is None:
        return require_aware(inside)  # type: ignore[arg-type]
    if inside is not None and abs(inside - stated) > _APART:
        raise SourceChanged(
            f"{where}: named {iso(stated)}, but its content says {iso(inside)}; not believed"
        )
    return require_aware(stated)


def _dataset(
    raw: RawWindow, values: NDArray[np.float32], quality: NDArray[np.int8], valid_time: datetime
) -> xr.Dataset:
    import numpy as np
    import xarray as xr

    dims = ("latitude", "longitude")
    rate = {
        "units": "mm h-1",
        "standard_name": "rainfall_rate",
        "long_name": "rain rate; NaN is not known",
        "ancillary_variables": "quality",
    }
    meaning = {
        "long_name": "why a rate is not known",
        "flag_values": np.array([0, MISSING, IMPLAUSIBLE], np.int8),
        "flag_meanings": "believed missing implausible",
    }
    return xr.Dataset(
        {"rain_rate": (dims, values, rate), "quality": (dims, quality, meaning)},
        coords={
            "latitude": ("latitude", raw.latitude, {"units": "degrees_north"}),
            "longitude": ("longitude", raw.longitude, {"units": "degrees_east"}),
            "time": np.datetime64(valid_time.replace(tzinfo=None), "ns"),
        },
    )
