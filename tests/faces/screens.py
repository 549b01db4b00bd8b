"""Pictures of the faces for the documentation, taken by the tests that use them.

`keep(page, "centre-map", "flores")` writes build/screens/centre-map-flores-390.png, -1280.png and
-3840.png; `make docs` takes what it finds there. Every picture is also a test: the page must not
scroll sideways at any width.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENS = Path(__file__).parents[2] / "build" / "screens"
HEIGHTS = {390: 844, 1280: 800, 3840: 2160}
"""A phone, a desk and a wall."""
WALLS = os.environ.get("SCREENS") == "all"
"""Pictures of the wall's size take seconds each without a graphics card: `make screens` takes them,
the suite looks at the page at that size."""
WALL = 2_000
SETTLE_MS = 5_000
READY_MS = 30_000
"""A map of the wall's size takes 14 s to paint without a graphics card."""

_SETTLED = """limit => Promise.race([
  (async () => {
    await document.fonts.ready;
    await Promise.all([...document.images].filter(i => !i.complete && i.loading !== 'lazy')
      .map(i => new Promise(done => { i.onload = i.onerror = done; })));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  })(),
  new Promise(done => setTimeout(done, limit)),
])"""
_OVERFLOW = """() => {
  const room = window.innerWidth, page = document.documentElement.scrollWidth;
  if (page <= room) return [];
  const wide = [...document.body.querySelectorAll('*')].filter(
    e => e.getBoundingClientRect().right > room + 1);
  return [`${page} px in ${room}`, ...wide.slice(-5).map(
    e => `${e.tagName.toLowerCase()}.${e.className} ${e.textContent.trim().slice(0, 40)}`)];
}"""


def keep(
    page: Page,
    face: str,
    scenario: str,
    widths: tuple[int, ...] = (390, 1280, 3840),
    *,
    ready: str | None = None,
) -> list[Path]:
    """Take what the page shows at each width; afterwards it has its old size again.

    Args:
        face: what is seen, in lower case with dashes, e.g. "centre-map".
        scenario: what was played, e.g. "flores".
        ready: an arrow function that is true when the page is drawn at its new size, e.g.
            "() => document.body.dataset.ready === 'yes'"; waited for up to `READY_MS`.

    Returns:
        The files, in order of `widths`; of walls only with `SCREENS=all`.

    Raises:
        AssertionError: the page scrolls sideways, and by which elements.
    """
    SCREENS.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    taken = [_take(page, f"{face}-{scenario}", width, ready) for width in widths]
    if before:
        page.set_viewport_size(before)
    return [file for file in taken if file]


def _take(page: Page, name: str, width: int, ready: str | None) -> Path | None:
    page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 800)})
    if ready:
        page.wait_for_function(ready, timeout=READY_MS)
    page.evaluate(_SETTLED, SETTLE_MS)
    overflow = page.evaluate(_OVERFLOW)
    assert overflow == [], f"{name} at {width} px scrolls sideways: {overflow}"
    if width > WALL and not WALLS:
        return None
    path = SCREENS / f"{name}-{width}.png"
    part = path.with_suffix(".part")
    part.write_bytes(page.screenshot(animations="disabled", timeout=READY_MS))
    return part.replace(path)
