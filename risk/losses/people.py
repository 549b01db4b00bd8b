"""People of each village by whole MMI under a shaking field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import DataError
from risk.exposure.expose import expose
from risk.operator import UNKNOWN

if TYPE_CHECKING:
    import xarray as xr

    from risk.layers.layerset import LayerSet

FIRST_MMI, LAST_MMI = 5, 10
_LOWER = (5, 6, 7, 8)
_UPPER = (9, 10)

_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shaken:
    """Whole people by intensity, rounded half up (5.5 is VI), as PAGER and InaSAFE do.

    Attributes:
        at_least: int64, shape (villages + 1, 6): people at V, VI … X or more; the last row is
            of people in no village.
        unknown: int64, shape (villages + 1,): people for whom no intensity is known.
        touched: int64, shape (villages, 6): parts of each village at V, VI … X or more.
    """

    at_least: _I64
    unknown: _I64
    touched: _I64

    def classes(self) -> dict[int, int]:
        """People of all rows by whole MMI V to X."""
        total = np.append(self.at_least.sum(axis=0), 0)
        single = total[:-1] - total[1:]
        return {FIRST_MMI + i: int(n) for i, n in enumerate(single)}

    def reached(self, mmi: int) -> NDArray[np.bool_]:
        """Villages of which any part is shaken at `mmi` or more, shape (villages,)."""
        found: NDArray[np.bool_] = self.touched[:, mmi - FIRST_MMI] > 0
        return found


def shaken(field: xr.Dataset, layers: LayerSet) -> Shaken:
    """People by whole MMI.

    Args:
        field: `mmi` over `latitude` and `longitude`, any ascending grid; NaN is not known.
            `attrs["outside"] == "none"`: beyond it nobody is at V or more.

    Raises:
        DataError: the field holds no `mmi`.
    """
    if "mmi" not in field:
        raise DataError(f"shaking field: no variable 'mmi', found {', '.join(map(str, field))}")
    lower, upper = (_exposed(field, steps, layers) for steps in (_LOWER, _UPPER))
    return Shaken(
        at_least=np.hstack([_running(lower[1], 4), _running(upper[1], 2)]),
        unknown=lower[1][:, UNKNOWN],
        touched=np.hstack([_running(lower[0], 4), _running(upper[0], 2)]),
    )


def _exposed(field: xr.Dataset, steps: tuple[int, ...], layers: LayerSet) -> tuple[_I64, _I64]:
    """Parts and people (with those in no village) in classes: below the first step is 0."""
    mmi = field["mmi"].to_numpy()
    level = np.digitize(np.nan_to_num(mmi, nan=0.0), [step - 0.5 for step in steps])
    hazard = field[["mmi"]].assign(
        hazard_level=(field["mmi"].dims, np.where(np.isnan(mmi), -1, level).astype(np.int8))
    )
    found = expose(layers.operator, layers.geometry, hazard.drop_vars("mmi"))
    return found.parts, np.vstack([found.counts, found.unassigned])


def _running(counts: _I64, classes: int) -> _I64:
    """At least class 1, 2 … `classes`."""
    running: _I64 = np.cumsum(counts[:, classes:0:-1], axis=1)[:, ::-1]
    return running
