"""The document of one cycle: what `kentongan run --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kentongan.contacts import contacts
from kentongan.times import iso
from kentongan.view import TaskLine, UnknownArea
from orchestration.context import CycleContext
from orchestration.event_store import StoredEvent, recent, unresolved_of, write_impacts
from orchestration.rain.fusion import comparison_of
from orchestration.rain.ground import not_assessed
from orchestration.secondary import watches
from orchestration.view import task_lines, unknown_area_lines

if TYPE_CHECKING:
    from kentongan.hazard import HazardEvent
    from notify.listing import Listed
    from notify.warning import AreaGroup

LOOK_BACK = timedelta(hours=24)
"""Ended warnings stay in the document for a day: an officer must see that they ended."""


def cycle_document(
    context: CycleContext,
    at: datetime,
    *,
    polls: Sequence[Mapping[str, Any]],
    done: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> dict[str, Any]:
    """JSON values only; lists in a fixed order, so the same run gives the same bytes."""
    from notify.listing import recent_warnings

    events = recent(context.engine, at - LOOK_BACK)
    warnings = recent_warnings(context.engine, at - LOOK_BACK)
    tasks = task_lines(context, [w.version.warning_id for w in warnings])
    return {
        "at": iso(at),
        "mode": str(context.settings.mode),
        "live": context.live,
        "re_creation": context.re_creation,
        "layers": context.layers.version,
        "feeds": [dict(p) for p in polls],
        "unknown_areas": [_unknown(a) for a in unknown_area_lines(context, at)],
        "not_assessed": not_assessed(context, at),
        "watches": [
            {"event_id": stored.event.event_id, "until": iso(watch.until), "words": watch.words}
            for stored, watch in watches(context, at)
        ],
        "events": [_event(context, e) for e in events],
        "warnings": [_warning(context, w) for w in warnings],
        "refused": _refused(done),
        "troubles": [*_machine_troubles(polls), *done["troubles"]],
        "tasks": [_task(t) for t in tasks],
        "messages": done["messages"],
        "outputs": {**outputs, "impacts": write_impacts(context.runs, at, events)},
    }


def _machine_troubles(polls: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Disks and databases that could not keep what a feed gave."""
    return [
        {"what": f"poll of {poll['source_id']}", "detail": poll["trouble"]}
        for poll in polls
        if poll["trouble"]
    ]


def _refused(done: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a rule kept from becoming a warning or an alert."""
    return [
        dict(entry)
        for part in ("drafts", "released")
        for entry in done[part]
        if entry.get("refused")
    ]


def _unknown(area: UnknownArea) -> dict[str, Any]:
    return {
        "province_code": area.province_code,
        "province": area.province,
        "title": area.title,
        "until": iso(area.until) if area.until else None,
        "detail": "warned by BMKG, area unknown",
    }


def _event(context: CycleContext, stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    return {
        "event_id": event.event_id,
        "hazard_id": str(event.hazard_id),
        "title": event.title,
        "level": int(event.level),
        "state": stored.state,
        "valid_from": iso(event.valid_from),
        "valid_to": iso(event.valid_to),
        "quality": str(event.quality),
        "linked_event_id": event.linked_event_id,
        "beside_nowcast": _beside(event),
        "observations": list(event.observations),
        "unresolved": unresolved_of(context.runs, stored),
        "impact": context.runs.uri(stored.impact_path),
    }


def _beside(event: HazardEvent) -> dict[str, Any] | None:
    """How an estimate of ours compares with BMKG's nowcast; None for all other events."""
    found = comparison_of(event)
    if found is None:
        return None
    return {
        "both": found.both,
        "ours_alone": found.ours_alone,
        "bmkg_alone": found.bmkg_alone,
        "bmkg_seen": found.seen,
        "words": found.words,
    }


def _warning(context: CycleContext, listed: Listed) -> dict[str, Any]:
    version, body, alert = listed.version, listed.version.body, listed.alert
    return {
        "warning_id": version.warning_id,
        "version": version.version,
        "event_id": body.event_id,
        "hazard_id": str(body.hazard_id),
        "msg_type": body.msg_type,
        "status": body.status,
        "level": body.level,
        "state": version.state,
        "action": body.action,
        "title": body.title,
        "reason": body.reason,
        "adm4_codes": sorted(body.levels),
        "levels": dict(sorted(body.levels.items())),
        "exposed_people": body.exposed_people,
        "uncovered_people": body.uncovered_people,
        "sent": iso(datetime.fromisoformat(alert.sent)) if alert else None,
        "expires": iso(body.expires),
        "unresolved": list(body.unresolved),
        "gaps": [_gap(group) for group in body.groups if group.gap],
        "cap": context.runs.uri(alert.path) if alert else None,
    }


def _gap(group: AreaGroup) -> dict[str, Any]:
    """People of a regency whom no team reaches, who is told, and the words for its BPBD."""
    return {
        "adm2_code": group.adm2_code,
        "level": group.level,
        "uncovered_people": group.uncovered_people,
        "neighbours": list(group.neighbours),
        "bpbd": group.bpbd,
        "bpbd_contact": contacts().bpbd.get(group.adm2_code),
    }


def _task(task: TaskLine) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "warning_id": task.warning_id,
        "kind": task.kind,
        "level": task.level,
        "adm4_code": task.adm4_code,
        "people": task.people,
        "unmet_people": task.unmet_people,
        "team_id": task.team_id,
        "shelter_id": task.shelter_id,
        "coordinator_id": task.coordinator_id,
        "eta_min": task.eta_min,
        "state": task.state,
        "after": task.after,
    }
