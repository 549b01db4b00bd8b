"""An explanation as text, JSON and a small map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import shapely

from console import words
from console.columns import table
from console.report import plain_time, stamped

if TYPE_CHECKING:
    from orchestration.explaining import Explanation, SourceLine
    from risk.decision import LevelAccount
    from risk.layers.layerset import LayerSet

CELLS_SHOWN = 12
"""Lines on a terminal; JSON has them all."""
_SIZE = 480
_MARGIN = 24
_COLOURS = {-1: "#9e9e9e", 0: "#f4f1ea", 1: "#fff3b0", 2: "#ffd24d", 3: "#f28c28", 4: "#c62828"}


def as_json(found: Explanation, at: datetime) -> dict[str, Any]:
    """One JSON document; times in ISO 8601."""
    from risk.explain import ROUNDING

    body = found.version.body
    return {
        "at": stamped(at),
        "warning_id": found.version.warning_id,
        "version": found.version.version,
        "state": found.version.state,
        "status": body.status,
        "level": body.level,
        "title": body.title,
        "event_id": body.event_id,
        "hazard_id": str(body.hazard_id),
        "method": found.event.method,
        "quality": str(found.event.quality),
        "evidence": dict(body.evidence),
        "field_hash": found.field_hash,
        "layers": {"version": found.layers_version, "same_as_loaded": found.same_layers},
        "sources": [_source_json(line) for line in found.sources],
        "warned_villages": found.villages,
        "village": {
            **asdict(found.village),
            "people_by_level": dict(found.village.people_by_level),
            "evidence": found.local,
        },
        "decision": {
            **asdict(found.decision),
            "raised_at": stamped(found.decision.raised_at),
            "falls_not_before": stamped(found.decision.falls_not_before),
            "runs": [{"of": stamped(when), "holds": n} for when, n in found.decision.runs],
        },
        "relations": list(found.relations),
        "rounding": ROUNDING,
        "notes": list(found.notes),
    }


def _source_json(line: SourceLine) -> dict[str, Any]:
    age = None if line.age_minutes is None else round(line.age_minutes, 1)
    return {
        **asdict(line),
        "received_at": stamped(line.received_at),
        "document_time": stamped(line.document_time),
        "age_minutes": age,
    }


def as_text(found: Explanation) -> str:
    """For a duty officer: the village first, then what it rests on."""
    return "\n".join(
        [*_head(found), *_village(found), *_level(found), *_ground(found), *_sources(found)]
    )


def _head(found: Explanation) -> list[str]:
    body = found.version.body
    return [
        f"{found.version.warning_id} version {found.version.version} ({found.version.state}, "
        f"{body.status}): {body.title}",
        f"  {words.level_word(body.level)}, {words.number(found.villages)} villages warned; "
        f"event {body.event_id}",
        *(f"  note: {note}" for note in found.notes),
    ]


def _village(found: Explanation) -> list[str]:
    one = found.village
    counts = ", ".join(
        f"{words.number(people)} in {_level_name(name)}"
        for name, people in one.people_by_level.items()
        if people
    )
    decided = "" if one.value is None else f", value {one.value:.2f}"
    lines = [
        "",
        f"Village {one.adm4_code} {one.name}: {words.level_word(one.level)} by rule {one.rule}"
        f"{decided}",
        f"  people {words.number(one.people)}: {counts or 'none'}; known for "
        f"{one.known_fraction:.0%}; data {one.data_quality}",
    ]
    if found.local:
        here = ", ".join(f"{key} {value}" for key, value in found.local.items())
        lines.append(f"  in its cells: {here}")
    if one.cells:
        lines += _cells(found)
    if one.zones:
        lines += [
            f"  zone {z.zone}: level {z.level}, {z.share_of_area:.1%} of the village's area"
            + (f", names {z.named_districts}" if z.named_districts else "")
            for z in one.zones
        ]
    return lines


def _level(found: Explanation) -> list[str]:
    """How the level was decided, and when it may fall."""
    one = found.decision
    lines = ["", f"Level {one.stands_at} ({words.level_word(one.stands_at)}) in the warning"]
    lines += [f"  {line}" for line in _steps(one.evidence)]
    lines.append(f"  by {one.source}, {_age(one)}; figures: {one.author}")
    if one.raised_at is not None:
        lines.append(f"  since {stamped(one.raised_at)}; {_fall(one)}")
    size = one.size
    lines.append(
        f"  event of class {size.event_class}: {words.number(size.exposed_people)} people warned, "
        f"{words.number(size.grave_people)} of them gravely ({size.shift:+d}); a village's level "
        "does not depend on it"
    )
    return lines + [
        f"  {row['event_id']} {row['relation']} {row['other_id']}: {row['reason']}"
        for row in found.relations
    ]


def _steps(row: Mapping[str, Any]) -> list[str]:
    if not row:
        return ["the newest knowledge does not touch it: held from before"]
    value = _figures(row["value"], row["threshold"])
    chance = "not known" if row["probability"] is None else f"{row['probability']:.2f}"
    rank = "not known" if row["vulnerability"] is None else f"{row['vulnerability']:.2f}"
    ratio = "none" if row["cost_loss"] is None else f"{row['cost_loss']:g}"
    return [
        f"hazard level {row['hazard_level']}{value}; vulnerability {rank} "
        f"({row['vulnerability_shift']:+d}) -> impact {row['impact_class']}",
        f"probability {chance} -> likelihood {row['likelihood']}; matrix gives "
        f"{row['matrix_level']}; cost-loss {ratio}; floor {row['floor'] or 'none'}",
        f"this run gives {row['level']}, decided by {row['decided_by']}; it would hold "
        f"{'?' if row['hold_level'] < 0 else row['hold_level']}; "
        f"{words.number(row['uncovered_people'])} people without help in 60 minutes",
    ]


def _figures(value: float | None, threshold: float | None) -> str:
    if value is None:
        return ""
    edge = "" if threshold is None else f", threshold {threshold:.2f}"
    return f" (value {value:.2f}{edge})"


def _age(one: LevelAccount) -> str:
    if one.age_minutes < 0:
        return "knowledge newer than the version"
    return f"knowledge {one.age_minutes:g} min old then"


def _fall(one: LevelAccount) -> str:
    if one.falls_not_before is None:
        return "no run lowers it"
    held = ", ".join(f"{stamped(when)} {'?' if level < 0 else level}" for when, level in one.runs)
    return (
        f"falls not before {stamped(one.falls_not_before)} and {one.runs_needed} runs that hold "
        f"less; seen: {held or 'none'}"
    )


def _level_name(column: str) -> str:
    word = column.removeprefix("people_")
    return "not known" if word == "unknown" else f"level {word}"


def _tenths(people: float) -> str:
    """`1.352,9`: grouped like the whole numbers beside it."""
    return f"{people:,.1f}".translate(str.maketrans(",.", ".,"))


def _cells(found: Explanation) -> list[str]:
    cells = found.village.cells
    rows = [
        (
            f"{cell.latitude:.2f}",
            f"{cell.longitude:.2f}",
            _tenths(cell.people),
            "?" if cell.level < 0 else str(cell.level),
            "" if cell.value is None else f"{cell.value:.2f}",
        )
        for cell in cells[:CELLS_SHOWN]
    ]
    head = ("latitude", "longitude", "people", "level", "value")
    body = table(head, rows, right=(0, 1, 2, 3, 4)).splitlines()
    more = len(cells) - CELLS_SHOWN
    counted = "the same people as stored" if found.village.agrees else "OTHER people than stored"
    return [
        *(f"    {line}" for line in body),
        *([f"    and {more} more cells (--json has them all)"] if more > 0 else []),
        f"  counted again from these cells: {counted}",
    ]


def _ground(found: Explanation) -> list[str]:
    from risk.explain import ROUNDING

    same = "the set that is loaded" if found.same_layers else "NOT the set that is loaded"
    evidence = [f"  {key}: {value}" for key, value in found.version.body.evidence.items()]
    return [
        "",
        f"Method {found.event.method}, quality {found.event.quality}; "
        f"field {found.field_hash[:16]}",
        f"Layers {found.layers_version} ({same})",
        f"Rounding: {ROUNDING}",
        *(["Evidence:", *evidence] if evidence else []),
    ]


def _sources(found: Explanation) -> list[str]:
    lines = ["", "Sources:"]
    for one in found.sources:
        age = "age not known" if one.age_minutes is None else f"{one.age_minutes:.0f} min old then"
        kept = "in the archive" if one.kept else "NO LONGER in the archive"
        lines.append(
            f"  {one.source_id} {one.sha256[:16]}: document of {plain_time(one.document_time)}, "
            f"received {plain_time(one.received_at)}, {age}, {kept}"
        )
    return lines


def village_map(found: Explanation, layers: LayerSet) -> str:
    """An SVG of the village's outline over its cells, coloured by level, with a caption."""
    one = found.village
    codes = layers.villages["adm4_code"].to_numpy()
    village = layers.geometry[int((codes == one.adm4_code).argmax())]
    place = _Placing(village, layers.operator.grid.step)
    cells = "".join(place.cell(cell.longitude, cell.latitude, cell.level) for cell in one.cells)
    caption = escape(f"{one.name} ({one.adm4_code}): {words.level_word(one.level)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE + 40}" role="img" '
        f'aria-label="{caption}"><title>{caption}</title>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{cells}'
        f'<path d="{place.outline(village)}" fill="none" stroke="#1b1b1b" stroke-width="2"/>'
        f'<text x="{_MARGIN}" y="{_SIZE + 16}" font-family="sans-serif" font-size="16">'
        f"{caption}</text>"
        f'<text x="{_MARGIN}" y="{_SIZE + 34}" font-family="sans-serif" font-size="12">'
        f"{escape(words.number(one.people))} people; grey: not known. Sumber: BMKG</text></svg>\n"
    )


class _Placing:
    """Degrees to pixels, north up, the village's box with a cell around it in view."""

    def __init__(self, village: Any, step: float) -> None:
        west, south, east, north = shapely.bounds(village)
        self.step = step
        self.squeeze = math.cos(math.radians((south + north) / 2))
        self.west, self.north = west - step, north + step
        width, height = (east - west + 2 * step) * self.squeeze, north - south + 2 * step
        self.scale = (_SIZE - 2 * _MARGIN) / max(width, height)

    def xy(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = _MARGIN + (longitude - self.west) * self.squeeze * self.scale
        return x, _MARGIN + (self.north - latitude) * self.scale

    def cell(self, longitude: float, latitude: float, level: int) -> str:
        x, y = self.xy(longitude - self.step / 2, latitude + self.step / 2)
        width, height = self.step * self.squeeze * self.scale, self.step * self.scale
        return (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{_COLOURS[level]}" stroke="#bdbdbd" stroke-width="0.5"/>'
        )

    def outline(self, village: Any) -> str:
        paths = []
        for ring in shapely.get_rings(shapely.get_parts(village)):
            points = [self.xy(x, y) for x, y in shapely.get_coordinates(ring)]
            paths.append("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z")
        return "".join(paths)
