"""Who may release what, as data; what no data can allow; how much in an hour."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.db import audit, holds, outbox, releases
from kentongan.decision import Action
from kentongan.errors import SettingsError
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.release_policy import Quotas, needs_code, requirement, source_of
from kentongan.settings import data_dir
from kentongan.types import HazardId, Mode
from notify.release.run import resume
from notify.release.waiting import held_back

MINUTE = timedelta(minutes=1)
GOOD: dict[str, Any] = {
    "author": "a",
    "date": "2026-11-22",
    "release": [
        {"source": "bmkg-nowcast", "hazard": "thunderstorm", "max_level": 3, "itself": True}
    ],
    "approval": {"approvers": 2, "code": True, "valid_minutes": 10, "draft_minutes": 60},
    "break_glass": {
        "allowed": True, "min_level": 3, "within_minutes": 60, "review_minutes": 5,
    },
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    """`GOOD` with one value put at a path such as `quota.alerts_per_hour`."""
    whole = deepcopy(GOOD)
    *above, last = path.split(".")
    place: Any = whole
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    place[last] = value
    return whole


def policy(**changes: Any) -> ReleasePolicy:
    return ReleasePolicy.model_validate({**GOOD, **changes})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("release_all", True),
        ("release.0.everything", True),
        ("approval.aprovers", 1),
        ("break_glass.alowed", True),
        ("quota.alerts_per_day", 3),
        ("approval.approvers", 0),
        ("approval.approvers", "two"),
        ("approval.valid_minutes", 0),
        ("approval.valid_minutes", 600),
        ("approval.valid_minutes", float("nan")),
        ("approval.draft_minutes", -1),
        ("approval.strict_from_level", 5),
        ("approval.strict_above_recipients", -1),
        ("break_glass.min_level", 0),
        ("break_glass.review_minutes", 0),
        ("break_glass.within_minutes", 1e9),
        ("quota.alerts_per_hour", 0),
        ("quota.messages_per_hour", 1.5),
        ("price_per_sms_rupiah", -1),
        ("release.0.max_level", 1),
        ("release.0.max_level", 5),
        ("release.0.hazard", "meteor"),
        ("release.0.source", "facebook"),
        ("release.0.itself", False),
        ("release.0.approvers", 1),
        ("author", ""),
        ("date", "yesterday"),
    ],
)
def test_a_policy_that_says_something_impossible_is_refused(path, value):
    assert ReleasePolicy.model_validate(GOOD)
    with pytest.raises(ValidationError):
        ReleasePolicy.model_validate(changed(path, value))


def test_a_rule_that_an_earlier_one_hides_is_refused():
    rule = GOOD["release"][0]
    hidden = [{**rule, "max_level": 4}, {**rule, "max_level": 3}]
    with pytest.raises(ValidationError, match="an earlier rule already decides"):
        policy(release=hidden)
    assert len(policy(release=hidden[::-1]).release) == 2
    with pytest.raises(ValidationError, match="an earlier rule already decides"):
        policy(release=[{**rule, "hazard": "any"}, rule])


@pytest.mark.parametrize("mode", Mode)
def test_the_bundled_policies_are_read_and_a_missing_key_is_refused(mode, tmp_path):
    path = data_dir() / "policy" / f"{mode}.toml"
    assert load_policy(path, ReleasePolicy).release
    broken = tmp_path / "p.toml"
    broken.write_text(path.read_text().replace("draft_minutes", "# draft_minutes"))
    with pytest.raises(SettingsError, match="draft_minutes"):
        load_policy(broken, ReleasePolicy)


def test_what_no_rule_names_waits_for_people():
    empty = policy(release=[])
    for hazard in HazardId:
        for official in (True, False):
            need = requirement(empty, Mode.EXERCISE, hazard=hazard, official=official, level=2)
            assert (need.itself, need.people) == (False, 2)


def test_a_rule_holds_up_to_its_level_and_for_its_hazard_alone():
    rules = policy()
    whose: dict[str, Any] = {"official": True, "hazard": HazardId.THUNDERSTORM}
    assert requirement(rules, Mode.ACTUAL, level=3, **whose).itself
    assert not requirement(rules, Mode.ACTUAL, level=4, **whose).itself
    assert not requirement(rules, Mode.ACTUAL, level=3, by_people=True, **whose).itself
    assert not requirement(
        rules, Mode.ACTUAL, level=2, official=True, hazard=HazardId.TSUNAMI
    ).itself
    assert source_of(HazardId.TSUNAMI, official=True) == "inatews"
    assert source_of(HazardId.RAIN, official=True) == "bmkg"


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["bmkg-nowcast", "inatews", "bmkg", "estimate"]),
            "hazard": st.sampled_from([*map(str, HazardId), "any"]),
            "max_level": st.integers(2, 4),
        },
        optional={"itself": st.just(True), "approvers": st.integers(1, 5)},
    ),
    max_size=5,
)


@given(
    rules=RULES, approvers=st.integers(1, 5), code=st.booleans(),
    hazard=st.sampled_from(list(HazardId)), level=st.integers(0, 4),
    recipients=st.integers(0, 10**7), strict=st.none() | st.integers(2, 4),
)  # fmt: skip
def test_no_policy_lets_an_estimate_out_alone_in_actual_mode(
    rules, approvers, code, hazard, level, recipients, strict
):
    """Whatever stands in the file: two people and codes, or the file is refused."""
    asked = {**GOOD["approval"], "approvers": approvers, "code": code}
    if strict is not None:
        asked["strict_from_level"] = strict
    try:
        made = policy(release=rules, approval=asked)
    except ValidationError:
        return
    kwargs: dict[str, Any] = {"hazard": hazard, "level": level, "recipients": recipients}
    need = requirement(made, Mode.ACTUAL, official=False, **kwargs)
    assert not need.itself and need.people >= 2 and needs_code(made, Mode.ACTUAL)
    for mode in Mode:
        by_hand = requirement(made, mode, official=True, by_people=True, **kwargs)
        assert not by_hand.itself and by_hand.people >= 1
        assert by_hand.people >= 2 or strict is None or level < strict


def test_many_people_ask_for_two_whatever_a_rule_says():
    one = {"source": "estimate", "hazard": "rain", "max_level": 2, "approvers": 1}
    asked = {**GOOD["approval"], "strict_above_recipients": 1000}
    rules = policy(release=[one], approval=asked)
    kwargs: dict[str, Any] = {"hazard": HazardId.RAIN, "official": False, "level": 2}
    assert requirement(rules, Mode.TEST, recipients=1000, **kwargs).people == 1
    assert requirement(rules, Mode.TEST, recipients=1001, **kwargs).people == 2


# --- quotas ------------------------------------------------------------------------------


@pytest.fixture
def busy(world, actual):
    """In actual mode, with what happens later in mind: everything lasts six hours."""
    world.policy = actual
    return world


def with_quota(world, **quota):
    world.policy = world.policy.model_copy(update={"quota": Quotas(**quota)})


def warn(world, name, where="75", *, minutes=0, **changes):
    kwargs = {"mode": Mode.ACTUAL, "expires": world.at + timedelta(hours=6), **changes}
    at = world.at + minutes * MINUTE
    return world.publish(
        Action.ALERT, world.levels(where, 2), event_id=f"thunderstorm-{name}", at=at, **kwargs
    )


def alarms(world, at):
    with world.engine.connect() as connection:
        return held_back(connection, world.desk(Mode.ACTUAL), at)


def test_more_alerts_in_an_hour_than_the_quota_wait_and_raise_an_alarm(busy):
    with_quota(busy, alerts_per_hour=2)
    sent = [warn(busy, n, minutes=n) for n in range(4)]
    assert [done.alert is not None for done in sent] == [True, True, False, False]
    assert warn(busy, 9, "53", minutes=5).alert is not None, "another province"
    late = busy.at + 6 * MINUTE
    held = alarms(busy, late)
    assert [one.warning_id for one in held] == ["w-thunderstorm-2", "w-thunderstorm-3"]
    assert "2 alerts of thunderstorm within an hour in province 75" in held[0].held
    run = {"mode": Mode.ACTUAL, "live": True, "policy": busy.policy}
    run["coordinators"] = busy.coordinators
    assert resume(busy.engine, busy.store, at=late, **run) == []
    assert [r["action"] for r in busy.rows(audit)].count("warning.held") == 2, "noted once"
    for name in ("ani", "budi"):
        busy.approve(sent[2].ref, name, at=late)
    (out,) = resume(busy.engine, busy.store, at=late, **run)
    assert out.ref == sent[2].ref, "people may let it go"
    hour = busy.at + 67 * MINUTE
    (free,) = resume(busy.engine, busy.store, at=hour, **run)
    assert free.ref == sent[3].ref and alarms(busy, hour) == [], "and an hour later it goes"


def test_an_official_warning_that_is_held_waits_as_long_as_it_is_true(busy):
    with_quota(busy, messages_per_hour=1)
    assert warn(busy, 1).alert is None
    (held,) = alarms(busy, busy.at + timedelta(hours=5))
    assert "would go over the ceiling of 1 an hour (0 are spent)" in held.held
    assert held.until == busy.at + timedelta(hours=6)


def test_the_ceiling_counts_messages_and_stops_no_end(busy):
    first = warn(busy, 1, "75.04")
    spent = len(busy.rows(outbox))
    assert first.messages == spent == busy.rows(releases)[0]["messages"]
    with_quota(busy, messages_per_hour=spent)
    assert warn(busy, 2, "53", minutes=1).alert is None
    assert f"({spent} are spent)" in busy.rows(holds)[0]["reason"]
    end = busy.publish(
        Action.ALL_CLEAR, mode=Mode.ACTUAL, event_id="thunderstorm-1", at=busy.at + 2 * MINUTE
    )
    assert end.alert is not None


def test_a_clock_that_jumps_back_opens_no_new_hour(busy):
    with_quota(busy, alerts_per_hour=1)
    assert warn(busy, "a", minutes=120).alert is not None
    assert warn(busy, "b").alert is None and len(busy.rows(releases)) == 1


def test_an_exercise_has_no_quota(world):
    assert all(warn(world, n, mode=Mode.EXERCISE).alert is not None for n in range(31))
    assert world.rows(holds) == []
