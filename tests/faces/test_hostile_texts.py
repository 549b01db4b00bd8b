"""Names and texts of strangers, in every table and layer, on every page: shown, and harmless."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import fromstring

from tests.faces.scenes import Served
from tests.faces.walking import Walk, ask

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
MOST_CHARS = 1_000
"""Of one text of a stranger on a page."""
SAID = ("long", "widest", "shown")
LOOKED = """() => {
  const room = window.innerWidth, page = document.documentElement.scrollWidth;
  return {ran: window.ran, wide: page > room ? page - room : 0,
    inline: [...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()
      .filter(n => n.startsWith('on')).map(n => `${e.tagName} ${n}`)),
    scripts: [...document.scripts].filter(s => !s.src && s.type !== 'application/json').length,
    foreign: [...document.querySelectorAll('a[href]')].map(a => a.href)
      .filter(h => /^(javascript|data|vbscript):/i.test(h)),
    shown: /\\{\\{7\\*7|window\\.ran=1/.test(document.body.textContent),
    long: Math.max(0, ...(document.body.innerText.match(/(panjang)+/g) ?? []).map(t => t.length)),
    widest: [...document.body.querySelectorAll('*')].filter(e =>
      e.getBoundingClientRect().right > room + 1).slice(-4).map(e =>
      `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)}`)};
}"""


def test_no_text_runs_or_bursts_a_page(
    hostile: Served, hostile_walk: Walk, look: Callable[..., Any]
) -> None:
    seen = look(hostile.url + "/masuk", height=844)
    bad, shown, long = [], [], []
    for path in sorted(hostile_walk.html):
        seen.page.set_viewport_size(WIDE)
        seen.page.goto(hostile.url + path, wait_until="load")
        for size in (WIDE, NARROW):
            seen.page.set_viewport_size(size)
            found = seen.page.evaluate(LOOKED)
            wrong = {k: v for k, v in found.items() if k not in SAID and v}
            if path == "/map":  # a file that opens by itself: its policy names its own scripts
                wrong.pop("scripts", None)
            if wrong or seen.complaints:
                wide = found["widest"] if "wide" in wrong else ""
                bad.append((path, size["width"], wrong, wide, seen.complaints[:2]))
            seen.complaints.clear()
        shown.append(found["shown"])
        long.append((found["long"], path))
    assert bad == [], "\n".join(map(str, bad))
    assert sum(shown) > 12  # the texts are there, as texts
    unbounded = [one for one in long if one[0] > MOST_CHARS and not one[1].endswith("/texts")]
    assert unbounded == []  # what goes out is shown letter by letter, where it is proof-read


def test_files_to_take_along_hold_no_formula(hostile: Served, hostile_walk: Walk) -> None:
    addresses = [one for found in hostile_walk.pages.values() for one in found]
    sheets = [one for one in addresses if re.search(r"\.csv(\?|$)", one)]
    assert len(sheets) >= 3
    for path in sheets:
        text = ask(hostile.url, path).body.decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert cells and not [c for c in cells if c[:1] in set("=@\t\r") or re.match(r"[+-]\D", c)]
    for path in addresses:
        if re.search(r"\.(gpx|kml|xml|atom|rss)$", path):
            fromstring(ask(hostile.url, path).body)
        if path.endswith("json"):
            json.loads(ask(hostile.url, path).body)
