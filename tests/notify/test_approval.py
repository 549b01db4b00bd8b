"""What an approval binds, how long it holds, and what voids it; break-glass and second looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from kentongan.db import approvals, audit, outbox, recipients, releases, warning_states, warnings
from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.types import HazardId, Mode
from notify import ending, versions
from notify.release import approval
from notify.release.binding import without_instant
from notify.release.review import open_reviews, overdue_reviews, review
from notify.release.run import release_and_fill, resume
from notify.release.waiting import waiting

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def asked(world, actual):
    """An estimate that waits for two people, in actual mode."""
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL
    )
    assert done.alert is None and not done.refused
    return done.ref


def go(world, ref, at, **changes):
    kwargs = {"mode": Mode.ACTUAL, "live": True, "policy": world.policy}
    kwargs |= {"coordinators": world.coordinators, "at": at, **changes}
    return release_and_fill(world.engine, world.store, ref, **kwargs)


def states(world, version=1):
    return [r["state"] for r in world.rows(warning_states) if r["version"] == version]


def waits(world, at, mode=Mode.ACTUAL):
    with world.engine.connect() as connection:
        return waiting(connection, world.desk(mode), at)


def test_what_was_bound_is_what_went_out(world, asked):
    seen = world.binding(asked)
    world.approve(asked, "ani")
    assert world.approve(asked, "budi", at=world.at + MINUTE) == ("ani", "budi")
    done = go(world, asked, world.at + 2 * MINUTE)
    (row,) = world.rows(releases)
    assert (row["how"], row["binding"], row["provinces"]) == ("approved", seen, ["75"])
    assert row["messages"] == done.messages == len(world.rows(outbox))
    said = [r["body"] for r in world.rows(audit) if r["action"] == "warning.release"]
    assert seen in said[0] and '"people":["ani","budi"]' in said[0]


def test_the_instant_is_the_only_thing_left_out(world, asked):
    with world.engine.connect() as connection:
        version = versions.get(connection, asked.warning_id, 1)
        early = world.desk().bind(connection, version, world.at)
        late = world.desk().bind(connection, version, world.at + 7 * MINUTE)
    assert early.cap != late.cap and early.binding == late.binding
    lines = zip(early.cap.splitlines(), late.cap.splitlines(), strict=True)
    changed = {a.strip().split(b">")[0] for a, b in lines if a != b}
    assert changed <= {b"<sent", b"<effective", b"<urgency"} and b"<sent" in changed
    assert without_instant(early.cap) == without_instant(late.cap)


def _one_more_resident(world):
    with world.engine.begin() as connection:
        connection.execute(
            recipients.insert().values(
                recipient_id="r-new", role="resident", adm4_code=world.codes("75")[0],
                address="+99900", synthetic=True,
            )
        )  # fmt: skip


def _one_resident_less(world):
    with world.engine.begin() as connection:
        one = connection.execute(
            select(recipients.c.recipient_id).where(recipients.c.role == "resident")
        ).scalars()
        connection.execute(delete(recipients).where(recipients.c.recipient_id == one.first()))


def _body(change):
    def act(world):
        with world.engine.begin() as connection:
            body = connection.execute(select(warnings.c.body)).scalar_one()
            change(body)
            connection.execute(update(warnings).values(body=body))

    return act


def _text(body):
    body["groups"][0]["sms"] += " "


def _push(body):
    body["groups"][0]["push_body"] += "."


def _polygon(body):
    body["groups"][0]["polygons"][0][0][0] += 0.001


def _told(body):
    body["groups"][0]["told"] = body["groups"][0]["told"][1:]


def _level(body):
    body["groups"][0]["level"] = 4


CHANGES = [
    pytest.param(_one_more_resident, id="one-recipient-more"),
    pytest.param(_one_resident_less, id="one-recipient-less"),
    pytest.param(_body(_text), id="a-space-in-a-text"),
    pytest.param(_body(_push), id="a-dot-in-a-push"),
    pytest.param(_body(_polygon), id="a-corner-of-an-area"),
    pytest.param(_body(_told), id="a-village-not-told"),
    pytest.param(_body(_level), id="the-level-of-a-group"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_voids_what_was_approved(world, asked, change):
    seen = world.binding(asked)
    world.approve(asked, "ani")
    world.approve(asked, "budi")
    change(world)
    assert go(world, asked, world.at + MINUTE, synthetic_residents=False).alert is None
    with pytest.raises(RuleViolation, match="read it again"):
        world.approve(asked, "citra", binding=seen, at=world.at + MINUTE)
    assert world.rows(releases) == []


def test_words_of_two_people_about_different_things_are_no_two(world, asked):
    world.approve(asked, "ani")
    _one_more_resident(world)
    assert world.approve(asked, "budi") == ("budi",)
    assert go(world, asked, world.at + MINUTE).alert is None
    assert world.approve(asked, "ani", at=world.at + MINUTE) == ("ani", "budi")
    assert go(world, asked, world.at + MINUTE).alert is not None


def test_a_new_version_voids_and_the_old_binding_is_no_good(world, asked):
    seen = world.binding(asked)
    for name in ("ani", "budi"):
        world.approve(asked, name)
    newer = world.publish(
        Action.ALERT, world.levels("75", 4), hazard=HazardId.SHAKING, mode=Mode.ACTUAL,
        at=world.at + MINUTE,
    )  # fmt: skip
    assert newer.alert is None and newer.ref.version == 2
    assert go(world, asked, world.at + MINUTE).alert is None
    with pytest.raises(RuleViolation, match="read it again"):
        world.approve(newer.ref, "ani", binding=seen, at=world.at + MINUTE)


def test_a_related_alert_in_between_voids(world, asked, exercise):
    """An update that refers to one alert is another document when it refers to two."""
    for name in ("ani", "budi"):
        world.approve(asked, name)
    go(world, asked, world.at)
    update_ = world.publish(
        Action.UPDATE, world.levels("75", 4), hazard=HazardId.SHAKING, mode=Mode.ACTUAL,
        at=world.at + MINUTE,
    )  # fmt: skip
    before = world.binding(update_.ref, at=world.at + MINUTE)
    with world.engine.connect() as connection:
        version = versions.get(connection, asked.warning_id, 2)
        end = version.body.expires - SECOND
        same = world.desk().bind(connection, version, end).binding.digest
    assert before == same
    with world.engine.begin() as connection:
        from kentongan.db import alerts

        connection.execute(update(alerts).values(sent="2026-09-24T15:11:00+08:00"))
    assert world.binding(update_.ref, at=world.at + MINUTE) != before


@pytest.mark.parametrize(
    ("after", "goes"), [(0, True), (10, True), (10.1, False), (30, False)], ids=str
)
def test_an_approval_older_than_ten_minutes_asks_again(world, asked, after, goes):
    world.approve(asked, "ani")
    world.approve(asked, "budi")
    at = world.at + after * MINUTE
    assert (go(world, asked, at).alert is not None) is goes
    if not goes:
        (line,) = waits(world, at)
        assert line.people == () and line.waits_for.startswith("2 people")
        for name in ("ani", "budi"):
            world.approve(asked, name, at=at)
        assert go(world, asked, at).alert is not None
        assert len(world.rows(approvals)) == 4


def test_an_approval_from_a_time_to_come_does_not_count(world, asked):
    later = world.at + 5 * MINUTE
    for name in ("ani", "budi"):
        world.approve(asked, name, at=later)
    assert go(world, asked, world.at + MINUTE).alert is None
    assert go(world, asked, later).alert is not None


def test_a_clock_before_the_draft_releases_and_approves_nothing(world, asked):
    early = world.at - MINUTE
    with pytest.raises(RuleViolation, match="jumped back"):
        world.approve(asked, "ani", at=early)
    with pytest.raises(RuleViolation, match="jumped back"):
        go(world, asked, early)
    assert world.rows(approvals) == [] and states(world) == ["draft"]


def test_a_draft_nobody_approves_runs_out_and_is_made_anew_while_it_lasts(world, asked):
    hour = world.at + 60 * MINUTE
    assert go(world, asked, hour).alert is None and states(world) == ["draft", "expired"]
    assert "no release within 60 minutes" in world.rows(warning_states)[-1]["reason"]
    again = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL, at=hour
    )
    assert again.ref.version == 2 and states(world, 2) == ["draft"]


def test_an_update_that_runs_out_leaves_the_alert_in_force(world, asked):
    from notify import life

    for name in ("ani", "budi"):
        world.approve(asked, name)
    go(world, asked, world.at)
    kwargs = {"hazard": HazardId.SHAKING, "mode": Mode.ACTUAL}
    world.publish(Action.UPDATE, world.levels("75", 4), at=world.at + MINUTE, **kwargs)
    later = world.at + 62 * MINUTE
    run = {"mode": Mode.ACTUAL, "live": True, "policy": world.policy}
    assert resume(world.engine, world.store, at=later, **run) == []
    assert states(world, 2) == ["draft", "expired"] and states(world)[-1] == "released"
    held = life.standing(world.engine, "shaking-1")
    assert (held.version, held.state) == (1, "released")
    assert [v.version for v in life.active_warnings(world.engine, later)] == [1]


def test_the_author_of_an_end_is_one_of_the_two_and_never_both(world, asked):
    for name in ("ani", "budi"):
        world.approve(asked, name)
    go(world, asked, world.at)
    ref = ending.cancel(
        world.engine, asked.warning_id, world.areas, actor="ani", at=world.at + MINUTE,
        reason="wrong", mode=Mode.ACTUAL, live=True,
    )  # fmt: skip
    at = world.at + 2 * MINUTE
    with pytest.raises(RuleViolation, match="another person must approve"):
        world.approve(ref, "ani", at=at)
    assert go(world, ref, at).alert is None
    (line,) = waits(world, at)
    assert line.what == "cancel" and line.waits_for.endswith("besides ani")
    world.approve(ref, "budi", at=at)
    assert go(world, ref, at).alert is not None


def break_glass(world, ref, actor="ani", *, at, reason="the sea is coming"):
    approval.break_glass(
        world.engine, ref, actor=actor, binding=world.binding(ref, at=at), reason=reason, at=at,
        desk=world.desk(),
    )  # fmt: skip


def test_break_glass_goes_at_once_and_must_be_reviewed_in_five_minutes(world, asked):
    break_glass(world, asked, at=world.at)
    assert go(world, asked, world.at).alert is not None
    (row,) = world.rows(releases)
    assert (row["how"], row["review_by"]) == ("break-glass", "2026-09-24T07:15:00Z")
    assert overdue_reviews(world.engine, world.at + 4 * MINUTE) == []
    (late,) = overdue_reviews(world.engine, world.at + 5 * MINUTE)
    assert (late.by, late.reason) == ("ani", "the sea is coming")
    assert "OVERDUE" in waits(world, world.at + 6 * MINUTE)[0].waits_for
    with pytest.raises(RuleViolation, match="another person must review"):
        review(world.engine, asked.warning_id, actor="ani", at=world.at + 6 * MINUTE)
    assert review(world.engine, asked.warning_id, actor="budi", at=world.at + 6 * MINUTE) == [1]
    with world.engine.connect() as connection:
        assert open_reviews(connection) == []
    with pytest.raises(RuleViolation, match="no release waits"):
        review(world.engine, asked.warning_id, actor="budi", at=world.at + 7 * MINUTE)
    actions = [row["action"] for row in world.rows(audit)]
    assert "warning.break-glass" in actions and "warning.review" in actions


def test_break_glass_is_for_what_is_near_and_grave(world, actual):
    world.policy = actual
    kwargs = {"hazard": HazardId.SHAKING, "mode": Mode.ACTUAL}
    far = world.publish(
        Action.ALERT, world.levels("75", 4), event_id="shaking-far",
        onset=world.at + 90 * MINUTE, **kwargs,
    ).ref  # fmt: skip
    small = world.publish(Action.ALERT, world.levels("75", 2), event_id="shaking-s", **kwargs).ref
    near = world.publish(Action.ALERT, world.levels("75", 3), event_id="shaking-n", **kwargs).ref
    for ref, words in ((far, "in more than 60 minutes"), (small, "level 2: break-glass is for")):
        with pytest.raises(RuleViolation, match=words):
            break_glass(world, ref, at=world.at)
    with pytest.raises(RuleViolation, match="say why"):
        break_glass(world, near, at=world.at, reason="  ")
    never = actual.break_glass.model_copy(update={"allowed": False})
    world.policy = actual.model_copy(update={"break_glass": never})
    with pytest.raises(RuleViolation, match="allows no break-glass"):
        break_glass(world, near, at=world.at)
    assert world.rows(approvals) == []


def test_a_broken_glass_holds_for_what_was_read_and_not_for_long(world, asked):
    break_glass(world, asked, at=world.at)
    _one_more_resident(world)
    assert go(world, asked, world.at).alert is None
    break_glass(world, asked, at=world.at + MINUTE)
    assert go(world, asked, world.at + 12 * MINUTE).alert is None
    assert go(world, asked, world.at + 2 * MINUTE).alert is not None


def test_a_document_that_differs_from_what_was_bound_stays(world, asked, monkeypatch):
    from notify.release import publish as release

    for name in ("ani", "budi"):
        world.approve(asked, name)
    built = release.build

    def other(*args, **kwargs):
        alert = built(*args, **kwargs)
        return alert.model_copy(update={"note": "slipped in"})

    monkeypatch.setattr(approval, "publish_alert", _publishing_with(other, monkeypatch))
    with pytest.raises(RuleViolation, match="differs from what was bound"):
        go(world, asked, world.at)
    assert world.rows(releases) == [] and states(world) == ["draft"]


def _publishing_with(build, monkeypatch):
    """`publish_alert` whose document is built otherwise than the one that was bound."""
    from notify.release import publish as release

    original = release.publish_alert

    def publish(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(release, "build", build)
            return original(*args, **kwargs)

    return publish


def test_in_exercise_an_end_by_hand_needs_its_author_alone(world):
    world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING)
    ref = ending.cancel(
        world.engine, "w-shaking-1", world.areas, actor="Ani", at=world.at + MINUTE,
        reason="over", mode=Mode.EXERCISE, live=True,
    )  # fmt: skip
    assert go(world, ref, world.at + MINUTE, mode=Mode.EXERCISE).alert is not None
    assert [r["how"] for r in world.rows(releases)] == ["policy", "approved"]
