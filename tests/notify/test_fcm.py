"""FCM HTTP v1 against stubs of its two addresses on this machine: no emulator of it exists."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.errors import DataError, DispatchError, SettingsError
from kentongan.times import iso
from notify.channels.channel import Outcome
from notify.channels.fcm import Fcm, FcmRoute, data_of, document
from tests.peers.http_stub import Answer, HttpStub
from tests.peers.outgoing import NOW, now, outgoing

TOPIC = "adm3-750207"


class Google:
    """The token service and the send address; `answers` are taken one after the other."""

    def __init__(self):
        self.answers = []
        self.tokens = 0
        self.sent = []
        self.token_status = 200

    def __call__(self, asked):
        if asked.path == "/token":
            assert b"assertion=" in asked.body
            self.tokens += 1
            body = {"access_token": f"token-{self.tokens}", "expires_in": 3600}
            return Answer(self.token_status, json.dumps(body).encode(), _JSON)
        assert asked.path == "/v1/projects/kentongan-test/messages:send"
        self.sent.append((asked.headers["authorization"], json.loads(asked.body)["message"]))
        if self.answers:
            return self.answers.pop(0)
        return Answer(200, b'{"name": "projects/kentongan-test/messages/7"}', _JSON)


_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def google():
    return Google()


@pytest.fixture
def stub(google):
    with HttpStub(google) as one:
        yield one


@pytest.fixture
def channel(stub, private_key, tmp_path):
    account = tmp_path / "account.json"
    account.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "sender@kentongan-test.iam.gserviceaccount.com",
                "private_key": private_key,
                "token_uri": f"{stub.url}/token",
            }
        )
    )
    made = Fcm(
        FcmRoute(
            route="app", project="kentongan-test", account_file=account, base_url=stub.url,
            timeout_s=2.0,
        )
    )  # fmt: skip
    yield made
    made.close()


def error(status, code, **headers):
    body = {"error": {"status": "X", "details": [{"errorCode": code}]}}
    return Answer(status, json.dumps(body).encode(), {**_JSON, **headers})


def test_a_topic_gets_data_that_names_no_place_of_anybody(channel, google):
    [receipt] = channel.transmit([outgoing(TOPIC)])
    assert (receipt.outcome, receipt.provider_id) == (Outcome.ACCEPTED, "7")
    [(authorization, message)] = google.sent
    assert authorization == "Bearer token-1"
    assert message["topic"] == TOPIC and "token" not in message
    assert message["android"]["priority"] == "high"
    assert 3500 <= int(message["android"]["ttl"].removesuffix("s")) <= 3600
    assert message["data"]["expires"] == iso(outgoing(TOPIC).not_after)
    assert message["data"]["cap_sha256"] == "ab" * 32
    assert message["data"]["area_codes"] == "75.02.07 75.02.08"
    assert all(isinstance(value, str) for value in message["data"].values())
    assert abs(int(message["apns"]["headers"]["apns-expiration"]) - time.time() - 3600) < 30


def test_one_token_for_many_and_an_update_replaces(channel, google):
    channel.transmit([outgoing(TOPIC), outgoing("adm2-7502"), outgoing(TOPIC, version=2)])
    assert google.tokens == 1
    keys = {message["android"]["collapse_key"] for _, message in google.sent}
    assert len(google.sent) == 3 and len(keys) == 1


def test_an_app_that_is_gone_is_dropped(channel, google):
    dropped = []

    class Sink:
        def gone(self, message):
            dropped.append(message.recipient_id)

    channel.open(Sink())
    google.answers = [error(404, "UNREGISTERED")]
    [receipt] = channel.transmit([outgoing("t" * 140, recipient_id="tagana-7")])
    assert receipt.outcome is Outcome.REFUSED and dropped == ["tagana-7"]


@pytest.mark.parametrize(
    ("answer", "outcome", "pause"),
    [
        (error(429, "QUOTA_EXCEEDED", **{"Retry-After": "9"}), Outcome.RETRY, 9.0),
        (error(503, "UNAVAILABLE"), Outcome.RETRY, None),
        (error(400, "INVALID_ARGUMENT"), Outcome.REFUSED, None),
        (error(404, "NOT_FOUND"), Outcome.REFUSED, None),
        (error(403, "SENDER_ID_MISMATCH"), Outcome.RETRY, None),
        (Answer(400, b"<html>" + b"x" * 1_000_000), Outcome.REFUSED, None),
        (Answer(200, b"[" * 9000), Outcome.ACCEPTED, None),
        (Answer(400, b'{"error": {"details": [1, {"errorCode": 2}]}}'), Outcome.REFUSED, None),
    ],
)
def test_every_answer_has_a_meaning(channel, google, answer, outcome, pause):
    google.answers = [answer]
    [receipt] = channel.transmit([outgoing(TOPIC)])
    assert (receipt.outcome, receipt.retry_after_s) == (outcome, pause)
    assert len(receipt.detail) < 120


def test_a_token_that_is_not_taken_is_made_anew(channel, google):
    google.answers = [error(401, "UNAUTHENTICATED")]
    assert channel.transmit([outgoing(TOPIC)])[0].outcome is Outcome.RETRY
    assert channel.transmit([outgoing(TOPIC)])[0].outcome is Outcome.ACCEPTED
    assert [authorization for authorization, _ in google.sent] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_without_a_token_nothing_was_sent(channel, google):
    google.token_status = 400
    with pytest.raises(DispatchError, match="no token"):
        channel.transmit([outgoing(TOPIC)])
    assert google.sent == []


def test_ends_and_addresses(channel, google):
    late = outgoing(TOPIC, not_after=now() - timedelta(seconds=1))
    strange = [outgoing(address) for address in ("", "all", "adm3-", "' || '1", "adm3-750207/x")]
    found = channel.transmit([late, *strange])
    assert {one.outcome for one in found} == {Outcome.REFUSED} and google.sent == []


@given(
    title=st.text(max_size=400),
    body=st.text(max_size=4000),
    codes=st.lists(st.just("75.02.07"), max_size=500),
)
def test_what_is_sent_is_below_what_google_and_apple_take(title, body, codes):
    payload = {"title": title, "body": body, "districts": codes}
    message = outgoing(TOPIC, payload=payload)
    made = json.loads(document(message, datetime.now(UTC)))["message"]
    data = json.dumps(made["data"], ensure_ascii=False).encode("utf-8", "replace")
    aps = json.dumps(made["apns"]["payload"], ensure_ascii=False).encode("utf-8", "replace")
    assert len(data) + len(aps) <= 4096 + 200  # blanks of this dump
    assert made["data"]["url"] == message.payload["url"]
    assert all(isinstance(value, str) for value in data_of(message).values())


def test_low_levels_do_not_wake_a_phone():
    made = json.loads(document(outgoing(TOPIC, level=2), NOW))["message"]
    assert made["android"]["priority"] == "normal"
    assert made["apns"]["headers"]["apns-priority"] == "5"


def test_wrong_configuration(tmp_path):
    wrong = tmp_path / "account.json"
    wrong.write_text("{}")
    given_keys = {"route": "app", "project": "kentongan-test", "account_file": wrong}
    with pytest.raises(SettingsError, match="service account"):
        Fcm(FcmRoute(**given_keys))
    for change in ({"base_url": "http://example.org"}, {"project": "x/../y"}, {"more": 1}):
        with pytest.raises(ValidationError):
            FcmRoute(**{**given_keys, **change})


def test_no_end_is_refused():
    with pytest.raises(DataError, match="no end"):
        document(outgoing(TOPIC, not_after=None), NOW)
