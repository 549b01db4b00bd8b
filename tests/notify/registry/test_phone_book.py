"""Phone books of every make: each line is taken or named; nothing half done; twice is once."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from kentongan.db import audit, consents, contacts, outbox, recipients
from kentongan.errors import DataError, RuleViolation
from kentongan.sealing import Keys
from kentongan.transactions import writing
from notify.registry import importing, leaving
from notify.registry.people import Outcome, Role, Via
from notify.registry.phone_book import BadLine, Reading, read
from notify.registry.policy import ImportRules, registry_policy
from tests.notify.registry.conftest import AT, AWAY, HOME, NUMBER, TEXT
from tests.notify.registry.phone_books import GOOD, phone_book
from tests.peers.postgres import BOTH

KEYS = Keys((bytes(range(32)),))
HOW = Reading(registry_policy().imports, frozenset({HOME, AWAY}), Role.RESIDENT, TEXT)


def book_of(data, how=HOW):
    return read(data.encode() if isinstance(data, str) else data, KEYS, how)


def taken(engine, data, **more):
    raw = data.encode() if isinstance(data, str) else data
    return importing.import_book(
        engine, book_of(raw), raw, KEYS, role=Role.RESIDENT, at=AT, actor="ani", **more
    )


ONE = f"nomor,kode desa\n0812-3456-7890,{HOME}\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"],
)
def test_a_phone_book_is_read_in_every_encoding(encoding):
    text = f"nama;Nomor HP;Kode Desa\nÑoño;081234567890;{HOME}\nDé;081234567891;{AWAY}\n"
    book = book_of(text.encode(encoding))
    assert [entry.prepared.person.number for entry in book.entries] == [
        "+6281234567890", "+6281234567891",
    ]  # fmt: skip
    assert book.not_kept == ("nama",) and not book.bad


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_line_ends_of_all_programs(separator, line_end):
    rows = ["sep=;" if separator == ";" else "", separator.join(("HP", "adm4", "catatan")),
            separator.join((f'"{NUMBER}"', HOME, '"a ""b"""')), "",
            separator.join((f"{NUMBER[:-1]}1", "3204122001", ""))]  # fmt: skip
    book = book_of(line_end.join(rows) + line_end)
    assert len(book.entries) == 2 and book.lines == 2
    assert [entry.line for entry in book.entries] == [3, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no header"),
        ("\n\n", "no header"),
        (f"0812,{HOME}\n", "no column 'number'"),
        ("nomor,nama\n0812,x\n", "no column 'area'"),
        (f"nomor,hp,desa\n1,2,{HOME}\n", "two columns mean 'number'"),
        ('"nomor,desa\n', "no header"),
        ("x" * 2000, "no header"),
    ],
)
def test_a_file_that_is_no_phone_book_is_refused_whole(text, told):
    with pytest.raises(DataError, match=told):
        book_of(text)


def test_a_file_that_is_too_large_is_refused_before_it_is_read():
    small = Reading(
        ImportRules(max_lines=2, max_bytes=200, max_line_chars=50),
        HOW.villages,
        Role.RESIDENT,
        TEXT,
    )
    with pytest.raises(DataError, match="at most 200"):
        book_of("x" * 201, small)
    with pytest.raises(DataError, match="more than 2 lines"):
        book_of("nomor,desa\n" + f"1,{HOME}\n" * 3, small)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'"0812 3456 7890,{HOME}', "quotes"),
        ("081234567890", "1 cells"),
        (f"081234567890,{HOME},x", "3 cells"),
        ("081234567890,", "no area"),
        ("081234567890,3204", "no village 3204"[:10]),
        ("081234567890,081234567890", "no village: expected"),
        ("081234567890,99.99.99.9999", "no village 99.99.99.9999"),
        (f"0812\x003456,{HOME}", "NUL"),
        (f"=cmd|' /C calc'!A0,{HOME}", "formula"),
        ("x" * 1001, "longer"),
        (f"081234567891,{HOME}", "same number as in line 2"),
    ],
)
def test_a_broken_line_spoils_itself_alone(line, reason):
    book = book_of(f"nomor,desa\n081234567891,{HOME}\n{line}\n081234567892,{AWAY}\n")
    assert [entry.line for entry in book.entries] == [2, 4]
    [bad] = book.bad
    assert bad.line == 3 and reason in bad.reason
    assert "1234567890" not in bad.reason + bad.shown


def test_consent_languages_and_ids_come_from_their_columns():
    text = (f"nomor,desa,setuju,bahasa,id\n081234567890,{HOME},YA,jv,K-1\n"
            f"081234567891,{HOME},tidak,id,\n081234567892,{HOME},,id,\n"
            f"081234567893,{HOME},ya,Bahasa,\n")  # fmt: skip
    book = book_of(text)
    [entry] = book.entries
    assert entry.prepared.person.language == "jv" and not entry.prepared.person.recipient_id
    assert [b.reason.split()[0] for b in book.bad] == ["no", "no", "language"]
    duty = Reading(HOW.rules, HOW.villages, Role.COORDINATOR, "SK-1")
    assert book_of(text, duty).entries[0].prepared.recipient_id == "K-1"


@BOTH
def test_the_same_file_twice_changes_nothing(engine, count):
    assert taken(engine, ONE).counts == {Outcome.ADDED: 1}
    assert taken(engine, ONE).counts == {Outcome.KNOWN: 1}
    assert count(recipients) == count(contacts) == count(consents) == 1
    with engine.connect() as connection:
        assert connection.execute(select(consents.c.via, consents.c.text_version)).one() == (
            "import", TEXT,
        )  # fmt: skip


def test_a_dry_run_says_the_same_and_writes_nothing(engine, count):
    assert taken(engine, ONE, dry=True).counts == {Outcome.ADDED: 1}
    assert count(recipients) == count(audit) == 0


@BOTH
def test_who_stopped_is_a_refused_line(engine, keys):
    with writing(engine) as connection:
        leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=AT, actor="recipient")
    found = taken(engine, ONE)
    assert found.people == 0 and found.bad[0].line == 2 and "opted out" in found.bad[0].reason


def test_an_import_that_fails_leaves_nothing(engine, count, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("disk full")

    monkeypatch.setattr(importing.audit, "append", broken)
    with pytest.raises(RuntimeError):
        taken(engine, ONE)
    assert count(recipients) == count(contacts) == count(consents) == 0


def test_a_large_phone_book_waits_for_messages_that_are_sent(engine, monkeypatch, count):
    row = {"alert_version": "w/1", "recipient_id": "r", "channel": "sms", "part": 0,
           "message_id": "m", "route": "gw", "state": 0, "attempts": 0, "prio": 1,
           "created_at": "x", "due": "x", "not_after": "x", "area_code": ""}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(outbox), row)
    assert taken(engine, ONE).people == 1
    monkeypatch.setattr(importing, "SMALL", 0)
    with pytest.raises(RuleViolation, match="messages are being sent"):
        taken(engine, ONE.replace("7890", "7891"))
    assert taken(engine, ONE.replace("7890", "7891"), dry=True).people == 1
    assert count(recipients) == 1


def test_the_report_of_lines_is_no_formula():
    bad = [BadLine(2, "=cmd|x", "@a"), BadLine(3, "62812****890", "-b"), BadLine(4, "", 'c,\n"d')]
    rows = list(csv.reader(io.StringIO(importing.as_csv(bad))))
    assert rows[0] == ["line", "number", "reason"]
    assert not any(cell[:1] in tuple("=+-@") for row in rows for cell in row)


def test_one_hundred_thousand_broken_lines(engine, count):
    text, kinds = phone_book(7, 100_000, [HOME, AWAY])
    data = text.encode("utf-16")
    started = time.monotonic()
    found = taken(engine, data)
    took = time.monotonic() - started
    good = sum(kind == GOOD for kind in kinds.values())
    assert found.counts == {Outcome.ADDED: good} and count(contacts) == good
    assert {bad.line for bad in found.bad} == {n for n, kind in kinds.items() if kind != GOOD}
    assert took < 60


@given(st.binary(max_size=400))
def test_any_bytes_are_a_phone_book_or_none(data):
    for head in (b"", b"nomor,desa\n"):
        try:
            book = read(head + data, KEYS, HOW)
        except DataError:
            continue
        assert len(book.entries) + len(book.bad) == book.lines


_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=40)


@given(st.lists(st.tuples(_CELLS, _CELLS), max_size=8))
def test_any_cells_give_one_verdict_a_line(cells):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("nomor", "desa"), *cells])
    book = book_of(out.getvalue())
    assert [*book.entries] == [] or all(e.prepared.person.adm4_code == HOME for e in book.entries)
    for bad in book.bad:
        assert bad.reason.isprintable() and bad.shown.isprintable()


def test_a_made_up_person_of_a_layer_set_is_no_registered_one(engine):
    row = {"recipient_id": "r-1", "role": "resident", "adm4_code": HOME, "address": "+9991"}
    with writing(engine) as connection:
        connection.execute(insert(recipients), row)
    assert taken(engine, ONE).counts == {Outcome.ADDED: 1}
