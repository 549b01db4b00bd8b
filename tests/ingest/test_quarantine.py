"""What cannot be read waits with its reason and is read again after a fix; nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ingest.keep import quarantine
from ingest.keep.quarantine import DISMISSED, OPEN, RESOLVED, listed, refused, sample_of
from ingest.keep.retry import dismiss, retry
from ingest.known import known
from ingest.log import LogRow
from ingest.play.feedserver import FeedServer, Payload
from ingest.registry import SOURCES
from ingest.run import poll
from ingest.source import Reading
from kentongan.db import records
from kentongan.errors import KentonganError, SourceChanged
from kentongan.types import Outcome

RSS = "/alerts/nowcast/id"
QUAKES = "/DataMKG/TEWS/gempaterkini.json"
MINUTE = timedelta(minutes=1)


def entries(context, state=OPEN):
    with context.engine.connect() as connection:
        return listed(connection, state=state)


@pytest.fixture
def swapped(feeds):
    """The list of quakes with one whose coordinates are exchanged."""
    good = (feeds / "gempaterkini.json").read_text(encoding="utf-8")
    assert '"-7.55,108.90"' in good
    return good.replace('"-7.55,108.90"', '"108.90,-7.55"').encode()


class Fixed:
    """Today's reader after a fix: what it refused before it now reads."""

    def __init__(self, reader, mend):
        self.info, self.paths, self.links = reader.info, reader.paths, reader.links
        self._read, self._mend = reader.read, mend

    def read(self, payload, context):
        return self._read(self._mend(payload), context)


def fix(monkeypatch, source_id, mend):
    monkeypatch.setitem(SOURCES, source_id, Fixed(SOURCES[source_id], mend))


def test_an_item_waits_with_reason_and_sample(serve, make_context, swapped, now):
    context = make_context(serve({QUAKES: swapped}).url)
    poll("bmkg-quakes", at=now, context=context)
    (entry,) = entries(context)
    assert entry.url.endswith(QUAKES)
    assert entry.item.startswith("quake ")
    assert "108.9" in entry.reason
    assert "108.90,-7.55" in entry.sample
    assert (entry.state, entry.seen) == (OPEN, 1)
    assert entry.first_at == entry.last_at == "2026-11-20T07:25:00Z"


def test_the_same_item_in_a_list_rendered_anew_is_one_entry(make_context, serve, swapped, now):
    served = {QUAKES: swapped}
    context = make_context(serve(served).url)
    for minute in range(3):
        served[QUAKES] = swapped + b" " * minute
        for again in (0, 20):
            at = now + minute * MINUTE + timedelta(seconds=again)
            poll("bmkg-quakes", at=at, context=context)
    (entry,) = entries(context)
    assert entry.seen == 3, "different documents are counted, not polls"
    with context.engine.connect() as connection:
        assert len(list(quarantine.documents_of(connection, entry))) == 3


def test_a_cut_document_is_read_again_after_a_fix(monkeypatch, make_context, serve, feeds, now):
    whole = (feeds / "gempaterkini.json").read_bytes()
    context = make_context(serve({QUAKES: whole[:-40]}).url)
    poll("bmkg-quakes", at=now, context=context)
    (entry,) = [e for e in entries(context) if e.url.endswith(QUAKES)]
    assert (entry.item, "end or break early" in entry.reason) == ("", True)
    done = retry(context, entry, at=now + MINUTE, by="Rina")
    assert (done.state, done.documents, done.new_records) == (OPEN, 1, 0)
    fix(monkeypatch, "bmkg-quakes", lambda payload: payload + whole[len(payload) :])
    done = retry(context, entry, at=now + 2 * MINUTE, by="Rina")
    assert (done.state, done.new_records) == (RESOLVED, 2)
    assert entries(context) == []
    with context.engine.connect() as connection:
        times = set(connection.scalars(select(records.c.known_at)))
        assert times == {"2026-11-20T07:27:00Z"}, "known from the retry on, never before"
    assert known(context.engine, now, kinds=["quake"], include_history=True) == []


def test_a_first_list_read_late_announces_nothing_old(monkeypatch, make_context, serve, feeds, now):
    whole = (feeds / "gempaterkini.json").read_bytes()
    context = make_context(serve({QUAKES: whole[:-40]}).url)
    poll("bmkg-quakes", at=now, context=context)
    fix(monkeypatch, "bmkg-quakes", lambda payload: payload + whole[len(payload) :])
    late = now + timedelta(hours=5)
    for entry in entries(context):
        retry(context, entry, at=late, by="Rina")
    assert known(context.engine, late, kinds=["quake"]) == []
    assert len(known(context.engine, late, kinds=["quake"], include_history=True)) == 2


def test_every_different_document_between_first_and_last_is_read_again(
    monkeypatch, make_context, serve, feeds, now
):
    """Two cut documents at one address are one entry; the older one is not lost."""
    one = (feeds / "gempaterkini.json").read_bytes()
    two = one.replace(b"2026", b"2025")
    assert one != two
    served = {QUAKES: one[:-40]}
    context = make_context(serve(served).url)
    poll("bmkg-quakes", at=now, context=context)
    served[QUAKES] = two[:-40]
    poll("bmkg-quakes", at=now + MINUTE, context=context)
    (entry,) = [e for e in entries(context) if e.url.endswith(QUAKES)]
    fix(monkeypatch, "bmkg-quakes", lambda payload: payload + one[len(payload) :])
    done = retry(context, entry, at=now + 2 * MINUTE, by="Rina")
    assert (done.state, done.documents, done.new_records) == (RESOLVED, 2, 4)


def test_resolved_comes_back_when_it_is_refused_again(serve, make_context, swapped, now):
    served = {QUAKES: swapped}
    context = make_context(serve(served).url)
    poll("bmkg-quakes", at=now, context=context)
    (entry,) = entries(context)
    with context.engine.begin() as connection:
        quarantine.close(connection, entry.quarantine_id, at=now, state=RESOLVED, note="")
    poll("bmkg-quakes", at=now + MINUTE, context=context)
    assert [e.quarantine_id for e in entries(context)] == [entry.quarantine_id]


def test_dismissed_stays_so_for_the_same_reason_only(serve, make_context, swapped, now):
    served = {QUAKES: swapped}
    context = make_context(serve(served).url)
    poll("bmkg-quakes", at=now, context=context)
    (entry,) = entries(context)
    dismiss(context, entry, at=now, by="Rina", reason="known slip")
    served[QUAKES] = swapped + b" "
    poll("bmkg-quakes", at=now + MINUTE, context=context)
    assert entries(context) == []
    assert entries(context, DISMISSED)[0].note == "Rina: known slip"
    served[QUAKES] = swapped.replace(b"108.90,-7.55", b"x")
    poll("bmkg-quakes", at=now + 2 * MINUTE, context=context)
    assert len(entries(context)) == 1


def test_a_block_page_is_done_with_once_data_comes(serve, make_context, feeds, now):
    served = {RSS: b"<!doctype html><title>Laman Diblokir</title>"}
    context = make_context(serve(served).url)
    poll("bmkg-nowcast", at=now, context=context)
    (entry,) = entries(context)
    assert "Laman Diblokir" in entry.reason
    served[RSS] = (feeds / "nowcast-rss.xml").read_bytes()
    poll("bmkg-nowcast", at=now + MINUTE, context=context)
    assert [e for e in entries(context) if e.url.endswith(RSS)] == []


def test_a_dead_server_leaves_no_entry(make_context, now):
    with FeedServer(lambda _: Payload(status=503)) as server:
        context = make_context(server.url)
        report = poll("bmkg-nowcast", at=now, context=context)
    assert report.outcome is Outcome.DOWN
    assert entries(context) == []


def test_more_than_the_limit_is_only_counted(monkeypatch, serve, make_context, feeds, now):
    monkeypatch.setattr(quarantine, "MAX_OPEN", 2)

    class Refusing(Fixed):
        def read(self, payload, context):
            return Reading(rejected=tuple(f"quake {i}: odd" for i in range(6)))

    monkeypatch.setitem(SOURCES, "bmkg-quakes", Refusing(SOURCES["bmkg-quakes"], None))
    context = make_context(serve({QUAKES: b"{}"}).url)
    poll("bmkg-quakes", at=now, context=context)
    found = entries(context)
    assert len(found) == 3
    (more,) = [e for e in found if e.item == quarantine.OVERFLOW]
    assert more.seen == 4


def test_an_unknown_number_is_one_clear_line(make_context):
    context = make_context("http://127.0.0.1:1")
    with context.engine.connect() as connection, pytest.raises(KentonganError, match="no such"):
        refused(connection, 77)


def test_a_reader_that_fails_on_the_second_of_two_keeps_what_the_first_gave(
    monkeypatch, make_context, serve, feeds, now
):
    one = (feeds / "gempaterkini.json").read_bytes()
    served = {QUAKES: one[:-40]}
    context = make_context(serve(served).url)
    poll("bmkg-quakes", at=now, context=context)
    served[QUAKES] = b"nonsense"
    poll("bmkg-quakes", at=now + MINUTE, context=context)

    def mend(payload):
        if payload == b"nonsense":
            raise SourceChanged("still nonsense")
        return payload + one[len(payload) :]

    fix(monkeypatch, "bmkg-quakes", mend)
    (entry,) = [e for e in entries(context) if e.url.endswith(QUAKES)]
    done = retry(context, entry, at=now + 2 * MINUTE, by="Rina")
    assert (done.state, done.new_records, done.detail) == (OPEN, 2, "still nonsense")


@pytest.mark.parametrize(
    ("payload", "name", "expected"),
    [
        pytest.param(b"", "x", "", id="nothing"),
        pytest.param(b"a" * 5000, "x", "a" * 599 + "…", id="bounded"),
        pytest.param(b"\x89PNG\0\0\0\1", "x", "8 bytes, not text, begins", id="picture"),
        pytest.param(b'{"apikey": "abcdef123456"}', "", '{"apikey": "***"}', id="key"),
        pytest.param(b"k\x1b[31m\xff", "", "k [31m", id="control-characters"),
    ],
)
def test_a_sample_is_short_printable_and_without_keys(payload, name, expected):
    assert sample_of(payload, name).startswith(expected)


@given(st.binary(max_size=3000), st.text(max_size=30))
def test_any_sample_is_one_printable_line(payload, name):
    found = sample_of(payload, name)
    assert found.isprintable()
    assert len(found) <= quarantine.SAMPLE_CHARACTERS


@given(st.text(max_size=3000))
def test_any_refused_line_has_a_name_and_a_reason_that_can_be_stored(line):
    for part in quarantine.named(line):
        part.encode()
        assert "\0" not in part
        assert len(part) <= 1000


def test_a_hostile_name_does_not_break_the_poll(make_context, now):
    context = make_context("http://127.0.0.1:1")
    row = LogRow("bmkg-quakes", "http://h/a", now, Outcome.QUARANTINED, sha256="0" * 64)
    rejected = ("quake \ud800\x00: \ud800 odd", "a: ", "quake x", "quake x")
    with context.engine.begin() as connection:
        quarantine.note_items(connection, row, rejected, b"{}")
    assert [e.item for e in entries(context)] == ["quake", "a", "quake x", "quake x #2"]
