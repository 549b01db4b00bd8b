"""From segments to rows: everybody exactly once, whatever dies; the most urgent and the least
served first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, update

from kentongan.db import (
    alerts,
    make_engine,
    messages,
    metadata,
    outbox,
    recipients,
    segments,
    warnings,
)
from kentongan.types import OutboxState, SegmentState
from notify.firewall.gate import RECORDER_ONLY
from notify.sending import told
from notify.sending.filling import fill
from notify.sending.messages import parts_of
from notify.sending.outbox import clear_waiting, keep_texts
from notify.sending.recovery import expire
from notify.sending.segments import waiting_by_prio, without_row
from notify.sending.settle import JITTER, RETRY_AFTER_S, pause_after
from notify.warning import WarningRef
from notify.wording.language import spoken_languages
from tests.notify.outbox_made import (
    AT,
    END,
    REF,
    VILLAGES,
    A,
    B,
    C,
    Tape,
    fill_all,
    keys,
    message,
    people,
    person,
    release,
    rows,
    run_of,
    states,
)
from tests.peers.postgres import BOTH

LONG = "LATIHAN. " + "Jauhi sungai dan naik ke tempat tinggi. " * 6
LANGUAGES = ("id", "en", "zz", "jv")


class Killed(BaseException):
    """The process died here."""


@contextmanager
def dies_at(engine: Engine, step: int) -> Iterator[None]:
    """Raise before the n-th statement that writes, or the n-th commit."""
    left = [step]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    def before(_c: Any, _cu: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            count()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "commit", count)


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """A database with the tables that are needed here."""
    file = tmp_path_factory.mktemp("outbox") / "empty.sqlite"
    engine = make_engine(f"sqlite:///{file}")
    needed = [messages, outbox, recipients, segments, warnings, alerts]
    metadata.create_all(engine, tables=needed)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    engine.dispose()
    return file


@contextmanager
def copy_of(empty: Path) -> Iterator[Engine]:
    with TemporaryDirectory(dir=empty.parent) as folder:
        shutil.copy(empty, Path(folder) / "k.sqlite")
        engine = create_engine(f"sqlite:///{folder}/k.sqlite")
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF"))
        yield engine
        engine.dispose()


_PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "village": st.sampled_from((*VILLAGES, "31.71.01.1001")),
            "language": st.sampled_from(LANGUAGES),
            "by_sms": st.booleans(),
            "by_push": st.booleans(),
            "active": st.sampled_from((True, True, True, False)),
            "role": st.sampled_from(("resident", "resident", "coordinator")),
        }
    ),
    max_size=25,
)


def the_messages() -> list[Any]:
    """SMS of two parts in each language, and push."""
    every = [message(text=LONG, language=code) for code in spoken_languages()]
    return [*every, *(message("push", language=code, prio=900) for code in spoken_languages())]


def expected(everybody: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    found = []
    for one in everybody:
        if one["role"] == "resident" and one["active"] and one["adm4_code"] in VILLAGES:
            if one["by_sms"]:
                found += [(one["recipient_id"], "sms", 0), (one["recipient_id"], "sms", 1)]
            if one["by_push"]:
                found.append((one["recipient_id"], "push", 0))
    return sorted(found)


@settings(max_examples=25)
@given(_PEOPLE, st.lists(st.integers(1, 12), max_size=5), st.integers(1, 30))
def test_everybody_has_one_row_a_channel_and_part_whatever_dies(empty, drawn, deaths, limit):
    with copy_of(empty) as engine:
        interrupted(engine, drawn, deaths, limit)


def interrupted(engine: Engine, drawn: Any, deaths: list[int], limit: int) -> None:
    everybody = [person(n, one.pop("village"), **one) for n, one in enumerate(map(dict, drawn))]
    if everybody:
        people(engine, everybody)
    for step in deaths:
        try:
            with dies_at(engine, step):
                release(engine, *the_messages())
                fill_all(engine, limit)
        except Killed:
            pass
    release(engine, *the_messages())
    fill_all(engine, limit)
    assert keys(engine) == expected(everybody)
    made = rows(engine)
    assert {row["state"] for row in rows(engine, segments)} <= {SegmentState.FILLED}
    assert sum(row["rows"] for row in rows(engine, segments)) == len({
        (row["recipient_id"], row["channel"]) for row in made
    })  # fmt: skip
    release(engine, *the_messages())
    fill_all(engine, limit)
    assert rows(engine) == made, "the same again adds nothing"


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(list(OutboxState)), min_size=1, max_size=20),
    st.lists(st.integers(1, 8), max_size=3),
    st.integers(1, 7),
)
def test_an_end_goes_to_exactly_those_reached_whatever_dies(empty, reached, deaths, limit):
    with copy_of(empty) as engine:
        ended(engine, reached, deaths, limit)


def ended(engine: Engine, reached: list[OutboxState], deaths: list[int], limit: int) -> None:
    people(engine, [person(n, VILLAGES[n % 3]) for n in range(len(reached))])
    release(engine, message(), message("push"))
    fill_all(engine)
    with engine.begin() as connection:
        for number, state in enumerate(reached):
            one = update(outbox).where(outbox.c.recipient_id == f"p-{number:05d}")
            connection.execute(one.where(outbox.c.channel == "sms").values(state=state))
    end = WarningRef(REF.warning_id, 2, "1" * 64, "cancel")
    made = [message(ref=end, prio=-1, purpose="all-clear")]

    def write_end() -> None:
        with engine.begin() as connection:
            keep_texts(connection, end, made)
            told.suppress_waiting(connection, end, tasks=True)
            told.write_rows(
                connection, end, made, at=AT, not_after=END, routes=RECORDER_ONLY, prio=-1
            )
        fill_all(engine, limit)

    for step in deaths:
        try:
            with dies_at(engine, step):
                write_end()
        except Killed:
            pass
    write_end()
    gone = [n for n, state in enumerate(reached) if state in told.REACHED]
    ours = [row for row in rows(engine) if row["alert_version"] == end.identifier]
    assert sorted(row["recipient_id"] for row in ours) == [f"p-{n:05d}" for n in gone]
    assert "leased" not in states(engine)


@BOTH
def test_a_release_of_thousands_writes_segments_and_the_rows_follow(engine):
    people(engine, [person(n, VILLAGES[n % 3]) for n in range(300)])
    assert release(engine, message(), message("push")) == 600
    assert keys(engine) == [] and len(rows(engine, segments)) == 6
    with engine.connect() as connection:
        assert without_row(connection) == {"push": {"waiting": 300}, "sms": {"waiting": 300}}
        assert waiting_by_prio(connection) == [("push", 1000, 300), ("sms", 1000, 300)]
    assert fill(engine, at=AT, limit=100) >= 96, "a share of each of the six"
    assert len({row["area_code"] for row in rows(engine)}) == 3
    fill_all(engine, 100)
    assert len(keys(engine)) == 600
    with engine.connect() as connection:
        assert without_row(connection) == {}


@BOTH
def test_a_text_of_two_parts_has_two_rows_each(engine):
    people(engine, [person(1), person(2)])
    assert release(engine, message(text=LONG)) == 2
    fill_all(engine)
    assert keys(engine) == [
        (f"p-{n:05d}", "sms", part) for n in (1, 2) for part in (0, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
        ("€" * 80, 1), ("€" * 81, 2), ("€" * 152, 2), ("€" * 153, 3), ("é" * 160, 1),
        ("я" * 70, 1), ("я" * 71, 2), ("я" * 134, 2), ("я" * 135, 3), ("😀" * 35, 1),
        ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3),
    ],
)  # fmt: skip
def test_parts_are_counted_as_they_are_cut(text, parts):
    """160/153 septets and 70/67 units (3GPP TS 23.040); no pair is cut in two."""
    assert parts_of("sms", text) == parts
    assert parts_of("push", text) == 1


def test_pauses_are_spread_and_never_longer_than_a_fifth_more():
    for tries, pause in enumerate(RETRY_AFTER_S, start=1):
        found = [pause_after(tries, n).total_seconds() for n in range(1000)]
        assert min(found) >= pause * (1 - JITTER) and max(found) <= pause * (1 + JITTER)
        assert max(found) - min(found) > pause * JITTER


@BOTH
def test_every_area_of_a_class_is_served_before_one_is_served_twice(engine):
    sizes = {A: 40, B: 5, C: 2}
    numbers = iter(range(100))
    people(engine, [person(next(numbers), v) for v, size in sizes.items() for _ in range(size)])
    release(engine, message())
    tape = Tape(window=1)
    run = run_of(engine, tape)
    home = {row["recipient_id"]: row["adm4_code"] for row in rows(engine, recipients)}
    ids = run.claim(500)
    by_id = {row["id"]: row for row in rows(engine)}
    order = [home[by_id[row_id]["recipient_id"]] for row_id in ids]
    assert len(order) == 47
    assert sorted(order[:3]) == sorted(order[3:6]) == [A, B, C]
    assert sorted(order[6:12]) == [A, A, A, B, B, B] and set(order[12:]) == {A}


@BOTH
def test_a_small_warning_that_comes_late_is_served_before_the_rest_of_a_large_one(engine):
    people(engine, [person(n) for n in range(60)] + [person(100 + n, C) for n in range(3)])
    release(engine, message(villages=[A]))
    first = run_of(engine).claim(30)
    other = WarningRef("w-rain-2", 1, "2" * 64, "alert")
    release(engine, message(villages=[C], ref=other), ref=other)
    fill_all(engine)
    nxt = run_of(engine, owner="other").claim(3)
    by_id = {row["id"]: row["area_code"] for row in rows(engine)}
    assert {by_id[i] for i in first} == {A} and {by_id[i] for i in nxt} == {C}


@BOTH
def test_the_more_urgent_class_is_made_and_sent_first(engine):
    people(engine, [person(n, VILLAGES[n % 3]) for n in range(90)])
    release(engine, message(prio=2000))
    other = WarningRef("w-quake-1", 1, "2" * 64, "alert")
    release(engine, message(prio=200, ref=other, villages=[B]), ref=other)
    fill(engine, at=AT, limit=30)
    assert {row["prio"] for row in rows(engine)} == {200}
    assert {row["prio"] for row in map(_prio(engine), run_of(engine).claim(30))} == {200}


def _prio(engine: Engine) -> Any:
    by_id = {row["id"]: row for row in rows(engine)}
    return by_id.__getitem__


@BOTH
def test_who_opted_out_has_no_row_and_who_does_so_before_sending_gets_nothing(engine):
    people(engine, [person(1), person(2, active=False), person(3, by_sms=False), person(4)])
    release(engine, message(), message("push"))
    fill_all(engine)
    assert {(who, channel) for who, channel, _ in keys(engine)} == {
        ("p-00001", "sms"), ("p-00001", "push"), ("p-00003", "push"), ("p-00004", "sms"),
        ("p-00004", "push"),
    }  # fmt: skip
    with engine.begin() as connection:
        gone = recipients.c.recipient_id == "p-00004"
        connection.execute(update(recipients).where(gone).values(active=False))
    assert run_of(engine).look(run_of(engine).claim()) == [], "no warning stands behind them here"


@BOTH
def test_segments_past_their_end_are_expired_with_their_people(engine):
    people(engine, [person(n) for n in range(30)])
    release(engine, message())
    fill(engine, at=AT, limit=10)
    assert expire(engine, at=END) == {"sms": 30}
    assert states(engine) == {"expired": 10} and fill(engine, at=END) == 0
    with engine.connect() as connection:
        assert without_row(connection) == {"sms": {"expired": 20}}


@BOTH
def test_an_end_suppresses_what_has_no_row_too(engine):
    people(engine, [person(n) for n in range(30)])
    release(engine, message())
    fill(engine, at=AT, limit=10)
    end = WarningRef(REF.warning_id, 2, "1" * 64, "cancel")
    assert clear_waiting(engine, end) == 30 and clear_waiting(engine, end) == 0
    assert fill(engine, at=AT) == 0 and states(engine) == {"suppressed": 10}
    assert {row["state"] for row in rows(engine, segments)} == {SegmentState.SUPPRESSED}


@BOTH
def test_people_who_came_since_are_told_when_it_is_filled_again(engine):
    people(engine, [person(5), person(6)])
    release(engine, message())
    fill_all(engine)
    people(engine, [person(1)])
    assert release(engine, message()) == 1
    fill_all(engine)
    assert keys(engine) == [(f"p-{n:05d}", "sms", 0) for n in (1, 5, 6)]
