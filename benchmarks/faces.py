"""How soon the live map can be read, is painted and follows: `python -m benchmarks.faces [SCENE]`.

Weights and times of all pages: `python -m tests.faces.figures`.

Plays a scene, builds the tiles of the whole country (once, in the folder `FACES` if it is set, else
in a temporary one), and opens each page cold in Chromium without a graphics card. One JSON line a
page and size:

    bytes         what came over the wire, packed, until the page was still
    requests      how many answers
    words_ms      first contentful paint: words can be read
    map_ms        the map is painted and still
    follow_s      from a commit in the database until the page shows it; the live map only
    colours_s     the same until the villages are painted
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from console.tiles.shelf import Shelf
from kentongan.transactions import writing
from kentongan.types import WarningState
from notify import versions
from risk.layers.layerset import load_layers
from tests.faces.conftest import ARGUMENTS, CHROMIUM
from tests.faces.scenes import Served, scene, serve

PAGES = ("/centre/map", "/centre/wall")
SIZES = ((390, 844), (1280, 800), (3840, 2160))
PAINT_MS = 120_000


def main(name: str, paths: tuple[str, ...] = PAGES) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("FACES") or temporary)
        tiles = _tiles(folder)
        found = scene(folder, name)
        with serve(found, Path(temporary) / "home", tiles=tiles) as place:
            _measure(place, paths)


def _tiles(folder: Path) -> Path:
    shelf = Shelf(folder / "national-tiles")
    start = time.perf_counter()
    made = shelf.make(load_layers(""), lambda _said, _share: None)
    if made:
        _tell(tiles_s=time.perf_counter() - start, tiles_bytes=sum(one.bytes for one in made))
    return shelf.folder


def _measure(place: Served, paths: tuple[str, ...]) -> None:
    from playwright.sync_api import sync_playwright

    for path in paths:
        place.get(path)  # a server that has answered before, as most have
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        for path in paths:
            for width, height in SIZES:
                _tell(page=path, width=width, **_opened(browser, place, path, width, height))
        if "/centre/map" in paths:
            _tell(page="/centre/map", **_followed(browser, place))
        browser.close()


def _opened(
    browser: Any, place: Served, path: str, width: int, height: int
) -> dict[str, float | None]:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="id-ID")
    page = context.new_page()
    weights: list[float] = []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda done: weights.append(done["encodedDataLength"]))
    page.goto(place.url + path)
    page.wait_for_function(_READY, timeout=PAINT_MS)
    words, still = page.evaluate(_TIMES)
    context.close()
    return {
        "bytes": sum(weights), "requests": len(weights), "words_ms": words, "map_ms": still,
    }  # fmt: skip


_READY = "() => Boolean(document.documentElement.dataset.ready)"
_TIMES = """() => ['first-contentful-paint', 'map-idle'].map(
  name => performance.getEntriesByName(name)[0]?.startTime ?? null)"""


def _followed(browser: Any, place: Served) -> dict[str, float]:
    """End every warning, and see how soon that is said and painted."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(place.url + "/centre/map")
    page.wait_for_function(_READY, timeout=PAINT_MS)
    page.wait_for_function("() => document.querySelector('[data-connection][data-state=ok]')")
    start = time.perf_counter()
    with writing(place.engine) as connection:
        for version in versions.in_state(connection, WarningState.RELEASED):
            version.add_state(connection, WarningState.ENDED, at=place.clock(), actor="bench")
    page.wait_for_function("() => !document.querySelector('[data-warning]')", timeout=PAINT_MS)
    words = time.perf_counter() - start
    page.wait_for_function("() => !kentongan.parts.painter.told.village.size", timeout=PAINT_MS)
    return {"follow_s": words, "colours_s": time.perf_counter() - start}


def _tell(**values: Any) -> None:
    short = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in values.items()}
    print(json.dumps(short), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "flores")
