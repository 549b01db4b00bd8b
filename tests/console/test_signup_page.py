"""The sign-up page over a real socket: small, closed, and of no use to a stranger."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from console.web import create_app, signup
from console.web.hooks import Bucket
from console.web.signup import Paces
from kentongan.db import audit, limits, make_engine, recipients, sign_ups
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from notify.registry.commands import handle
from notify.registry.places import Places
from notify.registry.policy import registry_policy
from notify.registry.web import network_of
from risk.layers.layerset import load_layers

CLOCK = [datetime(2026, 11, 22, 9, tzinfo=UTC)]
CITEUREUP = "32.04.12.2006"
FIELDS = {"kode": CITEUREUP, "nomor": "0812-3456-7890", "setuju": "ya", "situs": "",
          "teks": "warga-id-2026-11", "bahasa": "id", "desa": "citeureup dayeuhkolot"}  # fmt: skip
HOSTILE = "\"'><script>alert(1)</script>{{7*7}}"


class Served:
    def __init__(self, home: Path, url: str, settings_: Settings) -> None:
        self.home, self.url, self.settings = home, url, settings_
        self.engine = make_engine(settings_.resolved_database_url)
        migrate(self.engine)

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).mappings().all()


@contextmanager
def served(chosen: Settings) -> Iterator[str]:
    """The application under uvicorn on a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(chosen, clock=lambda: CLOCK[0])
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
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("signup")
    chosen = Settings(_env_file=None, home=home, sms_number="0811 1000 112")
    with served(chosen) as url:
        made = Served(home, url, chosen)
        yield made
        made.engine.dispose()


@pytest.fixture(autouse=True)
def _another_hour() -> None:
    """Limits of one test do not meet those of the next."""
    CLOCK[0] += timedelta(days=1)


def get(site, **query):
    time.sleep(0.25)  # the pace of searches is of the real clock
    return httpx.get(f"{site.url}/daftar", params=query, timeout=60)


def post(site, headers=None, **changed):
    fields = {k: v for k, v in {**FIELDS, **changed}.items() if v is not None}
    return httpx.post(f"{site.url}/daftar", data=fields, headers=headers, timeout=60)


def test_the_form_is_small_closed_and_needs_no_script(site):
    for page in (get(site), get(site, desa="citerep dayeuhkolot"), get(site, desa="99085")):
        assert page.status_code == 200 and len(page.content) < 30_000
        assert "<script" not in page.text and 'lang="id"' in page.text
        policy = page.headers["content-security-policy"]
        assert "form-action 'self'" in policy and "default-src 'none'" in policy
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
    elsewhere = httpx.get(f"{site.url}/warnings").headers["content-security-policy"]
    assert "form-action 'none'" in elsewhere


def test_the_search_forgives_and_shows_the_text_that_is_agreed_to(site):
    page = get(site, desa="desa citerep, kec dayeuh kolot").text
    assert f'value="{CITEUREUP}" checked' in page
    assert 'name="teks" value="warga-id-2026-11"' in page and "(warga-id-2026-11)" in page
    assert "Saya setuju nomor HP dan desa saya disimpan" in page
    assert "Tidak ada desa yang cocok" in get(site, desa="qqqq").text


def test_nobody_is_registered_before_their_phone_has_spoken(site):
    kept = post(site)
    assert kept.status_code == 200 and "belum terdaftar" in kept.text
    assert "62812****890" in kept.text and "81234567890" not in kept.text
    code = re.search(r"DAFTAR (\d{3} \d{3})", kept.text)[1]
    [waits] = site.rows(sign_ups)
    assert site.rows(recipients) == [] and site.rows(audit) == []
    assert "81234567890" not in str(dict(waits)) and code.replace(" ", "") not in str(dict(waits))

    keys = secrets_key(site.settings)
    places = Places.of(load_layers().villages)
    send = lambda sender: handle(  # noqa: E731
        site.engine, keys, sender, f"daftar {code}", CLOCK[0], places
    )
    assert "Kode tidak cocok" in send("081234567891").text and site.rows(recipients) == []
    assert "Citeureup" in send("081234567890").text
    [person] = site.rows(recipients)
    assert (person["adm4_code"], person["active"], person["by_push"]) == (CITEUREUP, True, False)


def test_the_answer_tells_nothing_of_who_is_registered(site):
    known, unknown = post(site).text, post(site, nomor="081234567899").text
    blank = lambda page: re.sub(r"\d{3} \d{3}|62812\*\*\*\*\d{3}", "", page)  # noqa: E731
    assert blank(known) == blank(unknown)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"nomor": ""}, "Isi nomor HP"),
        ({"nomor": "0213456789"}, "telepon rumah"),
        ({"nomor": "+6591234567"}, "Hanya nomor Indonesia"),
        ({"nomor": "+999750207200111"}, "bukan nomor HP"),
        ({"nomor": "=cmd|' /C calc'!A0"}, "bukan nomor HP"),
        ({"setuju": None}, "Centang persetujuan"),
        ({"teks": "warga-id-1999-01"}, "Centang persetujuan"),
        ({"teks": "push-id-2026-11"}, "Centang persetujuan"),
        ({"kode": "99.99.99.9999"}, "Pilih desa"),
        ({"kode": None}, "Pilih desa"),
        ({"bahasa": "xx"}, "Pilih desa"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_kept(site, changed, told):
    before = len(site.rows(sign_ups))
    page = post(site, **changed)
    assert page.status_code == 422 and told in unescape(page.text)
    assert len(site.rows(sign_ups)) == before


def test_a_program_that_fills_every_field_believes_that_it_worked(site):
    before = len(site.rows(sign_ups))
    assert "belum terdaftar" in post(site, situs="http://spam.invalid").text
    assert len(site.rows(sign_ups)) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),
        ({"origin": "https://evil.invalid"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://[::1"}, 403),
        ({"origin": "https://kentongan.example.invalid"}, 200),
        ({}, 200),
    ],
)
def test_pages_of_others_cannot_post(site, headers, status):
    page = post(site, headers=headers)
    assert page.status_code == status
    assert status == 200 or "form-action 'none'" in page.headers["content-security-policy"]


def test_our_own_origin_may_post(site):
    assert post(site, headers={"origin": site.url}).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * 5_000, "application/x-www-form-urlencoded"),
        (urlencode(FIELDS).encode(), "text/plain"),
        (urlencode(FIELDS).encode(), "multipart/form-data; boundary=x"),
        (b"a=1&" * 50, "application/x-www-form-urlencoded"),
        (b"nomor=\xff\xfe", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_of_ours_is_refused(site, body, kind):
    page = httpx.post(f"{site.url}/daftar", content=body, headers={"content-type": kind})
    assert page.status_code == 400


def test_hostile_text_comes_back_as_text(site):
    page = get(site, desa=HOSTILE)
    assert page.status_code == 200 and "<script>alert" not in page.text and "49" not in page.text
    again = post(site, desa=HOSTILE, nomor=HOSTILE, kode=HOSTILE, bahasa=HOSTILE, teks=HOSTILE)
    assert again.status_code == 422 and "<script>alert" not in again.text


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=80), st.text(max_size=60))
def test_any_text_in_any_field_is_answered(site, place, number):
    page = post(site, desa=place, kode=place, nomor=number)
    assert page.status_code in (422, 429) and page.headers["content-type"].startswith("text/html")


def test_one_number_and_one_address_are_limited(site):
    rules = registry_policy().web
    codes = [post(site).status_code for _ in range(rules.per_number_per_day + 1)]
    assert codes == [200] * rules.per_number_per_day + [429]
    numbers = [f"08123456{n:04d}" for n in range(rules.per_address_per_hour)]
    assert [post(site, nomor=n).status_code for n in numbers][-1] == 429
    assert {len(row["who"]) for row in site.rows(limits) if row["who"] != "all"} == {64}


def test_searches_of_one_address_have_a_pace(site, monkeypatch):
    monkeypatch.setattr(signup, "Bucket", partial(Bucket, steady=lambda: 0.0))
    found = [httpx.get(f"{site.url}/daftar", params={"desa": "x"}).status_code for _ in range(12)]
    assert 429 in found and found[0] == 200
    assert httpx.get(f"{site.url}/daftar").status_code == 200
    paces = Paces()
    for n in range(5_000):
        paces.takes(f"10.0.{n // 250}.{n % 250}")
    assert len(paces._known) <= 4_096


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("", "unknown"),
    ],
)
def test_who_shares_a_limit(address, network):
    assert network_of(address) == network


def test_without_a_number_for_sms_the_page_says_that_somebody_must_call(tmp_path):
    with served(Settings(_env_file=None, home=tmp_path)) as url:
        page = httpx.post(f"{url}/daftar", data=FIELDS, timeout=60)
    assert page.status_code == 200 and "akan menelepon" in page.text
    assert re.search(r"DAFTAR \d{3}", page.text) is None
