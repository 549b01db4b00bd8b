"""Web hooks over a real socket: stored before they are answered, strangers learn nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine, select

from console.web import create_app
from kentongan.db import inbound, make_engine, outbox
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from kentongan.types import OutboxState
from notify.inbox.handling import Handled, work

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SIGN, HOOK, PASSWORD = "key-of-the-signatures", "a-secret-part-of-the-address", "gw-word-77"
ROUTES = """
[[route]]
kind = "http"
route = "signs"
channel = "sms"
url = "https://gateway.example.invalid/send"
json_body = { to = "{to}", text = "{text}" }
sign_file = "sign"
[route.hooks]
messages = { sender = "from", text = "text", id = "id" }
from_networks = ["127.0.0.0/8"]
[route.hooks.receipts]
id = "data.id"
state = "data.status"
many = "results"
delivered = ["ok"]
failed = ["bad"]
unknown = ["lost"]
detail = "data.why"

[[route]]
kind = "http"
route = "plain"
channel = "sms"
url = "https://gateway.example.invalid/send"
method = "GET"
query = { to = "{to}", text = "{text}" }
hook_file = "hook"
hook_user = "gw"
hook_password_file = "password"
[route.hooks]
receipts = { id = "ref", state = "t", delivered = ["1"], failed = ["2", "16"] }
messages = { sender = "from", text = "text", id = "id" }
per_second = 1000

[[route]]
kind = "http"
route = "far"
channel = "sms"
url = "https://gateway.example.invalid/send"
json_body = { to = "{to}", text = "{text}" }
hook_file = "hook"
[route.hooks]
messages = { sender = "from", text = "text" }
from_networks = ["10.0.0.0/8"]

[[route]]
kind = "http"
route = "slow"
channel = "sms"
url = "https://gateway.example.invalid/send"
json_body = { to = "{to}", text = "{text}" }
hook_file = "hook"
[route.hooks]
messages = { sender = "from", text = "text" }
from_networks = ["127.0.0.1"]
per_second = 2
"""
BASIC = ("gw", PASSWORD)


class Served:
    def __init__(self, home: Path) -> None:
        (home / "keys").mkdir(parents=True)
        for name, text in (("sign", SIGN), ("hook", HOOK), ("password", PASSWORD)):
            (home / name).write_text(text)
            (home / name).chmod(0o600)
        (home / "routes.toml").write_text(ROUTES)
        self.settings = Settings(home=home, routes=home / "routes.toml")
        self.engine: Engine = make_engine(self.settings.resolved_database_url)
        self.now = AT

    def __enter__(self) -> Served:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        app = create_app(self.settings, clock=lambda: self.now)
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._listener.getsockname()[1]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join(30)
        self._listener.close()
        self.engine.dispose()

    def signed(self, body: bytes, *, at: datetime | None = None, key: str = SIGN) -> dict[str, str]:
        stamp = str(int((at or self.now).timestamp()))
        text = stamp.encode() + b"." + body
        found = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
        return {"X-Timestamp": stamp, "X-Signature": f"sha256={found}",
                "Content-Type": "application/json"}  # fmt: skip

    def post(self, body: bytes, what: str = "inbound", **how: Any) -> httpx.Response:
        return self.http.post(
            f"/hooks/signs/{what}", content=body, headers=self.signed(body, **how)
        )

    def get(
        self, what: str = "inbound", secret: str = HOOK, auth: Any = BASIC, **query: str
    ) -> int:
        path = f"/hooks/plain/{secret}/{what}"
        return self.http.get(path, params=query, auth=auth).status_code

    def texts(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(inbound.c.text).order_by(inbound.c.id)).scalars())

    def row(self, provider_id: str, state: OutboxState = OutboxState.ACCEPTED) -> int:
        values = {
            "alert_version": f"v-{provider_id}", "recipient_id": "r", "channel": "sms", "part": 0,
            "message_id": "m", "route": "signs", "prio": 0, "state": int(state), "attempts": 1,
            "created_at": "", "due": "", "not_after": "", "provider_id": provider_id,
            "provider_id_norm": provider_id,
        }  # fmt: skip
        with self.engine.begin() as connection:
            return int(connection.execute(outbox.insert().values(**values)).inserted_primary_key[0])

    def state(self, row: int) -> OutboxState:
        with self.engine.connect() as connection:
            query = select(outbox.c.state).where(outbox.c.id == row)
            return OutboxState(connection.execute(query).scalar_one())


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("hooks") / "home") as found:
        assert found.http.get("/hooks/nobody/inbound").status_code == 404  # makes the tables
        found.http.get("/health")
        yield found


def message(text: str, key: str = "", sender: str = "6281234567890") -> bytes:
    return httpx.Request("POST", "http://x", json={"from": sender, "text": text, "id": key}).content


def test_a_signed_message_is_stored_once_before_it_is_answered(web):
    before = len(web.texts())
    assert web.post(message("YA T123", "m-1")).status_code == 202
    assert web.texts()[before:] == ["YA T123"]
    web.now = AT.replace(minute=1)  # the gateway had no answer and signs anew
    assert web.post(message("YA T123", "m-1")).status_code == 202
    assert web.texts()[before:] == ["YA T123"]
    web.now = AT


@pytest.mark.parametrize(
    ("how", "status"),
    [
        pytest.param({"key": "another"}, 401, id="bad-signature"),
        pytest.param({"at": AT.replace(hour=7, minute=54)}, 401, id="old"),
        pytest.param({"at": AT.replace(minute=6)}, 401, id="of-the-future"),
        pytest.param({"at": AT.replace(minute=4)}, 202, id="near"),
    ],
)
def test_the_signature_and_its_time_are_asked_for(web, how, status):
    before = len(web.texts())
    assert web.post(message(f"{how}", f"k-{how}"), **how).status_code == status
    assert len(web.texts()) - before == (status == 202)


def test_a_repeated_call_is_refused(web):
    body = message("sekali", "once")
    headers = web.signed(body)
    found = [web.http.post("/hooks/signs/inbound", content=body, headers=headers).status_code
             for _ in range(3)]  # fmt: skip
    assert found == [202, 409, 409]


def test_what_a_signature_does_not_cover_is_not_read(web):
    body = message("asli", "cover")
    before = len(web.texts())
    path = "/hooks/signs/inbound?text=palsu&from=1&id=2"
    assert web.http.post(path, content=body, headers=web.signed(body)).status_code == 202
    assert web.texts()[before:] == ["asli"]
    stolen = {**web.signed(b""), "Content-Type": "application/x-www-form-urlencoded"}
    answer = web.http.request("GET", path, headers=stolen)
    assert answer.status_code == 401
    changed = web.http.post(path, content=body + b" ", headers=web.signed(body))
    assert changed.status_code == 401


@pytest.mark.parametrize(
    ("secret", "auth", "status"),
    [
        pytest.param(HOOK, BASIC, 202, id="right"),
        pytest.param("wrong", BASIC, 404, id="wrong-part-looks-like-no-route"),
        pytest.param(HOOK[:-1], BASIC, 404, id="short-part"),
        pytest.param(HOOK, ("gw", "no"), 401, id="wrong-password"),
        pytest.param(HOOK, None, 401, id="no-password"),
    ],
)
def test_who_signs_nothing_needs_the_secret_part_and_the_password(web, secret, auth, status):
    before = len(web.texts())
    found = web.get(secret=secret, auth=auth, text="LAPOR banjir", id=f"{secret}{auth}",
                    **{"from": "6281234567890"})  # fmt: skip
    assert found == status
    assert len(web.texts()) - before == (status == 202)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hooks/nobody/inbound", 404),
        ("/hooks/signs/other", 422),
        (f"/hooks/far/{HOOK}/inbound", 403),
        (f"/hooks/signs/{HOOK}/inbound", 404),
        ("/hooks/plain/inbound", 404),
    ],
)
def test_other_doors_stay_closed(web, path, status):
    assert web.http.post(path, content=message("x")).status_code == status


def test_receipts_become_states_and_those_on_the_way_change_nothing(web):
    rows = {word: web.row(f"p-{word}") for word in ("ok", "bad", "lost", "queued")}
    results = [
        {"data": {"id": f"p-{word}", "status": word, "why": "081234567890"}} for word in rows
    ]
    body = httpx.Request("POST", "http://x", json={"results": results}).content
    assert web.post(body, "receipt").status_code == 202
    assert {word: web.state(row).name for word, row in rows.items()} == {
        "ok": "DELIVERED", "bad": "FAILED", "lost": "UNKNOWN", "queued": "ACCEPTED",
    }  # fmt: skip
    with web.engine.connect() as connection:
        said = connection.execute(select(outbox.c.last_error)).scalars().all()
    assert not any("1234567890" in (text or "") for text in said)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"[" * 5000, b'{"results":[]}', b'{"results":[{"data":{}}]}', b"\x00\xff",
     b'{"results":' + b'[{"data":{"id":"1","status":"ok"}}]' + b"}" * 9,
     b'{"from":"","text":"x"}', b'{"from":{"a":1},"text":"x"}'],
)  # fmt: skip
@pytest.mark.parametrize("what", ["receipt", "inbound"])
def test_no_body_breaks_a_door(web, body, what):
    before = len(web.texts())
    assert web.post(body, what).status_code == 400
    assert len(web.texts()) == before


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        pytest.param("a" * 1_600, "a" * 1_600, id="1600-characters"),
        pytest.param("a" * 1_601, "a" * 1_594 + " [...]", id="1601-characters"),
        pytest.param("😀" * 10, "😀" * 10, id="emoji-only"),
        pytest.param("YA\x00T1", "YAT1", id="NUL"),
        pytest.param("=cmd|'/c calc'!A0", "=cmd|'/c calc'!A0", id="formula"),
        pytest.param("", "", id="empty"),
    ],
)
def test_every_text_is_stored(web, text, stored):
    assert web.post(message(text, f"t-{hash(text)}")).status_code == 202
    assert web.texts()[-1] == stored


def test_ten_megabytes_are_refused_before_they_are_read(web):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as wire:
        wire.sendall(b"POST /hooks/signs/inbound HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     b"Content-Length: 10000000\r\n\r\n" + b"x" * 1000)  # fmt: skip
        assert b" 413 " in wire.recv(1000)
    assert time.monotonic() - start < 5

    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536

    try:
        status = web.http.post("/hooks/signs/inbound", content=endless()).status_code
    except httpx.HTTPError:  # it hung up on us while we were still sending
        status = 413
    assert status == 413


def test_more_calls_than_a_route_may_have_are_asked_to_come_later(web):
    path = f"/hooks/slow/{HOOK}/inbound"
    kind = {"content-type": "application/json"}
    found = [web.http.post(path, content=message(f"n{i}"), headers=kind) for i in range(8)]
    assert found[0].status_code == 202 and found[-1].status_code == 429
    assert found[-1].headers["retry-after"] == "1"


def test_what_could_not_be_stored_is_not_acknowledged(web, monkeypatch):
    from sqlalchemy.exc import OperationalError

    import notify.inbox.together as hooks

    def full(*_: Any) -> None:
        raise OperationalError("insert", {}, Exception("disk full 6281234567890"))

    body = message("penuh", "full")
    headers = web.signed(body)
    with monkeypatch.context() as broken:
        broken.setattr(hooks, "keep", full)
        broken.setattr(hooks, "keep_in", full)
        answer = web.http.post("/hooks/signs/inbound", content=body, headers=headers)
    assert answer.status_code == 503
    again = web.http.post("/hooks/signs/inbound", content=body, headers=headers)
    assert again.status_code == 202 and web.texts()[-1] == "penuh"


def test_no_number_and_no_secret_stands_in_the_log(web, caplog):
    caplog.set_level(logging.DEBUG)
    web.post(message("rahasia", "log"))
    web.post(b'{"from":"6281234567890"', key="bad")
    web.get(text="x", id="l", **{"from": "6281234567890"})
    web.get(text="x", auth=("gw", "nope"), **{"from": "6281234567890"})
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("console"))
    assert "refused" in said
    for hidden in ("1234567890", HOOK, SIGN, PASSWORD, "rahasia",
                   base64.b64encode(b"gw:gw-word-77").decode()):  # fmt: skip
        assert hidden not in said


def test_a_burst_of_messages_is_stored_and_handled_without_loss(web):
    """100 over four connections; `benchmarks/inbox.py` sends ten thousand."""
    before = len(web.texts())
    path = f"/hooks/plain/{HOOK}/inbound"

    def send(numbers: range) -> list[int]:
        with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", auth=BASIC) as http:
            return [http.get(path, params={"from": f"62812{i:08}", "text": "LAPOR", "id": f"b{i}"})
                    .status_code for i in numbers]  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        found = [s for part in pool.map(send, (range(i, 100, 4) for i in range(4))) for s in part]
    assert set(found) == {202}
    assert len(web.texts()) - before == 100

    def handler(connection: Any, message: Any, *, at: datetime) -> Handled:
        return Handled("report", answer="Laporan Anda diterima.")

    done = work(web.engine, secrets_key(web.settings), (handler,), at=AT, limit=10_000)
    assert done["report"] >= 100 and set(done) == {"report"}
