"""From impact tables to drafts, event by event, and what the events mean for each other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from kentongan.decision import Action, Decision, History, RunOutcome
from kentongan.errors import RuleViolation
from kentongan.store import Store, sha256_hex
from kentongan.types import FeedState, HazardId, Quality, WarningState
from orchestration import event_store
from orchestration.event_runs import NewRun, new_run, seen_before, seen_runs
from orchestration.event_store import StoredEvent
from orchestration.rain.sources import SOURCES as FRAMES
from orchestration.reaching import cleared_of, reach_if_known

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision_policy import DecisionPolicy
    from kentongan.hazard import HazardEvent
    from kentongan.reach import Reach
    from notify.life import Ready
    from orchestration.context import CycleContext
    from risk.decision import Known, Neighbours

_SOURCES = {
    HazardId.THUNDERSTORM: ("bmkg-nowcast",),
    HazardId.SHAKING: ("bmkg-quakes",),
    HazardId.TSUNAMI: ("bmkg-inatews",),
}
"""The feeds without which nothing new can be known of a hazard."""
_SATELLITE = ("himawari-rp", *FRAMES)
"""Any of these sees rain, and what follows from it."""
_SEEING = (FeedState.FRESH, FeedState.EMPTY)
_OVER = (WarningState.ENDED, WarningState.CANCELLED, WarningState.EXPIRED)


@dataclass(frozen=True)
class Looked:
    """An event, its newest impact table, and what that alone gives."""

    stored: StoredEvent
    known: Known
    impact: pd.DataFrame
    evidence: pd.DataFrame


def look_at(context: CycleContext, stored: StoredEvent, at: datetime) -> Looked:
    """One event by itself."""
    from notify.life import in_force, standing
    from risk.decision import Known

    event_id = stored.event.event_id
    known = Known(
        stored.event,
        {},
        standing(context.engine, event_id),
        in_force(context.engine, event_id, at),
    )
    impact = event_store.read_impact(context.runs, stored.impact_path)
    impact = _with_vulnerability(context, impact)
    return _judged(context, Looked(stored, known, impact, impact), frozenset())


def _with_vulnerability(context: CycleContext, impact: pd.DataFrame) -> pd.DataFrame:
    villages = context.layers.villages
    if "vulnerability" not in villages or "vulnerability" in impact:
        return impact
    rank = villages.set_index("adm4_code")["vulnerability"]
    return impact.assign(vulnerability=impact["adm4_code"].map(rank).astype("float64"))


def _judged(context: CycleContext, one: Looked, nowcast: frozenset[str]) -> Looked:
    from risk.decision import village_evidence, warned_levels

    event, rules = one.stored.event, context.decision
    seen: set[str] = set()
    if event.hazard_id in rules.rain_jump.hazards:
        seen = seen_before(context.engine, event.event_id, event.valid_from)
    evidence = village_evidence(
        event,
        one.impact,
        policy=context.levels,
        rules=rules,
        held=seen,
        nowcast=nowcast,
    )
    known = replace(one.known, found=warned_levels(evidence))
    return replace(one, known=known, evidence=evidence)


def relate(context: CycleContext, looked: Sequence[Looked], at: datetime) -> Neighbours:
    """How the events of this cycle relate."""
    from risk.decision import Neighbours

    rules = context.decision.succession
    return Neighbours([one.known for one in looked], at=at, rules=rules)


def strangers(context: CycleContext, at: datetime) -> Neighbours:
    """No relations at all."""
    from risk.decision import Neighbours

    return Neighbours((), at=at, rules=context.decision.succession)


def blind_hazards(context: CycleContext, at: datetime) -> frozenset[HazardId]:
    """Hazards of which nothing new can reach us now."""
    from ingest.health import source_health
    from ingest.registry import SOURCES, configured

    polled = set(configured(context.settings))
    wanted = {hazard: _SOURCES.get(hazard, _SATELLITE) for hazard in HazardId}
    with context.engine.connect() as connection:
        seeing = {
            source_id
            for source_id in {s for sources in wanted.values() for s in sources} & polled
            if source_health(connection, SOURCES[source_id], at).state in _SEEING
        }
    return frozenset(hazard for hazard, sources in wanted.items() if seeing.isdisjoint(sources))


@dataclass(frozen=True)
class Outcome:
    """What a cycle decided on one event, nothing of it written yet."""

    event_id: str
    run: NewRun | None
    ready: Ready | None
    """The version that it asks for."""
    ends: bool
    """Nothing is left to be decided on the event."""
    answer: dict[str, Any] | None
    """For the cycle's document; None where nothing is said."""

    def refused(self, reason: str) -> Outcome:
        """The same where a rule keeps the version from being written: the event ends."""
        answer = {**(self.answer or {}), "refused": reason}
        return replace(self, ready=None, ends=True, answer=answer)

    def write(self, connection: Connection, at: datetime) -> dict[str, Any] | None:
        """Write it; `answer`, with the version that was made."""
        if self.run is not None:
            self.run.write(connection)
        if self.ends:
            event_store.end(connection, self.event_id, at)
        if self.answer is None or "refused" in self.answer:
            return self.answer
        ref = self.ready.write(connection) if self.ready else None
        return {**self.answer, "warning": f"{ref.warning_id} v{ref.version}" if ref else None}


def decide_one(
    context: CycleContext,
    one: Looked,
    looked: Sequence[Looked],
    neighbours: Neighbours,
    blind: frozenset[HazardId],
    at: datetime,
) -> Outcome:
    """Decide on one event and compose what follows."""
    from notify.life import taken_back
    from risk.decision import decide

    one = _joined(context, one, looked, neighbours)
    around = neighbours.around(one.known)
    standing = one.known.standing
    if standing is not None and standing.told_elsewhere:
        over = taken_back(context.engine, standing, str(one.stored.event.hazard_id), at)
        around = around.model_copy(update={"taken_back": over})
    if standing is not None and event_moves_people(one):
        out = cleared_of(context, one.stored.event, at)
        around = around.model_copy(update={"cleared": out})
    if "rain-jump" in set(one.evidence["decided_by"]) and around.nowcast:
        one = _judged(context, one, around.nowcast)
    run = _run(context, one, blind, at)
    decision = decide(
        one.stored.event,
        one.known.found,
        one.known.standing,
        at=at,
        policy=context.levels,
        rules=context.decision,
        history=_history(context, one, run),
        around=around,
    )
    return _outcome(context, one, decision, run, at)


def event_moves_people(one: Looked) -> bool:
    """Whether teams are asked to empty villages: only there may one be reported as empty."""
    return one.stored.event.hazard_id in (HazardId.FLOOD, HazardId.LANDSLIDE)


def _joined(
    context: CycleContext, one: Looked, looked: Sequence[Looked], neighbours: Neighbours
) -> Looked:
    """The event with the impacts of those that have become part of it: each village once, with
    its highest level."""
    import pandas as pd

    parts = set(neighbours.absorbed_by(one.known.id))
    if not parts:
        return one
    tables = [one.impact, *(other.impact for other in looked if other.known.id in parts)]
    rows = pd.concat(tables, ignore_index=True)
    rows = rows.sort_values(["adm4_code", "level"], kind="stable")
    rows = rows.drop_duplicates("adm4_code", keep="last").reset_index(drop=True)
    rows.attrs = dict(one.impact.attrs)
    return _judged(context, replace(one, impact=rows), frozenset())


def _run(
    context: CycleContext, one: Looked, blind: frozenset[HazardId], at: datetime
) -> NewRun | None:
    from risk.decision import run_levels

    event = one.stored.event
    return new_run(
        context.engine,
        event.event_id,
        at=at,
        outcome=_saw(one, blind),
        valid_from=event.valid_from,
        levels=run_levels(one.evidence),
    )


def _history(context: CycleContext, one: Looked, run: NewRun | None) -> History:
    from notify.life import raised_at
    from risk.decision import may_fall

    event_id, rules = one.stored.event.event_id, context.decision.hold
    standing = one.known.standing
    if standing is None:
        return History()
    runs = seen_runs(context.engine, event_id, rules.seen_cycles, adding=run)
    candidates = may_fall(standing.levels, runs, rules)
    raised = raised_at(context.engine, standing.warning_id, standing.version, candidates)
    return History(runs=runs, raised_at=raised)


def _saw(one: Looked, blind: frozenset[HazardId]) -> RunOutcome:
    """A table without a village says nothing: no area was known, or the run gave nothing."""
    from risk.decision import knows_anything

    event = one.stored.event
    if len(one.evidence) and knows_anything(one.evidence) and event.quality is not Quality.STALE:
        return RunOutcome.SEEN
    if len(one.evidence) or event.hazard_id in blind:
        return RunOutcome.BLIND
    return RunOutcome.MISSING


def _outcome(
    context: CycleContext, one: Looked, decision: Decision, run: NewRun | None, at: datetime
) -> Outcome:
    event = one.stored.event
    if decision.action is Action.NONE:
        return Outcome(event.event_id, run, None, _is_done(one, at), None)
    answer: dict[str, Any] = {
        "event_id": event.event_id,
        "action": str(decision.action),
        "reason": decision.reason,
    }
    ends, ready = decision.action in (Action.EXPIRE, Action.ALL_CLEAR), None
    try:
        reach, fault = reach_if_known(context, event, one.impact, decision, at)
        if fault:
            answer["help_unknown"] = fault
        ready = _ready(context, one, decision, at, reach)
    except RuleViolation as error:
        answer["refused"] = str(error)
        ends = True
    return Outcome(event.event_id, run, ready, ends, answer)


def _is_done(one: Looked, at: datetime) -> bool:
    """Past its end, and no warning of it is open. A part of another event stays till then."""
    event, held = one.stored.event, one.known.standing
    if at < event.valid_to:
        return False
    if held is None:
        return True
    return held.state in _OVER and event.hazard_id is not HazardId.TSUNAMI


def _ready(
    context: CycleContext, one: Looked, decision: Decision, at: datetime, reach: Reach | None
) -> Ready | None:
    from notify.life import prepare

    layers = context.layers
    save_evidence(context.runs, one.stored, context.decision, one.evidence)
    return prepare(
        context.engine,
        decision,
        one.stored.event,
        one.impact,
        layers.villages,
        at=at,
        mode=context.settings.mode,
        live=context.live,
        geometry=lambda codes: layers.geometry[layers.index(list(codes))],
        unresolved=one.impact.attrs.get("unresolved", ()),
        reach=reach,
    )


def evidence_path(event: HazardEvent, field_hash: str, rules: DecisionPolicy) -> str:
    """Beside the impact table; other figures are another file."""
    figures = sha256_hex(rules.model_dump_json().encode())[:16]
    return f"{event_store.folder(event, field_hash)}/levels-{figures}.parquet"


def save_evidence(
    store: Store, stored: StoredEvent, rules: DecisionPolicy, evidence: pd.DataFrame
) -> str:
    """Keep what made each level; returns where."""
    path = evidence_path(stored.event, stored.field_hash, rules)
    store.write(path, event_store.impact_bytes(evidence))
    return path


def read_evidence(store: Store, stored: StoredEvent, rules: DecisionPolicy) -> pd.DataFrame | None:
    """What `save_evidence` kept; None where no version was made of this knowledge."""
    import pandas as pd

    path = evidence_path(stored.event, stored.field_hash, rules)
    if not store.exists(path):
        return None
    return pd.read_parquet(io.BytesIO(store.read(path)))
