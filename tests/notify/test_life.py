"""Versions, states, approvals: append-only, bound to content, and the same when done twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kentongan.audit import first_broken
from kentongan.db import alerts, approvals, audit, messages, outbox, warning_states, warnings
from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.store import sha256_hex
from kentongan.types import HazardId, Mode
from notify import ending, life
from notify.release import approval
from notify.release.run import publish, release_and_fill, resume
from notify.sending.outbox import fill_outbox
from notify.warning import alert_identifier, warning_id_of

MINUTE = timedelta(minutes=1)


def states(world) -> list[tuple[int, str]]:
    return [(row["version"], row["state"]) for row in world.rows(warning_states)]


def test_published_twice_is_one_version_one_alert_the_same_bytes(world):
    levels = world.levels("75", 2)
    first = world.publish(Action.ALERT, levels)
    xml = world.store.read(first.alert.path)
    assert sha256_hex(xml) == first.alert.sha256 and first.messages > 0
    again = approval.release(
        world.engine, world.store, first.ref, at=world.at + MINUTE, policy=world.policy,
        mode=Mode.EXERCISE, live=True,
    )  # fmt: skip
    before = [world.rows(t) for t in (warnings, warning_states, alerts, messages, outbox)]
    assert again == first.alert and world.store.read(first.alert.path) == xml
    assert fill_outbox(world.engine, first.ref, at=world.at + MINUTE) == 0
    after = [world.rows(t) for t in (warnings, warning_states, alerts, messages, outbox)]
    assert before == after


def test_two_homes_give_the_same_bytes_and_rows(world, tmp_path):
    from kentongan.db import make_engine, metadata
    from kentongan.store import Store

    other = make_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    metadata.create_all(other)
    levels = {**world.levels("75", 2), **world.levels("53", 3)}
    one = world.publish(Action.ALERT, levels, hazard=HazardId.SHAKING)
    first, world.engine, store = world.engine, other, world.store
    world.store = Store(str(tmp_path / "elsewhere"))
    two = world.publish(Action.ALERT, levels, hazard=HazardId.SHAKING)
    assert world.store.read(two.alert.path) == store.read(one.alert.path)
    rows = [world.rows(outbox), world.rows(audit)]
    world.engine = first
    assert rows == [world.rows(outbox), world.rows(audit)]
    other.dispose()


def test_the_same_draft_twice_is_one_version(world, actual):
    world.policy = actual
    kwargs = {"hazard": HazardId.SHAKING, "mode": Mode.ACTUAL}
    one = world.publish(Action.ALERT, world.levels("75", 3), **kwargs)
    two = world.publish(Action.ALERT, world.levels("75", 3), at=world.at + MINUTE, **kwargs)
    three = world.publish(Action.ALERT, world.levels("75", 4), at=world.at + MINUTE, **kwargs)
    assert one.ref == two.ref and (one.ref.version, three.ref.version) == (1, 2)
    assert states(world) == [(1, "draft"), (1, "superseded"), (2, "draft")]


def test_two_different_people_release_an_estimate_and_only_what_they_read(world, actual):
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL
    )
    ref = done.ref
    kwargs = {"at": world.at + MINUTE, "mode": Mode.ACTUAL, "live": True, "policy": actual}
    kwargs["coordinators"] = world.coordinators
    with pytest.raises(RuleViolation, match="read it again"):
        world.approve(ref, "ani", binding="0" * 64)
    world.approve(ref, "ani")
    world.approve(ref, "ani")
    assert release_and_fill(world.engine, world.store, ref, **kwargs).alert is None
    world.approve(ref, "budi")
    released = release_and_fill(world.engine, world.store, ref, **kwargs)
    assert released.alert is not None and released.messages > 0
    assert b"<status>Actual</status>" in world.store.read(released.alert.path)
    with pytest.raises(RuleViolation, match="no draft"):
        world.approve(ref, "citra")
    assert len(world.rows(approvals)) == 2


def test_an_official_warning_needs_nobody_in_actual_mode(world, actual):
    world.policy = actual
    done = world.publish(Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL)
    assert done.alert is not None
    assert states(world) == [(1, "draft"), (1, "approved"), (1, "released")]


def test_an_update_supersedes_and_tells_only_the_told(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    levels = {**world.levels("75.02", 2), **world.levels("75.04", 2)}
    done = world.publish(Action.UPDATE, levels, told=world.codes("75.04"), at=world.at + MINUTE)
    assert done.alert.identifier == "kentongan-w-thunderstorm-1-v2-exercise"
    assert states(world)[2:4] == [(1, "released"), (2, "draft")]
    assert (1, "superseded") in states(world)
    assert world.reached(version=2) == set(world.codes("75.04"))
    standing = life.standing(world.engine, "thunderstorm-1")
    assert standing.version == 2 and standing.state == "released"
    assert standing.levels == levels and set(standing.ever_warned) == set(levels)
    assert [v.version for v in life.active_warnings(world.engine, world.at)] == [2]


def test_an_all_clear_reaches_exactly_those_warned_and_their_coordinators(world):
    world.publish(Action.ALERT, world.levels("75.02.07", 3), hazard=HazardId.TSUNAMI)
    both = {**world.levels("75.02.07", 4), **world.levels("53", 3)}
    world.publish(
        Action.UPDATE, both, told=world.codes("53"), hazard=HazardId.TSUNAMI, at=world.at + MINUTE
    )
    world.send(world.at + MINUTE)
    done = world.publish(Action.ALL_CLEAR, hazard=HazardId.TSUNAMI, at=world.at + 5 * MINUTE)
    warned = set(world.codes("75.02.07")) | set(world.codes("53"))
    for channel in ("sms", "push"):
        assert world.reached(version=3, channel=channel) == warned
    assert world.reached(version=3, role="coordinator") == {"c-53.07", "c-75.02"}
    assert done.messages == 2 * 2 * len(warned) + 2
    assert states(world)[-2:] == [(3, "released"), (3, "ended")]
    assert life.active_warnings(world.engine, world.at + 5 * MINUTE) == []
    assert life.standing(world.engine, "tsunami-1").state == "ended"


def test_an_all_clear_also_reaches_those_whom_an_update_left(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    world.publish(
        Action.UPDATE, world.levels("75.02", 2), told=world.codes("75"), at=world.at + MINUTE
    )
    assert world.reached(version=2) == set(world.codes("75"))
    texts = {
        row["area_code"]: row["text"]
        for row in world.rows(messages)
        if (row["version"], row["channel"], row["language"]) == (2, "sms", "id")
    }
    assert "tidak lagi mencakup" in texts["75.04"]
    world.send(world.at + MINUTE)
    world.publish(Action.ALL_CLEAR, at=world.at + 2 * MINUTE)
    assert world.reached(version=3) == set(world.codes("75"))


def test_renew_makes_a_document_and_a_push_and_no_sms(world):
    levels = world.levels("53", 3)
    world.publish(Action.ALERT, levels, hazard=HazardId.TSUNAMI)
    expires = world.at + timedelta(hours=4)
    done = world.publish(
        Action.RENEW, levels, told=(), hazard=HazardId.TSUNAMI, expires=expires,
        at=world.at + timedelta(hours=1, minutes=50),
    )  # fmt: skip
    assert b"<msgType>Update</msgType>" in world.store.read(done.alert.path)
    assert world.reached(version=2) == set()
    assert world.reached(version=2, channel="push") == set(levels)


def test_expire_adds_a_state_no_version_no_message(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    rows = len(world.rows(outbox))
    done = world.publish(Action.EXPIRE, at=world.at + timedelta(hours=3))
    assert done.ref is None and len(world.rows(outbox)) == rows
    assert states(world)[-1] == (1, "expired") and len(world.rows(warnings)) == 1
    world.publish(Action.EXPIRE, at=world.at + timedelta(hours=3))
    assert states(world)[-1] == (1, "expired")


def test_after_an_end_a_new_alert_begins_with_those_it_tells(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    world.publish(Action.EXPIRE, at=world.at + timedelta(hours=3))
    later = {"at": world.at + timedelta(hours=4), "expires": world.at + timedelta(hours=6)}
    done = world.publish(Action.ALERT, world.levels("75.04", 2), **later)
    assert done.ref.version == 2
    assert set(life.standing(world.engine, "thunderstorm-1").ever_warned) == set(
        world.codes("75.04")
    )


def test_nothing_is_decided_nothing_is_written(world):
    done = world.publish(Action.NONE)
    assert (done.ref, done.alert, done.messages) == (None, None, 0)
    assert world.rows(warnings) == [] and world.rows(audit) == []


def test_an_end_before_any_release_withdraws_the_draft(world, actual):
    world.policy = actual
    kwargs = {"hazard": HazardId.SHAKING, "mode": Mode.ACTUAL}
    one = world.publish(Action.ALERT, world.levels("75", 3), **kwargs)
    world.publish(Action.ALL_CLEAR, at=world.at + MINUTE, **kwargs)
    assert states(world) == [(1, "draft"), (1, "cancelled")] and world.rows(outbox) == []
    with pytest.raises(RuleViolation, match="no draft"):
        world.approve(one.ref, "ani")


def test_a_draft_past_its_end_is_not_released(world, actual):
    world.policy = actual
    kwargs = {"hazard": HazardId.SHAKING, "mode": Mode.ACTUAL}
    one = world.publish(Action.ALERT, world.levels("75", 3), **kwargs)
    for actor in ("ani", "budi"):
        world.approve(one.ref, actor)
    late = world.at + timedelta(hours=3)
    done = release_and_fill(
        world.engine, world.store, one.ref, at=late, mode=Mode.ACTUAL, live=True, policy=actual
    )
    assert done.alert is None and states(world)[-1] == (1, "expired")
    assert (
        resume(world.engine, world.store, at=late, mode=Mode.ACTUAL, live=True, policy=actual) == []
    )


def test_cancel_tells_everybody_who_was_warned_within_the_policy(world, actual):
    world.policy = actual
    world.publish(Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL)
    world.send()
    kwargs = {"mode": Mode.ACTUAL, "live": True}
    ref = ending.cancel(
        world.engine, "w-thunderstorm-1", world.areas, actor="ani", at=world.at + MINUTE,
        reason="wrong district", **kwargs,
    )  # fmt: skip
    kwargs |= {"at": world.at + MINUTE, "policy": actual, "coordinators": world.coordinators}
    assert release_and_fill(world.engine, world.store, ref, **kwargs).alert is None
    world.approve(ref, "budi", at=world.at + MINUTE)
    done = release_and_fill(world.engine, world.store, ref, **kwargs)
    assert b"<msgType>Cancel</msgType>" in world.store.read(done.alert.path)
    assert world.reached(version=2) == set(world.codes("75"))
    assert states(world)[-1] == (2, "cancelled")
    with pytest.raises(RuleViolation, match="cancelled already"):
        ending.cancel(world.engine, "w-thunderstorm-1", world.areas, actor="ani", at=world.at,
                    reason="", mode=Mode.ACTUAL, live=True)  # fmt: skip


def test_nobody_ends_bmkgs_warning_for_bmkg(world):
    world.publish(Action.ALERT, world.levels("53", 4), hazard=HazardId.TSUNAMI)
    kwargs = {"actor": "ani", "at": world.at, "reason": "", "mode": Mode.EXERCISE, "live": True}
    with pytest.raises(RuleViolation, match="only BMKG ends it"):
        ending.allclear(world.engine, "w-tsunami-1", world.areas, **kwargs)
    world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING)
    world.send()
    ref = ending.allclear(world.engine, "w-shaking-1", world.areas, **kwargs)
    done = release_and_fill(
        world.engine, world.store, ref, at=world.at, mode=Mode.EXERCISE, live=True,
        policy=world.policy,
    )  # fmt: skip
    assert done.alert is not None and world.reached(version=2)


def test_a_crash_between_the_steps_is_made_good(world, monkeypatch):
    def crash(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notify.release.run.fill_outbox", crash)
        world.publish(Action.ALERT, world.levels("75", 2))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notify.release.run.release", crash)
        world.publish(Action.ALERT, world.levels("53", 2), event_id="thunderstorm-2")
    assert world.rows(outbox) == [] and len(world.rows(alerts)) == 1
    kwargs = {"at": world.at, "mode": Mode.EXERCISE, "live": True, "policy": world.policy}
    done = resume(world.engine, world.store, coordinators=world.coordinators, **kwargs)
    assert len(done) == 2 and all(one.messages > 0 for one in done)
    assert resume(world.engine, world.store, coordinators=world.coordinators, **kwargs) == []


def test_a_crash_inside_release_leaves_nothing_half(world, monkeypatch):
    def crash(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("kentongan.store.Store.write", crash)
    with pytest.raises(OSError, match="disk full"):
        world.publish(Action.ALERT, world.levels("75", 2))
    assert world.rows(alerts) == [] and states(world) == [(1, "draft")]


def test_every_step_is_in_an_unbroken_audit_chain(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    world.publish(Action.ALL_CLEAR, at=world.at + MINUTE)
    assert [row["action"] for row in world.rows(audit)] == [
        "warning.draft", "warning.release", "warning.draft", "warning.release", "warning.ended",
    ]  # fmt: skip
    with world.engine.connect() as connection:
        assert first_broken(connection) is None


@pytest.mark.parametrize(
    "event_id", ["thunderstorm-CGT20260924002", "2.49.0.1, <x>&/../../etc", "é" * 80]
)
def test_identifiers_are_safe_for_files_links_and_cap(event_id):
    identifier = alert_identifier(warning_id_of(event_id), 12)
    assert not set(identifier) & set(" ,<&/.\\") and identifier.isascii()
    assert len(identifier) <= 110
    assert warning_id_of("a b") != warning_id_of("a-b")


def test_unresolved_names_are_shown_not_dropped(world):
    done = publish(
        world.engine, world.store, world.decision(Action.ALERT, world.levels("75", 2)),
        world.event(), world.impact(world.levels("75", 2)), world.areas, at=world.at,
        mode=Mode.EXERCISE, live=True, policy=world.policy, unresolved=("ENTAH BERANTAH",),
    )  # fmt: skip
    assert b"ENTAH BERANTAH" in world.store.read(done.alert.path)


def test_people_and_uncovered_add_up_over_the_groups(world):
    levels = {**world.levels("75", 3), **world.levels("53", 4)}
    world.publish(Action.ALERT, levels, hazard=HazardId.SHAKING)
    (body,) = [row["body"] for row in world.rows(warnings)]
    assert body["exposed_people"] == 1000 * len(levels)
    assert body["uncovered_people"] == 10 * len(levels)


def test_villages_that_a_later_run_did_not_see_keep_their_people(world):
    levels = world.levels("75", 2)
    world.publish(Action.ALERT, levels)
    decision = world.decision(Action.RENEW, levels, told=())
    later = world.at + 90 * MINUTE
    done = publish(
        world.engine, world.store, decision, world.event(), world.impact({}), world.areas,
        at=later, mode=Mode.EXERCISE, live=True, policy=world.policy,
    )  # fmt: skip
    assert done.ref.version == 2
    people = [row["body"]["exposed_people"] for row in world.rows(warnings)]
    assert people == [1000 * len(levels)] * 2
    polygons = [[g["polygons"] for g in row["body"]["groups"]] for row in world.rows(warnings)]
    assert polygons[0] == polygons[1] != []


def raised(world, action, levels, *, mode, live=True, minutes=5, **event):
    at = world.at + minutes * MINUTE
    return world.publish(
        action, levels, hazard=HazardId.THUNDERSTORM, at=at, mode=mode, live=live, **event
    ).refused


def as_written(world):
    return [world.rows(t) for t in (warnings, warning_states, alerts, messages, outbox)]


@pytest.mark.parametrize(
    "action", [Action.ALERT, Action.UPDATE, Action.RENEW, Action.ALL_CLEAR, Action.EXPIRE]
)
@pytest.mark.parametrize(
    "run", [{"mode": Mode.EXERCISE}, {"mode": Mode.TEST}, {"mode": Mode.ACTUAL, "live": False}]
)
def test_no_exercise_changes_or_ends_an_actual_warning(world, action, run):
    levels = world.levels("75.02", 2)
    alert = world.publish(Action.ALERT, levels, mode=Mode.ACTUAL).alert
    assert alert is not None
    before = as_written(world)
    more = world.levels("75", 3) if action in (Action.ALERT, Action.UPDATE) else {}
    refused = raised(world, action, more, **run)
    assert "v1 is Actual" in refused and "KENTONGAN_HOME" in refused
    assert as_written(world) == before


def test_no_exercise_puts_an_actual_draft_aside(world, actual):
    world.policy = actual
    world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL,
        event_id="shaking-9",
    )  # fmt: skip
    refused = world.publish(
        Action.ALL_CLEAR, {}, hazard=HazardId.SHAKING, event_id="shaking-9"
    ).refused
    assert "v1 is Actual" in refused and [s for _, s in states(world)] == ["draft"]


@pytest.mark.parametrize("action", [Action.UPDATE, Action.RENEW, Action.ALL_CLEAR])
def test_an_actual_version_never_refers_to_an_exercise(world, action):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    before = as_written(world)
    refused = raised(world, action, world.levels("75", 3), mode=Mode.ACTUAL)
    assert "status Actual" in refused and "v1 is Exercise" in refused
    assert as_written(world) == before


def test_a_real_alert_goes_out_after_an_exercise_of_the_same_name_has_run_out(world):
    world.publish(Action.ALERT, world.levels("75.02", 2))
    assert not raised(world, Action.EXPIRE, {}, mode=Mode.ACTUAL, minutes=1)
    real = world.publish(Action.ALERT, world.levels("75.02", 2), mode=Mode.ACTUAL)
    assert b"<references>" not in world.store.read(real.alert.path)
    assert b"<status>Actual</status>" in world.store.read(real.alert.path)
