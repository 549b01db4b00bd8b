"""Numbers out of a raster that nobody checked: fills, infinities, scale, and what says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.layers.check.raster_values import FILLS

BEYOND = 1e9
"""No quantity on our maps is larger: metres, millimetres, minutes, people of a cell."""
_Floats = NDArray[np.floating]


class Fills:
    """Counts what was taken out, so that it can be said once."""

    def __init__(self) -> None:
        self.found: dict[float, int] = {}
        self.beyond = 0

    def cleared(self, values: _Floats) -> _Floats:
        """The values with NaN where a number stands for nothing; a copy if there is any.

        Args:
            values: before scale and offset, NaN where the file declares nodata.
        """
        with np.errstate(invalid="ignore"):
            odd = (np.abs(values) > BEYOND) | (values < -9000)
        if not odd.any():
            return values
        out = values.copy()
        rest = odd
        for fill in FILLS:
            hits = odd & (out == out.dtype.type(fill))
            if hits.any():
                self.found[fill] = self.found.get(fill, 0) + int(hits.sum())
                rest = rest & ~hits
                out[hits] = np.nan
        with np.errstate(invalid="ignore"):
            far = rest & (np.abs(out) > BEYOND)
        self.beyond += int(far.sum())
        out[far] = np.nan
        return out

    def notes(self, name: str, taken_as: str) -> list[str]:
        """Sentences for the warnings."""
        said = [
            f"{name}: {count:,} cells hold {fill:g} ({FILLS[fill]}), which the file does not "
            f"declare as nodata; taken as {taken_as}"
            for fill, count in sorted(self.found.items())
        ]
        if self.beyond:
            said.append(
                f"{name}: {self.beyond:,} cells hold infinite or impossible values (beyond "
                f"{BEYOND:g}); taken as {taken_as}"
            )
        return said


def as_floats(block: NDArray[np.generic], scale: float = 1.0, offset: float = 0.0) -> _Floats:
    """Floats that hold the file's numbers exactly; float32 stays float32."""
    kind = np.float32 if block.dtype.itemsize <= 2 or block.dtype == np.float32 else np.float64
    values: _Floats = block.astype(kind)
    if (scale, offset) != (1.0, 0.0):
        values = values * kind(scale) + kind(offset)
    return values
