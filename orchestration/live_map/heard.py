"""What people reported, as cases stood at an instant. Never a word of theirs, nor a number."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, func, select

from kentongan.db import case_steps, cases, reports
from orchestration.live_map.moment import Kind, Moment

MOST = 2_000
"""Cases that are shown, the most urgent first; more on one map tell nobody anything."""
_PLACED = "place: "
"""How the step begins that gave a case its place later on."""


@dataclass(frozen=True)
class ReportDot:
    case_id: str
    kind: str
    adm4_code: str
    state: str
    """`open`, `taken`; `closed` cases are not shown."""
    urgency: int
    opened_at: str
    count: int


def reports_at(engine: Engine, moment: Moment) -> list[ReportDot]:
    """Cases with a place that were not closed at the instant, the most urgent first."""
    counted = (
        select(reports.c.case_id, func.count().label("count"))
        .where(reports.c.case_id.is_not(None), moment.knew(reports.c.received_at))
        .group_by(reports.c.case_id)
        .subquery()
    )
    alive: ColumnElement[bool] = cases.c.state.in_(["open", "taken"])
    if moment.kind is Kind.OBSERVED:
        alive = alive | ~moment.knew(cases.c.closed_at)
    query = (
        select(cases, counted.c.count)
        .join(counted, counted.c.case_id == cases.c.case_id, isouter=True)
        .where(cases.c.adm4_code.is_not(None), moment.knew(cases.c.opened_at), alive)
        .order_by(cases.c.urgency.desc(), cases.c.opened_at, cases.c.case_id)
        .limit(MOST)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
        acts = _acts(connection, moment) if moment.kind is Kind.OBSERVED else {}
    found = []
    for row in rows:
        state = row["state"] if moment.kind is not Kind.OBSERVED else _state(acts, row["case_id"])
        if state:
            found.append(
                ReportDot(
                    case_id=row["case_id"],
                    kind=row["category"],
                    adm4_code=row["adm4_code"],
                    state=state,
                    urgency=row["urgency"],
                    opened_at=row["opened_at"],
                    count=row["count"] or 0,
                )
            )
    return found


def _acts(connection: object, moment: Moment) -> dict[str, tuple[str, bool]]:
    """Case -> its state by its steps of then, and whether its place came later."""
    query = (
        select(case_steps.c.case_id, case_steps.c.act, case_steps.c.note, case_steps.c.at)
        .join(cases, cases.c.case_id == case_steps.c.case_id)
        .order_by(case_steps.c.id)
    )
    from kentongan.times import iso

    known = iso(moment.known)
    found: dict[str, tuple[str, bool]] = {}
    for row in connection.execute(query):  # type: ignore[attr-defined]
        state, late = found.get(row.case_id, ("", False))
        if row.at <= known:
            state = {"taken": "taken", "routed": "open"}.get(row.act, state or "open")
        else:
            late = late or (row.act == "joined" and row.note.startswith(_PLACED))
        found[row.case_id] = state, late
    return found


def _state(acts: dict[str, tuple[str, bool]], case_id: str) -> str:
    """Empty: not to be shown then."""
    state, placed_later = acts.get(case_id, ("open", False))
    return "" if placed_later else state
