"""Whatever is posted to a form of a decision changes nothing and breaks nothing."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.web.access.rules import RULES
from tests.console.centre.staff import OWN, WARNING, rows

POSTS = sorted(
    path
    for path, rule in RULES.items()
    if rule.write is not None and path.startswith(("/centre/approvals", "/centre/dispatch"))
)
FIELDS = ("isi", "kode", "alasan", "versi", "dibaca", "rute", "x")
TABLES = ("approvals", "warning_states", "releases", "switches", "warnings", "outbox")
TEXT = st.text(max_size=60) | st.sampled_from(
    ["0" * 64, "null", "[1,2,3,4]", "[[[[", "semua", "sms", "\x00", "%s%n", "1e999", "-1"]
)


def body(reading, path, fields):
    url = reading.place.url + path.replace("{warning_id}", WARNING)
    headers = {**OWN, "cookie": f"kentongan={reading.people['budi'].cookie}"}
    data = {name: text.encode("utf-8", "replace") for name, text in fields.items()}
    return httpx.post(url, data=data, headers=headers, timeout=60)


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    path=st.sampled_from(POSTS), fields=st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=6)
)
def test_no_form_breaks(reading, path, fields):
    before = [rows(reading.place.engine, table) for table in TABLES]
    answer = body(reading, path, fields)
    # An open switch that is opened, or a review of nothing, may be led on.
    assert answer.status_code in (303, 400, 403, 409, 422), (path, fields, answer.text[:300])
    assert [rows(reading.place.engine, table) for table in TABLES] == before


@pytest.mark.parametrize("path", POSTS)
def test_ten_megabytes_are_not_read(reading, path):
    headers = {**OWN, "cookie": f"kentongan={reading.people['budi'].cookie}"}
    url = reading.place.url + path.replace("{warning_id}", WARNING)

    def sent():
        yield b"isi="
        for _ in range(160):
            yield b"a" * 65_536

    form = {"content-type": "application/x-www-form-urlencoded"}
    try:
        status = httpx.post(
            url, content=sent(), headers={**headers, **form}, timeout=60
        ).status_code
    except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):
        status = 400  # it hung up while we still wrote
    assert status in (400, 413)
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        answer = httpx.post(url, content=b"isi=1", headers={**headers, "content-type": kind})
        assert answer.status_code == 400, kind


@settings(
    max_examples=20, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    page=st.sampled_from(["events", "approvals", "drills", "dispatch"]),
    query=st.dictionaries(
        st.sampled_from(["keadaan", "bahaya", "dari", "halaman", "malam", "tercatat"]),
        TEXT, max_size=4,
    ),
)  # fmt: skip
def test_no_address_breaks(reading, page, query):
    headers = {"cookie": f"kentongan={reading.people['dewi'].cookie}"}
    safe = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    answer = httpx.get(
        f"{reading.place.url}/centre/{page}", params=safe, headers=headers, timeout=60
    )
    assert answer.status_code in (200, 400, 404), (page, query)
    assert "<script>alert" not in answer.text
