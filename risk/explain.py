"""Where the number of one village comes from: cells or zones, people, level, rule.

The account is made again from the stored field and the layer set, by the functions of the
overlay itself, so it can be compared with the stored impact table: `agrees` says whether it
gives the same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from kentongan.errors import DataError
from kentongan.hazard import HazardField
from kentongan.impact import PEOPLE_BY_LEVEL
from risk.operator import PARTS, UNKNOWN, whole_people
from risk.raster_share import raster_parts, to_base_grid

if TYPE_CHECKING:
    import xarray as xr

    from risk.layers.layerset import LayerSet

ROUNDING = (
    "people of a village are whole; they are shared out by the people in each cell, in "
    f"{PARTS:,} parts or more, and rounded last, on running sums from the highest level down, so "
    "that the levels add up to the village"
)


@dataclass(frozen=True)
class CellLine:
    """One cell of the analysis grid, or its part inside the village."""

    longitude: float
    """Centre, degrees."""
    latitude: float
    people: float
    """Not rounded."""
    level: int
    """-1: the hazard is not known there."""
    value: float | None


@dataclass(frozen=True)
class ZoneLine:
    """One zone that meets the village."""

    zone: str
    level: int
    share_of_area: float
    """0..1 of the village's area; 0 where the zone is a list of areas without a polygon."""
    named_districts: str


@dataclass(frozen=True)
class VillageAccount:
    adm4_code: str
    name: str
    people: int
    level: int
    rule: str
    value: float | None
    people_by_level: Mapping[str, int]
    known_fraction: float
    data_quality: str
    cells: tuple[CellLine, ...]
    zones: tuple[ZoneLine, ...]
    agrees: bool | None
    """Whether the cells, counted again, give the stored people by level; None for zones, whose
    people follow from the area inside."""


def account(field: HazardField, layers: LayerSet, row: Mapping[str, Any]) -> VillageAccount:
    """The account of one row of an impact table.

    Raises:
        DataError: the village is not in the layer set.
    """
    code = str(row["adm4_code"])
    position = _position(layers, code)
    cells: tuple[CellLine, ...] = ()
    zones: tuple[ZoneLine, ...] = ()
    agrees = None
    if field.raster is not None:
        raster = to_base_grid(field.raster, layers.operator.grid)
        cells = _cells(raster, layers, position)
        agrees = _agrees(field.raster, layers, position, row)
    else:
        zones = _zones(field, layers, position)
    value = float(row["value"])
    return VillageAccount(
        adm4_code=code,
        name=str(layers.villages["name"].iloc[position]),
        people=int(row["people"]),
        level=int(row["level"]),
        rule=str(row["rule"]),
        value=value if np.isfinite(value) else None,
        people_by_level={name: int(row[name]) for name in (*PEOPLE_BY_LEVEL, "people_unknown")},
        known_fraction=float(row["known_fraction"]),
        data_quality=str(row["data_quality"]),
        cells=cells,
        zones=zones,
        agrees=agrees,
    )


def _position(layers: LayerSet, code: str) -> int:
    codes = layers.villages["adm4_code"].to_numpy()
    found = np.flatnonzero(codes == code)
    if not found.size:
        raise DataError(
            f"village {code}: not in the layer set {layers.version}; expected a code of four "
            "parts, e.g. 32.03.01.2001, of the set that the warning was computed with"
        )
    return int(found[0])


def _cells(raster: xr.Dataset, layers: LayerSet, position: int) -> tuple[CellLine, ...]:
    """Cells of the village, the most dangerous first, then by people."""
    operator, grid = layers.operator, layers.operator.grid
    entries = slice(int(operator.pointer[position]), int(operator.pointer[position + 1]))
    cell, share = operator.cell[entries], operator.share[entries]
    level = raster["hazard_level"].to_numpy().ravel()[cell]
    name = str(raster.attrs.get("value_variable", ""))
    value = raster[name].to_numpy().ravel()[cell] if name in raster else np.full(cell.size, np.nan)
    people = share / operator.scale * int(operator.people[position])
    longitude = grid.longitude[cell % grid.columns]
    latitude = grid.latitude[cell // grid.columns]
    order = np.lexsort((cell, -people, -level.astype(np.int64)))
    return tuple(
        CellLine(
            longitude=round(float(longitude[i]), 5),
            latitude=round(float(latitude[i]), 5),
            people=round(float(people[i]), 3),
            level=int(level[i]),
            value=round(float(value[i]), 3) if np.isfinite(value[i]) else None,
        )
        for i in order
    )


def _agrees(raster: xr.Dataset, layers: LayerSet, position: int, row: Mapping[str, Any]) -> bool:
    rows, parts, _ = raster_parts(raster, layers)
    counts = whole_people(layers.operator.people[[position]], parts[rows == position])
    if not len(counts):
        return False
    counts = counts[0]
    stored = [int(row[name]) for name in PEOPLE_BY_LEVEL] + [int(row["people_unknown"])]
    return [int(n) for n in counts[:UNKNOWN]] + [int(counts[UNKNOWN])] == stored


def _zones(field: HazardField, layers: LayerSet, position: int) -> tuple[ZoneLine, ...]:
    if field.zones is None:
        return ()
    village = layers.geometry[position]
    code = str(layers.villages["adm4_code"].iloc[position])
    found = []
    for zone in field.zones.itertuples(index=False):
        share = _share(village, zone.geometry)
        listed = any(code.startswith(part) for part in str(zone.adm_codes).split(",") if part)
        if share > 0 or listed:
            found.append(
                ZoneLine(
                    str(zone.zone),
                    int(zone.hazard_level),
                    round(share, 4),
                    str(zone.named_districts),
                )
            )
    return tuple(sorted(found, key=lambda z: (-z.level, -z.share_of_area, z.zone)))


def _share(village: Any, zone: Any) -> float:
    if zone is None or shapely.is_empty(zone):
        return 0.0
    inside = shapely.intersection(village, shapely.make_valid(zone))
    return float(shapely.area(inside) / shapely.area(village))
