"""A coordinator's page: signed, light, without login; GET shows, POST acts, once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from console.web import signup
from console.web.hooks import Bucket
from ingest.play.feedserver import ScenarioServer
from kentongan.db import make_engine, task_steps, tasks
from kentongan.sealing import Keys, secrets_key
from kentongan.settings import Settings
from notify.tasks.links import CHARS, Fault, Opened, link_token, open_token, person_mark
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.scenarios import find
from tests.console.test_web import AFTER_THE_QUAKE, served

KEYS = Keys((b"k" * 32,))
LEAST_PX = 44
"""A thumb's width (WCAG 2.5.5)."""


def test_a_link_opens_for_its_person_until_it_ends():
    at = AFTER_THE_QUAKE
    token = link_token(KEYS, "c-75.02", at=at)
    assert len(token) == CHARS
    opened = open_token(KEYS, token, at=at)
    assert isinstance(opened, Opened) and opened.person == person_mark(KEYS, "c-75.02")
    assert open_token(KEYS, token, at=at + timedelta(hours=49)) is Fault.ENDED
    assert open_token(Keys((b"x" * 32,)), token, at=at) is Fault.FORGED


@given(st.integers(0, CHARS - 1), st.characters(codec="ascii"))
def test_one_changed_character_is_a_forgery(place, character):
    at = datetime(2026, 11, 22, tzinfo=UTC)
    token = link_token(KEYS, "c-1", at=at)
    changed = token[:place] + character + token[place + 1 :]
    assert changed == token or open_token(KEYS, changed, at=at) is Fault.FORGED


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    assert open_token(KEYS, text, at=datetime(2026, 11, 22, tzinfo=UTC)) is Fault.FORGED


class Page:
    def __init__(self, home: Path):
        self.at = AFTER_THE_QUAKE
        self.settings = Settings(_env_file=None, home=home)
        self.engine = make_engine(self.settings.resolved_database_url)
        with self.engine.connect() as connection:
            query = select(tasks).where(tasks.c.state == "sent").order_by(tasks.c.task_id)
            self.task = connection.execute(query).mappings().first()
        self.person = self.task["coordinator_id"]
        self.token = link_token(secrets_key(self.settings), self.person, at=self.at)

    def get(self, token=None, **kwargs):
        return self.client.get(f"/t/{token or self.token}", **kwargs)

    def press(self, button, fence=None, *, task=None, headers=None, **fields):
        data = {"tekan": button, "urut": str(self.row()["fence"] if fence is None else fence)}
        return self.client.post(
            f"/t/{self.token}/{task or self.task['task_id']}", data={**data, **fields},
            headers={"Sec-Fetch-Site": "same-origin", **(headers or {})}, follow_redirects=False,
        )  # fmt: skip

    def row(self):
        query = select(tasks).where(tasks.c.task_id == self.task["task_id"])
        with self.engine.connect() as connection:
            return connection.execute(query).mappings().one()

    def steps(self):
        with self.engine.connect() as connection:
            query = select(task_steps).where(task_steps.c.task_id == self.task["task_id"])
            return connection.execute(query).mappings().all()


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A home a few minutes after the quake of Cianjur."""
    home = tmp_path_factory.mktemp("night")
    scenario = find("cianjur")
    with ScenarioServer(scenario) as server:
        server.show(1)
        settings = Settings(_env_file=None).with_feed_server(server.url, home=home)
        with open_context(settings, live=False, re_creation=True) as context:
            run_cycle(context, scenario.steps[1].at)
    return home


@pytest.fixture
def page(night, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(night, home)
    made = Page(home)
    with served(made.settings, lambda: made.at) as url:
        made.client = httpx.Client(base_url=url)
        made.url = url
        yield made
        made.client.close()
    made.engine.dispose()


def test_the_page_is_light_and_closed(page):
    found = page.get()
    assert found.status_code == 200 and len(found.content) < 40_000
    weight = len(found.content) + sum(
        len(page.client.get(path).content)
        for path in ("/static/page.css", "/static/my_tasks.js", "/static/icon.svg", "/t/sw.js")
    )
    assert weight < 40_000
    assert page.task["task_id"] in found.text and "LATIHAN" in found.text
    policy = found.headers["content-security-policy"]
    assert "unsafe" not in policy and "http" not in policy
    assert found.headers["x-robots-tag"].startswith("noindex")
    assert "+999" not in found.text


def test_opening_the_link_does_nothing_pressing_does(page):
    for _ in range(3):  # a scanner, a preview, a person
        page.get(headers={"User-Agent": "facebookexternalhit/1.1"})
    page.client.head(f"/t/{page.token}")
    assert page.row()["state"] == "sent" and len(page.steps()) == 1
    assert page.press("terima").status_code == 303
    assert page.row()["state"] == "accepted"
    shown = page.client.get(f"/t/{page.token}?t={page.task['task_id']}").text
    first = shown[shown.index("<article") : shown.index("</article>")]
    assert page.task["task_id"] in first and "<strong>diterima</strong>" in first


def test_the_same_button_twice_is_one_step(page):
    fence = page.row()["fence"]
    page.press("terima", fence)
    page.press("terima", fence)
    assert len(page.steps()) == 2


def test_from_acceptance_to_118_people(page):
    for button in ("terima", "berangkat", "tiba"):
        page.press(button)
    page.press("bantuan", catatan="butuh <b>perahu</b>")
    assert page.row()["state"] == "on-site"
    page.press("selesai", jiwa="118")
    row = page.row()
    assert (row["state"], row["people_done"]) == ("done", 118)
    assert any("BANTUAN: butuh" in step["note"] for step in page.steps())
    assert "<b>perahu" not in page.get().text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"tekan": "hapus"}, 422),
        ({"urut": "x"}, 422),
        ({"urut": ""}, 422),
        ({"urut": "9" * 30}, 422),
        ({"catatan": "x" * 5_000}, 413),
    ],
)
def test_what_is_posted_is_looked_at(page, fields, status):
    button = fields.pop("tekan", "terima")
    fence = fields.pop("urut", None)
    assert page.press(button, fence, **fields).status_code == status
    assert page.row()["state"] == "sent"


def test_other_sites_other_tasks_and_other_links_act_on_nothing(page):
    crossed = page.press("terima", headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert page.press("terima", task="T000000").status_code == 404
    assert page.get("A" * 26).status_code == 404 and page.get("x").status_code == 404
    page.at += timedelta(hours=72)
    assert page.get().status_code == 410 and page.press("terima").status_code == 410
    assert page.row()["state"] == "sent"


def test_who_asks_too_often_waits(page, monkeypatch):
    monkeypatch.setattr(signup, "Bucket", partial(Bucket, steady=lambda: 0.0))
    codes = [page.get("A" * 26).status_code for _ in range(60)]  # the quickest to answer
    assert 429 in codes


def test_a_number_that_is_none_is_left_out(page):
    page.press("terima")
    page.press("selesai", jiwa="=1+1")
    assert page.row()["people_done"] is None and page.row()["state"] == "done"


def test_on_a_cheap_phone_with_and_without_network(page, browser, tmp_path):
    url = page.url
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, device_scale_factor=2, locale="id-ID"
    )
    shown = context.new_page()
    errors = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    try:
        shown.goto(f"{url}/t/{page.token}")
        shown.wait_for_function("() => navigator.serviceWorker.controller !== null")
        wide = shown.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360
        button = shown.locator("button.utama").first
        box = button.bounding_box()
        assert box["height"] >= LEAST_PX and box["width"] >= LEAST_PX
        shown.screenshot(path=tmp_path / "tasks.png", full_page=True)
        button.click()
        shown.wait_for_url("**/t/*?t=*")
        assert shown.locator("article[data-done]").count() == 1
        shown.wait_for_timeout(300)
        assert not errors
        context.set_offline(True)
        shown.goto(f"{url}/t/{page.token}")
        assert shown.locator("#putus").is_visible()
        assert shown.locator("article").count() >= 1
        assert shown.locator("button:enabled").count() == 0
    finally:
        context.close()
