"""Reports as evidence: what people near a warning say for it and against it. Reads only, but for
two columns of the case: no report raises, lowers or ends a warning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from kentongan.db import cases, reports
from kentongan.times import parse_instant
from kentongan.types import HazardId, WarningState
from notify import versions
from notify.inbox.store import precise
from notify.reports.kinds import HAZARDS, Category
from notify.versions import Version

SUPPORTS, QUESTIONS = "supports", "questions"
_H, _C = HazardId, Category
MATCHING: dict[str, frozenset[Category]] = {
    _H.THUNDERSTORM: frozenset({_C.STORM, _C.FLOOD, _C.LANDSLIDE}),
    _H.RAIN: frozenset({_C.STORM, _C.FLOOD, _C.LANDSLIDE}),
    _H.FLOOD: frozenset({_C.FLOOD}),
    _H.LANDSLIDE: frozenset({_C.LANDSLIDE}),
    _H.SHAKING: frozenset({_C.QUAKE, _C.LANDSLIDE}),
    _H.TSUNAMI: frozenset({_C.TSUNAMI}),
}
"""What somebody may see of a hazard."""
_TELLING = frozenset(map(str, {_C.CLEAR, *(c for found in MATCHING.values() for c in found)}))
_BEFORE = timedelta(hours=3)
"""What was seen so long before a warning's onset may be its beginning."""
_BELIEVED_BELOW = 0.5
"""A report with a higher prank score is counted apart."""
_DISTRICT_CHARS = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts of reports, of different numbers, about one warning."""

    warning_id: str
    supports: int = 0
    questions: int = 0
    in_doubt: int = 0
    """Likely pranks: they count on neither side."""
    villages: int = 0
    """From which they come."""
    life: int = 0
    """Of danger to life within its area, whatever its hazard."""
    cases: tuple[str, ...] = ()
    """The newest, ten at most."""

    @property
    def line(self) -> str:
        return (
            f"reports of residents: {self.supports} support it, {self.questions} question it, "
            f"{self.in_doubt} in doubt, {self.life} of danger to life, from {self.villages} "
            "village(s); they never change a level by themselves"
        )


def evidence(connection: Connection, warning_id: str, at: datetime) -> Evidence:
    """What people report in the villages and districts of a warning since its beginning."""
    version = versions.newest_released(connection, warning_id) or versions.newest(
        connection, warning_id
    )
    if version is None:
        return Evidence(warning_id)
    return count(warning_id, version.body.hazard_id, _rows(connection, version, at))


def count(warning_id: str, hazard: str, rows: Iterable[Any]) -> Evidence:
    """Each number counts once a side: who writes twenty times is one witness."""
    sides: dict[str, set[str]] = {SUPPORTS: set(), QUESTIONS: set(), "doubt": set(), "life": set()}
    found: dict[str, None] = {}
    villages: set[str] = set()
    for row in rows:
        who = row.caller_blind or row.report_id
        side = stance(hazard, row.category, row.reasons.get("hazards", []))
        life = row.category == Category.DANGER
        if not side and not life:
            continue
        villages.add(row.adm4_code)
        if row.case_id:
            found[row.case_id] = None
        if row.prank >= _BELIEVED_BELOW:
            sides["doubt"].add(who)
            continue
        if side:
            sides[side].add(who)
        if life:
            sides["life"].add(who)
    return Evidence(
        warning_id, len(sides[SUPPORTS]), len(sides[QUESTIONS]), len(sides["doubt"]),
        len(villages), len(sides["life"]), tuple(found)[:10],
    )  # fmt: skip


def stance(hazard: str, category: str, hazards: Iterable[str] = ()) -> str:
    """What one report says about a hazard: supports, questions, or nothing (empty)."""
    matching = MATCHING.get(hazard, frozenset())
    if category == Category.CLEAR:
        return QUESTIONS if matching else ""
    spoken = {category, *hazards} & {str(one) for one in HAZARDS}
    return SUPPORTS if spoken & {str(one) for one in matching} else ""


def _rows(connection: Connection, version: Version, at: datetime) -> list[Any]:
    """Reports of the warning's districts, newest first."""
    districts = sorted({c[:_DISTRICT_CHARS] for group in version.body.groups for c in group.codes})
    since = _since(connection, version)
    columns = (
        reports.c.report_id, reports.c.caller_blind, reports.c.category, reports.c.reasons,
        reports.c.adm4_code, reports.c.case_id, reports.c.prank,
    )  # fmt: skip
    query = (
        select(*columns)
        .where(reports.c.received_at >= precise(since), reports.c.received_at <= precise(at))
        .where(reports.c.adm4_code.is_not(None), reports.c.state != "noise")
        .order_by(reports.c.received_at.desc())
        .limit(_MOST)
    )
    wanted = frozenset(districts)
    rows = connection.execute(query)
    return [row for row in rows if row.adm4_code[:_DISTRICT_CHARS] in wanted]


_MOST = 50_000
"""Reports that are looked through: more within a warning's time say no more."""


def _since(connection: Connection, version: Version) -> datetime:
    first = versions.get(connection, version.warning_id, 1)
    return parse_instant(first.created_at) - _BEFORE


def tie(connection: Connection, case_id: str, at: datetime) -> None:
    """Write down on a case which running warning it supports or questions: for its readers."""
    case = connection.execute(select(cases).where(cases.c.case_id == case_id)).mappings().one()
    if case["adm4_code"] is None or case["category"] not in _TELLING:
        return
    for version in versions.in_state(connection, WarningState.RELEASED):
        if version.body.is_end or version.body.expires <= at:
            continue
        side = stance(version.body.hazard_id, case["category"])
        if side and _is_near(version, case["adm4_code"]):
            mine = update(cases).where(cases.c.case_id == case_id)
            connection.execute(mine.values(warning_id=version.warning_id, stance=side))
            return


def _is_near(version: Version, code: str) -> bool:
    district = code[:_DISTRICT_CHARS]
    return any(c[:_DISTRICT_CHARS] == district for g in version.body.groups for c in g.codes)
