"""Villages under BMKG's nowcast polygons.

BMKG draws along district borders and names the districts. A village of a named district is
warned where the polygon covers a small share of it; any other village only where it covers
most of it, so that a sliver across a border wakes nobody. District names repeat, so a name
counts only where the polygon touches a district of that name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.policy import NowcastRules
from risk.findings import Findings, parts_by_level

if TYPE_CHECKING:
    import geopandas as gpd

    from risk.layers.layerset import LayerSet

LEVELS = (1, 2, 3, 4)
TOUCHED = "touched"
_TILE_POINTS = 200
_TILE_MIN_DEG = 0.01
"""Smaller pieces are not halved, however many points a hostile document puts there."""
_PREFIX = re.compile(r"^(kecamatan|kec\.?|distrik)\s+", re.IGNORECASE)

_F64 = NDArray[np.float64]
_Mask = NDArray[np.bool_]


class _Named(NamedTuple):
    """District names of some zones, led to villages.

    Attributes:
        mask: village belongs to a named district and is touched.
        missing: names as written that no touched district has.
    """

    mask: _Mask
    missing: tuple[str, ...]


def normalised(name: str) -> str:
    """A name without case, accents, spaces and punctuation: `Kec. Ma'rang` -> `marang`."""
    plain = unicodedata.normalize("NFKD", _PREFIX.sub("", name.strip()))
    return re.sub(r"[^a-z0-9]", "", plain.casefold())


def nowcast_findings(zones: gpd.GeoDataFrame, layers: LayerSet, rules: NowcastRules) -> Findings:
    """Touched villages; warned ones have a level.

    Args:
        zones: columns of `kentongan.hazard.ZONES`; broken polygons are repaired first.
    """
    shapes = shapely.make_valid(zones.geometry.to_numpy())
    level = zones["hazard_level"].to_numpy(np.int64)
    zone = _union(shapes[level >= 1])
    rows = np.sort(layers.strtree.query(zone, predicate="intersects")).astype(np.int64)
    share = np.zeros((rows.size, len(LEVELS)))
    warned = np.zeros(rows.size, dtype=np.int64)
    rule = np.full(rows.size, TOUCHED, dtype=object)
    missing: tuple[str, ...] = ()
    lower = 0
    for highest in np.unique(level[level >= 1]):
        # Zones of at least this level decide it and every level above the next lower zone's.
        some = level >= highest
        zone = zone if some.sum() == (level >= 1).sum() else _union(shapes[some])
        inside = area_share(layers.geometry[rows], zone)
        named = _named(zones["named_districts"][some], layers, rows, inside, rules)
        missing = missing if lower else named.missing
        share[:, lower:highest] = inside[:, None]
        _apply(inside, named, rules, int(highest), warned, rule)
        lower = int(highest)
    kept = share[:, 0] > 0
    return Findings(
        rows=rows[kept],
        level=warned[kept],
        rule=rule[kept],
        parts=parts_by_level(share[kept]),
        value=np.full(int(kept.sum()), np.nan, dtype=np.float32),
        onset=_onset(zones, shapes, layers.geometry[rows[kept]]),
        no_elevation=np.zeros(int(kept.sum()), dtype=np.bool_),
        unresolved=missing,
    )


def area_share(geometry: NDArray[np.object_], zone: shapely.Geometry) -> _F64:
    """Share (0..1) of the area of each polygon inside one zone."""
    shapely.prepare(zone)
    inside = shapely.contains(zone, geometry)
    share = np.where(inside, 1.0, 0.0)
    cut = np.flatnonzero(~inside)
    tiles = _tiled(zone)
    village, tile = shapely.STRtree(tiles).query(geometry[cut])
    pieces = shapely.area(shapely.intersection(geometry[cut[village]], tiles[tile]))
    covered = np.bincount(village, weights=pieces, minlength=cut.size)
    share[cut] = np.minimum(covered / shapely.area(geometry[cut]), 1.0)
    return share


def _tiled(zone: shapely.Geometry) -> NDArray[np.object_]:
    """The zone in pieces of few points, each quick to cut: halved until small."""
    small: list[shapely.Geometry] = []
    rest = list(shapely.get_parts(zone))
    while rest:
        piece = rest.pop()
        west, south, east, north = piece.bounds
        if (
            shapely.get_num_coordinates(piece) <= _TILE_POINTS
            or max(east - west, north - south) < _TILE_MIN_DEG
        ):
            small.append(piece)
            continue
        boxes = _halves(west, south, east, north)
        rest += [p for b in boxes for p in shapely.get_parts(piece & b) if p.area > 0]
    return np.array(small, dtype=object)


def _halves(west: float, south: float, east: float, north: float) -> list[shapely.Geometry]:
    if east - west >= north - south:
        middle = (west + east) / 2
        return [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    middle = (south + north) / 2
    return [shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)]


def _union(shapes: NDArray[np.object_]) -> shapely.Geometry:
    merged = shapely.union_all(shapes)
    areas = [part for part in shapely.get_parts(merged) if part.area > 0]
    return shapely.multipolygons(areas) if areas else shapely.MultiPolygon()


def _named(
    names: pd.Series,
    layers: LayerSet,
    rows: NDArray[np.int64],
    share: _F64,
    rules: NowcastRules,
) -> _Named:
    written = _split(names)
    code, unique = pd.factorize(layers.villages["adm3_name"].iloc[rows])
    districts = np.array([normalised(n) for n in unique], dtype=str)[code]
    touched = share * 100 >= rules.touch_min_pct
    present = set(districts[touched])
    mask = touched & np.isin(districts, [key for key in written if key in present])
    missing = tuple(text for key, text in written.items() if key not in present)
    return _Named(mask, missing)


def _split(texts: Iterable[str]) -> dict[str, str]:
    """Normalised name -> name as written."""
    names = [n.strip() for text in texts for n in str(text).split(",")]
    return {normalised(n): n for n in names if normalised(n)}


def _apply(
    share: _F64,
    named: _Named,
    rules: NowcastRules,
    level: int,
    warned: NDArray[np.int64],
    rule: NDArray[np.object_],
) -> None:
    """Raise the villages that one level warns, and say by which rule."""
    nothing = not named.mask.any()
    limit = rules.inside_when_nothing_named_pct if nothing else rules.inside_pct
    mostly = share * 100 >= limit
    warned[mostly | named.mask] = level
    rule[mostly] = f"{limit:g}-percent"
    rule[named.mask] = "named-district"


def _onset(
    zones: gpd.GeoDataFrame, shapes: NDArray[np.object_], geometry: NDArray[np.object_]
) -> pd.DatetimeIndex:
    """Earliest onset of the zones that meet each village."""
    onset = pd.to_datetime(zones["onset"], utc=True)
    if onset.nunique(dropna=False) <= 1:
        return pd.DatetimeIndex([onset.iloc[0]] * len(geometry), tz="UTC")
    village, zone = shapely.STRtree(shapes).query(geometry, predicate="intersects")
    first = onset.iloc[zone].groupby(village).min()
    return pd.DatetimeIndex(first.reindex(range(len(geometry))), tz="UTC")
