"""Everything about one warning that a person needs before they say yes: what would go out, where,
to how many, why, and what is still missing."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from console.dispatch_plan import channel_lines, plan_document
from console.report import plain_time
from console.words import level_word, number
from kentongan.db import releases
from kentongan.sop import ROLE_NAMES, Phase, Sop, Step
from kentongan.times import iso, parse_instant
from notify import versions
from notify.cap.rules import check
from notify.dispatcher.config import Routes
from notify.life import PENDING
from notify.release.binding import DIGITS, Bound
from notify.release.desk import Desk
from notify.release.review import open_reviews
from notify.release.waiting import waiting
from notify.release.words import words_of
from notify.reports.evidence import Evidence, evidence
from notify.sop import Asked, checklist
from notify.versions import Version

SMS = "sms"
NO_ROUTES = Routes(None)


def dossier(
    connection: Connection,
    desk: Desk,
    sop: Sop,
    warning_id: str,
    at: datetime,
    *,
    routes: Routes = NO_ROUTES,
) -> dict[str, Any]:
    """Of the newest version; empty where there is none.

    Args:
        routes: over which it would be sent, for what it costs and how long it takes.
    """
    version = versions.newest(connection, warning_id)
    if version is None:
        return {}
    pending = version.state in PENDING
    return {
        "version": version.version,
        "state": version.state,
        **_counts(version),
        "evidence": dict(version.body.evidence),
        "method": version.body.method,
        "observations": list(version.body.observations),
        "unresolved": list(version.body.unresolved),
        "areas": _areas(version),
        "said": _said(connection, version),
        "release": _release(connection, version),
        "review": _review(connection, warning_id),
        "reports": asdict(evidence(connection, warning_id, at)),
        "sop": sop_lines(connection, sop, version, at),
        "would_send": _would_send(connection, desk, version, at, routes) if pending else None,
        "waits_for": _waits_for(connection, desk, version, at) if pending else None,
    }


def _counts(version: Version) -> dict[str, Any]:
    body = version.body
    return {
        "villages": len(body.levels or body.told),
        "exposed_people": body.exposed_people,
        "uncovered_people": body.uncovered_people,
    }


def _areas(version: Version) -> list[dict[str, Any]]:
    return [
        {
            "regency": group.adm2_name,
            "level": group.level,
            "villages": len(group.codes),
            "districts": list(group.districts),
            "whole_regency": group.whole_regency,
            "sms": group.sms,
            "push": f"{group.push_title}: {group.push_body}" if group.push_body else "",
            "coordinators": group.readiness,
        }
        for group in version.body.groups
    ]


def _said(connection: Connection, version: Version) -> list[dict[str, Any]]:
    return [
        {"actor": w.actor, "kind": w.kind, "at": iso(w.at), "binding": w.binding or "",
         "reason": w.reason}
        for w in words_of(connection, version).said
    ]  # fmt: skip


def _release(connection: Connection, version: Version) -> dict[str, Any] | None:
    row = connection.execute(
        select(releases).where(
            releases.c.warning_id == version.warning_id, releases.c.version == version.version
        )
    ).first()
    return dict(row._mapping) if row else None


def _review(connection: Connection, warning_id: str) -> list[dict[str, Any]]:
    return [
        {"version": one.version, "by": one.by, "reason": one.reason, "due": iso(one.due)}
        for one in open_reviews(connection)
        if one.warning_id == warning_id
    ]


def _would_send(
    connection: Connection, desk: Desk, version: Version, at: datetime, routes: Routes
) -> dict[str, Any]:
    bound = desk.bind(connection, version, at)
    return {
        "binding": bound.binding.digest,
        "recipients": bound.binding.recipients,
        "messages": dict(bound.binding.messages),
        "cost_rupiah": _cost(desk, bound),
        "channels": [] if version.body.is_end else plan_document(connection, bound, routes),
        "minutes_left": (version.body.expires - at).total_seconds() / 60,
        "cap_findings": [
            {"rule": f.rule, "severity": str(f.severity), "line": f.line, "message": f.message}
            for f in check(bound.cap)
        ],
    }


def _cost(desk: Desk, bound: Bound) -> float | None:
    price = desk.policy.price_per_sms_rupiah
    return None if price is None else price * bound.binding.count(SMS)


def _waits_for(
    connection: Connection, desk: Desk, version: Version, at: datetime
) -> dict[str, Any] | None:
    for line in waiting(connection, desk, at):
        if (line.warning_id, line.version) == (version.warning_id, version.version):
            return {
                "waits_for": line.waits_for,
                "people": list(line.people),
                "until": iso(line.until),
                "held": line.held,
            }
    return None


def sop_lines(connection: Connection, sop: Sop, version: Version, at: datetime) -> list[str]:
    """What is asked for, with its ticks; before the first release what would be."""
    level = max(version.body.level, version.body.previous_level)
    if versions.newest_released(connection, version.warning_id) is None:
        steps = sop.steps(version.body.hazard_id, level, Phase.ALERT)
        return [_step_line("after release", step) for step in steps]
    asked = checklist(connection.engine, sop, version.warning_id, at)
    return [_step_line(_tick_word(one, at), one.step) for one in asked]


def _step_line(word: str, step: Step) -> str:
    return f"{word}: {ROLE_NAMES[step.role]}, {step.within_minutes} menit: {step.text}"


def _tick_word(one: Asked, at: datetime) -> str:
    if one.tick is not None:
        return f"done {plain_time(one.tick.at)} by {one.tick.actor}"
    if one.lapsed:
        return "lapsed"
    return f"{'OVERDUE since' if one.is_overdue(at) else 'until'} {plain_time(one.due)}"


def dossier_lines(found: dict[str, Any], warning_id: str) -> list[str]:
    """The same for a terminal."""
    villages, exposed = number(found["villages"]), number(found["exposed_people"])
    lines = [
        f"  {villages} villages, {exposed} people exposed, "
        f"{number(found['uncovered_people'])} of them out of reach of any team",
        f"  method {found['method']}; " + _pairs(found["evidence"]),
    ]
    if found["unresolved"]:
        lines.append("  not found on the map: " + "; ".join(found["unresolved"]))
    for area in found["areas"]:
        lines += _area_lines(area)
    lines.append(f"  {Evidence(**found['reports']).line}")
    lines += [f"  SOP {step}" for step in found["sop"]]
    lines += [_word_line(word) for word in found["said"]]
    lines += [
        f"  version {one['version']} was released by {one['by']} alone ({one['reason']}): "
        f"review it until {one['due']}: kentongan warning review {warning_id} --as NAME"
        for one in found["review"]
    ]
    return lines + _sending_lines(found, warning_id)


def _pairs(evidence: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(evidence.items()))


def _area_lines(area: dict[str, Any]) -> list[str]:
    where = "all of it" if area["whole_regency"] else ", ".join(area["districts"])
    head = f"  {area['regency']}, {level_word(area['level'])}, {area['villages']} villages: {where}"
    texts = (("SMS", area["sms"]), ("push", area["push"]), ("coordinator", area["coordinators"]))
    return [head, *(f"    {name}: {text}" for name, text in texts if text)]


def _word_line(word: dict[str, Any]) -> str:
    bound = f" of {word['binding'][:DIGITS]}" if word["binding"] else ""
    reason = f": {word['reason']}" if word["reason"] else ""
    return f"  {word['at']} {word['kind']}{bound} by {word['actor']}{reason}"


def _sending_lines(found: dict[str, Any], warning_id: str) -> list[str]:
    sending, missing = found["would_send"], found["waits_for"]
    if sending is None:
        return _release_lines(found["release"])
    counts = ", ".join(f"{number(n)} {name}" for name, n in sorted(sending["messages"].items()))
    lines = [f"  would tell {number(sending['recipients'])}: {counts or 'no message'}"]
    if sending["cost_rupiah"] is not None:
        lines.append(f"  cost about Rp{number(sending['cost_rupiah'])}")
    if any(one["routes"] for one in sending["channels"]):
        lines += [
            f"  {line}" for line in channel_lines(sending["channels"], sending["minutes_left"])
        ]
    lines += _cap_lines(sending["cap_findings"])
    lines.append(f"  binding {sending['binding']}")
    if missing is None:
        return [*lines, "  goes out by itself with the next cycle"]
    held = f" (held back: {missing['held']})" if missing["held"] else ""
    until = plain_time(parse_instant(missing["until"]))
    return [
        *lines,
        f"  waits for {missing['waits_for']} until {until}{held}",
        f"  kentongan warning approve {warning_id} --content {sending['binding'][:DIGITS]} "
        "--as NAME --code 123456",
    ]


def _cap_lines(findings: list[dict[str, Any]]) -> list[str]:
    if not findings:
        return ["  CAP: no finding"]
    return [f"  CAP {f['severity']} {f['rule']} line {f['line']}: {f['message']}" for f in findings]


def _release_lines(release: dict[str, Any] | None) -> list[str]:
    if release is None:
        return []
    review = f", review by {release['review_by']}" if release["review_by"] else ""
    return [
        f"  released {release['at']} by {release['how']}{review}: {number(release['recipients'])} "
        f"told, {number(release['messages'])} messages, binding {release['binding'][:DIGITS]}"
    ]
