"""Roads of a deployment: checked, brought to degrees, cut to the set's area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import shapely

from risk.layers import columns
from risk.layers.check.finding import Finding, Severity, require_none_refused
from risk.layers.rasters import Bounds
from risk.layers.vectors import in_degrees, read_features

_LINES = ("LineString", "MultiLineString")


@dataclass(frozen=True)
class Roads:
    """Lines in EPSG:4326 with the OSM class in `highway`."""

    lines: gpd.GeoDataFrame
    findings: tuple[Finding, ...]


def read_roads(path: Path, bounds: Bounds) -> Roads:
    """Roads that meet a box.

    Raises:
        LayerError: unreadable, no line, or none in the box.
    """
    frame, _, findings = in_degrees(read_features(path), path.name)
    lines = frame.geometry.geom_type.isin(_LINES)
    if not lines.any():
        findings.append(_refuse(path, "no-lines", "no line", "roads as lines"))
    require_none_refused(findings)
    name = columns.find(frame.columns, columns.ROAD_CLASS)
    inside = lines & frame.geometry.intersects(shapely.box(*bounds))
    if not inside.any():
        findings.append(_refuse(path, "places-elsewhere", "no road in the area", "roads of it"))
    require_none_refused(findings)
    if name is None:
        findings.append(
            Finding(
                Severity.FLAG, "no-road-class", path.name, "", "no column of the class of a road",
                "a column highway, fclass or type", "all roads have the speed of `other`",
            )
        )  # fmt: skip
    kind = frame.loc[inside, name].fillna("other").astype("str") if name else "other"
    geometry = frame.geometry[inside].to_numpy()
    table = gpd.GeoDataFrame({"highway": kind}, geometry=geometry, crs=4326)
    return Roads(table.reset_index(drop=True), tuple(findings))


def _refuse(path: Path, check: str, found: str, expected: str) -> Finding:
    return Finding(
        Severity.REFUSE, check, path.name, "", found, expected, "give another file to --roads"
    )
