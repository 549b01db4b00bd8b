"""Who is inside: a million people with a position under 500 warnings, and by village code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.harness import Bench, Result
from benchmarks.national import villages as national_villages
from benchmarks.pairs import paired, ratio, taken
from risk.exposure import kernels
from risk.inside import CodeIndex, Inside, PointIndex

if TYPE_CHECKING:
    import geopandas as gpd

POINTS = 1_000_000
WARNINGS = 500
CORNERS = 120
"""As many as a nowcast polygon of BMKG's has at most, nearly."""


@lru_cache(maxsize=1)
def people() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Longitude, latitude and village of people: more in small villages, as towns have."""
    rng = np.random.default_rng(13)
    bounds = shapely.bounds(national_villages().geometry)
    village = rng.integers(0, len(bounds), POINTS)
    west, south, east, north = bounds[village].T
    x = west + rng.random(POINTS) * (east - west)
    return x, south + rng.random(POINTS) * (north - south), village


@lru_cache(maxsize=1)
def warnings() -> NDArray[np.object_]:
    """Ragged rings of some 40 km around people."""
    rng = np.random.default_rng(17)
    x, y, _ = people()
    centre = rng.integers(0, POINTS, WARNINGS)
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    shape = 1 + 0.3 * np.sin(5 * turn + rng.uniform(0, 6, (WARNINGS, 1)))
    shape = shape + 0.05 * rng.standard_normal((WARNINGS, CORNERS))
    radius = rng.uniform(0.15, 0.55, (WARNINGS, 1)) * shape
    ring_x = x[centre][:, None] + radius * np.cos(turn)
    ring_y = y[centre][:, None] + radius * np.sin(turn)
    found: NDArray[np.object_] = shapely.make_valid(
        shapely.polygons(np.stack([ring_x, ring_y], axis=2))
    )
    return found


def inside() -> Iterator[Result]:
    """The same hits as geopandas.sjoin."""
    import geopandas as gpd

    kernels.warm()
    x, y, village = people()
    sort_s, _, index = taken(lambda: PointIndex(x, y))
    points = gpd.GeoDataFrame(geometry=shapely.points(x, y), crs=4326)
    frame = gpd.GeoDataFrame(geometry=warnings(), crs=4326)
    hits = [0]

    def peer() -> gpd.GeoDataFrame:
        return gpd.sjoin(points, frame, predicate="intersects")

    def same(ours: Inside, theirs: gpd.GeoDataFrame) -> None:
        hits[0] = ours.point.size
        asked = np.repeat(np.arange(WARNINGS), np.diff(ours.pointer))
        mine = np.sort(asked * POINTS + ours.point)
        other = theirs["index_right"].to_numpy() * POINTS + theirs.index.to_numpy()
        assert np.array_equal(mine, np.sort(other))

    pair = paired(lambda: index.inside(warnings()), peer, same, repeat=3)
    name = f"geopandas {gpd.__version__} sjoin"
    note = (
        f"{hits[0]:,} hits of 1,000,000 points in 500 polygons; points sorted once, {sort_s:.2f} s"
    )
    yield ratio("warnings.inside", pair, name, floor=20, goal=100, note=note)
    codes = national_villages().code[village]
    by_code, asked = CodeIndex(codes), _asked_codes()

    def equal(ours: Inside, _: Any) -> None:
        assert np.array_equal(np.sort(ours.point), np.flatnonzero(np.isin(codes, asked)))

    equal(by_code.inside(asked), None)
    pair = paired(lambda: by_code.inside(asked), peer, lambda *_: None, repeat=15, pairs=3)
    note = f"{WARNINGS} village codes, most warnings are such lists; against the same sjoin"
    yield ratio("warnings.by_code", pair, name, floor=1_000, goal=5_000, note=note)


def _asked_codes() -> list[str]:
    rng = np.random.default_rng(19)
    codes = national_villages().code
    return [str(c) for c in np.sort(rng.choice(codes, WARNINGS, replace=False))]


BENCHES: dict[str, Bench] = {"warnings.inside": inside}
