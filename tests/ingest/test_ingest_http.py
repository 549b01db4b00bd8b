"""The client against real peers on loopback that misbehave."""

from __future__ import annotations

import gzip
import time

import pytest

from ingest.wire.http import PoliteClient, require_data
from ingest.wire.rate import RateLimiter
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged, SourceDown


@pytest.fixture
def client():
    with PoliteClient(timeout_s=2, max_bytes=1_000_000, contact="ops@example.org") as http:
        yield http


def answer(status="200 OK", body=b"{}", headers=""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def get(client, url):
    return require_data(client.get(url))


def test_says_plainly_who_asks(client, raw_server):
    from ingest.wire.http import user_agent

    assert user_agent("ops@example.org").startswith("Kentongan/")
    assert user_agent("ops@example.org").endswith(" (+ops@example.org)")
    assert get(client, raw_server(answer())) == b"{}"


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        ("403 Forbidden", SourceBlocked, "blocked"),
        ("404 Not Found", NotPublishedYet, "nothing is published"),
        ("503 Unavailable", SourceDown, "503"),
        ("429 Too Many", SourceDown, "429"),
        ("204 No Content", SourceChanged, "expected HTTP 200"),
    ],
)
def test_status(client, raw_server, status, error, says):
    with pytest.raises(error, match=says):
        get(client, raw_server(answer(status)))


def test_a_block_page_with_status_200(client, raw_server):
    page = "<!DOCTYPE html><title>Laman Diblokir</title>".encode("utf-16")
    with pytest.raises(SourceBlocked, match="Laman Diblokir"):
        get(client, raw_server(answer(body=page)))


def test_a_redirect_to_another_host_is_refused_by_name(client, raw_server):
    url = raw_server(answer("302 Found", headers="Location: https://evil.example/x\r\n"))
    with pytest.raises(SourceChanged, match=r"another host, evil\.example"):
        get(client, url)


def test_no_redirect_at_all(client, raw_server):
    url = raw_server(answer("301 Moved", headers="Location: http://[broken\r\n"))
    with pytest.raises(SourceChanged, match="redirects"):
        get(client, url)


def test_200_mb_stop_at_the_limit(client, raw_server):
    sent = []

    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(3200):
            connection.sendall(bytes(65536))
            sent.append(65536)

    started = time.monotonic()
    with pytest.raises(SourceChanged, match="expected at most 1000000"):
        get(client, raw_server(endless))
    assert time.monotonic() - started < 2
    assert sum(sent) < 20_000_000


def test_a_declared_200_mb_is_not_even_begun(client, raw_server):
    def boast(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")

    with pytest.raises(SourceChanged, match="200000000 bytes"):
        get(client, raw_server(boast))


def test_a_gzip_bomb_is_not_unpacked(client, raw_server):
    bomb = gzip.compress(bytes(200_000_000), 9)
    assert len(bomb) < 250_000
    with pytest.raises(SourceChanged, match="expected at most 1000000"):
        get(client, raw_server(answer(body=bomb, headers="Content-Encoding: gzip\r\n")))


def test_gzip_is_read_and_damaged_gzip_is_not(client, raw_server):
    good = gzip.compress(b'{"a": 1}')
    header = "Content-Encoding: gzip\r\n"
    assert get(client, raw_server(answer(body=good, headers=header))) == b'{"a": 1}'
    for bad in (good[:-6], good + b"more", b"no gzip at all"):
        with pytest.raises(SourceChanged, match="damaged gzip"):
            get(client, raw_server(answer(body=bad, headers=header)))


def test_an_encoding_not_asked_for_is_refused(client, raw_server):
    with pytest.raises(SourceChanged, match="encoding br"):
        get(client, raw_server(answer(headers="Content-Encoding: br\r\n")))


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b""])
def test_a_slow_drip_ends_with_the_time_limit(raw_server, head):
    def drip(connection):
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.1)

    with PoliteClient(timeout_s=0.7, max_bytes=1000) as http:
        started = time.monotonic()
        with pytest.raises(SourceDown, match=r"within 0\.7 s"):
            http.get(raw_server(drip))
        assert time.monotonic() - started < 1.5


def test_a_silent_server(raw_server):
    with PoliteClient(timeout_s=0.5, max_bytes=1000) as http:
        url = raw_server(lambda _: time.sleep(1.5))
        with pytest.raises(SourceDown, match=r"within 0\.5 s"):
            http.get(url)


def test_the_client_works_on_after_a_time_limit(raw_server):
    with PoliteClient(timeout_s=0.5, max_bytes=1000) as http:
        with pytest.raises(SourceDown):
            http.get(raw_server(lambda _: time.sleep(1)))
        assert http.get(raw_server(answer())).body == b"{}"


def test_loopback_never_goes_through_a_proxy(raw_server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with PoliteClient(timeout_s=2, max_bytes=1000) as http:
        assert http.get(raw_server(answer())).body == b"{}"


def test_a_cut_connection_is_down(client, raw_server):
    url = raw_server(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab"))
    with pytest.raises(SourceDown, match="no answer"):
        client.get(url)


def test_nobody_there(client):
    with pytest.raises(SourceDown, match="no answer"):
        client.get("http://127.0.0.1:9")


def test_no_address(client):
    with pytest.raises(SourceDown):
        client.get("http://127.0.0.1:99999/x")


def test_sixty_a_minute_and_host():
    now = [0.0]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    limiter = RateLimiter(per_minute=60, monotonic=lambda: now[0], sleep=sleep)
    assert all(limiter.take("a", patience_s=0) for _ in range(60))
    assert limiter.left("a") == 0
    assert not limiter.take("a", patience_s=0.5)
    assert limiter.take("b", patience_s=0)
    assert limiter.take("a", patience_s=2)
    assert slept == [1.0]
    now[0] += 30
    assert limiter.left("a") == 30
    now[0] += 3600
    assert limiter.left("a") == 60


def test_spent_requests_are_said_not_waited_for():
    limiter = RateLimiter(per_minute=1)
    with PoliteClient(timeout_s=1, max_bytes=10, limiter=limiter) as http:
        http.admit("https://www.bmkg.go.id/x")
        with pytest.raises(SourceDown, match="not asked, 1 requests a minute"):
            http.admit("https://www.bmkg.go.id/x")
        for _ in range(5):
            http.admit("http://127.0.0.1:1/x")
