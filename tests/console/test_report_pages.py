"""The report form and the operator's page over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from console.web.reports import BODY_BYTES
from kentongan.db import cases, inbound, reports
from kentongan.settings import Settings
from tests.console.test_signup_page import Served, served

TEXT = "banjir selutut \"'><script>alert(1)</script>{{7*7}}"
PLACE = "desa citeureup kec dayeuhkolot"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home: Path = tmp_path_factory.mktemp("reports")
    chosen = Settings(_env_file=None, home=home, sms_number="0811 1000 112")
    with served(chosen) as url:
        made = Served(home, url, chosen)
        yield made
        made.engine.dispose()


def post(site, path="/lapor", headers=SAME, **fields):
    return httpx.post(f"{site.url}{path}", data=fields, headers=headers, timeout=60)


def test_the_form_is_small_closed_and_needs_no_script(site):
    page = httpx.get(f"{site.url}/lapor")
    assert page.status_code == 200 and len(page.content) < 30_000
    assert "<script" not in page.text and "Telepon 112 sekarang" in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]


def test_a_report_is_stored_and_shown_without_its_text(site):
    sent = post(site, isi=TEXT, tempat=PLACE, nomor="0812 3456 7890")
    assert sent.status_code == 303
    page = httpx.get(site.url + sent.headers["location"])
    case = site.rows(cases)[-1]
    assert case["case_id"] in page.text and "Citeureup" in page.text and "diteruskan" in page.text
    assert "selutut" not in page.text and "<script" not in page.text
    row = site.rows(inbound)[-1]
    assert (row["route"], row["state"]) == ("web", "done") and "81234567890" not in str(dict(row))
    assert "Petugas akan membacanya" in httpx.get(f"{site.url}/lapor/r-guessed").text


def test_other_pages_programs_and_giants_get_nowhere(site):
    before = len(site.rows(reports))
    assert post(site, headers={"Sec-Fetch-Site": "cross-site"}, isi="banjir").status_code == 403
    assert post(site, headers={"Origin": "https://evil.example"}, isi="banjir").status_code == 403
    assert post(site, isi="").status_code == 422
    assert post(site, isi="x" * (BODY_BYTES + 1)).status_code == 400
    assert post(site, isi="banjir", nomor="abc").status_code == 422
    assert post(site, isi="banjir", situs="http://spam").status_code == 303
    assert len(site.rows(reports)) == before


def test_an_operator_enters_a_call_on_this_machine_alone(site):
    done = post(
        site, "/operator/lapor", petugas="Dewi", nomor="+999811", tempat=PLACE, jenis="danger",
        isi=TEXT,
    )  # fmt: skip
    assert done.status_code == 200 and "SAMBUNGKAN KE 112/BPBD" in done.text
    assert "<script" not in done.text and "&lt;script" in done.text
    seen = httpx.get(f"{site.url}/operator/lapor", params={"nomor": "+999811"}).text
    assert "1 laporan" in seen and "Kasus terbuka" in seen
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        assert httpx.get(f"{site.url}/operator/lapor", headers={name: "1"}).status_code == 303
    assert post(site, "/operator/lapor", headers={}, petugas="D", isi="x").status_code == 403
    assert post(site, "/operator/lapor", petugas="", isi="banjir").status_code == 422


def test_the_operators_page_wants_a_login_where_a_public_address_is_set(tmp_path):
    chosen = Settings(_env_file=None, home=tmp_path, public_url="https://lapor.example.org")
    with served(chosen) as url:
        assert httpx.get(f"{url}/operator/lapor").status_code == 303
        assert httpx.get(f"{url}/lapor").status_code == 200
