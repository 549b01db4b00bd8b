"""Every page in every scenario: its pictures, its weight, its time to content, what axe says.

    python -m tests.faces.figures [SCENARIO …] [--phone]

Writes build/screens/*.png (390, 1280, 3840 pixels wide) and prints a table. Weight is what came
over the wire, from an empty cache. Times are of this machine, drawn without a graphics card; with
`--phone` the network is 400 ms away at 50 kB/s and the processor six times slower.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from kentongan.db import tasks, warnings
from tests.faces import screens
from tests.faces.conftest import ARGUMENTS, CHROMIUM
from tests.faces.scenes import STEPS, Served, scene, serve
from tests.faces.screens import HEIGHTS, keep
from tests.faces.tiles import tiles

MAPS = {"centre-map", "wall"}
"""Drawn after they are loaded: `[data-ready=yes]` says when."""
FACES = {
    "front": "/", "warnings": "/warnings", "archive": "/archive", "data": "/data",
    "feeds": "/feeds", "signup": "/daftar", "report": "/lapor", "app": "/app/",
    "app-village": "/app/desa/{village}", "app-help": "/app/bantuan", "sign-in": "/masuk",
    "coordinator": "{link}",
    "centre": "/centre", "centre-map": "/centre/map", "wall": "/centre/wall",
    "centre-events": "/centre/events", "centre-event": "/centre/events/{event}",
    "centre-approvals": "/centre/approvals", "centre-dispatch": "/centre/dispatch",
    "centre-tasks": "/centre/tasks", "centre-task": "/centre/tasks/{task}",
    "centre-inbox": "/centre/inbox", "centre-sop": "/centre/sop", "centre-feeds": "/centre/feeds",
    "centre-places": "/centre/places", "centre-drills": "/centre/drills",
    "centre-audit": "/centre/audit",
}  # fmt: skip
PAINTED = """() => new Promise(done => {
  const at = kind => performance.getEntriesByType('paint').find(e => e.name === kind)?.startTime;
  let largest = 0;
  new PerformanceObserver(l => { for (const e of l.getEntries()) largest = e.startTime; })
    .observe({type: 'largest-contentful-paint', buffered: true});
  setTimeout(() => done([at('first-contentful-paint') ?? -1, largest]), 300);
})"""


@dataclass
class Figures:
    """Of one page, cold."""

    face: str
    scenario: str
    bytes: int = 0
    requests: int = 0
    first_ms: float = -1
    largest_ms: float = -1
    violations: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def line(self) -> str:
        said = "; ".join(self.violations + self.complaints)[:160]
        return (
            f"{self.scenario:13}{self.face:18}{self.bytes / 1000:8.1f} kB{self.requests:5}"
            f"{self.first_ms:8.0f}{self.largest_ms:8.0f}  axe {len(self.violations)}  {said}"
        )


def paths_of(place: Served) -> dict[str, str]:
    """Face -> its address here; a face that this scenario has nothing for is left out."""
    with place.engine.connect() as connection:
        task = connection.execute(select(tasks.c.task_id).order_by(tasks.c.level.desc())).first()
        first = connection.execute(
            select(warnings.c.event_id, warnings.c.body).order_by(warnings.c.level.desc())
        ).first()
    known = {
        "task": task[0] if task else "",
        "event": first.event_id if first else "",
        "village": next(iter(first.body["levels"]), "") if first else "",
        "link": _link_of(place, task[0]) if task else "",
    }
    found = {}
    for face, path in FACES.items():
        names = re.findall(r"\{(\w+)\}", path)
        if all(known[name] for name in names):
            found[face] = path.format(**known)
    return found


def _link_of(place: Served, task_id: str) -> str:
    """The page of whoever was asked for a task."""
    from kentongan.sealing import secrets_key
    from notify.tasks.links import link_token

    query = select(tasks.c.assigned_to, tasks.c.coordinator_id).where(tasks.c.task_id == task_id)
    with place.engine.connect() as connection:
        row = connection.execute(query).one()
    person = row.assigned_to or row.coordinator_id
    return (
        f"/t/{link_token(secrets_key(place.settings), person, at=place.clock())}" if person else ""
    )


def look_at(
    browser: Any, place: Served, face: str, path: str, scenario: str, *, phone: bool
) -> Figures:
    """Open a page cold, measure, judge, and take its pictures."""
    found = Figures(face, scenario)
    width, height = (360, 740) if phone else (1280, 800)
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="id-ID", timezone_id="Asia/Jakarta",
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.on("console", lambda said: said.type == "error" and found.complaints.append(said.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    wire = context.new_cdp_session(page)
    count(wire, found)
    if phone:
        slow(wire)
    page.goto(place.url + path, wait_until="load", timeout=90_000)
    found.first_ms, found.largest_ms = page.evaluate(PAINTED)
    ready = "() => document.documentElement.dataset.ready === 'yes'" if face in MAPS else None
    if ready and not _becomes(page, ready):
        found.complaints.append("not drawn after 120 s")
    elif not phone:
        found.violations = _axe(page)
        if not ready:
            keep(page, face, scenario)
    context.close()
    if ready and not phone:
        _keep_maps(browser, place.url + path, face, scenario, ready)
    return found


def _keep_maps(browser: Any, url: str, face: str, scenario: str, ready: str) -> None:
    """A map says once that it is drawn: so each size is a page of its own."""
    for width, height in HEIGHTS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(url)
        if _becomes(page, ready):
            keep(page, face, scenario, (width,))
        context.close()


def _becomes(page: Any, ready: str) -> bool:
    from playwright.sync_api import TimeoutError as TooLate

    try:
        page.wait_for_function(ready, timeout=120_000)
    except TooLate:
        return False
    return True


def count(wire: Any, found: Figures) -> None:
    def add(event: dict[str, Any]) -> None:
        found.bytes += int(event["encodedDataLength"])
        found.requests += 1

    wire.send("Network.enable")
    wire.on("Network.loadingFinished", add)


def slow(wire: Any) -> None:
    speed = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}
    wire.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    wire.send("Emulation.setCPUThrottlingRate", {"rate": 6})


def _axe(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{v['id']} ({len(v['nodes'])})" for v in found]


def all_figures(scenarios: list[str], *, phone: bool) -> Iterator[Figures]:
    from playwright.sync_api import sync_playwright

    base = Path(os.environ.get("SCENES") or tempfile.mkdtemp(prefix="kentongan-faces-"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        for name in scenarios:
            home = Path(tempfile.mkdtemp(dir=base)) / "home"
            with serve(scene(base, name), home, tiles=tiles(base)) as place:
                for face, path in paths_of(place).items():
                    yield look_at(browser, place, face, path, name, phone=phone)
        browser.close()


def main() -> None:
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    screens.WALLS = True
    print("scenario     face                 weight  reqs FCP ms  LCP ms")
    found = []
    for figures in all_figures(given or list(STEPS), phone="--phone" in sys.argv):
        print(figures.line(), flush=True)
        found.append(figures)
    broken = [one for one in found if one.violations or one.complaints]
    print(f"{len(found)} pages, {len(broken)} with violations of axe or errors in the console")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
