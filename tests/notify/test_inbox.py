"""Messages that come in: kept once, cleaned, marked in a flood, handled in order, one at a time."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, event, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from kentongan.db import inbound, make_engine, messages, metadata, outbox, recipients
from kentongan.sealing import Keys, blind
from notify.channels.channel import InboundMessage
from notify.inbox.cleaning import CUT, SHOWN_CHARS, from_raw, raw, shown
from notify.inbox.handling import UNREAD, Handled, work
from notify.inbox.policy import InboxPolicy
from notify.inbox.store import Incoming, keep
from notify.inbox.together import Together

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KEYS = Keys((b"k" * 32,))
NUMBER = "+6281234567890"
TIGHT = InboxPolicy(
    date=date(2026, 11, 22), sender_messages=3, sender_minutes=60, all_messages_per_minute=10,
    answer_hours=24,
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """SQLite in memory, and a fresh database of a PostgreSQL server."""
    if request.param == "postgresql":
        made = make_engine(request.getfixturevalue("postgres").database())
    else:
        made = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(made)
    yield made
    made.dispose()


def came(text: str = "YA T123", **changes: Any) -> InboundMessage:
    made = InboundMessage(route="kannel", provider_key="", sender=NUMBER, text=text, received_at=AT)
    return replace(made, **changes)


def rows(engine: Engine) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(select(inbound).order_by(inbound.c.id)).all()


def takes(kind: str, word: str = "", answer: str = "") -> Any:
    """A handler of messages that begin with a word."""

    def handler(connection: Connection, message: Incoming, *, at: datetime) -> Handled | None:
        if not message.text.startswith(word):
            return None
        return Handled(kind, ref=f"{kind}-{message.inbound_id}", answer=answer)

    return handler


def test_the_sender_is_sealed_and_found_by_the_index_of_contacts(engine):
    keep(engine, KEYS, came(sender="0812-3456-7890"))
    (row,) = rows(engine)
    assert row.sender_blind == blind(KEYS, NUMBER)
    assert "81234567890" not in f"{row.sender_sealed}{row.provider_key}{row.text}{row.detail}"
    assert row.state == "new" and row.raw is None and not row.flood


@pytest.mark.parametrize("key", ["", "abc-1", "x" * 300, "ä\x00"])
def test_the_same_message_twice_is_one(engine, key):
    first = keep(engine, KEYS, came(provider_key=key))
    assert first is not None
    assert keep(engine, KEYS, came(provider_key=key)) is None
    assert keep(engine, KEYS, came(provider_key=key, route="other")) is not None
    if not key:
        assert keep(engine, KEYS, came("TIDAK T123")) is not None
        assert keep(engine, KEYS, came(received_at=AT + timedelta(minutes=1))) is not None
        assert keep(engine, KEYS, came(sender="+6281234567891")) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("😀😀", "😀😀", id="emoji-only"),
        pytest.param("YA\x00 T1\x1b[2J", "YA T1[2J", id="NUL-and-escape"),
        pytest.param("a\r\nb\tc", "a\nb c", id="line-ends"),
        pytest.param("\u202eATOM", "ATOM", id="turned-round"),
        pytest.param("\ud83d lone", "\ufffd lone", id="half-a-character"),
        pytest.param("", "", id="empty"),
        pytest.param("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1", id="formula-is-kept"),
    ],
)
def test_what_is_shown_is_clean_and_what_came_is_kept(engine, text, expected):
    keep(engine, KEYS, came(text))
    (row,) = rows(engine)
    assert row.text == expected
    assert (from_raw(row.raw) if row.raw else row.text) == text


@pytest.mark.parametrize(("length", "cut"), [(1_600, False), (1_601, True), (100_000, True)])
def test_a_long_text_is_cut_with_a_mark(engine, length, cut):
    keep(engine, KEYS, came("a" * length))
    (row,) = rows(engine)
    assert len(row.text) == SHOWN_CHARS
    assert row.text.endswith(CUT) == cut
    assert (row.raw is not None) == cut
    if row.raw:
        assert len(base64.b64decode(row.raw)) <= 16_000


@given(st.text(st.characters(codec=None), max_size=60))
def test_no_text_breaks_the_cleaning(text):
    clean = shown(text)
    assert len(clean) <= SHOWN_CHARS
    assert shown(clean) == clean
    clean.encode()
    found = raw(text)
    assert found is None or from_raw(found) == text


def test_above_the_limit_of_a_sender_messages_are_kept_and_marked(engine):
    for number in range(5):
        keep(engine, KEYS, came(provider_key=f"a{number}"), policy=TIGHT)
    keep(engine, KEYS, came(provider_key="b", sender="+6281234567891"), policy=TIGHT)
    late = came(provider_key="c", received_at=AT + timedelta(hours=2))
    assert [row.flood for row in rows(engine)] == [False] * 3 + [True] * 2 + [False]
    keep(engine, KEYS, late, policy=TIGHT)
    assert not rows(engine)[-1].flood


def test_above_the_limit_of_all_messages_they_are_marked(engine):
    for number in range(15):
        one = came(provider_key=f"a{number}", sender=f"+62812345678{number:02}")
        keep(engine, KEYS, one, policy=TIGHT)
    assert [row.flood for row in rows(engine)] == [False] * 11 + [True] * 4


def test_who_has_a_marked_message_waiting_is_handled_in_order(engine):
    wide = TIGHT.model_copy(update={"sender_minutes": 1, "sender_messages": 2})
    for second in (0, 10, 20, 75):
        one = came(provider_key=str(second), received_at=AT + timedelta(seconds=second))
        keep(engine, KEYS, one, policy=wide)
    assert [row.flood for row in rows(engine)] == [False, False, True, True]


def test_the_first_handler_that_knows_a_message_takes_it_and_the_rest_stays_for_people(engine):
    for key, text in (("1", "STOP"), ("2", "YA T123"), ("3", "halo")):
        keep(engine, KEYS, came(text, provider_key=key))
    found = work(engine, KEYS, (takes("registry", "STOP"), takes("reply", "YA")), at=AT)
    assert found == {"registry": 1, "reply": 1, "unread": 1}
    assert [(r.state, r.kind, r.ref) for r in rows(engine)] == [
        ("done", "registry", "registry-1"), ("done", "reply", "reply-2"), ("done", "", ""),
    ]  # fmt: skip
    assert rows(engine)[2].detail == UNREAD
    assert work(engine, KEYS, (takes("reply"),), at=AT) == {}


def test_messages_of_a_flood_are_handled_last(engine):
    for key in "abcd":
        keep(engine, KEYS, came(provider_key=key), policy=TIGHT.model_copy(
            update={"sender_messages": 2}))  # fmt: skip
    keep(engine, KEYS, came("LAPOR", provider_key="e", sender="+628111111111"))
    seen: list[int] = []

    def handler(connection: Connection, message: Incoming, *, at: datetime) -> Handled:
        seen.append(message.inbound_id)
        return Handled("noise")

    work(engine, KEYS, (handler,), at=AT)
    assert seen == [1, 2, 5, 3, 4]


def test_a_message_that_breaks_a_handler_stops_no_other_and_leaves_nothing_half_done(engine):
    for key, text in (("1", "boom"), ("2", "YA")):
        keep(engine, KEYS, came(text, provider_key=key))

    def breaks(connection: Connection, message: Incoming, *, at: datetime) -> Handled | None:
        connection.execute(messages.insert().values(
            message_id=f"m{message.inbound_id}", purpose="x", warning_id="w", version=1,
            channel="sms", language="id", area_code="", level=0, text=""))  # fmt: skip
        if message.text == "boom":
            raise ValueError(f"cannot read {message.sender}")
        return Handled("reply")

    assert work(engine, KEYS, (breaks,), at=AT) == {"failed": 1, "reply": 1}
    assert [(r.state, r.detail) for r in rows(engine)] == [("failed", "ValueError"), ("done", "")]
    with engine.connect() as connection:
        assert connection.execute(select(messages.c.message_id)).scalars().all() == ["m2"]


def test_a_sender_that_was_changed_by_hand_does_not_open(engine):
    keep(engine, KEYS, came(provider_key="1"))
    keep(engine, KEYS, came(provider_key="2", sender="+6281234567891"))
    one, two = rows(engine)
    with engine.begin() as connection:
        connection.execute(
            update(inbound).where(inbound.c.id == 1).values(sender_sealed=two.sender_sealed)
        )
    assert work(engine, KEYS, (takes("reply"),), at=AT) == {"failed": 1, "reply": 1}
    assert one.provider_key == "1"


def test_a_database_that_cannot_be_written_leaves_the_message_waiting(engine):
    keep(engine, KEYS, came())

    def full(connection: Connection, message: Incoming, *, at: datetime) -> Handled | None:
        raise OperationalError("insert", {}, Exception("disk full"))

    with pytest.raises(OperationalError):
        work(engine, KEYS, (full,), at=AT)
    assert rows(engine)[0].state == "new"


def test_two_workers_handle_each_message_once(tmp_path):
    made = make_engine(f"sqlite:///{tmp_path / 'two.sqlite'}")
    metadata.create_all(made)
    for key in range(40):
        keep(made, KEYS, came(provider_key=str(key), sender=f"+62812345678{key:02}"))
    handled: list[int] = []

    def handler(connection: Connection, message: Incoming, *, at: datetime) -> Handled:
        handled.append(message.inbound_id)
        return Handled("reply", answer="Terima kasih.")

    workers = [
        threading.Thread(target=work, args=(made, KEYS, (handler,)), kwargs={"at": AT})
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(handled) == list(range(1, 41))
    with made.connect() as connection:
        assert len(connection.execute(select(outbox.c.id)).all()) == 40
    made.dispose()


def test_messages_that_come_together_are_stored_in_few_commits_and_each_is_told_its_own(tmp_path):
    made = make_engine(f"sqlite:///{tmp_path / 'together.sqlite'}")
    metadata.create_all(made)
    commits: list[int] = []
    event.listen(made, "commit", lambda _: commits.append(1))
    desk = Together(made, KEYS)
    start = threading.Barrier(16)
    found: dict[str, int | None] = {}

    def sends(sender: int) -> None:
        start.wait()
        for number in range(5):
            key = f"{sender}-{number % 4}"  # the last one is known
            told = desk.keep(came(provider_key=key, sender=f"+62812345678{sender:02}"))
            found[f"{sender}-{number}"] = told

    threads = [threading.Thread(target=sends, args=(i,)) for i in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [found[f"{i}-4"] for i in range(16)] == [None] * 16
    assert sorted(n for n in found.values() if n is not None) == list(range(1, 65))
    assert len(rows(made)) == 64 and len(commits) < 60
    made.dispose()


def test_what_cannot_be_stored_is_told_to_its_own_caller_alone(engine, monkeypatch):
    broken = OperationalError("insert", {}, Exception("disk full"))

    def alone(engine: Engine, keys: Keys, message: InboundMessage) -> int | None:
        if message.text == "bad":
            raise broken
        return keep(engine, keys, message)

    def all_of_them(*_: Any) -> None:
        raise broken

    monkeypatch.setattr("notify.inbox.together.keep_in", all_of_them)
    monkeypatch.setattr("notify.inbox.together.keep", alone)
    desk = Together(engine, KEYS)
    with pytest.raises(OperationalError):
        desk.keep(came("bad"))
    assert desk.keep(came("good")) == 1


def test_somebody_on_duty_with_many_tasks_is_answered_longer(engine):
    on_duty = {
        "recipient_id": "KO-1", "role": "coordinator", "adm4_code": "32.03.01.2001",
        "address": "+9993203", "synthetic": True,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(recipients.insert().values(**on_duty))
    wide = TIGHT.model_copy(update={"duty_messages": 5})
    for number in range(7):
        one = came(provider_key=f"d{number}", sender="+9993203")
        keep(engine, KEYS, one, policy=wide)
    for number in range(4):
        one = came(provider_key=f"e{number}", sender="+9993204")
        keep(engine, KEYS, one, policy=wide)
    assert [row.flood for row in rows(engine)] == [False] * 5 + [True] * 2 + [False] * 3 + [True]
