"""People of each grid cell, for counting a field that is no level: members of an ensemble."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from risk.exposure.operator import ExposureOperator


@lru_cache(maxsize=2)
def people_on_cells(operator: ExposureOperator) -> NDArray[np.float64]:
    """People in every cell, float64, shape (rows * columns,), those in no village among them.

    Sums over whole villages are whole people; a part of one may be a fraction. Read-only, made
    once for an operator.
    """
    share = operator.share * (operator.people[operator.row] / operator.scale)
    cells = operator.grid.rows * operator.grid.columns
    found: NDArray[np.float64] = np.bincount(operator.cell, weights=share, minlength=cells).astype(
        np.float64
    )
    np.add.at(found, operator.unassigned.cell, operator.unassigned.people)
    found.setflags(write=False)
    return found
