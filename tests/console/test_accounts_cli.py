"""`kentongan accounts password / sessions / revoke / identity` as people call them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from console.cli.app import app
from kentongan.accounts import passwords, sessions
from kentongan.db import accounts, audit, make_engine
from kentongan.errors import KentonganError
from kentongan.settings import Settings

STEP = timedelta(seconds=30)
LIMITS = sessions.Limits(timedelta(hours=8), timedelta(hours=24))


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """`call("accounts", "list")` → (status, output and errors)."""
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    monkeypatch.setenv("KENTONGAN_OIDC_ISSUER", "https://login.example")
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", lambda: cheap)

    def run(*arguments: str) -> tuple[int, str]:
        status, error = 0, ""
        try:
            app(list(arguments), prog_name="kentongan")
        except SystemExit as end:
            status = int(end.code or 0)
        except KentonganError as refusal:
            status, error = 1, str(refusal)
        seen = capsys.readouterr()
        return status, seen.out + seen.err + error

    return run


@pytest.fixture
def engine(tmp_path):
    found = make_engine(Settings(_env_file=None, home=tmp_path).resolved_database_url)
    yield found
    found.dispose()


class Admin:
    """Two codes are good at any time; tests that need more forget what was used."""

    def __init__(self, call, engine):
        self.engine = engine
        self.app = pyotp.parse_uri(
            re.search(r"otpauth://\S+", call("accounts", "add", "admin", "--role", "admin")[1])[0]
        )

    def proof(self) -> tuple[str, ...]:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM totp_used")
        return ("--as", "admin", "--code", self.app.at(datetime.now(UTC)))


@pytest.fixture
def admin(call, engine):
    found = Admin(call, engine)
    status, out = call("accounts", "add", "ani", "--role", "viewer", *found.proof())
    assert status == 0, out
    return found


def row(engine, name="ani"):
    with engine.connect() as connection:
        return connection.execute(select(accounts).where(accounts.c.account_id == name)).one()


def begin(engine, name="ani", agent="Mozilla\x1b[31m"):
    at = datetime.now(UTC)
    with engine.begin() as connection:
        sessions.start(
            connection, name, via="password", agent=agent, network="10.0.0.1", limits=LIMITS, at=at
        )


def test_an_admin_makes_a_password_that_must_be_changed(call, engine, admin):
    begin(engine)
    status, out = call("accounts", "password", "ani", "--generate", *admin.proof())
    assert status == 0
    shown = re.search(r"shown once: (\S{20})", out)[1]
    assert passwords.matches(row(engine).password_hash, shown) and row(engine).password_initial
    assert call("accounts", "sessions")[1].strip() == "nobody is signed in"
    with engine.connect() as connection:
        bodies = "".join(connection.execute(select(audit.c.body)).scalars())
    assert shown not in bodies and row(engine).password_hash not in bodies


def test_ones_own_password_need_not_be_changed(call, engine, admin, monkeypatch):
    monkeypatch.setattr("console.cli.accounts._typed", lambda: "kopi susu tanpa gula")
    assert call("accounts", "password", "admin", *admin.proof())[0] == 0
    assert not row(engine, "admin").password_initial
    monkeypatch.setattr("console.cli.accounts._typed", lambda: "admin admin")
    status, out = call("accounts", "password", "admin", *admin.proof())
    assert status == 1 and "expected 12 to 256 characters, found 11" in out


def test_who_is_no_admin_sets_nothing(call, engine, admin):
    for command in (
        ("password", "ani", "--generate"), ("revoke", "ani"), ("identity", "ani", "--none"),
    ):  # fmt: skip
        assert call("accounts", *command)[0] == 2
        status, out = call("accounts", *command, "--as", "ani", "--code", "123456")
        assert status == 1 and "ani is viewer and may not accounts" in out
    status, out = call("accounts", "password", "budi", "--generate", *admin.proof())
    assert status == 1 and "none of that name" in out


def test_sessions_are_listed_and_ended(call, engine, admin):
    begin(engine)
    begin(engine)
    begin(engine, "admin")
    out = call("accounts", "sessions", "ani")[1]
    assert out.count("10.0.0.1") == 2 and "\x1b" not in out
    listed = json.loads(call("accounts", "sessions", "--json")[1])["sessions"]
    assert [one["account"] for one in listed] == ["admin", "ani", "ani"]
    assert all(len(one["session"]) == 12 for one in listed)
    assert "ani: 2 sessions ended" in call("accounts", "revoke", "ani", *admin.proof())[1]
    assert "ani" not in call("accounts", "sessions")[1]


@pytest.mark.parametrize("act", [("totp", "ani"), ("disable", "ani")])
def test_a_lost_phone_and_a_disabled_account_end_their_sessions(call, engine, admin, act):
    begin(engine)
    assert call("accounts", *act, *admin.proof())[0] == 0
    if act[0] == "totp":
        assert call("accounts", "sessions")[1].strip() == "nobody is signed in"
    with engine.connect() as connection:
        assert len(sessions.of_account(connection, "ani")) == 0


def test_an_identity_is_said_and_taken_back(call, engine, admin):
    for words in ((), ("--subject", "a", "--email", "b@c.d")):
        assert call("accounts", "identity", "ani", *words, *admin.proof())[0] == 2
    assert call("accounts", "identity", "ani", "--subject", "u-1", *admin.proof())[0] == 0
    status, out = call("accounts", "identity", "admin", "--subject", "u-1", *admin.proof())
    assert status == 1 and "opens ani already" in out
    status, out = call("accounts", "identity", "ani", "--email", "a\nb", *admin.proof())
    assert status == 1 and "expected 1 to 255 characters" in out
    assert call("accounts", "identity", "ani", "--none", *admin.proof())[0] == 0
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM identities").scalar() == 0
