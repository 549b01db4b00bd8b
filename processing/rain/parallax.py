"""Where the cloud really is: the shift that a slanting view puts between a top and its place.

A geostationary satellite sees a high cloud displaced away from the point below itself: 12.5 km
at Jakarta for a top at 15 km, more than a village.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WGS84_A_KM = 6378.137
"""Also the radius of the sphere on which the line of sight is followed, km."""
WGS84_F = 1 / 298.257223563


@dataclass(frozen=True)
class Orbit:
    """A geostationary satellite."""

    longitude: float = 140.7
    """Himawari-8 and -9, degrees east."""
    latitude: float = 0.0
    height_km: float = 35_786.0


HIMAWARI = Orbit()
LEAST_ELEVATION_DEG = 15.0
"""Nearer the limb a pixel is four times as long as it is wide, and a top hides hundreds of km."""

_ORBITS = {
    "himawari": HIMAWARI,
    "h08": HIMAWARI,
    "h09": HIMAWARI,
    "mtsat": Orbit(longitude=145.0),
    "gk2a": Orbit(longitude=128.2),
    "geo-kompsat": Orbit(longitude=128.2),
}
"""First letters of a satellite's name -> where it stands, by its operator."""


def orbit_of(satellite: str) -> Orbit:
    """Where a satellite stands; a file that names none is taken for Himawari's, as BMKG's are.

    Raises:
        ValueError: a satellite that is not known: its tops would be put in the wrong place.
    """
    name = satellite.strip().lower()
    if not name:
        return HIMAWARI
    for start, orbit in _ORBITS.items():
        if name.startswith(start):
            return orbit
    raise ValueError(
        f"satellite {satellite!r}: its place is not known, so no top can be put where it is; "
        f"expected a name that begins with {', '.join(_ORBITS)}"
    )


def corrected(
    longitude: Floats, latitude: Floats, top_km: Floats, orbit: Orbit = HIMAWARI
) -> tuple[Floats, Floats]:
    """The places below tops that are seen at (longitude, latitude).

    The point seen on the ground is moved along the line to the satellite by h / sin(elevation)
    and brought down again; equal to satpy 0.60 to the sixth decimal of a degree.

    Args:
        longitude: apparent, degrees east, any shape.
        latitude: apparent, degrees north, same shape.
        top_km: height of the cloud's top above the ellipsoid, km; NaN: no cloud, no shift.

    Returns:
        Longitude and latitude, degrees, same shape; NaN where the satellite is not in sight.
    """
    height = np.nan_to_num(np.asarray(top_km, dtype=float), nan=0.0)
    sine = np.sin(elevation(longitude, latitude, orbit))
    slant = np.where(sine > 0, height / np.where(sine > 0, sine, 1.0), np.nan)
    ground = _on_sphere(longitude, latitude, WGS84_A_KM)
    satellite = _on_sphere(
        np.asarray(orbit.longitude), np.asarray(orbit.latitude), WGS84_A_KM + orbit.height_km
    )
    way = satellite.reshape(3, *(1,) * np.ndim(longitude)) - ground
    top = ground + way / np.sqrt((way**2).sum(axis=0)) * slant
    return (
        np.degrees(np.arctan2(top[1], top[0])),
        np.degrees(np.arctan2(top[2], np.hypot(top[0], top[1]))),
    )


def elevation(longitude: Floats, latitude: Floats, orbit: Orbit = HIMAWARI) -> Floats:
    """Angle of the satellite above the local horizon, radians; below 0: not seen."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    e2 = WGS84_F * (2 - WGS84_F)
    curvature = WGS84_A_KM / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    observer = np.stack(
        [
            curvature * np.cos(lat) * np.cos(lon),
            curvature * np.cos(lat) * np.sin(lon),
            curvature * (1 - e2) * np.sin(lat),
        ]
    )
    satellite = _on_sphere(
        np.asarray(orbit.longitude), np.asarray(orbit.latitude), WGS84_A_KM + orbit.height_km
    )
    way = satellite.reshape(3, *(1,) * np.ndim(longitude)) - observer
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    angle: Floats = np.arcsin((way * up).sum(axis=0) / np.sqrt((way**2).sum(axis=0)))
    return angle


def _on_sphere(longitude: Floats, latitude: Floats, radius: float) -> Floats:
    lon, lat = np.radians(longitude), np.radians(latitude)
    return radius * np.stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat) + 0.0 * lon]
    )
