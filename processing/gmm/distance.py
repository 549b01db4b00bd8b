"""Distance to a rupture of which only the hypocentre is known.

ShakeMap 3.5 takes, for a point source, the distance that is to be expected over all ruptures
that could belong to it (Wald et al., ShakeMap manual 3.5, "median distance"; EPRI 2003, report
1008910). Its table is not public; here: a line of a length that grows with magnitude, the
hypocentre anywhere on it, any strike; the mean of ln distance; then a smooth table of what is
left against BMKG's maps.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from processing.gmm.chain import Distance

Floats = npt.NDArray[np.float64]

_STEPS = 24
"""Places of the hypocentre and strikes; 48 change the ratio by less than 0.002."""
_RATIO = np.geomspace(0.005, 300.0, 300)
"""Hypocentral distance over length of the line."""


@cache
def _line_ratio() -> Floats:
    """Mean of ln (distance to the line / distance to the hypocentre), shape of `_RATIO`."""
    middle = (np.arange(_STEPS) + 0.5) / _STEPS
    place, strike = (x.ravel() for x in np.meshgrid(middle, middle * np.pi))
    along = _RATIO[:, None] * np.cos(strike)
    across = _RATIO[:, None] * np.sin(strike)
    nearest = np.clip(along, -place, 1.0 - place)
    found: Floats = np.log(np.hypot(along - nearest, across) / _RATIO[:, None]).mean(axis=1)
    return found


def line_distance(fit: Distance, magnitude: float, hypocentral_km: Floats) -> Floats:
    """km; the model without the table."""
    length = np.exp(fit.ln_length_m6 + fit.ln_length_per_magnitude * (magnitude - 6.0))
    x = np.log(np.maximum(hypocentral_km, 1e-3) / length)
    ratio = np.exp(np.interp(x, np.log(_RATIO), _line_ratio()))
    found: Floats = np.hypot(hypocentral_km * ratio, fit.least_km)
    return found


def table_weights(axis: tuple[float, ...], value: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Lower knot and share of the upper one; held beyond both ends."""
    knots = np.asarray(axis)
    inside = np.clip(value, knots[0], knots[-1])
    low = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    share: Floats = (inside - knots[low]) / (knots[low + 1] - knots[low])
    return low, share


def rupture_distance(fit: Distance, magnitude: float, hypocentral_km: Floats) -> Floats:
    """Expected rupture distance, km, shape of `hypocentral_km`."""
    table = np.asarray(fit.ln_correction)
    i, u = table_weights(fit.magnitudes, np.array([magnitude]))
    row = table[i[0]] * (1 - u[0]) + table[i[0] + 1] * u[0]
    knots = tuple(np.log(fit.distances_km))
    j, v = table_weights(knots, np.log(np.maximum(hypocentral_km, 1e-3)))
    found: Floats = line_distance(fit, magnitude, hypocentral_km) * np.exp(
        row[j] * (1 - v) + row[j + 1] * v
    )
    return found
