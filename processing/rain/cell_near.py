"""The cells that matter to places: the nearest one, and the coldest one around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from processing.rain.cell_tracks import KM_A_DEGREE, CellFrame, TrackedCell, away_km, radius_km

Floats = npt.NDArray[np.float64]

AROUND_KM = 50.0
"""Farther cells are another storm: at 30 m/s, the fastest that is followed, half an hour away."""
TOWARDS_DEG = 45.0
"""A cell moves towards a place if its way points there within so much, at `LEAST_M_S` or more."""
LEAST_M_S = 2.0
"""Slower, the way is within the error of a mean place: one grid cell in 20 minutes."""


@dataclass(frozen=True)
class NearCell:
    """A cell, and the place that is nearest to it."""

    cell: TrackedCell
    away_km: float
    """From the place to the circle of the cell's area; 0: within."""
    towards: bool | None
    """Whether it moves towards the place; None: its motion is not known, or the place is in it."""


@dataclass(frozen=True)
class Near:
    nearest: NearCell
    strongest: NearCell
    """The coldest within `AROUND_KM`; the nearest itself where none is colder."""
    around: int
    """Cells within `AROUND_KM`."""


def near(frame: CellFrame, latitude: Floats, longitude: Floats) -> Near | None:
    """Cells near any of some places; None where none is within `AROUND_KM`.

    Args:
        latitude, longitude: of the places, degrees, shape (n,).
    """
    known = np.isfinite(latitude) & np.isfinite(longitude)
    latitude, longitude = latitude[known], longitude[known]
    if not latitude.size:
        return None
    found = [_to_places(cell, latitude, longitude) for cell in frame.cells]
    around = [one for one in found if one.away_km <= AROUND_KM]
    if not around:
        return None
    return Near(
        nearest=min(around, key=lambda n: (n.away_km, n.cell.min_k, n.cell.track)),
        strongest=min(around, key=lambda n: (n.cell.min_k, n.away_km, n.cell.track)),
        around=len(around),
    )


def _to_places(cell: TrackedCell, latitude: Floats, longitude: Floats) -> NearCell:
    narrow = np.cos(np.radians((latitude + cell.latitude) / 2))
    east = (longitude - cell.longitude) * KM_A_DEGREE * narrow
    north = (latitude - cell.latitude) * KM_A_DEGREE
    least = int(np.argmin(np.hypot(east, north)))
    centre = float(np.hypot(east[least], north[least]))
    away = max(0.0, centre - radius_km(cell))
    return NearCell(cell, round(away, 1), _towards(cell, latitude[least], longitude[least], away))


def _towards(cell: TrackedCell, latitude: float, longitude: float, away: float) -> bool | None:
    if cell.east_m_s is None or cell.north_m_s is None or away == 0:
        return None
    speed = float(np.hypot(cell.east_m_s, cell.north_m_s))
    if speed < LEAST_M_S:
        return False
    east, north = away_km(cell.latitude, cell.longitude, float(latitude), float(longitude))
    along = (east * cell.east_m_s + north * cell.north_m_s) / (speed * float(np.hypot(east, north)))
    return along >= float(np.cos(np.radians(TOWARDS_DEG)))
