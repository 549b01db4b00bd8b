"""The analysis grid and the check that two fields share one.

A grid is regular in degrees; `latitude` and `longitude` are cell centres, both ascending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kentongan.errors import GridMismatch

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@dataclass(frozen=True)
class Grid:
    """Cells of `step` degrees; `west` and `south` are edges, not centres."""

    west: float
    south: float
    step: float
    columns: int
    rows: int

    @property
    def longitude(self) -> np.ndarray:
        """Cell centres, degrees east, shape (columns,)."""
        import numpy as np

        return self.west + (np.arange(self.columns) + 0.5) * self.step

    @property
    def latitude(self) -> np.ndarray:
        """Cell centres, degrees north, shape (rows,), ascending."""
        import numpy as np

        return self.south + (np.arange(self.rows) + 0.5) * self.step

    def window(self, west: float, south: float, east: float, north: float) -> tuple[slice, slice]:
        """Rows and columns (clipped to the grid) of the cells that meet a box."""
        import math

        def cut(low: float, high: float, origin: float, count: int) -> slice:
            first = max(0, math.floor((low - origin) / self.step))
            last = min(count, math.ceil((high - origin) / self.step))
            return slice(first, max(first, last))

        return cut(south, north, self.south, self.rows), cut(west, east, self.west, self.columns)


BASE_GRID = Grid(west=94.5, south=-11.5, step=0.02, columns=2350, rows=900)
"""About 2.2 km; covers every village of Indonesia (94.97-141.02 E, 11.01 S-6.08 N)."""


def require_same_grid(a: xr.Dataset | xr.DataArray, b: xr.Dataset | xr.DataArray) -> None:
    """Refuse two fields whose `latitude` or `longitude` differ.

    Raises:
        GridMismatch: says along which dimension; regrid before the overlay.
    """
    import numpy as np

    for name in ("latitude", "longitude"):
        left, right = a[name].to_numpy(), b[name].to_numpy()
        if left.shape != right.shape or not np.allclose(left, right, rtol=0, atol=1e-9):
            raise GridMismatch(
                f"fields differ along {name} ({left.size} and {right.size} cells); "
                "regrid before the overlay"
            )
