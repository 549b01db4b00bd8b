"""The app installed: what a push shows, what a click does, and a server that is really gone."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from kentongan.db import messages
from tests.faces.conftest import _launch
from tests.faces.scenes import Clock, listening, serve
from tests.faces.screens import keep

MBAY = "53.16.01.1007"
READY = "() => document.documentElement.dataset.ready === 'yes'"
DRAWN = "() => document.querySelector('#keadaan-isi .keadaan')"
SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  return (await worker.getNotifications()).map(n => ({
    title: n.title, body: n.body, tag: n.tag, urgent: n.requireInteraction, data: n.data,
  }));
}"""


class Installed:
    """A page of the app with its worker, and a push service that is the browser's own tools."""

    def __init__(self, context, url):
        context.grant_permissions(["notifications"], origin=url)
        self.page, self.url, self.workers = context.pages[0], url, []
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.wire = context.new_cdp_session(self.page)
        self.wire.on("ServiceWorker.workerVersionUpdated", self._seen)
        self.wire.send("ServiceWorker.enable")
        self.page.goto(f"{url}/app/?desa={MBAY}")
        self.page.wait_for_function(READY)
        self.page.wait_for_function(DRAWN)
        deadline = time.monotonic() + 10
        while not self.workers and time.monotonic() < deadline:
            self.page.wait_for_timeout(30)

    def _seen(self, found):
        active = [one for one in found["versions"] if one["status"] == "activated"]
        self.workers.extend(one["registrationId"] for one in active)

    def push(self, payload):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.wire.send("ServiceWorker.deliverPushMessage", {
            "origin": self.url, "registrationId": self.workers[-1], "data": text,
        })  # fmt: skip

    def clear(self):
        """As after a person has wiped all away, and of warnings never heard of."""
        self.page.evaluate(
            """async () => {
          for (const one of await (await navigator.serviceWorker.ready).getNotifications())
            one.close();
          await (await caches.open('kentongan-kept')).delete('/app/kept/seen');
        }"""
        )
        self.shown(lambda found: found == [])

    def shown(self, holds=bool):
        """Notifications once `holds` of them.

        Not asked for at once: Chromium forgets a notification that it was told of and has not
        drawn yet when somebody asks for the list.
        """
        for wait in (0.25, 0.25, 0.5, 1, 2, 4):
            self.page.wait_for_timeout(wait * 1000)
            found = self.page.evaluate(SHOWN)
            if holds(found):
                return found
        raise AssertionError(found)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """One browser that is not incognito for all tests of this module: it takes seconds to start."""
    folder = tmp_path_factory.mktemp("profile")
    yield from _launch(folder, locale="id-ID", timezone_id="Asia/Jakarta")


@pytest.fixture(scope="module")
def there(scene_of, tmp_path_factory):
    with serve(scene_of("flores"), tmp_path_factory.mktemp("installed") / "home") as found:
        yield found


@pytest.fixture
def installed(context, there):
    app = Installed(context, there.url)
    app.clear()
    yield app, there
    assert app.complaints == []


def payload(**changes):
    return {
        "title": "AWAS: tsunami", "body": "Jauhi pantai SEKARANG.", "tag": "w-1",
        "warning_id": "w-1", "version": 1, "hazard": "tsunami", "level": 4,
        "area_codes": [MBAY], "expires": "2026-08-15T01:49:18Z", "url": "https://x.example/w-1",
        "status": "Actual", **changes,
    }  # fmt: skip


def test_it_can_be_installed_and_pushes_are_shown(installed):
    app, there = installed
    manifest = app.wire.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert app.wire.send("Page.getInstallabilityErrors")["installabilityErrors"] == []

    app.push(payload())
    [one] = app.shown()
    assert one["title"] == "AWAS: tsunami" and one["body"].startswith("Jauhi") and one["urgent"]

    app.push(payload(version=2, title="SIAGA: tsunami", level=3))
    [one] = app.shown(lambda found: found and found[0]["title"].startswith("SIAGA"))
    assert one["tag"] == "w-1", "an update takes the place of the one before"

    app.push(payload(version=1))
    time.sleep(0.4)
    [one] = app.shown()
    assert one["title"].startswith("SIAGA"), "one that comes late does not"

    app.push(payload(version=3, title="Berakhir: peringatan tsunami", level=0, body="Selesai."))
    [one] = app.shown(lambda found: found and found[0]["title"].startswith("Berakhir"))
    assert not one["urgent"], "an end does not shout"

    app.push(payload(warning_id="w-2", tag="w-2", status="Exercise", title="WASPADA: hujan",
                     level=2))  # fmt: skip
    found = app.shown(lambda found: len(found) == 2)
    [drill] = [one for one in found if one["tag"] == "w-2"]
    assert drill["title"] == "LATIHAN. WASPADA: hujan" and not drill["urgent"]

    with there.engine.connect() as connection:
        query = select(messages.c.payload).where(messages.c.channel == "push").limit(3)
        real = connection.execute(query).scalars().all()
    for one in real:
        app.push(one)
        [same] = [n for n in app.shown(lambda f, t=one["tag"]: any(n["tag"] == t for n in f))
                  if n["tag"] == one["tag"]]  # fmt: skip
        assert same["title"].startswith("LATIHAN") and same["data"]["level"] == one["level"]


BROKEN = (
    "", "no json", "[1,2]", "null", '{"title": 5, "body": {}, "tag": [], "level": "x"}',
    '{"title": "' + "x" * 3000 + '"}', '{"version": 1e99, "level": -3, "warning_id": "a"}',
)  # fmt: skip


def test_whatever_comes_something_safe_is_shown(installed):
    app, _ = installed
    for data in BROKEN:
        app.push(data)
        [one] = app.shown()
        assert one["title"] and len(one["title"]) <= 120 and one["body"], data
        assert one["urgent"], "not known is not harmless"
        app.clear()


def test_a_click_leads_to_the_village(installed):
    app, _ = installed
    app.push(payload())
    app.shown()
    app.page.evaluate("location.hash = '#lapor'")
    app.page.get_by_role("heading", name="Lapor kejadian").wait_for()
    app.page.context.service_workers[0].evaluate(
        """async () => {
      const [notification] = await self.registration.getNotifications();
      self.dispatchEvent(new NotificationEvent('notificationclick', {notification}));
    }"""
    )
    app.page.get_by_role("heading", name="SIAGA: Tsunami").wait_for()
    app.shown(lambda found: found == [])


def test_a_push_brings_the_newest_status(installed):
    app, there = installed
    assert "SIAGA" in app.page.locator("h1:visible").inner_text()
    there.clock.forward(minutes=1)
    app.push(payload())
    app.page.wait_for_function(
        "() => document.querySelector('.umur').innerText.includes('07.53 WITA')"
    )


def test_without_its_server_the_last_status_stays(scene_of, context, tmp_path):
    """The server is really stopped right after the very first visit."""
    from kentongan.settings import Settings

    found = scene_of("flores")
    settings = Settings(_env_file=None, home=found.copy(tmp_path / "home"), sources=found.sources)
    with ExitStack() as stack:
        url = stack.enter_context(listening(settings, Clock(found.at)))
        app = Installed(context, url)
        app.page.wait_for_function("() => caches.has('kentongan-kept')")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0
    app.page.goto(f"{url}/app/")
    app.page.get_by_text("Tidak ada jaringan. Ini salinan terakhir.").wait_for()
    assert app.page.locator("h1:visible").inner_text() == "SIAGA: Tsunami"
    assert "Jauhi pantai" in app.page.locator("article.kartu").first.inner_text()
    keep(app.page, "app-offline", "flores", widths=(390,))
    app.page.goto(f"{url}/app/bantuan")
    assert "Bantuan" in app.page.locator("h1").inner_text()
    app.page.goto(f"{url}/app/desa/{MBAY}")
    app.page.get_by_text("Ini salinan terakhir").wait_for()
    assert threading.active_count() < 50


def test_a_lost_subscription_is_asked_for_again(installed):
    """What the worker posts when the browser gives it another address."""
    app, _ = installed
    asked = []
    app.page.context.on("request", lambda one: asked.append((one.url, one.post_data)))
    app.page.evaluate(
        """async () => {
      const value = {area: '53.16.01.1007', language: 'id', text_version: 'push-id-2026-11',
                     key: 'x', told: 'https://old.example/1', endpoint: 'https://old.example/1'};
      const body = new Response(JSON.stringify(value));
      await (await caches.open('kentongan-kept')).put('/app/kept/push', body);
    }"""
    )
    worker = app.page.context.service_workers[0]
    worker.evaluate(
        """() => {
      const event = new ExtendableEvent('pushsubscriptionchange');
      event.oldSubscription = {endpoint: 'https://old.example/1', options: {}};
      event.newSubscription = {endpoint: 'https://new.example/2',
        toJSON: () => ({endpoint: 'https://new.example/2', keys: {p256dh: 'a', auth: 'b'}})};
      self.dispatchEvent(event);
    }"""
    )
    deadline = time.monotonic() + 5
    while not any(url.endswith("/app/push") for url, _ in asked) and time.monotonic() < deadline:
        app.page.wait_for_timeout(50)
    [said] = [json.loads(data) for url, data in asked if url.endswith("/app/push")]
    assert said["old"] == "https://old.example/1" and said["area"] == MBAY
    assert said["subscription"]["endpoint"] == "https://new.example/2" and said["agreed"] is True
