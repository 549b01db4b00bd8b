"""Any order of runs, blind moments and restarts: the promises to a resident hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kentongan.decision import Action, Decision, Standing
from kentongan.decision_policy import DecisionPolicy
from kentongan.hazard import HazardEvent
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.decision import decide

T0 = datetime(2026, 8, 15, 3, 0, tzinfo=UTC)
POLICY = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
RULES = load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy)
VILLAGES = [f"53.07.01.200{n}" for n in range(1, 6)]
STATES = {Action.ALL_CLEAR: "ended", Action.EXPIRE: "expired"}


@dataclass(frozen=True)
class Run:
    gap_minutes: int
    levels: dict[str, int] | None
    """None: the run saw nothing (blind feed, failed overlay)."""
    crashed: int
    """Times that the step died after deciding and before anything was stored."""


RUNS = st.lists(
    st.builds(
        Run,
        st.integers(1, 90),
        st.none() | st.dictionaries(st.sampled_from(VILLAGES), st.integers(0, 4)),
        st.integers(0, 2),
    ),
    max_size=12,
)


def event(hazard: HazardId, issued: datetime, *, over: bool = False) -> HazardEvent:
    return HazardEvent(
        event_id="E",
        hazard_id=hazard,
        level=Level.AWAS,
        onset=T0,
        valid_from=issued,
        valid_to=T0 + timedelta(hours=2),
        official_end=over,
        official=hazard is not HazardId.SHAKING,
        status=DocumentStatus.ACTUAL,
        title="t",
        method="m/1",
        observations=(),
    )


@dataclass
class Ledger:
    """What the life cycle of warnings stores and sends, in its smallest form."""

    standing: Standing | None = None
    sent: list[tuple[str, int]] = field(default_factory=list)
    cleared: list[tuple[str, ...]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def restart(self) -> None:
        if self.standing is not None:
            self.standing = Standing.model_validate_json(self.standing.model_dump_json())

    def store(self, decision: Decision, issued: datetime) -> None:
        self.actions.append(decision.action)
        if decision.action is Action.NONE:
            return
        before = self.standing
        reached = set(before.ever_warned if before else ())
        if decision.action is Action.ALL_CLEAR:
            self.cleared.append(decision.told)
        elif decision.told:
            self.sent += [(code, decision.levels[code]) for code in decision.told]
            reached |= set(decision.told)
        self.standing = Standing(
            warning_id="W",
            version=before.version + 1 if before else 1,
            state=STATES.get(decision.action, "released"),
            levels=decision.levels,
            ever_warned=tuple(sorted(reached)),
            expires=decision.expires,
            observations=(),
            valid_from=issued,
        )


def play(hazard: HazardId, runs: list[Run], *, crashes: bool, ends: bool) -> Ledger:
    ledger, at = Ledger(), T0
    for run in runs:
        at += timedelta(minutes=run.gap_minutes)
        table = run.levels or {}
        now = event(hazard, at)
        for _ in range(run.crashed if crashes else 0):
            decided(now, table, ledger.standing, at)
            ledger.restart()
        held = ledger.standing
        decision = decided(now, table, held, at)
        check_step(decision, held, at)
        ledger.store(decision, at)
    if ends:
        over = event(hazard, at, over=True)
        at += timedelta(minutes=1)
        ledger.store(decided(over, {}, ledger.standing, at), at)
        late = event(hazard, at - timedelta(minutes=2))
        again = decided(late, {VILLAGES[0]: 4}, ledger.standing, at)
        if ledger.cleared:
            assert again.action is Action.NONE
    return ledger


def decided(
    now: HazardEvent, levels: dict[str, int], held: Standing | None, at: datetime
) -> Decision:
    found = {code: level for code, level in levels.items() if level >= Level.WASPADA}
    return decide(now, found, held, at=at, policy=POLICY, rules=RULES)


def check_step(decision: Decision, held: Standing | None, at: datetime) -> None:
    makes_version = decision.action in (Action.ALERT, Action.UPDATE, Action.RENEW)
    assert not makes_version or decision.expires > at
    assert set(decision.told) <= set(decision.levels) or decision.action is Action.ALL_CLEAR
    if held is None or held.state != "released":
        return
    if decision.action in (Action.ALL_CLEAR, Action.EXPIRE):
        assert decision.levels == {}
    else:
        assert all(decision.levels.get(c, 0) >= n for c, n in held.levels.items())


HAZARDS = st.sampled_from([HazardId.TSUNAMI, HazardId.SHAKING, HazardId.THUNDERSTORM])


@given(HAZARDS, RUNS, st.booleans())
def test_crashes_and_restarts_change_nothing(hazard, runs, ends):
    calm = play(hazard, runs, crashes=False, ends=ends)
    rough = play(hazard, runs, crashes=True, ends=ends)
    assert calm == rough


@given(HAZARDS, RUNS, st.booleans())
def test_nobody_is_told_the_same_level_twice(hazard, runs, ends):
    sent = play(hazard, runs, crashes=False, ends=ends).sent
    assert len(set(sent)) == len(sent)
    for village in VILLAGES:
        levels = [level for code, level in sent if code == village]
        assert levels == sorted(levels)


@given(RUNS)
def test_the_all_clear_reaches_exactly_those_who_were_warned(runs):
    ledger = play(HazardId.TSUNAMI, runs, crashes=True, ends=True)
    warned = tuple(sorted({code for code, _ in ledger.sent}))
    assert ledger.cleared == ([warned] if warned else [])


@given(RUNS)
def test_a_tsunami_level_is_the_highest_ever_seen(runs):
    ledger = play(HazardId.TSUNAMI, runs, crashes=False, ends=False)
    seen: dict[str, int] = {}
    for run in runs:
        for code, level in (run.levels or {}).items():
            seen[code] = max(seen.get(code, 0), level)
    expected = {code: level for code, level in seen.items() if level >= 2}
    if ledger.standing is not None:
        assert ledger.standing.levels == dict(sorted(expected.items()))
        assert Action.EXPIRE not in ledger.actions


@given(RUNS)
def test_blind_runs_send_nothing_and_take_nothing_away(runs):
    """The same messages as if every blind run had not happened, at the same instants."""
    kept, gap = [], 0
    for run in runs:
        gap += run.gap_minutes
        if run.levels is not None:
            kept.append(Run(gap, run.levels, 0))
            gap = 0
    with_blind = play(HazardId.TSUNAMI, runs, crashes=False, ends=False)
    without = play(HazardId.TSUNAMI, kept, crashes=False, ends=False)
    assert with_blind.sent == without.sent
