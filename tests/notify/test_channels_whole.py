"""From a release to a browser, a siren and the duty officer, through the dispatcher itself."""

from __future__ import annotations

import json
import time

import pytest
from sqlalchemy import select

from kentongan.db import contacts, outbox, recipients
from kentongan.keyfiles import key_file
from kentongan.settings import Settings
from kentongan.types import OutboxState
from notify.channels.mqtt import signing
from notify.channels.webpush import vapid
from notify.dispatcher.process import Dispatcher
from notify.registry.policy import consent_texts
from notify.registry.push import checked, subscribe_push
from notify.sending import broadcast
from notify.sending.reach import Told, measured_reach
from tests.crash.homes import VILLAGES, Home, now
from tests.peers.http_stub import Answer, HttpStub
from tests.peers.mosquitto import Broker, Siren
from tests.peers.webpush import PushService

DISTRICT = "id/53/07/01"
# A plugin of Apprise's.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def until(holds, within=20.0):
    limit = time.monotonic() + within
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture
def service():
    with PushService() as peer:
        yield peer


@pytest.fixture
def sink():
    with HttpStub(lambda _: Answer(200)) as peer:
        yield peer


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path) as peer:
        yield peer


@pytest.fixture
def home(tmp_path, broker, sink, monkeypatch):
    made = Home(tmp_path / "home")
    made.sending()
    key_file(made.folder / "vapid.pem", make=vapid.make_key)
    key_file(made.folder / "sirens.pem", make=signing.make_key)
    address = sink.url.replace("http://", "json://")
    key_file(made.folder / "staff.toml", make=f'duty = ["{address}/"]\n'.encode)
    routes = f"""
[[route]]
kind = "webpush"
route = "browsers"
key_file = "vapid.pem"
contact = "mailto:duty@example.org"
allow_local = true
[[route]]
kind = "mqtt"
route = "sirens"
host = "127.0.0.1"
port = {broker.port}
tls = false
sign_key_file = "sirens.pem"
[[route]]
kind = "staff"
route = "office"
names = ["duty"]
addresses_file = "staff.toml"
"""
    file = made.folder / "routes.toml"
    file.write_text(routes)
    every = broadcast.broadcasts_of(file)
    monkeypatch.setattr(broadcast, "broadcasts_of", lambda _: every)
    yield made
    made.close()


def dispatcher(home):
    return Dispatcher(
        Settings(
            home=home.folder, mode="actual", database_url=home.url,
            routes=home.folder / "routes.toml", dispatch_policy=home.folder / "dispatch.toml",
        )
    )  # fmt: skip


def sign_up(home, service, village):
    """A browser as the page registers it; its subscription."""
    key = vapid.Vapid(home.folder / "vapid.pem", "mailto:duty@example.org").public_key
    address = service.subscribe(key)
    given = checked(json.loads(address), [f"127.0.0.1:{service.port}"])
    text = next(one for one in consent_texts() if one.channel == "webpush")
    with home.engine.begin() as connection:
        subscribe_push(
            connection, home.keys, given, adm4_code=village, language="id",
            text_version=text.version, at=now(),
        )  # fmt: skip
    return address


def states(home, channel):
    query = select(outbox.c.state).where(outbox.c.channel == channel)
    with home.engine.connect() as connection:
        return [OutboxState(state) for state in connection.execute(query).scalars()]


def test_a_warning_and_its_correction(home, service, broker, sink):
    key = signing.load_key(home.folder / "sirens.pem").public_key()
    siren = Siren(broker, "siren-1", key, DISTRICT).connect()
    browsers = [sign_up(home, service, village) for village in VILLAGES[:2]]
    gone = sign_up(home, service, VILLAGES[2])
    service.expire(gone)
    with dispatcher(home):
        ref = home.warn()
        until(lambda: siren.history and all(service.shown(one) for one in browsers))
        until(lambda: len(sink.asked) == 1)
        until(lambda: states(home, "push").count(OutboxState.FAILED) == 1)
        assert "tsunami" in siren.history[0][0].lower()
        assert "tsunami" in service.shown(browsers[0])[0]["title"].lower()
        with home.engine.connect() as connection:
            left = connection.execute(select(contacts.c.recipient_id)).all()
            reach = measured_reach(connection, ref.warning_id)
        assert len(left) == 2, "who is gone is dropped from the registry"
        assert reach.whole.people_told == {Told.ACCEPTED: 2, Told.FAILED: 1}
        assert reach.areas[0].topics == {"mqtt": Told.ACCEPTED}
        home.cancel(ref)
        until(lambda: siren.history[-1] == ())
        until(lambda: all(len(service.shown(one)) == 2 for one in browsers))
        until(lambda: len(sink.asked) == 2)
    siren.disconnect()
    assert set(states(home, "mqtt")) == {OutboxState.ACCEPTED}


def test_nobody_but_a_topic_was_registered_for_sirens(home, service, broker):
    home.warn()
    with home.engine.connect() as connection:
        found = connection.execute(
            select(recipients.c.recipient_id, recipients.c.role, recipients.c.address)
        ).all()
    assert {tuple(row) for row in found} == {
        ("mqtt:53.07.01", "topic", DISTRICT), ("staff:duty", "topic", "duty"),
    }  # fmt: skip
