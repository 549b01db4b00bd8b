"""A gateway over HTTP: one receipt for each message, and silence told apart from refusal."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.errors import SettingsError
from notify.channels.channel import Outcome, Outgoing
from notify.channels.http.channel import HttpChannel
from notify.channels.http.reading import as_json, as_text, at_path, harmless, is_path
from notify.channels.http.requests import our_id
from notify.channels.http.route import HttpRoute
from notify.channels.http.template import filled
from tests.notify.http.gateway import gateway, plain
from tests.peers.outgoing import now, outgoing

NUMBER = "+6281234567890"
FIELDS = {"to": "{to_no_plus}", "sms": "{text}"}
SECRET = "s3cret-of-the-route"


def route(url: str = "https://gateway.example.invalid/send", **changes: Any) -> HttpRoute:
    values: dict[str, Any] = {
        "kind": "http", "route": "agg", "url": url, "allow_http": True, "method": "POST",
        "json_body": FIELDS, "timeout_s": 2.0, "connect_timeout_s": 1.0, "window": 5,
    }  # fmt: skip
    if {"query", "form"} & set(changes):
        values.pop("json_body")
    return HttpRoute.model_validate({**values, **changes})


def sms(number: int = 1, **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "channel": "sms", "outbox_id": number, "recipient_id": f"r-{number}", "payload": None,
        "text": "AWAS tsunami. Naik ke tempat tinggi.",
    }  # fmt: skip
    return outgoing(NUMBER, **{**values, **changes})


def sent(one: HttpRoute, *messages: Outgoing) -> list[Any]:
    channel = HttpChannel(one)
    try:
        return channel.transmit(messages or (sms(),))
    finally:
        channel.close()


def secret_file(folder: Path, text: str = SECRET) -> Path:
    path = folder / "secret"
    path.write_text(f"{text}\n")
    return path


def hangs(wire: socket.socket) -> None:
    """No answer until the other side gives up."""
    wire.recv(1)


# --- what is asked ---


def test_a_query_is_filled_once_and_quoted(tmp_path):
    text = "Naik & lari {password} +10 m = ü?"
    with gateway(lambda *_: plain(202, "0: Accepted")) as peer:
        one = route(
            peer.url, method="GET", alphabet="unicode", user="cp", sender="1708",
            password_file=secret_file(tmp_path), validity_max_min=30,
            query={"cp_name": "{user}", "pwd": "{password}", "msisdn": "{to_no_plus}",
                   "sms": "{text}", "from": "{from}", "id": "{id}", "validity": "{validity_min}"},
        )  # fmt: skip
        (receipt,) = sent(one, sms(text=text))
    found = {k: v[0] for k, v in parse_qs(urlsplit(peer.asked[0].target).query).items()}
    assert found == {
        "cp_name": "cp", "pwd": SECRET, "msisdn": NUMBER[1:], "sms": text, "from": "1708",
        "id": our_id(sms()), "validity": "30",
    }  # fmt: skip
    assert receipt.outcome is Outcome.ACCEPTED and receipt.provider_id == our_id(sms())


def test_json_keeps_its_types_and_form_its_lists(tmp_path):
    with gateway(lambda *_: plain(200, '{"messages":[{"id":77,"status":"OK"}]}')) as peer:
        one = route(
            peer.url, auth="bearer", token_file=secret_file(tmp_path), id_json="messages[0].id",
            json_body={"messages": [{"to": "{to}", "text": "{text}", "flash": False,
                                     "ttl": "{validity_min:int}"}]},
        )  # fmt: skip
        (receipt,) = sent(one, sms(not_after=now() + timedelta(minutes=45, seconds=50)))
        assert receipt.provider_id == "77"
        asked = peer.asked[0]
        body = json.loads(asked.body)["messages"][0]
        assert body.pop("ttl") in (44, 45)
        assert body == {"to": NUMBER, "text": sms().text, "flash": False}
        assert asked.header("authorization") == f"Bearer {SECRET}"
        sent(route(peer.url, auth="basic", user="a", password_file=secret_file(tmp_path),
                   form={**FIELDS, "tag": ["x", "y"]}))  # fmt: skip
        asked = peer.asked[1]
        assert parse_qs(asked.body.decode())["tag"] == ["x", "y"]
        expected = base64.b64encode(f"a:{SECRET}".encode()).decode()
        assert asked.header("authorization") == f"Basic {expected}"


def test_what_the_alphabet_does_not_hold_is_written_with_what_it_does():
    with gateway(lambda *_: plain(200)) as peer:
        sent(route(peer.url), sms(text="Naik – “sekarang” 😀"))
        sent(route(peer.url, alphabet="unicode"), sms(text="Naik – 😀"))
    assert [json.loads(a.body)["sms"] for a in peer.asked] == ['Naik - "sekarang" ?', "Naik – 😀"]


def test_a_window_goes_out_at_once_over_kept_connections():
    def slow(asked: Any, wire: socket.socket) -> bytes:
        time.sleep(0.2)
        return plain(200)

    with gateway(slow) as peer:
        channel = HttpChannel(route(peer.url))
        try:
            start = time.monotonic()
            for _ in range(3):
                found = channel.transmit([sms(i) for i in range(5)])
                assert [r.outcome for r in found] == [Outcome.ACCEPTED] * 5
            assert time.monotonic() - start < 2.9  # one by one: 3.0 and more
        finally:
            channel.close()
        assert peer.connections == 5


# --- what an answer means ---

RULES = [
    {"means": "accepted", "status": [200], "json_path": "status", "equals": ["0", "queued"]},
    {"means": "retry", "json_path": "status", "equals": ["7"]},
    {"means": "refused", "body": "(?i)invalid number"},
]


@pytest.mark.parametrize(
    ("answer", "rules", "outcome", "counts", "pause"),
    [
        pytest.param(plain(200), [], "accepted", True, None, id="plain-success"),
        pytest.param(plain(200, '{"status":0}'), RULES, "accepted", True, None, id="rule"),
        pytest.param(plain(200, '{"status":"7"}'), RULES, "retry", True, None, id="temporary"),
        pytest.param(plain(400, "Invalid number"), RULES, "refused", True, None, id="permanent"),
        pytest.param(plain(200, '{"status":9}'), RULES, "unknown", True, None, id="no-rule-knows"),
        pytest.param(plain(200, "\x00\xff{["), RULES, "unknown", True, None, id="no-json"),
        pytest.param(plain(429, "", Retry_After="30"), [], "retry", False, 30.0, id="throttled"),
        pytest.param(plain(503, "", Retry_After="9" * 30), [], "retry", False, None, id="busy"),
        pytest.param(plain(401, "no"), [], "retry", True, None, id="our-password"),
        pytest.param(plain(302, "", Location="http://127.0.0.1:1/"), [], "retry", True, None,
                     id="redirect-is-not-followed"),
        pytest.param(plain(404), [], "refused", True, None, id="not-found"),
        pytest.param(plain(500), [], "unknown", True, None, id="server-error-after-it-was-taken"),
        pytest.param(b"nonsense\r\n\r\n", [], "unknown", True, None, id="no-http"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", [], "unknown", True,
                     None, id="half-an-answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000, [], "unknown", True, None,
                     id="endless-headers"),
    ],
)  # fmt: skip
def test_every_answer_means_one_of_four_things(answer, rules, outcome, counts, pause):
    with gateway(lambda *_: answer) as peer:
        (receipt,) = sent(route(peer.url, rules=rules, timeout_s=1.5))
    found = (str(receipt.outcome), receipt.counts, receipt.retry_after_s)
    found = found if outcome == "retry" else (found[0], True, None)
    assert found == (outcome, counts, pause)


def test_an_endless_answer_is_read_to_its_bound():
    def endless(asked: Any, wire: socket.socket) -> None:
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            wire.sendall(b"OK" * 4096)

    with gateway(endless) as peer:
        (receipt,) = sent(route(peer.url, rules=[{"means": "accepted", "body": "OK"}]))
    assert receipt.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        pytest.param(lambda asked, wire: None, Outcome.UNKNOWN, id="closed-after-the-request"),
        pytest.param(lambda asked, wire: hangs(wire), Outcome.UNKNOWN, id="silent"),
    ],
)
def test_silence_after_the_request_is_not_known(act, outcome):
    with gateway(act) as peer:
        (receipt,) = sent(route(peer.url, timeout_s=1.5))
    assert receipt.outcome is outcome and "after it was sent" in receipt.detail


def test_what_was_never_written_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (closed,) = sent(route(f"http://127.0.0.1:{port}/send"))
    assert closed.outcome is Outcome.RETRY and not closed.counts
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:  # TLS that never answers
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/send"
        (silent,) = sent(route(url, timeout_s=0.5))
    assert silent.outcome is Outcome.RETRY


def test_one_slow_message_of_a_window_holds_back_no_answer_of_the_others():
    def some(asked: Any, wire: socket.socket) -> bytes | None:
        slow = our_id(sms(2)).encode() in asked.body
        return hangs(wire) if slow else plain(200)

    with gateway(some) as peer:
        one = route(peer.url, timeout_s=2.0, json_body={**FIELDS, "n": "{id}"})
        found = sent(one, *[sms(i) for i in range(1, 4)])
    assert [str(r.outcome) for r in found] == ["accepted", "unknown", "accepted"]


def test_a_message_whose_end_is_past_is_not_sent():
    with gateway(lambda *_: plain(200)) as peer:
        found = sent(route(peer.url), sms(not_after=now() - timedelta(seconds=1)), sms(2, part=1))
    assert [str(r.outcome) for r in found] == ["refused", "accepted"]
    assert peer.asked == []


# --- secrets ---


def test_no_secret_and_no_number_stands_in_a_log_or_a_receipt(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    echo = f"bad pwd={SECRET} for {NUMBER} / {NUMBER[1:]} / 0812-3456-7890: AWAS tsunami. Naik ke"
    one = {
        "method": "GET", "user": "cp", "password_file": secret_file(tmp_path),
        "query": {"pwd": "{password}", "to": "{to}", "sms": "{text}"},
    }  # fmt: skip
    with gateway(lambda *_: plain(400, echo)) as peer:
        (refused,) = sent(route(peer.url, **one))
    with gateway(lambda *_: None) as peer:
        (silent,) = sent(route(peer.url, **one))
    said = f"{refused} {silent} {caplog.text} {HttpChannel(route(peer.url, **one))!r}"
    for hidden in (SECRET, "81234567890", "3456", "pwd=s3"):
        assert hidden not in said
    assert "(number)" in refused.detail or "***" in refused.detail


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://x.example/", "allow_http": False}, "https"),
        ({"url": "https://a:b@x.example/"}, "host and path"),
        ({"url": "https://x.example/?key=1"}, "host and path"),
        ({"url": "https://x.example/{password}"}, "host and path"),
        ({"json_body": {"to": "{to}", "sms": "{txet}"}}, "txet"),
        ({"json_body": {"to": "{to}"}}, "expected {text}"),
        ({"json_body": {"sms": "{text}"}}, "expected {text}"),
        ({"method": "GET"}, "method GET"),
        ({"form": FIELDS, "json_body": FIELDS}, "one of them"),
        ({"headers": {"x": "{text}"}}, "header"),
        ({"json_body": {**FIELDS, "p": "{password}"}}, "password: used"),
        ({"auth": "bearer"}, "token: used"),
        ({"rules": [{"means": "accepted", "body": "("}]}, "regular expression"),
        ({"id_json": "a..b"}, "path"),
        ({"json_body": {**FIELDS, "d": "{dlr_url}"}}, "hook_base"),
        ({"hooks": {"messages": {"sender": "from", "text": "text"}}}, "sign_file"),
        ({"unknown": 1}, "Extra"),
    ],
)
def test_a_route_that_cannot_work_is_refused_by_its_key(changes, words):
    with pytest.raises(ValidationError, match=words):
        route(**changes)


def test_an_empty_or_missing_secret_is_named_by_its_path(tmp_path):
    one = {"auth": "bearer", "json_body": FIELDS}
    with pytest.raises(SettingsError, match="gone"):
        HttpChannel(route(**one, token_file=tmp_path / "gone"))
    with pytest.raises(SettingsError, match="empty"):
        HttpChannel(route(**one, token_file=secret_file(tmp_path, "")))


# --- parts ---


@given(
    text=st.text(max_size=50),
    values=st.fixed_dictionaries({"to": st.text(max_size=20), "text": st.text(max_size=50)}),
)
def test_a_value_is_never_read_as_a_template(text, values):
    assert filled("{to}|{text}", values) == f"{values['to']}|{values['text']}"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=10,
    ),
    st.sampled_from(["a", "a.b", "[0].a", "a[0]", "a[0][1].b", "b.c.d"]),
)
def test_no_document_breaks_a_path(document, path):
    assert is_path(path)
    assert isinstance(as_text(at_path(document, path)), str)


@pytest.mark.parametrize("body", [b"[" * 60_000, b"1" * 5_000, b"\xff\xfe", b"", b"NaN"])
def test_no_body_breaks_the_reader(body):
    as_text(at_path(as_json(body), "a.b"))


@given(st.text(max_size=300))
def test_harmless_words_hold_no_number(text):
    found = harmless(f"{text} +62 812-3456-7890 {text}")
    assert "3456" not in found or "3456" in text
    assert len(found) <= 80 and "\n" not in found
