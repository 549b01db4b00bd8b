"""The answer of an overlay: whole people by class, of each area and in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.analyst.areas import Areas
from risk.analyst.classes import UNKNOWN
from risk.analyst.rounding import whole_table
from risk.layers.check.shapes import km2

if TYPE_CHECKING:
    import geopandas as gpd

_F64 = NDArray[np.float64]
_PERCENTILES = (10, 90)


@dataclass(frozen=True, eq=False)
class Overlay:
    """People by class. `total_people` = people of all areas + `unassigned`, to the person.

    Attributes:
        classes: keys of the classes in order; "unknown" is the last one where anybody lives in a
            place for which the hazard is not known.
        by_class: people of all areas and of no area.
        unassigned: people in no area.
        table: one row an area: `area_id`, names, `people`, `class_<key>` …, `people_unknown`,
            `known_fraction`, the geometry (EPSG:4326); from a probabilistic field also
            `at_least_<key>_p10` and `_p90`.
        warnings: one sentence each.
    """

    total_people: int
    by_class: dict[str, int]
    unassigned: int
    unassigned_by_class: dict[str, int]
    classes: tuple[str, ...]
    table: gpd.GeoDataFrame
    warnings: tuple[str, ...]
    thresholds: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `kentongan overlay --json`."""
        return {
            "total_people": self.total_people,
            "by_class": self.by_class,
            "areas": [self._area(row) for row in self.table.to_dict("records")],
            "unassigned": self.unassigned,
            "warnings": list(self.warnings),
        }

    def _area(self, row: dict[str, Any]) -> dict[str, Any]:
        area = {
            "area_id": row["area_id"],
            "people": int(row["people"]),
            "by_class": {key: int(row[column_of(key)]) for key in self.classes},
            "known_fraction": round(float(row["known_fraction"]), 6),
        }
        bands = {k: int(v) for k, v in row.items() if str(k).endswith(("_p10", "_p90"))}
        return area | ({"at_least": bands} if bands else {})


def column_of(key: str) -> str:
    """Column of the table that holds people of a class."""
    return "people_unknown" if key == UNKNOWN else f"class_{key}"


def overlay_of(
    areas: Areas,
    keys: tuple[int, ...],
    each: _F64,
    every: _F64,
    known_area: _F64,
    warnings: list[str],
    *,
    levels: tuple[float, ...],
    thresholds: tuple[float, ...] | None,
) -> Overlay:
    """Round last.

    Args:
        each: people, shape (members, areas, keys + 1), the last column is not known.
        every: people of everything, shape (members, keys + 1).
        known_area: share of the area with data, for areas in which nobody lives.
    """
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5))) if levels else None
    mean = each[middle] if middle is not None else each.mean(axis=0)
    all_of_it = every[middle] if middle is not None else every.mean(axis=0)
    rest = np.maximum(all_of_it - mean.sum(axis=0), 0)
    # What slivers count twice in one class is taken from the other classes outside.
    surplus = all_of_it.sum() - mean.sum()
    rest *= max(surplus, 0.0) / rest.sum() if rest.sum() > 0 else 0.0
    whole = whole_table(np.vstack([mean, rest[None]]))
    names = [str(k) for k in keys]
    if whole[:, -1].any() or (known_area < 1).any():
        names.append(UNKNOWN)
    people, kept = mean.sum(axis=1), whole[:, : len(names)]
    known = np.divide(people - mean[:, -1], people, out=known_area.copy(), where=people > 1e-9)
    table = _table(areas, names, kept[:-1], known)
    if each.shape[0] > 1:
        table = _with_bands(table, keys, each, levels)
    return Overlay(
        total_people=int(whole.sum()),
        by_class={name: int(n) for name, n in zip(names, kept.sum(axis=0), strict=True)},
        unassigned=int(whole[-1].sum()),
        unassigned_by_class={name: int(n) for name, n in zip(names, kept[-1], strict=True)},
        classes=tuple(names),
        table=table,
        warnings=tuple(dict.fromkeys(warnings)),
        thresholds=thresholds,
    )


def _table(
    areas: Areas, names: list[str], whole: NDArray[np.int64], known: _F64
) -> gpd.GeoDataFrame:
    import geopandas as gpd

    columns: dict[str, Any] = {"area_id": areas.ids}
    columns |= {str(name): areas.names[name].to_numpy() for name in areas.names.columns}
    columns["people"] = whole.sum(axis=1)
    columns |= {column_of(name): whole[:, i] for i, name in enumerate(names)}
    columns["known_fraction"] = np.clip(known, 0, 1)
    columns["area_km2"] = np.round(km2(areas.shapes), 4)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(areas.ids)))
    return gpd.GeoDataFrame(frame, geometry=areas.shapes, crs=4326)


def _with_bands(
    table: gpd.GeoDataFrame, keys: tuple[int, ...], each: _F64, levels: tuple[float, ...]
) -> gpd.GeoDataFrame:
    """People in a class or higher that 10 % and 90 % of the members do not exceed.

    From quantile fields: those of the fields nearest to 0.1 and 0.9.
    """
    for place, key in enumerate(keys):
        if place == 0:
            continue
        at_least = each[:, :, place:-1].sum(axis=2)
        for percent in _PERCENTILES:
            if levels:
                band = at_least[int(np.argmin(np.abs(np.array(levels) - percent / 100)))]
            else:
                band = np.percentile(at_least, percent, axis=0)
            table[f"at_least_{key}_p{percent}"] = np.rint(band).astype(np.int64)
    return table
