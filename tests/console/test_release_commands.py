"""`accounts`, `warning show / approve / cancel / review`, `audit` as people call them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyotp
import pytest
from sqlalchemy import text

from console.cli.app import app
from kentongan.db import make_engine
from kentongan.decision import Action, Decision
from kentongan.errors import KentonganError
from kentongan.hazard import HazardEvent
from kentongan.settings import Settings, data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from notify.cap.publisher import Publisher
from notify.release.run import publish
from orchestration.airflow.environment import kentongan_variables
from orchestration.context import open_context

STEP = timedelta(seconds=30)
WARNING = "w-shaking-1"


@pytest.fixture
def call(capsys):
    """`call("warning", "list")` → (status, output and errors)."""

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
def home(tmp_path, monkeypatch):
    """An estimate for 20 villages of Boalemo that waits for two people with codes."""
    price = tmp_path / "policy.toml"
    actual = (data_dir() / "policy" / "actual.toml").read_text(encoding="utf-8")
    price.write_text("price_per_sms_rupiah = 350\n" + actual, encoding="utf-8")
    settings = Settings(_env_file=None, home=tmp_path / "home", policy=price)
    for name, value in kentongan_variables(settings).items():
        monkeypatch.setenv(name, value)
    now = datetime.now(UTC).replace(microsecond=0)
    with open_context(settings, live=True) as context:
        _draft(context, now)
    return settings


def _draft(context, now):
    areas = context.layers.villages
    codes = [code for code in areas["adm4_code"] if code.startswith("75.02")][:20]
    ends = now + timedelta(hours=4)
    event = HazardEvent(
        event_id="shaking-1", hazard_id=HazardId.SHAKING, level=Level.SIAGA, onset=now,
        valid_from=now, valid_to=ends, official=False, status=DocumentStatus.ACTUAL,
        title="Gempa M5,6", method="test/1", observations=("ab" * 32,), evidence={"source": "BMKG"},
    )  # fmt: skip
    impact = pd.DataFrame(
        {
            "adm4_code": codes, "level": 3, "exposed_people": 1000, "uncovered_people": 10,
            "onset": pd.to_datetime([now] * len(codes), utc=True), "data_quality": "modelled",
        }
    )  # fmt: skip
    decision = Decision(
        event_id="shaking-1", action=Action.ALERT, levels=dict.fromkeys(codes, 3),
        told=tuple(codes), expires=ends, reason="test",
    )  # fmt: skip
    publish(
        context.engine, context.runs, decision, event, impact, areas, at=now,
        mode=context.settings.mode, live=context.live, policy=context.release,
        coordinators=context.layers.coordinators,
        publisher=Publisher.from_settings(context.settings),
    )  # fmt: skip


class Phone:
    """An authenticator that always has one more code which was not used yet."""

    def __init__(self, output: str) -> None:
        self.app = pyotp.parse_uri(re.search(r"otpauth://\S+", output)[0])
        self.next = datetime.min.replace(tzinfo=UTC)

    def code(self) -> str:
        moment = max(self.next, datetime.now(UTC) - STEP)
        self.next = moment + STEP
        return self.app.at(moment)


def test_two_people_approve_on_the_command_line_and_one_corrects_it(call, home):
    status, out = call("accounts", "add", "ani", "--role", "approver")
    assert status == 1 and "--role admin" in out
    admin = Phone(call("accounts", "add", "admin", "--role", "admin")[1])
    people = {}
    for name, role in (("ani", "duty-officer"), ("budi", "approver")):
        status, out = call(
            "accounts", "add", name, "--role", role, "--area", "75", "--as", "admin",
            "--code", admin.code(),
        )  # fmt: skip
        assert status == 0, out
        people[name] = Phone(out)
    assert "otpauth" not in call("accounts", "list")[1]
    listed = json.loads(call("accounts", "list", "--json")[1])["accounts"]
    assert [one["account"] for one in listed] == ["admin", "ani", "budi"]

    out = call("warning", "list")[1]
    assert "waits for people:" in out and "2 people (duty-officer or approver)" in out
    out = call("warning", "show", WARNING)[1]
    seen = re.search(r"--content (\w{12})", out)[1]
    sms = int(re.search(r"(\d+) sms", out)[1])
    assert "CAP: no finding" in out and f"cost about Rp{sms * 350:,}".replace(",", ".") in out
    assert "SMS: LATIHAN" in out and "20 villages, 20.000 people exposed" in out and "SOP " in out

    def approve(name, *more):
        return call("warning", "approve", WARNING, "--as", name, "--content", seen, *more)

    assert "--code" in approve("ani")[1]
    status, out = approve("ani", "--code", people["ani"].code())
    assert status == 0 and "it still waits for 1 person" in out
    status, out = approve("budi", "--code", people["budi"].code())
    assert status == 0 and f"{WARNING} v1: released" in out
    status, out = call(
        "warning", "cancel", WARNING, "--as", "ani", "--code", people["ani"].code(),
        "--reason", "a drill", "--break-glass",
    )  # fmt: skip
    assert status == 0 and "a second look (approver, not ani)" in out
    assert "review" in call("warning", "list")[1]
    assert "review it until" in call("warning", "show", WARNING)[1]
    status, out = call(
        "warning", "review", WARNING, "--as", "budi", "--code", people["budi"].code()
    )
    assert status == 0 and "noted" in out
    _audited(call, home)


def _audited(call, home):
    rows = json.loads(call("audit", "show", "--warning", WARNING, "--json")[1])["rows"]
    actions = [row["action"] for row in rows]
    assert actions[:3] == ["warning.draft", "warning.approve", "warning.approve"]
    assert actions.count("warning.release") == 2 and actions[-1] == "warning.review"
    status, out = call("audit", "verify")
    assert status == 0 and "audit chain holds" in out
    assert "BEGIN PUBLIC KEY" in call("audit", "key")[1]
    engine = make_engine(home.resolved_database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'citra' WHERE seq = 7"))
    engine.dispose()
    status, out = call("audit", "verify")
    assert status == 1 and "audit broken at row 7: altered" in out
    document = json.loads(call("audit", "verify", "--json")[1])
    assert (document["first_broken"], document["what"]) == (7, "altered")


def test_wrong_use_is_said_and_changes_nothing(call, home):
    for arguments, words in (
        (("accounts", "add", "x", "--role", "king"), "expected one of viewer"),
        (("accounts", "totp", "x"), "say which admin you are"),
        (("accounts", "disable", "x"), "say which admin you are"),
        (("warning", "approve", WARNING, "--as", "ani", "--content", "0" * 12), "read it again"),
        (("dispatch", "stop", "--as", "ani", "--reason", "x"), "no account of that name"),
        (("warning", "review", WARNING, "--as", "ani"), "no account of that name"),
    ):
        status, out = call(*arguments)
        assert status != 0 and words in " ".join(out.replace("│", " ").split()), out


def test_each_act_signs_the_audit_also_one_that_was_refused(call, home):
    def signed() -> tuple[int, int]:
        document = json.loads(call("audit", "verify", "--json")[1])
        return document["rows"], document["signed_up_to"]

    rows = signed()[0]
    call("accounts", "add", "admin", "--role", "admin")
    assert signed() == (rows + 1, rows + 1)
    assert call("dispatch", "stop", "--as", "admin", "--code", "000000", "--reason", "x")[0] == 1
    assert signed() == (rows + 2, rows + 2)
