"""Polygons made small enough for a map that travels as one file.

A ring is a flat list of whole numbers, 1e-4 degrees (11 m): the first pair absolute
longitude and latitude, each later pair the step from the one before. A shape is a list of
polygons, a polygon a list of rings, the first its outer one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

UNITS_PER_DEGREE = 10_000
TOLERANCE_DEG = 0.003
"""About 330 m: below what a screen shows of a regency. Neighbours keep their common border."""
MOST_SHAPES = 12_000
"""Above, lower levels are drawn by district: so many real villages are 3.5 MB, and a browser
without a graphics card paints them in some two seconds."""

Shape = list[list[list[int]]]


def simplify(geometry: NDArray[np.object_], tolerance_deg: float) -> NDArray[np.object_]:
    """Fewer vertices, the same neighbours: common borders stay common.

    What is damaged is repaired first; what is no polygon (a point, a line) becomes empty.
    """
    import numpy as np
    import shapely

    areas = np.asarray(geometry, dtype=object).copy()
    broken = ~shapely.is_valid(areas)
    areas[broken] = shapely.make_valid(areas[broken])
    areas = np.array([_polygonal(each) for each in areas], dtype=object)
    simpler: NDArray[np.object_] = shapely.coverage_simplify(areas, tolerance_deg)
    return simpler


def _polygonal(geometry: Any) -> Any:
    import shapely

    if geometry is None:
        return shapely.MultiPolygon()
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.MultiPolygon()


def packed(geometry: NDArray[np.object_]) -> list[Shape]:
    """One shape for each polygon or multipolygon, in order; an empty one is `[]`."""
    import numpy as np
    import shapely

    whole = np.array([_as_multi(each) for each in geometry], dtype=object)
    if not len(whole) or shapely.is_empty(whole).all():
        return [[] for _ in whole]
    _, coordinates, offsets = shapely.to_ragged_array(whole, include_z=False)
    rings = _rings(coordinates, offsets[0])
    polygons = [rings[a:b] for a, b in _spans(offsets[1])]
    return [polygons[a:b] for a, b in _spans(offsets[2])]


def _as_multi(geometry: Any) -> Any:
    import shapely

    return geometry if geometry.geom_type == "MultiPolygon" else shapely.multipolygons([geometry])


def _spans(offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    return list(pairwise(offsets.tolist()))


def _rings(coordinates: NDArray[np.float64], offsets: NDArray[np.int64]) -> list[list[int]]:
    import numpy as np

    whole = np.rint(coordinates * UNITS_PER_DEGREE).astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=0)
    starts = offsets[:-1][offsets[:-1] < len(whole)]
    steps[starts] = whole[starts]
    flat = steps.ravel().tolist()
    return [flat[2 * a : 2 * b] for a, b in _spans(offsets)]


def drawable(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The rows to draw, simplified; above `MOST_SHAPES` one row for each district and level.

    Level 3 and above stay villages while they are few enough: those people act now. Sums of
    people stay the same. Adds the column `merged`: how many villages a row stands for.
    """
    import pandas as pd

    table = villages.assign(merged=1)
    if not len(table):
        return table
    table = table.set_geometry(simplify(table.geometry.to_numpy(), TOLERANCE_DEG), crs="EPSG:4326")
    if len(table) <= MOST_SHAPES:
        return table
    high = table["level"] >= 3
    if high.sum() > MOST_SHAPES // 2:
        return by_district(table)
    joined: gpd.GeoDataFrame = pd.concat([table[high], by_district(table[~high])])
    return joined


def by_district(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row for each district, level and hazard; `team_minutes` is that of the slowest."""
    import geopandas as gpd

    keyed = table.assign(adm3_code=table["adm4_code"].str[:8])
    groups = keyed.groupby(["adm3_code", "level", "hazard_id"], sort=True)
    rows = groups.agg(
        dict.fromkeys(("district", "regency"), "first")
        | dict.fromkeys(("people", "exposed", "uncovered", "merged"), "sum")
        | {"team_minutes": _slowest}
    )
    geometry = table.geometry.to_numpy()
    shapes = [_together(geometry[groups.indices[key]]) for key in rows.index]
    rows = rows.reset_index()
    named = rows.assign(name="Kecamatan " + rows["district"], adm4_code=rows["adm3_code"])
    return gpd.GeoDataFrame(named, geometry=shapes, crs="EPSG:4326")


def _together(geometry: NDArray[np.object_]) -> Any:
    """The union; a fixed grid makes it safe against slivers between neighbours."""
    import shapely

    return _polygonal(shapely.union_all(geometry, grid_size=2 / UNITS_PER_DEGREE))


def _slowest(minutes: pd.Series[float]) -> float:
    """The longest time; NaN (no team) if that holds for any."""
    return float(minutes.max(skipna=False))
