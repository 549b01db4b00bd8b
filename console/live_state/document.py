"""From a situation to the JSON of `state.json`. The fields are in docs/command-centre-data.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kentongan.times import iso
from kentongan.view import FeedLine, UnknownArea
from orchestration.live_map.heard import ReportDot
from orchestration.live_map.held import Held
from orchestration.live_map.helpers import TaskDot, assigned, busy_teams
from orchestration.live_map.moment import Kind
from orchestration.live_map.situation import Areas, QuakeDot, Situation
from orchestration.live_map.villages import HAZARDS, Coloured, rolled_up, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from risk.layers.layerset import LayerSet

Covers = Callable[[str], bool]
"""Whether an area is the reader's."""

MOST_SHELTERS = 4_000
"""Places that are shown, those with people first: a map of the nation cannot show 17,000."""
TITLE_CHARS = 200
NAME_CHARS = 80
_DIGITS = 4
"""Of degrees: 11 m."""

Document = dict[str, Any]


AREAS = ("villages", "districts", "regencies", "provinces")


def colours(areas: Areas) -> Document:
    """Levels of areas, the same for every reader."""
    villages = areas.villages
    return {
        "villages": _by_code(villages, short=True),
        "districts": _by_code(rolled_up(villages, 8)),
        "regencies": _by_code(rolled_up(villages, 5)),
        "provinces": _by_code(rolled_up(villages, 2)),
    }


def shared(found: Situation, mode: str, note: str) -> Document:
    """What else every reader gets, apart from `at`."""
    villages = found.areas.villages
    people = dict(zip(villages.codes, villages.people.tolist(), strict=True))
    return {
        "live": found.moment.live,
        "kind": str(found.moment.kind),
        "mode": mode,
        "hazards": list(HAZARDS),
        "elsewhere": found.elsewhere,
        "warnings": [_warning(one, people) for one in found.held],
        "unknown_areas": [_unknown(area) for area in found.unknown_areas],
        "quakes": [_quake(quake) for quake in found.quakes],
        "feeds": [_feed(line) for line in found.feeds],
        "layers_note": note,
        "forecast": _forecast(found),
    }


def _by_code(areas: Coloured, *, short: bool = False) -> dict[str, Sequence[int]]:
    rows = areas.rows()
    return dict(zip(areas.codes, [row[:6] for row in rows] if short else rows, strict=True))


def _warning(held: Held, people: dict[str, int]) -> Document:
    content = held.content
    return {
        "warning_id": held.warning_id,
        "version": held.version,
        "event_id": content.event_id,
        "hazard": content.hazard_id,
        "level": content.level,
        "state": held.state,
        "status": content.status,
        "title": content.title[:TITLE_CHARS],
        "sent": held.sent or None,
        "expires": iso(content.expires),
        "people": sum(n for n in map(people.__getitem__, content.codes) if n > 0),
        "exposed": content.exposed_people,
        "uncovered": content.uncovered_people,
        "villages": len(content.codes),
        "url": f"/centre/events/{content.event_id}",
    }


def _unknown(area: UnknownArea) -> Document:
    return {
        "province_code": area.province_code,
        "province": area.province[:NAME_CHARS],
        "title": area.title[:TITLE_CHARS],
        "until": iso(area.until) if area.until else None,
    }


def _quake(quake: QuakeDot) -> Document:
    return {
        "event_id": quake.event_id,
        "lon": round(quake.longitude, _DIGITS),
        "lat": round(quake.latitude, _DIGITS),
        "magnitude": quake.magnitude,
        "depth": quake.depth_km,
        "at": iso(quake.at),
    }


def _feed(line: FeedLine) -> Document:
    return {
        "source_id": line.source_id,
        "title": line.title,
        "state": line.state,
        "newest": iso(line.newest) if line.newest else None,
        "blind_since": iso(line.blind_since) if line.blind_since else None,
        "tier": line.tier,
    }


def _forecast(found: Situation) -> Document | None:
    """What the levels ahead rest on."""
    if found.moment.kind is not Kind.FORECAST:
        return None
    rain = found.rain
    leads = rain.leads_at(found.moment.at) if rain else None
    return {
        "made": iso(found.moment.now),
        "rain_issued": iso(rain.issued) if rain else None,
        "rain_leads_min": list(leads) if leads else None,
        "rain_known": leads is not None,
    }


# --- what depends on the reader's area ----------------------------------------------------


def scoped(found: Situation, layers: LayerSet, covers: Covers) -> Document:
    """Tasks, teams and reports of the reader's areas, and shelters with who is brought there."""
    tasks = [task for task in found.tasks if covers(task.adm4_code)]
    reports = [report for report in found.reports if covers(report.adm4_code)]
    codes = [*(task.adm4_code for task in tasks), *(report.adm4_code for report in reports)]
    places = _Places(layers, codes)
    busy = busy_teams(found.tasks)
    near = found.areas.teams
    teams = near[[covers(code) for code in near["adm4_code"].tolist()]]
    shelters = _shelters(found.areas.shelters, assigned(tasks))
    return {
        "teams": [_team(row, busy) for row in teams.to_dict("records")],
        "shelters": shelters[:MOST_SHELTERS],
        "shelters_left_out": max(0, len(shelters) - MOST_SHELTERS),
        "tasks": [_task(task, places) for task in tasks],
        "reports": [_report(report, places) for report in reports],
    }


class _Places:
    """Points of villages."""

    def __init__(self, layers: LayerSet, codes: Iterable[str]) -> None:
        wanted = sorted(set(codes))
        rows = rows_of(wanted, layers)
        points = layers.villages[["longitude", "latitude"]].to_numpy()[rows].round(_DIGITS)
        self._at = {
            code: (point[0], point[1])
            for code, row, point in zip(wanted, rows, points.tolist(), strict=True)
            if row >= 0
        }

    def __call__(self, code: str) -> tuple[float | None, float | None]:
        """None, None where the layer set no longer has it."""
        return self._at.get(code, (None, None))


def _team(row: dict[Any, Any], busy: set[str]) -> list[Any]:
    return [
        round(row["longitude"], _DIGITS), round(row["latitude"], _DIGITS), row["team_id"],
        str(row["name"])[:NAME_CHARS], _whole(row["members"]), bool(row["on_duty"]),
        row["team_id"] in busy,
    ]  # fmt: skip


def _shelters(table: pd.DataFrame, people: dict[str, int]) -> list[list[Any]]:
    rows = [
        [
            round(row["longitude"], _DIGITS), round(row["latitude"], _DIGITS), row["shelter_id"],
            str(row["name"])[:NAME_CHARS], _whole(row["capacity"]),
            people.get(row["shelter_id"], 0),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[5], row[2]))


def _whole(value: object) -> int | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return int(value)  # type: ignore[call-overload,no-any-return]


def _task(task: TaskDot, places: Callable[[str], tuple[float | None, float | None]]) -> Document:
    lon, lat = places(task.adm4_code)
    return {
        "task_id": task.task_id,
        "warning_id": task.warning_id,
        "adm4": task.adm4_code,
        "lon": lon,
        "lat": lat,
        "kind": task.kind,
        "state": task.state,
        "level": task.level,
        "people": task.people,
        "unmet": task.unmet,
        "coordinator": task.coordinator_id,
        "escalation": task.escalation,
        "url": f"/centre/tasks/{task.task_id}",
    }


def _report(
    report: ReportDot, places: Callable[[str], tuple[float | None, float | None]]
) -> Document:
    lon, lat = places(report.adm4_code)
    return {
        "case_id": report.case_id,
        "adm4": report.adm4_code,
        "lon": lon,
        "lat": lat,
        "kind": report.kind,
        "state": report.state,
        "urgency": report.urgency,
        "at": report.opened_at,
        "count": report.count,
        "url": f"/centre/inbox/{report.case_id}",
    }
