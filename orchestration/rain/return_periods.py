"""Rain of 2, 5, 10 and 25 years at each place, where a deployment has it.

A file `rain-return-periods.nc` in the folder of the layer set: `rain_1h`, `rain_3h`, `rain_6h`,
`rain_24h` (any of them) in mm, dims (`return_period`, `latitude`, `longitude`), return periods 2,
5, 10 and 25 years, coordinates ascending in degrees. Our own history of 400 days is far too short.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import LayerError

if TYPE_CHECKING:
    from orchestration.context import CycleContext

FILE = "rain-return-periods.nc"
YEARS = (2, 5, 10, 25)
MOST_MM = 2_000.0
"""More has not fallen in a day in Indonesia; a value above it is of another unit."""

Floats = npt.NDArray[np.float64]
Edges = dict[int, npt.NDArray[np.float32]]


def return_periods(context: CycleContext, latitude: Floats, longitude: Floats) -> Edges | None:
    """Hours -> amounts in mm, shape (4, rows, columns), each from the nearest cell; None: no file.

    NaN farther than half a cell from the file's grid.

    Raises:
        LayerError: a file that is not as the head of this module says.
    """
    path = context.layers.path / FILE
    if not path.is_file():
        return None
    have, edges = _read(path, path.stat().st_mtime_ns)
    from processing.water.estimate import Onto

    onto = Onto.of(have, (latitude, longitude))
    return {hours: np.stack([onto.laid(one) for one in mm]) for hours, mm in edges.items()}


@lru_cache(maxsize=1)
def _read(path: Path, _stamp: int) -> tuple[tuple[Floats, Floats], Edges]:
    import xarray as xr

    try:
        with xr.open_dataset(path) as opened:
            found = opened.load()
        have = (
            found["latitude"].to_numpy().astype(float),
            found["longitude"].to_numpy().astype(float),
        )
        years = found["return_period"].to_numpy().tolist()
    except (OSError, ValueError, KeyError) as error:
        raise LayerError(
            f"{path}: cannot be read ({error}); see docs/flood-landslide.md"
        ) from error
    if years != list(YEARS):
        raise LayerError(f"{path}: return periods {years}; expected {list(YEARS)} years")
    edges = {
        hours: _checked(path, found[f"rain_{hours}h"])
        for hours in (1, 3, 6, 24)
        if f"rain_{hours}h" in found
    }
    if not edges:
        raise LayerError(f"{path}: no rain_1h, rain_3h, rain_6h or rain_24h in it")
    return have, edges


def _checked(path: Path, found: object) -> npt.NDArray[np.float32]:
    dims = getattr(found, "dims", ())
    if dims != ("return_period", "latitude", "longitude"):
        raise LayerError(f"{path}: dims {dims}; expected (return_period, latitude, longitude)")
    mm = np.asarray(found, dtype=np.float32)
    known = np.isfinite(mm).all(axis=0)
    rising = (np.diff(mm, axis=0) > 0).all(axis=0) & (mm[0] > 0) & (mm[-1] <= MOST_MM)
    if not known.any() or not rising[known].all():
        raise LayerError(
            f"{path}: expected mm that rise with the years, above 0, below {MOST_MM:g}"
        )
    return mm
