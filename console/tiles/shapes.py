"""Villages joined to districts, regencies and provinces; an outline for the first paint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]

OUTLINE_BYTES = 200_000
"""Of the outline: below a second on a slow line (50 KB/s packed)."""
HOLE_DEG2 = 4e-6
"""Below (some 5 ha) a hole in a union is a sliver between neighbours, no lake that a tile shows."""


@dataclass(frozen=True)
class LevelOf:
    """One level of areas, as its tiles are made."""

    name: str
    characters: int
    """Of a code of Kemendagri, with its dots."""
    minzoom: int
    maxzoom: int
    grid_deg: float
    """Points are joined on this grid: no more than what the deepest zoom can show
    (360 / 512 / 2**z / 4 degrees: a quarter of a pixel)."""


VILLAGE = LevelOf("village", 13, 8, 10, 0.0)
DISTRICT = LevelOf("district", 8, 6, 9, 1e-4)
REGENCY = LevelOf("regency", 5, 4, 8, 5e-4)
PROVINCE = LevelOf("province", 2, 3, 6, 2e-3)
LEVELS = (PROVINCE, REGENCY, DISTRICT, VILLAGE)


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas of one level, in code order."""

    codes: list[str]
    shapes: Shapes


def joined(areas: Areas, level: LevelOf) -> Areas:
    """The areas one level up: each the union of those whose codes begin with its own.

    Neighbours whose common border agrees point by point are joined as a coverage; others on the
    level's grid, which closes what stands open between them.
    """
    starts = [code[: level.characters] for code in areas.codes]
    first = [i for i, code in enumerate(starts) if i == 0 or code != starts[i - 1]]
    groups = np.split(areas.shapes, first[1:])
    shapes = np.array([_union(group, level.grid_deg) for group in groups], dtype=object)
    return Areas([starts[i] for i in first], shapes)


def _union(group: Shapes, grid_deg: float) -> Any:
    whole = shapely.set_precision(group, grid_deg)
    return _without_slivers(shapely.union_all(whole, grid_size=grid_deg))


def _without_slivers(shape: Any) -> Any:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.multipolygons([_filled(part) for part in parts])


def _filled(polygon: Any) -> Any:
    holes = shapely.get_rings(polygon)[1:]
    kept = [hole for hole in holes if shapely.area(shapely.polygons(hole)) >= HOLE_DEG2]
    return shapely.polygons(shapely.get_exterior_ring(polygon), kept or None)


def outline(provinces: Areas, names: dict[str, str], most: int = OUTLINE_BYTES) -> bytes:
    """GeoJSON of the provinces, as fine as `most` bytes allow; 2 or 3 decimals of a degree."""
    tolerance = 0.01
    while True:
        text = _geojson(provinces, names, tolerance)
        if len(text) <= most or tolerance > 1:
            return text
        tolerance *= 1.4


def _geojson(provinces: Areas, names: dict[str, str], tolerance: float) -> bytes:
    simple = shapely.simplify(provinces.shapes, tolerance, preserve_topology=True)
    large = [_large(shape, tolerance) for shape in simple]
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": name_of(names, code)},
            "geometry": {"type": "MultiPolygon", "coordinates": _rounded(shape)},
        }
        for code, shape in zip(provinces.codes, large, strict=True)
    ]
    whole = {"type": "FeatureCollection", "features": features}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _large(shape: Any, tolerance: float) -> list[Any]:
    """Islands that are larger than what the simplification leaves out; at least the largest."""
    parts = sorted(shapely.get_parts(shape), key=lambda part: -part.area)
    return [p for i, p in enumerate(parts) if i == 0 or p.area >= tolerance**2]


def _rounded(parts: Sequence[Any]) -> list[list[list[list[float]]]]:
    return [
        [np.round(shapely.get_coordinates(ring), 3).tolist() for ring in shapely.get_rings(part)]
        for part in parts
    ]


def name_of(names: dict[str, str], code: str) -> str:
    """A name from somebody's file, in a bounded length."""
    return names.get(code, code)[:80]
