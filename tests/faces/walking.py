"""Every page and form of a served installation, found from the table of routes and by links.

A route that is added later is walked as well: nothing here names a page, but for what no page
links to.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from starlette.routing import compile_path

from console.web.access.rules import RULES
from tests.faces.scenes import Served

WEB = Path(__file__).parents[2] / "console" / "web"
STREAM = "/centre/stream"
"""Never ends; only its head is read."""
MOST = 2
"""Pages of one route that are looked at."""
FORM = "application/x-www-form-urlencoded"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
_PARAMETER = re.compile(r"\{\w+(?::\w+)?\}")
_READ_NAME = re.compile(r"""query_params\.get\(\s*["'](\w+)["']""")
_READ_FIELD = re.compile(r"""fields(?:\.get\(|\[)\s*["'](\w+)["']""")
_OUTSIDE_PAGES = {"/cap", "/static", "/vendor"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/html")


def ask(
    url: str,
    path: str,
    method: str = "GET",
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
    timeout: float = 30.0,
) -> Reply:
    """One request as it is written, with nothing put right by a client.

    Args:
        body: bytes, or an iterable of them, which goes without a stated length.
        source: address of this machine that asks; each has its own paces.
    """
    place = urlsplit(url)
    line = http.client.HTTPConnection(
        place.hostname or "", place.port or 80, timeout=timeout, source_address=(source, 0)
    )
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused early; the answer waits
            line.request(method, path, body=body, headers=dict(headers or {}))
        found = line.getresponse()
        told = {name.lower(): value for name, value in found.getheaders()}
        endless = told.get("content-type", "").startswith("text/event-stream")
        return Reply(found.status, told, b"" if endless else found.read())
    finally:
        line.close()


@dataclass
class Form:
    action: str
    method: str = "get"
    fields: dict[str, list[str]] = field(default_factory=dict)
    """Name -> values that the page offers."""


class Page(HTMLParser):
    """Links, live parts and forms of one page."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in had:
            self.links.append(urljoin(self.path, had["href"]))
        if "data-from" in had:
            self.links.append(urljoin(self.path, had["data-from"]))
        if tag == "form":
            action = urljoin(self.path, had.get("action", "") or self.path)
            self.forms.append(Form(action, had.get("method", "get").lower()))
        if tag in ("input", "textarea", "button", "select") and had.get("name"):
            self._put(had["name"], had.get("value", ""))
            self._select = had["name"] if tag == "select" else self._select
        if tag == "option" and self._select:
            self._put(self._select, had.get("value", ""))

    def _put(self, name: str, value: str) -> None:
        if self.forms:
            self.forms[-1].fields.setdefault(name, []).append(value)


@dataclass
class Walk:
    """What was found: addresses of each route that is read, forms of each that is posted to."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    html: set[str] = field(default_factory=set)
    """Addresses that answered with a whole page; parts of pages are seen in them."""
    forms: dict[str, list[Form]] = field(default_factory=dict)

    def names(self, rule: str) -> list[str]:
        """Fields that a route may read: of its own forms, else of all forms and of the code."""
        own = {name for form in self.forms.get(rule, []) for name in form.fields}
        return sorted(own or {n for found in self.forms.values() for f in found for n in f.fields}
                      | read_names(_READ_FIELD))  # fmt: skip


@cache
def read_names(pattern: re.Pattern[str] = _READ_NAME) -> frozenset[str]:
    """Names that the routes read of an address (or of a form), as the code has them."""
    texts = (path.read_text(encoding="utf-8") for path in WEB.rglob("*.py"))
    return frozenset(name for text in texts for name in pattern.findall(text))


@cache
def _patterns() -> list[tuple[Any, str]]:
    plain = sorted(RULES, key=lambda path: (len(_PARAMETER.findall(path)), -len(path)))
    return [(compile_path(path)[0], path) for path in plain]


def rule_of(path: str) -> str:
    """The line of the table that holds for an address; empty: none does."""
    bare = urlsplit(path).path
    return next((rule for pattern, rule in _patterns() if pattern.match(bare)), "")


def walk(place: Served, *, cookie: str = "") -> Walk:
    """Everything that is reached from the table and from what the tables hold."""
    from tests.faces.figures import paths_of  # which needs the browser's fixtures

    found = Walk()
    plain = [path for path, rule in RULES.items() if rule.read and "{" not in path]
    waiting = [*plain, *paths_of(place).values()]
    known = set(waiting)
    while waiting:
        path = waiting.pop(0)
        rule = rule_of(path)
        if not _is_wanted(path, rule, found):
            continue
        found.pages.setdefault(rule, []).append(path)
        for more in _read(place, path, found, cookie):
            if more not in known:
                known.add(more)
                waiting.append(more)
    return found


def _is_wanted(path: str, rule: str, found: Walk) -> bool:
    known = found.pages.get(rule, [])
    if not rule or not RULES[rule].read or len(known) >= MOST:
        return False
    return urlsplit(path).path not in {urlsplit(one).path for one in known}


def _read(place: Served, path: str, found: Walk, cookie: str) -> Iterable[str]:
    reply = ask(place.url, path, headers={"Cookie": cookie} if cookie else {})
    assert reply.status < 500, f"{path}: {reply.status} {reply.body[:200]!r}"
    if not reply.is_html or reply.status != 200:
        return []
    text = reply.body.decode("utf-8")
    if text.lstrip()[:9].lower() == "<!doctype":
        found.html.add(path)
    page = Page(path, text)
    for form in page.forms:
        rule = rule_of(form.action)
        if form.method == "post":
            assert rule, f"{path}: a form posts to {form.action}, which has no rule"
            found.forms.setdefault(rule, []).append(form)
    links = [link for link in page.links if link.startswith("/") and not link.startswith("//")]
    return [link.partition("#")[0] for link in links]


def query_names() -> list[str]:
    """Names that addresses carry."""
    return sorted(read_names())


def pairs_of(form: Form) -> list[tuple[str, str]]:
    """A form as it stands when nobody wrote anything."""
    return [(name, values[0]) for name, values in form.fields.items()]


def query_of(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query))
