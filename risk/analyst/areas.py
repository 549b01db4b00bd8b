"""Areas of anybody: repaired, named, and what lies twice counted once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError
from risk.layers import columns
from risk.layers.areas_file import code_column
from risk.layers.check.finding import Finding, Severity, refused
from risk.layers.check.shapes import examine_shapes, km2
from risk.layers.rasters import Bounds
from risk.layers.vectors import in_degrees, read_features

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

MAX_POINTS = 50_000_000
"""Of all shapes: the villages of Indonesia in full detail have 9 million."""
_LONGEST_M = 500.0
"""Edges of shapes in metres are cut to this before they go to degrees: they bend by millimetres."""
_SLIVER = 0.01
"""Share of the smaller area below which an overlap is a fault of digitising."""
_COMPARED = 20_000
"""Areas up to which overlaps are looked for one by one."""
_Shapes = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Areas:
    """One row an area.

    Attributes:
        ids: as in the file.
        shapes: polygons, EPSG:4326, valid; empty where an area has none.
        names: more columns for tables, e.g. name and district.
        slivers: overlapping pairs that are left as they are, and their km2.
    """

    ids: list[Any]
    shapes: _Shapes
    names: pd.DataFrame
    warnings: tuple[str, ...] = ()
    slivers: tuple[int, float] = (0, 0.0)


def shapes_of(
    frame: gpd.GeoDataFrame, name: str, labels: NDArray[np.object_]
) -> tuple[_Shapes, list[str]]:
    """Valid polygons in degrees, and what was done to them.

    Raises:
        LayerError: no coordinate system that fits, no polygon at all, too many points.
    """
    if int(shapely.get_num_coordinates(frame.geometry.to_numpy()).sum()) > MAX_POINTS:
        raise LayerError(f"{name}: more than {MAX_POINTS:,} points; simplify the shapes first")
    if frame.crs is not None and frame.crs.is_projected:
        frame = frame.set_geometry(frame.geometry.segmentize(_LONGEST_M))
    degrees, _, findings = in_degrees(frame, name)
    if not refused(findings):
        checked = examine_shapes(degrees.geometry.to_numpy(), labels, name)
        findings += checked.findings
    bad = refused(findings)
    if bad:
        raise LayerError("; ".join(f.line for f in bad[:3]))
    return checked.geometry, _sentences(findings)


_SILENT = ("several-parts", "other-crs", "extra-dimensions")
"""Nothing about them can change a number."""


def _sentences(findings: list[Finding]) -> list[str]:
    """One sentence for each kind of finding: the first in full, the others counted."""
    told = [f for f in findings if f.check not in _SILENT and f.severity is not Severity.REFUSE]
    out = []
    for check in dict.fromkeys(f.check for f in told):
        same = [f for f in told if f.check == check]
        more = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
        first = same[0]
        where = f"{first.file}: {first.feature}" if first.feature else first.file
        said = {"no-shape": "they count nobody"}.get(check, first.remedy)
        out.append(f"{where}: {first.found}; {said}{more}")
    return ["".join(c if c.isprintable() else " " for c in line) for line in out]


def areas_of_file(path: Path, area_id: str | None) -> Areas:
    return areas_of_frame(read_features(path), path.name, area_id)


def areas_of_frame(frame: gpd.GeoDataFrame, name: str, area_id: str | None) -> Areas:
    """Areas of a table with shapes.

    Args:
        area_id: column of the identifiers; found by its name or content if not given, else the
            rows are numbered from 1.

    Raises:
        LayerError: no such column, no polygons, coordinates that are no degrees.
    """
    if frame.empty:
        raise LayerError(f"{name}: no area in the file; expected polygons")
    column = code_column(frame, area_id, "4321")
    column = column or columns.find(frame.columns, ("area_id", "id", "kode", "code", "fid"))
    warnings = []
    if column is None:
        found = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name)[:200]
        warnings.append(
            f"{name}: no column of identifiers among {found or 'none'}; rows are numbered"
        )
        ids: list[Any] = list(range(1, len(frame) + 1))
    else:
        ids = [_plain(value, row) for row, value in enumerate(frame[column].tolist())]
        warnings += _cut_codes(ids, name, column)
    labels = np.array([str(i) for i in ids], dtype=object)
    shapes, said = shapes_of(frame, name, labels)
    ids, shapes, joined = _joined(ids, shapes, name)
    names = _names(frame, ids) if not joined else pd.DataFrame(index=range(len(ids)))
    return Areas(ids, shapes, names, (*warnings, *said, *joined))


def _plain(value: Any, row: int) -> Any:
    """Text and whole numbers as they are; a float that is whole becomes one."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return f"row {row + 1}"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, float, str)) else str(value)


def _cut_codes(ids: list[Any], name: str, column: str) -> list[str]:
    """What to know of codes such as 11.10 that were once read as numbers."""
    broken = [i for i in ids if isinstance(i, float)]
    if not broken:
        return []
    return [
        f"{name}: {len(broken)} identifiers in {column!r} are decimal numbers (first {broken[0]}); "
        "codes lose their last zeros so, 11.10 becomes 11.1; export the column as text"
    ]


def _joined(ids: list[Any], shapes: _Shapes, name: str) -> tuple[list[Any], _Shapes, list[str]]:
    """Features of one identifier made one area."""
    rows: dict[Any, list[int]] = {}
    for row, value in enumerate(ids):
        rows.setdefault(value, []).append(row)
    if len(rows) == len(ids):
        return ids, shapes, []
    out = np.empty(len(rows), dtype=object)
    for number, some in enumerate(rows.values()):
        out[number] = shapes[some[0]] if len(some) == 1 else shapely.union_all(shapes[some])
    first = next(value for value, some in rows.items() if len(some) > 1)
    return list(rows), out, [
        f"{name}: {len(ids) - len(rows)} features repeat an identifier (first {first!r}); features "
        "of one identifier are one area"
    ]  # fmt: skip


def _names(frame: gpd.GeoDataFrame, ids: list[Any]) -> pd.DataFrame:
    """Columns with names that tables show, under our own names."""
    out: dict[str, list[str]] = {}
    for wanted, level in (("name", 4), ("adm3_name", 3), ("adm2_name", 2), ("adm1_name", 1)):
        column = columns.find(frame.columns, columns.NAME[level])
        if column is not None:
            text = frame[column].astype("object")
            out[wanted] = [str(v) for v in text.where(text.notna(), "")]
    return pd.DataFrame(out, index=range(len(ids)))


def areas_of_layers(layers: LayerSet, rows: NDArray[np.int64]) -> Areas:
    """Villages of a layer set."""
    table = layers.villages.iloc[rows].reset_index(drop=True)
    names = table[["name", "adm3_name", "adm2_name", "adm1_name"]]
    return Areas(list(table["adm4_code"]), layers.geometry[rows], names)


def require_not_swapped(name: str, box: Bounds, other: Bounds) -> None:
    """Refuse a box that meets the other only with its axes exchanged; both in degrees.

    Raises:
        LayerError: longitude and latitude are swapped.
    """
    west, south, east, north = box
    if not _meet(box, other) and _meet((south, west, north, east), other):
        raise LayerError(
            f"{name}: covers {west:.3f} … {east:.3f} E, {south:.3f} … {north:.3f} N, expected "
            f"{other[0]:.3f} … {other[2]:.3f} E, {other[1]:.3f} … {other[3]:.3f} N: longitude and "
            "latitude are swapped; exchange them in the file"
        )


def _meet(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def once(areas: Areas, name: str, *, all_of_them: bool = False) -> Areas:
    """The areas with overlaps cut out of the later one; slivers stay unless asked for."""
    if len(areas.ids) > _COMPARED and not all_of_them:
        return areas
    a, b = shapely.STRtree(areas.shapes).query(areas.shapes, predicate="intersects")
    keep = a < b
    a, b = a[keep], b[keep]
    common = km2(shapely.intersection(areas.shapes[a], areas.shapes[b]))
    size = km2(areas.shapes)
    real = common > 1e-9 * np.minimum(size[a], size[b])
    a, b, common = a[real], b[real], common[real]
    cut = (
        np.full(a.size, fill_value=True)
        if all_of_them
        else common > _SLIVER * np.minimum(size[a], size[b])
    )
    shapes = areas.shapes.copy()
    order = np.lexsort((a, b))
    for pair in order[cut[order]]:
        shapes[b[pair]] = shapely.difference(shapes[b[pair]], shapes[a[pair]])
    warnings = list(areas.warnings)
    if cut.any():
        worst = int(np.flatnonzero(cut)[np.argmax(common[cut])])
        warnings.append(
            f"{name}: areas overlap on {common[cut].sum():.3f} km2 in {int(cut.sum())} pairs, most "
            f"{areas.ids[a[worst]]} and {areas.ids[b[worst]]}; people there are counted for the "
            "first of the two only"
        )
    slivers = (int((~cut).sum()), float(common[~cut].sum()))
    return replace(areas, shapes=shapes, warnings=tuple(warnings), slivers=slivers)
