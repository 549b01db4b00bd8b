"""What tests of faces share: scenes, servers over them, a browser that notes every complaint.

    def test_the_map(served, look):
        seen = look(served("flores").url + "/")
        expect(seen.page.locator("h1")).to_be_visible()
        keep(seen.page, "centre-map", "flores")
        accessible(seen.page)

`served` is shared by all tests of a worker: only read there. A test that presses, posts or moves
the clock takes `own`. Chromium lives as long as a module: while it does, `asyncio.run` does not
work in the tests' thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faces.hostile import hostile_place
from tests.faces.looking import Seen, only_ours, watch
from tests.faces.scenes import Scene, Served, scene, scenes_folder, serve
from tests.faces.walking import Walk, walk

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def scene_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Scene]:
    """`scene_of("flores", steps=3)`: the home after so many steps, played once; not written to."""
    folder = scenes_folder(tmp_path_factory)
    return lambda name, steps=None: scene(folder, name, steps)


@pytest.fixture(scope="session")
def served(
    scene_of: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Served]]:
    """`served("flores", steps=None, **settings)`: a server that all tests of this worker read.

    "empty" is an installation that has never polled.
    """
    running: dict[str, Served] = {}
    with ExitStack() as stack:

        def find(name: str, steps: int | None = None, **settings: Any) -> Served:
            key = f"{name} {steps} {sorted(settings.items())}"
            if key not in running:
                home = tmp_path_factory.mktemp(name) / "home"
                opened = serve(scene_of(name, steps), home, **settings)
                running[key] = stack.enter_context(opened)
            return running[key]

        yield find


@pytest.fixture
def own(scene_of: Callable[..., Scene], tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """As `served`, for one test that writes or moves the clock."""
    with ExitStack() as stack:

        def find(name: str, steps: int | None = None, **settings: Any) -> Served:
            home = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
            return stack.enter_context(serve(scene_of(name, steps), home, **settings))

        yield find


@pytest.fixture(scope="session")
def hostile(
    scene_of: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The night of Cianjur full of hostile texts; tests of bad input write to it as they like."""
    with hostile_place(scene_of("cianjur"), tmp_path_factory.mktemp("hostile")) as found:
        yield found


@pytest.fixture(scope="session")
def hostile_walk(hostile: Served) -> Walk:
    """Its pages and forms."""
    return walk(hostile)


def _launch(folder: Path | None, **options: Any) -> Iterator[Any]:
    if not CHROMIUM.is_file():
        message = f"no {CHROMIUM}: apt-get install chromium"
        pytest.fail(message) if os.environ.get("REQUIRE_PEERS") == "1" else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        common = {"executable_path": CHROMIUM, "args": [*ARGUMENTS], **options}
        chromium = playwright.chromium
        found = (
            chromium.launch(**common)
            if folder is None
            else chromium.launch_persistent_context(folder, **common)
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium through Playwright; skipped where absent, unless REQUIRE_PEERS=1."""
    yield from _launch(None)


@pytest.fixture
def installed_browser(tmp_path: Path) -> Iterator[Any]:
    """A context that is not incognito: the only kind that may install an app.

    Not in one module with `browser` or `look`: Playwright opens once a thread.
    """
    yield from _launch(tmp_path / "profile", locale="id-ID", timezone_id="Asia/Jakarta")


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Seen]]:
    """`look(url, width=1280, height=800, **context)`: open a page in a new context of its own.

    Context options are Playwright's: `offline`, `java_script_enabled`, `device_scale_factor`, …
    At the end of the test every page must have complained of nothing (console errors, warnings,
    uncaught errors, broken policies) and asked no other host; what a test provokes on purpose it
    takes out of `seen.complaints`.
    """
    opened: list[Seen] = []
    contexts: list[Any] = []

    def open_page(url: str, *, width: int = 1280, height: int = 800, **options: Any) -> Seen:
        kept = {"locale": "id-ID", "timezone_id": "Asia/Jakarta", "reduced_motion": "reduce"}
        context = browser.new_context(
            viewport={"width": width, "height": height}, **{**kept, **options}
        )
        contexts.append(context)
        seen = watch(context.new_page())
        opened.append(seen)
        seen.page.goto(url)
        return seen

    yield open_page
    for context in contexts:
        context.close()
    for seen in opened:
        assert seen.complaints == [], seen.complaints
        assert only_ours(seen.requests) == [], only_ours(seen.requests)
