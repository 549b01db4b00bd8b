"""The site is built without a warning, asks no other host, every page is reached."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from kentongan.settings import Settings
from tests.docs.reading import DOCS, ROOT
from tests.faces.looking import accessible
from tests.faces.scenes import once, shared_folder

LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
NOT_PAGES = {"genindex.html", "search.html"}
A_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
OF_THE_THEME = ("aria-required-attr", "color-contrast", "landmark-unique")
"""Rules of axe that furo breaks on every page."""


class Page(HTMLParser):
    """What a page loads, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        self.loads += [v for n, v in values.items() if (tag, n) in LOADED and v]
        if tag == "a":
            self.links.append(values.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` builds it, once for all workers."""
    pytest.importorskip("sphinx")
    folder = shared_folder(tmp_path_factory, "docs")
    screens = once(folder / "screens", _pictures)
    return once(folder / "site", lambda part: _build(part, screens))


def _pictures(folder: Path) -> None:
    for width in (390, 1280, 3840):
        Image.new("RGB", (width, 10), "white").save(folder / f"front-flores-{width}.png")


def _build(out: Path, screens: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-b", "html", str(DOCS), str(out)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("KENTONGAN_")}
        | {"SCREENS_FOLDER": str(screens)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.fixture(scope="module")
def found(site: Path) -> dict[str, Page]:
    files = [f for f in site.rglob("*.html") if "_static" not in f.parts]
    return {str(f.relative_to(site)): Page(f.read_text(encoding="utf-8")) for f in files}


def test_nothing_is_loaded_from_elsewhere(site, found):
    outside = {n: [u for u in p.loads if urlsplit(u).netloc] for n, p in found.items()}
    assert {name: urls for name, urls in outside.items() if urls} == {}
    for sheet in site.rglob("*.css"):
        loaded = re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)", sheet.read_text("utf-8"))
        assert loaded == [], sheet.name
        assert "@import" not in sheet.read_text("utf-8"), sheet.name


def test_every_page_is_reached_from_the_index(found):
    seen, waiting = {"index.html"}, ["index.html"]
    while waiting:
        name = waiting.pop()
        for link in found[name].links:
            there = _there(name, link)
            if there in found and there not in seen:
                seen.add(there)
                waiting.append(there)
    assert set(found) - seen - NOT_PAGES == set()


def test_every_link_inside_leads_to_a_page_and_a_place_on_it(site, found):
    wrong = []
    for name, page in found.items():
        for link in page.links:
            there, part = _there(name, link), unquote(urlsplit(link).fragment)
            if there is None:
                continue
            if there not in found:
                wrong += [] if (site / there).is_file() else [f"{name}: {link}"]
            elif part and part not in found[there].ids:
                wrong.append(f"{name}: {link}")
    assert wrong == []


def _there(name: str, link: str) -> str | None:
    """The page that a relative link leads to; None: another host."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    if not parts.path:
        return name
    return os.path.normpath(Path(name).parent / unquote(parts.path))


def test_generated_pages_say_all(site):
    from cli_pages import commands, root

    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", text)
    for name, _ in commands(root()):
        assert f"{name}" in plain, name
    text = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    assert [n for n in Settings.model_fields if f"KENTONGAN_{n.upper()}" not in text] == []


def test_every_setting_has_a_meaning_or_a_name_that_says_it():
    from settings_pages import meanings

    silent = {name for name, said in meanings(Settings).items() if not said}
    plain = {"mode", "cap_sender_name", "cap_contact", "log_level", "http_timeout_s"}
    addresses = {name for name in silent if name.startswith("bmkg_") and name.endswith("_url")}
    assert silent <= plain | addresses | {"web_host", "web_port", "oidc_client_id"}


def test_tables_records_and_the_api_are_there(site):
    from kentongan.db import metadata

    tables = (site / "reference" / "tables.html").read_text(encoding="utf-8")
    assert [name for name in metadata.tables if f">{name}<" not in tables] == []
    records = (site / "reference" / "records.html").read_text(encoding="utf-8")
    assert "Bulletin" in records and "wzarea" in records
    alert = (site / "reference" / "cap-elements.html").read_text(encoding="utf-8")
    assert "Kentongan:evidence" in alert and "references" in alert
    body = (site / "reference" / "warning.html").read_text(encoding="utf-8")
    assert "AreaGroup" in body and "told_elsewhere" in body
    api = (site / "reference" / "api.html").read_text(encoding="utf-8")
    assert "GET /api/v1/warnings" in re.sub(r"<[^>]+>", "", api)


def test_pictures_are_shown_and_the_walls_size_is_linked(site, found):
    page = found["how-to/screens.html"]
    shown = [urlsplit(u).path.rsplit("/", 1)[1] for u in page.loads if "_images" in u]
    assert shown == ["front-flores-1280.png", "front-flores-390.png"]
    assert any(link.endswith("front-flores-3840.png") for link in page.links)
    text = (site / "how-to" / "screens.html").read_text(encoding="utf-8")
    assert re.search(r"Taken from \d{4}-\d\d-\d\d \d\d:\d\d to .* UTC", text)


def test_a_site_without_pictures_says_so(tmp_path, monkeypatch):
    from screen_pages import NONE, markdown, one

    monkeypatch.setenv("SCREENS_FOLDER", str(tmp_path))
    assert markdown() == NONE
    assert one("front-flores 390 The front page") == "*(The front page)*"
    (tmp_path / "front-flores-390.png").touch()
    assert one("front-flores 390 The front page").startswith("![The front page](")


def test_indonesian_pages_say_so_to_readers_of_screens(site):
    card = (site / "how-to" / "kartu-operasi.html").read_text(encoding="utf-8")
    assert re.search(r'<html[^>]* lang="id"', card)
    assert re.search(r'<html[^>]* lang="en"', (site / "index.html").read_text(encoding="utf-8"))


def test_the_card_fits_one_side_of_a4(site, browser, tmp_path):
    page = browser.new_page()
    page.goto((site / "how-to" / "kartu-operasi.html").as_uri())
    printed = page.pdf(path=tmp_path / "card.pdf", prefer_css_page_size=True)
    assert len(A_PAGE.findall(printed)) == 1
    accessible(page, but=OF_THE_THEME)
    page.close()


def test_pages_open_from_a_folder_and_ask_nobody(site, look):
    for name in ("index.html", "how-to/perwira-jaga.html", "reference/cli.html", "shaking.html"):
        seen = look((site / name).as_uri(), width=390, offline=True)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name
        assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
