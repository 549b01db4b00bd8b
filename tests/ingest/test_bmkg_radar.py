from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from ingest.keep import quarantine
from ingest.registry import SOURCES, configured
from ingest.run import poll
from kentongan.db import feed_log
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged, SourceDown
from kentongan.settings import Settings
from kentongan.types import FeedState, Outcome

AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
QUERY = "startTime=202611200625&endTime=202611200725&radar=JAK&product=CMAX"
PATH = f"/radar/v1/arsip?{QUERY}"
IMAGE = "https://api.bmkg.go.id/sidarma-mobile/arsip/JAK/20261120/CMAX/JAK-20261120-{}.png"
KEY = "k3y-of-the-radar"


def listing(*clocks, **changes):
    urls = [IMAGE.format(clock.replace(":", "")) for clock in clocks]
    times = [f"2026-11-20 {clock} UTC" for clock in clocks]
    return {"listURL": urls, "listTime": times, **changes}


@pytest.fixture
def read(read_context):
    def run(document, path=PATH):
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        return SOURCES["bmkg-radar"].read(payload, read_context("bmkg-radar", path))

    return run


def test_each_radar_of_the_settings_is_asked_for_the_last_hour():
    assert SOURCES["bmkg-radar"].paths(["JAK", "SBY"], AT) == [PATH, PATH.replace("JAK", "SBY")]
    assert Settings().bmkg_radars == ("JAK",)
    with pytest.raises(ValueError, match="pattern"):
        Settings(bmkg_radars=("JAK&x=1",))


def test_without_a_key_it_is_not_polled():
    assert "bmkg-radar" not in configured(Settings())
    assert "bmkg-radar" in configured(Settings(bmkg_radar_key=KEY))


def test_what_exists_is_recorded_and_not_followed(read):
    reading = read(listing("07:02", "07:10"))
    first, last = reading.records
    assert (first.kind, first.radar, first.product) == ("radar_scan", "JAK", "CMAX")
    assert last.scan_time == reading.document_time == datetime(2026, 11, 20, 7, 10, tzinfo=UTC)
    assert last.image_url == IMAGE.format("0710")
    assert reading.fields == ("listTime", "listURL")
    assert SOURCES["bmkg-radar"].links(b"", PATH) == ()


def test_lists_of_unequal_length_go_to_quarantine(read):
    document = listing("07:02", "07:10")
    document["listTime"].pop()
    reading = read(document)
    assert reading.records == ()
    assert "2 pictures and 1 times" in reading.rejected[0]


@pytest.mark.parametrize(
    "document",
    [
        {"listURL": ["https://api.bmkg.go.id/nodata.png"], "listTime": ["No Data"]},
        {"listURL": [], "listTime": []},
    ],
)
def test_an_hour_without_a_scan_is_not_an_hour_without_rain(read, document):
    with pytest.raises(NotPublishedYet, match="no scan"):
        read(document)


def test_no_data_beside_scans_is_left_out(read):
    document = listing("07:02")
    document["listURL"].append("https://api.bmkg.go.id/nodata.png")
    document["listTime"].append("No Data")
    reading = read(document)
    assert (len(reading.records), reading.rejected) == (1, ())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"status": 403, "message": "Forbidden"}, SourceBlocked),
        ({"status": "401"}, SourceBlocked),
        ({"status": 503, "message": "x"}, SourceDown),
        ({"status": 429}, SourceDown),
        ({"status": 400, "message": "bad radar"}, SourceChanged),
        ({}, SourceChanged),
        ([], SourceChanged),
        ({"listURL": "x", "listTime": []}, SourceChanged),
        ({"listURL": ["x"] * 500, "listTime": ["y"] * 500}, SourceChanged),
        (b"<html>Laman Diblokir", SourceBlocked),
        (b'{"listURL": [', SourceChanged),
    ],
)
def test_refusals_in_the_body_are_no_empty_list(read, body, error):
    with pytest.raises(error):
        read(body)


@pytest.mark.parametrize(
    ("url", "time", "reason"),
    [
        pytest.param(IMAGE.format("0710"), "2026-11-20 07:10 WIB", "expected the form", id="wib"),
        pytest.param(IMAGE.format("0710"), "2026-11-20 07:10", "expected the form", id="no-zone"),
        pytest.param(IMAGE.format("0702"), "2026-11-20 07:10 UTC", "but the picture", id="shifted"),
        pytest.param(
            IMAGE.format("0710").replace("JAK-", "SBY-"),
            "2026-11-20 07:10 UTC",
            "but the picture",
            id="another-radar",
        ),
        pytest.param(IMAGE.format("0910"), "2026-11-20 09:10 UTC", "after it was", id="future"),
        pytest.param(
            "https://evil.example/JAK-20261120-0710.png",
            "2026-11-20 07:10 UTC",
            "not at an address",
            id="another-host",
        ),
        pytest.param(
            IMAGE.format("0710").replace("https", "http"),
            "2026-11-20 07:10 UTC",
            "not at an address",
            id="http",
        ),
        pytest.param(None, "2026-11-20 07:10 UTC", "not at an address", id="no-text"),
    ],
)
def test_a_bad_scan_goes_to_quarantine_and_the_others_count(read, url, time, reason):
    document = listing("07:02")
    document["listURL"].append(url)
    document["listTime"].append(time)
    reading = read(document)
    assert len(reading.records) == 1
    assert reason in reading.rejected[0]


class _Archive(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.send_header("Location", getattr(self.server, "location", "/"))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        return


@pytest.fixture
def asked(make_context):
    """Polls with a key against a real server that keeps what it was asked; returns both."""
    with HTTPServer(("127.0.0.1", 0), _Archive) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.asked = []

        def make(body, status=200):
            server.body, server.status = body, status
            url = f"http://127.0.0.1:{server.server_port}"
            context = make_context(url, bmkg_radar_key=SecretStr(KEY))
            return context, poll("bmkg-radar", at=AT, context=context)

        make.server = server
        yield make
        server.shutdown()
        thread.join()


def everything(context, report):
    with context.engine.connect() as connection:
        rows = connection.execute(select(feed_log)).all()
    return f"{rows} {report} {report.to_json()}"


def test_the_key_travels_in_a_header_only(asked):
    asked(json.dumps(listing("07:10")).encode())
    ((path, headers),) = asked.server.asked
    assert path == PATH
    assert {k.lower(): v for k, v in headers.items()}["x-api-key"] == KEY


@pytest.mark.parametrize("status", [200, 403, 503])
def test_the_key_stands_in_no_log_address_or_error(asked, caplog, status):
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"status": 403, "message": "Forbidden"}).encode()
    context, report = asked(body, status)
    assert report.outcome is (Outcome.DOWN if status == 503 else Outcome.BLOCKED)
    assert KEY not in everything(context, report)
    assert KEY not in caplog.text
    assert KEY not in repr(context.settings)


def test_a_server_that_repeats_the_key_puts_it_nowhere_that_is_shown(asked):
    page = f"<html><body>denied: x-api-key {KEY}</body></html>".encode()
    context, report = asked(page, 200)
    with context.engine.connect() as connection:
        (entry,) = quarantine.listed(connection)
    assert "denied" in entry.sample
    assert KEY not in f"{entry} {everything(context, report)}"
    asked.server.location = f"https://elsewhere.example/?key={KEY}"
    context, report = asked(b"", 302)
    assert KEY not in everything(context, report)


def test_scans_are_fresh_and_a_silent_radar_is_down(asked):
    context, report = asked(json.dumps(listing("07:10", "07:18")).encode())
    assert (report.outcome, report.state, report.new_records) == (
        Outcome.NEW,
        FeedState.FRESH,
        2,
    )
    late = poll("bmkg-radar", at=AT + timedelta(hours=1), context=context)
    assert late.state is FeedState.FROZEN


def test_the_recorded_answer(samples, read_context):
    payload = (samples / "bmkg" / "radar" / "sidarma-arsip-JAK-2026-09-30.json").read_bytes()
    end = datetime(2026, 9, 30, 7, 10, tzinfo=UTC)
    context = read_context("bmkg-radar", PATH, received_at=end)
    reading = SOURCES["bmkg-radar"].read(payload, context)
    assert (len(reading.records), reading.rejected) == (9, ())
    times = [record.scan_time for record in reading.records]
    assert {b - a for a, b in pairwise(times)} == {timedelta(minutes=8)}
