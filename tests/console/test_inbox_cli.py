"""`kentongan inbox`: what an operator sees of messages, without a number."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from console.cli import main
from kentongan.db import audit, inbound, make_engine
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from notify.channels.channel import InboundMessage
from notify.inbox.handling import Handled, work
from notify.inbox.store import keep

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TEXTS = ("YA T123", "=cmd|'/c calc'!A0, hubungi 0812 3456 7890", "a\x00b\x1b[2J", "@SUM(1)")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path / "home"))
    settings = Settings()
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    keys = secrets_key(settings)
    for i, text in enumerate(TEXTS):
        keep(engine, keys, InboundMessage("kannel", str(i), "+6281234567890", text, AT))

    def handler(connection: Any, message: Any, *, at: datetime) -> Handled | None:
        if message.text.startswith("@"):
            raise ValueError(message.sender)
        return Handled("reply", "T123", "Terima kasih.") if "YA" in message.text else None

    work(engine, keys, (handler,), at=AT)
    engine.dispose()
    return settings


def run(capsys: Any, *words: str) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["kentongan", "inbox", *words])
        main()
    found = capsys.readouterr()
    return int(ended.value.code or 0), found.out + found.err


def test_the_list_names_no_number_and_runs_no_formula(home, capsys):
    status, text = run(capsys, "list")
    assert status == 0 and "62812****890" in text and "reply T123" in text
    assert "new: 0, done: 3, failed: 1" in text
    assert "3456 7890" not in text and "34567890" not in text and "\x1b" not in text
    _, text = run(capsys, "list", "--csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["text"][:2] for row in rows] == ["'@", "ab", "'=", "YA"]
    assert rows[0]["detail"] == "ValueError" and rows[3]["answer"] == "ready"
    _, text = run(capsys, "list", "--state", "failed", "--json")
    (line,) = json.loads(text)["inbox"]
    assert line["state"] == "failed"


def test_one_message_is_shown_with_what_came(home, capsys):
    _, text = run(capsys, "show", "3")
    assert "a\\x00b\\x1b[2J" in text and "\x1b" not in text
    status, text = run(capsys, "show", "99")
    assert status != 0 and "not in the inbox" in text


def test_a_second_try_is_audited_and_only_of_what_was_handled(home, capsys):
    assert run(capsys, "retry", "4", "--as", "Ani")[0] == 0
    engine = make_engine(home.resolved_database_url)
    with engine.connect() as connection:
        state = select(inbound.c.state).where(inbound.c.id == 4)
        assert connection.execute(state).scalar_one() == "new"
        acts = select(audit.c.actor).where(audit.c.action == "inbox.retry")
        assert connection.execute(acts).scalars().all() == ["Ani"]
    engine.dispose()
    status, text = run(capsys, "retry", "4", "--as", "Ani")
    assert status != 0 and "expected one that was handled" in text
