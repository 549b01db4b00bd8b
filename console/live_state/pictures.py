"""Fields of hazards as pictures and shapes for the live map.

A picture is a raster's level, cell by cell, in rows of equal height on the map (web Mercator), so
that the corners place it exactly. What is not known is hatched: it never looks like nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.impact import UNASSIGNED
from kentongan.store import Store
from orchestration.live_map.rain_ahead import FIELD, LEADS, worse

if TYPE_CHECKING:
    import xarray as xr

    from risk.layers.layerset import LayerSet

ZONES = "zones.parquet"
IMPACT = "impact.parquet"
COLOURS = {-1: "#8a919b", 1: "#a9cbe4", 2: "#ffe066", 3: "#f58518", 4: "#a50026"}
"""As the villages of the map have them."""
_HATCH = "#2f353d"
_LEVEL_ALPHA, _GREY_ALPHA, _HATCH_ALPHA = 215, 120, 235
_HATCH_PERIOD, _HATCH_WIDTH = 6, 2
"""Pixels of the picture, diagonal."""
_GREY, _DARK = 5, 6
SIMPLE_DEG = 0.001
"""About 110 m: zones of BMKG have few corners, unions of villages many."""
_JOIN_DEG = 1e-4


@dataclass(frozen=True)
class Picture:
    """A PNG and where it lies."""

    data: bytes
    bounds: tuple[float, float, float, float]
    """West, south, east, north of its outer edges, degrees."""
    levels: tuple[int, ...]
    """Those that it shows, highest first, -1 last."""
    unit: str
    """Of the value that the levels are made from."""


def mercator(latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Northing on a sphere of radius 1 (EPSG:3857 without its radius)."""
    found: NDArray[np.float64] = np.arctanh(np.sin(np.radians(latitude)))
    return found


def degrees(northing: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.degrees(np.arcsin(np.tanh(northing)))
    return found


@lru_cache(maxsize=24)
def picture(root: str, folder: str, leads: tuple[int, int] | None = None) -> Picture | None:
    """The picture of a stored field; None: it has no raster, or nothing to show.

    Args:
        leads: of a nowcast: the worse of these two leads, in minutes.

    Raises:
        OSError: the field is gone.
        ValueError: it cannot be read.
    """
    import xarray as xr

    data = Store(root).read(f"{folder}/{FIELD}")
    with xr.open_dataset(io.BytesIO(data), engine="scipy", decode_timedelta=False) as field:
        level = _at_leads(field, leads) if leads else field["hazard_level"].to_numpy()
        latitude, longitude = (field[n].to_numpy() for n in ("latitude", "longitude"))
        name = str(field.attrs.get("value_variable", ""))
        unit = _unit(name, field[name].attrs) if name in field else ""
    whole = np.nan_to_num(level, nan=LEVEL_UNKNOWN).astype(np.int8)
    return drawn(whole, latitude, longitude, unit)


def _unit(name: str, attributes: Mapping[Any, Any]) -> str:
    """`mm`; of a value without a unit its name: `mmi`."""
    unit = str(attributes.get("units", ""))
    return name if unit in ("", "1") else unit


def _at_leads(field: xr.Dataset, leads: tuple[int, int]) -> NDArray[np.int8]:
    have = field["lead_time"].to_numpy().tolist()
    before, after = (
        np.nan_to_num(field[LEADS][have.index(lead)].to_numpy(), nan=LEVEL_UNKNOWN).astype(np.int8)
        for lead in leads
    )
    return worse(before, after)


def drawn(
    level: NDArray[np.int8],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    unit: str = "",
) -> Picture | None:
    """The cells that are not 0, cut out; None where all are.

    Args:
        level: shape (latitude, longitude), -1 to 4.
        latitude: ascending cell centres at even steps; likewise `longitude`.
    """
    rows, columns = (np.flatnonzero((level != 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    cut_y, cut_x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    south, north = _edges(latitude, cut_y)
    west, east = _edges(longitude, cut_x)
    shown = level[cut_y, cut_x][_rows(latitude, cut_y, south, north)]
    found = sorted({int(value) for value in np.unique(shown)} - {0}, reverse=True)
    return Picture(_png(shown), (west, south, east, north), tuple(found), unit)


def _edges(axis: NDArray[np.float64], cut: slice) -> tuple[float, float]:
    half = (axis[-1] - axis[0]) / (axis.size - 1) / 2
    return round(float(axis[cut.start] - half), 6), round(float(axis[cut.stop - 1] + half), 6)


def _rows(
    latitude: NDArray[np.float64], cut: slice, south: float, north: float
) -> NDArray[np.int64]:
    """For each row of the picture, from the north, the row of the cut field at its middle."""
    low, high = mercator(np.array([south, north])).tolist()
    step = np.radians((latitude[-1] - latitude[0]) / (latitude.size - 1))
    # Square cells: as many rows as make them as high as they are wide on the map.
    count = max(cut.stop - cut.start, round((high - low) / step))
    middle = high - (np.arange(count) + 0.5) * (high - low) / count
    place = (degrees(middle) - latitude[cut.start]) / np.degrees(step)
    found: NDArray[np.int64] = np.clip(np.rint(place), 0, cut.stop - cut.start - 1).astype(np.int64)
    return found


def _png(shown: NDArray[np.int8]) -> bytes:
    from PIL import Image

    y, x = np.ogrid[: shown.shape[0], : shown.shape[1]]
    dark = (x + y) % _HATCH_PERIOD < _HATCH_WIDTH
    index = np.where(shown == LEVEL_UNKNOWN, np.where(dark, _DARK, _GREY), shown).astype(np.uint8)
    image = Image.fromarray(index, mode="P")
    colours = ["#000000", *(COLOURS[k] for k in (1, 2, 3, 4)), COLOURS[-1], _HATCH]
    image.putpalette([int(c[k : k + 2], 16) for c in colours for k in (1, 3, 5)])
    alpha = bytes([0, *[_LEVEL_ALPHA] * 4, _GREY_ALPHA, _HATCH_ALPHA])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=alpha, optimize=False)
    return out.getvalue()


@dataclass(frozen=True)
class Shapes:
    """GeoJSON of zones and where they lie."""

    data: bytes
    bounds: tuple[float, float, float, float]
    levels: tuple[int, ...]


class Keyed:
    """A layer set as part of a key of a cache."""

    def __init__(self, layers: LayerSet) -> None:
        self.layers = layers

    def __hash__(self) -> int:
        return hash(self.layers.version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and other.layers.version == self.layers.version


@lru_cache(maxsize=24)
def zones(root: str, folder: str, key: Keyed) -> Shapes | None:
    """Zones of a stored field as shapes; None: it has none, or nothing to show.

    A zone that its source names without a shape is drawn as the villages that it came to.

    Raises:
        OSError: the field is gone.
        ValueError: it cannot be read.
    """
    import geopandas as gpd

    store = Store(root)
    table = gpd.read_parquet(io.BytesIO(store.read(f"{folder}/{ZONES}")))
    features = _own_shapes(table)
    if len(features) < len(table):
        features += _of_villages(store, folder, key.layers)
    if not features:
        return None
    return _collected(features)


Feature = tuple[Any, dict[str, Any]]


def _own_shapes(table: Any) -> list[Feature]:
    shown = table[~(table.geometry.is_empty | table.geometry.isna())]
    shapes = shown.geometry.simplify(SIMPLE_DEG, preserve_topology=True)
    rows = zip(shapes, shown["hazard_level"], shown["zone"], strict=True)
    return [(shape, {"level": int(level), "zone": str(name)[:80]}) for shape, level, name in rows]


def _of_villages(store: Store, folder: str, layers: LayerSet) -> list[Feature]:
    import pandas as pd
    import shapely

    impact = pd.read_parquet(io.BytesIO(store.read(f"{folder}/{IMPACT}")))
    touched = impact[(impact["level"] > 0) & (impact["adm4_code"] != UNASSIGNED)]
    have = set(layers.villages["adm4_code"])
    found: list[Feature] = []
    for level in sorted(set(touched["level"].tolist())):
        group = touched[touched["level"] == level]
        codes = [code for code in group["adm4_code"] if code in have]
        whole = shapely.union_all(layers.geometry[layers.index(codes)], grid_size=_JOIN_DEG)
        shape = shapely.simplify(whole, SIMPLE_DEG, preserve_topology=True)
        found.append((shape, {"level": int(level), "zone": "", "villages": len(codes)}))
    return found


def _collected(features: list[Feature]) -> Shapes:
    import shapely

    shapes = np.array([shape for shape, _ in features], dtype=object)
    said = [
        {
            "type": "Feature",
            "properties": about,
            "geometry": json.loads(shapely.to_geojson(shapely.set_precision(shape, _JOIN_DEG))),
        }
        for shape, about in features
    ]
    text = json.dumps({"type": "FeatureCollection", "features": said}, separators=(",", ":"))
    west, south, east, north = (round(float(edge), 4) for edge in shapely.total_bounds(shapes))
    levels = sorted({about["level"] for _, about in features}, reverse=True)
    return Shapes(text.encode(), (west, south, east, north), tuple(levels))
