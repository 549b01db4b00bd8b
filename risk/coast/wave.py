"""How a wave loses height on land, and how fast it crosses the sea."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.policy import WaveLossRules

Floats = NDArray[np.float64]
GRAVITY = 9.81
"""m/s2, as in the reference values."""


def height_loss(
    height_m: Floats | float, roughness: Floats | float, sine: Floats | float, rules: WaveLossRules
) -> Floats:
    """Metres of height lost for each metre inland: 167 n^2 / H0^(1/3) + 5 sin S.

    Berryman (2006), Review of tsunami hazard and risk in New Zealand, GNS 2005/104, as BNPB's
    InaRISK applies it. The constants are configuration (`rules`), not re-checked.

    Args:
        height_m: H0, at the shore, m, > 0.
        roughness: Manning's n.
        sine: sin S of the slope; the direction does not count.

    Returns:
        m/m, broadcast shape.
    """
    n, height = np.asarray(roughness, dtype=float), np.asarray(height_m, dtype=float)
    loss: Floats = rules.friction * n**2 / np.cbrt(height) + rules.slope * np.asarray(sine)
    return loss


def flat_reach_m(height_m: float, roughness: float, rules: WaveLossRules) -> float:
    """Distance at which nothing is left of the height on flat land, m."""
    return float(height_m / height_loss(height_m, roughness, 0.0, rules))


def long_wave_speed(depth_m: Floats | float) -> Floats:
    """sqrt(g h): speed of a long wave in water of a depth, m/s."""
    speed: Floats = np.sqrt(GRAVITY * np.asarray(depth_m, dtype=float))
    return speed
