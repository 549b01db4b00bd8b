"""Open pages when the server, or its database, is away and comes back."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from console.web.access.rules import RULES
from kentongan.settings import Settings
from tests.faces.scenes import AFTER, Clock, Scene, listening, serve
from tests.faces.walking import FORM, OWN_PAGE, ask
from tests.peers.postgres import Server, require_postgres

SOON_MS = 20_000
"""For what a page notices in two seconds, on a machine that also runs other tests."""
REFUSED = re.compile(r"ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|"
                     r"ERR_CONNECTION_RESET")  # fmt: skip


def says(page: Any) -> Any:
    return page.locator("[data-connection]").first


def test_a_page_that_lost_us_for_ten_minutes_says_so_and_catches_up(
    scene_of: Callable[..., Scene], tmp_path: Path, look: Callable[..., Any]
) -> None:
    found = scene_of("cianjur")
    settings = Settings(_env_file=None, home=found.copy(tmp_path / "home"), sources=found.sources)
    clock = Clock(found.at + AFTER)
    with listening(settings, clock) as url:
        seen = look(url + "/masuk")
        seen.page.clock.install()
        tabs = [seen.page, seen.page.context.new_page()]
        for tab, path in zip(tabs, ("/centre", "/centre/inbox"), strict=True):
            tab.goto(url + path)
            expect(says(tab)).to_have_text("Tersambung", timeout=SOON_MS)
        assert tabs[1].locator("tbody tr").count() == 0
        before = tabs[0].locator("main").inner_text()
    for tab in tabs:
        expect(says(tab)).to_contain_text("Terputus sejak", timeout=SOON_MS)
        expect(says(tab)).to_contain_text("data mungkin lama")
    lost = says(tabs[0]).inner_text()
    clock.forward(minutes=10)
    seen.page.clock.fast_forward("10:00")
    assert says(tabs[0]).inner_text() == lost and tabs[0].locator("main").inner_text() == before
    with listening(settings, clock) as elsewhere:
        report(elsewhere)
    with listening(settings, clock, port=urlsplit(url).port or 0):
        seen.page.clock.fast_forward("00:30")
        for tab in tabs:
            expect(says(tab)).to_have_text("Tersambung", timeout=SOON_MS)
        expect(tabs[1].locator("tbody tr")).to_have_count(1, timeout=SOON_MS)
        expect(tabs[0].locator("main")).not_to_have_text(before, timeout=SOON_MS)
        seen.page.context.close()  # while there is a server: afterwards it would be lost again
    assert [one for one in seen.complaints if not REFUSED.search(one)] == []
    seen.complaints.clear()


def report(url: str) -> None:
    """Somebody calls while the page hears nothing."""
    body = b"petugas=Dewi&isi=rumah+roboh%2C+dua+orang+tertimbun&tempat=Cugenang"
    head = {**OWN_PAGE, "Content-Type": FORM}
    assert ask(url, "/operator/lapor", "POST", body=body, headers=head).status == 200


@pytest.fixture
def database() -> Any:
    """A PostgreSQL server that this test may stop."""
    with Server(require_postgres()) as server:
        yield server
    with warnings.catch_warnings():
        # Connections that the crash broke are dropped by the pool without a word of closing.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_database_that_is_gone_is_told_everywhere_and_comes_back(
    database: Server, scene_of: Callable[..., Scene], tmp_path: Path, look: Callable[..., Any]
) -> None:
    url = database.url(database._create())
    with serve(scene_of("empty"), tmp_path / "home", database_url=url) as place:
        seen = look(place.url + "/centre")
        expect(says(seen.page)).to_have_text("Tersambung", timeout=SOON_MS)
        database.stop(at_once=True)
        expect(says(seen.page)).to_contain_text("Basis data tidak terbaca", timeout=SOON_MS)
        for path in (path for path, rule in RULES.items() if rule.read and "{" not in path):
            with httpx.stream("GET", place.url + path, timeout=30) as answer:
                told = answer.status_code < 500 or "retry-after" in answer.headers
                assert told or path == "/health", (path, answer.status_code)
        front = place.get("/", headers={"Accept": "text/html"})
        assert front.status_code == 503 and "Tidak diketahui bukan berarti aman" in front.text
        assert place.get("/warnings.json").json() == {"detail": "the database does not answer"}
        database.start()
        expect(says(seen.page)).to_have_text("Tersambung", timeout=SOON_MS)
        assert place.get("/").status_code == 200
        assert [one for one in seen.complaints if "503" not in one] == []
        seen.complaints.clear()
