"""A hazard out of whatever holds one: classes on cells, or polygons with classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from kentongan.errors import DataError
from risk.analyst.areas import shapes_of
from risk.analyst.cells import Cells, box_in, same_plane, shapes_in
from risk.analyst.classes import classes_of
from risk.analyst.field import Field, chosen, field_of, read_field
from risk.analyst.measure import Measure
from risk.analyst.words import words_as_classes
from risk.analyst.zones import Zones, zones_of_polygons, zones_of_raster
from risk.layers import columns
from risk.layers.progress import Advance
from risk.layers.rasters import WGS84, Bounds
from risk.layers.vectors import read_features

if TYPE_CHECKING:
    pass

VECTORS = frozenset(
    {".parquet", ".geoparquet", ".gpkg", ".geojson", ".json", ".shp", ".fgb", ".kml", ".gml"}
)
CLASS_COLUMNS = (
    "class", "kelas", "hazard_class", "hazard_level", "level", "tingkat", "kelas_bahaya", "krb",
    "state", "gridcode", "dn",
)  # fmt: skip
_ROW_NUMBERS = ("id", "fid", "objectid", "gid", "ogc_fid", "no", "kode", "code")
_OF_HAZARD = (
    "flood", "banjir", "genang", "wet", "tsunami", "hazard", "bahaya", "rawan", "krb", "affected",
    "terdampak", "risk", "risiko", "zona", "zone", "level", "class", "kelas", "tingkat",
)  # fmt: skip
"""What is in the name of a column whose words are classes: a "no" elsewhere makes nobody safe."""
_LONGEST_DEG = 0.005
"""Edges of shapes in degrees are cut to 500 m before they go to another plane."""
_ROUNDING = 1e-7
_F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hazard:
    """Classes on cells or on polygons.

    Attributes:
        keys: classes, ascending; counts have one column for each, then one for not known.
        cells, index: of a raster; index (members, rows, columns), -1 not known.
        polygons, column: of polygons in degrees and their columns of the counts.
        bounds: in degrees.
        levels: quantiles of the members if they are such.
    """

    name: str
    keys: tuple[int, ...]
    bounds: Bounds
    warnings: tuple[str, ...]
    cells: Cells | None = None
    index: NDArray[np.int16] | None = None
    polygons: NDArray[np.object_] | None = None
    column: NDArray[np.int64] | None = None
    levels: tuple[float, ...] = ()

    @property
    def members(self) -> int:
        return 1 if self.index is None else int(self.index.shape[0])


def read_hazard(
    source: Any,
    thresholds: Sequence[float] | None,
    box: tuple[Bounds, CRS] | None,
    *,
    column: str | None = None,
    variable: str | None = None,
) -> Hazard:
    """Read the part of a hazard that meets a box (all without one) and make classes of it.

    Raises:
        DataError: not a hazard, no classes, no coordinates; says what to do.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if path.suffix.lower() in VECTORS:
            return _of_polygons(read_features(path), path.name, thresholds, column)
        return _of_field(read_field(path, box, variable), thresholds)
    if isinstance(source, gpd.GeoDataFrame):
        return _of_polygons(source.reset_index(drop=True), "hazard", thresholds, column)
    if hasattr(source, "data_vars"):
        source = chosen(source, variable, "hazard")
    if hasattr(source, "dims"):
        return _of_field(field_of(source, box, str(source.name or "hazard")), thresholds)
    raise DataError(
        "hazard: expected a path, a GeoDataFrame or an xarray object, found "
        f"{type(source).__name__}"
    )


def _of_field(field: Field, thresholds: Sequence[float] | None) -> Hazard:
    classes = classes_of(
        field.values, thresholds, field.name, minus_one_unknown=field.declares_minus_one
    )
    bounds = box_in(field.cells.bounds, field.cells.crs, WGS84)
    return Hazard(
        field.name, classes.keys, bounds, (*field.warnings, *classes.warnings),
        cells=field.cells, index=classes.index, levels=field.levels,
    )  # fmt: skip


def _of_polygons(
    frame: gpd.GeoDataFrame, name: str, thresholds: Sequence[float] | None, column: str | None
) -> Hazard:
    if frame.empty:
        raise DataError(f"{name}: no polygon in the file; expected the hazard as polygons")
    labels = np.array([f"row {i + 1}" for i in range(len(frame))], dtype=object)
    shapes, warnings = shapes_of(frame, name, labels)
    values, said = _values(frame, name, thresholds, column)
    classes = classes_of(values, thresholds, name)
    keys = classes.keys
    place = np.where(classes.index < 0, len(keys), classes.index).astype(np.int64)
    some = ~shapely.is_empty(shapes)
    bounds = tuple(float(v) for v in shapely.total_bounds(shapes[some]))
    return Hazard(
        name, keys, bounds, (*warnings, *said, *classes.warnings),  # type: ignore[arg-type]
        polygons=shapes[some], column=place[some],
    )  # fmt: skip


def _values(
    frame: gpd.GeoDataFrame, name: str, thresholds: Sequence[float] | None, column: str | None
) -> tuple[_F64, list[str]]:
    """Value of each polygon: of a column, or class 1 for all."""
    table = frame.drop(columns=frame.geometry.name)
    others = ", ".join(str(c) for c in table.columns)[:200] or "no column"
    numbers = [c for c in table.columns if pd.to_numeric(table[c], errors="coerce").notna().any()]
    found = column or columns.find(numbers, CLASS_COLUMNS)
    if found is None and thresholds is not None:
        left = [c for c in numbers if str(c).lower() not in _ROW_NUMBERS]
        found = left[0] if len(left) == 1 else None
    by_words = found or _column_of_words(table)
    worded = words_as_classes(table[by_words]) if by_words in table.columns else None
    if by_words is not None and worded is not None and thresholds is None:
        return worded, _said_of_words(worded, name, by_words)
    if found is None:
        if thresholds is not None:
            raise DataError(
                f"{name}: thresholds need a column of values; found {others}; name it with "
                "--class-column"
            )
        said = f"{name}: no column of classes among {others}; inside a polygon is class 1"
        return np.ones(len(frame)), [said]
    if found not in frame.columns:
        raise DataError(f"{name}: no column {found!r}; found {others}")
    values = pd.to_numeric(frame[found], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    odd = frame[found].notna().to_numpy() & ~np.isfinite(values)
    if odd.any():
        raise DataError(
            f"{name}: column {found!r} holds {str(frame[found][odd].iloc[0])[:60]!r}; expected "
            "numbers; give a column of whole numbers with --class-column"
        )
    notes = [] if column else [f"{name}: classes from the column {found!r}"]
    if np.isnan(values).any():
        notes.append(
            f"{name}: {int(np.isnan(values).sum())} polygons without a value are not known"
        )
    return values, notes


def _column_of_words(table: pd.DataFrame) -> str | None:
    """The only column named after a hazard that says yes or no, or names classes, in words."""
    named = [str(c) for c in table.columns if any(part in str(c).lower() for part in _OF_HAZARD)]
    some = [c for c in named if words_as_classes(table[c]) is not None]
    return some[0] if len(some) == 1 else None


def _said_of_words(values: _F64, name: str, column: str) -> list[str]:
    said = [f"{name}: classes from the words in the column {column!r}"]
    if np.isnan(values).any():
        missing = int(np.isnan(values).sum())
        said.append(f"{name}: {missing} polygons without a value are not known")
    return said


def count(
    hazard: Hazard, shapes: NDArray[np.object_], measure: Measure, advance: Advance
) -> tuple[_F64, _F64, list[str]]:
    """What stands in each class in each shape and in all.

    Args:
        shapes: in the plane of the measure.

    Returns:
        (members, n, keys + 1), (members, keys + 1), and warnings.
    """
    if hazard.polygons is not None and hazard.column is not None:
        moved = shapes_in(hazard.polygons, WGS84, measure.crs, longest=_LONGEST_DEG)
        keys = len(hazard.keys)
        zones = zones_of_polygons(
            moved, hazard.column, measure.crs, columns=keys + 1, rest=hazard.keys.index(0)
        )
        each, every = zones.by_class(shapes, measure, advance)
        return each[None], every[None], []
    assert hazard.cells is not None and hazard.index is not None  # noqa: S101 the other form
    if hazard.cells.even and same_plane(hazard.cells.crs, measure.crs):
        return (*_on_cells(hazard, shapes, measure, advance), [])
    return _traced(hazard, shapes, measure, advance)


def _on_cells(
    hazard: Hazard, shapes: NDArray[np.object_], measure: Measure, advance: Advance
) -> tuple[_F64, _F64]:
    keys = len(hazard.keys)
    each, every = measure.by_class(shapes, hazard.cells, hazard.index, keys, advance)  # type: ignore[arg-type]
    left = _rest(measure.inside(shapes), each.sum(axis=2))
    left_all = _rest(np.array(measure.total), every.sum(axis=1))
    return (
        np.concatenate([each, left[:, :, None]], axis=2),
        np.concatenate([every, left_all[:, None]], axis=1),
    )


def _rest(whole: _F64, known: _F64) -> _F64:
    """What is not known; less than a ten-millionth is rounding."""
    left = whole - known
    return np.where(left > _ROUNDING * whole, left, 0.0)


def _traced(
    hazard: Hazard, shapes: NDArray[np.object_], measure: Measure, advance: Advance
) -> tuple[_F64, _F64, list[str]]:
    cells, index = hazard.cells, hazard.index
    assert cells is not None and index is not None  # noqa: S101 asked by the caller
    found = [
        zones_of_raster(cells, of_member, len(hazard.keys), measure.crs, advance).by_class(
            shapes, measure, advance
        )
        for of_member in index
    ]
    what = "lies in another coordinate system" if cells.turned is None else "has turned cells"
    if cells.turned is None and same_plane(cells.crs, measure.crs):
        what = "has cells of different sizes"
    said = (
        f"{hazard.name}: {what}; the borders of its cells were drawn in the plane of the people "
        "and cut there, by area; no value was resampled"
    )
    return np.stack([f[0] for f in found]), np.stack([f[1] for f in found]), [said]


__all__: Sequence[str] = ["Hazard", "Zones", "count", "read_hazard"]
