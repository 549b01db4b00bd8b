"""Cases and reports for people: numbers masked, texts as they may be shown, bounded."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, or_, select

from kentongan.db import case_steps, cases, inbound, reports, reputation
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, blind, unseal
from notify.firewall.answers import sealed_for
from notify.inbox.store import precise
from notify.registry.numbers import masked
from notify.reports.cases import ALIVE, OPEN, case_of
from notify.reports.kinds import NOISE
from notify.reports.place import Gazette
from notify.reports.routing import Routing
from notify.tasks.listing import safe_cell

STATES = ("open", "taken", "closed", "overdue", "noise")
_NUMBER = re.compile(r"\+?\d(?:[\s().-]?\d){8,}")
_SHOWN_REPORTS = 100
_COLUMNS = (
    "case_id", "urgency", "category", "unit", "place", "state", "opened_at", "due_at", "late",
    "handover", "reports", "prank", "warning_id", "stance", "taken_by", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseLine:
    case_id: str
    urgency: int
    category: str
    unit: str
    place: str
    """Empty: not known."""
    state: str
    opened_at: str
    due_at: str
    late: bool
    """Nobody took it in time."""
    handover: bool
    """Another agency's: somebody has to call 112/BPBD."""
    reports: int
    prank: float
    """The lowest score among its reports: one believable report is enough."""
    warning_id: str
    stance: str
    taken_by: str
    text: str
    """Of its first report, numbers masked."""


def case_lines(
    connection: Connection, gazette: Gazette, rules: Routing, at: datetime, *,
    state: str | None = None, unit: str | None = None, limit: int = 50,
    within: Sequence[str] = (),
) -> list[CaseLine]:  # fmt: skip
    """The most urgent first, then the oldest.

    Args:
        state: open, taken, closed or overdue; None: open and taken.
        within: prefixes of area codes; a case whose place is not known stays, it may lie there.
    """
    query = _query(state, unit, at)
    if within:
        inside = [cases.c.adm4_code.startswith(code, autoescape=True) for code in within]
        query = query.where(or_(cases.c.adm4_code.is_(None), *inside))
    rows = list(connection.execute(query.limit(limit)).mappings())
    first = _of_first(connection, [row["case_id"] for row in rows])
    return [_line(row, first.get(row["case_id"]), gazette, rules, at) for row in rows]


def _query(state: str | None, unit: str | None, at: datetime) -> Select[Any]:
    query = select(cases).order_by(cases.c.urgency.desc(), cases.c.opened_at, cases.c.case_id)
    if state == "overdue":
        query = query.where(cases.c.state == OPEN, cases.c.due_at < precise(at))
    elif state is None:
        query = query.where(cases.c.state.in_(ALIVE))
    else:
        query = query.where(cases.c.state == state)
    return query if unit is None else query.where(cases.c.unit == unit)


def _of_first(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, float, str]]:
    """Case -> reports, lowest prank score, text of the first."""
    sums = (
        select(reports.c.case_id, func.count(), func.min(reports.c.prank),
               func.min(reports.c.received_at))
        .where(reports.c.case_id.in_(list(ids)))
        .group_by(reports.c.case_id)
    )  # fmt: skip
    found: dict[str, tuple[int, float, str]] = {}
    for case_id, count, prank, first in connection.execute(sums).all():
        text = select(reports.c.text).where(
            reports.c.case_id == case_id, reports.c.received_at == first
        )
        said = connection.execute(text.order_by(reports.c.report_id).limit(1)).scalar() or ""
        found[case_id] = (count, prank, said)
    return found


def _line(
    row: RowMapping, first: tuple[int, float, str] | None, gazette: Gazette, rules: Routing,
    at: datetime,
) -> CaseLine:  # fmt: skip
    count, prank, text = first or (0, 0.0, "")
    unit = rules.by_code(row["unit"])
    place = gazette.place(row["adm4_code"]) if row["adm4_code"] else None
    return CaseLine(
        case_id=row["case_id"], urgency=row["urgency"], category=row["category"],
        unit=unit.short if unit else row["unit"],
        place=place.short if place else (row["adm4_code"] or ""), state=row["state"],
        opened_at=row["opened_at"], due_at=row["due_at"],
        late=row["state"] == OPEN and row["due_at"] < precise(at),
        handover=bool(unit and unit.handover) or row["urgency"] == 3, reports=count, prank=prank,
        warning_id=row["warning_id"] or "", stance=row["stance"], taken_by=row["taken_by"] or "",
        text=hidden(text),
    )  # fmt: skip


def counts(connection: Connection, at: datetime) -> dict[str, int]:
    """State -> cases; `overdue` and the reports that opened none beside them."""
    found = {
        row[0]: row[1]
        for row in connection.execute(select(cases.c.state, func.count()).group_by(cases.c.state))
    }
    late = select(func.count()).where(cases.c.state == OPEN, cases.c.due_at < precise(at))
    noise = select(func.count()).where(reports.c.state == NOISE)
    return {
        **{state: found.get(state, 0) for state in STATES[:3]},
        "overdue": int(connection.execute(late).scalar_one()),
        "noise": int(connection.execute(noise).scalar_one()),
    }


def noise(connection: Connection, *, limit: int = 50) -> list[dict[str, Any]]:
    """Reports that opened no case, the newest first: somebody may look whether that was right."""
    query = select(reports).where(reports.c.state == NOISE)
    query = query.order_by(reports.c.received_at.desc()).limit(limit)
    return [_report(row, "") for row in connection.execute(query).mappings()]


def document(
    connection: Connection, keys: Keys, gazette: Gazette, rules: Routing, case_id: str,
    at: datetime,
) -> dict[str, Any]:  # fmt: skip
    """Everything about one case.

    Raises:
        RuleViolation: no such case.
    """
    row = case_of(connection, case_id)
    line = _line(row, _of_first(connection, [case_id]).get(case_id), gazette, rules, at)
    steps = select(case_steps).where(case_steps.c.case_id == case_id).order_by(case_steps.c.id)
    told = (
        select(reports)
        .where(reports.c.case_id == case_id)
        .order_by(reports.c.received_at, reports.c.report_id)
        .limit(_SHOWN_REPORTS)
    )
    return {
        **asdict(line),
        "closed_at": row["closed_at"],
        "outcome": row["outcome"],
        "steps": [
            {name: step[name] for name in ("at", "actor", "act", "note")}
            for step in connection.execute(steps.limit(1_000)).mappings()
        ],
        "told": [
            _report(r, sender(connection, keys, r["inbound_id"]))
            for r in connection.execute(told).mappings().all()
        ],
    }


def _report(row: RowMapping, number: str) -> dict[str, Any]:
    kept = ("report_id", "via", "received_at", "language", "category", "urgency", "prank",
            "adm4_code", "place_text", "state", "reasons")  # fmt: skip
    return {
        **{name: row[name] for name in kept},
        "from": number,
        "text": hidden(row["text"]),
        "place_text": hidden(row["place_text"]),
    }


def sender(connection: Connection, keys: Keys, inbound_id: int | None) -> str:
    """`62812****890`; empty where nobody gave a number."""
    row = connection.execute(select(inbound).where(inbound.c.id == inbound_id)).first()
    if row is None:
        return ""
    try:
        owner = sealed_for(row.route, row.provider_key)
        number = unseal(keys, row.sender_sealed, owner=owner)
    except RuleViolation:
        return "(does not open)"
    return masked(number) if any(c.isdigit() for c in number) else ""


def of_caller(
    connection: Connection, keys: Keys, gazette: Gazette, rules: Routing, number: str,
    at: datetime,
) -> dict[str, Any]:  # fmt: skip
    """What is known of a number: for the operator who has it on the line."""
    caller = blind(keys, number)
    known = select(reputation).where(reputation.c.caller_blind == caller)
    row = connection.execute(known).mappings().first()
    mine = select(reports.c.case_id).where(reports.c.caller_blind == caller)
    query = select(cases).where(cases.c.case_id.in_(mine), cases.c.state.in_(ALIVE))
    rows = list(connection.execute(query.order_by(cases.c.opened_at.desc()).limit(5)).mappings())
    first = _of_first(connection, [r["case_id"] for r in rows])
    return {
        "reports": row["reports"] if row else 0,
        "useful": row["useful"] if row else 0,
        "pranks": row["pranks"] if row else 0,
        "cases": [_line(r, first.get(r["case_id"]), gazette, rules, at) for r in rows],
    }


def hidden(text: str) -> str:
    """A text with the telephone numbers in it masked."""
    return _NUMBER.sub(lambda found: masked(found[0]), text)


def as_csv(lines: Sequence[CaseLine]) -> str:
    """A cell that a spreadsheet could run as a formula is made text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line in lines:
        values = asdict(line)
        writer.writerow([safe_cell(str(values[name])) for name in _COLUMNS])
    return out.getvalue()
