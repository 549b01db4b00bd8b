"""What is forgotten, and keys that turn while people are told."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from kentongan.accounts import office as accounts_office
from kentongan.accounts.roles import Role as AccountRole
from kentongan.db import accounts, contacts, inbound, limits, opt_outs, recipients, sign_ups
from kentongan.db import audit as audit_table
from kentongan.errors import RuleViolation, SettingsError
from kentongan.sealing import Keys, add_key, blind, key_of, seal, secrets_key, unseal
from kentongan.settings import Settings
from kentongan.transactions import writing
from notify.firewall.answers import sealed_for
from notify.inbox.store import open_sender
from notify.registry import leaving, waiting
from notify.registry.addresses import addresses_of, blind_address
from notify.registry.keeping import forget, rotate, rotated
from notify.registry.limits import Per, counted
from notify.registry.people import Outcome, Via
from notify.registry.policy import registry_policy
from tests.notify.registry.conftest import AT, HOME, NUMBER, TEXT
from tests.peers.postgres import BOTH

POLICY = registry_policy()


def message(engine, keys, key="m", at="2026-11-22T09:00:00.000000Z", state="done"):
    row = {"route": "gw", "provider_key": key, "text": "halo", "state": state, "received_at": at,
           "sender_sealed": seal(keys, NUMBER, owner=sealed_for("gw", key)),
           "sender_blind": blind(keys, NUMBER)}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(inbound), row)


def stopped(engine, keys, at=AT):
    with writing(engine) as connection:
        leaving.stop(connection, keys, NUMBER, via=Via.SMS, at=at, actor="recipient")


@BOTH
def test_who_stopped_is_forgotten_after_their_days_and_not_before(engine, keys, put, count):
    put()
    stopped(engine, keys)
    days = timedelta(days=POLICY.retention.stopped_days)
    assert forget(engine, POLICY, at=AT + days, actor="x").stopped == 0
    done = forget(engine, POLICY, at=AT + days + timedelta(seconds=1), actor="x")
    assert done.stopped == 1 and count(recipients) == count(contacts) == 0
    assert count(opt_outs) == 1 and put().outcome is Outcome.OPTED_OUT
    assert forget(engine, POLICY, at=AT + 2 * days, actor="x").total == 0


def test_who_came_back_is_kept(engine, keys, put, count):
    put()
    stopped(engine, keys)
    put(via=Via.SMS, at=AT + timedelta(days=1))
    assert forget(engine, POLICY, at=AT + timedelta(days=400), actor="x").total == 0
    assert count(contacts) == 1


@BOTH
def test_waiting_sign_ups_old_texts_and_counts_go(engine, keys, count):
    message(engine, keys)
    message(engine, keys, "still", state="new")
    with writing(engine) as connection:
        waiting.keep(
            connection, keys, NUMBER, blind_address(keys, NUMBER), adm4_code=HOME, language="id",
            text_version=TEXT, at=AT, days=7,
        )  # fmt: skip
        counted(connection, "sms", "a" * 64, Per.DAY, AT)
        counted(connection, "sms", "a" * 64, Per.HOUR, AT)
    assert forget(engine, POLICY, at=AT + timedelta(days=1), actor="x").total == 0
    done = forget(engine, POLICY, at=AT + timedelta(days=400), actor="x")
    assert (done.sign_ups, done.texts, done.limits) == (1, 1, 2)
    assert count(sign_ups) == count(limits) == 0 and count(inbound) == 2
    with engine.connect() as connection:
        rows = connection.execute(select(inbound.c.text, inbound.c.sender_blind)).all()
        body = connection.execute(select(audit_table.c.body)).scalar_one()
    assert ("", "") in rows and "81234567890" not in body


@BOTH
def test_counts_begin_anew_with_each_window(engine):
    with writing(engine) as connection:
        first = [counted(connection, "sms", "a", Per.HOUR, AT) for _ in range(3)]
        later = counted(connection, "sms", "a", Per.HOUR, AT + timedelta(hours=1))
        other = counted(connection, "web", "a", Per.HOUR, AT)
    assert (first, later, other) == ([1, 2, 3], 1, 1)


@pytest.fixture
def home(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home")


@BOTH
def test_keys_turn_under_everything_that_is_sealed(engine, home, count):
    from notify.registry.people import Person, enrol, prepare

    keys = secrets_key(home)
    office = accounts_office.Office(engine, keys)
    accounts_office.add(
        office, "ani", name="Ani", role=AccountRole.ADMIN, areas=(), by=None, host="h", at=AT
    )
    with writing(engine) as connection:
        [one] = enrol(connection, [prepare(keys, Person(NUMBER, HOME))], via=Via.SMS, at=AT)
        waiting.keep(
            connection, keys, NUMBER, blind_address(keys, NUMBER), adm4_code=HOME, language="id",
            text_version=TEXT, at=AT, days=7,
        )  # fmt: skip
    message(engine, keys)

    done = rotated(engine, home, at=AT, actor="ani")
    fresh = secrets_key(home)
    assert done.sealed_anew == 4 and done.in_use == {fresh.newest_id: 4}
    assert len(fresh.secrets) == 2 and fresh.newest_id != keys.newest_id
    path = home.home.resolve() / "keys" / "secrets.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with engine.connect() as connection:
        for table, column in ((contacts, "sealed"), (inbound, "sender_sealed"),
                              (sign_ups, "sealed"), (accounts, "totp_secret")):  # fmt: skip
            text = connection.execute(select(table.c[column])).scalar_one()
            assert key_of(text) == fresh.newest_id
        # A program that started before the rotation reads the file again, and sends on.
        for ring in (keys, fresh):
            assert addresses_of(connection, ring, [one.recipient_id], "sms") == {
                one.recipient_id: NUMBER
            }
            sealed = connection.execute(select(inbound.c.sender_sealed)).scalar_one()
            opened = open_sender(ring, route="gw", provider_key="m", sealed=sealed)
            assert opened == NUMBER
    assert blind_address(fresh, NUMBER) == blind_address(keys, NUMBER)
    assert rotate(engine, fresh, at=AT, actor="ani").sealed_anew == 0


def test_a_rotation_that_broke_off_makes_no_third_key(engine, home, keys):
    keys = secrets_key(home)
    message(engine, keys)
    add_key(home)
    done = rotated(engine, home, at=AT, actor="ani")
    assert done.sealed_anew == 1 and len(secrets_key(home).secrets) == 2


def test_the_operators_keys_are_turned_by_the_operator(engine, tmp_path):
    settings = Settings(_env_file=None, home=tmp_path, secrets_key=tmp_path / "own.key")
    settings.secrets_key.write_text("A" * 43 + "=\n")
    with pytest.raises(SettingsError, match="new first line"):
        rotated(engine, settings, at=AT, actor="ani")
    message(engine, secrets_key(settings))
    settings.secrets_key.write_text("B" * 42 + "A=\n" + "A" * 43 + "=\n")
    assert rotated(engine, settings, at=AT, actor="ani").sealed_anew == 1


def test_texts_of_before_key_ids_open_with_any_key_of_the_file():
    import base64
    import secrets

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    nonce = secrets.token_bytes(12)
    text = "v1:" + base64.b64encode(nonce + AESGCM(old).encrypt(nonce, b"x", b"ani")).decode()
    assert unseal(Keys((new, old)), text, owner="ani") == "x"
    for ring, owner in ((Keys((new,)), "ani"), (Keys((new, old)), "budi")):
        with pytest.raises(RuleViolation, match="does not open"):
            unseal(ring, text, owner=owner)


def test_a_ring_of_keys_never_prints_one():
    ring = Keys((bytes(range(32)),))
    assert bytes(range(32)).hex() not in repr(ring) and "\\x" not in repr(ring)
    assert ring.derived("a") != ring.derived("b") and len(ring.derived("a")) == 32
    with pytest.raises(SettingsError):
        Keys((b"short",))
    # HKDF-SHA256 of RFC 5869, A.3: no salt, no info; the first block of its output.
    from kentongan.sealing import _hkdf

    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert _hkdf(bytes([0x0B]) * 22, b"").hex() == expected
