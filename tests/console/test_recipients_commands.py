"""`kentongan recipients` as people call it; no number is printed but to its owner."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from console.cli.app import app
from kentongan.db import make_engine
from kentongan.errors import KentonganError
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from kentongan.transactions import writing
from notify.registry import waiting
from notify.registry.addresses import blind_address
from orchestration.airflow.environment import kentongan_variables

HOME = "32.04.12.2006"
NUMBER = "081234567890"
ADD = ("recipients", "add", NUMBER, "--area", HOME, "--consent-text", "warga-id-2026-11")


@pytest.fixture
def call(capsys):
    """`call("recipients", "list")` → (status, output, errors)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status, error = 0, ""
        try:
            app(list(arguments), prog_name="kentongan")
        except SystemExit as end:
            status = int(end.code or 0)
        except KentonganError as refusal:
            status, error = 1, str(refusal)
        seen = capsys.readouterr()
        assert "81234567890" not in seen.err + error
        return status, seen.out, seen.err + error

    return run


@pytest.fixture
def settings(tmp_path, monkeypatch):
    made = Settings(_env_file=None, home=tmp_path / "home")
    for name, value in kentongan_variables(made).items():
        monkeypatch.setenv(name, value)
    return made


def test_a_life_in_the_registry(call, settings, tmp_path):
    status, out, _ = call(*ADD, "--as", "ani")
    assert status == 0 and "added, resident of Citeureup, Kec.Dayeuhkolot" in out
    person = out.split(":")[0]
    assert call(*ADD, "--as", "ani")[1].startswith(f"{person}: known")
    for shown in (call("recipients", "list")[1], call("recipients", "show", NUMBER)[1],
                  call("recipients", "list", "--json")[1]):  # fmt: skip
        assert "62812****890" in shown and "81234567890" not in shown
    assert json.loads(call("recipients", "list", "32.04", "--json")[1])["more"] is False

    file = tmp_path / "person.json"
    assert call("recipients", "export", person, "--as", "ani", "--out", str(file))[0] == 0
    assert json.loads(file.read_text())["contacts"][0]["address"] == "+6281234567890"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    assert call("recipients", "stop", NUMBER, "--as", "ani")[0] == 0
    assert "stopped" in call("recipients", "show", person)[1]
    assert "opted out" in call(*ADD, "--as", "ani")[2]
    assert call("recipients", "erase", person, "--why", f"of {NUMBER}", "--as", "ani")[0] == 2
    assert call("recipients", "erase", person, "--why", "by letter", "--as", "ani")[0] == 0
    assert "nobody; this number stopped on" in call("recipients", "show", NUMBER)[1]
    assert call("recipients", "show", person)[0] == 1
    assert "audit chain holds" in call("audit", "verify")[1]


def test_a_phone_book_and_its_report(call, settings, tmp_path):
    book = tmp_path / "warga.csv"
    book.write_text(
        f"nama;nomor;kode desa\nSiti;0812-3456-7890;{HOME}\nBudi;021 345 6789;{HOME}\n"
        f"=cmd|x;62811123456;{HOME}\n",
        encoding="utf-16",
    )
    command = ("recipients", "import", str(book), "--consent-text", "warga-id-2026-11")
    status, out, _ = call(*command, "--as", "ani", "--dry-run")
    assert status == 0 and "nothing was written" in out and "2 added" in out and "Budi" not in out
    document = json.loads(call(*command, "--as", "ani", "--json")[1])
    assert document["outcomes"] == {"added": 2} and document["refused"] == 1
    assert document["columns_not_kept"] == ["nama"]
    rows = (tmp_path / "warga.csv.refused.csv").read_text().splitlines()
    assert rows == ["line,number,reason", "3,021****89,a fixed line: no SMS reaches it"]
    assert json.loads(call(*command, "--as", "ani", "--json")[1])["outcomes"] == {"known": 2}
    table = json.loads(call("recipients", "coverage", "32.04", "--json")[1])
    [ours] = [one for one in table["areas"] if one["registered"]]
    assert ours["code"] == "32.04.12" and ours["registered"] == 2 and ours["people"] > 1000


def test_what_is_refused_says_what_to_do(call, settings):
    area = ("--area", HOME)
    cases = [
        (("recipients", "add", "0213456789", *area, "--consent-text", "warga-id-2026-11"), "fixed"),
        (("recipients", "add", NUMBER, *area, "--consent-text", "x"), "warga-id-2026-11"),
        (("recipients", "add", NUMBER, "--area", "32.04", "--consent-text", "warga-id-2026-11"),
         "no village"),
        ((*ADD, "--role", "king"), "resident, coordinator, official"),
        ((*ADD, "--id", "x-1"), "by duty"),
        (("recipients", "show", "081234567899"), "62812****899"),
        (("recipients", "list", "32.4"), "Kemendagri"),
        (("recipients", "confirm", "7"), "none of that id waits"),
    ]  # fmt: skip
    for command, told in cases:
        more = () if command[1] in ("show", "list") else ("--as", "ani")
        status, _, errors = call(*command, *more)
        assert status != 0 and told in " ".join(errors.split()), (command, errors)


def test_in_actual_mode_it_takes_an_account_of_that_area_and_its_code(call, settings, monkeypatch):
    monkeypatch.setenv("KENTONGAN_MODE", "actual")
    call("accounts", "add", "root", "--role", "admin")
    engine = make_engine(settings.resolved_database_url)
    from kentongan.accounts import office, roles

    desk = office.Office(engine, secrets_key(settings))
    now = datetime.now(UTC).replace(microsecond=0)
    with engine.connect() as connection:
        from kentongan.accounts.registry import account
        from kentongan.sealing import unseal

        sealed = account(connection, "root").totp_secret
    root = pyotp.TOTP(unseal(desk.key, sealed, owner="root"))
    made = office.add(
        desk, "budi", name="Budi", role=roles.Role.COORDINATOR, areas=["53.07"],
        by=office.Actor("root", root.at(now)), host="h", at=now,
    )  # fmt: skip
    budi = pyotp.parse_uri(made.uri)
    code = budi.at(datetime.now(UTC))
    assert "one-time code" in call(*ADD, "--as", "root")[2]
    assert "outside" in call(*ADD, "--as", "budi", "--code", code)[2]
    later = root.at(datetime.now(UTC) + timedelta(seconds=30))
    assert call(*ADD, "--as", "root", "--code", later)[0] == 0
    engine.dispose()


def test_a_sign_up_of_the_web_is_confirmed_after_a_call(call, settings):
    call("recipients", "list")
    engine, keys = make_engine(settings.resolved_database_url), secrets_key(settings)
    number = "+6281234567890"
    with writing(engine) as connection:
        waiting.keep(
            connection, keys, number, blind_address(keys, number), adm4_code=HOME, language="id",
            text_version="warga-id-2026-11", at=datetime.now(UTC).replace(microsecond=0), days=7,
        )  # fmt: skip
    engine.dispose()
    pending = json.loads(call("recipients", "pending", "--json")[1])["pending"]
    assert [one["adm4_code"] for one in pending] == [HOME]
    assert call("recipients", "call", "1", "--as", "ani")[1].strip() == number
    assert call("recipients", "confirm", "1", "--as", "ani")[1].strip().endswith("added")
    assert json.loads(call("recipients", "pending", "--json")[1])["pending"] == []


def test_keys_turn_and_texts_are_shown(call, settings):
    call(*ADD, "--as", "ani")
    status, out, errors = call("recipients", "rotate-keys", "--as", "ani")
    assert status == 0 and out.startswith("1 sealed anew") and "last line" in errors
    assert "62812****890" in call("recipients", "list")[1]
    assert "unconfirmed" in call("recipients", "consent-texts")[1]
    texts = json.loads(call("recipients", "consent-texts", "--json")[1])["texts"]
    assert {one["channel"] for one in texts} == {"sms", "webpush"}
