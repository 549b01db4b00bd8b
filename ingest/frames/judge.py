"""From what a file gave to what we believe: kelvin or nothing, NaN is "not known".

Nothing is filled in. A cell that is missing, impossible or part of a broken line is not known, and
`quality` says which; what makes the whole frame doubtful is named in the attribute `flags`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ingest.frames.raw import EAST, NORTH, SOUTH, WEST, RawWindow
from ingest.read.payload import one_line
from kentongan.errors import SourceChanged
from kentongan.times import iso
from kentongan.types import Quality

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

PLAUSIBLE_K = (150.0, 340.0)
"""Coldest cloud top on record: 161 K (Proud and Bachmeier 2021); bare ground stays below 340 K."""
CELSIUS_RANGE = (-120.0, 80.0)
"""Values of a frame in degrees Celsius; of one in kelvin, none is below 150."""
COLD_K = 235.0
"""Tops of deep clouds are below; most of 47 x 18 degrees of the tropics never is."""
COLD_SHARE = 0.95
GAP_SHARE = 0.02
"""Share of the file's own cells not known from which the frame is doubtful."""
IMPLAUSIBLE_SHARE = 0.001
LINE_CELLS = 60
"""Known cells from which a row or column can be judged."""
ALIKE_SHARE = 0.97
"""Share of neighbours in a line with exactly the same value from which it is broken. A grid drawn
four times finer than the pixels has 0.75."""
JUMP_K = 25.0
"""Mean of a line against both neighbours, 2 to 5 km away: real ones differ by some 2 K."""
MISSING, IMPLAUSIBLE, STRIPE = 1, 2, 3
HARMLESS = ("outside-not-covered", "part-of-scan")
"""Flags that are no fault: the file covers less than our window, `known_fraction` says how much."""
_KELVIN = ("k", "kelvin", "kelvins", "degk", "deg_k", "degrees_kelvin")
_CELSIUS = ("c", "°c", "degc", "deg_c", "celsius", "degree_celsius", "degrees_celsius")


def judged(
    raw: RawWindow,
    *,
    where: str,
    source_id: str,
    satellite: str,
    valid_time: datetime,
    is_part: bool = False,
) -> xr.Dataset:
    """CF dataset with `brightness_temperature` (K, float32) and `quality` (int8), dims
    (latitude, longitude), both ascending; scalar coordinate `time`.

    Raises:
        SourceChanged: another unit, one value all over, or nothing known at all.
    """
    import numpy as np

    flags = [] if raw.about.units else ["unit-not-stated"]
    _require_kelvin(raw, where)
    quality = _quality(raw.values)
    values = np.where(quality == 0, raw.values, np.float32(np.nan))
    if not (quality == 0).any():
        counts = np.bincount(quality.ravel(), minlength=4)[1:]
        raise SourceChanged(
            f"{where}: no temperature can be believed: {counts[0]} cells without value, "
            f"{counts[1]} not within {PLAUSIBLE_K[0]:g}-{PLAUSIBLE_K[1]:g} K, {counts[2]} in "
            "broken lines"
        )
    flags += _flags(values, quality, is_part=is_part)
    dataset = _dataset(raw, values, quality, valid_time)
    fraction = _known_fraction(raw, quality)
    if not is_part and extent_share(raw) < 1 - GAP_SHARE:
        flags.append("outside-not-covered")
    return dataset.assign_attrs(
        Conventions="CF-1.11",
        title="Himawari band 13 (10.4 um) over Indonesia",
        source=source_id,
        platform=satellite,
        product="B13",
        valid_time=iso(valid_time),
        known_fraction=fraction,
        quality=str(Quality.DEGRADED if set(flags) - set(HARMLESS) else Quality.OK),
        flags=" ".join(flags),
        implausible_cells=int((quality == IMPLAUSIBLE).sum()),
        stripe_cells=int((quality == STRIPE).sum()),
    )


def _require_kelvin(raw: RawWindow, where: str) -> None:
    import numpy as np

    units = raw.about.units.lower().replace(" ", "_")
    if units in _CELSIUS:
        raise SourceChanged(f"{where}: in degrees Celsius ({raw.about.units}), expected kelvin")
    if units and units not in _KELVIN:
        raise SourceChanged(
            f"{where}: {raw.about.variable} in {one_line(raw.about.units, 30)}, expected kelvin"
        )
    low, high = CELSIUS_RANGE
    known = np.isfinite(raw.values)
    as_celsius = (raw.values > low) & (raw.values < high) & (raw.values != 0)
    if known.any() and as_celsius.sum() > 0.5 * known.sum():
        raise SourceChanged(
            f"{where}: most values lie between {low:g} and {high:g}: degrees Celsius, not kelvin"
        )


def _quality(values: NDArray[np.float32]) -> NDArray[np.int8]:
    """0 believed, 1 missing, 2 implausible, 3 in a broken line."""
    import numpy as np

    quality = np.zeros(values.shape, np.int8)
    quality[~np.isfinite(values)] = MISSING
    low, high = PLAUSIBLE_K
    quality[np.isfinite(values) & ((values < low) | (values > high))] = IMPLAUSIBLE
    known = quality == 0
    broken = _broken_lines(values, known)[:, None] | _broken_lines(values.T, known.T)[None, :]
    quality[known & broken] = STRIPE
    return quality


def _broken_lines(values: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of one value, or far from both neighbours in the same direction."""
    import numpy as np

    count = known.sum(axis=1)
    enough = count >= LINE_CELLS
    pairs = known[:, 1:] & known[:, :-1]
    alike = (pairs & (values[:, 1:] == values[:, :-1])).sum(axis=1)
    broken = enough & (alike > ALIKE_SHARE * pairs.sum(axis=1))
    mean = np.where(known, values, 0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    jump = np.where(enough[1:] & enough[:-1], np.diff(mean), 0.0)
    up, down = jump > JUMP_K, jump < -JUMP_K
    broken[1:-1] |= (up[:-1] & down[1:]) | (down[:-1] & up[1:])
    return np.asarray(broken)


def _flags(values: NDArray[np.float32], quality: NDArray[np.int8], *, is_part: bool) -> list[str]:
    known = quality == 0
    found = []
    if is_part:
        found.append("part-of-scan")
    elif (~known).mean() > GAP_SHARE:
        found.append("gaps")
    if (quality == STRIPE).any():
        found.append("stripes")
    if (quality == IMPLAUSIBLE).mean() > IMPLAUSIBLE_SHARE:
        found.append("implausible")
    if (values[known] < COLD_K).mean() > COLD_SHARE:
        found.append("all-cold")
    return found


def step_of(axis: NDArray[np.float64]) -> float:
    """Degrees between cells."""
    return float(axis[-1] - axis[0]) / (len(axis) - 1)


def bounds_of(dataset: xr.Dataset) -> tuple[float, float, float, float]:
    """West, south, east and north edge of the outermost cells."""
    lat, lon = dataset["latitude"].to_numpy(), dataset["longitude"].to_numpy()
    half_lat, half_lon = step_of(lat) / 2, step_of(lon) / 2
    edges = (lon[0] - half_lon, lat[0] - half_lat, lon[-1] + half_lon, lat[-1] + half_lat)
    return tuple(round(float(edge), 4) for edge in edges)  # type: ignore[return-value]


def extent_share(raw: RawWindow) -> float:
    """Share of our window that the file's cells cover."""
    height = step_of(raw.latitude) * len(raw.latitude)
    width = step_of(raw.longitude) * len(raw.longitude)
    return min(1.0, height / (NORTH - SOUTH)) * min(1.0, width / (EAST - WEST))


def _known_fraction(raw: RawWindow, quality: NDArray[np.int8]) -> float:
    return round(float((quality == 0).mean()) * extent_share(raw), 4)


def _dataset(
    raw: RawWindow, values: NDArray[np.float32], quality: NDArray[np.int8], valid_time: datetime
) -> xr.Dataset:
    import numpy as np
    import xarray as xr

    dims = ("latitude", "longitude")
    temperature = {
        "units": "K",
        "standard_name": "brightness_temperature",
        "long_name": "brightness temperature at 10.4 um; NaN is not known",
        "ancillary_variables": "quality",
    }
    meaning = {
        "long_name": "why a temperature is not known",
        "flag_values": np.array([0, MISSING, IMPLAUSIBLE, STRIPE], np.int8),
        "flag_meanings": "believed missing implausible broken_line",
    }
    north = {"units": "degrees_north", "standard_name": "latitude"}
    east = {"units": "degrees_east", "standard_name": "longitude"}
    return xr.Dataset(
        {
            "brightness_temperature": (dims, values, temperature),
            "quality": (dims, quality, meaning),
        },
        coords={
            "latitude": ("latitude", raw.latitude, north),
            "longitude": ("longitude", raw.longitude, east),
            "time": np.datetime64(valid_time.replace(tzinfo=None), "ns"),
        },
    )
