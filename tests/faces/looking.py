"""What a browser said while a page was open, and whether everybody can use the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOUD = {"error", "warning"}
NOISE = "GPU stall due to ReadPixels"
"""The driver of software rendering says so when it is late; no page can do anything about it."""
OF_THIS_MACHINE = {"127.0.0.1", "localhost"}


@dataclass
class Seen:
    """An open page with what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def watch(page: Page) -> Seen:
    """Note from now on what this page asks for and complains of."""
    seen = Seen(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda said: _heard(seen, said.type, said.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    return seen


def _heard(seen: Seen, kind: str, text: str) -> None:
    if kind in LOUD and NOISE not in text:
        seen.complaints.append(text)


def only_ours(requests: list[str]) -> list[str]:
    """Those that would have left this machine; none is right."""
    found = [url for url in requests if urlsplit(url).scheme in {"http", "https", "ws", "wss"}]
    return [url for url in found if urlsplit(url).hostname not in OF_THIS_MACHINE]


def accessible(page: Page, *, but: tuple[str, ...] = ()) -> None:
    """Assert that axe finds nothing; `but` names rules that a test answers for."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    said = [
        f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes'][:3]]}"
        for v in found
        if v["id"] not in but
    ]
    assert said == [], "\n".join(said)
