"""Whatever is changed in the audit is found, at the right row."""

from __future__ import annotations

import json
import socket
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, delete, func, select, text, update
from sqlalchemy.pool import StaticPool

from kentongan import audit
from kentongan.audit.chain import row_hash
from kentongan.audit.heads import (
    Head,
    audit_key,
    keep,
    last_head,
    public_key,
    public_pem,
    read_log,
    sign_and_keep,
    sign_head,
)
from kentongan.audit.verify import verify
from kentongan.db import audit as rows_table
from kentongan.db import audit_heads, metadata
from kentongan.errors import SettingsError
from kentongan.settings import Settings

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
ROWS = 12
HEADS = (4, 9, 12)
"""A head in mid-chain, one more, and one at its end."""


def fresh() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    return engine


def add(engine: Engine, count: int, at: datetime = AT) -> None:
    with engine.begin() as connection:
        for n in range(count):
            audit.append(
                connection, at=at, actor=f"ani{n}", action="warning.approve",
                body={"warning_id": "w-1", "n": n},
            )  # fmt: skip


def signed_chain() -> Engine:
    engine, done = fresh(), 0
    for index, seq in enumerate(HEADS):
        add(engine, seq - done, AT + index * MINUTE)
        sign_head(engine, AT + index * MINUTE, KEY)
        done = seq
    return engine


WHOLE = signed_chain()
"""Never changed for good: see `after`."""


def after(change, *values):
    """What is found broken in a whole chain after one change, which is taken back."""
    with WHOLE.connect() as connection, connection.begin() as transaction:
        for one in (change, *values):
            connection.execute(one)
        found = verify(connection, keys=[PUBLIC]).broken
        transaction.rollback()
    return found


def cell(table, seq: int, field: str) -> str:
    with WHOLE.connect() as connection:
        return connection.execute(select(table.c[field]).where(table.c.seq == seq)).scalar_one()


def proof_of(engine: Engine, kept=()):
    with engine.connect() as connection:
        return verify(connection, keys=[PUBLIC], kept=kept)


def test_a_chain_with_its_heads_holds():
    found = proof_of(signed_chain())
    assert (found.rows, found.heads, found.signed_up_to, found.broken) == (12, 3, 12, None)


FIELDS = st.sampled_from(["at", "actor", "action", "body", "prev", "hash"])


@settings(max_examples=150, deadline=None)
@given(
    seq=st.integers(1, ROWS), field=FIELDS, position=st.integers(0, 63), other=st.integers(1, 25)
)
def test_any_change_of_any_field_is_found_at_its_row(seq, field, position, other):
    value = cell(rows_table, seq, field)
    at = position % len(value)
    letter = chr((ord(value[at]) - 32 + other) % 95 + 32)
    changed = value[:at] + letter + value[at + 1 :]
    broken = after(update(rows_table).where(rows_table.c.seq == seq).values({field: changed}))
    assert broken is not None and broken.seq == seq and broken.expected != broken.found


@settings(max_examples=40, deadline=None)
@given(seq=st.integers(1, ROWS), to=st.integers(-20, 0) | st.integers(ROWS + 1, 40))
def test_a_row_moved_elsewhere_is_missed_where_it_was(seq, to):
    broken = after(update(rows_table).where(rows_table.c.seq == seq).values(seq=to))
    assert broken is not None and broken.seq == (seq if to > 0 else to)


@pytest.mark.parametrize("seq", range(1, ROWS + 1))
def test_a_deleted_row_is_named(seq):
    broken = after(delete(rows_table).where(rows_table.c.seq == seq))
    assert broken.seq == seq and broken.what in ("missing", "cut off")


@pytest.mark.parametrize("left", range(ROWS))
def test_a_tail_cut_off_after_a_signed_head_is_named(left):
    broken = after(delete(rows_table).where(rows_table.c.seq > left))
    assert (broken.seq, broken.what) == (left + 1, "cut off")


def test_two_rows_that_change_places_are_named_at_the_first():
    moves = [
        update(rows_table).where(rows_table.c.seq == old).values(seq=new)
        for old, new in ((5, 100), (7, 5), (100, 7))
    ]
    assert after(*moves).seq == 5


def made_anew(engine: Engine, seq: int) -> None:
    """What somebody with the whole database can do: change a row and every hash after it."""
    with engine.begin() as connection:
        rows = connection.execute(select(rows_table).order_by(rows_table.c.seq)).all()
        prev = rows[seq - 2].hash if seq > 1 else audit.GENESIS
        for row in rows[seq - 1 :]:
            body = '{"forged":true}' if row.seq == seq else row.body
            digest = row_hash(prev, row.seq, row.at, row.actor, row.action, body)
            connection.execute(
                update(rows_table)
                .where(rows_table.c.seq == row.seq)
                .values(body=body, prev=prev, hash=digest)
            )
            prev = digest


@pytest.mark.parametrize(("seq", "head"), [(1, 4), (4, 4), (5, 9), (9, 9), (10, 12), (12, 12)])
def test_a_chain_made_anew_breaks_at_the_next_signed_head(seq, head):
    engine = signed_chain()
    made_anew(engine, seq)
    broken = proof_of(engine).broken
    assert (broken.seq, broken.what) == (head, "made anew")


@settings(max_examples=60, deadline=None)
@given(
    seq=st.sampled_from(HEADS),
    field=st.sampled_from(["hash", "at", "key_id", "signature"]),
    position=st.integers(0, 127),
)
def test_any_change_of_a_head_is_a_forged_head(seq, field, position):
    value = cell(audit_heads, seq, field)
    at = position % len(value)
    changed = value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
    broken = after(update(audit_heads).where(audit_heads.c.seq == seq).values({field: changed}))
    assert (broken.seq, broken.what) == (seq, "forged head")


def test_a_head_by_another_key_does_not_count():
    engine = signed_chain()
    add(engine, 1)
    stranger = Ed25519PrivateKey.generate()
    sign_head(engine, AT + 5 * MINUTE, stranger)
    broken = proof_of(engine).broken
    assert (broken.seq, broken.what) == (13, "forged head") and "unknown key" in broken.found
    with engine.connect() as connection:
        assert verify(connection, keys=[PUBLIC, stranger.public_key()]).broken is None


def test_heads_that_were_removed_are_missed_by_the_log_elsewhere(tmp_path):
    engine = signed_chain()
    with engine.connect() as connection:
        kept = [Head(**r._mapping) for r in connection.execute(select(audit_heads))]
    assert proof_of(engine, kept).broken is None
    with engine.begin() as connection:
        connection.execute(delete(audit_heads).where(audit_heads.c.seq > 4))
        connection.execute(delete(rows_table).where(rows_table.c.seq > 6))
    assert proof_of(engine).broken is None, "nothing inside the database tells"
    broken = proof_of(engine, kept).broken
    assert (broken.seq, broken.what) == (7, "cut off")
    forged = [replace(kept[-1], hash="0" * 64)]
    assert proof_of(engine, forged).broken.what == "forged head"


def test_a_head_is_signed_once_a_minute_and_at_every_end_of_a_cycle():
    engine = fresh()
    assert sign_head(engine, AT, KEY) is None, "nothing to sign"
    add(engine, 1)
    assert sign_head(engine, AT, KEY, every=MINUTE).seq == 1
    assert sign_head(engine, AT, KEY) is None, "nothing new"
    add(engine, 1)
    assert sign_head(engine, AT + MINUTE / 2, KEY, every=MINUTE) is None
    assert sign_head(engine, AT + MINUTE, KEY, every=MINUTE).seq == 2
    add(engine, 1)
    assert sign_head(engine, AT + MINUTE, KEY).seq == 3
    add(engine, 1)
    back = AT - timedelta(hours=1)
    assert sign_head(engine, back, KEY, every=MINUTE).seq == 4, "a clock that jumped back"
    assert proof_of(engine).broken is None


def test_heads_go_to_the_log_a_file_elsewhere_and_syslog(tmp_path):
    engine = fresh()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        elsewhere = tmp_path / "other" / "heads.log"
        syslog = f"syslog://127.0.0.1:{peer.getsockname()[1]}"
        home = Settings(_env_file=None, home=tmp_path, audit_copies=(str(elsewhere), syslog))
        add(engine, 1)
        assert sign_and_keep(engine, home, AT) == []
        add(engine, 2)
        assert sign_and_keep(engine, home, AT + MINUTE) == []
        assert sign_and_keep(engine, home, AT + MINUTE) == []
        packets = [peer.recv(4096).decode() for _ in range(2)]
    own = read_log(tmp_path / "audit" / "heads.log")
    assert own == read_log(elsewhere) and [head.seq for head in own] == [1, 3]
    (tmp_path / "syslog").write_text("\n".join(packets))
    assert read_log(tmp_path / "syslog") == own and packets[0].startswith("<109>1 2026-11-22T06")
    public = tmp_path / "audit.pub"
    public.write_text(public_pem(audit_key(home).public_key()))
    with engine.connect() as connection:
        assert verify(connection, keys=[public_key(public)], kept=own).broken is None
        assert last_head(connection) == own[-1]


def test_a_copy_that_cannot_be_written_is_told_and_stops_nothing(tmp_path):
    head = Head(1, "0" * 64, "2026-11-22T06:00:00Z", "k", "s")
    (tmp_path / "file").write_text("")
    (trouble,) = keep(head, tmp_path, [str(tmp_path / "file" / "heads.log")])
    assert "audit head 1 not written" in trouble
    assert json.loads((tmp_path / "audit" / "heads.log").read_text())["seq"] == 1


def test_the_signing_key_is_its_owners_alone_and_of_one_kind(tmp_path):
    home = Settings(_env_file=None, home=tmp_path)
    audit_key(home)
    path = tmp_path / "keys" / "audit.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert audit_key(home).private_bytes_raw() == audit_key(home).private_bytes_raw()
    for content in (b"", b"no key", public_pem(PUBLIC).encode()):
        other = tmp_path / "other.pem"
        other.write_bytes(content)
        with pytest.raises(SettingsError, match="audit key"):
            audit_key(Settings(_env_file=None, home=tmp_path, audit_key=other))


@pytest.mark.parametrize("line", ["", "no json", "{}", '{"seq": "x"}', '{"seq": 1, "odd": 2}'])
def test_a_log_that_is_none_is_refused(tmp_path, line):
    path = tmp_path / "heads.log"
    path.write_text(line + "\n")
    if not line:
        assert read_log(path) == []
        return
    with pytest.raises(SettingsError, match="line 1: no head"):
        read_log(path)


def test_an_actor_cannot_write_into_the_next_field():
    engine = fresh()
    with engine.begin() as connection:
        audit.append(connection, at=AT, actor="a\nwarning.release", action="x", body={"t": "a\nb"})
        row = connection.execute(select(rows_table)).one()
    assert row.actor == "a warning.release" and proof_of(engine).broken is None


def test_a_long_chain_is_walked_in_pieces():
    engine = fresh()
    with engine.begin() as connection:
        prev, rows = audit.GENESIS, []
        for seq in range(1, 20_001):
            digest = row_hash(prev, seq, "2026-11-22T06:00:00Z", "a", "b", "{}")
            rows.append(
                {"seq": seq, "at": "2026-11-22T06:00:00Z", "actor": "a", "action": "b",
                 "body": "{}", "prev": prev, "hash": digest}
            )  # fmt: skip
            prev = digest
        connection.execute(rows_table.insert(), rows)
        connection.execute(text("UPDATE audit SET body = '[]' WHERE seq = 19999"))
    assert proof_of(engine).broken.seq == 19_999
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(rows_table)).scalar() == 20_000
