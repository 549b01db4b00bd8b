"""`layers check`: what is this file, and what is wrong with it?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from kentongan.errors import LayerError
from risk.layers import columns
from risk.layers.areas_file import code_column, examine_areas
from risk.layers.check.codes import Codes, examine_codes
from risk.layers.check.finding import EVERYWHERE, Finding, Severity, refused
from risk.layers.check.people import examine_people
from risk.layers.check.places import examine_places
from risk.layers.check.raster_values import (
    Values,
    examine_fills,
    examine_frame,
    examine_negatives,
    scan,
)
from risk.layers.check.reference import Reference, reference
from risk.layers.check.shapes import examine_shapes
from risk.layers.check.tables import examine_people_table, examine_points
from risk.layers.people_raster import PeopleKind
from risk.layers.progress import Advance, silent
from risk.layers.rasters import is_raster, open_raster
from risk.layers.vectors import has_shapes, in_degrees, read_features, read_table


class Role(StrEnum):
    """What a file is for."""

    AREAS = "areas"
    PEOPLE = "people"
    POINTS = "points"
    LINES = "lines"
    HAZARD = "hazard"
    ELEVATION = "elevation"
    FRICTION = "friction"
    SUSCEPTIBILITY = "susceptibility"
    LIQUEFACTION = "liquefaction"


_PEOPLE_WORDS = ("pop", "people", "penduduk", "jiwa", "ppp", "hrsl", "worldpop")
_RANGE = {
    Role.ELEVATION: (-500.0, 5_100.0),
    Role.SUSCEPTIBILITY: (0.0, 100.0),
    Role.LIQUEFACTION: (0.0, 100.0),
    Role.FRICTION: (0.0, 1e9),
    Role.HAZARD: (-1e9, 1e9),
}
"""Lowest and highest that can be true; Puncak Jaya is 4,884 m high, InaRISK goes from 0 to 1."""
_BELOW_ZERO = (Role.ELEVATION, Role.HAZARD)


def check_file(
    path: Path,
    role: Role | None = None,
    *,
    kind: PeopleKind | None = None,
    area_id: str | None = None,
    advance: Advance = silent,
) -> tuple[Finding, ...]:
    """Everything that the checks say of one file.

    Args:
        role: what it is for; guessed from its content and name if not given.
        kind: what the values of a people raster count.
    """
    try:
        if is_raster(path):
            return tuple(_raster(path, role, kind, advance))
        if not path.is_file() or has_shapes(path):
            if role is Role.PEOPLE:
                table = read_features(path).drop(columns="geometry")
                return tuple(_table(path, table, role, area_id))
            return tuple(_features(path, role, area_id))
        return tuple(_table(path, read_table(path), role, area_id))
    except LayerError as error:
        return (_unreadable(path, str(error)),)


def _unreadable(path: Path, text: str) -> Finding:
    words = text.removeprefix(f"{path}: ")
    return Finding(
        Severity.REFUSE, "unreadable", path.name, "", words, "a file of a known format",
        "see docs/layers.md for the formats", EVERYWHERE,
    )  # fmt: skip


def _raster(
    path: Path, role: Role | None, kind: PeopleKind | None, advance: Advance
) -> list[Finding]:
    known = reference()
    guessed = role is None and any(word in path.name.lower() for word in _PEOPLE_WORDS)
    if role is Role.PEOPLE or kind is not None or guessed:
        found = examine_people(path, kind, known, advance)
        return [*found.findings, _seen(path, f"people raster, {found.people:,.0f} people "
                f"({found.kind or 'unit not known'})")]  # fmt: skip
    with open_raster(path) as source:
        frame = examine_frame(source, path.name)
        values, declared = scan(source), source.nodata
    role = role or Role.HAZARD
    found_values = [*frame, *examine_fills(values, declared, path.name)]
    if role not in _BELOW_ZERO and not refused(found_values):
        found_values += examine_negatives(values, declared, path.name)
    found_values += _range(values, role, path.name)
    return [*found_values, _seen(path, _numbers(values, role))]


def _numbers(values: Values, role: Role) -> str:
    empty = values.cells - values.valid
    return (
        f"{role} raster, {values.low:g} to {values.high:g} in {values.valid} cells, {empty} not "
        "known; if it holds people, say --as people"
    )


def _range(values: Values, role: Role, file: str) -> list[Finding]:
    low, high = _RANGE.get(role, (-np.inf, np.inf))
    if values.valid == 0 or (values.low >= low and values.high <= high):
        return []
    return [
        Finding(
            Severity.REFUSE, "out-of-range", file, "",
            f"{values.low:g} to {values.high:g}", f"{role} from {low:g} to {high:g}",
            "another unit or quantity?", EVERYWHERE,
        )
    ]  # fmt: skip


def _seen(path: Path, what: str) -> Finding:
    return Finding(Severity.INFO, "read-as", path.name, "", what, "")


def _features(path: Path, role: Role | None, area_id: str | None) -> list[Finding]:
    frame = read_features(path)
    polygonal = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon", "GeometryCollection"])
    if role is Role.AREAS or (role is None and polygonal.mean() > 0.5 and _coded(frame, area_id)):
        areas = examine_areas(path, area_id)
        what = f"{len(areas.code)} areas of level {areas.level}, {areas.crs}"
        return [*areas.findings, _seen(path, what)]
    return _plain_features(frame, path)


def _coded(frame: pd.DataFrame, area_id: str | None) -> bool:
    """Whether it is meant to hold areas: codes, or names of provinces or villages."""
    names = any(columns.find(frame.columns, columns.NAME[level][1:]) for level in (1, 2, 3, 4))
    return area_id is not None or code_column(frame, None) is not None or names


def _plain_features(frame: pd.DataFrame, path: Path) -> list[Finding]:
    """Points, lines and zones without codes: their places and their shapes."""
    known = reference()
    frame, crs, findings = in_degrees(frame, path.name)
    kinds = sorted(set(frame.geometry.geom_type.dropna()))
    if "Polygon" in kinds or "MultiPolygon" in kinds:
        labels = np.array([f"feature {i}" for i in range(len(frame))], dtype=object)
        findings += examine_shapes(frame.geometry.to_numpy(), labels, path.name).findings
    if refused(findings):
        return findings
    point = frame.geometry.representative_point()
    column = code_column(frame, None)
    codes = examine_codes(frame[column], None, path.name, known) if column else None
    code = codes.code if codes else np.full(len(frame), "", dtype=object)
    findings += [*(codes.findings if codes else ())]
    findings += examine_places(code, point.x.to_numpy(), point.y.to_numpy(), path.name, known)
    return [*findings, _seen(path, f"{len(frame)} features ({', '.join(kinds)}), {crs}")]


_POINT_COLUMNS = (columns.LONGITUDE, columns.MEMBERS, columns.CAPACITY, columns.GRADE)
"""A table with one of them is of posts, members, shelters or other places."""


def _table(
    path: Path, table: pd.DataFrame, role: Role | None, area_id: str | None
) -> list[Finding]:
    known = reference()
    column = code_column(table, area_id)
    places = any(columns.find(table.columns, names) for names in _POINT_COLUMNS)
    if role is Role.POINTS or (places and role is not Role.PEOPLE):
        codes = _codes_of_points(table, column, path.name, known)
        found = [*(codes.findings if codes else ())]
        found += examine_points(table, codes, path.name, known)
        return [*found, _seen(path, f"{len(table)} points")]
    people = examine_people_table(table, column, path.name, known)
    what = f"people of {len(people.people)} areas of level {people.level}: "
    return [*people.findings, _seen(path, f"{what}{int(people.people.sum()):,}")]


def _codes_of_points(
    table: pd.DataFrame, column: str | None, file: str, known: Reference
) -> Codes | None:
    """Codes of villages, or the regencies of islands (`PP.KK.4xxxx`)."""
    if column is None:
        return None
    text = table[column].astype("object").where(table[column].notna(), "").astype("str")
    island = text.str.match(r"^\d{2}\.\d{2}\.4\d{4}$")
    values = text.where(~island, text.str[:5]) if island.any() else table[column]
    return examine_codes(values.rename(column), None, file, known)
