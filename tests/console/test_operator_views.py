"""What an operator sees of each way in which a feed fails, against the feed server.

Run with `-s` to see the table, the map's line and the page's line of each case.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import unescape
from pathlib import Path

import pytest

from console.feed_table import feeds_report, overview
from console.templating import render
from ingest.play.feedserver import FeedServer, Payload
from ingest.run import IngestContext, poll
from kentongan.db import make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store
from orchestration.view import feed_lines

FEEDS = Path(__file__).parents[1] / "fixtures" / "feeds"
RSS, CAP = "/alerts/nowcast/id", "/alerts/nowcast/id/CJT20261120001_alert.xml"
NOW = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
M = timedelta(minutes=1)
BLOCK = b"<!DOCTYPE html><html><head><title>Laman Diblokir</title></head><body>#12</body></html>"


@dataclass
class Seen:
    """What stands on the terminal, on the map and on the page."""

    report: str
    map_line: str
    page_line: str


@pytest.fixture
def after(tmp_path, situation):
    """`after([(minute, {path: payload}), …], minute)`: poll at each minute, then look."""

    def play(steps, look, sources=("bmkg-nowcast",)):
        shown: dict[str, Payload] = {}
        with FeedServer(lambda path: shown.get(path)) as server:
            settings = Settings(home=tmp_path, sources=sources).with_feed_server(server.url)
            engine = make_engine(settings.resolved_database_url)
            migrate(engine)
            context = IngestContext(settings, engine, Store(str(tmp_path / "archive")))
            for minute, payloads in steps:
                shown.update(payloads)
                for source_id in sources:
                    poll(source_id, at=NOW + minute * M, context=context)
            seen = _look(engine, settings, NOW + look * M, situation)
            engine.dispose()
        sys.stdout.write(f"\n{seen.report}\n\nMap:  {seen.map_line}\nPage: {seen.page_line}\n")
        return seen

    return play


def _look(engine, settings, at, situation) -> Seen:
    from console.situation_map import page

    lines = feeds_report(overview(engine, at, settings)).splitlines()
    report = "\n".join(line for line in lines if not line.startswith("Not configured"))
    feeds = feed_lines(engine, at, settings)
    html = page(situation(0, feeds=feeds, at=at, unknown_areas=()))
    blind = re.search(r"Feed bermasalah.*?<ul>(.*?)</ul>", html, re.DOTALL)
    used = [line for line in feeds if line.state != "unconfigured"]
    values = {"at": at, "here": "/feeds", "banners": [], "pulse": [], "never": False}
    table = render("feeds.html", feeds=used, blind=used, **values)
    row = re.search(r"<tbody>(.*?)</tbody>", table, re.DOTALL)
    return Seen(report, _plain(blind), _plain(row))


def _plain(found) -> str:
    text = re.sub(r"<[^>]+>", " ", found.group(1)) if found else ""
    return " ".join(unescape(text).split())


def good(minute: float = 0) -> dict[str, Payload]:
    """The list rendered at that minute, and the document behind it."""
    text = (FEEDS / "nowcast-rss.xml").read_text(encoding="utf-8")
    built = format_datetime(NOW + (minute - 5) * M)
    text = text.replace("Fri, 20 Nov 2026 07:20:00 +0000", built)
    return {RSS: Payload(text.encode()), CAP: Payload((FEEDS / "nowcast-cap.xml").read_bytes())}


@pytest.mark.parametrize(
    ("page", "why"),
    [
        pytest.param(Payload(BLOCK, status=403), "HTTP 403, blocked; ask BMKG", id="403"),
        pytest.param(Payload(BLOCK), "an HTML page instead of data (Laman Diblokir)", id="200"),
    ],
)
def test_a_block_page(after, page, why):
    seen = after([(0, good()), (5, {RSS: page}), (30, {RSS: page})], 35)
    assert "0 of 1 feeds tell what they should" in seen.report
    assert (
        "! bmkg-nowcast: a firewall's page instead of data, BLIND since 14.30 WIB (30 min)"
        in seen.report
    )
    assert "not ended by it; not known is never safe" in seen.report
    assert why in seen.report
    assert seen.map_line.startswith(
        "Peringatan dini cuaca BMKG : diblokir, buta sejak 14.30 WIB (blind since)"
    )
    assert "diblokir (a firewall's page instead of data) 14.20 WIB (40 menit)" in seen.page_line
    assert "In quarantine: bmkg-nowcast" in seen.report


def test_a_503(after):
    dead = {RSS: Payload(status=503)}
    seen = after([(0, good()), (5, dead), (30, dead), (60, dead)], 61)
    assert "bmkg-nowcast: no answer, BLIND since 14.30 WIB (56 min)" in seen.report
    assert "HTTP 503, the server cannot answer now" in seen.report
    assert seen.map_line.startswith("Peringatan dini cuaca BMKG : mati, buta sejak 14.30 WIB")
    assert "In quarantine" not in seen.report, "nothing came that could be read again"


def test_a_frozen_feed_that_answers_with_the_same_bytes_for_hours(after):
    same = good()
    seen = after([(minute, same) for minute in (0, 60, 120, 180, 240)], 240)
    assert "frozen: answers, but nothing new, BLIND since 14.20 WIB (4 h)" in seen.report
    assert "14.30 WIB (over by 3 h)" in seen.report
    assert "its content stands still since 2026-11-20T07:20:00Z" in seen.report
    assert seen.map_line.startswith("Peringatan dini cuaca BMKG : membeku, buta sejak 14.20 WIB")


def test_an_expired_warning_that_is_still_listed(after):
    """The list is rendered anew, so the feed lives; what it lists is over, and that is said."""
    seen = after([(0, good()), (300, good(300))], 300)
    assert "1 of 1 feeds tell what they should" in seen.report
    assert "2 of 2 listed warnings ended by 2026-11-20T" in seen.report
    assert seen.map_line == "", "no trouble: a warning that ended is no blindness"


def test_one_frozen_file_among_fresh_ones(after):
    """Of three files of quakes one is blocked: the source sees, and the row below says what not."""
    base = "/DataMKG/TEWS/"
    files = {
        f"{base}{name}.json": Payload((FEEDS / f"{name}.json").read_bytes())
        for name in ("autogempa", "gempaterkini", "gempadirasakan")
    }
    blocked = {f"{base}gempadirasakan.json": Payload(BLOCK)}
    seen = after([(0, files), (3, blocked), (10, {})], 10, ("bmkg-quakes",))
    assert "0 of 1 feeds tell what they should" in seen.report
    assert (
        "! bmkg-quakes: partly blind: gempadirasakan.json blocked, BLIND since 14.28 WIB (7 min)"
        in seen.report
    )
    assert re.search(r"^~ +bmkg-quakes +fresh ", seen.report, re.MULTILINE)
    assert re.search(r"^! +- gempadirasakan.json +blocked ", seen.report, re.MULTILINE)
    assert "sebagian buta: gempadirasakan.json diblokir, buta sejak 14.28 WIB" in seen.map_line
    assert "↳ gempadirasakan.json diblokir" in seen.page_line


def test_back_again(after):
    dead = {RSS: Payload(status=503)}
    seen = after([(0, good()), (5, dead), (10, good(10))], 11)
    assert "1 of 1 feeds tell what they should" in seen.report
    assert "BLIND" not in seen.report
    assert seen.map_line == ""
