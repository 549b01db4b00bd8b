"""Zhao et al. (2006), BSSA 96(3), 898-913: crustal, interface and intraslab.

For M 5 to 8.3, rupture distance to 300 km, depth to 125 km. The reverse-fault term of crustal
sources is left out: the mechanism is not known when a quake is published.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from processing.gmm.coefficients import Zhao06, ZhaoType, zhao06

Floats = npt.NDArray[np.float64]
Period = Literal["pga", "sa1"]

DEPTH_CAP_KM = 125.0
"""p. 901: deeper sources count as this deep."""
H_C_KM = 15.0
"""p. 902: the depth term starts here."""
SITE_EDGES = (200.0, 300.0, 600.0, 1100.0)
"""Vs30 in m/s between soft, medium and hard soil, rock and hard rock, Table 2, p. 901; an edge
belongs to the softer class."""


class Source(StrEnum):
    CRUSTAL = "crustal"
    INTERFACE = "interface"
    INTRASLAB = "intraslab"


def site_term(c: Zhao06, vs30: Floats) -> Floats:
    """C_k, Table 5; ln."""
    soft_first = np.array(c.site[::-1])
    found: Floats = soft_first[np.searchsorted(SITE_EDGES, vs30, side="left")]
    return found


def type_of(c: Zhao06, source: Source) -> ZhaoType:
    return {
        Source.CRUSTAL: c.crustal, Source.INTERFACE: c.interface, Source.INTRASLAB: c.intraslab
    }[source]  # fmt: skip


def source_term(c: Zhao06, source: Source, magnitude: float, depth_km: float) -> float:
    """Terms of magnitude, depth and type, equations 1 and 5, pp. 901 and 909; ln."""
    t = type_of(c, source)
    over = magnitude - (6.5 if source is Source.INTRASLAB else 6.3)
    depth = min(depth_km, DEPTH_CAP_KM)
    deep = c.e * (depth - H_C_KM) if depth >= H_C_KM else 0.0
    return c.a * magnitude + deep + t.s + t.p * over + t.q * over**2 + t.w


def path_term(c: Zhao06, source: Source, magnitude: float, rrup_km: Floats) -> Floats:
    """Terms of distance, equations 1 and 2, p. 901; ln. Distance below 0.1 km counts as that."""
    r = np.maximum(rrup_km, 0.1)
    spread: Floats = c.b * r - np.log(r + c.c * np.exp(c.d * magnitude))
    return spread + type_of(c, source).s_log * np.log(r)


def zhao_2006(
    period: Period, source: Source, magnitude: float, depth_km: float, rrup_km: Floats, vs30: Floats
) -> Floats:
    """ln of the median, cm/s2; PGA or spectral acceleration at 1.0 s."""
    c = zhao06(period)
    base = source_term(c, source, magnitude, depth_km)
    return base + path_term(c, source, magnitude, rrup_km) + site_term(c, vs30)
