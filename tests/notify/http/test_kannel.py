"""End to end over Debian's Kannel: out, receipt, reply, answer; only the ends are ours."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Engine, select

from console.web import create_app
from kentongan.binding import bind
from kentongan.db import inbound, make_engine, messages, outbox
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from kentongan.times import iso
from kentongan.types import Mode, OutboxState
from notify.channels.channel import Outcome
from notify.channels.http.channel import HttpChannel
from notify.channels.http.requests import our_id
from notify.channels.http.route import HttpRoute
from notify.channels.recorder import Recorder
from notify.dispatcher.config import load_routes
from notify.firewall.answers import look
from notify.firewall.gate import all_routes, channels_for
from notify.inbox.answers import Ways
from notify.inbox.handling import Handled, work
from notify.sending.dispatch import dispatch
from tests.peers.kannel import HOOKS, SECRET, Kannel
from tests.peers.outgoing import outgoing

NUMBER = "+6281234567890"
HOOK = "secret-part-for-kannel-7Q"
ROUTES = """
[[route]]
kind = "http"
route = "kannel"
channel = "sms"
two_way = true
url = "http://127.0.0.1:{port}/cgi-bin/sendsms"
allow_http = true
method = "GET"
user = "kentongan"
password_file = "password"
sender = "1708"
id_regex = ""
hook_base = "{hooks}"
hook_file = "hook"
[route.query]
username = "{{user}}"
password = "{{password}}"
to = "{{to}}"
from = "{{from}}"
text = "{{text}}"
validity = "{{validity_min}}"
dlr-mask = "31"
dlr-url = "{{dlr_url}}?ref={{id}}&state=%d&why=%A"
[[route.rules]]
means = "accepted"
status = [202]
body = "^(0: Accepted|3: Queued)"
[[route.rules]]
means = "retry"
status = [403]
[route.hooks]
from_networks = ["127.0.0.1"]
receipts = {{ id = "ref", state = "state", delivered = ["1"], failed = ["2", "16"] }}
messages = {{ sender = "from", text = "text", id = "id" }}
"""


class World:
    """Our web application, a home of real warnings, and Kannel between us and a phone."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        for name, text in (("password", SECRET), ("hook", HOOK)):
            (self.home / name).write_text(text)
            (self.home / name).chmod(0o600)
        path = self.home / "routes.toml"
        self.settings = Settings(home=self.home, routes=path, mode=Mode.ACTUAL)
        self.listener = socket.create_server(("127.0.0.1", 0))
        inside = folder / "kannel"
        inside.mkdir()
        self.kannel = Kannel(
            inside,
            inbound=f"{HOOKS}/hooks/kannel/{HOOK}/inbound?from=%p&text=%b&id=%I",
            hook_port=self.listener.getsockname()[1],
        )
        path.write_text(ROUTES.format(port=self.kannel.port, hooks=HOOKS))
        app = create_app(self.settings, clock=lambda: datetime.now(UTC))
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()
        self.engine: Engine = make_engine(self.settings.resolved_database_url)
        from kentongan.migrate import migrate

        migrate(self.engine)
        bind(self.engine, Mode.ACTUAL, live=True)
        self.keys = secrets_key(self.settings)
        (route,) = load_routes(path).all
        assert isinstance(route, HttpRoute)
        self.channel = HttpChannel(route)

    def close(self) -> None:
        self.channel.close()
        self.kannel.close()
        self.server.should_exit = True
        self.thread.join(30)
        self.listener.close()
        self.engine.dispose()

    def rows(self, table: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("kannel"))
    yield made
    made.close()


def until(holds: Callable[[], Any], what: Callable[[], str]) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def test_a_message_reaches_the_phone_and_its_receipt_our_books(world):
    text = "AWAS tsunami di pesisir Kab. Boalemo & sekitar. Naik ke >20 m. Sumber: BMKG"
    one = outgoing(NUMBER, channel="sms", outbox_id=1, text=text, payload=None)
    (receipt,) = world.channel.transmit([one])
    assert receipt.outcome is Outcome.ACCEPTED, receipt
    until(lambda: text in world.kannel.phone(), world.kannel.phone)
    # The receipt came before its acceptance was written, and waits for it.
    row = {
        "alert_version": "v", "recipient_id": "r-1", "channel": "sms", "part": 0,
        "message_id": "m", "route": "kannel", "prio": 0, "state": int(OutboxState.ACCEPTED),
        "attempts": 1, "created_at": "", "due": "", "not_after": "",
        "provider_id": receipt.provider_id, "provider_id_norm": receipt.provider_id,
    }  # fmt: skip
    with world.engine.begin() as connection:
        connection.execute(outbox.insert().values(**row))
    from notify.sending.receipts import sweep

    def delivered() -> bool:
        sweep(world.engine, at=datetime.now(UTC))
        return bool(world.rows(outbox)[0].state == OutboxState.DELIVERED)

    until(delivered, world.kannel.log)


def test_a_reply_is_stored_handled_and_answered_over_kannel(world):
    world.kannel.writes(NUMBER[1:], "1708", "LAPOR =cmd banjir di jembatan")
    until(lambda: world.rows(inbound), world.kannel.log)
    (row,) = world.rows(inbound)
    assert row.text == "LAPOR =cmd banjir di jembatan" and row.route == "kannel"

    def handler(connection: Any, message: Any, *, at: datetime) -> Handled:
        assert message.sender == NUMBER
        return Handled("report", "L-1", "Laporan Anda diterima, nomor L-1.")

    now = datetime.now(UTC)
    ways = Ways(all_routes(Mode.ACTUAL, live=True), frozenset({"kannel"}))
    assert work(world.engine, world.keys, (handler,), at=now, ways=ways) == {"report": 1}
    found = channels_for(
        world.engine, Mode.ACTUAL, live=True, at=now, recorder=Recorder(world.home / "tape"),
        real={"kannel": world.channel},
    )  # fmt: skip
    dispatch(world.engine, found, at=now, answers=partial(look, keys=world.keys))
    until(lambda: "Laporan Anda diterima, nomor L-1." in world.kannel.phone(), world.kannel.phone)
    until(lambda: world.rows(outbox)[-1].state == OutboxState.DELIVERED, world.kannel.log)
    with world.engine.connect() as connection:
        query = select(messages.c.text).where(messages.c.purpose == "answer")
        assert connection.execute(query).scalars().all() == ["Laporan Anda diterima, nomor L-1."]
    assert iso(now) <= world.rows(outbox)[-1].not_after


def test_a_window_goes_through_and_each_has_its_own_id(world):
    window = [
        outgoing(f"+62812345678{i:02}", channel="sms", outbox_id=i, recipient_id=f"r-{i}",
                 text=f"SIAGA banjir {i}. Sumber: BMKG", payload=None)
        for i in range(10)
    ]  # fmt: skip
    found = world.channel.transmit(window)
    assert [r.outcome for r in found] == [Outcome.ACCEPTED] * 10
    assert [r.provider_id for r in found] == [our_id(one) for one in window]
    until(lambda: "SIAGA banjir 9" in world.kannel.phone(), world.kannel.phone)


def test_a_wrong_password_is_told_apart_from_a_wrong_number(world):
    (world.home / "password").write_text("wrong")
    (route,) = load_routes(world.home / "routes.toml").all
    assert isinstance(route, HttpRoute)
    channel = HttpChannel(route)
    try:
        (receipt,) = channel.transmit([outgoing(NUMBER, channel="sms", payload=None)])
    finally:
        channel.close()
        (world.home / "password").write_text(SECRET)
    assert receipt.outcome is Outcome.RETRY
    assert receipt.detail.startswith("HTTP 403: Authorization failed")
