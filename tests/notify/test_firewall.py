"""Actual comes out of exactly one combination; everything else has only the recorder."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from kentongan.binding import bind
from kentongan.db import alerts, audit, events, messages, outbox, recipients, warnings
from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.policy import ReleasePolicy
from kentongan.release_policy import ReleaseRule
from kentongan.times import iso
from kentongan.types import DocumentStatus, HazardId, Level, Mode
from notify.channels.channel import Origin, Outcome, Outgoing, Receipt
from notify.channels.real import RealChannel
from notify.firewall import gate as firewall
from notify.release import approval
from notify.sending.dispatch import dispatch


class Phone(RealChannel):
    """A real channel that remembers."""

    route = "sms"
    window = 10

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.ACCEPTED)] * len(messages)


class Tape:
    """A recorder that remembers."""

    route = "recorder"
    window = 10

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.RECORDED)] * len(messages)


AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
REAL = Origin("Actual")


def outgoing(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "outbox_id": 1, "message_id": "m", "warning_id": "w", "version": 1, "channel": "sms",
        "recipient_id": "r", "address": "+6281234567890", "text": "AWAS", "payload": None,
        "level": 4, "cap_status": "Actual", "origin": REAL,
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def channels(engine: Engine, mode: Mode = Mode.ACTUAL, **changes: Any) -> dict[str, Any]:
    """Of a live run of the present in a home that is bound to its kind."""
    bind(engine, mode, live=changes.get("live", True))
    values = {"live": True, "at": AT, "clock": lambda: AT, "recorder": Tape(), **changes}
    return firewall.channels_for(engine, mode, **values)


def test_actual_comes_out_of_exactly_one_combination():
    found = []
    for mode, live, status, re_creation in itertools.product(
        Mode, (True, False), DocumentStatus, (True, False)
    ):
        case = (mode, live, status, re_creation)
        try:
            made = firewall.cap_status(mode, live=live, status=status, re_creation=re_creation)
        except RuleViolation:
            assert mode is Mode.ACTUAL and status is not DocumentStatus.ACTUAL
            continue
        if made == "Actual":
            found.append(case)
        else:
            assert firewall.mark_of(made)
    assert found == [(Mode.ACTUAL, True, DocumentStatus.ACTUAL, False)]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
@pytest.mark.parametrize("channel", ["sms", "push"])
def test_a_real_route_is_open_in_exactly_one_combination(engine, mode, live, status, channel):
    found = channels(engine, mode, live=live, real={channel: Phone()}, test_numbers=("+62811",))
    routes = firewall.routes_for(mode, live=live, status=status, test_numbers=("+62811",))
    is_actual = mode is Mode.ACTUAL and live and status == "Actual"
    assert routes.real == is_actual
    assert (channel in found) == (mode is Mode.ACTUAL and live)
    assert bool(routes.test_numbers) == (mode is Mode.TEST and status == "Test")
    assert firewall.RECORDER in found
    assert not (routes.open_to("Exercise").real or routes.open_to("Test").real)


@pytest.mark.parametrize(
    "address",
    [
        "+99975020720011",
        "00999123",
        "999123",
        "+999 75",
        " +9-99123",
        "0999123",
        "+62999123",
        "\uff0b\uff19\uff19\uff19123",
        "+\u0669\u0669\u0669123",
        "+9\u200b99123",
    ],
)
def test_no_real_channel_takes_a_synthetic_number(engine, address):
    phone = Phone()
    receipts = channels(engine, real={"sms": phone})["sms"].send(
        [outgoing(address=address), outgoing()]
    )
    assert [r.outcome for r in receipts] == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert [m.address for m in phone.sent] == ["+6281234567890"]


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_no_real_channel_takes_an_exercise(engine, status):
    phone = Phone()
    guarded = channels(engine, real={"sms": phone})["sms"]
    assert guarded.send([outgoing(cap_status=status)])[0].outcome is Outcome.REFUSED
    assert phone.sent == []


@pytest.mark.parametrize("spelt", ["08111234567", "+62 811-1234-567", "628111234567", "8111234567"])
@pytest.mark.parametrize("listed", ["+628111234567", "0811 1234 567", "00628111234567"])
def test_test_mode_reaches_the_listed_numbers_only_and_only_marked(engine, spelt, listed):
    phone = Phone()
    found = channels(engine, Mode.TEST, real={"sms": phone}, test_numbers=(listed, "+99912345678"))
    test = {"address": spelt, "cap_status": "Test", "text": "TES. AWAS", "origin": None}
    sent = [
        outgoing(**test),
        outgoing(**{**test, "text": "AWAS"}),
        outgoing(**{**test, "address": "+628121234567"}),
        outgoing(**{**test, "address": "+99912345678"}),
        outgoing(**{**test, "cap_status": "Actual", "text": "AWAS"}),
        outgoing(**{**test, "synthetic": True}),
        outgoing(**{**test, "payload": {"title": "AWAS", "body": "TES. AWAS"}}),
        outgoing(**{**test, "payload": {"title": "TES. A", "body": "TES. A", "status": "Actual"}}),
    ]
    outcomes = [r.outcome for r in found[firewall.TEST_ROUTE].send(sent)]
    assert outcomes == [Outcome.ACCEPTED, *[Outcome.REFUSED] * 7]
    assert len(phone.sent) == 1
    assert set(found) == {firewall.TEST_ROUTE, firewall.RECORDER}


@pytest.mark.parametrize(("status", "word"), [("Exercise", "LATIHAN"), ("Test", "TES")])
def test_an_unmarked_text_is_refused(status, word):
    assert firewall.mark("AWAS", status).startswith(word)
    with pytest.raises(RuleViolation, match=word):
        firewall.require_marked("AWAS", status)
    with pytest.raises(RuleViolation, match="status"):
        firewall.require_marked("AWAS", "Public")


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (DocumentStatus.TEST, "Peringatan dini tsunami"),
        (DocumentStatus.EXERCISE, "Peringatan dini tsunami"),
        (DocumentStatus.ACTUAL, "TES Peringatan dini tsunami"),
    ],
)
def test_27_may_2021_a_test_bulletin_reaches_nobody_in_actual_mode(world, actual, status, title):
    """On that day a test tsunami SMS went out to the public."""
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("53", 4), hazard=HazardId.TSUNAMI, mode=Mode.ACTUAL,
        status=status, title=title, level=Level.AWAS,
    )  # fmt: skip
    assert done.ref is None and done.alert is None and "mode actual" in done.refused
    for table in (warnings, alerts, messages, outbox):
        assert world.rows(table) == []
    assert [row["action"] for row in world.rows(audit)] == ["warning.refused"]


@pytest.mark.parametrize(("mode", "word"), [(Mode.EXERCISE, "LATIHAN"), (Mode.TEST, "TES")])
def test_a_test_bulletin_may_drive_an_exercise_and_is_marked(world, mode, word):
    world.publish(
        Action.ALERT, world.levels("53", 4), hazard=HazardId.TSUNAMI, mode=mode,
        status=DocumentStatus.TEST,
    )  # fmt: skip
    texts = [row["text"] for row in world.rows(messages)]
    assert texts and all(text.startswith(word) for text in texts)
    assert all(row["payload"]["title"].startswith(word) for row in world.rows(messages)
               if row["payload"])  # fmt: skip
    assert {row["route"] for row in world.rows(outbox)} == {"recorder"}


@pytest.mark.parametrize(("live", "re_creation"), [(False, False), (True, True), (False, True)])
def test_replay_and_re_creation_never_make_an_actual_alert(world, actual, live, re_creation):
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL, live=live, re_creation=re_creation
    )
    assert done.alert is not None
    assert b"<status>Exercise</status>" in world.store.read(done.alert.path)
    assert {row["route"] for row in world.rows(outbox)} == {"recorder"}


def test_an_exercise_left_in_the_outbox_never_goes_over_a_real_channel(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    phone, tape = Phone(), Tape()
    found = channels(world.engine, recorder=tape, real={"sms": phone, "push": phone})
    dispatch(world.engine, found, at=world.at)
    assert phone.sent == [] and tape.sent


def test_synthetic_people_of_an_actual_alert_stay_with_the_recorder(world, actual):
    world.policy = actual
    done = world.publish(Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL)
    assert b"<status>Actual</status>" in world.store.read(done.alert.path)
    assert {row["route"] for row in world.rows(outbox)} == {"recorder"}
    assert not any(r["text"].startswith(("LATIHAN", "TES")) for r in world.rows(messages))


def test_in_actual_mode_an_estimate_waits_for_people_whatever_the_policy_says(world, actual):
    everything = ReleaseRule(source="estimate", hazard="any", max_level=4, itself=True)
    world.policy = actual.model_copy(update={"release": (everything,)})
    done = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL
    )
    assert done.ref is not None and done.alert is None and world.rows(outbox) == []


def test_a_draft_for_reality_is_not_released_in_another_run(world, actual, exercise):
    world.policy = actual
    done = world.publish(
        Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING, mode=Mode.ACTUAL
    )
    with pytest.raises(RuleViolation, match="drafted as Actual"):
        approval.release(
            world.engine, world.store, done.ref, at=world.at, policy=exercise,
            mode=Mode.EXERCISE, live=True,
        )  # fmt: skip


def test_policy_for_actual_asks_two_people_for_estimates(actual: ReleasePolicy):
    assert actual.approval.approvers == 2 and actual.approval.code
    assert {rule.source for rule in actual.release} == {"bmkg-nowcast", "inatews"}


@pytest.mark.parametrize(
    ("changes", "drill"),
    [
        ({"title": "*** TES *** Peringatan dini tsunami"}, True),
        ({"place": "LATIHAN - 38 km Timur Laut Mbay"}, True),
        ({"evidence": {"potential": "Ini adalah latihan: berpotensi tsunami"}}, True),
        ({"evidence": {"felt": "Tes MMI 4", "potential": "Tidak berpotensi tsunami"}}, False),
        ({"evidence": {"districts": "Tes, Topos", "bulletins": 1, "p": None}}, False),
    ],
)
def test_a_drill_is_known_by_any_of_its_texts(world, changes, drill):
    found = world.publish(Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL, **changes)
    assert bool(found.refused) is drill and (found.alert is None) is drill


def test_a_real_warning_and_its_end_reach_the_phones_of_real_people(world, actual):
    """The whole way, so that no witness ever keeps back what is real."""
    world.policy = actual
    code = world.codes("75.02")[0]
    people = [
        {"recipient_id": f"p-{i}", "role": "resident", "adm4_code": code, "language": "id",
         "address": f"+62812000000{i}", "synthetic": False}
        for i in range(3)
    ]  # fmt: skip
    event = world.event()
    stored = {
        "event_id": event.event_id, "hazard_id": str(event.hazard_id), "level": 2,
        "valid_from": iso(AT), "valid_to": iso(AT), "state": "active", "field_hash": "",
        "updated_at": iso(AT), "body": event.model_dump_json(),
    }  # fmt: skip
    with world.engine.begin() as connection:
        connection.execute(recipients.insert(), people)
        connection.execute(events.insert().values(**stored))
    phone = Phone()
    found = channels(world.engine, real={"sms": phone})
    world.publish(Action.ALERT, world.levels("75", 2), mode=Mode.ACTUAL)
    dispatch(world.engine, found, at=AT)
    assert {m.recipient_id for m in phone.sent} == {"p-0", "p-1", "p-2"}
    assert all(m.cap_status == "Actual" and "LATIHAN" not in m.text for m in phone.sent)
    later = AT + timedelta(minutes=1)
    world.publish(Action.ALL_CLEAR, mode=Mode.ACTUAL, at=later)
    dispatch(world.engine, found, at=later)
    assert sorted(m.version for m in phone.sent) == [1, 1, 1, 2, 2, 2]
    assert [r["action"] for r in world.rows(audit) if "firewall" in r["action"]] == []
