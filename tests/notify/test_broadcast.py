"""Topics of a version, the order of channels, and the firewall in front of them."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.pool import StaticPool

from kentongan.binding import bind
from kentongan.db import bindings, make_engine, messages, metadata, outbox, recipients
from kentongan.decision import Action
from kentongan.errors import RuleViolation, SettingsError
from kentongan.types import HazardId, Mode, OutboxState
from notify import versions
from notify.cap.publisher import Publisher
from notify.channels.channel import Outcome, Receipt
from notify.channels.real import RealChannel
from notify.channels.recorder import Recorder
from notify.firewall.clearance import public_clearance
from notify.firewall.gate import channels_for
from notify.sending import broadcast
from notify.sending.broadcast import (
    Broadcasts,
    address_of,
    broadcast_messages,
    broadcasts_of,
    fcm_topic,
    group_of,
    mqtt_topic,
)
from notify.sending.dispatch import dispatch
from notify.sending.urgency import Class, class_of, onset_rank, people_rank, prio, task_class
from tests.peers.outgoing import outgoing

EVERY = Broadcasts(frozenset({"mqtt", "fcm", "staff"}), ("duty",))
ROOT = Path(__file__).parents[2]
KINDS = ("mqtt", "fcm", "push", "webpush", "staff")


@pytest.fixture
def everywhere(monkeypatch):
    monkeypatch.setattr(broadcast, "broadcasts_of", lambda _: EVERY)


def body_of(world, ref):
    with world.engine.connect() as connection:
        return versions.get(connection, ref.warning_id, ref.version).body


def rows(world, version, channel):
    query = (
        select(outbox.c.recipient_id, messages.c.payload, outbox.c.route, outbox.c.prio)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .where(messages.c.version == version, outbox.c.channel == channel)
    )
    with world.engine.connect() as connection:
        return {row.recipient_id: row for row in connection.execute(query)}


def test_a_release_has_a_message_for_each_topic(world, everywhere):
    done = world.publish(Action.ALERT, world.levels("75.02", 3))
    sirens = rows(world, 1, "mqtt")
    assert set(sirens) == {"mqtt:75.02.07", "mqtt:75.02.08"}
    assert set(rows(world, 1, "fcm")) == {
        "fcm:adm3-750207", "fcm:adm3-750208", "fcm:adm2-7502",
    }  # fmt: skip
    assert set(rows(world, 1, "staff")) == {"staff:duty"}
    payload = sirens["mqtt:75.02.07"].payload
    assert payload["state"] == "alert" and payload["level"] == 3
    assert payload["cap_sha256"] == done.alert.sha256
    assert payload["title"].startswith("LATIHAN") and payload["status"] == "Exercise"
    assert {row.route for row in sirens.values()} == {"recorder"}
    topic = next(r for r in world.rows(recipients) if r["recipient_id"] == "mqtt:75.02.07")
    assert (topic["role"], topic["address"], topic["synthetic"]) == ("topic", "id/75/02/07", False)


def test_without_routes_there_are_none(world):
    world.publish(Action.ALERT, world.levels("75.02", 3))
    assert not {r["role"] for r in world.rows(recipients)} & {"topic"}
    assert {r["channel"] for r in world.rows(outbox)} == {"sms", "push"}


def test_an_end_goes_to_the_topics_that_were_told(world, everywhere):
    world.publish(Action.ALERT, world.levels("75.02", 3))
    world.send()
    later = world.at + timedelta(minutes=30)
    world.publish(Action.ALL_CLEAR, at=later)
    ended = rows(world, 2, "mqtt")
    assert set(ended) == {"mqtt:75.02.07", "mqtt:75.02.08"}
    assert {row.payload["state"] for row in ended.values()} == {"ended"}


def test_an_end_before_anything_was_sent_goes_to_no_topic(world, everywhere):
    world.publish(Action.ALERT, world.levels("75.02", 3))
    later = world.at + timedelta(minutes=30)
    world.publish(Action.ALL_CLEAR, at=later)
    assert rows(world, 2, "mqtt") == {}
    states = {r["state"] for r in world.rows(outbox) if r["channel"] == "mqtt"}
    assert states == {OutboxState.SUPPRESSED}


def test_a_district_where_one_village_left_stays_at_its_level(world, everywhere):
    world.publish(Action.ALERT, world.levels("75.02", 3))
    world.send()
    gone, *left = world.codes("75.02.07")
    stays = dict.fromkeys([*left, *world.codes("75.02.08")], 3)
    later = world.at + timedelta(minutes=30)
    world.publish(Action.UPDATE, stays, told=[gone], at=later)
    sirens = rows(world, 2, "mqtt")
    assert sirens["mqtt:75.02.07"].payload["state"] == "alert"
    assert sirens["mqtt:75.02.08"].payload["state"] == "alert", "what stands there would run out"
    assert set(rows(world, 2, "fcm")) == {"fcm:adm3-750207", "fcm:adm2-7502"}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["75.02.07", "75.02.08", "75.04.09"]), st.integers(1, 4)),
        st.tuples(st.integers(0, 4), st.booleans()),
        min_size=1,
    )
)
def test_a_topic_has_the_highest_level_of_its_villages(villages):
    """Whatever groups: no village's siren is lower than its own level."""
    body = body_with(villages)
    for holds in (False, True):
        found = group_of(body, 8, holds=holds)
        for (district, _), (level, told) in villages.items():
            if told:
                assert body.groups[found[district]].level >= level
        for district, number in found.items():
            levels = [level for (d, _), (level, _) in villages.items() if d == district]
            assert body.groups[number].level == max(levels)


def body_with(villages):
    """A stand-in of a body with the groups that these villages make."""
    from types import SimpleNamespace

    groups = {}
    for (district, number), (level, told) in villages.items():
        code = f"{district}.{2000 + number}"
        group = groups.setdefault((district[:5], level), ([], []))
        group[0].append(code)
        if told:
            group[1].append(code)
    made = [
        SimpleNamespace(level=level, codes=tuple(codes), told=tuple(told))
        for (_, level), (codes, told) in sorted(groups.items(), key=lambda item: -item[0][1])
    ]
    return SimpleNamespace(action="update", groups=made)


def test_a_text_without_its_mark_is_refused(world):
    ref = world.publish(Action.ALERT, world.levels("75.02", 3)).ref
    body = body_of(world, ref)
    real = body.model_copy(update={"status": "Test"})
    with pytest.raises(RuleViolation, match="must start"):
        broadcast_messages(ref, real, to=EVERY, publisher=Publisher(), cap_sha256="")


def test_what_the_routes_file_says(tmp_path):
    file = tmp_path / "routes.toml"
    file.write_text(
        '[[route]]\nkind = "mqtt"\n[[route]]\nkind = "smpp"\n'
        '[[route]]\nkind = "staff"\nnames = ["duty", "night", "duty"]\n'
    )
    assert broadcasts_of(file) == Broadcasts(frozenset({"mqtt", "staff"}), ("duty", "night"))
    file.write_text("= broken")
    assert (
        broadcasts_of(file) == broadcasts_of(None) == broadcasts_of(tmp_path / "no") == Broadcasts()
    )


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_routes_file_with_every_kind(tmp_path):
    """What `docs/push.md` shows, read and opened as the dispatcher does."""
    from notify.channels.mqtt.signing import make_key as siren_key
    from notify.channels.webpush.vapid import make_key as browser_key
    from notify.dispatcher.config import load_routes, open_channel

    text = re.search(r"```toml\n(.*?)```", (ROOT / "docs/push.md").read_text(), re.DOTALL)
    file = tmp_path / "routes.toml"
    file.write_text(text[1])
    for name, content in (
        ("vapid.pem", browser_key()), ("sirens.pem", siren_key()), ("mqtt-password", b"x"),
        ("staff.toml", b'duty = ["json://127.0.0.1:9/"]'), ("ca.pem", b""), ("fcm.json", b"{}"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "ca.pem").symlink_to(certifi.where())
    found = load_routes(file)
    assert [one.kind for one in found.all] == ["webpush", "fcm", "mqtt", "staff"]
    assert broadcasts_of(file) == Broadcasts(frozenset({"mqtt", "fcm", "staff"}), ("duty",))
    opened = {}
    for one in found.all:
        if one.kind != "fcm":
            opened[one.kind] = open_channel(one)
    with pytest.raises(SettingsError, match="service account"):
        open_channel(found.all[1])
    assert {type(c).__name__ for c in opened.values()} == {"WebPush", "Mqtt", "Staff"}
    assert [c.window for c in opened.values()] == [50, 50, 5]


def test_names_of_topics():
    assert (mqtt_topic("75.02.07"), fcm_topic("75.02.07")) == ("mqtt:75.02.07", "fcm:adm3-750207")
    assert address_of("mqtt:75.02.07") == "id/75/02/07"
    assert address_of("fcm:adm2-7502") == "adm2-7502" and address_of("staff:duty") == "duty"


# Order

SPAN = st.none() | st.timedeltas(timedelta(hours=-2), timedelta(days=2))
PEOPLE = st.none() | st.integers(0, 300_000_000)
CHANNEL = st.sampled_from(["mqtt", "fcm", "push", "webpush", "sms", "staff"])


@given(st.sampled_from(Class), st.sampled_from(Class), CHANNEL, CHANNEL, SPAN, SPAN, PEOPLE, PEOPLE)
def test_a_class_comes_before_everything_else(a, b, channel, other, onset, later, people, more):
    first, second = (
        prio(a, channel, onset=onset, people=people),
        prio(b, other, onset=later, people=more),
    )
    assert 0 <= first < 5000
    if a < b:
        assert first < second


@given(st.sampled_from(Class), SPAN, SPAN, PEOPLE, PEOPLE)
def test_in_a_class_sirens_app_push_then_sms(urgency, onset, later, people, more):
    def of(channel, when, who):
        return prio(urgency, channel, onset=when, people=who)

    for quick in ("mqtt", "fcm"):
        assert of(quick, onset, people) < of("push", later, more) < of("sms", onset, people)
    assert of("webpush", onset, people) == of("push", onset, people)


@given(SPAN, SPAN, PEOPLE, PEOPLE)
def test_sms_goes_by_onset_then_people(onset, later, people, more):
    a = prio(Class.AWAS, "sms", onset=onset, people=people)
    b = prio(Class.AWAS, "sms", onset=later, people=more)
    if onset_rank(onset) < onset_rank(later):
        assert a < b
    if onset_rank(onset) == onset_rank(later) and people_rank(people) < people_rank(more):
        assert a < b


@pytest.mark.parametrize(
    ("minutes", "rank"),
    [(None, 0), (-5, 0), (0, 0), (1, 1), (10, 1), (11, 2), (30, 3), (60, 4), (120, 5), (10_000, 9)],
)
def test_onset_ranks(minutes, rank):
    assert onset_rank(None if minutes is None else timedelta(minutes=minutes)) == rank


def test_people_ranks():
    assert [people_rank(n) for n in (None, 10**9, 10**6, 10_000, 9, 0)] == [0, 0, 2, 4, 8, 9]


def test_classes():
    assert [class_of(level) for level in (4, 3, 2, 1)] == [0, 1, 2, 3]
    assert class_of(0, is_end=True) == Class.SIAGA and class_of(4, renews=True) == Class.RENEWAL
    assert [task_class(level) for level in (4, 3, 2)] == [1, 2, 3]


def test_the_order_of_a_release(world, everywhere):
    world.publish(Action.ALERT, {**world.levels("75.02", 3), **world.levels("75.04", 2)})
    world.send()
    file = next((world.folder / "recorder").glob("*.jsonl"))
    order = [json.loads(line)["channel"] for line in file.read_text().splitlines()]
    siaga = order[: order.index("staff")]
    assert siaga.index("push") > max(i for i, c in enumerate(siaga) if c in ("mqtt", "fcm"))
    assert siaga.index("sms") > max(i for i, c in enumerate(siaga) if c == "push")


class Picky:
    """A channel whose answers are decided by whoever made it."""

    route, window = "recorder", 7

    def __init__(self, answer):
        self.answer, self.sent = answer, []

    def send(self, batch):
        self.sent += [(m.channel, m.outbox_id) for m in batch]
        return [Receipt(self.answer(m)) for m in batch]


OUTCOMES = [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.RETRY]


def test_no_row_waits_for_the_receipt_of_another(world, everywhere):
    """Whatever became of any message, all others go, in the same order."""
    world.publish(Action.ALERT, world.levels("75.02", 3))
    world.engine.dispose()
    file = world.engine.url.database

    @settings(max_examples=12)
    @given(st.randoms(use_true_random=False))
    def proof(random):
        copy = f"{file}.copy"
        shutil.copyfile(file, copy)
        engine = make_engine(f"sqlite:///{copy}")
        wire = Picky(lambda _: random.choice(OUTCOMES))
        dispatch(engine, {"recorder": wire}, at=world.at)
        engine.dispose()
        orders.add(tuple(wire.sent))

    orders = set()
    proof()
    [order] = orders
    assert len(order) == len(set(order)) == len(world.rows(outbox))


# The firewall

NOW = datetime.now(UTC)


class Wire(RealChannel):
    window = 50

    def __init__(self, route):
        self.route, self.sent = route, []

    def transmit(self, messages):
        self.sent.extend(messages)
        return [Receipt(Outcome.ACCEPTED)] * len(messages)


def test_no_run_but_a_real_one_has_these_channels(tmp_path):
    hour = timedelta(hours=1)
    every = itertools.product(Mode, (True, False), (True, False), (timedelta(), hour, -hour))
    for mode, live, bound, off in every:
        engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(engine, tables=[bindings])
        if bound:
            bind(engine, mode, live=live)
        found = channels_for(
            engine, mode, live=live, at=NOW + off, recorder=Recorder(tmp_path),
            real={kind: Wire(kind) for kind in KINDS}, test_numbers=("+6281234567890",),
            clock=lambda: NOW,
        )  # fmt: skip
        real = mode is Mode.ACTUAL and live and bound and not off
        assert set(found) == ({"recorder", *KINDS} if real else {"recorder"})
        engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_they_take_cleared_messages_alone(kind):
    wire = Wire(kind)
    with pytest.raises(RuleViolation, match="cleared"):
        wire.send([outgoing("id/75/02/07")])
    assert wire.sent == []


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_a_drill_for_a_siren_is_not_cleared(status):
    clearance = public_clearance(
        Mode.ACTUAL, live=True, bound_to="actual", at=NOW, clock=lambda: NOW
    )
    drill = outgoing("id/75/02/07", cap_status=status, payload={"status": status})
    with pytest.raises(RuleViolation, match=status):
        clearance.clear(drill)
    marked = outgoing("id/75/02/07", text="LATIHAN. Jauhi pantai.")
    with pytest.raises(RuleViolation, match="drill"):
        clearance.clear(marked)
    unknown = outgoing("id/75/02/07", origin=None)
    with pytest.raises(RuleViolation, match="nobody looked"):
        clearance.clear(unknown)


@pytest.mark.parametrize("mode", [Mode.EXERCISE, Mode.TEST])
def test_rows_of_an_exercise_lead_to_the_recorder(world, everywhere, mode):
    world.publish(Action.ALERT, world.levels("75.02", 3), hazard=HazardId.THUNDERSTORM, mode=mode)
    assert {r["route"] for r in world.rows(outbox)} == {"recorder"}
