"""Polygons: broken, in several parts, over one another, with gaps, of the wrong kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from risk.layers.check.finding import Finding, Severity

KM_PER_DEGREE = 111.195
"""Great circle of a sphere of 6,371 km."""
_DOUBTFUL_PCT = 1.0
"""A repair that changes the area by more than this may have made another shape."""
_MANY_PARTS = 50
_OVER_FEATURES = 5_000
"""Above, overlaps and gaps are looked for on cells; below, exactly between shapes."""
_POLYGONAL = (3, 6)
_Shapes = NDArray[np.object_]
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Repaired:
    """Flat, valid polygons; empty where a feature has none."""

    geometry: _Shapes
    repaired: int
    findings: tuple[Finding, ...]


def square_degrees(geometry: _Shapes) -> _F64:
    """Area in square degrees of the equator: in Lambert's equal-area plane of the sphere."""
    flat = shapely.transform(
        geometry, lambda p: np.column_stack([p[:, 0], np.degrees(np.sin(np.radians(p[:, 1])))])
    )
    area: _F64 = shapely.area(flat)
    return area


def km2(geometry: _Shapes) -> _F64:
    """Area on the sphere of shapes in degrees."""
    out: _F64 = square_degrees(geometry) * KM_PER_DEGREE**2
    return out


def examine_shapes(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> Repaired:
    """Repair what can be repaired, and say what was done to each shape.

    Args:
        geometry: as read, in degrees.
        labels: code or name of each feature.
    """
    findings: list[Finding] = []
    geometry = geometry.copy()
    geometry[shapely.is_missing(geometry)] = shapely.Polygon()
    findings += _dimensions(geometry, file)
    geometry = shapely.force_2d(geometry)
    findings += _empty(geometry, labels, file)
    geometry, made = _repaired(geometry, labels, file)
    findings += made
    geometry, kinds = _polygons_only(geometry, labels, file)
    findings += kinds + _parts(geometry, labels, file)
    return Repaired(geometry, len(made), tuple(findings))


def _dimensions(geometry: _Shapes, file: str) -> list[Finding]:
    deep = int((shapely.has_z(geometry) | shapely.has_m(geometry)).sum())
    if not deep:
        return []
    return [
        Finding(
            Severity.INFO, "extra-dimensions", file, "",
            f"{deep} shapes with heights or measures (3D, M)", "flat shapes", "dropped",
        )
    ]  # fmt: skip


def _empty(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> list[Finding]:
    rows = np.flatnonzero(shapely.is_empty(geometry))
    if rows.size == 0:
        return []
    codes = tuple(str(c) for c in labels[rows])
    return [
        Finding(
            Severity.FLAG, "no-shape", file, ", ".join(codes[:3]),
            f"{rows.size} features without a shape", "a polygon for each area",
            "the modelled shape of the embedded set is used where it has the village", codes,
        )
    ]  # fmt: skip


def _repaired(
    geometry: _Shapes, labels: NDArray[np.object_], file: str
) -> tuple[_Shapes, list[Finding]]:
    broken = np.flatnonzero(~shapely.is_valid(geometry))
    if broken.size == 0:
        return geometry, []
    reasons = shapely.is_valid_reason(geometry[broken])
    before = km2(geometry[broken])
    geometry[broken] = shapely.make_valid(geometry[broken], method="structure")
    after = km2(geometry[broken])
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(before > 0, (after - before) / before * 100, np.inf)
    return geometry, [
        Finding(
            Severity.FLAG if not abs(change[i]) <= _DOUBTFUL_PCT else Severity.INFO,
            "invalid-shape", file, str(labels[row]),
            f"{reasons[i]}, {before[i]:.3f} km2", "a valid shape",
            f"repaired: {after[i]:.3f} km2 ({_percent(change[i])})",
            (str(labels[row]),),
        )
        for i, row in enumerate(broken)
    ]  # fmt: skip


def _percent(change: float) -> str:
    return f"{change:+.3f} %" if np.isfinite(change) else "it had no area"


def _polygons_only(
    geometry: _Shapes, labels: NDArray[np.object_], file: str
) -> tuple[_Shapes, list[Finding]]:
    other = np.flatnonzero(~np.isin(shapely.get_type_id(geometry), _POLYGONAL))
    if other.size == 0:
        return geometry, []
    kinds = sorted({shape.geom_type for shape in geometry[other]})
    geometry[other] = [_polygons_of(shape) for shape in geometry[other]]
    lost = np.flatnonzero(shapely.is_empty(geometry[other]))
    findings = [
        Finding(
            Severity.INFO, "mixed-geometry", file, str(labels[other[0]]),
            f"{other.size} features that are {', '.join(kinds)}", "polygons",
            "their polygons are kept, points and lines dropped",
        )
    ]  # fmt: skip
    if lost.size == len(geometry):
        return geometry, [_no_polygons(file, kinds)]
    if lost.size:
        codes = tuple(str(c) for c in labels[other[lost]])
        findings.append(
            Finding(
                Severity.FLAG, "no-shape", file, ", ".join(codes[:3]),
                f"{lost.size} features without any polygon", "a polygon for each area", "", codes,
            )
        )  # fmt: skip
    return geometry, findings


def _no_polygons(file: str, kinds: list[str]) -> Finding:
    return Finding(
        Severity.REFUSE, "no-polygons", file, "", f"only {', '.join(kinds)}",
        "polygons of areas", "give a file of areas to --areas",
    )  # fmt: skip


def _polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    areas: list[shapely.Geometry] = []
    for part in shapely.get_parts(shape):
        kind = shapely.get_type_id(part)
        if kind in (6, 7):
            areas += list(shapely.get_parts(_polygons_of(part)))
        elif kind == 3:
            areas.append(part)
    return shapely.multipolygons(areas) if areas else shapely.Polygon()


def _parts(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> list[Finding]:
    count = shapely.get_num_geometries(geometry)
    several = int((count > 1).sum())
    if not several:
        return []
    most = int(np.argmax(count))
    outside = int((~shapely.intersects(geometry, shapely.centroid(geometry)) & (count > 0)).sum())
    return [
        Finding(
            Severity.INFO, "several-parts", file, str(labels[most]),
            f"{several} areas in several parts, at most {int(count[most])}; "
            f"{outside} centroids lie outside their area",
            "any number of parts", "a point on the surface is used, never the centroid",
        )
    ]  # fmt: skip


def examine_coverage(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> list[Finding]:
    """Overlaps and gaps between valid polygons of one level."""
    some = np.flatnonzero(~shapely.is_empty(geometry))
    if some.size < 2:
        return []
    geometry, labels = geometry[some], labels[some]
    if some.size > _OVER_FEATURES:
        from risk.layers.check.cover import examine_cover

        return examine_cover(geometry, labels, file)
    return [*_overlaps(geometry, labels, file), *_gaps(geometry, labels, file)]


def _overlaps(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> list[Finding]:
    a, b = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    common = km2(shapely.intersection(geometry[a], geometry[b]))
    real = common > 0
    if not real.any():
        return []
    a, b, common = a[real], b[real], common[real]
    size = km2(geometry)
    share = common / np.minimum(size[a], size[b])
    worst = int(np.argmax(common))
    doubtful = share > _DOUBTFUL_PCT / 100
    return [
        Finding(
            Severity.FLAG if doubtful.any() else Severity.INFO, "overlaps", file,
            f"{labels[a[worst]]} and {labels[b[worst]]}",
            f"{common.sum():.3f} km2 of {size.sum():.0f} km2 belong to two areas, in "
            f"{a.size} pairs; the worst shares {common[worst]:.3f} km2; in {int(doubtful.sum())} "
            f"pairs more than {_DOUBTFUL_PCT:.0f} % of one area",
            "areas that only touch", "people there would be counted for both",
            tuple(sorted({str(labels[i]) for i in (*a[doubtful], *b[doubtful])})),
        )
    ]  # fmt: skip


def _gaps(geometry: _Shapes, labels: NDArray[np.object_], file: str) -> list[Finding]:
    """Holes in the whole that belong to nobody."""
    holes = np.array(list(_holes(shapely.union_all(geometry))), dtype=object)
    if holes.size == 0:
        return []
    size = km2(holes)
    worst = int(np.argmax(size))
    near = int(shapely.STRtree(geometry).nearest(holes[worst]))
    whole = km2(geometry).sum()
    pct = size.sum() / whole * 100
    return [
        Finding(
            Severity.FLAG if pct > _DOUBTFUL_PCT else Severity.INFO, "gaps", file,
            f"beside {labels[near]}",
            f"{size.sum():.3f} km2 ({pct:.3f} %) inside belong to no area, in {size.size} holes; "
            f"the largest has {size[worst]:.3f} km2",
            "areas that leave no land out (lakes may)", "people there are counted as unassigned",
        )
    ]  # fmt: skip


def _holes(union: shapely.Geometry) -> Iterator[shapely.Geometry]:
    for part in shapely.get_parts(union):
        for ring in shapely.get_rings(part)[1:]:
            yield shapely.polygons(ring)
