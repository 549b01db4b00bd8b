"""Evidence of a place: what the field says over the warned villages of a province, or over one.

A national maximum explains no village. Counted are the cells of a field that lie in a cell of the
analysis grid (2 km) where somebody of these villages lives; for a province only those at level 2
and more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.hazard import HazardEvent, HazardField
from kentongan.times import iso
from kentongan.types import Level
from processing.rain.cell_near import AROUND_KM, NearCell, near

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from processing.rain.cell_tracks import CellFrame
    from processing.rain.policy import RainLevels
    from risk.layers.layerset import LayerSet
    from risk.operator import ExposureOperator

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Evidence = dict[str, str | float | int | bool | None]

_MOST = {
    "rain_1h": "most_mm_1h", "rain_3h": "most_mm_3h", "rain_6h": "most_mm_6h",
    "rain_24h": "most_mm_24h", "rain_1h_p10": "most_mm_1h_p10", "rain_1h_p90": "most_mm_1h_p90",
    "rain_rate": "most_mm_h", "rain_rate_low": "most_mm_h_low",
    "rain_next_1h": "most_mm_next_1h", "probability": "most_probability",
    "catchment_rain": "most_catchment_mm", "antecedent_index": "most_index_mm",
}  # fmt: skip
"""Variable of a field -> key of its largest value."""


def with_local_evidence(
    field: HazardField,
    layers: LayerSet,
    parts: Sequence[tuple[HazardEvent, pd.DataFrame]],
    rules: RainLevels,
    cells: CellFrame | None = None,
) -> list[tuple[HazardEvent, pd.DataFrame]]:
    """Events of provinces, each with what the field says over its own warned villages, and for
    rain which convective cells are near these."""
    if field.raster is None:
        return list(parts)
    out = []
    for event, rows in parts:
        warned = rows["adm4_code"][rows["level"] >= Level.WASPADA].tolist()
        found = over_villages(field.raster, layers, warned, rules, at_least=Level.WASPADA)
        found |= near_villages(cells, layers, warned)
        out.append((event.model_copy(update={"evidence": {**event.evidence, **found}}), rows))
    return out


def over_villages(
    raster: xr.Dataset,
    layers: LayerSet,
    codes: Collection[str],
    rules: RainLevels,
    *,
    at_least: int = -1,
) -> Evidence:
    """Largest amounts, the duration that decides, and lead times over the cells of villages.

    Args:
        raster: of rain, flood or landslide, with its own variables.
        codes: adm4, of the layer set; others are left out.
        at_least: only cells of this level and more.

    Returns:
        Keys by what the raster has; empty where no cell of it is there.
    """
    here = _cells_of(raster, layers.operator, _rows(layers, codes))
    here &= raster["hazard_level"].to_numpy() >= at_least
    if not here.any():
        return {}
    flat = [str(name) for name in raster.data_vars if _flat(raster[name])]
    known = {name: raster[name].to_numpy()[here] for name in flat}
    found: Evidence = {key: _most(known[name]) for name, key in _MOST.items() if name in known}
    if "lead_time_hours" in known:
        found |= _leads(known["lead_time_hours"])
    if "rain_hours" in known:
        found["rain_hours"] = _commonest(known["rain_hours"])
    if "hazard_level_by_lead" in raster:
        found |= _of_rain(raster, here, known, rules)
    return found


def near_villages(cells: CellFrame | None, layers: LayerSet, codes: Collection[str]) -> Evidence:
    """The nearest and the strongest cell around villages, in figures.

    Empty where no frame in kelvin is known for the time: that says nothing about cells. Where one
    is and no cell is near, the count of them is 0.
    """
    if cells is None or not codes:
        return {}
    places = layers.villages.iloc[_rows(layers, codes)]
    found = near(
        cells, places["latitude"].to_numpy(dtype=float), places["longitude"].to_numpy(dtype=float)
    )
    said: Evidence = {
        "cells_of_frame": iso(cells.time),
        f"cells_within_{AROUND_KM:.0f}_km": found.around if found else 0,
    }
    if found is None:
        return said
    said |= _of_cell("nearest_cell", found.nearest)
    if found.strongest.cell.track != found.nearest.cell.track:
        said |= _of_cell("strongest_cell", found.strongest)
    return said


def _of_cell(name: str, one: NearCell) -> Evidence:
    cell = one.cell
    return {
        f"{name}_km": one.away_km,
        f"{name}_track": cell.track,
        f"{name}_min_k": cell.min_k,
        f"{name}_cooling_k_15min": cell.cooling_k_15min,
        f"{name}_overshooting": cell.tops > 0,
        f"{name}_area_km2": cell.area_km2,
        f"{name}_age_minutes": cell.age_minutes,
        f"{name}_moves_towards": one.towards,
    }


def _flat(field: xr.DataArray) -> bool:
    return field.dims == ("latitude", "longitude")


def _rows(layers: LayerSet, codes: Collection[str]) -> npt.NDArray[np.int64]:
    villages = layers.villages["adm4_code"]
    return np.flatnonzero(villages.isin(list(codes)).to_numpy()).astype(np.int64)


def _cells_of(raster: xr.Dataset, operator: ExposureOperator, rows: npt.NDArray[np.int64]) -> Bools:
    """Cells of the raster within a cell of the analysis grid that the villages have people in."""
    grid = operator.grid
    base = np.zeros(grid.rows * grid.columns, dtype=np.bool_)
    for row in rows.tolist():
        base[operator.cell[operator.pointer[row] : operator.pointer[row + 1]]] = True
    laid = base.reshape(grid.rows, grid.columns)
    y = _place(raster["latitude"].to_numpy(), grid.south, grid.step, grid.rows)
    x = _place(raster["longitude"].to_numpy(), grid.west, grid.step, grid.columns)
    found: Bools = laid[np.ix_(np.maximum(y, 0), np.maximum(x, 0))]
    found[y < 0], found[:, x < 0] = False, False
    return found


def _place(centres: Floats, start: float, step: float, count: int) -> npt.NDArray[np.int64]:
    """Cell of the analysis grid for each centre; -1: outside it."""
    # A centre on a shared border differs by rounding alone.
    place = np.floor((centres - start) / step + 1e-9).astype(np.int64)
    return np.where((place >= 0) & (place < count), place, -1)


def _most(values: Floats) -> float | None:
    return round(float(np.nanmax(values)), 2) if np.isfinite(values).any() else None


def _commonest(values: npt.NDArray[np.generic]) -> int | None:
    kinds, counts = np.unique(values[values.astype(np.float64) > 0], return_counts=True)
    return int(kinds[counts.argmax()]) if kinds.size else None


def _leads(hours: Floats) -> Evidence:
    known = hours[np.isfinite(hours)]
    names = ("lead_time_hours_least", "lead_time_hours_median", "lead_time_hours_most")
    return {
        name: round(float(np.percentile(known, percent)), 2) if known.size else None
        for name, percent in zip(names, (0, 50, 100), strict=True)
    }


def _of_rain(
    raster: xr.Dataset, here: Bools, known: dict[str, Floats], rules: RainLevels
) -> Evidence:
    """When level 2 is there first, and which duration of what has fallen gives the level of now."""
    leads = raster["lead_time"].to_numpy().astype(int)
    stack = raster["hazard_level_by_lead"].to_numpy()[:, here]
    reached = (stack >= Level.WASPADA).any(axis=1)
    first = int(leads[reached.argmax()]) if reached.any() else None
    return {"level_2_in_minutes": first, "decided_by_hours": _decides(known, rules)}


def _decides(known: dict[str, Floats], rules: RainLevels) -> int | None:
    """Duration whose sum reaches the highest level in any cell; the shortest of equals."""
    best: tuple[int, int | None] = (0, None)
    for hours, edges in sorted(rules.rain_mm.items()):
        amount = known.get(f"rain_{hours}h")
        if amount is None or not np.isfinite(amount).any():
            continue
        level = int(np.searchsorted(np.asarray(edges), np.nanmax(amount), side="right"))
        if level > best[0]:
            best = level, hours
    return best[1]
