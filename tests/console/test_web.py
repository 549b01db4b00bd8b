"""The web application over a real socket: empty, in the middle of an event, and attacked."""

from __future__ import annotations

import csv
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from console.templating import render
from console.web import create_app
from console.web.app import allowed_hosts
from console.web.pages import wants_json
from kentongan.settings import Settings
from kentongan.view import FeedLine

AFTER_THE_QUAKE = datetime(2022, 11, 21, 6, 30, tzinfo=UTC)
PAGES = ("/", "/warnings", "/tasks", "/feeds")


@contextmanager
def served(settings: Settings, clock: Callable[[], datetime]) -> Iterator[str]:
    """The application under uvicorn on a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(settings, clock=clock)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("empty")
    with served(Settings(home=home), lambda: AFTER_THE_QUAKE) as url:
        yield url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in the middle of the bundled scenario of Cianjur."""
    from ingest.play.feedserver import ScenarioServer
    from orchestration.context import open_context
    from orchestration.cycle import run_cycle
    from orchestration.scenarios import find

    home = tmp_path_factory.mktemp("cianjur")
    scenario = find("cianjur")
    with ScenarioServer(scenario) as server:
        settings = Settings(home=home).with_feed_server(server.url)
        with open_context(settings, live=False, re_creation=True) as context:
            for number, step in enumerate(scenario.steps[:2]):
                server.show(number)
                run_cycle(context, step.at)
    return home


@pytest.fixture(scope="module")
def event(home: Path) -> Iterator[str]:
    with served(Settings(home=home), lambda: AFTER_THE_QUAKE) as url:
        yield url


# --- an empty installation --------------------------------------------------------------


def test_health_of_an_empty_installation_is_degraded_not_ok(empty):
    answer = httpx.get(f"{empty}/health")
    assert answer.status_code == 200
    document = answer.json()
    assert (document["status"], document["database"]) == ("degraded", "ok")
    assert {feed["state"] for feed in document["feeds"]} <= {"unknown", "unconfigured"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "Ini bukan pernyataan aman"),
        ("/warnings", "Ini bukan pernyataan aman"),
        ("/warnings", "Belum ada feed yang pernah dibaca"),
        ("/feeds", "Kentongan belum tahu apa-apa"),
        ("/tasks", "Tidak ada tugas"),
        ("/map", "Ini bukan pernyataan aman"),
        ("/", "LATIHAN – bukan peringatan sungguhan"),
    ],
)
def test_empty_pages_never_say_that_all_is_safe(empty, path, text):
    answer = httpx.get(empty + path)
    assert answer.status_code == 200
    assert text in answer.text


def test_empty_lists_for_programs(empty):
    document = httpx.get(f"{empty}/warnings.json").json()
    assert document["warnings"] == []
    feeds = httpx.get(f"{empty}/feeds.json").json()["feeds"]
    expected = [f["source_id"] for f in feeds if f["state"] != "unconfigured"]
    assert document["blind_feeds"] == expected != []
    for folder in ("cap", "cap-exercise"):
        assert httpx.get(f"{empty}/{folder}/index.json").json()["alerts"] == []
        assert "<entry>" not in httpx.get(f"{empty}/{folder}/feed.atom").text


def test_an_unreachable_database_is_a_503_with_the_reason(tmp_path):
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}")
    with served(settings, lambda: AFTER_THE_QUAKE) as url:
        answer = httpx.get(f"{url}/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failed"
    assert "unable to open" in answer.json()["database"]


# --- in the middle of an event ----------------------------------------------------------


def test_the_warning_is_told_with_level_end_people_and_cap(event):
    text = httpx.get(f"{event}/warnings").text
    assert "Siaga" in text
    assert "Guncangan gempa" in text
    assert "orang terpapar" in text
    document = httpx.get(f"{event}/warnings.json").json()
    (warning,) = document["warnings"]
    assert (warning["level"], warning["state"], warning["cap_status"]) == (
        3,
        "released",
        "Exercise",
    )
    assert f"/cap-exercise/{warning['identifier']}.xml" in text


def test_a_warning_past_its_end_that_nobody_closed_stays_in_sight(home):
    with served(Settings(home=home), lambda: datetime(2022, 11, 22, tzinfo=UTC)) as url:
        assert "Lewat waktu sejak" in httpx.get(f"{url}/warnings").text


def test_cap_documents_are_served_byte_for_byte(event, home):
    (alert,) = httpx.get(f"{event}/cap-exercise/index.json").json()["alerts"]
    answer = httpx.get(event + alert["url"])
    assert answer.headers["content-type"] == "application/cap+xml"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == (home / "cap" / f"{alert['identifier']}.xml").read_bytes()
    assert httpx.head(event + alert["url"]).headers["content-length"] == str(len(answer.content))


def test_a_changed_cap_document_is_not_served(event, home):
    (alert,) = httpx.get(f"{event}/cap-exercise/index.json").json()["alerts"]
    path = home / "cap" / f"{alert['identifier']}.xml"
    original = path.read_bytes()
    path.write_bytes(original.replace(b"Exercise", b"Actual", 1))
    try:
        assert httpx.get(event + alert["url"]).status_code == 500
    finally:
        path.write_bytes(original)


def test_an_exercise_is_not_served_as_a_real_alert(event):
    (alert,) = httpx.get(f"{event}/cap-exercise/index.json").json()["alerts"]
    assert httpx.get(f"{event}/cap/{alert['identifier']}.xml").status_code == 404
    assert httpx.get(f"{event}/cap/index.json").json()["alerts"] == []
    assert alert["identifier"] not in httpx.get(f"{event}/cap/feed.atom").text
    assert "LATIHAN" in httpx.get(f"{event}/cap-exercise/feed.atom").text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("feed.atom", "application/atom+xml"),
        ("feed.rss", "application/rss+xml"),
        ("index.json", "application/json"),
    ],
)
def test_a_list_is_that_of_the_public_folder_and_is_not_sent_twice(event, home, name, media_type):
    url = f"{event}/cap-exercise/{name}"
    answer = httpx.get(url)
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.content == (home / "public-exercise" / "cap" / name).read_bytes()
    tag, changed = answer.headers["etag"], answer.headers["last-modified"]
    for header, value, status in (
        ("If-None-Match", tag, 304),
        ("If-None-Match", f'"other", W/{tag}', 304),
        ("If-None-Match", '"other"', 200),
        ("If-Modified-Since", changed, 304),
        ("If-Modified-Since", "Thu, 01 Jan 2015 00:00:00 GMT", 200),
        ("If-Modified-Since", "yesterday", 200),
    ):
        again = httpx.get(url, headers={header: value})
        assert again.status_code == status
        assert bool(again.content) == (status == 200)
        assert again.headers["etag"] == tag


@pytest.mark.parametrize(
    "path",
    [
        "/cap/..%2f..%2fkentongan.sqlite.xml",
        "/cap/%2e%2e/kentongan.sqlite.xml",
        "/cap/....//x.xml",
        "/cap/%00.xml",
        "/cap-exercise/..%2fkentongan.sqlite",
        "/cap/alive.json/..",
        "/public/cap/feed.atom",
        "/static/..%2ftemplates%2flayout.html",
        "/tasks/..%2f..%2fetc",
        "/nothing",
        "/docs",
        "/openapi.json",
    ],
)
def test_paths_lead_nowhere_else(event, path):
    with httpx.Client() as client:
        request = client.build_request("GET", event)
        request.url = httpx.URL(event).copy_with(raw_path=path.encode())
        assert client.send(request).status_code in (400, 404)


def test_each_coordinator_has_a_list_to_print_and_a_table(event):
    coordinators = httpx.get(f"{event}/tasks").text
    first = coordinators.split('href="/tasks/')[1].split('"')[0]
    page = httpx.get(f"{event}/tasks/{first}").text
    assert "BELUM TERTOLONG" in page
    answer = httpx.get(f"{event}/tasks/{first}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][0].startswith("LATIHAN")
    assert page.count('<td class="tick">') == len(rows) - 2


def test_an_unknown_coordinator_is_not_found(event):
    assert httpx.get(f"{event}/tasks/nobody").status_code == 404


def test_the_map_brings_its_own_policy(event):
    answer = httpx.get(f"{event}/map")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "Guncangan gempa" in answer.text


def test_feeds_are_json_for_who_asks_for_json(event):
    as_json = httpx.get(f"{event}/feeds", headers={"Accept": "application/json"})
    assert as_json.json() == httpx.get(f"{event}/feeds.json").json()
    assert httpx.get(f"{event}/feeds").headers["content-type"].startswith("text/html")


def test_health_knows_the_newest_poll(event):
    document = httpx.get(f"{event}/health").json()
    assert document["newest_poll"] == "2022-11-21T06:26:00Z"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", True),
        ("text/html,application/xhtml+xml,application/json;q=0.9", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_wants_json(accept, expected):
    assert wants_json(accept) is expected


# --- attacked ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/health", "/nothing", "/map"])
def test_every_answer_is_closed(event, path):
    headers = httpx.get(event + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers


def test_another_name_for_us_is_refused(event):
    assert httpx.get(event, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(event, method):
    assert httpx.request(method, f"{event}/warnings").status_code == 405


def test_an_installation_for_everybody_answers_to_every_name():
    assert allowed_hosts(Settings(web_host="0.0.0.0")) == ["*"]  # noqa: S104
    assert "evil.example" not in allowed_hosts(Settings())


def test_texts_from_outside_stay_text():
    hostile = "<script>alert(1)</script>"
    line = FeedLine("x", hostile, "down", None, None, detail=hostile)
    values: dict[str, Any] = {"at": AFTER_THE_QUAKE, "here": "/feeds", "banners": []}
    html = render("feeds.html", feeds=[line], blind=[line], never=False, pulse=[], **values)
    assert hostile not in html
    assert "&lt;script&gt;alert(1)" in html


# --- seen -------------------------------------------------------------------------------


def test_pages_are_clean_in_a_browser_and_fit_a_phone(event, visit):
    first = httpx.get(f"{event}/tasks").text.split('href="/tasks/')[1].split('"')[0]
    for path in (*PAGES, f"/tasks/{first}"):
        seen = visit(event + path, width=360)
        assert seen.complaints == [], path
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert {httpx.URL(url).host for url in seen.requests} == {"127.0.0.1"}


def test_the_served_map_works_under_its_policy(event, visit):
    seen = visit(f"{event}/map")
    seen.page.wait_for_selector("html[data-ready=yes]")
    assert seen.complaints == []


def test_a_style_is_kept_and_asked_for_by_its_tag(empty):
    first = httpx.get(f"{empty}/static/page.css")
    assert first.headers["cache-control"] == "no-cache"
    again = httpx.get(f"{empty}/static/page.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
