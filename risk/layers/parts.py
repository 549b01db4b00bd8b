"""What a set holds besides villages: teams, members, shelters, roads, rasters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from risk.layers.check.finding import Finding, require_none_refused
from risk.layers.check.run import Role, check_file
from risk.layers.given import RASTERS, Given
from risk.layers.layerset import LayerSet, among
from risk.layers.progress import Advance
from risk.layers.rasters import Bounds, write_cropped
from risk.layers.registers import read_members, read_posts, read_shelters, teams_of_members
from risk.layers.roads import Roads, read_roads

MARGIN_DEG = 0.1
"""Kept around the villages (11 km): teams come over roads outside."""


@dataclass(frozen=True)
class Parts:
    """Tables to write, rasters to cut, and what was found."""

    given: Given
    tables: Mapping[str, pd.DataFrame]
    roads: Roads | None
    bounds: Bounds
    findings: tuple[Finding, ...]

    def write_rasters(self, folder: Path, advance: Advance) -> dict[str, Any]:
        """Cut each raster into the folder and compile the roads; for the manifest."""
        stored: dict[str, Any] = {}
        for role, path in self.given.rasters():
            advance(role, 0.0)
            cropped = write_cropped(folder / f"{role}.tif", path, self.bounds, RASTERS[role])
            stored[role] = cropped.__dict__
        if self.roads is not None:
            advance("roads", 0.0)
            stored["surface"] = _surface(folder / "surface.tif", self.roads, self.bounds)
        return stored


def _surface(path: Path, roads: Roads, bounds: Bounds) -> dict[str, Any]:
    """Friction over roads; see `risk.access.surface`."""
    from kentongan.policy import AccessPolicy, load_policy
    from kentongan.settings import data_dir
    from risk.access.surface import write_surface

    rules = load_policy(data_dir() / "policy" / "access.toml", AccessPolicy)
    friction = write_surface(path, roads.lines, rules, bounds=bounds)
    grid = friction.grid
    return {
        "columns": grid.columns, "rows": grid.rows, "step_deg": grid.step,
        "method": f"{len(roads.lines)} roads burnt into cells",
    }  # fmt: skip


def read_parts(
    given: Given, villages: pd.DataFrame, geometry: NDArray[np.object_], base: LayerSet
) -> Parts:
    """Read and check every file but areas and people.

    Raises:
        LayerError: a file that cannot be used, or anything refused.
    """
    findings: list[Finding] = []
    for role, path in given.rasters():
        findings += check_file(path, Role(role))
    require_none_refused(findings)
    regencies = villages["adm4_code"].str[:5]
    heads = base.coordinators[base.coordinators["adm2_code"].isin(regencies)]
    tables = {"coordinators": heads}
    tables["shelters"] = _own(base.shelters, villages)
    if given.shelters is not None:
        shelters = read_shelters(given.shelters, villages)
        tables["shelters"], findings = shelters.table, [*findings, *shelters.findings]
    if given.members is not None:
        members = read_members(given.members, villages)
        tables["members"], findings = members.table, [*findings, *members.findings]
    tables["teams"], more = _teams(given, tables, villages, base)
    bounds = _around(geometry)
    roads = read_roads(given.roads, bounds) if given.roads is not None else None
    findings += [*more, *(roads.findings if roads else ())]
    return Parts(given, tables, roads, bounds, tuple(findings))


def _teams(
    given: Given, tables: Mapping[str, pd.DataFrame], villages: pd.DataFrame, base: LayerSet
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Posts of the table; else of the members; else the synthetic ones of the embedded set."""
    heads = tables["coordinators"]
    if given.posts is not None:
        posts = read_posts(given.posts, heads, villages)
        return posts.table, posts.findings
    if "members" in tables:
        return teams_of_members(tables["members"], heads), ()
    return _own(base.teams, villages), ()


def _own(table: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    return table[among(table["adm4_code"], villages["adm4_code"])]


def _around(geometry: NDArray[np.object_]) -> Bounds:
    west, south, east, north = shapely.total_bounds(geometry)
    m = MARGIN_DEG
    return float(west) - m, float(south) - m, float(east) + m, float(north) + m
