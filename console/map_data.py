"""What the map shows of a situation: rows for drawing, rows for the panel."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import words
from console.map_shapes import UNITS_PER_DEGREE, packed
from kentongan.settings import data_dir
from kentongan.view import SituationView, TaskLine, WarningLine

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

INDONESIA = [[-11.5, 94.5], [6.5, 141.5]]
"""South-west and north-east corner, degrees: what is shown when nothing is in force."""
LAND_TOLERANCE_DEG = 0.005
TOP_ROWS = 15
_VILLAGE_COLUMNS = ("name", "district", "regency", "level", "hazard_id", "people", "exposed")


@dataclass(frozen=True)
class TaskSum:
    kind: str
    count: int
    people: int
    unmet: int


def banners(view: SituationView) -> list[tuple[str, str]]:
    """Strong word and plain word; empty only for the real thing."""
    found = [words.BANNERS[view.mode]] if view.mode in words.BANNERS else []
    if view.re_creation:
        found.append(("REKA ULANG", "peristiwa masa lalu yang diputar ulang – re-creation"))
    return found


def main_zone(view: SituationView) -> int:
    """The clock of most warned villages; Jakarta's where none is warned."""
    hours = Counter({7: 0})
    for warning in view.warnings:
        hours[warning.zone_hours] += max(1, warning.villages)
    for area in view.unknown_areas:
        hours[area.zone_hours] += 1
    return hours.most_common(1)[0][0]


def blind_feeds(view: SituationView) -> list[Any]:
    return [f for f in view.feeds if words.in_trouble(f)]


def credits_of(view: SituationView) -> list[str]:
    said = {f.credit.removeprefix("Sumber: ") for f in view.feeds if f.credit}
    return sorted(said | {"BMKG"})


def task_sums(tasks: tuple[TaskLine, ...]) -> list[TaskSum]:
    kinds = sorted({t.kind for t in tasks})
    return [_task_sum(kind, [t for t in tasks if t.kind == kind]) for kind in kinds]


def _task_sum(kind: str, tasks: list[TaskLine]) -> TaskSum:
    people, unmet = sum(t.people for t in tasks), sum(t.unmet_people for t in tasks)
    return TaskSum(kind, len(tasks), people, unmet)


def panel(view: SituationView, *, merged: bool) -> dict[str, Any]:
    """Values of the template `map_panel.html` besides `view`."""
    levels = Counter(int(level) for level in view.villages["level"])
    return {
        "zone": main_zone(view),
        "merged": merged,
        "blind": blind_feeds(view),
        "warnings": sorted(view.warnings, key=_urgency),
        "tasks": task_sums(view.tasks),
        "top": top_villages(view.villages),
        "without_shape": int(view.villages.geometry.is_empty.sum()) if len(view.villages) else 0,
        "legend": [(level, levels[level]) for level in (4, 3, 2, 1, -1) if levels[level]],
        "has_uncovered": bool((view.villages["uncovered"] > 0).any()),
        "credits": credits_of(view),
    }


def _urgency(line: WarningLine) -> tuple[bool, int, int]:
    return words.urgency(line.hazard_id, line.level, line.exposed)


def top_villages(villages: gpd.GeoDataFrame) -> list[Any]:
    """The most exposed at the highest levels first, ties in code order."""
    named = villages.drop(columns="geometry")
    ranked = named.sort_values(
        ["level", "exposed", "adm4_code"], ascending=[False, False, True], kind="stable"
    )
    return list(ranked.head(TOP_ROWS).itertuples(index=False))


def drawing(view: SituationView, shapes: gpd.GeoDataFrame) -> dict[str, Any]:
    """The data block of the page; `console/assets/map.js` reads it."""
    return {
        "units_per_degree": UNITS_PER_DEGREE,
        "levels": {level: word for level, (word, _) in words.LEVELS.items()},
        "hazards": {key: word for key, (word, _) in words.HAZARDS.items()},
        "credit": f"Sumber data: {', '.join(credits_of(view))} · garis pantai: Natural Earth",
        "bounds": bounds(view),
        "land": land(data_dir() / "layers" / "embedded" / "outline.geojson"),
        "villages": _columns(shapes),
        "names": regency_names(view.villages),
        "teams": _rows(view.teams, ("name", "longitude", "latitude", "members", "on_duty")),
        "shelters": _rows(view.shelters, ("name", "longitude", "latitude", "capacity")),
        **_marks(view),
    }


def _marks(view: SituationView) -> dict[str, Any]:
    placed = [u for u in view.unknown_areas if u.longitude is not None and u.latitude is not None]
    return {
        "unknown_provinces": sorted({area.province_code for area in view.unknown_areas}),
        "marks": [asdict(mark) for mark in view.marks],
        "unknown_areas": [
            {name: getattr(area, name) for name in ("longitude", "latitude", "province", "title")}
            for area in placed
        ],
    }


def bounds(view: SituationView) -> list[list[float]]:
    """South-west and north-east corner of what is warned, or of the country."""
    shown = view.villages.geometry[~view.villages.geometry.is_empty]
    if not len(shown):
        return INDONESIA
    west, south, east, north = (round(float(edge), 4) for edge in shown.total_bounds)
    return [[south, west], [north, east]]


def _columns(shapes: gpd.GeoDataFrame) -> dict[str, list[Any]]:
    columns = {name: shapes[name].tolist() for name in (*_VILLAGE_COLUMNS, "uncovered", "merged")}
    minutes = [None if math.isnan(m) else round(m) for m in shapes["team_minutes"].tolist()]
    return {**columns, "team_minutes": minutes, "shape": packed(shapes.geometry.to_numpy())}


def regency_names(villages: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Where to write the name of each regency: the middle of its warned villages.

    The one with most villages first: it keeps its name where there is no room for all.
    """
    shown = villages[~villages.geometry.is_empty]
    if not len(shown):
        return []
    inside = shown.geometry.representative_point()
    x = inside.x.groupby(shown["regency"]).mean().to_dict()
    y = inside.y.groupby(shown["regency"]).mean().to_dict()
    count = shown["regency"].value_counts()
    return [
        {"name": short(name), "longitude": round(x[name], 4), "latitude": round(y[name], 4)}
        for name in sorted(x, key=lambda name: (-count[name], name))
    ]


def short(regency: str) -> str:
    """`Kab. Bandung`, `Kota Adm. Jakarta Pusat`: as a map has room for it."""
    return regency.replace("Kabupaten ", "Kab. ").replace("Administrasi ", "Adm. ")


def _rows(table: pd.DataFrame, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    if not len(table):
        return []
    rows: list[dict[str, Any]] = json.loads(table[list(columns)].to_json(orient="records"))
    return rows


def land(path: Path) -> list[dict[str, Any]]:
    """Provinces as packed shapes with their codes; empty where the layer set has no outline."""
    if not path.is_file():
        return []
    import numpy as np
    import shapely

    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    shapes = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
    simpler = shapely.simplify(shapes, LAND_TOLERANCE_DEG, preserve_topology=True)
    codes = [f["properties"]["adm1_code"] for f in features]
    drawn = packed(np.asarray(simpler, dtype=object))
    return [{"code": code, "shape": shape} for code, shape in zip(codes, drawn, strict=True)]
