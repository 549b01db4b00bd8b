"""The page that a coordinator opens from an SMS: on a cheap phone, far away, in the sun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from kentongan.db import tasks
from kentongan.sealing import secrets_key
from notify.tasks.links import link_token
from tests.faces.figures import PAINTED, Figures, count, slow
from tests.faces.looking import accessible
from tests.faces.scenes import Scene, Served, serve
from tests.faces.screens import keep

STATES = ("sent", "sent", "accepted", "en-route", "on-site", "done", "declined")


def give(place: Served, many: int) -> str:
    """The link of one person who has `many` tasks in every state."""
    person = f"KO-{many}"
    with place.engine.begin() as connection:
        free = select(tasks.c.task_id).where(tasks.c.state != "recalled")
        ids = connection.execute(free.order_by(tasks.c.level.desc()).limit(many)).scalars().all()
        for number, task_id in enumerate(ids):
            state = STATES[number % len(STATES)]
            mine = update(tasks).where(tasks.c.task_id == task_id)
            connection.execute(mine.values(assigned_to=person, coordinator_id=person, state=state))
    return f"/t/{link_token(secrets_key(place.settings), person, at=place.clock())}"


def measured(browser: Any, url: str) -> Figures:
    """Cold, on a phone of 360 px with a sixth of this processor, 400 ms and 50 kB/s away."""
    found = Figures("coordinator", "flores")
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="id-ID")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    count(wire, found)
    slow(wire)
    page.goto(url, wait_until="load", timeout=60_000)
    found.first_ms, found.largest_ms = page.evaluate(PAINTED)
    context.close()
    return found


@pytest.fixture(scope="module")
def place(
    scene_of: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with serve(scene_of("flores"), tmp_path_factory.mktemp("duty") / "home") as found:
        yield found


@pytest.mark.parametrize("many", [1, 12, 60])
def test_the_page_is_light_and_soon_there_whatever_there_is_to_do(
    many: int, place: Served, browser: Any
) -> None:
    link = give(place, many)
    assert place.get(link).status_code == 200  # names are read once
    found = measured(browser, place.url + link)
    assert found.bytes < 40_000 and found.requests <= 4, found
    assert found.first_ms < 6_000, found  # 1.0-1.6 s on a quiet machine


def test_it_reads_well_at_every_size(place: Served, look: Callable[..., Any]) -> None:
    seen = look(place.url + give(place, 12))
    keep(seen.page, "coordinator", "flores")
    for width in (360, 1280):
        seen.page.set_viewport_size({"width": width, "height": 740})
        accessible(seen.page)
    small = seen.page.evaluate(_SMALL)
    assert small == []
    states = seen.page.locator("article").all_inner_texts()
    waiting = [number for number, text in enumerate(states) if "menunggu jawaban" in text]
    assert waiting == list(range(len(waiting)))  # what waits for an answer comes first


_SMALL = """() => [...document.querySelectorAll('button, summary, nav a, input:not([type=hidden])')]
  .map(e => [e.textContent.trim() || e.name, e.getBoundingClientRect()])
  .filter(([, box]) => box.height && box.height < 44).map(([text, box]) => `${text} ${box.height}`)
"""
FAINT = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const below = e => { for (let at = e; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('main *, header')].filter(e => e.checkVisibility() &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !e.closest('svg'))
    .map(e => { const [a, b] = [light(getComputedStyle(e).color), light(below(e))];
      const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      return [e.textContent.trim().slice(0, 30), ratio]; })
    .filter(([, ratio]) => ratio < 7); }"""


def test_it_can_be_read_in_the_sun(place: Served, look: Callable[..., Any]) -> None:
    """Seven to one (WCAG 1.4.6) for every word, as the sun takes the most of a cheap screen."""
    seen = look(place.url + give(place, 12), width=360)
    assert seen.page.evaluate(FAINT) == []


def test_without_scripts_every_button_works(place: Served, look: Callable[..., Any]) -> None:
    seen = look(place.url + give(place, 1), width=360, java_script_enabled=False)
    seen.page.get_by_role("button", name="Terima").click()
    assert "Tercatat: diterima" in seen.page.locator("main").inner_text()
    seen.page.get_by_role("button", name="Berangkat").click()
    seen.page.get_by_role("button", name="Sudah tiba").click()
    seen.page.locator("input[name=jiwa]").fill("118")
    seen.page.get_by_role("button", name="Selesai").click()
    text = seen.page.locator("main").inner_text()
    assert "selesai" in text and "selamat 118" in text
