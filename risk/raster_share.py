"""Villages under a hazard raster: the highest level that holds a share of their people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.policy import RasterRules
from kentongan.types import Level
from risk.exposure.expose import unassigned_under
from risk.exposure.refine import MIXED, FieldCells, field_cells, on_grid, refined_parts
from risk.findings import Findings
from risk.operator import UNKNOWN, ExposureOperator

if TYPE_CHECKING:
    import xarray as xr

    from risk.layers.layerset import LayerSet

RULE = "share-of-people"
_I64 = NDArray[np.int64]


def raster_findings(
    raster: xr.Dataset, onset: datetime, layers: LayerSet, rules: RasterRules
) -> Findings:
    """Villages with a level, with people in a level, or with people not known.

    Args:
        raster: `hazard_level` (int8, -1 not known) and the variable that
            `attrs["value_variable"]` names, on any ascending grid. People are shared out along
            the borders of its cells (`risk.exposure.refine`), never by a resampled field; only
            the value that is shown with a level is that of the nearest cell. `probability`, if
            there is one, is that which the same share of people reach; not known where a level
            without one reaches so many.
    """
    operator, values = layers.operator, to_base_grid(raster, layers.operator.grid)
    rows, parts, cut = raster_parts(raster, layers)
    name = str(raster.attrs.get("value_variable", ""))
    value = np.full(rows.size, np.nan, dtype=np.float32)
    if name in values:
        value = deciding_value(operator, rows, values[name].to_numpy(), rules.people_pct)
    chance = None
    if "probability" in values:
        chance = _chance(values, operator, rows, rules.people_pct)
    return Findings(
        rows=rows,
        level=level_of(parts, rules.people_pct),
        rule=np.full(rows.size, RULE, dtype=object),
        parts=parts,
        value=value,
        onset=pd.DatetimeIndex([onset] * rows.size, tz="UTC"),
        no_elevation=np.zeros(rows.size, dtype=np.bool_),
        unassigned=unassigned_under(operator, _field(raster, operator.grid)),
        method="cells, cut by area" if cut else "cells",
        probability=chance,
    )


def _chance(
    values: xr.Dataset, operator: ExposureOperator, rows: _I64, people_pct: float
) -> NDArray[np.float32]:
    """Probability of each village; NaN where a level 2 without one holds enough of its people.

    Such a level (seen already, say) must not take the small probability of the cells around it.
    """
    chance = values["probability"].to_numpy()
    sure = np.isnan(chance) & (values["hazard_level"].to_numpy() >= Level.WASPADA)
    found = deciding_value(operator, rows, np.where(sure, np.float32(2), chance), people_pct)
    return np.where(found > 1, np.float32(np.nan), found)


def raster_parts(raster: xr.Dataset, layers: LayerSet) -> tuple[_I64, _I64, bool]:
    """Villages not wholly in level 0 and their parts; whether any cell was cut by the field's."""
    operator = layers.operator
    field = _field(raster, operator.grid)
    classes = on_grid(field, operator.grid)
    if not (classes == MIXED).any():
        return *operator.touched(classes), False
    parts, cut = refined_parts(operator, layers.geometry, field)
    rows = np.flatnonzero(parts[:, 0] < operator.scale)
    return rows, parts[rows], cut


def _field(raster: xr.Dataset, grid: Grid) -> FieldCells:
    outside = 0 if raster.attrs.get("outside") == "none" else LEVEL_UNKNOWN
    levels = np.nan_to_num(raster["hazard_level"].to_numpy(), nan=LEVEL_UNKNOWN)
    if levels.size and not LEVEL_UNKNOWN <= levels.min() <= levels.max() <= Level.AWAS:
        raise GridMismatch(
            f"hazard classes go from {levels.min()} to {levels.max()}; expected -1 (not known) to 4"
        )
    y, x = (raster[name].to_numpy() for name in ("latitude", "longitude"))
    return field_cells(y, x, levels.astype(np.int8), outside, grid)


def level_of(parts: _I64, people_pct: float) -> _I64:
    """Highest level l with at least `people_pct` of the people in levels >= l; else 0.

    Unknown parts count neither for nor against.
    """
    at_least = np.cumsum(parts[:, 4:0:-1], axis=1)[:, ::-1]
    enough = at_least * 100 >= people_pct * parts.sum(axis=1, keepdims=True)
    # at_least falls with the level, so counting the levels that have enough gives the highest.
    level: _I64 = enough.sum(axis=1).astype(np.int64)
    return level


def deciding_value(
    operator: ExposureOperator,
    rows: _I64,
    values: NDArray[np.floating],
    people_pct: float,
) -> NDArray[np.float32]:
    """The value that `people_pct` of each village's people reach or exceed.

    So its class is the village's level. NaN where less than that is known.
    """
    wanted = np.zeros(operator.people.size, dtype=np.bool_)
    wanted[rows] = True
    entry = np.flatnonzero(wanted[operator.row])
    value = values.ravel()[operator.cell[entry]].astype(np.float64)
    known = np.isfinite(value)
    entry, value = entry[known], value[known]
    position = np.searchsorted(rows, operator.row[entry])
    order = np.lexsort((-value, position))
    position, value = position[order], value[order]
    running = np.cumsum(operator.share[entry][order], dtype=np.int64)
    start = np.searchsorted(position, np.arange(rows.size))
    before = np.concatenate([[0], running])[start]
    enough = (running - before[position]) * 100 >= people_pct * operator.scale
    hits = np.flatnonzero(enough)
    which, first = np.unique(position[hits], return_index=True)
    out = np.full(rows.size, np.nan, dtype=np.float32)
    out[which] = value[hits[first]]
    return out


def to_base_grid(raster: xr.Dataset, grid: Grid = BASE_GRID) -> xr.Dataset:
    """The same field on the analysis grid, each cell from the nearest one.

    A cell farther than half a step from the field is not known, or level 0 where the field
    says `attrs["outside"] == "none"`.

    Returns:
        `hazard_level` int8, the value and `probability` float32, dims (latitude, longitude).

    Raises:
        GridMismatch: other dims, coordinates that do not ascend, fewer than two cells a side.
    """
    import xarray as xr

    level = raster["hazard_level"]
    if level.dims != ("latitude", "longitude"):
        raise GridMismatch(
            f"hazard_level has the dims {level.dims}; expected ('latitude', 'longitude')"
        )
    row, row_inside = _nearest(raster["latitude"].to_numpy(), grid.latitude, "latitude")
    column, column_inside = _nearest(raster["longitude"].to_numpy(), grid.longitude, "longitude")
    rows, columns = np.flatnonzero(row_inside), np.flatnonzero(column_inside)
    into, taken = np.ix_(rows, columns), np.ix_(row[rows], column[columns])
    outside = 0 if raster.attrs.get("outside") == "none" else LEVEL_UNKNOWN
    dims, shape = ("latitude", "longitude"), (grid.rows, grid.columns)

    def placed(values: NDArray[np.generic], fill: np.generic) -> NDArray[np.generic]:
        found = np.full(shape, fill)
        found[into] = values[taken]
        return found

    levels = np.nan_to_num(level.to_numpy(), nan=LEVEL_UNKNOWN).astype(np.int8)
    out = {"hazard_level": (dims, placed(levels, np.int8(outside)))}
    for name in {str(raster.attrs.get("value_variable", "")), "probability"}:
        if name in raster:
            values = raster[name].to_numpy().astype(np.float32)
            out[name] = (dims, placed(values, np.float32(np.nan)))
    coords = {"latitude": grid.latitude, "longitude": grid.longitude}
    return xr.Dataset(out, coords=coords, attrs=raster.attrs)


def _nearest(
    have: NDArray[np.float64], want: NDArray[np.float64], name: str
) -> tuple[_I64, NDArray[np.bool_]]:
    """Position of the nearest coordinate, and whether it lies within half a step."""
    if have.size < 2 or not (np.diff(have) > 0).all():
        raise GridMismatch(f"{name}: expected at least two ascending cell centres in degrees")
    middle = (have[1:] + have[:-1]) / 2
    # A want on a border belongs to the cell above; rounding must not move a shared centre.
    position = np.searchsorted(middle, want, side="right").astype(np.int64)
    half = np.diff(have).max() / 2 + 1e-9
    return position, np.abs(have[position] - want) <= half


__all__ = ["RULE", "UNKNOWN", "deciding_value", "level_of", "raster_findings", "to_base_grid"]
