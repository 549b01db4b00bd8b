"""An answer has no warning behind it: it goes to who wrote, once, today, and says nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, update
from sqlalchemy.pool import StaticPool

from kentongan.binding import bind
from kentongan.db import audit, inbound, make_engine, messages, metadata, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, blind, seal
from kentongan.types import Mode, OutboxState
from notify.channels.channel import InboundMessage, Outcome, Outgoing, Receipt
from notify.channels.real import RealChannel
from notify.firewall.answers import answer_id, look, person_id, refusal, sealed_for
from notify.firewall.gate import all_routes, channels_for
from notify.inbox.answers import RECORDED, Ways, answer
from notify.inbox.handling import Handled, work
from notify.inbox.policy import InboxPolicy
from notify.inbox.store import Incoming, keep
from notify.sending.dispatch import dispatch
from notify.wording.language import CODES, language
from tests.peers.postgres import BOTH

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KEYS = Keys((b"k" * 32,))
NUMBER = "+6281234567890"
THANKS = "Laporan Anda diterima, nomor L-7. Jika nyawa terancam hubungi 112."


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """SQLite in memory, and a fresh database of a PostgreSQL server."""
    if getattr(request, "param", "sqlite") == "postgresql":
        made = make_engine(request.getfixturevalue("postgres").database())
    else:
        made = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(made)
    yield made
    made.dispose()


class Phone(RealChannel):
    window = 10

    def __init__(self, route: str) -> None:
        self.route = route
        self.sent: list[Outgoing] = []

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.ACCEPTED)] * len(messages)


class Tape:
    route = "recorder"
    window = 10

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.RECORDED)] * len(messages)


class Home:
    """A home with one message in its inbox, and every way out there is."""

    def __init__(
        self, engine: Engine, mode: Mode = Mode.ACTUAL, *, live: bool = True, sender: str = NUMBER,
        route: str = "kannel", flood: bool = False, two_way: Sequence[str] = ("kannel",),
    ) -> None:  # fmt: skip
        self.engine, self.mode, self.live = engine, mode, live
        bind(engine, mode, live=live)
        self.phones = {name: Phone(name) for name in ("kannel", "other", "sms")}
        self.tape = Tape()
        tight = InboxPolicy(
            date=date(2026, 11, 22), sender_messages=1 if flood else 9, sender_minutes=60,
            all_messages_per_minute=99, answer_hours=24,
        )  # fmt: skip
        if flood:
            keep(engine, KEYS, InboundMessage(route, "0", sender, "x", AT), policy=tight)
        came = InboundMessage(route, "1", sender, "LAPOR banjir", AT)
        keep(engine, KEYS, came, policy=tight)
        routes = all_routes(mode, live=live, test_numbers=(NUMBER,))
        self.ways = Ways(routes, frozenset(two_way))

    def answers(self, text: str = THANKS, *, at: datetime = AT, urgent: bool = False) -> Any:
        def handler(connection: Any, message: Incoming, *, at: datetime) -> Handled:
            return Handled("report", answer=text, urgent=urgent)

        return work(self.engine, KEYS, (handler,), at=at, ways=self.ways)

    def dispatches(self, *, at: datetime = AT, keys: Keys | None = KEYS) -> list[str]:
        """Texts that reached a phone."""
        found = channels_for(
            self.engine, self.mode, live=self.live, at=at, clock=lambda: at, recorder=self.tape,
            real=self.phones, test_numbers=(NUMBER,),
        )  # fmt: skip
        dispatch(self.engine, found, at=at, answers=partial(look, keys=keys))
        return [f"{name} {m.address} {m.text}" for name, p in self.phones.items() for m in p.sent]

    def row(self) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(outbox)).one()

    def change(self, table: Any, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(table).values(**values))

    def breaches(self) -> int:
        query = select(audit.c.seq).where(audit.c.action == "firewall.suppressed")
        with self.engine.connect() as connection:
            return len(connection.execute(query).all())


@BOTH
def test_an_answer_goes_to_the_number_that_wrote_over_the_way_it_came_once(engine):
    home = Home(engine)
    home.answers()
    assert home.dispatches() == [f"kannel {NUMBER} {THANKS}"]
    home.change(inbound, state="new")
    home.answers("Kedua")
    assert len(home.dispatches()) == 1
    assert OutboxState(home.row().state) is OutboxState.ACCEPTED
    assert home.tape.sent == [] and home.breaches() == 0


@pytest.mark.parametrize(
    ("mode", "live", "mark"),
    [(Mode.EXERCISE, True, "LATIHAN. "), (Mode.ACTUAL, False, "LATIHAN. ")],
)
def test_outside_of_real_runs_an_answer_is_marked_and_reaches_the_recorder_alone(
    engine, mode, live, mark
):
    home = Home(engine, mode, live=live)
    home.answers()
    assert home.dispatches(keys=None) == []
    assert [m.text for m in home.tape.sent] == [mark + THANKS]


@pytest.mark.parametrize(("sender", "reached"), [(NUMBER, 1), ("+6281234567891", 0)])
def test_in_test_mode_an_answer_reaches_listed_numbers_alone(engine, sender, reached):
    home = Home(engine, Mode.TEST, sender=sender)
    home.answers()
    found = home.dispatches()
    assert len(found) == reached and len(home.tape.sent) == 1 - reached
    assert all(text.endswith(f"TES. {THANKS}") for text in found)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"two_way": ()}, "one-way"),
        ({"flood": True}, "flood"),
    ],
)
def test_nobody_is_answered_on_a_one_way_route_or_in_a_flood(engine, changes, why):
    home = Home(engine, **changes)
    home.answers()
    assert len(home.dispatches()) == (
        1 if why == "flood" else 0
    )  # the first of the flood was answered


def test_an_answer_to_a_made_up_number_reaches_no_phone(engine):
    home = Home(engine, sender="+9991234567890")
    home.answers()
    assert home.row().route == "recorder"
    home.change(outbox, route="kannel")
    assert home.dispatches() == []
    assert "synthetic" in home.row().last_error and home.breaches() == 1


def test_a_day_later_there_is_no_answer(engine):
    home = Home(engine)
    home.answers(at=AT + timedelta(hours=25))
    with engine.connect() as connection:
        assert connection.execute(select(outbox.c.id)).all() == []


def test_an_answer_that_waited_a_day_is_not_sent(engine):
    home = Home(engine)
    home.answers()
    late = AT + timedelta(hours=24, seconds=1)
    assert home.dispatches(at=late) == []
    home.change(outbox, state=OutboxState.READY, not_after="2026-11-24T00:00:00Z")
    assert home.dispatches(at=late) == []
    assert "24 hours" in home.row().last_error and home.breaches() == 1


@pytest.mark.parametrize(
    ("table", "values", "why"),
    [
        (messages, {"text": "AWAS TSUNAMI! Jauhi pantai SEKARANG"}, "words of a warning"),
        (messages, {"text": "Segera. Sumber: BMKG"}, "words of a warning"),
        (messages, {"text": "x" * 161}, "one SMS"),
        (messages, {"text": "TES. halo"}, None),
        (messages, {"purpose": "alert"}, "belongs to something else"),
        (messages, {"warning_id": "w-tsunami", "version": 1}, "belongs to something else"),
        (messages, {"level": 4}, "belongs to something else"),
        (outbox, {"recipient_id": "r-1"}, "does not name one message"),
        (outbox, {"recipient_id": "inbound/2"}, "does not name one message"),
        (outbox, {"alert_version": "kentongan-w-v1"}, "does not name one message"),
        (outbox, {"part": 1}, "does not name one message"),
        (outbox, {"created_at": "2026-11-22T07:00:00.000000Z"}, "before its message came"),
        (inbound, {"state": "new"}, "only what was handled"),
        (inbound, {"flood": True}, "flood"),
        (inbound, {"id": 7}, "no message of the inbox"),
        (inbound, {"sender_blind": "0" * 64}, "does not open, or is another"),
        (inbound, {"sender_sealed": seal(KEYS, "+6285555555555", owner="inbound/kannel/9")},
         "does not open"),
        (inbound, {"provider_key": "2"}, "does not open"),
    ],
)  # fmt: skip
def test_each_lie_in_the_tables_keeps_an_answer_back_alone(engine, table, values, why):
    home = Home(engine)
    home.answers()
    home.change(table, **values)
    assert home.dispatches() == []
    state = OutboxState(home.row().state)
    if why is None:  # the guard itself: a text that says it is a test
        assert state is OutboxState.FAILED
    else:
        assert state is OutboxState.SUPPRESSED
        assert why in home.row().last_error and home.breaches() == 1


def test_a_number_sealed_by_whoever_has_the_key_is_still_the_one_that_wrote(engine):
    """Only with the key outside the database could another number be put there, and then by both
    columns: this is what the key is for."""
    home = Home(engine)
    home.answers()
    home.change(
        inbound, sender_sealed=seal(KEYS, "+6285555555555", owner=sealed_for("kannel", "1"))
    )
    assert home.dispatches() == []
    assert "index" in home.row().last_error


def test_an_answer_handed_to_another_route_ends_there_without_alarm(engine):
    home = Home(engine)
    home.answers()
    home.change(outbox, route="other")
    assert home.dispatches() == []
    assert OutboxState(home.row().state) is OutboxState.SUPPRESSED and home.breaches() == 0


def test_without_keys_no_answer_reaches_a_phone(engine):
    home = Home(engine)
    home.answers()
    assert home.dispatches(keys=None) == []


@BOTH
def test_a_warning_cannot_be_sent_as_somebodys_answer(engine):
    """A row of a warning's message that claims an answer's place, or a person in its stead."""
    home = Home(engine)
    home.answers()
    warning = {"message_id": "kentongan-w-v1/sms", "purpose": "alert", "warning_id": "w",
               "version": 1, "channel": "sms", "language": "id", "area_code": "", "level": 4,
               "text": "AWAS", "payload": None, "parts": 1}  # fmt: skip
    person = {"recipient_id": "inbound/1", "role": "resident", "adm4_code": "", "language": "id",
              "address": "+6285555555555", "synthetic": False}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(messages.insert().values(**warning))
        connection.execute(recipients.insert().values(**person))
        connection.execute(update(outbox).values(message_id="kentongan-w-v1/sms"))
    assert home.dispatches() == [] and home.breaches() == 1


def test_a_cycle_that_serves_the_recorder_alone_leaves_answers_to_their_dispatcher(engine):
    home = Home(engine)
    home.answers()
    dispatch(engine, {"recorder": home.tape}, at=AT)
    assert OutboxState(home.row().state) is OutboxState.READY
    assert home.dispatches() != []


@BOTH
def test_in_a_home_of_exercises_an_answer_on_a_public_route_is_a_stray(engine):
    home = Home(engine, Mode.EXERCISE)
    home.answers()
    home.change(outbox, route="kannel")
    dispatch(engine, {"recorder": home.tape}, at=AT)
    assert OutboxState(home.row().state) is OutboxState.SUPPRESSED and home.breaches() == 1


def test_replies_to_tasks_go_before_warnings_of_siaga_and_thanks_behind_all(engine):
    home = Home(engine)
    home.answers(urgent=True)
    assert home.row().prio == 1200


@pytest.mark.parametrize("text", ["", "   ", "SIAGA banjir", "awas, jauhi sungai", "x" * 161, "😀"])
def test_a_handler_that_would_answer_so_marks_its_message_as_failed(engine, text):
    home = Home(engine)
    found = home.answers(text or " ")
    assert found == {"failed": 1} or not text.strip()
    assert home.dispatches() == []


def test_every_text_of_a_warning_in_every_language_is_refused_as_an_answer():
    """The words by which an answer is told from a warning are in all our templates."""
    for code in CODES:
        words = language(code)
        for level, word in words.levels.items():
            assert refusal(f"{word} banjir di Kec. Tilamuta"), (code, level)
        for source in (words.official, words.estimate):
            assert refusal(f"Jauhi sungai. {source}"), code


def test_texts_for_the_recorder_need_no_way(engine):
    home = Home(engine, Mode.EXERCISE)
    with engine.begin() as connection:
        row = connection.execute(select(inbound)).one()
        to = Incoming(row.id, row.route, NUMBER, blind(KEYS, NUMBER), row.text, AT)
        assert answer(connection, to, THANKS, at=AT, ways=RECORDED)
        assert not answer(connection, to, THANKS, at=AT, ways=RECORDED)
        with pytest.raises(RuleViolation, match="words of a warning"):
            answer(connection, to, "AWAS", at=AT)
    assert home.row().recipient_id == person_id(row.id)
    assert home.row().alert_version == answer_id(row.id)
