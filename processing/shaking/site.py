"""Ground under each cell: BMKG's own Vs30, else the slope of the land, else one figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from processing.gmm.bmkg import Sites, sites
from processing.gmm.vs30 import UNKNOWN, Vs30Map
from processing.quakes import Floats


@dataclass(frozen=True, eq=False)
class Ground:
    """Maps of Vs30; none: not loaded."""

    grids: Vs30Map | None = None
    """Merged of BMKG's own grids: what its next map will take."""
    slope: Vs30Map | None = None
    """By Wald & Allen (2007), BSSA 97(5), 1379-1395, Table 2, from elevation."""


@dataclass(frozen=True, eq=False)
class Site:
    """Cells with their Vs30, and where it comes from."""

    cells: Sites
    by_grids: float
    by_slope: float
    """Shares of the cells; the rest has the default."""
    default: npt.NDArray[np.bool_]
    """Where the default stands, shape (latitude, longitude)."""

    @property
    def known(self) -> float:
        return self.by_grids + self.by_slope

    def words(self, default_vs30: float) -> str:
        """`BMKG's grids 98 %, slope 0 %, default 600 m/s (unconfirmed) 2 %`."""
        rest = max(0.0, 1.0 - self.known)
        return (
            f"BMKG's grids {self.by_grids:.0%}, slope {self.by_slope:.0%}, "
            f"default {default_vs30:g} m/s (unconfirmed) {rest:.0%}"
        )


def site_of(latitude: Floats, longitude: Floats, ground: Ground, default_vs30: float) -> Site:
    """Vs30 of cells on two axes, degrees."""
    shape = latitude.size, longitude.size
    found = np.zeros(shape, np.uint16)
    shares = []
    for source in (ground.grids, ground.slope):
        before = int(np.count_nonzero(found))
        if source is not None:
            found = np.where(found == UNKNOWN, source.on(latitude, longitude), found)
        shares.append((int(np.count_nonzero(found)) - before) / max(found.size, 1))
    default = found == UNKNOWN
    filled = np.where(default, np.uint16(round(default_vs30)), found)
    return Site(sites(latitude, longitude, filled), shares[0], shares[1], default)
