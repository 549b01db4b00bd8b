"""People per village and class under any hazard: the operator's front door.

| the hazard is | how it meets the operator (`Exposed.method`) |
|---|---|
| cells that no line of the operator's grid cuts off, or whole multiples of them | `cells` |
| a raster on any other grid of degrees | `cells, cut by area`: see `refine` |
| polygons | `polygons by area`: see `zones` |
| members or quantiles (dims realization, quantile) | one of the first two, member by member |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from risk.exposure import kernels
from risk.exposure.operator import (
    CLASSES,
    HIGHEST_FIRST,
    UNKNOWN,
    ExposureOperator,
    Unassigned,
    whole_people,
)
from risk.exposure.refine import (
    MIXED,
    FieldCells,
    box_portions,
    field_cells,
    on_grid,
    refined_parts,
    share_out,
)
from risk.exposure.zones import unassigned_in_zones, zone_parts

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

MEMBERS = ("realization", "quantile")
QUANTILES = (0.1, 0.5, 0.9)
_AT_ONCE = 5_000_000
"""Villages times members held at a time: some 0.5 GB."""

_I64 = NDArray[np.int64]
_Shapes = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Spread:
    """What the members of an ensemble give, people at or above a class.

    Attributes:
        low, middle, high: int64, shape (villages, 4): p10, p50 and p90 of the people in level
            >= 1, 2, 3, 4; each the number of a member, none made up between two.
        nation: int64, shape (3, 4): the same of the sums over all villages. Not the sums of
            the villages' own quantiles, which no member need reach at once.
        members: how many there were.
    """

    low: _I64
    middle: _I64
    high: _I64
    nation: _I64
    members: int


@dataclass(frozen=True, eq=False)
class Exposed:
    """People by class under one hazard.

    Attributes:
        parts: int64, shape (villages, 6): levels 0 to 4, not known; rows sum to the scale.
        counts: int64, shape (villages, 6), whole people; rows sum to the village's people.
        unassigned: int64, shape (6,), whole people in no village.
        method: how field and operator met.
        spread: of a probabilistic field; `counts` are then its medians.
    """

    parts: _I64
    counts: _I64
    unassigned: _I64
    method: str
    spread: Spread | None = None

    @property
    def known_fraction(self) -> NDArray[np.float64]:
        """Share of each village's people for whom the hazard is known, shape (villages,)."""
        whole = np.maximum(self.parts.sum(axis=1), 1)
        share: NDArray[np.float64] = 1 - self.parts[:, UNKNOWN] / whole
        return share

    @property
    def nation(self) -> _I64:
        """People in each class over all villages and in none, shape (6,)."""
        total: _I64 = self.counts.sum(axis=0) + self.unassigned
        return total


def expose(
    operator: ExposureOperator, geometry: _Shapes, hazard: xr.Dataset | gpd.GeoDataFrame
) -> Exposed:
    """Lay a hazard over the operator.

    Args:
        geometry: the shapes from which the operator was compiled, EPSG:4326.
        hazard: a dataset with `hazard_level` (0..4, -1 or NaN not known) over `latitude` and
            `longitude` (ascending or descending cell centres in degrees), with at most one
            dimension more of `MEMBERS`; `attrs["outside"] == "none"` says that beyond it there
            is no hazard, else that is not known. Or polygons with `hazard_level`.

    Raises:
        GridMismatch: other dimensions, coordinates that are no cell centres, other classes,
            polygons without a coordinate system.
    """
    if not hasattr(hazard, "data_vars"):
        return _under_polygons(operator, geometry, hazard)
    outside = 0 if hazard.attrs.get("outside") == "none" else -1
    level = _upright(hazard["hazard_level"])
    latitude, longitude = (level[name].to_numpy() for name in ("latitude", "longitude"))
    values = _classes(level.to_numpy())
    members = [
        field_cells(latitude, longitude, one, outside, operator.grid)
        for one in (values if values.ndim == 3 else values[None])
    ]
    if values.ndim == 2:
        return _under_cells(operator, geometry, members[0])
    return _under_members(operator, geometry, members)


def _upright(level: xr.DataArray) -> xr.DataArray:
    extra = [str(name) for name in level.dims if name not in ("latitude", "longitude")]
    if len(extra) + 2 != level.ndim or len(extra) > 1 or not set(extra) <= set(MEMBERS):
        raise GridMismatch(
            f"hazard_level has the dims {level.dims}; expected latitude, longitude and at most "
            f"one of {', '.join(MEMBERS)}"
        )
    for name in ("latitude", "longitude"):
        if name not in level.coords:
            raise GridMismatch(f"hazard_level has no coordinate {name}")
        if level.sizes[name] > 1 and level[name][0] > level[name][-1]:
            level = level.isel({name: slice(None, None, -1)})
    return level.transpose(*extra, "latitude", "longitude")


def _classes(values: NDArray[np.generic]) -> NDArray[np.int8]:
    if values.dtype.kind not in "iuf":
        raise GridMismatch(f"hazard_level is {values.dtype}; expected whole numbers -1 to 4")
    known = np.nan_to_num(values.astype(np.float64), nan=-1.0)
    if known.size and not ((known >= -1) & (known <= 4) & (known == np.rint(known))).all():
        raise GridMismatch(
            f"hazard classes go from {known.min()} to {known.max()}; expected whole numbers from "
            "-1 (not known) to 4"
        )
    return known.astype(np.int8)


def _under_cells(operator: ExposureOperator, geometry: _Shapes, field: FieldCells) -> Exposed:
    parts, cut = refined_parts(operator, geometry, field)
    unassigned = unassigned_under(operator, field)
    method = "cells, cut by area" if cut else "cells"
    return Exposed(parts, whole_people(operator.people, parts), unassigned, method)


def unassigned_under(operator: ExposureOperator, field: FieldCells) -> _I64:
    """Whole people in no village in each class, by the area of their cell, shape (6,)."""
    cell, people = operator.unassigned.cell, operator.unassigned.people
    classes = on_grid(field, operator.grid)
    cut = (classes == MIXED).ravel()[cell]
    whole = np.where(classes == MIXED, np.int8(0), classes)
    kept = replace(operator, unassigned=Unassigned(cell[~cut], people[~cut]))
    found = kept.overlay_unassigned(whole)
    found += share_out(people[cut], box_portions(field, cell[cut], operator.grid)).sum(axis=0)
    return found


def _under_polygons(
    operator: ExposureOperator, geometry: _Shapes, hazard: gpd.GeoDataFrame
) -> Exposed:
    if hazard.crs is None:
        raise GridMismatch("hazard polygons have no coordinate system; set it (EPSG:4326)")
    shapes = hazard.geometry.to_crs(4326).to_numpy()
    level = _classes(hazard["hazard_level"].to_numpy())
    parts = zone_parts(operator, geometry, shapes, level)
    return Exposed(
        parts,
        whole_people(operator.people, parts),
        unassigned_in_zones(operator, shapes, level),
        "polygons by area",
    )


def _under_members(
    operator: ExposureOperator, geometry: _Shapes, members: list[FieldCells]
) -> Exposed:
    """Medians by class, and the spread between members."""
    if len(members) > len(QUANTILES):
        kernels.warm()
    villages, step = operator.people.size, max(1, _AT_ONCE // len(members))
    nation = np.zeros((len(members), 1, 5), dtype=np.int64)
    pieces, methods = [], set()
    for start in range(0, villages, step):
        part = operator.take(start, min(start + step, villages))
        each = [_under_cells(part, geometry[start : start + step], field) for field in members]
        people = np.stack([_running(one.counts) for one in each])
        parts = np.stack([_running(one.parts) for one in each])
        nation += people.sum(axis=1, keepdims=True)
        methods |= {one.method for one in each}
        pieces.append((_ranked(people), _ranked(parts)[1]))
    people, parts = (np.concatenate([piece[i] for piece in pieces], axis=1 - i) for i in (0, 1))
    lost = _ranked(np.stack([_running(unassigned_under(operator, f)[None]) for f in members]))[1]
    low, middle, high = people[:, :, 3::-1]
    return Exposed(
        _by_class(parts, np.full(villages, operator.scale)),
        _by_class(people[1], operator.people),
        _by_class(lost, operator.unassigned.people.sum(keepdims=True))[0],
        f"{max(methods, key=len)}, {len(members)} members",
        Spread(low, middle, high, _ranked(nation)[:, 0, 3::-1], len(members)),
    )


def _running(counts: _I64) -> _I64:
    """People in level >= 4, 3, 2, 1, then with unknown; shape (n, 5)."""
    found: _I64 = np.cumsum(counts[:, list(HIGHEST_FIRST[:-1])], axis=1)
    return found


def _ranked(running: _I64) -> _I64:
    """p10, p50, p90 over members, shape (3, n, 5); each is the number of a member."""
    found: _I64 = np.quantile(running, QUANTILES, axis=0, method="inverted_cdf").astype(np.int64)
    return found


def _by_class(running: _I64, whole: _I64) -> _I64:
    out = np.empty((len(running), CLASSES), dtype=np.int64)
    out[:, list(HIGHEST_FIRST)] = np.diff(np.column_stack([running, whole]), axis=1, prepend=0)
    return out
