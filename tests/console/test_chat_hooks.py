"""WhatsApp and Telegram call us over a real socket: stored before they are answered; an answer
goes back over a stub of their interface, behind the firewall."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from console.cli.app import app
from kentongan.binding import bind
from kentongan.db import contacts, outbox
from kentongan.sealing import secrets_key
from kentongan.transactions import writing
from kentongan.types import Mode, OutboxState
from notify.channels.chat.telegram import Telegram
from notify.firewall.answers import look
from notify.firewall.gate import all_routes, channels_for
from notify.inbox.answers import Ways
from notify.inbox.handling import Handled, work
from notify.registry.people import Person, Role, Via, enrol, prepare
from notify.sending.dispatch import dispatch
from tests.console.test_hooks import Served
from tests.notify.http.gateway import gateway, plain
from tests.notify.test_answers import Tape
from tests.notify.test_chat import TOLD, notification, telegram_route, update

APP_SECRET, VERIFY, HOOK = "key-of-the-app", "word-of-verification", "h" * 40
ROUTES = """
[[route]]
kind = "whatsapp"
route = "wa"
channel = "whatsapp"
phone_number_id = "100000000000001"
template = "tugas_tagana"
token_file = "password"
app_secret_file = "app"
verify_file = "verify"

[[route]]
kind = "telegram"
route = "tg"
channel = "telegram"
token_file = "bot"
hook_file = "tghook"
hooks_per_s = 1000
"""


class ServedChats(Served):
    def __init__(self, home):
        super().__init__(home)
        (home / "routes.toml").write_text(ROUTES)
        for name, text in (("app", APP_SECRET), ("verify", VERIFY), ("tghook", HOOK),
                           ("bot", "123456:AAbot-token-of-the-tests")):  # fmt: skip
            (home / name).write_text(f"{text}\n")
            (home / name).chmod(0o600)

    def whatsapp(self, document, *, key=APP_SECRET, route="wa", body=None):
        body = json.dumps(document).encode() if body is None else body
        found = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return self.http.post(
            f"/chat/{route}", content=body, headers={"X-Hub-Signature-256": found}
        )

    def telegram(self, document, *, secret=HOOK):
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        return self.http.post("/chat/tg", json=document, headers=headers)


@pytest.fixture
def web(tmp_path):
    with ServedChats(tmp_path / "home") as found:
        found.http.get("/chat/nobody")
        found.http.get("/health")
        yield found


def wrote(text, key="wamid.1"):
    said = {"from": "6281234567890", "id": key, "type": "text", "text": {"body": text}}
    return notification(messages=[said])


def test_whatsapp_asks_whether_the_address_is_ours(web):
    def ask(**changes):
        query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "11582"}
        return web.http.get("/chat/wa", params={**query, **changes})

    assert (ask().status_code, ask().text) == (200, "11582")
    assert ask().headers["content-type"].startswith("text/plain")
    for changes in ({"hub.verify_token": "x"}, {"hub.mode": "x"}, {"hub.challenge": "<script>"},
                    {"hub.challenge": "1" * 500}, {"hub.challenge": ""}):  # fmt: skip
        assert ask(**changes).status_code == 404
    assert web.http.get("/chat/tg", params={"hub.mode": "subscribe"}).status_code == 404


def test_what_comes_is_stored_once_before_it_is_answered(web):
    for _ in range(3):  # both services call again when they had no answer
        assert web.whatsapp(wrote("YA T482173")).status_code == 200
        assert web.telegram(update(text="TIDAK")).status_code == 200
    assert web.texts() == ["YA T482173", "TIDAK"]


def test_a_receipt_ends_its_row(web):
    row = web.row("wamid.9")
    with web.engine.begin() as connection:
        connection.execute(outbox.update().values(route="wa"))
    states = [{"id": "wamid.9", "status": "delivered"}]
    assert web.whatsapp(notification(statuses=states)).status_code == 200
    assert web.state(row) is OutboxState.DELIVERED


def test_strangers_learn_nothing_and_store_nothing(web, caplog):
    caplog.set_level(logging.DEBUG)
    codes = {
        web.whatsapp(wrote("x"), key="wrong").status_code,
        web.whatsapp(wrote("x"), route="nobody").status_code,
        web.telegram(update(), secret="wrong").status_code,
        web.telegram(update(), secret="").status_code,
        web.http.post("/chat/wa", json=wrote("x")).status_code,
    }
    assert codes == {404} and web.texts() == []
    changed = web.whatsapp(None, body=b'{"a": 1}')
    assert changed.status_code == 400
    assert web.whatsapp(None, body=b"[" * 60_000).status_code == 400
    assert web.whatsapp(None, body=b"x" * 70_000).status_code == 413
    assert web.http.put("/chat/wa").status_code == 405
    web.whatsapp(wrote("rahasia"))
    assert "rahasia" not in caplog.text and "6281234567890" not in caplog.text


def test_a_flood_of_strangers_is_bounded(web):
    def ask(number):
        with httpx.Client(base_url=f"http://127.0.0.1:{web.port}") as client:
            return [client.post("/chat/tg", json={}).status_code for _ in range(number)]

    start = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        codes = [code for some in pool.map(ask, [100] * 4) for code in some]
    took = time.perf_counter() - start
    assert set(codes) == {404, 429} and codes.count(404) <= 20 * (took + 2)
    assert web.telegram(update()).status_code == 200  # the service itself is heard


def test_an_answer_goes_back_to_the_chat_that_wrote(web, tmp_path):
    """In a home of real warnings, through claim, look, clearance and wire."""
    now = datetime.now(UTC).replace(microsecond=0)
    web.now = now
    bind(web.engine, Mode.ACTUAL, live=True)
    assert web.telegram(update(text="INFO")).status_code == 200
    keys = secrets_key(web.settings)
    ways = Ways(all_routes(Mode.ACTUAL, live=True), frozenset({"tg"}))

    def handler(connection, message, *, at):
        return Handled("reply", answer="Terima kasih, tercatat.", urgent=True)

    work(web.engine, keys, (handler,), at=now, ways=ways)
    with gateway(lambda *_: plain(200, TOLD)) as peer:
        real = Telegram(telegram_route(tmp_path, peer.port))
        found = channels_for(
            web.engine, Mode.ACTUAL, live=True, at=now, clock=lambda: now, recorder=Tape(),
            real={"tg": real},
        )  # fmt: skip
        dispatch(web.engine, found, at=now, answers=partial(look, keys=keys))
        real.close()
    [asked] = peer.asked
    document = json.loads(asked.body)
    assert (document["chat_id"], document["text"]) == (123456789, "Terima kasih, tercatat.")
    with web.engine.connect() as connection:
        row = connection.execute(select(outbox)).one()
    assert OutboxState(row.state) is OutboxState.ACCEPTED
    assert (row.provider_id, row.channel) == ("123456789/77", "telegram")


def test_an_answer_moved_to_another_channel_by_hand_goes_nowhere(web, tmp_path):
    now = datetime.now(UTC).replace(microsecond=0)
    web.now = now
    bind(web.engine, Mode.ACTUAL, live=True)
    web.telegram(update(text="INFO"))
    keys = secrets_key(web.settings)
    ways = Ways(all_routes(Mode.ACTUAL, live=True), frozenset({"tg"}))
    work(web.engine, keys, (lambda c, m, *, at: Handled("reply", answer="Baik."),), at=now,
         ways=ways)  # fmt: skip
    with web.engine.begin() as connection:
        connection.execute(outbox.update().values(channel="sms"))
        [row_id] = connection.execute(select(outbox.c.id)).scalars()
        looked = look(connection, "tg", [row_id], keys)
    assert "nobody of that address wrote" in looked.breaches[row_id]


def test_the_desk_says_whose_chat_it_is(web, monkeypatch):
    monkeypatch.setenv("KENTONGAN_HOME", str(web.settings.home))
    keys = secrets_key(web.settings)
    person = Person("+6281234567890", "32.04.12.2006", role=Role.COORDINATOR,
                    recipient_id="KO-32.04-1")  # fmt: skip
    with writing(web.engine) as connection:
        enrol(connection, [prepare(keys, person)], via=Via.OPERATOR, at=web.now)
    assert web.telegram(update(text="halo")).status_code == 200

    def chat(*words):
        return CliRunner().invoke(app, ["recipients", "chat", *words])

    done = chat("KO-32.04-1", "--from-message", "1", "--as", "Sari")
    assert done.output == "KO-32.04-1: telegram registered\n", done.output
    done = chat("KO-32.04-1", "--whatsapp", "0812-3456-7890", "--as", "Sari")
    assert done.output == "KO-32.04-1: whatsapp registered\n"
    assert chat("KO-32.04-1").output == "KO-32.04-1: telegram, whatsapp\n"
    assert "forgotten" in chat("KO-32.04-1", "--telegram", "-", "--as", "Sari").output
    for words in (("nobody",), ("KO-32.04-1", "--telegram", "x", "--as", "Sari"),
                  ("KO-32.04-1", "--telegram", "5", "--whatsapp", "0812", "--as", "Sari"),
                  ("KO-32.04-1", "--telegram", "5"),
                  ("KO-32.04-1", "--from-message", "77", "--as", "Sari")):  # fmt: skip
        assert chat(*words).exit_code != 0, words
    with web.engine.connect() as connection:
        rows = connection.execute(select(contacts.c.channel)).scalars().all()
    assert sorted(rows) == ["sms", "whatsapp"]
