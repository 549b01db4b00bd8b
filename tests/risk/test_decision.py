"""Levels go up at once and come down only at an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from kentongan.decision import Action, Standing
from kentongan.decision_policy import DecisionPolicy
from kentongan.errors import DataError
from kentongan.hazard import HazardEvent
from kentongan.impact import UNASSIGNED
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.decision import decide, merge_levels, village_evidence, warned_levels

T0 = datetime(2026, 8, 15, 3, 0, tzinfo=UTC)
A, B, C, D = (f"53.07.01.200{n}" for n in (1, 2, 3, 4))


LEVELS = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
RULES = load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy)


@pytest.fixture
def policy() -> LevelPolicy:
    return LEVELS


def levels_of(event, table, **known):
    return warned_levels(village_evidence(event, table, policy=LEVELS, rules=RULES, **known))


def decided(event, table, standing, *, at, policy=LEVELS, **more):
    found = levels_of(event, table)
    return decide(event, found, standing, at=at, policy=policy, rules=RULES, **more)


def event(hazard: HazardId = HazardId.TSUNAMI, **changes: object) -> HazardEvent:
    values: dict[str, object] = {
        "event_id": f"{hazard}-20260815T025800Z",
        "hazard_id": hazard,
        "level": Level.SIAGA,
        "onset": T0,
        "valid_from": T0,
        "valid_to": T0 + timedelta(hours=2),
        "official": hazard in (HazardId.TSUNAMI, HazardId.THUNDERSTORM),
        "status": DocumentStatus.ACTUAL,
        "title": "Peringatan",
        "method": "test/1",
        "observations": ("a" * 64,),
    }
    return HazardEvent.model_validate({**values, **changes})


def impact(levels: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame({"adm4_code": list(levels), "level": list(levels.values())})


def standing(levels: dict[str, int], **changes: object) -> Standing:
    values: dict[str, object] = {
        "warning_id": "W",
        "version": 1,
        "state": "released",
        "levels": levels,
        "ever_warned": tuple(sorted(levels)),
        "expires": T0 + timedelta(hours=2),
        "observations": ("a" * 64,),
        "valid_from": T0,
    }
    return Standing.model_validate({**values, **changes})


def minutes(value: float) -> timedelta:
    return timedelta(minutes=value)


def test_the_first_villages_at_level_two_make_an_alert(policy):
    found = decided(event(), impact({B: 2, A: 3, C: 1}), None, at=T0, policy=policy)
    assert found.action is Action.ALERT
    assert (found.levels, found.told, found.level) == ({A: 3, B: 2}, (A, B), Level.SIAGA)
    assert found.expires == T0 + timedelta(hours=2)


@pytest.mark.parametrize(
    ("changes", "levels", "why"),
    [
        pytest.param({}, {A: 1}, "no village", id="nobody-at-level-2"),
        pytest.param({}, {}, "no village", id="no-run"),
        pytest.param({"valid_to": T0}, {A: 3}, "past its end", id="over-at-its-very-end"),
        pytest.param({"official_end": True}, {A: 3}, "ended", id="ended-before-we-knew"),
    ],
)
def test_no_warning_begins_without_reason(policy, changes, levels, why):
    found = decided(event(**changes), impact(levels), None, at=T0, policy=policy)
    assert (found.action, found.levels, found.told) == (Action.NONE, {}, ())
    assert why in found.reason


def test_people_who_live_in_no_village_are_never_warned_by_that_row(policy):
    found = decided(event(), impact({UNASSIGNED: 4}), None, at=T0, policy=policy)
    assert found.action is Action.NONE


def test_a_village_that_stands_twice_counts_with_its_highest_level():
    table = pd.DataFrame({"adm4_code": [A, A], "level": [3, 2]})
    assert levels_of(event(), table) == {A: 3}


def test_an_impact_table_without_levels_is_refused(policy):
    with pytest.raises(DataError, match=r"no column level"):
        decided(event(), pd.DataFrame({"adm4_code": [A]}), None, at=T0, policy=policy)


@pytest.mark.parametrize(
    ("before", "now", "levels", "told"),
    [
        pytest.param({A: 2}, {A: 3}, {A: 3}, (A,), id="rises"),
        pytest.param({A: 2}, {A: 2, B: 2}, {A: 2, B: 2}, (B,), id="new-village-only"),
        pytest.param({A: 3}, {A: 2, B: 2}, {A: 3, B: 2}, (B,), id="a-fall-is-held"),
        pytest.param({A: 2, B: 3}, {C: 4}, {A: 2, B: 3, C: 4}, (C,), id="moved-zone-adds"),
    ],
)
def test_an_update_tells_those_for_whom_something_is_new(policy, before, now, levels, told):
    found = decided(event(), impact(now), standing(before), at=T0 + minutes(10), policy=policy)
    assert (found.action, found.levels, found.told) == (Action.UPDATE, levels, told)


@pytest.mark.parametrize("now", [{A: 3, B: 2}, {A: 2}, {A: 0}, {}])
@pytest.mark.parametrize("hazard", list(HazardId))
def test_a_weaker_or_a_missing_run_changes_nothing(policy, now, hazard):
    held = standing({A: 3, B: 2} if hazard is not HazardId.RAIN else {A: 2, B: 2})
    found = decided(event(hazard), impact(now), held, at=T0 + minutes(30), policy=policy)
    assert (found.action, found.levels, found.told) == (Action.NONE, held.levels, ())
    assert found.expires == held.expires


def test_an_unreleased_version_that_changes_tells_everybody(policy):
    """The draft before never reached anybody."""
    draft = standing({A: 3, B: 2}, state="draft", ever_warned=())
    found = decided(event(), impact({C: 2}), draft, at=T0, policy=policy)
    assert found.told == (A, B, C)


def test_a_village_that_no_released_version_reached_is_told_with_the_next(policy):
    held = standing({A: 3, B: 2}, ever_warned=(A,))
    found = decided(event(), impact({C: 2}), held, at=T0, policy=policy)
    assert found.told == (B, C)


# --- ends -------------------------------------------------------------------------------


def test_the_official_end_tells_exactly_those_ever_warned(policy):
    held = standing({A: 3}, ever_warned=(B, A, C))
    over = event(official_end=True, valid_from=T0 + minutes(100))
    found = decided(over, impact({A: 3, D: 3}), held, at=T0 + minutes(101), policy=policy)
    assert (found.action, found.levels, found.told) == (Action.ALL_CLEAR, {}, (A, B, C))
    assert found.expires > T0 + minutes(101)


@pytest.mark.parametrize("hazard", [h for h in HazardId if h is not HazardId.TSUNAMI])
def test_every_hazard_but_a_tsunami_expires_by_its_own_end(policy, hazard):
    held = standing({A: 2})
    early = decided(event(hazard), impact({}), held, at=held.expires - minutes(1), policy=policy)
    late = decided(event(hazard), impact({A: 2}), held, at=held.expires, policy=policy)
    assert (early.action, early.levels) == (Action.NONE, {A: 2})
    assert (late.action, late.levels, late.told) == (Action.EXPIRE, {}, ())


@pytest.mark.parametrize("late", [minutes(-30), minutes(0), timedelta(days=2)])
def test_silence_never_ends_a_tsunami_warning(policy, late):
    held = standing({A: 3})
    at = held.expires + late
    found = decided(event(), impact({}), held, at=at, policy=policy)
    assert (found.action, found.levels, found.told) == (Action.RENEW, {A: 3}, ())
    assert found.expires == at + timedelta(hours=policy.tsunami.valid_hours)


def test_a_tsunami_warning_marked_as_expired_still_gets_its_all_clear(policy):
    held = standing({A: 3}, state="expired")
    over = event(official_end=True, valid_from=T0 + timedelta(hours=5))
    found = decided(over, impact({}), held, at=T0 + timedelta(hours=5), policy=policy)
    assert (found.action, found.told) == (Action.ALL_CLEAR, (A,))


def test_a_tsunami_warning_is_not_renewed_long_before_its_end(policy):
    longer = event(valid_to=T0 + timedelta(hours=3))
    found = decided(longer, impact({A: 3}), standing({A: 3}), at=T0 + minutes(60), policy=policy)
    assert found.action is Action.NONE


def test_a_tsunami_update_at_its_very_end_holds_for_two_more_hours(policy):
    at = T0 + minutes(119)
    found = decided(event(), impact({A: 4}), standing({A: 3}), at=at, policy=policy)
    assert (found.action, found.expires) == (Action.UPDATE, at + timedelta(hours=2))


def test_a_later_official_end_is_taken_over_without_a_new_message(policy):
    storm = event(HazardId.THUNDERSTORM, valid_to=T0 + timedelta(hours=3))
    held = standing({A: 2})
    for at in (held.expires - minutes(20), held.expires + minutes(1)):
        found = decided(storm, impact({A: 2}), held, at=at, policy=policy)
        assert (found.action, found.told) == (Action.RENEW, ())
        assert found.expires == storm.valid_to


def test_our_own_estimate_is_not_stretched_by_a_refined_origin_time(policy):
    quake = event(HazardId.SHAKING, valid_to=T0 + timedelta(hours=2, seconds=9))
    held = standing({A: 3})
    found = decided(quake, impact({A: 3}), held, at=held.expires, policy=policy)
    assert found.action is Action.EXPIRE


# --- after the end ----------------------------------------------------------------------


@pytest.mark.parametrize("state", ["ended", "cancelled"])
def test_a_late_or_repeated_pd3_after_pd4_raises_nothing(policy, state):
    pd4 = T0 + minutes(90)
    over = standing({}, state=state, valid_from=pd4, expires=pd4 + timedelta(hours=2))
    for issued in (T0 + minutes(60), pd4):
        late = event(valid_from=issued, valid_to=pd4 + timedelta(hours=3))
        found = decided(late, impact({A: 4}), over, at=pd4 + minutes(5), policy=policy)
        assert (found.action, found.levels, found.told) == (Action.NONE, {}, ())


def test_without_the_ending_documents_time_only_one_after_the_last_end_counts(policy):
    over = standing({}, state="ended", valid_from=None)
    for issued, action in ((minutes(119), Action.NONE), (minutes(121), Action.ALERT)):
        new = event(valid_from=T0 + issued, valid_to=T0 + timedelta(hours=9))
        assert decided(new, impact({A: 3}), over, at=T0 + issued, policy=policy).action is action


def test_a_newer_warning_of_the_authority_begins_again(policy):
    over = standing({}, state="ended", valid_from=T0, ever_warned=(A, B))
    new = event(valid_from=T0 + minutes(30), valid_to=T0 + timedelta(hours=9))
    found = decided(new, impact({A: 3}), over, at=T0 + minutes(31), policy=policy)
    assert (found.action, found.told) == (Action.ALERT, (A,))


def test_an_end_is_told_once(policy):
    over = standing({}, state="ended", ever_warned=(A,))
    again = event(official_end=True, valid_from=T0 + minutes(99))
    assert decided(again, impact({}), over, at=T0, policy=policy).action is Action.NONE


# --- the rain image ---------------------------------------------------------------------


def test_the_rain_image_alone_is_capped_at_level_two(policy):
    rain = event(HazardId.RAIN, level=Level.WASPADA)
    found = decided(rain, impact({A: 3, B: 2}), None, at=T0, policy=policy)
    assert found.levels == {A: 2, B: 2}


@pytest.mark.parametrize("method", ["himawari-rp-classes/1", "test/1", "", "kentongan-rainy/1"])
def test_classes_and_what_is_not_known_stay_at_waspada(policy, method):
    rain = event(HazardId.RAIN, level=Level.SIAGA, method=method)
    found = decided(rain, impact({A: 3, B: 2}), None, at=T0, policy=policy)
    assert found.levels == {A: 2, B: 2}


def test_a_field_of_rates_may_say_siaga_and_no_more_alone(policy):
    rain = event(HazardId.RAIN, level=Level.SIAGA, method="kentongan-rain/1")
    found = decided(rain, impact({A: 3, B: 2}), None, at=T0, policy=policy)
    assert found.levels == {A: 3, B: 2}
    # What a higher vulnerability, or a wrong field, would make Awas.
    found = decided(rain, impact({A: 4, B: 1}), None, at=T0, policy=policy)
    assert found.levels == {A: 3}


def test_the_limit_of_an_estimate_is_named_and_falls_under_a_warning_of_bmkg(policy):
    rules = load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy)
    rain = event(HazardId.RAIN, level=Level.SIAGA, method="kentongan-rain/1")
    rows = impact({A: 4, B: 4}).assign(probability=0.9)

    def of(one, **more):
        made = village_evidence(one, rows, policy=policy, rules=rules, **more)
        return made["level"].tolist(), made["decided_by"].tolist()

    assert of(rain, nowcast={B}) == ([3, 4], ["rain-estimate-alone", "matrix"])
    assert of(rain, held={A, B}) == ([3, 3], ["rain-estimate-alone"] * 2)
    picture = rain.model_copy(update={"method": "himawari-rp-classes/1"})
    assert of(picture, nowcast={B}) == ([2, 2], ["rain-image-alone"] * 2)


def test_the_rain_image_makes_one_draft_per_event(policy):
    rain = event(HazardId.RAIN, valid_from=T0 + minutes(50), valid_to=T0 + minutes(170))
    held = standing({A: 2})
    found = decided(rain, impact({A: 2, B: 2}), held, at=T0 + minutes(50), policy=policy)
    assert (found.action, found.levels) == (Action.NONE, {A: 2})
    gone = standing({A: 2}, state="expired")
    again = decided(rain, impact({A: 2, B: 2}), gone, at=T0 + minutes(130), policy=policy)
    assert again.action is Action.NONE


def test_merging_keeps_the_higher_level_of_each_village():
    assert merge_levels({B: 2, A: 4}, {A: 2, C: 3}) == {A: 4, B: 2, C: 3}


def test_a_national_table_is_decided_in_a_moment(policy):
    import time

    codes = [f"{n // 10_000:02d}.01.01.{n % 10_000:04d}" for n in range(110_000, 193_762)]
    table = pd.DataFrame({"adm4_code": codes, "level": [n % 5 for n in range(len(codes))]})
    start = time.perf_counter()
    found = decided(event(), table, None, at=T0, policy=policy)
    assert len(found.levels) == sum(n % 5 >= 2 for n in range(len(codes)))
    assert time.perf_counter() - start < 2
