"""Tasks as GeoJSON (RFC 7946): WGS 84, longitude first; points and lines, so no ring to wind."""

from __future__ import annotations

import json
from typing import Any

from kentongan.times import iso
from notify.tasks.export.sheet import (
    NOTE_CHARS,
    SOURCE,
    Point,
    Sheet,
    Way,
    clean,
    level_word,
    place_of,
    shelters_of,
    title_of,
)
from notify.tasks.listing import KINDS, TaskLine, way_words, words_of

MOST_POINTS = 20_000
"""Of all ways; about 20 bytes each."""
_DECIMALS = 6
"""About 0.1 m."""


def geojson(sheet: Sheet) -> bytes:
    ways = list(sheet.ways(MOST_POINTS))
    features = [_village(line) for lines in sheet.groups.values() for line in lines]
    features += [_way(way, sheet) for way in ways]
    features += [
        _feature({"type": "Point", "coordinates": _round(place)},
                 {"jenis": "tempat", "nama": f"{sheet.mark}{name}", "jiwa": people})
        for (name, place), people in shelters_of(ways).items()
    ]  # fmt: skip
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "name": sheet.heading,
        "ringkasan": sheet.first_line,
        "status": sheet.status,
        "dibuat": iso(sheet.at),
        "sumber": SOURCE,
    }
    if box := _box(features):
        document["bbox"] = box
    document["features"] = features
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _village(line: TaskLine) -> dict[str, Any]:
    place = place_of(line)
    geometry = None if place is None else {"type": "Point", "coordinates": _round(place)}
    return _feature(geometry, {"jenis": "tugas", **_properties(line)}, line.task_id)


def _properties(line: TaskLine) -> dict[str, Any]:
    return {
        "nama": title_of(line),
        "nomor": line.task_id,
        "tingkat": level_word(line),
        "tugas": KINDS[line.kind],
        "status_tugas": words_of(line.state),
        "kode": line.adm4_code,
        "desa": clean(line.village),
        "kecamatan": clean(line.district),
        "kabupaten": clean(line.regency),
        "jiwa": line.people,
        "belum_tertolong": line.unmet_people,
        "tim": clean(line.team),
        "perjalanan_menit": line.eta_min,
        "batas_waktu": iso(line.deadline) if line.deadline else None,
        "catatan": clean(line.note, most=NOTE_CHARS),
        "koordinator": clean(line.coordinator_id),
    }


def _way(way: Way, sheet: Sheet) -> dict[str, Any]:
    line, leg = way.line, way.leg
    shelter = clean(leg.shelter or leg.shelter_id or "")
    return _feature(
        {"type": "LineString", "coordinates": [_round(point) for point in way.points]},
        {
            "jenis": "jalur",
            "nama": f"{sheet.mark}{line.task_id} ke {shelter}",
            "nomor": line.task_id,
            "tujuan": shelter,
            "jiwa": leg.people,
            "tim": clean(leg.team),
            "menit": leg.way_min,
            "cara": way_words(leg),
            "lurus": way.is_straight,
            "disederhanakan": way.thinned,
        },
    )


def _feature(
    geometry: dict[str, Any] | None, properties: dict[str, Any], name: str | None = None
) -> dict[str, Any]:
    own = {} if name is None else {"id": name}
    return {"type": "Feature", **own, "geometry": geometry, "properties": properties}


def _round(point: Point) -> list[float]:
    return [round(point[0], _DECIMALS), round(point[1], _DECIMALS)]


def _box(features: list[dict[str, Any]]) -> list[float]:
    points: list[list[float]] = []
    for feature in features:
        geometry = feature["geometry"]
        if geometry is not None:
            held = geometry["coordinates"]
            points += [held] if geometry["type"] == "Point" else held
    if not points:
        return []
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return [min(xs), min(ys), max(xs), max(ys)]
