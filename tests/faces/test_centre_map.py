"""The live map and the wall in a browser: what they paint, follow, say and survive."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from kentongan.db import warning_states, warnings
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import WarningState
from notify import versions
from notify.warning import WarningBody, content_hash
from tests.faces.looking import Seen, accessible, only_ours, watch
from tests.faces.scenes import Served, scenes_folder
from tests.faces.screens import keep
from tests.faces.tiles import tiles

MAP, WALL = "/centre/map", "/centre/wall"
READY = "() => Boolean(document.documentElement.dataset.painted)"
PAINTED = (
    "(at) => kentongan.shown.state?.at === at && document.documentElement.dataset.painted === at"
)
STILL = "() => kentongan.settled().then(() => true)"
PAINT_MS = 60_000
"""Software rendering on a busy machine."""
COLOURS = {-1: "#c9cdd3", 1: "#a9cbe4", 2: "#ffe066", 3: "#f58518", 4: "#a50026"}
ALL = os.environ.get("SCREENS") == "all"
OTHERS = ("blind-night", "thunderstorm", "cianjur") if ALL else ("blind-night",)
WIDTHS = (390, 1280, 3840) if ALL else (390, 1280)
"""A wall without a graphics card takes 10 s to paint: pictures of all sizes on demand."""

Serve = Callable[..., Served]
Look = Callable[..., Seen]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiles(scenes_folder(tmp_path_factory))


@pytest.fixture(scope="module")
def desk(served: Serve, browser: Any, drawn: Path) -> Iterator[Seen]:
    """One page over Flores for all tests that only look: a map takes seconds to paint."""
    options = {"locale": "id-ID", "timezone_id": "Asia/Jakarta", "reduced_motion": "reduce"}
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    seen = watch(context.new_page())
    seen.page.goto(served("flores", tiles=drawn).url + MAP)
    seen.page.wait_for_function(READY, timeout=PAINT_MS)
    yield seen
    context.close()


@pytest.fixture
def at_desk(desk: Seen) -> Iterator[Seen]:
    """The page at the present; nothing was complained of, nobody else was asked."""
    yield desk
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("n")
    assert desk.complaints == [], desk.complaints
    assert only_ours(desk.requests) == []


def opened(look: Look, place: Served, path: str = MAP, **options: Any) -> Seen:
    seen = look(place.url + path, **options)
    seen.page.wait_for_function(READY, timeout=PAINT_MS)
    return seen


def still(seen: Seen) -> None:
    """Wait until nothing is left to paint."""
    seen.page.evaluate("() => kentongan.settled()")


def near(seen: Seen, lon: float, lat: float, zoom: float) -> None:
    seen.page.evaluate(
        "([lon, lat, zoom]) => kentongan.parts.map.jumpTo({center: [lon, lat], zoom})",
        [lon, lat, zoom],
    )
    still(seen)


def test_words_come_before_the_map_and_both_are_kept_as_pictures(at_desk: Seen) -> None:
    words, painted = at_desk.page.evaluate(
        "() => ['first-contentful-paint', 'map-idle'].map("
        "name => performance.getEntriesByName(name)[0]?.startTime)"
    )
    assert words < painted
    keep(at_desk.page, "centre-map", "flores", WIDTHS, ready=STILL)


RENDERED = """() => {
  const {map} = kentongan.parts, corner = map.getCanvas().getBoundingClientRect();
  const at = (point) => map.queryRenderedFeatures(point, {layers: ['village-fill']});
  return at().map(one => {
    const {type, coordinates} = one.geometry;
    const ring = type === 'Polygon' ? coordinates[0] : coordinates[0][0];
    const mean = (axis) => ring.reduce((sum, each) => sum + each[axis], 0) / ring.length;
    const {x, y} = map.project([mean(0), mean(1)]);
    const colour = one.layer.paint['fill-color'].toString();
    const there = at([x, y]).map(found => found.properties.code);
    return [one.properties.code, colour, corner.x + x, corner.y + y, there];
  });
}"""
BARE = """(shown) => { const {map} = kentongan.parts;
  for (const {id, type} of map.getStyle().layers)
    if (type === 'symbol' || /hazard|line|bare/.test(id))
      map.setLayoutProperty(id, 'visibility', shown ? 'visible' : 'none'); }"""


def test_villages_have_the_colours_of_their_levels(
    served: Serve, at_desk: Seen, drawn: Path
) -> None:
    place, seen = served("flores", tiles=drawn), at_desk
    near(seen, 121.2, -8.7, 9.6)
    levels = {
        code: row[0] for code, row in place.get(f"{MAP}/state.json").json()["villages"].items()
    }
    seen.page.evaluate(BARE, False)
    still(seen)
    rendered = seen.page.evaluate(RENDERED)
    picture = Image.open(io.BytesIO(seen.page.screenshot())).convert("RGB")
    seen.page.evaluate(BARE, True)
    assert len(rendered) > 200
    looked = set()
    for code, colour, x, y, there in rendered:
        assert _hex(colour) == COLOURS.get(levels.get(code, 0), "none"), code
        if there == [code] and 30 < x < 640 and 250 < y < 600:  # nothing of the page lies above
            assert _nearest(picture, x, y) == levels.get(code, 0), code
            looked.add(levels.get(code, 0))
    assert looked >= {3, 4}


def _nearest(picture: Image.Image, x: float, y: float) -> int:
    """The level whose colour is the most like the middle of what is there."""
    left, top = round(x), round(y)
    square = picture.crop((left - 3, top - 3, left + 4, top + 4))
    middle = np.median(np.asarray(square).reshape(-1, 3), axis=0).tolist()
    of = {level: [int(text[i : i + 2], 16) for i in (1, 3, 5)] for level, text in COLOURS.items()}
    of[0] = [0xFB, 0xFA, 0xF6]
    return min(
        of, key=lambda level: sum(abs(a - b) for a, b in zip(of[level], middle, strict=True))
    )


def _hex(colour: str) -> str:
    """`rgba(245,133,24,1)` as `#f58518`; `none` where nothing shines."""
    red, green, blue, alpha = (float(n) for n in colour.partition("(")[2].rstrip(")").split(","))
    return f"#{round(red):02x}{round(green):02x}{round(blue):02x}" if alpha else "none"


def test_a_change_is_followed_and_the_view_stays(own: Serve, look: Look, drawn: Path) -> None:
    place = own("flores", tiles=drawn)
    seen = opened(look, place)
    near(seen, 121.2, -8.7, 9.2)
    before = seen.page.evaluate("() => kentongan.parts.map.getCenter().toArray()")
    assert seen.page.locator("[data-warning]").count() == 2
    place.clock.forward(minutes=1)
    began = time.perf_counter()
    _end(place, "w-shaking-20260814T215823Z")
    seen.page.wait_for_function(
        "() => document.querySelectorAll('[data-warning]').length === 1", timeout=PAINT_MS
    )
    words_s = time.perf_counter() - began
    gone = (
        "() => !(kentongan.parts.painter.told.village.get('53.07.07.1001') ?? '').startsWith('4')"
    )
    seen.page.wait_for_function(gone, timeout=PAINT_MS)
    assert words_s < 5, "2 s on a quiet machine: benchmarks/faces.py"
    assert seen.page.evaluate("() => kentongan.parts.map.getCenter().toArray()") == before


def _end(place: Served, warning_id: str) -> None:
    with writing(place.engine) as connection:
        version = versions.newest_released(connection, warning_id)
        assert version is not None
        version.add_state(connection, WarningState.ENDED, at=place.clock(), actor="test")


def test_the_slider_shows_what_was_then_and_what_is_expected(
    served: Serve, at_desk: Seen, drawn: Path
) -> None:
    place, seen = served("flores", tiles=drawn), at_desk
    at = next(
        one["at"]
        for one in place.get(f"{MAP}/times.json").json()["times"]
        if one["at"] >= iso(place.clock() - timedelta(minutes=105))
    )
    then = place.get(f"{MAP}/state.json", params={"at": at}).json()
    now = place.get(f"{MAP}/state.json").json()
    assert then["villages"] != now["villages"], "the bulletin of 22.10 changed the coast"
    _slide_to(seen, at)
    said = seen.page.locator("#saat")
    assert "BUKAN SEKARANG" in said.inner_text()
    assert _told(seen) == {code: row[0] for code, row in then["villages"].items()}
    for _ in range(12):
        seen.page.keyboard.press(".")
    seen.page.wait_for_function("() => document.body.dataset.kind === 'forecast'", timeout=PAINT_MS)
    seen.page.wait_for_function(
        "() => document.getElementById('saat').textContent.startsWith('PRAKIRAAN')",
        timeout=PAINT_MS,
    )
    seen.page.keyboard.press("n")
    seen.page.wait_for_function("() => kentongan.shown.state.live", timeout=PAINT_MS)
    assert not said.is_visible()


def _slide_to(seen: Seen, at: str) -> None:
    seen.page.evaluate(
        """async (at) => {
          const {times} = await (await fetch('/centre/map/times.json')).json();
          const slider = document.getElementById('geser');
          slider.value = times.findIndex(one => one.at === at);
          slider.dispatchEvent(new Event('input'));
        }""",
        at,
    )
    seen.page.wait_for_function(PAINTED, arg=at, timeout=PAINT_MS)


def _told(seen: Seen) -> dict[str, int]:
    told: list[list[str]] = seen.page.evaluate("() => [...kentongan.parts.painter.told.village]")
    return {code: int(said.split()[0]) for code, said in told}


def test_keys_lead_everywhere(at_desk: Seen) -> None:
    seen, page = at_desk, at_desk.page
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("?")
    assert page.locator("dialog#tombol").is_visible()
    assert "mundur 10 menit" in page.locator("dialog#tombol").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    still(seen)
    assert page.locator("[data-warning].dipilih").count() == 1
    west, _, east, _ = page.evaluate("() => kentongan.parts.map.getBounds().toArray().flat()")
    assert 118 < west < 120.4 < 122.4 < east < 125
    near(seen, 121.2, -8.7, 10)
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    text = page.locator("#rincian").inner_text()
    assert "Orang terpapar" in text and "53.16.03.2019" in text, "the village in the middle"
    page.keyboard.press("Escape")
    assert not page.locator("#rincian").is_visible()
    page.keyboard.press("d")
    assert page.evaluate("() => document.activeElement.id") == "samping"


def test_everybody_can_use_the_map(at_desk: Seen) -> None:
    page = at_desk.page
    accessible(page)
    page.keyboard.press("?")
    accessible(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    still(at_desk)
    accessible(page)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_without_scripts_everything_stands_there_in_words(served: Serve, look: Look) -> None:
    place = served("flores")
    seen = look(place.url + MAP, java_script_enabled=False)
    text = seen.page.locator("main").inner_text()
    assert "Tsunami" in text and "Guncangan gempa" in text and "tak terjangkau 60 menit" in text
    assert seen.page.locator("#tanpa-peta a[href='/map']").is_visible()
    rows = seen.page.locator("table tbody tr")
    state = place.get(f"{MAP}/state.json").json()
    assert rows.count() >= len(state["regencies"])
    wall = look(place.url + WALL, java_script_enabled=False)
    assert wall.page.locator(".slide").count() == 2
    assert wall.page.locator(".slide").first.is_visible()


@pytest.mark.parametrize("lacking", ["webgl2", "scripts"])
def test_a_machine_that_cannot_draw_is_told_where_to_look(
    lacking: str, served: Serve, browser: Any
) -> None:
    page = browser.new_page()
    if lacking == "webgl2":
        page.add_init_script(
            "HTMLCanvasElement.prototype.getContext = new Proxy("
            "HTMLCanvasElement.prototype.getContext, {apply: (get, it, wanted) =>"
            " wanted[0] === 'webgl2' ? null : Reflect.apply(get, it, wanted)});"
        )
    else:
        page.route("**/vendor/*", lambda route: route.fulfill(status=404))
    page.goto(served("flores").url + MAP)
    page.wait_for_function("() => document.documentElement.dataset.ready === 'no-map'")
    assert page.locator("#tanpa-peta a[href='/map']").is_visible()
    assert page.locator("[data-warning]").count() == 2
    page.close()


def test_before_its_borders_are_made_villages_are_dots(served: Serve, look: Look) -> None:
    seen = opened(look, served("flores"))
    note = seen.page.evaluate("() => document.getElementById('bidang').dataset.note")
    assert "Batas desa belum ada" in note
    dots = "() => kentongan.parts.map.queryRenderedFeatures({layers: ['warned']}).length"
    assert seen.page.evaluate(dots) > 100


def test_a_lost_connection_makes_the_map_old_at_once(at_desk: Seen) -> None:
    seen = at_desk
    assert not seen.page.locator("body.usang").count()
    seen.page.context.set_offline(True)
    seen.page.evaluate("() => document.dispatchEvent(new CustomEvent('kentongan:tasks'))")
    seen.page.wait_for_function("() => document.body.classList.contains('usang')")
    assert "PETA LAMA" in seen.page.locator("#umur").inner_text()
    seen.page.context.set_offline(False)
    seen.page.evaluate("() => document.dispatchEvent(new CustomEvent('kentongan:tasks'))")
    seen.page.wait_for_function("() => !document.body.classList.contains('usang')")
    seen.complaints[:] = [one for one in seen.complaints if "ERR_INTERNET" not in one]


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202egnik " + "x" * 10_000


def test_hostile_names_are_only_text(own: Serve, look: Look, drawn: Path) -> None:
    place = own("cianjur", tiles=drawn)
    _rename(place, HOSTILE)
    seen = opened(look, place, width=390, height=844)
    assert "<script>alert(1)</script>" in seen.page.locator(".peringatan .judul").inner_text()
    wide = "() => document.documentElement.scrollWidth <= window.innerWidth"
    assert seen.page.evaluate(wide)
    assert len(seen.page.locator(".peringatan li").inner_text()) < 1_500
    wall = opened(look, place, WALL)
    assert wall.page.evaluate(wide)
    assert wall.page.locator("img, script:not([src])").count() == 0


def _rename(place: Served, text: str) -> None:
    with writing(place.engine) as connection:
        for row in connection.execute(select(warnings)).mappings().all():
            body = json.loads(json.dumps(row["body"]))
            body["title"] = text
            for group in body["groups"]:
                group["adm2_name"] = text
            same = (warnings.c.warning_id == row["warning_id"]) & (
                warnings.c.version == row["version"]
            )
            digest = content_hash(WarningBody.model_validate(body))
            values = {"body": body, "content_hash": digest}
            connection.execute(update(warnings).where(same).values(values))


def test_the_wall_turns_and_says_what_it_does_not_see(
    served: Serve, look: Look, drawn: Path
) -> None:
    seen = opened(look, served("flores", tiles=drawn), WALL, width=3840, height=2160)
    page = seen.page
    size = page.locator(".slide:visible dd").first.evaluate("e => getComputedStyle(e).fontSize")
    assert float(size.removesuffix("px")) >= 90, "of 2160: 5 m away"
    keep(page, "centre-wall", "flores", (3840,), ready=STILL)
    page.set_viewport_size({"width": 1280, "height": 800})
    first = page.locator(".slide:visible h2").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".slide:visible h2").inner_text() != first
    assert page.locator(".slide:visible").count() == 1
    zones = [
        text.rpartition("\n")[2][-4:].strip()
        for text in page.locator("#jam span").all_inner_texts()
    ]
    assert zones == ["WIB", "WITA", "WIT"]
    accessible(page)
    blind = opened(look, served("blind-night", tiles=drawn), WALL)
    assert blind.page.locator(".buta").is_visible()
    assert "BUTA" in blind.page.locator(".buta").inner_text()
    keep(blind.page, "centre-wall", "blind-night", (3840,) if ALL else (1280,), ready=STILL)


@pytest.mark.parametrize("scenario", OTHERS)
def test_it_is_kept_as_pictures(scenario: str, served: Serve, look: Look, drawn: Path) -> None:
    keep(
        opened(look, served(scenario, tiles=drawn)).page,
        "centre-map",
        scenario,
        WIDTHS,
        ready=STILL,
    )


def test_old_states_are_read_from_the_rows_of_their_time(served: Serve) -> None:
    place = served("flores")
    with place.engine.connect() as connection:
        first = (
            connection.execute(
                select(warning_states.c.at)
                .where(warning_states.c.state == WarningState.RELEASED)
                .order_by(warning_states.c.id)
            )
            .scalars()
            .first()
        )
    before = place.get(f"{MAP}/panel", params={"at": iso(place.clock() - timedelta(hours=5))}).text
    assert "data-warning" not in before and "bukan pernyataan aman" in before
    after = place.get(f"{MAP}/panel", params={"at": first}).text
    assert "w-shaking-20260814T215823Z" in after
    assert place.get(f"{MAP}/panel", params={"at": "yesterday"}).status_code == 422
