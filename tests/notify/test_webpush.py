"""Web Push against npm's web-push-testing, which decrypts; hostile endpoints; what fits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from base64 import urlsafe_b64encode
from datetime import timedelta

import httpcore
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.errors import DataError, SettingsError
from notify.channels.answers import retry_after
from notify.channels.channel import Outcome
from notify.channels.webpush import WebPush, WebPushRoute
from notify.channels.webpush.guard import GuardedTransport, NotPublic, is_public_address
from notify.channels.webpush.pauses import REST_S, SILENCES, Pauses
from notify.channels.webpush.payload import LIMIT, fitted, topic
from notify.channels.webpush.subscription import read_subscription, require_allowed
from notify.channels.webpush.vapid import make_key
from tests.peers.http_stub import Answer, HttpStub
from tests.peers.outgoing import NOW, PAYLOAD, now, outgoing
from tests.peers.webpush import PushService


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "vapid.pem"
    path.write_bytes(make_key())
    return path


@pytest.fixture(scope="module")
def service():
    with PushService() as peer:
        yield peer


def route(key_file, **changes):
    given_keys = {
        "route": "browsers", "key_file": key_file, "contact": "mailto:duty@example.org",
        "allow_local": True, "timeout_s": 3.0,
    }  # fmt: skip
    return WebPushRoute(**{**given_keys, **changes})


@pytest.fixture
def channel(key_file):
    one = WebPush(route(key_file))
    yield one
    one.close()


class Sink:
    def __init__(self):
        self.dropped = []

    def gone(self, message):
        self.dropped.append(message.recipient_id)


def subscription(url):
    """Of a browser whose keys we know nothing more about."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    keys = {"p256dh": _text(point), "auth": _text(b"0123456789abcdef")}
    return json.dumps({"endpoint": url, "keys": keys})


def _text(value):
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def test_the_browser_reads_what_we_sent(service, channel):
    address = service.subscribe(channel.public_key)
    [receipt] = channel.transmit([outgoing(address)])
    assert receipt.outcome is Outcome.ACCEPTED, receipt
    [shown] = service.shown(address)
    assert shown["title"] == "AWAS TSUNAMI" and shown["body"] == PAYLOAD["body"]
    assert shown["url"] == PAYLOAD["url"]


def test_a_subscription_that_is_gone_is_dropped(service, channel):
    sink = Sink()
    channel.open(sink)
    live, dead = (service.subscribe(channel.public_key) for _ in range(2))
    service.expire(dead)
    found = channel.transmit(
        [outgoing(live, recipient_id="r-live"), outgoing(dead, recipient_id="r-dead")]
    )
    assert [one.outcome for one in found] == [Outcome.ACCEPTED, Outcome.REFUSED]
    assert sink.dropped == ["r-dead"] and "410" in found[1].detail


def test_a_fault_of_the_registry_loses_no_receipt(service, channel):
    class Broken:
        def gone(self, message):
            raise RuntimeError("database is away")

    channel.open(Broken())
    dead = service.subscribe(channel.public_key)
    service.expire(dead)
    assert channel.transmit([outgoing(dead)])[0].outcome is Outcome.REFUSED


def test_the_peer_refuses_another_key(service, channel, key_file, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(make_key())
    stranger = WebPush(route(other))
    address = service.subscribe(channel.public_key)
    assert stranger.transmit([outgoing(address)])[0].outcome is not Outcome.ACCEPTED
    stranger.close()
    assert service.shown(address) == []


def test_headers_connections_and_ends(channel):
    with HttpStub(lambda _: Answer(201)) as stub:
        address = subscription(f"{stub.url}/push/1")
        calm = outgoing(address, level=2, not_after=now() + timedelta(minutes=5))
        for message in (outgoing(address), calm, outgoing(address, version=2)):
            assert channel.transmit([message])[0].outcome is Outcome.ACCEPTED
        first, second, third = stub.asked
        assert len({one.client for one in stub.asked}) == 1, "one kept connection"
    assert 3500 <= int(first.headers["ttl"]) <= 3600 and int(second.headers["ttl"]) <= 300
    assert (first.headers["urgency"], second.headers["urgency"]) == ("high", "normal")
    assert first.headers["topic"] == third.headers["topic"] == topic("w-tsunami")
    assert first.headers["authorization"].startswith("vapid t=")
    assert b"TSUNAMI" not in first.body


def test_connections_are_kept_and_few(key_file):
    """Over more services than connections: old ones are closed, none is lost."""
    channel = WebPush(route(key_file, window=3))
    with contextlib.ExitStack() as stack:
        stubs = [stack.enter_context(HttpStub(lambda _: Answer(201))) for _ in range(5)]
        addresses = [subscription(f"{stub.url}/a") for stub in stubs for _ in range(4)]
        for _ in range(3):
            found = channel.transmit([outgoing(one) for one in addresses])
            assert {one.outcome for one in found} == {Outcome.ACCEPTED}
        transport = channel._client._transport
        assert transport._kept == sum(map(len, transport._idle.values())) <= 3
        assert transport._room._value == 3
        assert sum(len(stub.asked) for stub in stubs) == 60
        channel.close()


def test_a_fault_of_ours_leaves_the_rest_of_the_window_alone(channel, monkeypatch):
    from notify.channels.webpush import channel as module

    def broken(content, there):
        raise ZeroDivisionError

    with HttpStub(lambda _: Answer(201)) as stub:
        address = subscription(f"{stub.url}/a")
        late = outgoing(address, not_after=now() - timedelta(seconds=1))
        monkeypatch.setattr(module, "encrypted", broken)
        found = channel.transmit([outgoing(address), late])
    assert [one.outcome for one in found] == [Outcome.UNKNOWN, Outcome.REFUSED]


def test_what_is_past_its_end_is_not_posted(channel):
    with HttpStub(lambda _: Answer(201)) as stub:
        address = subscription(f"{stub.url}/x")
        late = outgoing(address, not_after=now() - timedelta(seconds=1))
        endless = outgoing(address, not_after=None)
        by_payload = outgoing(address, not_after=None, payload={"expires": "2099-01-01T00:00:00Z"})
        found = channel.transmit([late, endless, by_payload])
        assert len(stub.asked) == 1
    assert [one.outcome for one in found] == [
        Outcome.REFUSED, Outcome.REFUSED, Outcome.ACCEPTED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "pause"),
    [
        (200, {}, Outcome.ACCEPTED, None),
        (202, {}, Outcome.ACCEPTED, None),
        (301, {"Location": "http://127.0.0.1:1/"}, Outcome.REFUSED, None),
        (400, {}, Outcome.REFUSED, None),
        (403, {}, Outcome.RETRY, None),
        (404, {}, Outcome.REFUSED, None),
        (413, {}, Outcome.REFUSED, None),
        (429, {"Retry-After": "7"}, Outcome.RETRY, 7.0),
        (503, {"Retry-After": "999999"}, Outcome.RETRY, 3600.0),
        (500, {}, Outcome.RETRY, None),
    ],
)
def test_every_answer_has_a_meaning(channel, status, headers, outcome, pause):
    with HttpStub(lambda _: Answer(status, b"no", headers)) as stub:
        [receipt] = channel.transmit([outgoing(subscription(f"{stub.url}/a"))])
        assert (receipt.outcome, receipt.retry_after_s) == (outcome, pause), receipt
        assert len(stub.asked) == 1, "a redirect is not followed, an answer not asked for twice"


def test_a_service_that_asks_for_a_pause_gets_it(channel):
    with HttpStub(lambda _: Answer(429, headers={"Retry-After": "60"})) as stub:
        address = subscription(f"{stub.url}/a")
        channel.transmit([outgoing(address)])
        [again] = channel.transmit([outgoing(address)])
        assert len(stub.asked) == 1
    assert again.outcome is Outcome.RETRY and not again.counts
    assert again.retry_after_s == pytest.approx(60, abs=3)


def test_an_endless_answer_is_cut(channel):
    with HttpStub(lambda _: Answer(400, b"\x1b[2J" + b"x" * 5_000_000)) as stub:
        [receipt] = channel.transmit([outgoing(subscription(f"{stub.url}/a"))])
    assert receipt.outcome is Outcome.REFUSED and len(receipt.detail) < 200
    assert receipt.detail.isprintable()


def test_a_closed_connection_is_tried_once_more_then_unknown(channel):
    """Answers the connection, takes the request, and hangs up."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def run():
            for _ in range(2):
                there, _ = server.accept()
                taken.append(there.recv(65536))
                there.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        address = subscription(f"http://127.0.0.1:{server.getsockname()[1]}/a")
        [receipt] = channel.transmit([outgoing(address)])
        thread.join(5)
    assert receipt.outcome is Outcome.UNKNOWN and len(taken) == 2


def test_nobody_listens_is_not_sent(channel):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    [receipt] = channel.transmit([outgoing(subscription(f"http://127.0.0.1:{port}/a"))])
    assert receipt.outcome is Outcome.RETRY and not receipt.counts


def test_a_tarpit_holds_up_nobody_for_long(key_file):
    """A thousand subscriptions of somebody who answers none: after three it rests."""
    channel = WebPush(route(key_file, timeout_s=0.4))
    with socket.create_server(("127.0.0.1", 0)) as tarpit, HttpStub(lambda _: Answer(201)) as well:
        slow = subscription(f"http://127.0.0.1:{tarpit.getsockname()[1]}/a")
        good = subscription(f"{well.url}/a")
        for _ in range(SILENCES):
            [held, fine] = channel.transmit([outgoing(slow), outgoing(good)])
            assert held.outcome is not Outcome.ACCEPTED and fine.outcome is Outcome.ACCEPTED
        began = time.monotonic()
        [held] = channel.transmit([outgoing(slow)])
        assert time.monotonic() - began < 0.2 and held.outcome is Outcome.RETRY
    channel.close()


def test_pauses_end():
    now = [0.0]
    pauses = Pauses(lambda: now[0])
    for _ in range(SILENCES):
        pauses.silent("a")
    assert pauses.left("a") == REST_S and pauses.left("b") == 0
    now[0] = REST_S + 1
    assert pauses.left("a") == 0


# Hostile endpoints


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://[::1]/a",
        "https://2130706433/a",
        "https://0x7f.0.0.1/a",
        "https://10.0.0.1./a",
        "https://127.1/a",
        "https://push.example.org:8443/a",
        "https://user:word@push.example.org/a",
        "https://push.example.org/a#b",
        "https://push.example.org\\@127.0.0.1/",
        "https://push.example.org/a b",
        "https://push.example.org/\r\nX: y",
        "https://пример.example/a",
        "https:///a",
        "ftp://push.example.org/a",
        "file:///etc/passwd",
        "https://push.example.org:99999/a",
        "",
    ],
)
def test_an_endpoint_that_may_not_be(endpoint):
    with pytest.raises(DataError, match="push endpoint") as error:
        require_allowed(endpoint, hosts=(), allow_local=False)
    assert "word" not in str(error.value)


def test_the_operators_list_of_services():
    hosts = ("push.services.mozilla.com",)
    require_allowed("https://updates.push.services.mozilla.com/x", hosts=hosts, allow_local=False)
    for other in ("https://evil-push.services.mozilla.com.example.org/", "https://example.org/"):
        with pytest.raises(DataError, match="not one of"):
            require_allowed(other, hosts=hosts, allow_local=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",  # noqa: S104 nobody binds here
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "ff02::1",
        "192.0.2.1", "2001:db8::1", "nonsense",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "142.250.4.188", "2404:6800:4003:c00::bc"])
def test_addresses_that_are(address):
    assert is_public_address(address)


def test_the_socket_asks_again_who_a_name_is(monkeypatch, key_file):
    """DNS rebinding: a good name, and 127.0.0.1 behind it, on which somebody listens."""
    channel = WebPush(route(key_file, allow_local=False))
    asked = []

    async def resolve(self, host, port, **_):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in ("8.8.8.8", "127.0.0.1")
        ]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    [receipt] = channel.transmit([outgoing(subscription("https://push.example.org/a"))])
    channel.close()
    assert asked == ["push.example.org"]
    assert receipt.outcome is Outcome.REFUSED and "not public" in receipt.detail


def test_the_transport_itself_refuses_this_machine():
    async def ask(url):
        async with httpx.AsyncClient(transport=GuardedTransport(connections=1)) as client:
            await client.post(url)

    with HttpStub(lambda _: Answer(200)) as stub:
        with pytest.raises(NotPublic):
            asyncio.run(ask(stub.url))
        assert stub.asked == []


def test_a_name_that_is_none(monkeypatch, key_file):
    async def resolve(self, host, port, **_):
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    channel = WebPush(route(key_file, allow_local=False))
    [receipt] = channel.transmit([outgoing(subscription("https://push.example.org/a"))])
    channel.close()
    assert receipt.outcome is Outcome.RETRY
    assert httpcore.ConnectError.__name__ in receipt.detail


_TREES = st.recursive(
    st.none() | st.text(max_size=9) | st.integers(),
    lambda inner: st.dictionaries(st.sampled_from(["endpoint", "keys", "p256dh", "auth"]), inner),
    max_leaves=6,
)


@given(st.text(max_size=80) | _TREES.map(json.dumps))
def test_any_text_is_no_subscription(text):
    with pytest.raises(DataError):
        read_subscription(text)


@pytest.mark.parametrize("change", [{"p256dh": "AAAA"}, {"auth": "AAAA"}, {"p256dh": None}])
def test_keys_must_be_keys(change):
    found = json.loads(subscription("https://push.example.org/a"))
    found["keys"] |= change
    with pytest.raises(DataError, match=r"keys\."):
        read_subscription(json.dumps(found))


def test_a_point_off_the_curve():
    found = json.loads(subscription("https://push.example.org/a"))
    found["keys"]["p256dh"] = _text(b"\x04" + b"\x01" * 64)
    with pytest.raises(DataError, match="no point on P-256"):
        read_subscription(json.dumps(found))


# What fits


@settings(max_examples=200)
@given(
    body=st.text(max_size=6000),
    title=st.text(max_size=200),
    url=st.text(alphabet="abcdefghij/:.", max_size=300),
    areas=st.lists(st.just("75.02.07.2001"), max_size=400),
)
def test_what_is_sent_fits_and_keeps_title_and_url(body, title, url, areas):
    payload = {"title": title, "body": body, "url": url, "area_codes": areas, "level": 4}
    made = fitted(payload)
    assert len(made) <= LIMIT
    shown = json.loads(made)
    clean = title.encode("utf-8", "replace").decode()
    assert (shown["title"], shown["url"], shown["level"]) == (clean, url, 4)
    whole = body.encode("utf-8", "replace").decode()
    assert shown["body"] == whole or (
        shown["body"].endswith("…") and whole.startswith(shown["body"][:-1])
    )
    if "area_codes" in shown:
        assert shown["area_codes"] == areas


def test_a_title_that_cannot_fit_is_refused(channel):
    with HttpStub(lambda _: Answer(201)) as stub:
        long = outgoing(subscription(f"{stub.url}/a"), payload={"title": "x" * 4000})
        [receipt] = channel.transmit([long])
        assert receipt.outcome is Outcome.REFUSED and "too long" in receipt.detail
        assert stub.asked == []


def test_the_longest_payload_is_below_what_services_take(channel):
    with HttpStub(lambda _: Answer(201)) as stub:
        channel.transmit([outgoing(subscription(f"{stub.url}/a"), payload={"body": "ä" * 5000})])
        assert LIMIT < len(stub.asked[0].body) <= 4096


@given(st.text(max_size=200))
def test_topics_are_short_and_plain(warning_id):
    found = topic(warning_id.encode("utf-8", "replace").decode())
    assert len(found) == 32 and all(c.isalnum() or c in "-_" for c in found)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0), ("0", 1.0), (" 12 ", 12.0), ("86400", 3600.0), ("99999999999", None),
        ("-1", None), ("soon", None), (None, None), ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
    ],
)  # fmt: skip
def test_retry_after(value, seconds):
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_of_anything(value):
    found = retry_after(value, NOW)
    assert found is None or 1 <= found <= 3600


# Keys and configuration


def test_wrong_keys_are_named(tmp_path, key_file):
    with pytest.raises(SettingsError, match=r"missing\.pem"):
        WebPush(route(tmp_path / "missing.pem"))
    other = tmp_path / "p384.pem"
    other.write_bytes(
        ec.generate_private_key(ec.SECP384R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(SettingsError, match="P-256"):
        WebPush(route(other))
    other.write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="PEM"):
        WebPush(route(other))


@pytest.mark.parametrize("contact", ["", "duty@example.org", "mailto:nobody", "http://a.b"])
def test_a_contact_is_needed(key_file, contact):
    with pytest.raises(ValidationError):
        route(key_file, contact=contact)


def test_tokens_are_kept_for_half_a_day(channel):
    from notify.channels.webpush.vapid import Vapid

    vapid: Vapid = channel._vapid
    first = vapid.authorization("https://a.example.org", NOW)
    assert vapid.authorization("https://a.example.org", NOW + timedelta(hours=10)) == first
    assert vapid.authorization("https://b.example.org", NOW) != first
    assert (
        vapid.authorization("https://a.example.org", NOW + timedelta(hours=11, minutes=30)) != first
    )
    assert vapid.authorization("https://a.example.org", NOW - timedelta(days=2)) != first
