"""From a text to a report: read, located, scored, joined to a case, routed. One transaction, the
caller's own; whoever told us is answered after it is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from kentongan.db import reports
from notify.inbox.store import precise
from notify.registry.places import Place
from notify.reports import callers, cases, evidence, said
from notify.reports.classify import classify, tokens
from notify.reports.kinds import ASKED, NOISE, ROUTED, SMS, Category, Classified
from notify.reports.lexicon import load_lexicon
from notify.reports.place import Gazette, Located
from notify.reports.prank import Caller, judge
from notify.reports.routing import Routing, Unit, routing
from notify.tasks.duty import BPBD, POSTS, holder

_LIFE = 3
_CHOICE_DIGITS = ("1", "2", "3")
_KEPT_REASONS = 20
_FEW = 3
"""Words of a text that can be noise without more."""
_PLACELESS = frozenset({Category.BANSOS, Category.VOLUNTEER, Category.INFO, Category.CLEAR})
"""Nobody has to come: these are not asked where they are."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What somebody told us, by whichever way."""

    report_id: str
    via: str
    text: str
    received_at: datetime
    caller: str = ""
    """Blind index of the number; empty: nobody who could be known again."""
    inbound_id: int | None = None
    place: str | None = None
    """Where the place was typed apart from the text; None: it stands in the text."""
    category: Category | None = None
    """As a person chose it."""
    actor: str = ""
    """Who wrote it down for the caller."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it."""

    report_id: str
    case_id: str
    state: str
    category: Category
    urgency: int
    answer: str = ""
    urgent: bool = False
    known: bool = False
    """It was there already: told twice."""


@dataclass(frozen=True)
class Desk:
    gazette: Callable[[], Gazette]
    """Loaded when the first report comes."""
    rules: Routing

    @classmethod
    def of(cls, gazette: Callable[[], Gazette]) -> Desk:
        return cls(gazette, routing())

    def take(self, connection: Connection, telling: Telling, *, at: datetime) -> Taken:
        """Store a report with everything that follows from it; the second time, what there is."""
        known = _row(connection, telling.report_id)
        if known is not None:
            return _as_taken(known)
        settled = self._settle(connection, telling, at)
        if settled is not None:
            return settled
        read = self._read(connection, telling)
        if read.is_noise(self.rules):
            return self._store(connection, telling, read, None, NOISE, "", at)
        return self._file(connection, telling, read, at)

    def _read(self, connection: Connection, telling: Telling) -> _Read:
        found = classify(telling.text)
        if telling.category is not None:
            found = chosen(found, telling.category)
        caller = callers.caller_of(connection, telling, self.rules)
        home = callers.home_of(connection, telling.caller)
        wanted = telling.text if telling.place is None else f"di {telling.place}"
        where = self.gazette().locate(wanted, home=home)
        against = 0
        if where.code:
            near = self.gazette().near(where.code, self.rules.join_km)
            against = callers.others_say_clear(connection, near, telling, self.rules)
        prank = judge(found, caller, rate_limit=self.rules.caller_reports, against=against)
        words = len(tokens(telling.text, load_lexicon()))
        return _Read(found, where, caller, prank.score, prank.reasons, words)

    def _file(self, connection: Connection, telling: Telling, read: _Read, at: datetime) -> Taken:
        rules, found, where = self.rules, read.said, read.where
        near = self.gazette().near(where.code, rules.join_km) if where.code else ()
        told = cases.Telling(
            found.category, found.urgency, where.code, telling.caller, telling.text,
            telling.received_at, too_fast=read.caller.recent >= rules.caller_reports,
        )  # fmt: skip
        case = cases.joining(connection, told, near, rules)
        if case is not None:
            row, why = case
            case_id = row["case_id"]
            cases.join(connection, row, told, why, rules, at=at)
        else:
            area = where.code or where.area
            words = tokens(telling.text, load_lexicon())
            unit = rules.unit_for(found.category, at=at, area=area, words=words)
            case_id = cases.open_case(connection, telling.report_id, told, unit, rules, at=at)
            if unit.handover or found.urgency == _LIFE:
                _hand_over(connection, case_id, area, at)
        if telling.actor:
            cases.step(connection, case_id, "entered", at=at, actor=telling.actor)
        if case is None or row["adm4_code"] is None or row["category"] == Category.UNCLEAR:
            evidence.tie(connection, case_id, at)
        first = case is None or not callers.told_before(connection, telling, case_id)
        state = ASKED if self._asks(telling, read, case_id, connection) else ROUTED
        answer = self._answer(connection, telling, read, case_id, state, first=first)
        return self._store(connection, telling, read, case_id, state, answer, at)

    def _asks(self, telling: Telling, read: _Read, case_id: str, connection: Connection) -> bool:
        """Whether we ask where: once a case and number, by SMS."""
        if telling.via != SMS or read.said.category in _PLACELESS or not telling.caller:
            return False
        if cases.case_of(connection, case_id)["adm4_code"] is not None:
            return False
        return not callers.asked_before(connection, telling, case_id)

    def _answer(
        self, connection: Connection, telling: Telling, read: _Read, case_id: str, state: str,
        *, first: bool,
    ) -> str:  # fmt: skip
        """One SMS, or none: nobody gets a second one within seconds, but for a danger to life."""
        number, category = self.rules.emergency_number, read.said.category
        is_life = read.said.urgency == _LIFE
        newest = callers.newest(connection, telling, timedelta(seconds=self.rules.quiet_seconds))
        if newest is not None and (not is_life or newest["urgency"] == _LIFE):
            return ""
        if is_life:
            return said.life(case_id, number, ask=state == ASKED)
        if category is Category.UNCLEAR and state == ASKED:
            return said.unclear(case_id, number)
        if state == ASKED:
            return said.which(case_id, self._places(read.where.choices), number)
        if not first:
            return ""
        case = cases.case_of(connection, case_id)
        if cases.reports_in(connection, case_id):
            return said.joined(case_id, number)
        place = self.gazette().place(case["adm4_code"]) if case["adm4_code"] else None
        return said.receipt(case_id, category, place, self._short(case["unit"]), number)

    def _settle(self, connection: Connection, telling: Telling, at: datetime) -> Taken | None:
        """The answer to our question, if this is one: a digit, or a place and nothing else."""
        asked = (
            callers.asked_within(connection, telling, self.rules) if telling.via == SMS else None
        )
        if asked is None:
            return None
        code, why = self._place_said(telling, asked, callers.home_of(connection, telling.caller))
        if code is None:
            return None
        found = classify(telling.text)
        reasons = {**asked["reasons"], "place": [why], "choices": []}
        mine = update(reports).where(reports.c.report_id == asked["report_id"])
        connection.execute(mine.values(adm4_code=code, state=ROUTED, reasons=reasons))
        cases.set_place(connection, asked["case_id"], code, at=at)
        evidence.tie(connection, asked["case_id"], at)
        case = cases.case_of(connection, asked["case_id"])
        place = self.gazette().place(code)
        answer = (
            said.place_noted(case["case_id"], place, self._short(case["unit"])) if place else ""
        )
        read = _Read(
            Classified(Category(asked["category"]), asked["urgency"], found.language, 1.0),
            Located(code, text=telling.text[:80], reasons=(why,)), Caller(), asked["prank"], (),
        )  # fmt: skip
        return self._store(connection, telling, read, asked["case_id"], ROUTED, answer, at)

    def _place_said(self, telling: Telling, asked: RowMapping, home: str) -> tuple[str | None, str]:
        text = telling.text.strip().strip(".)")
        choices = asked["reasons"].get("choices", [])
        if text in _CHOICE_DIGITS and int(text) <= len(choices):
            return choices[int(text) - 1], f"place: chosen by the sender, number {text}"
        found = classify(telling.text)
        if found.category not in (Category.UNCLEAR, Category.PRANK, Category(asked["category"])):
            return None, ""
        where = self.gazette().locate(f"desa {text}", home=home)
        if where.code is None:
            where = self.gazette().locate(text, home=home)
        return where.code, f"place: answered by the sender ({', '.join(where.reasons)})"

    def _store(
        self, connection: Connection, telling: Telling, read: _Read, case_id: str | None,
        state: str, answer: str, at: datetime,
    ) -> Taken:  # fmt: skip
        found, where = read.said, read.where
        row = {
            "report_id": telling.report_id, "inbound_id": telling.inbound_id, "via": telling.via,
            "caller_blind": telling.caller, "received_at": precise(telling.received_at),
            "text": telling.text, "language": found.language, "category": str(found.category),
            "reasons": read.document(), "place_text": where.text, "adm4_code": where.code,
            "urgency": found.urgency, "prank": read.prank, "case_id": case_id, "state": state,
        }  # fmt: skip
        connection.execute(reports.insert().values(**row))
        if telling.caller:
            callers.count_report(connection, telling.caller, at)
        is_life = found.urgency == _LIFE
        return Taken(
            telling.report_id, case_id or "", state, found.category, found.urgency,
            answer=answer, urgent=is_life,
        )  # fmt: skip

    def _places(self, codes: Sequence[str]) -> list[Place]:
        return [place for code in codes if (place := self.gazette().place(code))]

    def _short(self, code: str) -> str:
        unit: Unit | None = self.rules.by_code(code)
        return unit.short if unit else code


@dataclass(frozen=True, slots=True)
class _Read:
    """A text, read."""

    said: Classified
    where: Located
    caller: Caller
    prank: float
    prank_reasons: tuple[str, ...]
    words: int = 0

    def is_noise(self, rules: Routing) -> bool:
        """Nothing in it that somebody would have to look after; kept all the same.

        Most of its words have to be those of a prank: a curse among words that nobody collected may
        stand in a call for help.
        """
        if self.said.category is not Category.PRANK or self.prank < rules.noise_from:
            return False
        jokes = [r.said for r in self.said.reasons if r.category is Category.PRANK]
        return self.words <= _FEW or 2 * sum(len(j.split()) for j in jokes) >= self.words

    def document(self) -> dict[str, object]:
        """Why: for people, and the codes that were offered."""
        return {
            "category": [str(reason) for reason in self.said.reasons[:_KEPT_REASONS]],
            "confidence": self.said.confidence,
            "hazards": [str(hazard) for hazard in self.said.hazards],
            "place": list(self.where.reasons),
            "choices": list(self.where.choices),
            "area": self.where.area,
            "prank": list(self.prank_reasons),
        }


def chosen(found: Classified, category: Category) -> Classified:
    """A person says what it is; signs of danger to life in the words still count."""
    urgency = max(found.urgency, _LIFE if category is Category.DANGER else 1)
    if found.category is Category.DANGER:
        return found
    return Classified(category, urgency, found.language, 1.0, found.reasons, found.hazards)


def _hand_over(connection: Connection, case_id: str, area: str, at: datetime) -> None:
    """Who has to hear of it: a step that people see. No message goes out by itself: a text
    without a warning behind it may only answer somebody."""
    names = []
    for post in (BPBD, *(p for p in POSTS if p in ("regency", "province", "command-centre"))):
        person = holder(connection, post, area) if area or post == "command-centre" else None
        if person:
            names.append(f"{post} {person}")
    who = ", ".join(names) or "nobody holds a duty post there"
    note = f"call 112/BPBD, then: {who}; area {area or 'not known'}"
    cases.step(connection, case_id, "handover", at=at, note=note)


def _row(connection: Connection, report_id: str) -> RowMapping | None:
    query = select(reports).where(reports.c.report_id == report_id)
    return connection.execute(query).mappings().first()


def _as_taken(row: RowMapping) -> Taken:
    return Taken(
        row["report_id"], row["case_id"] or "", row["state"], Category(row["category"]),
        row["urgency"], known=True,
    )  # fmt: skip
