"""Parts of the dispatcher that need no carrier: routes, pace, owners, ceilings, outlook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from kentongan.db import leases, spend
from kentongan.errors import RuleViolation, SettingsError
from notify.channels.routes import RouteBase
from notify.dispatcher.choice import choose, takes_from_pool
from notify.dispatcher.config import load_routes, read_routes, without_secrets
from notify.dispatcher.health import Health
from notify.dispatcher.ownership import BELIEVED_S, SqliteLease, running
from notify.dispatcher.pacing import TokenBucket
from notify.dispatcher.policy import Ceiling, DispatchPolicy, load_dispatch_policy
from notify.dispatcher.progress import Lane, Queue, class_name, outlook
from notify.dispatcher.spending import Meter, passing_prio

AT = datetime(2026, 11, 22, 9, 10, tzinfo=UTC)
SMPP = """
[[route]]
kind = "smpp"
route = "{name}"
channel = "sms"
host = "127.0.0.1"
port = 2775
system_id = "kentongan"
password_file = "password"
source = "KEMENSOS"
"""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def route(name: str, *, order: int = 1, prefixes: tuple[str, ...] = ()) -> RouteBase:
    return RouteBase(kind="x", route=name, channel="sms", order=order, prefixes=prefixes)


@pytest.fixture
def written(tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("s3cret")
    secret.chmod(0o600)

    def write(text: str) -> Path:
        path = tmp_path / "routes.toml"
        path.write_text(text)
        return path

    return write


# --- the routes file -----------------------------------------------------------------------


def test_without_a_file_there_is_no_real_route():
    assert load_routes(None).all == ()


def test_a_route_is_read_and_shown_without_what_is_secret(written):
    found = load_routes(written(SMPP.format(name="operator")))
    (one,) = found.all
    assert found.names == ("operator",) and found.channels == ("sms",)
    shown = without_secrets(one)
    assert shown["password_file"].endswith("password") and "s3cret" not in str(shown)
    assert one.password_file.is_absolute()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            SMPP.format(name="a-b") + "sytem_type = 'x'\n",
            r"route 1 \(a-b\): sytem_type: unknown key",
        ),
        (SMPP.format(name="a-b") * 2, "route a-b: the name stands twice"),
        (SMPP.format(name="recorder"), "this name is taken"),
        (SMPP.format(name="a-b").replace("smpp", "smoke"), "kind: expected one of smpp"),
        (SMPP.format(name="a-b").replace("2775", "0"), "port: Input should be greater"),
        (SMPP.format(name="a-b").replace('"password"', '"nowhere"'), "No such file"),
        ("[[routes]]\n", "routes: unknown"),
        ("[route]\n", r"expected \[\[route\]\]"),
        ("route = [1]\n", "expected a table"),
        ("=", "routes "),
    ],
)
def test_a_fault_names_file_route_and_key(written, text, said):
    with pytest.raises(SettingsError, match=said) as error:
        load_routes(written(text))
    assert "routes.toml" in str(error.value)


def test_every_fault_is_told_at_once_and_what_is_right_is_read(written):
    text = SMPP.format(name="a-b") + SMPP.format(name="c-d") + "x = 1\n" + SMPP.format(name="Z")
    found, faults = read_routes(written(text))
    assert found.names == ("a-b",) and len(faults) == 2


def test_a_secret_that_others_may_read_is_refused(written, tmp_path):
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(SettingsError, match="others may read it; run: chmod 600"):
        load_routes(written(SMPP.format(name="a-b")))


def test_a_value_in_a_fault_is_not_printed(written):
    text = SMPP.format(name="a-b") + 'password = "hunter2"\n'
    with pytest.raises(SettingsError) as error:
        load_routes(written(text))
    assert "hunter2" not in str(error.value)


def test_the_example_names_only_what_exists(tmp_path):
    example = Path(__file__).parents[2] / "docs" / "routes.example.toml"
    _, faults = read_routes(example)
    assert faults and all("No such file" in fault for fault in faults), faults


# --- which route ---------------------------------------------------------------------------

ROUTES = (
    route("direct", prefixes=("+62811", "+62812")),
    route("bulk"),
    route("bulk2"),
    route("modem", order=2),
)


@pytest.mark.parametrize(
    ("address", "down", "chosen"),
    [
        ("+628119", (), {"direct"}),
        ("0811 9", (), {"direct"}),
        ("+62856", (), {"direct", "bulk", "bulk2"}),
        ("+628119", ("direct",), {"bulk", "bulk2"}),
        ("+62856", ("direct", "bulk", "bulk2"), {"modem"}),
        ("+62856", ("direct", "bulk", "bulk2", "modem"), set()),
    ],
)
def test_prefix_then_order_among_those_that_work(address, down, chosen):
    found = choose(ROUTES, address, lambda name: name not in down)
    assert {one.route for one in found} == chosen


def test_the_first_by_order_that_works_looks_through_what_has_no_route():
    assert takes_from_pool(ROUTES, "bulk", lambda _: True)
    assert not takes_from_pool(ROUTES, "modem", lambda _: True)
    assert takes_from_pool(ROUTES, "modem", lambda name: name == "modem")


# --- pace ----------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60), st.integers(1, 40))
def test_never_more_than_the_contract_allows(pauses, size):
    clock = Clock()
    bucket = TokenBucket(50.0, clock=clock)
    sent = 0
    for pause in pauses:
        clock.now += pause
        clock.now += bucket.wait_for(size)
        bucket.take(size)
        sent += size
    passed = clock.now - 100.0
    assert sent <= 50.0 * passed + size + 50 * 0.25 + 1e-6


def test_too_fast_halves_and_comes_back():
    clock = Clock()
    bucket = TokenBucket(100.0, clock=clock)
    clock.now += 2
    assert bucket.slow_down() == 50.0
    assert bucket.slow_down() == 50.0, "one burst of complaints is one"
    clock.now += 1.5
    assert bucket.slow_down() == pytest.approx((50 + 7.5) / 2)
    clock.now += 60
    assert bucket.rate == 100.0


def test_a_clock_that_stands_still_or_falls_stalls_nothing():
    clock = Clock()
    bucket = TokenBucket(10.0, clock=clock)
    clock.now -= 3600
    assert bucket.wait_for(1) <= 0.1


# --- owners --------------------------------------------------------------------------------


def test_a_second_dispatcher_on_sqlite_is_refused_and_told_whose_it_is(engine):
    first, second = SqliteLease(engine), SqliteLease(engine)
    first.acquire()
    with pytest.raises(RuleViolation, match=r"runs already: process \d+, since 20.*PostgreSQL"):
        second.acquire()
    assert "since" in running(engine)
    first.release()
    second.acquire()
    assert second.holds("any") and not first.keep()


def test_who_died_on_this_machine_is_found_out_at_once(engine):
    lease = SqliteLease(engine)
    lease.acquire()
    with engine.begin() as connection:
        owner = connection.execute(select(leases.c.owner)).scalar_one()
        machine = owner.partition("@")[0].rsplit(":", 2)[0]
        dead = f"{machine}:999999999:1@2026-11-22T09:10:00Z"
        connection.execute(update(leases).values(owner=dead))
    assert running(engine) == ""
    SqliteLease(engine).acquire()
    assert not lease.keep() and not lease.holds("any")


def test_what_was_not_seen_lately_is_not_believed(engine):
    clock = Clock()
    lease = SqliteLease(engine, steady=clock)
    lease.acquire()
    clock.now += BELIEVED_S + 0.1
    assert not lease.holds("any")
    assert lease.keep() and lease.holds("any")


def test_a_lease_of_a_clock_that_was_wrong_keeps_nobody_out(engine):
    SqliteLease(engine, clock=lambda: AT + timedelta(hours=1)).acquire()
    with engine.begin() as connection:
        connection.execute(update(leases).values(owner="other:1:1@2026-11-22T10:10:00Z"))
    SqliteLease(engine, clock=lambda: AT).acquire()


# --- health --------------------------------------------------------------------------------


def test_a_route_is_given_up_after_two_faults_and_taken_back_after_one_success():
    clock = Clock()
    policy = load_dispatch_policy()
    health = Health("operator", policy, TokenBucket(1.0, clock=clock), clock=clock)
    health.failed("bind refused")
    assert not health.is_given_up and 3.9 < health.closed_s() < 6.1
    health.failed("bind refused")
    assert health.is_given_up and 7.9 < health.closed_s() < 12.1
    for _ in range(9):
        health.failed("bind refused")
    assert health.closed_s() <= policy.route_pause_max_s * 1.2
    health.worked()
    assert not health.is_given_up and health.closed_s() == 0


# --- ceiling -------------------------------------------------------------------------------


def test_a_ceiling_counts_parts_of_this_hour_over_all_routes(engine):
    meter = Meter(engine, Ceiling(messages_per_hour=100, rupiah_per_hour=1e6))
    other = Meter(engine, Ceiling())
    meter.count(60, 350.0, AT)
    assert meter.room(AT) == 40, "before it is written"
    with engine.begin() as connection:
        meter.add(connection, "a", 60, 350.0, AT)
        other.add(connection, "b", 30, 350.0, AT)
    meter.read(AT)
    assert meter.room(AT) == 10
    assert meter.this_hour(AT) == (90, 90 * 350.0)
    assert meter.room(AT + timedelta(hours=1)) == 100
    with engine.connect() as connection:
        rows = {(r.route, r.hour): r.messages for r in connection.execute(select(spend))}
    assert rows == {("a", "2026-11-22T09"): 60, ("b", "2026-11-22T09"): 30}


def test_a_ceiling_of_rupiah(engine):
    meter = Meter(engine, Ceiling(rupiah_per_hour=1000.0))
    meter.count(2, 400.0, AT)
    assert meter.room(AT) is None
    meter.count(1, 400.0, AT)
    assert meter.room(AT) == 0


@pytest.mark.parametrize(
    ("ceiling", "passes", "waits"),
    [
        (Ceiling(), (-2, -1, 0, 1999), (2000, 4999)),
        (Ceiling(passes_from_level=4), (-1, 999), (1000,)),
        (Ceiling(passes_from_level=5), (-2, -1), (0,)),
        (Ceiling(passes_from_level=5, corrections_pass=False), (), (-2, -1, 0)),
    ],
)
def test_who_passes_a_ceiling(ceiling, passes, waits):
    last = passing_prio(ceiling)
    assert all(prio <= last for prio in passes) and all(prio > last for prio in waits)


def test_an_unknown_key_of_the_policy_is_refused(tmp_path):
    path = tmp_path / "dispatch.toml"
    path.write_text("date = 2026-11-22\nrecalls_pass_a_stop = false\n[ceiling]\nper_hour = 1\n")
    with pytest.raises(SettingsError, match="per_hour"):
        load_dispatch_policy(path)
    assert isinstance(load_dispatch_policy(), DispatchPolicy)


# --- outlook -------------------------------------------------------------------------------


def lane(way: str, prio: int, waiting: int, minutes: float, alert: str = "a") -> Lane:
    return Lane(way, "sms", alert, prio, waiting, AT + timedelta(minutes=minutes))


def test_the_last_message_leaves_after_all_that_is_more_urgent():
    queue = Queue(AT, (lane("sms", 200, 6_000, 60), lane("sms", 2200, 12_000, 120)))
    first, second = outlook(queue, {"sms": 10.0})
    assert first.last_at == AT + timedelta(minutes=10) and first.late == 0
    assert second.last_at == AT + timedelta(minutes=30)
    assert second.spare == timedelta(minutes=90)


def test_what_will_not_make_it_is_counted():
    queue = Queue(AT, (lane("sms", 200, 6_000, 60), lane("sms", 2200, 12_000, 20, "b")))
    _, second = outlook(queue, {"sms": 10.0})
    assert second.late == 6_000 and second.spare < timedelta()


def test_where_nothing_goes_everything_is_late():
    (one,) = outlook(Queue(AT, (lane("sms", 200, 6, 60),)), {})
    assert one.last_at is None and one.late == 6


@pytest.mark.parametrize(
    ("prio", "name"),
    [(-2, "call back"), (-1, "correction"), (0, "awas"), (1200, "siaga"), (4999, "renewal")],
)
def test_classes_have_names(prio, name):
    assert class_name(prio) == name
