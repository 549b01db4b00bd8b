"""Browsers that subscribe: an endpoint and a village, nothing else; no address of a stranger's."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import select

from kentongan.db import consents, contacts, opt_outs, recipients
from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from notify.registry.addresses import addresses_of
from notify.registry.policy import registry_policy
from notify.registry.push import checked, drop_endpoint, drop_push, subscribe_push
from tests.notify.registry.conftest import AT, AWAY, HOME
from tests.peers.postgres import BOTH

HOSTS = registry_policy().push.hosts
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


KEYS = {"p256dh": b64(b"\x04" + bytes(64)), "auth": b64(bytes(16))}
SUBSCRIPTION = {"endpoint": ENDPOINT, "keys": KEYS, "expirationTime": None, "extra": "<script>"}


def subscribe(engine, keys, subscription=SUBSCRIPTION, area=HOME, text="push-id-2026-11"):
    with writing(engine) as connection:
        return subscribe_push(
            connection, keys, checked(subscription, HOSTS), adm4_code=area, language="id",
            text_version=text, at=AT,
        )  # fmt: skip


@BOTH
def test_a_browser_is_one_person_without_name_or_number(engine, keys, count):
    made = subscribe(engine, keys)
    assert subscribe(engine, keys, area=AWAY) == made
    assert count(recipients) == count(contacts) == 1 and count(consents) == 2
    with engine.connect() as connection:
        row = connection.execute(select(recipients)).mappings().one()
        found = addresses_of(connection, keys, [made], "webpush")
        assert addresses_of(connection, keys, [made], "sms") == {}
    assert (row["role"], row["by_sms"], row["by_push"], row["adm4_code"]) == (
        "resident", False, True, AWAY,
    )  # fmt: skip
    assert json.loads(found[made]) == {"endpoint": ENDPOINT, "keys": KEYS}


@BOTH
def test_a_browser_that_is_gone_is_forgotten_whole(engine, keys, count):
    made = subscribe(engine, keys)
    with writing(engine) as connection:
        assert drop_push(connection, made, at=AT) and not drop_push(connection, made, at=AT)
    assert count(recipients) == count(contacts) == count(opt_outs) == 0
    subscribe(engine, keys)
    with writing(engine) as connection:
        assert drop_endpoint(connection, keys, ENDPOINT, at=AT)
        assert not drop_endpoint(connection, keys, ENDPOINT, at=AT)


def test_a_person_with_a_number_stays_when_their_browser_goes(engine, keys, put, count):
    put()
    with writing(engine) as connection:
        assert not drop_push(connection, "nobody", at=AT)
    assert count(recipients) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"endpoint": "http://fcm.googleapis.com/x"},
        {"endpoint": "https://169.254.169.254/latest/meta-data"},
        {"endpoint": "https://localhost/x"},
        {"endpoint": "https://fcm.googleapis.com.evil.invalid/x"},
        {"endpoint": "https://evil.invalid/fcm.googleapis.com"},
        {"endpoint": "https://fcm.googleapis.com@evil.invalid/x"},
        {"endpoint": "https://x@fcm.googleapis.com/x"},
        {"endpoint": "https://evilnotify.windows.com/x"},
        {"endpoint": "https://[::1"},
        {"endpoint": "https://fcm.googleapis.com/" + "x" * 2048},
        {"endpoint": None},
        {"keys": None},
        {"keys": {**KEYS, "auth": b64(bytes(15))}},
        {"keys": {**KEYS, "p256dh": b64(bytes(65))}},
        {"keys": {**KEYS, "p256dh": "ü"}},
        {"keys": {**KEYS, "auth": "x" * 300}},
    ],
)
def test_what_is_no_subscription_of_a_known_service_is_refused(changed):
    with pytest.raises(RuleViolation, match="push subscription"):
        checked({**SUBSCRIPTION, **changed}, HOSTS)


def test_a_subdomain_and_a_test_peer_are_taken_where_they_are_named():
    below = {**SUBSCRIPTION, "endpoint": "https://wns2.notify.windows.com/w/?token=x"}
    assert checked(below, HOSTS)["endpoint"] == below["endpoint"]
    peer = {**SUBSCRIPTION, "endpoint": "http://127.0.0.1:8090/send/1"}
    assert checked(peer, ("127.0.0.1:8090",))["endpoint"] == peer["endpoint"]
    with pytest.raises(RuleViolation):
        checked(peer, HOSTS)


def test_only_a_text_for_push_is_agreed_to(engine, keys):
    with pytest.raises(RuleViolation, match="consent text"):
        subscribe(engine, keys, text="warga-id-2026-11")
    with pytest.raises(RuleViolation, match="code of a village"):
        subscribe(engine, keys, area="32.04.12")
