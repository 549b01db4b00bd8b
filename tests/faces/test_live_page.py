"""An open page follows what changes, keeps what is written in it, and says when it is cut off."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from console.templating import ASSETS
from console.web import create_app
from console.web.serving import Server
from kentongan.db import feed_log, sop_ticks
from kentongan.settings import Settings
from kentongan.times import iso
from tests.faces.scenes import AFTER, Clock

FEEDS = "/centre/feeds"
LIVE = (ASSETS / "live.js").read_text(encoding="utf-8")


@contextmanager
def serving(settings, clock, port=0):
    """A server that a test ends, and begins again at the same address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        server = Server(create_app(settings, clock=clock))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@pytest.fixture
def home(scene_of, tmp_path):
    found = scene_of("cianjur")
    settings = Settings(_env_file=None, home=found.copy(tmp_path / "home"), sources=found.sources)
    return settings, Clock(found.at + AFTER)


def test_a_page_says_that_it_is_connected_cut_off_and_connected_again(home, look):
    with serving(*home) as port:
        seen = look(f"http://127.0.0.1:{port}{FEEDS}")
        said = seen.page.locator("[data-connection]")
        expect(said).to_have_text("Tersambung", timeout=10_000)
        expect(said).to_have_attribute("data-state", "ok")
    expect(said).to_have_text(
        re.compile(r"Terputus sejak \d\d\.\d\d WIB, data mungkin lama"), timeout=10_000
    )
    with serving(*home, port=port):
        expect(said).to_have_text("Tersambung", timeout=30_000)
        seen.page.close()
    # The browser itself complains of a server that is gone.
    seen.complaints[:] = [c for c in seen.complaints if "ERR_" not in c]


def test_a_part_follows_a_change_within_two_seconds(own, look):
    place = own("cianjur")
    seen = look(place.url + "/centre/sop")
    expect(seen.page.locator("[data-connection]")).to_have_text("Tersambung", timeout=10_000)
    seen.page.evaluate(
        "() => { window.heard = []; for (const kind of ['sop', 'tasks'])"
        " document.addEventListener(`kentongan:${kind}`, e => heard.push([kind, e.detail.seq])); }"
    )
    seen.page.wait_for_timeout(700)
    seen.page.evaluate("() => { heard.length = 0; }")
    with seen.page.expect_response(lambda r: "/centre/sop/list" in r.url, timeout=5_000):
        start = time.monotonic()
        with place.engine.begin() as connection:
            connection.execute(insert(sop_ticks).values(
                warning_id="w-shaking-20221121T062110Z", step_id="x", at=iso(place.clock.at),
                actor="x"))  # fmt: skip
    assert time.monotonic() - start < 2.0
    heard = seen.page.evaluate("() => heard")
    assert [kind for kind, _ in heard] == ["sop"]


FORM = """<!DOCTYPE html><html lang="id"><head><meta charset="utf-8"><title>x</title>
<script type="module" src="/static/live.js"></script></head><body><main><h1>x</h1>
<output data-connection></output>
<section data-live="feeds" data-from="/static/part.html">
<p id="count">0</p><details id="more"><summary>more</summary>text</details>
<form><label>word <input name="word" value=""></label>
<button id="go" type="button">go</button></form></section></main></body></html>"""
PART = (
    "<p id='count'>{}</p><details id='more'><summary>more</summary>text</details>"
    "<form><label>word <input name='word' value=''></label>"
    "<button id='go' type='button'>go</button></form>"
    "<script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"
)


@pytest.fixture
def page_of_parts(own, look):
    """A page with one part, whose text the test gives; the stream is the real one."""
    place = own("cianjur")
    context: dict[str, str] = {"text": PART.format(0)}

    def opened():
        seen = look("about:blank")
        seen.page.route("**/made", lambda r: r.fulfill(
            body=FORM, content_type="text/html",
            headers={"Content-Security-Policy": "default-src 'self'"}))  # fmt: skip
        seen.page.route("**/static/part.html", lambda r: r.fulfill(
            body=context["text"], content_type="text/html"))  # fmt: skip
        seen.page.route("**/static/x", lambda r: r.fulfill(status=204))
        seen.page.goto(place.url + "/made")
        expect(seen.page.locator("[data-connection]")).to_have_text("Tersambung", timeout=10_000)
        return seen

    def change(text):
        context["text"] = text
        with place.engine.begin() as connection:
            row = connection.execute(feed_log.select().limit(1)).mappings().one()
            values = {k: v for k, v in row.items() if k != "id"}
            now = iso(place.clock.forward(minutes=30))
            connection.execute(insert(feed_log).values(**{**values, "polled_at": now,
                                                          "document_time": now}))  # fmt: skip

    return opened, change


def test_what_somebody_writes_stays_until_they_have_done(page_of_parts, monkeypatch):
    monkeypatch.setattr("console.web.live.watcher.FEEDS_S", 0.3)
    opened, change = page_of_parts
    seen = opened()
    page, count = seen.page, seen.page.locator("#count")
    page.wait_for_timeout(500)
    page.locator("input").fill("tulisan saya")
    change(PART.format(1))
    page.wait_for_timeout(1500)
    expect(page.locator("input")).to_have_value("tulisan saya")
    expect(count).to_have_text("0")
    expect(page.locator("section")).to_have_attribute("data-stale", "edited")
    page.locator("input").fill("")
    page.locator("#go").focus()
    page.evaluate("() => { document.querySelector('#more').open = true; }")
    expect(count).to_have_text("1", timeout=6_000)
    expect(page.locator("#go")).to_be_focused()
    assert page.evaluate("() => document.querySelector('#more').open"), "open parts stay open"
    assert page.evaluate("() => window.bad") is None
    # What the page's own policy refused, and the picture that is not there.
    seen.complaints[:] = [c for c in seen.complaints if "Policy" not in c and "404" not in c]


def test_two_tabs_listen_over_one_connection(own, browser):
    place = own("cianjur")
    context = browser.new_context(locale="id-ID", timezone_id="Asia/Jayapura")
    pages = [context.new_page() for _ in range(3)]
    streams: list[str] = []
    for page in pages:
        page.on("request", lambda r: "/centre/stream" in r.url and streams.append(r.url))
        page.goto(place.url + FEEDS)
        expect(page.locator("[data-connection]")).to_have_text("Tersambung", timeout=10_000)
        page.evaluate(
            "() => { window.heard = 0; document.addEventListener('kentongan:sop', () => heard++); }"
        )
    assert len(streams) == 1
    pages[0].wait_for_timeout(700)
    with place.engine.begin() as connection:
        connection.execute(insert(sop_ticks).values(
            warning_id="w", step_id="x", at=iso(place.clock.at), actor="x"))  # fmt: skip
    for page in pages:
        page.wait_for_function("() => heard === 1", timeout=5_000)
    pages[0].close()
    pages[1].wait_for_timeout(500)
    assert len(streams) == 2, "another tab took over"
    with place.engine.begin() as connection:
        connection.execute(insert(sop_ticks).values(
            warning_id="w", step_id="y", at=iso(place.clock.at), actor="x"))  # fmt: skip
    for page in pages[1:]:
        page.wait_for_function("() => heard === 2", timeout=5_000)
    context.close()


def test_the_script_is_small_and_asks_nobody_else():
    assert len(LIVE) < 15_000
    assert not re.findall(r"https?://", LIVE)
