"""What a polite client does on the wire, counted at real servers on loopback."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.run import poll
from ingest.wire.answer import require_data
from ingest.wire.attempts import LONGEST_WAIT_S, MAX_ATTEMPTS, pause_s, retry_after_s
from ingest.wire.connections import Connections
from ingest.wire.http import PoliteClient
from ingest.wire.rate import RateLimiter
from kentongan.errors import SourceChanged, SourceDown


class Peer(ThreadingHTTPServer):
    """Keeps connections open, counts them and the requests, answers what `script` says in turn."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script, tls=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.requests, self.connections, self.tls = list(script), [], 0, tls
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def get_request(self):
        connection, address = super().get_request()
        self.connections += 1
        return (
            (self.tls.wrap_socket(connection, server_side=True), address)
            if self.tls
            else (
                connection,
                address,
            )
        )

    def handle_error(self, request, client_address):
        """Silent: a refused handshake is what some tests are about."""

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.server_address[1]}/x"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append({k.lower(): v for k, v in self.headers.items()})
        number = min(len(self.server.requests), len(self.server.script)) - 1
        status, body, headers = self.server.script[number]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Silent."""


OK = (200, b"{}", {})


@pytest.fixture
def peer():
    peers = []

    def make(*script, tls=None):
        peers.append(Peer(script or [OK], tls))
        return peers[-1]

    yield make
    for one in peers:
        one.shutdown()
        one.server_close()
        one.thread.join()


@pytest.fixture
def client():
    connections = Connections()
    yield lambda **changes: PoliteClient(
        **{"timeout_s": 3, "max_bytes": 10_000, "connections": connections, **changes}
    )
    connections.close()


# --- connections ------------------------------------------------------------------------


def test_many_clients_of_a_process_share_one_connection(client, peer):
    server = peer()
    for _ in range(5):
        with client() as http:
            assert http.get(server.url).status == 200
    assert (len(server.requests), server.connections) == (5, 1)


def test_polls_reuse_connections(feeds, make_context, now, peer):
    server = peer((404, b"{}", {}))
    context = make_context(server.url.removesuffix("/x"))
    for minute in range(3):
        poll("bmkg-inatews", at=now + dt.timedelta(minutes=minute), context=context)
    assert len(server.requests) >= 6
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_no_failure(client, raw_server):
    answers = []

    def close_after_one(connection):
        answers.append(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    url = raw_server(close_after_one)
    found = [client().get(url) for _ in range(3)]
    assert [answer.tries for answer in found] == [1, 1, 1]
    assert len(answers) == 3


def test_one_hanging_request_takes_no_other_down(client, raw_server):
    """On the same host, in the same process: the other feed's request is answered."""

    def by_path(connection):
        threading.Thread(target=_slowly, args=(connection.dup(),), daemon=True).start()

    def _slowly(connection):
        with connection:
            time.sleep(1.0)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    url, found = raw_server(by_path), []
    other = threading.Thread(target=lambda: found.append(client(timeout_s=3).get(url)))
    other.start()
    with pytest.raises(SourceDown, match=r"within 0\.3 s"):
        client(timeout_s=0.3).get(url)
    other.join()
    assert [answer.status for answer in found] == [200]


def test_no_cookie_comes_back(client, peer):
    server = peer((200, b"{}", {"Set-Cookie": "session=1; Path=/"}))
    for _ in range(2):
        client().get(server.url)
    assert "cookie" not in server.requests[1]


def test_says_who_asks_and_pretends_nothing(client, peer):
    server = peer()
    client(contact="ops@example.org").get(server.url)
    sent = server.requests[0]
    assert sent["user-agent"].startswith("Kentongan/")
    assert sent["user-agent"].endswith("(+ops@example.org)")
    assert set(sent) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


# --- TLS --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody signed but itself, and its key: one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_self_signed_certificate_is_refused_and_not_tried_again(client, peer, server_tls):
    server = peer(tls=server_tls)
    with pytest.raises(SourceDown, match="TLS certificate is not accepted"):
        client().get(server.url)
    assert server.requests == []
    assert server.connections == 1


def test_one_handshake_for_many_requests(peer, server_tls, certificate):
    connections = Connections(trust=ssl.create_default_context(cafile=str(certificate)))
    server = peer(tls=server_tls)
    for _ in range(4):
        with PoliteClient(timeout_s=3, max_bytes=99, connections=connections) as http:
            assert http.get(server.url).status == 200
    connections.close()
    assert (len(server.requests), server.connections) == (4, 1)


# --- second tries -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [502, 503, 504])
def test_busy_then_well_is_well(client, peer, status):
    server = peer((status, b"busy", {}), OK)
    answer = client().get(server.url)
    assert (answer.status, answer.tries, len(server.requests)) == (200, 2, 2)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        pytest.param(403, b"no", {}, id="blocked"),
        pytest.param(404, b"no", {}, id="nothing-there"),
        pytest.param(500, b"no", {}, id="broken-program"),
        pytest.param(200, b"<!doctype html><title>x</title>", {}, id="block-page"),
        pytest.param(200, b'{"half', {}, id="broken-document"),
        pytest.param(301, b"", {"Location": "/elsewhere"}, id="moved"),
        pytest.param(429, b"", {}, id="too-many-without-a-time"),
        pytest.param(429, b"", {"Retry-After": "60"}, id="too-many-for-a-minute"),
        pytest.param(503, b"", {"Retry-After": "3600"}, id="maintenance"),
    ],
)
def test_what_would_be_the_same_again_is_asked_once(client, peer, status, body, headers):
    server = peer((status, body, headers))
    client().get(server.url)
    assert len(server.requests) == 1


def test_a_short_retry_after_is_waited_for(client, peer):
    server = peer((429, b"", {"Retry-After": "1"}), OK)
    started = time.monotonic()
    assert client().get(server.url).status == 200
    assert 1.0 <= time.monotonic() - started < 2.5


def test_second_tries_end_with_the_time_limit(client, peer):
    server = peer((503, b"", {"Retry-After": "2"}))
    started = time.monotonic()
    assert client(timeout_s=1).get(server.url).status == 503
    assert time.monotonic() - started < 1
    assert len(server.requests) == 1


def test_a_second_try_needs_a_turn_of_its_own(client, peer):
    server = peer((503, b"", {}))
    http = client(limiter=RateLimiter(per_minute=1), limit_loopback=True)
    http.admit(server.url)
    assert http.get(server.url).status == 503
    assert len(server.requests) == 1


def test_a_refused_connection_is_tried_again_once(client):
    started = time.monotonic()
    with pytest.raises(SourceDown, match="no answer"):
        client().get("http://127.0.0.1:9")
    assert 0.2 <= time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("attempt", "status", "asked", "expected"),
    [
        (1, None, None, (0.2, 0.5)),
        (1, 503, None, (0.2, 0.5)),
        (1, 503, 2.0, (2.0, 2.0)),
        (1, 503, LONGEST_WAIT_S + 0.1, None),
        (1, 429, None, None),
        (1, 404, None, None),
        (1, 500, None, None),
        (MAX_ATTEMPTS, 503, None, None),
    ],
)
def test_pauses(attempt, status, asked, expected):
    found = tuple(pause_s(attempt, status, asked, spread) for spread in (0.0, 1.0))
    assert found == ((None, None) if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "120"}, 120),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "9" * 400}, 999_999_999),
        (
            {
                "date": "Sun, 22 Nov 2026 02:00:00 GMT",
                "retry-after": "Sun, 22 Nov 2026 02:00:30 GMT",
            },
            30,
        ),
        ({"retry-after": "Sun, 22 Nov 2026 02:00:30 GMT"}, None),
    ],
)
def test_retry_after(headers, expected):
    assert retry_after_s(headers) == expected


# --- validators, headers, keys ----------------------------------------------------------

DATE = "Sun, 22 Nov 2026 02:00:00 GMT"


def test_both_validators_are_kept_and_sent(client, peer):
    headers = {"ETag": '"a1"', "Last-Modified": "Sun, 22 Nov 2026 01:00:00 GMT"}
    server = peer((200, b"{}", headers))
    first = client().get(server.url)
    again = client().get(server.url, validator=first.validator, last_modified=first.last_modified)
    assert server.requests[1]["if-none-match"] == '"a1"'
    assert server.requests[1]["if-modified-since"] == headers["Last-Modified"]
    assert dict(again.request) == {
        "If-None-Match": '"a1"',
        "If-Modified-Since": headers["Last-Modified"],
    }


def test_a_date_as_young_as_its_answer_is_no_validator(client, raw_server):
    """Two issues within one second share it: the second would be missed."""
    head = f"HTTP/1.1 200 OK\r\nDate: {DATE}\r\nLast-Modified: {DATE}\r\nContent-Length: 2\r\n\r\n"
    url = raw_server(lambda c: c.sendall(head.encode() + b"{}"))
    assert client().get(url).last_modified is None


@pytest.mark.parametrize("tag", ["x" * 257, "a\tb", ""])
def test_an_etag_not_worth_sending_back(client, raw_server, tag):
    head = f"HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: 2\r\n\r\n".encode()
    assert client().get(raw_server(lambda c: c.sendall(head + b"{}"))).validator is None


def test_few_and_short_headers_are_kept(client, peer):
    many = {f"X-Thing-{n}": "y" * 50 for n in range(60)}
    server = peer((200, b"{}", {"ETag": '"1"', "Via": "v" * 5000, **many}))
    kept = client().get(server.url).headers
    assert set(kept) <= {"date", "server", "etag", "via", "content-length"}
    assert len(kept["via"]) == 200


def test_a_key_is_sent_and_never_shown(client, peer):
    server = peer((503, b"", {}))
    answer = client(secret={"x-api-key": "s3cr3t"}).get(server.url)
    assert server.requests[0]["x-api-key"] == "s3cr3t"
    assert "s3cr3t" not in repr(answer)
    with pytest.raises(SourceDown) as told:
        require_data(answer)
    assert "s3cr3t" not in str(told.value)


def test_a_redirect_to_another_server_is_not_followed(client, peer):
    target = peer()
    server = peer((302, b"", {"Location": target.url}))
    with pytest.raises(SourceChanged, match="refused, data is not moved"):
        require_data(client().get(server.url))
    assert target.requests == []
    assert target.connections == 0


def test_a_look_up_that_hangs_is_bounded(client, monkeypatch):
    import socket

    def hang(*_args, **_rest):
        time.sleep(1.2)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    with pytest.raises(SourceDown, match=r"within 0\.4 s"):
        client(timeout_s=0.4).get("https://www.bmkg.go.id.invalid/x")
    assert time.monotonic() - started < 1
