"""Worden et al. (2012), Probabilistic relationships between ground-motion parameters and modified
Mercalli intensity in California, BSSA 102(1), 204-221: Table 1 and equations 3, 5 and 6.

Circulated as "Worden et al. (2011)" before it was printed; BMKG's runs name it so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 10.0
PGV_LOW, PGV_HIGH, PGV_KNEE = (3.78, 1.47), (2.89, 3.16), 0.53
"""Intercept and slope of MMI over log10 PGV (cm/s), and the log10 where they meet."""
PGA_LOW, PGA_HIGH, PGA_KNEE = (1.78, 1.55), (-1.60, 3.70), 1.57
"""The same of PGA, gal."""
PGV_FAINT, PGA_FAINT, FAINT_MMI = (4.62, 2.17), (1.71, 2.08), 2.0
"""In place of the lower branch where that gives less than MMI 2."""
SIGMA_PGV, SIGMA_PGA = 0.63, 0.66
"""Of MMI about the two curves, after the terms of magnitude and distance."""


def _branches(
    log_motion: Floats,
    low: tuple[float, float],
    high: tuple[float, float],
    knee: float,
    faint: tuple[float, float] | None,
) -> Floats:
    mmi = np.where(log_motion <= knee, low[0] + low[1] * log_motion, high[0] + high[1] * log_motion)
    if faint is None:
        return mmi
    return np.where(mmi < FAINT_MMI, faint[0] + faint[1] * log_motion, mmi)


def mmi_from_pgv(pgv_cms: Floats, *, faint: bool = True) -> Floats:
    """MMI from PGV, equation 3, not clipped. `faint`: with the branch below MMI 2."""
    found = np.log10(np.maximum(pgv_cms, 1e-9))
    return _branches(found, PGV_LOW, PGV_HIGH, PGV_KNEE, PGV_FAINT if faint else None)


def mmi_from_pga(pga_gal: Floats, *, faint: bool = True) -> Floats:
    """MMI from PGA, equation 3, not clipped."""
    found = np.log10(np.maximum(pga_gal, 1e-9))
    return _branches(found, PGA_LOW, PGA_HIGH, PGA_KNEE, PGA_FAINT if faint else None)


def pgv_residual(magnitude: float) -> float:
    """What magnitude adds to the MMI from PGV, equation 6; distance adds nothing."""
    return 0.90 - 0.18 * magnitude


def pga_residual(magnitude: float, distance_km: Floats) -> Floats:
    """What magnitude and distance (here at least 10 km) add to the MMI from PGA, equation 6."""
    found: Floats = -0.91 + 1.02 * np.log10(np.maximum(distance_km, 10.0)) - 0.17 * magnitude
    return found


def clipped(mmi: Floats) -> Floats:
    return np.clip(mmi, LOWEST, HIGHEST)


def bmkg_mmi(ln_pgv_cms: Floats, magnitude: float) -> Floats:
    """MMI as BMKG's maps have it: from PGV alone, with equation 6, without the faint branch.

    Repeats BMKG's MMI from its own PGV; the mean of the PGA and PGV branches does not.
    """
    found = _branches(ln_pgv_cms / np.log(10.0), PGV_LOW, PGV_HIGH, PGV_KNEE, None)
    return clipped(found + pgv_residual(magnitude))
