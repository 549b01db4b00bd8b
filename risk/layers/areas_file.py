"""Village polygons out of whatever file a deployment has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError

CODE_NAMES = (
    "adm4_code", "kode_desa", "kode_kel", "kodedesa", "kdepum", "kd_desa", "kode_wilayah",
    "kode", "code", "adm4_pcode", "id",
)  # fmt: skip
"""Names of the code column, best first; `KDEPUM` is BIG's, `kode` that of many copies."""
NAME_NAMES = ("name", "nama", "desa", "wadmkd", "namobj", "nama_desa", "adm4_name", "adm4_en")
_CODE = re.compile(r"^\d{2}\.\d{2}\.\d{2}\.\d{4}$")
QUANTUM = 1e-6
"""Degrees (0.1 m): finer than any survey of a border."""


@dataclass(frozen=True)
class Areas:
    """Villages in code order, one row a code.

    Attributes:
        code: dotted Kemendagri codes.
        name: as in the file, empty where it has none.
        geometry: polygons, EPSG:4326, valid, not empty, on a grid of `QUANTUM`.
        without_code: features left out because they have no code ("tidak terdefinisi").
        without_shape: codes left out because their shape is missing or has no area.
        repaired: how many shapes were invalid as published.
        crs: of the file, as text; says so if it had none.
    """

    code: NDArray[np.object_]
    name: NDArray[np.object_]
    geometry: NDArray[np.object_]
    without_code: int
    without_shape: tuple[str, ...]
    repaired: int
    crs: str


def read_areas(path: Path, area_id: str | None = None) -> Areas:
    """Read, check and repair village polygons.

    Args:
        path: GeoParquet, or anything that GDAL reads (GeoPackage, GeoJSON, Shapefile).
        area_id: the column of codes; found by name or content if not given.

    Raises:
        LayerError: unreadable, no column of dotted village codes, no usable coordinates.
    """
    frame = _read(path)
    column = _code_column(frame, area_id, path)
    codes = frame[column].astype("str").str.strip()
    empty = frame[column].isna() | codes.isin(["", "None", "nan"])
    _require_dotted(codes[~empty], column, path)
    frame, crs = _in_degrees(frame[~empty.to_numpy()], path)
    table = pd.DataFrame({"code": codes[~empty].to_numpy(), "name": _names(frame)})
    shapes, repaired = _repaired(frame.geometry.to_numpy())
    table, shapes = _dissolved(table, shapes)
    usable = shapely.area(shapes) > 0
    if not usable.any():
        raise LayerError(f"{path}: no polygon with a code; is it a file of village areas?")
    return Areas(
        code=table["code"].to_numpy(object)[usable],
        name=table["name"].to_numpy(object)[usable],
        geometry=shapes[usable],
        without_code=int(empty.sum()),
        without_shape=tuple(table["code"].to_numpy(object)[~usable]),
        repaired=repaired,
        crs=crs,
    )


def _read(path: Path) -> gpd.GeoDataFrame:
    if not path.exists():
        raise LayerError(f"{path}: no such file; give a file of village polygons to --areas")
    try:
        if path.suffix.lower() in {".parquet", ".geoparquet", ".pq"}:
            return gpd.read_parquet(path)
        return gpd.read_file(path, engine="pyogrio")
    except (OSError, ValueError, RuntimeError) as error:
        raise LayerError(
            f"{path}: cannot be read as areas ({str(error)[:200]}); expected GeoParquet, "
            "GeoPackage, GeoJSON or a Shapefile"
        ) from error


def _code_column(frame: gpd.GeoDataFrame, area_id: str | None, path: Path) -> str:
    columns = [str(c) for c in frame.columns if c != frame.geometry.name]
    if area_id is not None:
        if area_id not in columns:
            raise LayerError(f"{path}: no column {area_id!r}; found {', '.join(columns)}")
        return area_id
    by_lower = {column.lower(): column for column in reversed(columns)}
    named = [by_lower[name] for name in CODE_NAMES if name in by_lower]
    dotted = [c for c in [*named, *columns] if frame[c].astype("str").str.match(_CODE).any()]
    if dotted or named:
        return (dotted or named)[0]
    raise LayerError(
        f"{path}: no column of village codes; found {', '.join(columns)}; name it with --area-id"
    )


def _require_dotted(codes: pd.Series, column: str, path: Path) -> None:
    wrong = codes[~codes.str.match(_CODE)]
    if len(wrong):
        raise LayerError(
            f"{path}: column {column!r} holds {wrong.iloc[0]!r} ({len(wrong)} of {len(codes)} "
            "like it); expected dotted Kemendagri village codes such as 32.03.07.2009, as text. "
            "BPS codes look alike and name other places: bridge them first"
        )


def _in_degrees(frame: gpd.GeoDataFrame, path: Path) -> tuple[gpd.GeoDataFrame, str]:
    if frame.crs is not None:
        return frame.to_crs(4326), frame.crs.to_string()
    west, south, east, north = frame.total_bounds
    if not (west >= 90 and east <= 145 and south >= -15 and north <= 10):
        raise LayerError(
            f"{path}: no coordinate system, and {west:.1f} … {east:.1f}, {south:.1f} … {north:.1f} "
            "are no degrees of Indonesia; write the coordinate system into the file"
        )
    return frame.set_crs(4326), "none in the file, read as EPSG:4326"


def _names(frame: gpd.GeoDataFrame) -> NDArray[np.object_]:
    by_lower = {str(column).lower(): column for column in frame.columns}
    for name in NAME_NAMES:
        if name in by_lower:
            names: NDArray[np.object_] = (
                frame[by_lower[name]].fillna("").astype("str").str.strip().to_numpy(object)
            )
            return names
    return np.full(len(frame), "", dtype=object)


def _repaired(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    """Flat, valid polygons on the grid; what is no polygon becomes empty."""
    shapes = shapely.force_2d(shapes)
    shapes[shapely.is_missing(shapes)] = shapely.Polygon()
    invalid = np.flatnonzero(~shapely.is_valid(shapes))
    shapes[invalid] = shapely.make_valid(shapes[invalid], method="structure")
    # Rounding single points is quick; the few shapes that it breaks take the slow, safe way.
    rounded = shapely.transform(shapes, lambda points: np.round(points / QUANTUM) * QUANTUM)
    broken = np.flatnonzero(~shapely.is_valid(rounded))
    rounded[broken] = shapely.set_precision(shapes[broken], QUANTUM)
    other = np.flatnonzero(~np.isin(shapely.get_type_id(rounded), (3, 6)))
    rounded[other] = [_polygons_of(shape) for shape in rounded[other]]
    return rounded, int(invalid.size)


def _polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    areas = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.multipolygons(areas) if areas else shapely.Polygon()


def _dissolved(
    table: pd.DataFrame, shapes: NDArray[np.object_]
) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """One row a code, in code order; features of one code are joined."""
    order = np.argsort(table["code"].to_numpy(object), kind="stable")
    table, shapes = table.iloc[order].reset_index(drop=True), shapes[order]
    twice = table["code"].duplicated(keep=False).to_numpy()
    for code in table["code"][twice].unique():
        rows = np.flatnonzero(table["code"] == code)
        shapes[rows[0]] = shapely.union_all(shapes[rows], grid_size=QUANTUM)
    first = ~table["code"].duplicated().to_numpy()
    return table[first].reset_index(drop=True), shapes[first]
