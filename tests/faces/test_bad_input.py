"""Anything sent to any route: no answer is a failure of ours, none takes long, none fills memory.

Driven by the table of routes. `BAD_INPUT_EXAMPLES=200 pytest tests/faces/test_bad_input.py` asks
each route more often than the suite does.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.web import forms
from console.web.access.rules import RULES
from tests.faces.scenes import Scene, Served, serve
from tests.faces.walking import FORM, OWN_PAGE, Walk, ask, query_names
from tests.peers.postgres import Server

EXAMPLES = int(os.environ.get("BAD_INPUT_EXAMPLES", "5"))
POSTED = sorted(path for path, rule in RULES.items() if rule.write is not None)
READ = sorted(path for path, rule in RULES.items() if rule.read is not None)
HOSTILE = (
    "<script>window.ran=1</script>", "{{7*7}}", '"><img src=x onerror=window.ran=1>',
    "javascript:window.ran=1", "=1+1", "\x00", "\ud800", "\u202egnik", "\u200b\u200d\ufeff",
    "x" * 10_000, "../../etc/passwd", "%", "%s%n", "' OR 1=1 --", "9" * 400, "-1", "NaN", "1e999",
    "0000-00-00T99:99", "9999-12-31T23:59:59Z", "\r\nSet-Cookie: a=b", "٣", "²", "\n",
)  # fmt: skip
TYPES = (FORM, "multipart/form-data; boundary=b", "application/json")
MB = 1024 * 1024
QUICK_S = 5.0
"""On a machine that also runs the other tests; alone it takes a tenth of it."""

hostile = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(), max_size=60), st.text(max_size=12)
)
bounded = settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture
def place(hostile: Served) -> Served:
    return hostile


@pytest.fixture
def walked(hostile_walk: Walk) -> Walk:
    return hostile_walk


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def as_form(fields: list[tuple[str, str]]) -> bytes:
    """Percent-encoded, with half characters as they are."""
    pairs = (f"{quote_from_bytes(as_bytes(n))}={quote_from_bytes(as_bytes(v))}" for n, v in fields)
    return "&".join(pairs).encode()


def filled(path: str, pieces: Callable[[], str]) -> str:
    """An address of a route, each of its parameters replaced."""
    return re.sub(r"\{\w+\}", lambda _: quote_from_bytes(as_bytes(pieces()), safe="") or "x", path)


def test_the_walk_finds_pages_and_forms(walked: Walk) -> None:
    assert len(walked.html) > 40 and len(walked.forms) >= 12
    assert walked.names("/lapor") == ["isi", "nomor", "situs", "tempat"]
    assert {"waktu", "urut", "wilayah"} & set(query_names())


@pytest.mark.parametrize("path", POSTED)
def test_no_post_breaks_a_route(path: str, place: Served, walked: Walk) -> None:
    names = walked.names(path)
    actions = [urlsplit(form.action).path for form in walked.forms.get(path, [])]

    @bounded
    @given(data=st.data())
    def one(data: st.DataObject) -> None:
        draw = data.draw
        known = bool(actions) and draw(st.booleans())
        where = draw(st.sampled_from(actions)) if known else filled(path, lambda: draw(hostile))
        fields = draw(st.lists(st.tuples(st.sampled_from(names) | hostile, hostile), max_size=14))
        kind = draw(st.sampled_from((FORM, FORM, FORM, *TYPES, "text/plain", "\xff")))
        body = as_form(fields) if draw(st.integers(0, 4)) else draw(st.binary(max_size=200))
        if kind == TYPES[2]:
            body = draw(_json(names))
        source = f"127.0.{draw(st.integers(0, 255))}.{draw(st.integers(1, 254))}"
        head = {**OWN_PAGE, "Content-Type": kind}
        reply = ask(place.url, where, "POST", body=body, headers=head, source=source)
        assert reply.status < 500, (where, fields, kind, reply.body[:300])

    one()


def _json(names: list[str]) -> st.SearchStrategy[bytes]:
    import json

    more = ("endpoint", "keys", "p256dh", "auth", "area", "consent", "subscription", "once", "text",
            "place", "number", "trap", "old")  # fmt: skip
    leaf = hostile | st.integers() | st.floats() | st.none() | st.booleans()
    tree = st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*names, *more]), inner, max_size=6), max_leaves=12,
    )  # fmt: skip
    named = st.dictionaries(st.sampled_from([*names, *more]), tree, max_size=8)
    return (named | tree).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("path", READ)
def test_no_address_breaks_a_route(path: str, place: Served, walked: Walk) -> None:
    known = [urlsplit(one).path for one in walked.pages.get(path, [])]

    @bounded
    @given(data=st.data())
    def one(data: st.DataObject) -> None:
        draw = data.draw
        real = bool(known) and draw(st.booleans())
        where = draw(st.sampled_from(known)) if real else filled(path, lambda: draw(hostile))
        names = st.sampled_from(query_names()) | hostile
        pairs = draw(st.lists(st.tuples(names, hostile.filter(_fits)), max_size=6))
        head = draw(st.dictionaries(st.sampled_from(HEADERS), header, max_size=3))
        source = f"127.1.{draw(st.integers(0, 255))}.{draw(st.integers(1, 254))}"
        query = as_form(pairs).decode("ascii")[:20_000]
        found = ask(place.url, f"{where}?{query}"[:60_000], headers=head, source=source)
        assert found.status < 500, (where, query, head, found.body[:300])

    one()


HEADERS = (
    "Cookie", "If-None-Match", "If-Modified-Since", "Last-Event-ID", "Accept-Encoding", "Range",
    "Accept-Language", "User-Agent", "Authorization", "Sec-Fetch-Dest", "Origin",
)  # fmt: skip
header = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"),
            max_size=60),
    st.sampled_from(["kentongan=x", "__Host-kentongan=" + "A" * 43, "Sun, 99 Foo 9999", "bytes=9-1",
                     "Mon, 01 Jan 0001 00:00:00 +9999", "gzip;q=x", "*;q=0", "1-2-3", "\xff" * 40]),
)  # fmt: skip


def _fits(text: str) -> bool:
    return len(text) < 3_000


@pytest.mark.parametrize("path", POSTED)
def test_ten_megabytes_are_refused_at_once(path: str, place: Served, walked: Walk) -> None:
    forms_of = walked.forms.get(path, [])
    where = urlsplit(forms_of[0].action).path if forms_of else filled(path, lambda: "x")
    block = b"a=" + b"x" * (64 * 1024 - 2)
    before = _peak_mb(reset=True)
    for kind in TYPES:
        begun = time.monotonic()
        body = iter([block] * 160)
        reply = ask(place.url, where, "POST", body=body, headers={**OWN_PAGE, "Content-Type": kind})
        assert 400 <= reply.status < 500 or _reads_nothing(path, reply.status), (kind, reply)
        assert time.monotonic() - begun < QUICK_S
    assert _peak_mb() - before < 8


def _reads_nothing(path: str, status: int) -> bool:
    """A route whose form has no field does not look at what is sent."""
    return path in {"/keluar", "/centre/audit/verify"} and status in (200, 303)


def _peak_mb(*, reset: bool = False) -> float:
    """The most memory that this process, which is also the server's, held since the reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    told = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", told)[0]) / 1024


def test_who_drips_a_form_holds_nobody_up(
    place: Served, walked: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty senders of a byte each half second; pages and forms of others answer meanwhile."""
    monkeypatch.setattr(forms, "READ_S", 2.0)
    paths = [filled(path, lambda: "x") for path in POSTED if not path.startswith("/keluar")]
    lines = [_begin(place.url, paths[number % len(paths)]) for number in range(60)]
    try:
        slowest = max(_took(place, "/health"), _took(place, "/centre"), _took(place, "/lapor"))
        for _ in range(5):
            for line in lines:
                with suppress(OSError):  # already refused
                    line.send(b"a")
            slowest = max(slowest, _took(place, "/lapor"))
            time.sleep(0.5)
        for line in lines:
            line.settimeout(QUICK_S)
            assert re.match(rb"HTTP/1.1 4\d\d ", line.recv(64))
    finally:
        for line in lines:
            line.close()
    assert slowest < QUICK_S


def _begin(url: str, path: str) -> socket.socket:
    where = urlsplit(url)
    line = socket.create_connection((where.hostname or "", where.port or 80), timeout=QUICK_S)
    kind = TYPES[2] if path.startswith("/app/") else FORM
    line.sendall(
        f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 900\r\n\r\n".encode()
    )
    return line


def _took(place: Served, path: str) -> float:
    begun = time.monotonic()
    assert ask(place.url, path).status == 200
    return time.monotonic() - begun


@pytest.mark.parametrize("stated", ["-5", "1e3", "²", "9" * 30, "12, 12", "x"])
def test_a_length_that_is_none_is_refused(stated: str, place: Served) -> None:
    head = {**OWN_PAGE, "Content-Type": FORM, "Content-Length": stated.encode("latin-1", "replace")}
    found = ask(place.url, "/lapor", "POST", body=b"isi=halo", headers=head, timeout=QUICK_S)
    assert 400 <= found.status < 500


def test_a_field_that_comes_twice_is_the_last_one(place: Served) -> None:
    head = {**OWN_PAGE, "Content-Type": FORM}
    empty = ask(place.url, "/lapor", "POST", body=b"isi=banjir&isi=", headers=head)
    many = ask(place.url, "/lapor", "POST", body=b"&".join([b"isi=a"] * 500), headers=head)
    assert (empty.status, many.status) == (422, 400)


@pytest.fixture(scope="module")
def strict(
    postgres: Server, scene_of: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """An installation on PostgreSQL, which refuses NUL and numbers that SQLite takes."""
    home = tmp_path_factory.mktemp("strict") / "home"
    with serve(scene_of("empty"), home, database_url=postgres.url(postgres._create())) as found:
        yield found


@pytest.mark.parametrize("piece", ["a\x00b", "9" * 30])
def test_what_a_strict_database_refuses_never_reaches_it(
    piece: str, strict: Served, walked: Walk
) -> None:
    query = as_form([(name, piece) for name in query_names()]).decode("ascii")
    for path, rule in RULES.items():
        for where in {filled(path, lambda: piece), f"{filled(path, lambda: 'x')}?{query}"}:
            if rule.read is not None:
                found = ask(strict.url, where)
                assert found.status < 500, (where, found.body[:300])
        if rule.write is not None:
            body = as_form([(name, piece) for name in walked.names(path)][:14])
            head = {**OWN_PAGE, "Content-Type": FORM}
            found = ask(strict.url, filled(path, lambda: "1"), "POST", body=body, headers=head)
            assert found.status < 500, (path, found.body[:300])
