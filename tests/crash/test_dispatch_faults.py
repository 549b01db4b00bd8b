"""What goes wrong beside a dispatcher that sends to a real SMSC."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from kentongan.db import inbound, leases, outbox, spend
from kentongan.errors import RuleViolation, SettingsError
from kentongan.settings import Settings
from kentongan.types import HazardId, OutboxState
from notify.dispatcher import process
from notify.dispatcher.process import Dispatcher
from notify.firewall.gate import channels_for
from notify.sending.switches import throw
from tests.crash.campaign import drain, waiting
from tests.crash.homes import VILLAGES, Home, now, phone
from tests.peers.smsc import Smsc


@contextmanager
def sending(home: Home, **changes: Any) -> Iterator[Dispatcher]:
    settings = Settings(
        home=home.folder, mode="actual", database_url=home.url,
        routes=home.folder / "routes.toml", dispatch_policy=home.folder / "dispatch.toml",
    )  # fmt: skip
    said: list[str] = []
    with Dispatcher(settings, tell=said.append, **changes) as running:
        running.said = said  # type: ignore[attr-defined]
        yield running


def until(holds: Callable[[], Any], within: float = 15.0) -> None:
    limit = time.monotonic() + within
    while not holds():
        assert time.monotonic() < limit, f"not within {within} s"
        time.sleep(0.02)


def went(smsc: Smsc) -> Counter[str]:
    return Counter(row["destination"] for row in smsc.accepted())


def everybody(home: Home) -> set[str]:
    return {phone(row["recipient_id"]) for row in home.rows()}


# --- the carrier ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "keys"),
    [
        ({"answer_delay_ms": 150, "answer_jitter_ms": 100}, {}),
        ({"rate": 60}, {"rate_per_s": 90.0}),
        ({"submit_id": "hexzeros", "receipt_id": "decimal"}, {}),
        ({"receipt_delay_ms": -1, "double_receipts": True}, {}),
        ({"drop_receipts": 1}, {}),
    ],
    ids=["slow", "throttling", "lying-about-ids", "receipts-first-and-twice", "no-receipts"],
)
def test_a_carrier_that_misbehaves_loses_and_doubles_nothing(home, smsc, modes, keys):
    one = home(60)
    one.warn()
    smsc.set(**modes)
    one.route(smsc.port, **keys)
    with sending(one):
        drain(one)
    assert set(went(smsc)) == everybody(one)
    assert not smsc.doubled()
    assert not set(one.states()) - {"accepted", "delivered"}


def test_a_carrier_that_is_killed_and_comes_back_gets_the_rest(home, smsc):
    one = home(400)
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=300.0)
    with sending(one):
        until(lambda: len(smsc.accepted()) > 50)
        smsc.kill()
        time.sleep(0.3)
        smsc.restart()
        drain(one)
    assert set(went(smsc)) == everybody(one)
    assert sum(smsc.doubled().values()) <= 10
    assert not set(one.states()) - {"accepted", "delivered"}


def test_a_carrier_that_closes_after_bind_is_told_of_and_tried_again(home, smsc):
    one = home(20)
    one.warn()
    smsc.set(close_after_bind=True)
    one.route(smsc.port)
    with sending(one) as running:
        until(lambda: running.carriers[0].health.failures >= 2, 20)
        assert one.states() == {"ready": 20}
        assert any("route operator" in line for line in running.said)
        smsc.set(close_after_bind=False)
        drain(one)
    assert set(went(smsc)) == everybody(one)


def test_a_route_that_fails_is_replaced_by_the_next_and_taken_back(home, smsc, tmp_path):
    one = home(60)
    one.route(smsc.port, name="direct", prefixes=["+6281200000000"])
    (tmp_path / "second").mkdir()
    with Smsc.start(tmp_path / "second") as other:
        one.route(other.port, name="aggregator", order=2)
        smsc.kill()
        with sending(one) as running:
            one.warn()
            drain(one, 30)
            assert set(went(other)) == everybody(one)
            assert {row["route"] for row in one.rows()} == {"aggregator"}
            smsc.restart()
            until(lambda: not running.carriers[0].health.failures)
            one.warn("two", hazard=HazardId.THUNDERSTORM, level=3)
            drain(one)
    assert set(went(smsc)) == everybody(one)


def test_a_number_goes_by_the_route_of_its_prefix(home, smsc, tmp_path):
    one = home(40)
    one.warn()
    one.route(smsc.port, name="bulk")
    (tmp_path / "second").mkdir()
    with Smsc.start(tmp_path / "second") as other:
        one.route(other.port, name="direct", order=3, prefixes=["+628120000001"])
        with sending(one):
            drain(one)
        assert set(went(other)) == {phone(f"p-{n:06d}") for n in range(10, 20)}
    assert set(went(smsc)) == everybody(one) - {phone(f"p-{n:06d}") for n in range(10, 20)}


def test_messages_of_a_route_that_is_gone_take_another(home, smsc):
    one = home(20)
    one.warn()
    with one.engine.begin() as connection:
        connection.execute(update(outbox).values(route="gone"))
    one.route(smsc.port)
    with sending(one):
        drain(one)
    assert set(went(smsc)) == everybody(one)


def test_what_people_send_is_kept_before_it_is_acknowledged(home, smsc):
    one = home(5)
    one.route(smsc.port)
    with sending(one):
        until(lambda: smsc.stats()["binds"])
        smsc.do("mo", source="628120000001", text="YA 12")
        smsc.until(lambda stats: stats["delivers_acked"] == 1)
        with one.engine.connect() as connection:
            (row,) = connection.execute(select(inbound)).all()
    assert row.text == "YA 12" and row.state == "new" and "8120000001" not in row.sender_sealed


# --- the books -----------------------------------------------------------------------------


def test_postgresql_restarted_in_mid_blast(home, smsc, postgres):
    one = home(250, url=postgres.url(postgres._create()))
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=300.0)
    with sending(one) as running:
        until(lambda: len(smsc.accepted()) > 50)
        postgres.stop()
        time.sleep(0.2)
        postgres.start()
        one.engine.dispose()
        drain(one, 40)
        assert any("the database" in line for line in running.said)
    assert set(went(smsc)) == everybody(one)
    assert sum(smsc.doubled().values()) <= 10
    assert not set(one.states()) - {"accepted", "delivered"}


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs rights that this user has not")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_sending_with_an_alarm_and_loses_nothing(home, smsc, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, "16m"):
        one = home(600, folder=folder)
        one.warn()
        one.route(smsc.port, window=10, rate_per_s=400.0)
        stuffing = folder / "stuffing"
        with sending(one) as running:
            until(lambda: len(smsc.accepted()) > 50)
            with pytest.raises(OSError, match="No space"), stuffing.open("wb") as file:
                while True:
                    file.write(b"0" * 4096)
                    file.flush()
            until(lambda: any("the disk is full" in line for line in running.said))
            time.sleep(0.3)
            still = len(smsc.accepted())
            time.sleep(0.5)
            assert len(smsc.accepted()) == still, "what cannot be written down is not sent"
            stuffing.unlink()
            drain(one)
        assert set(went(smsc)) == everybody(one)
        assert sum(smsc.doubled().values()) <= 10
        one.close()


def test_a_second_dispatcher_on_sqlite_is_refused(home, smsc):
    one = home(5)
    one.route(smsc.port)
    with sending(one):
        with pytest.raises(RuleViolation, match=r"runs already: process \d+, since"), sending(one):
            pass
        assert smsc.stats()["binds"] <= 1
    with sending(one):
        pass


def test_a_dispatcher_whose_lease_was_taken_stops(home, smsc):
    one = home(300)
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=100.0)
    with sending(one) as running:
        until(lambda: len(smsc.accepted()) > 20)
        with one.engine.begin() as connection:
            connection.execute(update(leases).values(owner="another:1:1@2026-11-22T09:00:00Z"))
        until(lambda: running.lost)
        until(lambda: not any(worker.is_alive() for worker in running.workers))
    assert len(smsc.accepted()) < 300 and "leased" not in one.states()


def test_on_postgresql_two_share_the_work_and_one_owns_a_route(home, smsc, postgres):
    one = home(300, url=postgres.url(postgres._create()))
    one.route(smsc.port, window=10, rate_per_s=150.0)
    with sending(one) as first:
        until(lambda: smsc.stats()["binds"])
        with sending(one) as second:
            one.warn()
            until(lambda: len(smsc.accepted()) > 30)
            assert smsc.stats()["binds"] == 1 and not second.counts()
            terminate = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            with one.engine.begin() as connection:
                connection.execute(text(terminate))
            drain(one, 30)
        assert first.counts()["accepted"] + second.counts()["accepted"] == 300
    assert set(went(smsc)) == everybody(one) and not smsc.doubled()


# --- the clock -----------------------------------------------------------------------------


def test_a_clock_set_back_by_an_hour_neither_resends_nor_stalls(home, smsc, monkeypatch):
    one = home(500)
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=400.0)
    back = timedelta()

    def clock() -> datetime:
        return datetime.now(UTC) - back

    def guarded(*args: Any, **values: Any) -> Any:
        return channels_for(*args, **values, clock=clock)

    monkeypatch.setattr(process, "channels_for", guarded)
    with sending(one, clock=clock):
        until(lambda: len(smsc.accepted()) > 50)
        back = timedelta(hours=1)
        drain(one)
    assert set(went(smsc)) == everybody(one) and not smsc.doubled()


# --- people --------------------------------------------------------------------------------


def test_a_cancel_in_mid_blast_overtakes_it_and_goes_to_those_who_were_told(home, smsc):
    one = home(1000)
    ref = one.warn()
    alarm = next(iter(one.texts().values()))
    one.route(smsc.port, window=10, rate_per_s=300.0)
    with sending(one):
        until(lambda: len(smsc.accepted()) > 100)
        started = time.monotonic()
        one.cancel(ref)
        released = time.monotonic()
        before = len(smsc.accepted())
        until(lambda: any(row["text"] != alarm for row in smsc.accepted()))
        assert time.monotonic() - released < 2.0
        drain(one)
    rows = smsc.accepted()
    told = {row["destination"] for row in rows if row["text"] == alarm}
    corrected = {row["destination"] for row in rows if row["text"] != alarm}
    assert told == corrected and len(told) < 1000
    first = next(i for i, row in enumerate(rows) if row["text"] != alarm)
    assert first - before <= 20 and all(row["text"] != alarm for row in rows[first + 10 :])
    assert released - started < 10


def test_an_urgent_message_leaves_a_running_blast_within_two_batches(home, smsc):
    one = home(1500)
    one.warn("rain", hazard=HazardId.THUNDERSTORM, level=2)
    one.route(smsc.port, window=20, rate_per_s=500.0)
    with sending(one):
        until(lambda: len(smsc.accepted()) > 200)
        before = len(smsc.accepted())
        one.warn("wave", level=4, codes=VILLAGES[:1])
        released = time.monotonic()
        until(lambda: any("TSUNAMI" in row["text"] for row in smsc.accepted()))
        assert time.monotonic() - released < 2.0
        until(lambda: sum("TSUNAMI" in row["text"] for row in smsc.accepted()) == 150)
        one.cancel(one.ref_of("w-thunderstorm-rain"))
        drain(one)
    rows = smsc.accepted()
    urgent = [i for i, row in enumerate(rows) if "TSUNAMI" in row["text"]]
    assert urgent[0] - before <= 1000, "two batches of 500"
    assert urgent[-1] - urgent[0] < 150 + 40, "all of it together"


def test_the_switch_of_a_channel_or_a_route_stops_a_running_blast(home, smsc):
    one = home(800)
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=400.0)
    for name in ("sms", "operator"):
        with sending(one):
            until(lambda: len(smsc.accepted()) > 20)
            throw(one.engine, is_open=False, at=now(), actor="siti", reason="test", route=name,
                  configured=("operator",))  # fmt: skip
            thrown = len(smsc.accepted())
            time.sleep(0.4)
            assert len(smsc.accepted()) <= thrown + 10, "one window"
            throw(one.engine, is_open=True, at=now(), actor="siti", reason="test", route=name,
                  configured=("operator",))  # fmt: skip
            until(lambda n=thrown + 20: len(smsc.accepted()) > n)
    assert not smsc.doubled()


def test_a_ceiling_holds_back_all_but_the_gravest_and_corrections(home, smsc):
    one = home(60, ceiling={"messages_per_hour": 20, "passes_from_level": 4})
    one.warn("rain", hazard=HazardId.THUNDERSTORM, level=3)
    one.route(smsc.port, price_idr=350.0)
    with sending(one) as running:
        until(lambda: running.shared.spending.room(running.shared.clock()) == 0)
        until(running.is_idle)
        assert len(smsc.accepted()) == 20
        one.warn("wave", level=4)
        until(lambda: len(smsc.accepted()) == 80)
        assert waiting(one) == 40
    with one.engine.connect() as connection:
        rows = connection.execute(select(spend)).all()
    assert sum(row.messages for row in rows) == 80
    assert sum(row.cost for row in rows) == 80 * 350.0


def test_nobody_is_told_the_same_words_twice(home, smsc):
    one = home(20)
    one.route(smsc.port)
    with sending(one):
        for name in "ab":
            one.warn(name, hazard=HazardId.THUNDERSTORM, level=2)
            drain(one)
    assert set(went(smsc).values()) == {1}
    held = [row["last_error"] for row in one.rows() if row["state"] == OutboxState.SUPPRESSED]
    assert held == ["the same words went there within 30 minutes"] * 20


def test_words_that_were_taken_back_are_said_again(home, smsc):
    one = home(20)
    one.route(smsc.port)
    with sending(one):
        first = one.warn("a", hazard=HazardId.THUNDERSTORM, level=2)
        drain(one)
        one.cancel(first)
        drain(one)
        one.warn("b", hazard=HazardId.THUNDERSTORM, level=2)
        drain(one)
    assert set(went(smsc).values()) == {3}, "a warning, its correction, the warning again"


@pytest.mark.parametrize("level", [3, 4])
def test_no_limit_hides_a_danger(home, smsc, level):
    """Other warnings in the very same words, far above quota and ceiling: everybody gets each."""
    tight = {"messages_per_day": 1}, {"messages_per_hour": 1, "passes_from_level": 3}
    one = home(20, quota=tight[0], ceiling=tight[1])
    one.route(smsc.port)
    with sending(one):
        for name in "abc":
            one.warn(name, hazard=HazardId.THUNDERSTORM, level=level)
            drain(one)
    assert set(went(smsc).values()) == {3}
    assert not set(one.states()) - {"accepted", "delivered"}


def test_no_policy_may_count_dangers(home, smsc):
    one = home(1, quota={"messages_per_day": 1, "passes_from_level": 4})
    one.route(smsc.port)
    with pytest.raises(SettingsError, match="passes_from_level"), sending(one):
        pass


def test_nobody_is_told_more_often_than_the_quota_but_of_dangers(home, smsc):
    one = home(20, quota={"messages_per_day": 2}, same_text_minutes=0)
    one.route(smsc.port)
    with sending(one):
        for name in "abc":
            one.warn(name, hazard=HazardId.THUNDERSTORM, level=2)
            drain(one)
        assert set(went(smsc).values()) == {2}
        one.warn("wave", level=3)
        drain(one)
    assert set(went(smsc).values()) == {3}
    held = [row["last_error"] for row in one.rows() if row["state"] == OutboxState.SUPPRESSED]
    assert held == ["2 warnings went there within 24 hours (quota)"] * 20


def test_threads_end_and_nothing_is_left_leased(home, smsc):
    one = home(300)
    one.warn()
    one.route(smsc.port, window=10, rate_per_s=100.0)
    with sending(one):
        until(lambda: len(smsc.accepted()) > 20)
    assert not {"leased", "on_wire"} & set(one.states())
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"owner", "house", "receipts", "send-operator", "send-recorder"}
