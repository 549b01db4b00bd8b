"""Distance of many places to a broken line on the sphere, in one compiled pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit

Floats = npt.NDArray[np.float64]


@jit
def _least_squares_of_chords(
    places: Any, starts: Any, along: Any, per_length: Any, out: Any
) -> None:
    """Square of the least distance of each place to any chord.

    Args:
        places: shape (n, 3).
        starts, along: one chord a row, shape (m, 3).
        per_length: one over the square of its length, 0 for a point, shape (m,).
        out: filled, shape (n,).
    """
    for i in range(places.shape[0]):
        least = np.inf
        for k in range(starts.shape[0]):
            x = places[i, 0] - starts[k, 0]
            y = places[i, 1] - starts[k, 1]
            z = places[i, 2] - starts[k, 2]
            share = (x * along[k, 0] + y * along[k, 1] + z * along[k, 2]) * per_length[k]
            share = min(max(share, 0.0), 1.0)
            x -= share * along[k, 0]
            y -= share * along[k, 1]
            z -= share * along[k, 2]
            least = min(least, x * x + y * y + z * z)
        out[i] = least


def to_chords(places: Floats, starts: Floats, ends: Floats) -> Floats:
    """Straight distance of each place to the nearest chord; units as given.

    Args:
        places: shape (..., 3).
        starts, ends: ends of the chords, shape (m, 3), m > 0.

    Returns:
        Shape (...).
    """
    along = ends - starts
    whole = (along**2).sum(axis=1)
    per_length = np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)
    flat = np.ascontiguousarray(places.reshape(-1, 3))
    out = np.empty(flat.shape[0])
    _least_squares_of_chords(flat, starts, along, per_length, out)
    found: Floats = np.sqrt(out).reshape(places.shape[:-1])
    return found
