"""Supply and demand within reach: two-step floating catchments.

2SFCA: Luo and Wang 2003 (Environ. Plann. B 30, 865), equations 1 and 2; the enhanced form with
weights by zone: Luo and Qi 2009 (Health and Place 15, 1100), equations 2 and 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kentongan.policy import Catchment

_F64 = NDArray[np.float64]


def zone_weights(minutes: _F64, catchment: Catchment) -> _F64:
    """Weight of each travel time: that of its zone; 0 beyond the last, and where not known.

    A time on the border of two zones belongs to the nearer one.
    """
    weights = np.array([*catchment.weights, 0.0])
    zone = np.searchsorted(np.array(catchment.minutes), minutes, side="left")
    return np.asarray(np.where(np.isnan(minutes), 0.0, weights[zone]), dtype=np.float64)


def catchment_access(demand: _F64, supply: _F64, weights: _F64) -> _F64:
    """Supply per person that each place of demand can reach.

    Args:
        demand: people, shape (n,).
        supply: members, shape (m,).
        weights: shape (n, m), 0..1; 0 is out of reach.

    Returns:
        Shape (n,): A_i = sum_j W_ij S_j / sum_k P_k W_kj; 0 where nobody comes.
    """
    asked = weights.T @ demand
    ratio = np.divide(supply, asked, out=np.zeros_like(asked), where=asked > 0)
    return np.asarray(weights @ ratio, dtype=np.float64)
