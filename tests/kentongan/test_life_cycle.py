"""The table of a warning version's life, and words that must never mix."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import RuleViolation
from kentongan.life_cycle import CLOSED, PENDING, TABLE, Effect, Trigger, step, trigger_to
from kentongan.types import IbfCategory, Level, TsunamiStatus, WarningState

STATES = (None, *WarningState)
ILLEGAL = [pair for pair in itertools.product(STATES, Trigger) if pair not in TABLE]


@pytest.mark.parametrize(("state", "trigger"), ILLEGAL)
def test_every_other_step_is_refused_by_name(state, trigger):
    with pytest.raises(RuleViolation, match="w-flood-1 v2") as found:
        step(state, trigger, "w-flood-1 v2")
    assert str(trigger) in str(found.value) and str(state or "not there") in str(found.value)


@given(st.lists(st.sampled_from(Trigger), max_size=12))
def test_what_is_closed_stays_closed_and_is_released_at_most_once(triggers):
    state, released = None, 0
    for trigger in triggers:
        if (state, trigger) not in TABLE:
            continue
        assert state not in CLOSED
        after = step(state, trigger, "v")
        assert trigger_to(state, after.state, "v") is not None
        released += after.effect is Effect.PUBLISH
        if after.effect is Effect.PUBLISH:
            assert state is WarningState.APPROVED
        state = after.state
    assert released <= 1


def test_nothing_is_told_but_at_the_release():
    told = {
        (before, trigger) for (before, trigger), s in TABLE.items() if s.effect is Effect.PUBLISH
    }
    assert told == {(WarningState.APPROVED, Trigger.RELEASE)}
    assert {s for s, _ in TABLE} == {None, WarningState.RELEASED} | PENDING


def test_no_way_leads_from_draft_to_released_without_approval():
    with pytest.raises(RuleViolation, match="cannot become released"):
        trigger_to(WarningState.DRAFT, WarningState.RELEASED, "w-1 v1")


# --- three vocabularies ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["WASPADA", "SIAGA", "AWAS"])
def test_the_same_word_of_three_vocabularies_is_never_equal(word):
    ours, tews, ibf = Level[word], TsunamiStatus[word], IbfCategory[word]
    for one, other in itertools.combinations((ours, tews, ibf), 2):
        assert one != other
    assert ibf not in {ours, tews, int(ours), str(tews)}
    with pytest.raises(TypeError):
        ibf < ours  # noqa: B015


@pytest.mark.parametrize(
    ("score", "word"),
    [(0, "HIJAU"), (1, "WASPADA"), (5, "WASPADA"), (6, "SIAGA"), (9, "SIAGA"), (10, "AWAS")],
)
def test_bmkg_scores_have_their_own_words(score, word):
    assert IbfCategory.of_score(score) is IbfCategory[word]


@pytest.mark.parametrize("score", [-1, 11])
def test_no_score_beyond_the_matrix(score):
    with pytest.raises(ValueError, match="expected 0 to 10"):
        IbfCategory.of_score(score)


MIXED = """
from kentongan.types import IbfCategory, Level, TsunamiStatus

def warn(level: Level) -> None: ...

warn(TsunamiStatus.AWAS)
warn(IbfCategory.AWAS)
print(Level.AWAS == TsunamiStatus.AWAS)
print(Level.AWAS == IbfCategory.AWAS)
print(IbfCategory.AWAS == TsunamiStatus.AWAS)
"""


def test_the_type_checker_refuses_every_mixture():
    api = pytest.importorskip("mypy.api")
    report, _, _ = api.run(["--config-file=", "--strict", "-c", MIXED])
    assert report.count("[arg-type]") == 2
    assert report.count("[comparison-overlap]") == 3, report
