"""Boore & Atkinson (2008), Earthquake Spectra 24(1), 99-138, as the paper has it.

For active crust, M 5 to 8, Joyner-Boore distance below 200 km, Vs30 180 to 1,300 m/s. Symbols
as in the paper; mechanism unspecified. What BMKG's runs differ in is in `motion.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from processing.gmm.coefficients import Ba08, Measure, ba08

Floats = npt.NDArray[np.float64]

M_REF = 4.5
R_REF_KM = 1.0
"""Caption of Table 6, p. 119, with the erratum of 27 August 2008: 1 km for pga4nl, too."""
V_1, V_2, V_REF = 180.0, 300.0, 760.0
"""m/s, p. 108."""
A_1, A_2, PGA_LOW = 0.03, 0.09, 0.06
"""g, p. 108."""


def magnitude_term(c: Ba08, magnitude: float) -> float:
    """F_M, equations 5a and 5b, p. 107; ln of g or cm/s."""
    above = magnitude - c.m_hinge
    if above <= 0:
        return c.e + c.e5 * above + c.e6 * above**2
    return c.e + c.e7 * above


def distance_term(c: Ba08, magnitude: float, rjb_km: Floats) -> Floats:
    """F_D, equations 3 and 4, p. 107; ln."""
    r = np.hypot(rjb_km, c.h)
    term: Floats = (c.c1 + c.c2 * (magnitude - M_REF)) * np.log(r / R_REF_KM)
    return term + c.c3 * (r - R_REF_KM)


def rock(c: Ba08, magnitude: float, rjb_km: Floats) -> Floats:
    """ln of the median at Vs30 = 760 m/s: F_M + F_D."""
    return magnitude_term(c, magnitude) + distance_term(c, magnitude, rjb_km)


def linear_site(c: Ba08, vs30: Floats) -> Floats:
    """F_LIN, equation 7, p. 108; ln."""
    term: Floats = c.b_lin * np.log(vs30 / V_REF)
    return term


def nonlinear_slope(c: Ba08, vs30: Floats) -> Floats:
    """b_nl, equations 13a to 13d, p. 109."""
    low = (c.b1 - c.b2) * np.log(vs30 / V_2) / np.log(V_1 / V_2) + c.b2
    high = c.b2 * np.log(vs30 / V_REF) / np.log(V_2 / V_REF)
    found: Floats = np.select([vs30 <= V_1, vs30 <= V_2, vs30 < V_REF], [c.b1, low, high], 0.0)
    return found


def transition(pga4nl_g: Floats) -> Floats:
    """F_NL over b_nl without its value at small motion, equations 8 to 12, p. 108.

    0 up to 0.03 g, the cubic of equation 8b to 0.09 g, then ln(pga4nl / 0.06).
    """
    dx, dy = np.log(A_2 / A_1), np.log(A_2 / PGA_LOW)
    c, d = (3 * dy - dx) / dx**2, -(2 * dy - dx) / dx**3
    x = np.log(np.maximum(pga4nl_g, A_1) / A_1)
    high = np.log(np.maximum(pga4nl_g, A_1) / PGA_LOW)
    found: Floats = np.where(pga4nl_g <= A_2, c * x**2 + d * x**3, high)
    return found


def nonlinear_site(slope: Floats, pga4nl_g: Floats) -> Floats:
    """F_NL, equations 8a to 8c, p. 108; ln."""
    found: Floats = slope * (np.log(PGA_LOW / 0.1) + transition(pga4nl_g))
    return found


def median(c: Ba08, pga: Ba08, magnitude: float, rjb_km: Floats, vs30: Floats) -> Floats:
    """Equation 1, p. 106, for given coefficients; `pga` are those of pga4nl."""
    pga4nl = np.exp(rock(pga, magnitude, rjb_km))
    site = linear_site(c, vs30) + nonlinear_site(nonlinear_slope(c, vs30), pga4nl)
    return rock(c, magnitude, rjb_km) + site


def boore_atkinson_2008(measure: Measure, magnitude: float, rjb_km: Floats, vs30: Floats) -> Floats:
    """ln of median PGA (g) or PGV (cm/s); shape of the broadcast arrays."""
    return median(ba08(measure), ba08("pga"), magnitude, rjb_km, vs30)


def small_magnitude(magnitude: float, rjb_km: Floats) -> Floats:
    """ln of Atkinson & Boore (2011), BSSA 101(3), 1121-1135, equation 5: factor on BA08.

    In the paper a log10; zero from M 5.77.
    """
    scale = max(0.0, 3.888 - 0.674 * magnitude)
    decay = max(0.0, 2.933 - 0.510 * magnitude)
    found: Floats = np.log(10.0) * (scale - decay * np.log10(rjb_km + 10.0))
    return found
