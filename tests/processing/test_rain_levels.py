"""Levels ahead and their probability: the field tells, the ratio of cost to loss decides."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from kentongan.decision_policy import DecisionPolicy
from kentongan.policy import load_policy
from kentongan.settings import data_dir
from kentongan.types import Level
from processing.rain.ensemble import Ensemble
from processing.rain.motion import Motion
from processing.rain.policy import rain_policy
from processing.rain.product import Observed, Outlook, levels, outlook
from processing.rain.reliability import Reliability

POLICY = rain_policy()
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ROWS = COLUMNS = 40
STEPS = POLICY.nowcast.steps
MEMBERS = 20


def decision():
    return load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy)


@pytest.fixture(autouse=True)
def shares_are_probabilities(monkeypatch):
    none = Reliability(author="t", date=AT.date(), fitted_on="nothing", confirmed=False, table=())
    monkeypatch.setattr("processing.rain.reliability.reliability", lambda: none)


def seen(past=0.0):
    sums = {h: np.full((ROWS, COLUMNS), past, np.float32) for h in (1, 3, 6, 24)}
    return Observed(AT, (np.zeros((ROWS, COLUMNS), np.float32),), sums)


def ahead(share, rate=12.0, hole=False):
    """A nowcast of `rate` everywhere that a share of the members agrees with."""
    members = np.zeros((MEMBERS, STEPS, ROWS // 5, COLUMNS // 5), np.float32)
    members[: round(share * MEMBERS)] = rate
    if hole:
        members[:, :, :2] = np.nan
    nothing = np.zeros((5, 5), np.float32)
    return Outlook(
        np.full((STEPS, ROWS, COLUMNS), rate, np.float32), Ensemble(members, 10.0),
        Motion(nothing, nothing, nothing),
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4, 0.9])
def test_a_level_ahead_stands_with_its_probability_whatever_that_is(share):
    found, chance = levels(seen(), ahead(share), POLICY)
    assert (found[60] == Level.WASPADA).all()
    assert chance == pytest.approx(np.full((ROWS, COLUMNS), share))


def test_what_no_rule_would_act_on_is_left_out():
    found, chance = levels(seen(), ahead(0.0), POLICY)
    assert all((found[lead] == 0).all() for lead in (60, 120, 180))
    assert (chance == 0).all()


def test_what_is_observed_has_no_probability_and_is_never_taken_for_unlikely():
    found, chance = levels(seen(past=60.0), ahead(0.0), POLICY)
    assert (found[0] >= Level.WASPADA).all()
    assert np.isnan(chance).all()


def test_where_the_ensemble_knows_nothing_the_level_stands_and_its_chance_is_not_known():
    found, chance = levels(seen(), ahead(0.0, hole=True), POLICY)
    assert (found[60][:10] == Level.WASPADA).all() and (found[60][10:] == 0).all()
    assert np.isnan(chance[:10]).all() and (chance[10:] == 0).all()


def test_rain_that_doubles_each_step_does_not_grow_beyond_the_cap():
    y, x = np.mgrid[0:64, 0:64]
    one = 20 * np.exp(-((y - 32) ** 2 + (x - 32) ** 2) / 200).astype(np.float32)
    sums = {1: one}
    found = outlook(Observed(AT, (one, 3 * one), sums), POLICY.nowcast, seed=1)
    assert found is not None
    assert np.nanmax(found.rates[0]) > 60 * 0.9
    assert np.nanmax(found.rates) == 100


def test_the_field_leaves_nothing_out_that_a_ratio_of_cost_to_loss_would_act_on():
    rules = decision()
    given = [rules.cost_loss, *rules.cost_loss_of_regency.values()]
    ratios = [r for one in given for r in (one.impact_2_ratio, one.impact_3_ratio,
                                           one.impact_4_ratio)]  # fmt: skip
    assert POLICY.levels.least_probability <= min(ratios)


@pytest.mark.parametrize(
    ("chance", "level"), [(np.nan, 2), (0.06, 0), (0.15, 1), (0.19, 1), (0.21, 2), (0.6, 2)]
)
def test_the_ratio_of_cost_to_loss_decides_on_a_level_ahead(chance, level):
    import pandas as pd

    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy
    from kentongan.types import DocumentStatus, HazardId
    from risk.decision import village_evidence

    event = HazardEvent(
        event_id="rain-32-20261122T0900Z", hazard_id=HazardId.RAIN, level=Level.WASPADA, onset=AT,
        valid_from=AT, valid_to=AT, official=False, status=DocumentStatus.ACTUAL, title="hujan",
        method="kentongan-rain/1", observations=(),
    )  # fmt: skip
    impact = pd.DataFrame(
        {"adm4_code": ["32.01.01.2001"], "level": [2], "probability": [np.float32(chance)]}
    )
    policy = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
    found = village_evidence(event, impact, policy=policy, rules=decision())
    assert found["level"].tolist() == [level]
