"""Areas out of whatever file a deployment has: checked, repaired, in code order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError
from risk.layers import columns
from risk.layers.check.codes import DOTTED, Codes, examine_codes, vintage
from risk.layers.check.finding import Finding, Severity, refused, require_none_refused
from risk.layers.check.places import examine_places
from risk.layers.check.reference import LENGTH, Reference, plain, reference
from risk.layers.check.shapes import examine_coverage, examine_shapes
from risk.layers.vectors import in_degrees, read_features

QUANTUM = 1e-6
"""Degrees (0.1 m): finer than any survey of a border."""
_SAMPLE = 200
"""Rows looked at to find the column of codes by its content."""


@dataclass(frozen=True)
class Areas:
    """Areas of one level in code order, one row a code.

    Attributes:
        code: dotted Kemendagri codes.
        name: as in the file, empty where it has none.
        geometry: polygons, EPSG:4326, valid, not empty, on a grid of `QUANTUM`.
        level: 1 province to 4 village; 0 if no code could be used.
        without_code: features left out because they have no code ("tidak terdefinisi").
        without_shape: codes left out because their shape is missing or has no area.
        repaired: how many shapes were invalid as published.
        crs: of the file, as text; says so if it had none.
        findings: what the checks say of the file.
    """

    code: NDArray[np.object_]
    name: NDArray[np.object_]
    geometry: NDArray[np.object_]
    level: int
    without_code: int
    without_shape: tuple[str, ...]
    repaired: int
    crs: str
    findings: tuple[Finding, ...]


def read_areas(path: Path, area_id: str | None = None, name: str | None = None) -> Areas:
    """Villages of a file in which nothing is refused.

    Args:
        path: GeoParquet, or anything that GDAL reads (GeoPackage, GeoJSON, Shapefile).
        area_id: the column of codes; found by name or content if not given.
        name: the column of names; found by name if not given.

    Raises:
        LayerError: unreadable, no column of codes, or what `examine_areas` refuses.
    """
    areas = examine_areas(path, area_id, name)
    require_none_refused(areas.findings)
    if areas.level != 4:
        raise LayerError(
            f"{path}: areas of level {areas.level} (1 province to 3 district); expected villages "
            "with codes such as 32.03.07.2009"
        )
    return areas


def examine_areas(path: Path, area_id: str | None = None, name: str | None = None) -> Areas:
    """Read, check and repair areas of one level.

    Raises:
        LayerError: unreadable, or no column of codes.
    """
    frame = read_features(path)
    frame, crs, findings = in_degrees(frame, path.name)
    known = reference()
    column = code_column(frame, area_id)
    names = _names(frame, name)
    if column is None:
        findings += _by_names(frame, path, known)
        codes = _without_codes(frame, path, findings)
    else:
        codes = examine_codes(frame[column], names, path.name, known)
    findings += codes.findings
    if refused(findings) and not codes.level:
        return _nothing(crs, findings)
    return _areas(frame, codes, names, crs, findings, path.name, known)


def _areas(
    frame: gpd.GeoDataFrame,
    codes: Codes,
    names: pd.Series,
    crs: str,
    findings: list[Finding],
    file: str,
    known: Reference,
) -> Areas:
    used = np.flatnonzero(codes.code != "")
    code = codes.code[used]
    shapes = examine_shapes(frame.geometry.to_numpy()[used], code, file)
    findings += shapes.findings
    table = pd.DataFrame({"code": code, "name": names.to_numpy(dtype=object)[used]})
    geometry = on_grid(shapes.geometry)
    findings += _duplicates(table, file)
    table, geometry = _dissolved(table, geometry)
    code = table["code"].to_numpy(object)
    usable = shapely.area(geometry) > 0
    point = shapely.get_coordinates(shapely.point_on_surface(geometry[usable]))
    findings += examine_places(code[usable], point[:, 0], point[:, 1], file, known)
    if not refused(findings):
        findings += examine_coverage(geometry[usable], code[usable], file)
        findings += _missing(code[usable], codes.level, file, known)
    return Areas(
        code=code[usable],
        name=table["name"].to_numpy(object)[usable],
        geometry=geometry[usable],
        level=codes.level,
        without_code=int((codes.code == "").sum()),
        without_shape=tuple(str(c) for c in code[~usable]),
        repaired=shapes.repaired,
        crs=crs,
        findings=tuple(findings),
    )


def _nothing(crs: str, findings: Sequence[Finding]) -> Areas:
    empty = np.empty(0, dtype=object)
    return Areas(empty, empty, empty, 0, 0, (), 0, crs, tuple(findings))


def code_column(frame: pd.DataFrame, area_id: str | None, levels: str = "4231") -> str | None:
    """The column of codes: as told, or by a known name with codes in it, or by content.

    Raises:
        LayerError: the column told is not there.
    """
    table = frame.drop(columns="geometry", errors="ignore")
    names = [str(c) for c in table.columns]
    if area_id is not None:
        if area_id not in names:
            raise LayerError(f"no column {area_id!r}; found {', '.join(names)}")
        return area_id
    named = [columns.find(names, columns.CODE[int(level)]) for level in levels]
    candidates = list(dict.fromkeys([c for c in named if c] + names))
    for level in levels:
        for column in candidates:
            if _holds_codes(table[column], int(level)):
                return column
    weak = columns.CODE[4][-1]
    return next((c for c in named if c and c.lower() != weak), None)


def _holds_codes(values: pd.Series, level: int) -> bool:
    """Most values look like codes of a level; two digits alone must be a province's."""
    text = values.dropna().head(_SAMPLE).astype("str").str.strip()
    hits = text.str.match(DOTTED) & (text.str.len() == LENGTH[level])
    if level == 1:
        hits &= text.isin(reference().codes[1])
        return text.nunique() > 1 and bool(hits.mean() > 0.9)
    return len(text) > 0 and bool(hits.mean() > 0.5)


def _without_codes(frame: pd.DataFrame, path: Path, findings: list[Finding]) -> Codes:
    found = ", ".join(str(c) for c in frame.columns if c != "geometry")[:300]
    findings.append(
        Finding(
            Severity.REFUSE, "no-codes", path.name, "", f"no column of codes among {found}",
            "a column of dotted Kemendagri codes",
            "name it with --area-id, or bridge by names or shapes: kentongan layers bridge",
        )
    )  # fmt: skip
    blank = np.full(len(frame), "", dtype=object)
    return Codes(blank, 0, np.ones(len(frame), dtype=np.bool_), ())


def _by_names(frame: pd.DataFrame, path: Path, known: Reference) -> list[Finding]:
    """The vintage of a file without codes, by the names of its provinces."""
    column = columns.find(frame.columns, columns.NAME[1])
    if column is None:
        return []
    names = {plain(n) for n in frame[column].dropna().unique()}
    codes = {known.by_name[1][n][0] for n in names if n in known.by_name[1]}
    return vintage(codes, path.name, f"column {column!r}")


def _names(frame: pd.DataFrame, name: str | None) -> pd.Series:
    column: str | None = name if name is not None else columns.find(frame.columns, columns.NAME[4])
    if column is None:
        return pd.Series([""] * len(frame), dtype="object")
    if column not in frame.columns:
        raise LayerError(f"no column {name!r}; found {', '.join(map(str, frame.columns))}")
    text = frame[column].astype("object")
    return text.where(text.notna(), "").astype("str").str.strip()


def _duplicates(table: pd.DataFrame, file: str) -> list[Finding]:
    twice = table[table["code"].duplicated(keep=False)]
    if twice.empty:
        return []
    names = twice.groupby("code")["name"].nunique()
    other = names[names > 1]
    code = str(other.index[0] if len(other) else twice["code"].iloc[0])
    said = ", ".join(sorted({n for n in twice["name"][twice["code"] == code] if n}))
    return [
        Finding(
            Severity.FLAG if len(other) else Severity.INFO, "duplicate-codes", file, code,
            f"{len(names)} codes on several features"
            + (f", {len(other)} of them under different names ({said})" if len(other) else ""),
            "one feature a code", "they are joined", tuple(str(c) for c in other.index),
        )
    ]  # fmt: skip


def _missing(code: NDArray[np.object_], level: int, file: str, known: Reference) -> list[Finding]:
    """Areas of the decree that the file lacks, where it has others of the same parent."""
    length = {1: 0, 2: 2, 3: 5, 4: 5}[level]
    parents = {str(c)[:length] for c in code}
    lost = sorted(c for c in known.codes[level] - set(code) if c[:length] in parents)
    if not lost:
        return []
    return [
        Finding(
            Severity.INFO, "missing-areas", file, ", ".join(lost[:3]),
            f"{len(lost)} areas of the decree are not in the file, beside others of their parent",
            "every area of a regency", "modelled shapes fill them, marked points-only",
        )
    ]  # fmt: skip


def on_grid(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Valid polygons with their points on a grid of `QUANTUM`."""
    # Rounding single points is quick; the few shapes that it breaks take the slow, safe way.
    rounded = shapely.transform(shapes, lambda points: np.round(points / QUANTUM) * QUANTUM)
    broken = np.flatnonzero(~shapely.is_valid(rounded))
    rounded[broken] = shapely.set_precision(shapes[broken], QUANTUM)
    other = np.flatnonzero(~np.isin(shapely.get_type_id(rounded), (3, 6)))
    rounded[other] = [_polygons_of(shape) for shape in rounded[other]]
    out: NDArray[np.object_] = rounded
    return out


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
