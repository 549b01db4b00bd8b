"""A coordinator's tasks as files behind their link, and written by the command; the page itself
under axe, by its weight, and on an emulated 2G telephone."""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
from sqlalchemy import func, insert, select, update
from typer.testing import CliRunner

from console.cli.app import app
from kentongan.db import task_steps, tasks
from kentongan.sealing import Keys
from notify.tasks.export import FORMATS, LARGEST
from notify.tasks.links import link_token
from risk.layers.layerset import load_layers
from tests.console.test_my_tasks import night, page  # noqa: F401 fixtures

WEIGHT = 40_000
"""Bytes of the page with everything that it loads."""
FIRST_CONTENT_MS = 2_000
PARTS = ("/static/page.css", "/static/my_tasks.js", "/static/icon.svg", "/t/sw.js")


def say(text):
    """A measured figure, for whoever runs the tests with -s."""
    sys.stdout.write(f"{text}\n")


def files_of(page, kind, token=None, **kwargs):  # noqa: F811
    return page.client.get(f"/t/{token or page.token}/tugas.{kind}", **kwargs)


def count_steps(page):  # noqa: F811
    with page.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(task_steps)).scalar_one()


def give_many(page, count=12):  # noqa: F811
    """So many tasks of the longest real names of villages, each with two ways."""
    villages = load_layers(page.settings.layers).villages
    longest = villages.loc[villages["name"].str.len().sort_values().index[::-1]]
    codes = [c for c in longest["adm4_code"] if c != page.task["adm4_code"]][:count]
    line = [[107 + n / 100, -6.8] for n in range(60)]
    leg = {"people": 420, "team_id": "t", "team": "Tagana Kabupaten Cianjur Regu 8 (sintetis)",
           "members": 10, "shelter_id": "s", "shelter": "Gedung Serba Guna " * 3, "way_min": 34.0,
           "line": line}  # fmt: skip
    body = {**page.task["body"], "legs": [leg, leg], "note": "Perlu 42 tim, 1 diminta " * 3,
            "deadline": "2022-11-21T12:00:00Z"}  # fmt: skip
    with page.engine.begin() as connection:
        connection.execute(
            update(tasks).where(tasks.c.coordinator_id == page.person)
            .values(coordinator_id="c-other", assigned_to="c-other")
        )  # fmt: skip
        values = dict(page.task)
        for number, code in enumerate(codes):
            row = {**values, "task_id": f"T9{number:05d}", "adm4_code": code, "body": body}
            connection.execute(insert(tasks).values(**row))
    return codes


def test_each_file_has_ones_own_tasks_alone(page):  # noqa: F811
    with page.engine.connect() as connection:
        rows = connection.execute(select(tasks.c.task_id, tasks.c.coordinator_id)).all()
    mine = {row.task_id for row in rows if row.coordinator_id == page.person}
    for kind, how in FORMATS.items():
        found = files_of(page, kind)
        assert found.status_code == 200 and 0 < len(found.content) <= LARGEST
        assert found.headers["content-type"] == how.media_type
        assert found.headers["content-disposition"] == f'attachment; filename="tugas.{kind}"'
        assert "no-store" in found.headers["cache-control"]
        assert found.headers["x-robots-tag"].startswith("noindex")
        assert b"+999" not in found.content
        if kind != "pdf":
            assert set(re.findall(r"\bT\d{6}\b", found.text)) == mine
    assert mine < {row.task_id for row in rows}


def test_loading_a_file_changes_nothing(page):  # noqa: F811
    before = count_steps(page)
    for kind in FORMATS:
        files_of(page, kind, headers={"User-Agent": "facebookexternalhit/1.1"})
        head = page.client.head(f"/t/{page.token}/tugas.{kind}")
        assert head.status_code in (200, 429) and head.content == b""
    shown = page.client.head(f"/t/{page.token}")
    assert shown.status_code in (200, 429) and shown.content == b""
    assert count_steps(page) == before and page.row()["state"] == "sent"
    for method in ("PUT", "DELETE", "PATCH"):
        found = page.client.request(method, f"/t/{page.token}/tugas.pdf")
        assert found.status_code == 405
    assert page.row()["state"] == "sent"


def test_bad_links_give_no_file(page):  # noqa: F811
    token = page.token
    forged = link_token(Keys((b"x" * 32,)), page.person, at=page.at)
    changed = ("A" if token[0] != "A" else "B") + token[1:]
    for bad in (forged, changed, token[:-1], token + "A", "A" * 26, "%00" * 8, "x" * 3_000):
        found = files_of(page, "pdf", bad)
        assert found.status_code in (400, 404, 414) and b"%PDF" not in found.content
    nobody = link_token(secrets(page), "c-nobody", at=page.at)
    assert files_of(page, "csv", nobody).status_code == 404
    page.at += timedelta(hours=72)
    assert files_of(page, "pdf").status_code == 410


def secrets(page):  # noqa: F811
    from kentongan.sealing import secrets_key

    return secrets_key(page.settings)


PATHS = (
    "tugas.pdf/", "tugas.PDF", "tugas.exe", "tugas.", "tugas", "../tugas.pdf", "tugas.pdf%00",
    "..%2f..%2fetc%2fpasswd", "tugas.pdf/../../../etc/passwd", "tugas.%70%64%66x",
    "tugas.csv%0d%0aSet-Cookie:a=b", "tugas.{kind}", "tugas.pdf;a=b",
)  # fmt: skip


def test_tricks_with_the_path_lead_nowhere(page):  # noqa: F811
    for path in PATHS:
        found = page.client.get(f"/t/{page.token}/{path}")
        assert found.status_code in (400, 404, 405, 307), path  # 307: to the same without its slash
        assert b"root:" not in found.content and b"%PDF" not in found.content
        assert "set-cookie" not in found.headers


def test_thousands_of_requests_are_bounded(page):  # noqa: F811
    """Of one link: some files, then 429, and nothing slower for anybody else."""
    start = time.perf_counter()

    def ask(number):
        with httpx.Client(base_url=page.url) as client:
            kinds = list(FORMATS)
            return [
                client.get(f"/t/{page.token}/tugas.{kinds[n % 5]}").status_code
                for n in range(number)
            ]

    with ThreadPoolExecutor(8) as pool:
        codes = [code for some in pool.map(ask, [250] * 8) for code in some]
    took = time.perf_counter() - start
    made = codes.count(200)
    say(f"2,000 requests in {took:.1f} s ({2000 / took:.0f}/s): {made} files, "
          f"{codes.count(429)} times 429, {codes.count(503)} times 503")  # fmt: skip
    assert set(codes) <= {200, 429, 503}
    assert made <= 30 + 10 * took  # what the pace lets through
    assert page.client.get("/health").status_code in (200, 503)


def test_files_are_made_a_few_at_once(page, monkeypatch):  # noqa: F811
    """Links of many people at once: no more than two files are in the making."""
    from console.web import my_tasks

    busy, most = [0], [0]
    whole = my_tasks.fitting

    def slow(kind, sheet):
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        time.sleep(0.05)
        try:
            return whole(kind, sheet)
        finally:
            busy[0] -= 1

    monkeypatch.setattr(my_tasks, "fitting", slow)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: files_of(page, "csv").status_code, range(8)))
    assert set(codes) <= {200, 429} and most[0] <= my_tasks.MAKERS


def test_the_page_offers_the_files_and_stays_light(page):  # noqa: F811
    codes = give_many(page)
    found = page.get()
    assert all(f"/t/{page.token}/tugas.{kind}" in found.text for kind in FORMATS)
    weight = len(found.content) + sum(len(page.client.get(path).content) for path in PARTS)
    say(f"12 tasks of the longest names, two ways each: page {len(found.content):,} bytes, "
          f"with all it loads {weight:,} bytes")  # fmt: skip
    assert found.text.count("<article") == len(codes) == 12 and weight < WEIGHT


def test_axe_finds_nothing_to_complain_of(page, browser):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    give_many(page)
    page.press("terima", task="T900000", fence=0)
    context = browser.new_context(viewport={"width": 360, "height": 640}, bypass_csp=True)
    shown = context.new_page()
    try:
        for path in (f"/t/{page.token}?t=T900000", "/t/" + "A" * 26):
            shown.goto(f"{page.url}{path}")
            found = Axe().run(shown)
            passed = len(found.response["passes"])
            say(f"axe {found.response['testEngine']['version']}: {found.violations_count} "
                  f"violations, {passed} rules passed")  # fmt: skip
            assert found.violations_count == 0, found.generate_report()
    finally:
        context.close()


def test_first_content_within_two_seconds_on_2g(page, browser):  # noqa: F811
    give_many(page)
    context = browser.new_context(viewport={"width": 360, "height": 640})
    shown = context.new_page()
    try:
        session = context.new_cdp_session(shown)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 400, "downloadThroughput": 50_000,
            "uploadThroughput": 50_000,
        })  # fmt: skip
        session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
        shown.goto(f"{page.url}/t/{page.token}", wait_until="load")
        shown.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length > 0"
        )
        first = shown.evaluate(
            "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        whole = shown.evaluate("() => performance.timing.loadEventEnd - "
                               "performance.timing.navigationStart")  # fmt: skip
        say(f"2G (400 ms, 50 kB/s), CPU 1/6: first content {first:.0f} ms, loaded {whole} ms")
        assert first < FIRST_CONTENT_MS
    finally:
        context.close()


def test_the_worker_in_the_phone_leaves_files_alone(page, browser):  # noqa: F811
    context = browser.new_context(accept_downloads=True)
    shown = context.new_page()
    try:
        shown.goto(f"{page.url}/t/{page.token}")
        shown.wait_for_function("() => navigator.serviceWorker.controller !== null")
        with shown.expect_download() as waiting:
            shown.get_by_role("link", name="PDF").click()
        assert waiting.value.suggested_filename == "tugas.pdf"
        assert waiting.value.path().read_bytes().startswith(b"%PDF-")
        kept = shown.evaluate(
            "async () => (await (await caches.open('my-tasks-1')).keys()).map(r => r.url)"
        )
        assert kept and not [url for url in kept if "tugas." in url]
    finally:
        context.close()


def test_the_command_writes_all_or_some(page, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("KENTONGAN_HOME", str(page.settings.home))

    def kentongan(*words):
        return CliRunner().invoke(app, list(words))

    warning = page.task["warning_id"]
    out = tmp_path / "new" / "out"
    done = kentongan("tasks", "files", warning, "--out", str(out), "--at", "2022-11-21T07:00:00Z")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("LATIHAN. BELUM TERTOLONG: ")
    assert sorted(p.suffix for p in out.iterdir()) == [".csv", ".geojson", ".gpx", ".kml", ".pdf"]
    before = {path: path.read_bytes() for path in out.iterdir()}
    kentongan("tasks", "files", warning, "--out", str(out), "--at", "2022-11-21T07:00:00Z")
    assert before == {path: path.read_bytes() for path in out.iterdir()}
    some = kentongan("tasks", "files", warning, "--out", str(out), "--json", "--format", "csv",
                     "--coordinator", page.person)  # fmt: skip
    said = json.loads(some.output)
    assert [page.person in one["path"] for one in said["files"]] == [True]
    for words in (("nope",), (warning, "--format", "doc"), (warning, "--coordinator", "nope")):
        assert kentongan("tasks", "files", *words).exit_code != 0
