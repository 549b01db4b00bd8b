"""A case: what one or many people report of one event; opened, routed, taken, answered, closed.

Joined is what is of the same category, within 1 km and 30 minutes. Danger to life is not joined by
its place: two houses of one village may each hold somebody, so only the same number, or nearly the
same words, are the same case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rapidfuzz import fuzz
from sqlalchemy import Connection, RowMapping, exists, func, select, update

from kentongan.db import case_steps, cases, reports
from kentongan.errors import RuleViolation
from kentongan.times import parse_instant
from notify.inbox.store import precise
from notify.reports.kinds import HAZARDS, Category
from notify.reports.routing import Routing, Unit

OPEN, TAKEN, CLOSED = "open", "taken", "closed"
ALIVE = (OPEN, TAKEN)
SYSTEM = "system"
_LETTERS = "ACDEFHJKLMNPRTUVWXY34679"
"""None that is taken for another one by telephone or on paper."""
_SAME_WORDS = 90.0
"""rapidfuzz `token_sort_ratio` from which two calls for help are one that was sent on."""
_SHARED = HAZARDS | {
    Category.EVACUATE, Category.NEEDS, Category.INFRASTRUCTURE, Category.CONFLICT,
}  # fmt: skip
"""What strangers may report of the same event; a missing person, a payment is each one's own."""
_UNCLEAR = Category.UNCLEAR
_ADDS = (Category.UNCLEAR, Category.PRANK)
"""What says nothing by itself (`cepat pak`) belongs to what the same number told before."""
_CLEAR_WITHIN = timedelta(hours=6)
"""Somebody who says that it is over speaks of what was reported up to so long ago."""
_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Telling:
    """A report as far as cases care."""

    category: Category
    urgency: int
    adm4_code: str | None
    caller: str
    text: str
    received_at: datetime
    too_fast: bool = False
    """More of this number than one person has to tell."""


def case_id_of(connection: Connection, report_id: str) -> str:
    """`K7F3AC`: letters and digits that nobody mixes up; free."""
    for attempt in range(1_000):
        raw = hashlib.sha256(f"{report_id}/{attempt}".encode()).digest()
        found = "K" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in raw[:5])
        known = select(cases.c.case_id).where(cases.c.case_id == found)
        if any(c.isdigit() for c in found[1:]) and connection.execute(known).first() is None:
            return found
    raise RuleViolation("cases: no free number found in 1,000 tries")


def joining(
    connection: Connection, telling: Telling, near: Sequence[str], rules: Routing
) -> tuple[RowMapping, str] | None:
    """The case that a report belongs to and why; None: it opens one."""
    since = telling.received_at - timedelta(minutes=rules.join_minutes)
    own = list(_of_caller(connection, telling, since)) if telling.caller else []
    for case in own:
        is_one = telling.category in _ADDS or case["category"] in (telling.category, _UNCLEAR)
        if is_one and _fits(case, near):
            return case, "same number"
    if telling.too_fast and own and telling.category is not Category.DANGER:
        return own[0], "same number, many messages"
    if telling.adm4_code is None:
        return None
    if telling.category is Category.CLEAR:
        since = telling.received_at - _CLEAR_WITHIN
        found = _of_places(connection, near, tuple(HAZARDS), since, telling.received_at)
        return next(((case, "says that it is over") for case in found), None)
    found = _of_places(connection, near, (telling.category,), since, telling.received_at)
    if telling.category is Category.DANGER:
        same = (c for c in found if _same_words(connection, c["case_id"], telling.text))
        return next(((case, "the same words from the same place") for case in same), None)
    if telling.category not in _SHARED:
        return None
    km, minutes = rules.join_km, rules.join_minutes
    why = f"same kind, village centres within {km:g} km, {minutes:g} minutes"
    return next(((case, why) for case in found), None)


def _fits(case: RowMapping, near: Sequence[str]) -> bool:
    """One number may report two villages: these are two cases."""
    return not near or case["adm4_code"] is None or case["adm4_code"] in near


def _of_caller(connection: Connection, telling: Telling, since: datetime) -> Iterator[RowMapping]:
    mine = exists().where(
        reports.c.case_id == cases.c.case_id,
        reports.c.caller_blind == telling.caller,
        reports.c.received_at >= precise(since),
    )
    query = select(cases).where(cases.c.state.in_(ALIVE), mine)
    query = query.order_by(cases.c.opened_at.desc(), cases.c.case_id).limit(_CANDIDATES)
    return iter(connection.execute(query).mappings().all())


def _of_places(
    connection: Connection,
    near: Sequence[str],
    categories: Sequence[Category],
    since: datetime,
    until: datetime,
) -> list[RowMapping]:
    """Cases that somebody reported since, the newest first."""
    recent = exists().where(
        reports.c.case_id == cases.c.case_id, reports.c.received_at >= precise(since)
    )
    query = (
        select(cases)
        .where(cases.c.adm4_code.in_(list(near)), cases.c.state.in_(ALIVE))
        .where(cases.c.category.in_([str(c) for c in categories]), recent)
        .where(cases.c.opened_at <= precise(until + _CLEAR_WITHIN))
        .order_by(cases.c.opened_at.desc(), cases.c.case_id)
        .limit(_CANDIDATES)
    )
    return list(connection.execute(query).mappings())


def _same_words(connection: Connection, case_id: str, text: str) -> bool:
    query = select(reports.c.text).where(reports.c.case_id == case_id).limit(_CANDIDATES)
    said = connection.execute(query).scalars()
    return any(fuzz.token_sort_ratio(one.lower(), text.lower()) >= _SAME_WORDS for one in said)


def open_case(
    connection: Connection, report_id: str, telling: Telling, unit: Unit, rules: Routing,
    *, at: datetime,
) -> str:  # fmt: skip
    """A new case with its first two steps; its number."""
    case_id = case_id_of(connection, report_id)
    connection.execute(
        cases.insert().values(
            case_id=case_id, category=str(telling.category), adm4_code=telling.adm4_code,
            urgency=telling.urgency, unit=unit.code, state=OPEN, opened_at=precise(at),
            due_at=precise(rules.due(unit, telling.urgency, at)), outcome="", stance="",
        )
    )  # fmt: skip
    step(connection, case_id, "opened", at=at, note=f"{telling.category}, {telling.urgency}")
    step(connection, case_id, "routed", at=at, note=unit.name)
    return case_id


def join(
    connection: Connection, case: RowMapping, telling: Telling, why: str, rules: Routing,
    *, at: datetime,
) -> None:  # fmt: skip
    """Add a report: what it knows better (place, kind, urgency) the case knows from now on."""
    values: dict[str, Any] = {}
    if case["adm4_code"] is None and telling.adm4_code:
        values["adm4_code"] = telling.adm4_code
    if case["category"] == Category.UNCLEAR and telling.category is not Category.UNCLEAR:
        unit = rules.unit_for(telling.category, at=at, area=telling.adm4_code or "")
        values |= {"category": str(telling.category), "unit": unit.code}
        step(connection, case["case_id"], "routed", at=at, note=unit.name)
    if telling.urgency > case["urgency"]:
        values["urgency"] = telling.urgency
    if "unit" in values or "urgency" in values:
        unit_now = rules.by_code(values.get("unit", case["unit"]))
        if unit_now is not None:
            due = rules.due(unit_now, max(telling.urgency, case["urgency"]), at)
            values["due_at"] = min(case["due_at"], precise(due))
    if values:
        mine = update(cases).where(cases.c.case_id == case["case_id"])
        connection.execute(mine.values(**values))
    step(connection, case["case_id"], "joined", at=at, note=why)


def step(
    connection: Connection, case_id: str, act: str, *, at: datetime, actor: str = SYSTEM,
    note: str = "",
) -> None:  # fmt: skip
    row = {"case_id": case_id, "at": precise(at), "actor": actor[:80], "act": act, "note": note}
    connection.execute(case_steps.insert().values(**row))


def case_of(connection: Connection, case_id: str) -> RowMapping:
    """The row.

    Raises:
        RuleViolation: no such case.
    """
    found = connection.execute(select(cases).where(cases.c.case_id == case_id)).mappings().first()
    if found is None:
        raise RuleViolation(f"case {case_id!r}: none of that number; see: kentongan reports list")
    return found


def set_place(connection: Connection, case_id: str, code: str, *, at: datetime) -> None:
    mine = update(cases).where(cases.c.case_id == case_id, cases.c.adm4_code.is_(None))
    if connection.execute(mine.values(adm4_code=code)).rowcount:
        step(connection, case_id, "joined", at=at, note=f"place: {code}")


def overdue(connection: Connection, at: datetime, *, limit: int = 500) -> list[RowMapping]:
    """Cases that nobody took in time, the most urgent first."""
    query = (
        select(cases)
        .where(cases.c.state == OPEN, cases.c.due_at < precise(at))
        .order_by(cases.c.urgency.desc(), cases.c.due_at, cases.c.case_id)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def reports_in(connection: Connection, case_id: str) -> int:
    query = select(func.count()).select_from(reports).where(reports.c.case_id == case_id)
    return int(connection.execute(query).scalar_one())


def age_minutes(case: RowMapping, at: datetime) -> float:
    return (at - parse_instant(case["opened_at"])).total_seconds() / 60
