"""Sirens over Debian's mosquitto: signed, retained, ended; hostile messages; who may do what."""

from __future__ import annotations

import base64
import gc
import json
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kentongan.errors import DataError, DispatchError, SettingsError
from notify.channels.channel import Outcome
from notify.channels.mqtt import Mqtt, MqttRoute
from notify.channels.mqtt.receiver import (
    LARGEST,
    Receiver,
    Unbelievable,
    Verdict,
    key_id,
    verify,
)
from notify.channels.mqtt.signing import envelope, load_key, make_key, topic_of
from tests.peers.mosquitto import Broker, Siren
from tests.peers.outgoing import NOW, outgoing

DISTRICT = "id/75/02/07"
TOPIC = f"ews/v1/{DISTRICT}/alert/w-tsunami"
ENDED = {"state": "ended", "level": 0, "texts": {"id": {"title": "SELESAI", "body": "Aman."}}}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "sirens.pem"
    path.write_bytes(make_key())
    return path


@pytest.fixture(scope="module")
def key(key_file):
    return load_key(key_file)


def route(key_file, port, **changes):
    given_keys = {
        "route": "sirens", "host": "127.0.0.1", "port": port, "tls": False,
        "sign_key_file": key_file, "timeout_s": 3.0,
    }  # fmt: skip
    return MqttRoute(**{**given_keys, **changes})


@contextmanager
def channel_to(key_file, broker, **changes):
    one = Mqtt(route(key_file, broker.port, **changes))
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path) as one:
        yield one


@pytest.fixture
def channel(key_file, broker):
    with channel_to(key_file, broker) as one:
        yield one


def send(channel, **changes):
    [receipt] = channel.transmit([outgoing(DISTRICT, **changes)])
    return receipt


def signed(key, **changes):
    """An alert that our key signed, whatever it says."""
    alert = {
        "topic": TOPIC, "warning_id": "w-tsunami", "sequence": 1, "state": "alert",
        "status": "Actual", "level": 4, "expires": "2099-01-01T00:00:00Z",
        "texts": {"id": {"title": "x", "body": "y"}},
    }  # fmt: skip
    text = json.dumps({**alert, **changes})
    signature = base64.b64encode(key.sign(text.encode())).decode()
    return json.dumps({"alert": text, "signature": signature}).encode()


def test_a_siren_sounds_and_falls_silent(channel, broker, key):
    siren = Siren(broker, "siren-1", key.public_key()).connect()
    receipt = send(channel)
    assert receipt.outcome is Outcome.ACCEPTED and not receipt.detail
    siren.wait(lambda s: s.history == [("AWAS TSUNAMI",)])
    assert siren.sounding()[0].texts["en"]["title"] == "TSUNAMI WARNING"
    assert send(channel, version=2, payload=ENDED).outcome is Outcome.ACCEPTED
    siren.wait(lambda s: s.history == [("AWAS TSUNAMI",), ()])
    siren.disconnect()


def test_an_offline_siren_gets_the_newest_state_alone(channel, broker, key):
    siren = Siren(broker, "siren-1", key.public_key(), settle=0.5).connect()
    siren.disconnect()
    for version in (1, 2, 3):
        send(channel, version=version)
    send(channel, version=4, payload=ENDED)
    siren.connect()
    siren.wait(lambda s: s.verdicts["new"] >= 1 and s.history == [()])
    assert siren.history == [()], "it never sounded for what was over"
    siren.disconnect()


def test_a_siren_that_is_new_gets_what_stands(channel, broker, key):
    assert "no device" in send(channel).detail
    siren = Siren(broker, "siren-2", key.public_key()).connect()
    siren.wait(lambda s: s.history == [("AWAS TSUNAMI",)])
    siren.disconnect()


def test_the_end_of_one_warning_leaves_another(channel, broker, key):
    siren = Siren(broker, "siren-1", key.public_key()).connect()
    send(channel)
    flood = {"texts": {"id": {"title": "SIAGA BANJIR", "body": "Naik."}}, "level": 3}
    send(channel, warning_id="w-flood", level=3, payload=flood)
    siren.wait(lambda s: s.history[-1:] == [("AWAS TSUNAMI", "SIAGA BANJIR")])
    send(channel, warning_id="w-flood", version=2, payload=ENDED)
    siren.wait(lambda s: s.history[-1:] == [("AWAS TSUNAMI",)])
    siren.disconnect()


def test_what_has_expired_is_gone_from_the_broker(channel, broker, key):
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    assert send(channel, not_after=soon).outcome is Outcome.ACCEPTED
    early = Siren(broker, "siren-1", key.public_key()).connect()
    early.wait(lambda s: s.history == [("AWAS TSUNAMI",)])
    wait(lambda: early.sounding() == [])  # by its own clock
    early.disconnect()
    time.sleep(0.6)
    fresh = Siren(broker, "siren-3", key.public_key()).connect()
    time.sleep(0.3)
    assert fresh.raw == [], "the broker threw it away"
    fresh.disconnect()


def test_what_others_publish_is_not_believed(channel, broker, key):
    """Somebody at the broker: no signature, a wrong one, an old one, another district."""
    siren = Siren(broker, "siren-1", key.public_key(), settle=0.05).connect()
    send(channel)
    send(channel, version=2, payload=ENDED)
    siren.wait(lambda s: s.verdicts["new"] == 2)
    _, old = siren.raw[0]
    stranger = Ed25519PrivateKey.generate()
    tampered = old.replace(b"2099", b"2098").replace(b"AWAS", b"AMAN")
    with channel_to_raw(broker) as raw:
        for payload in (old, tampered, signed(stranger, sequence=9), b"{}", b"\xff", b""):
            raw(TOPIC, payload)
        elsewhere = f"ews/v1/{DISTRICT}/alert/w-other"
        raw(elsewhere, signed(key, sequence=9))
        raw(TOPIC, signed(key, sequence=9, status="Exercise"))
        raw(TOPIC, signed(key, sequence=9, expires="2020-01-01T00:00:00Z"))
        siren.wait(lambda s: sum(s.verdicts.values()) >= 11)
    assert siren.sounding() == []
    assert {k: v for k, v in siren.verdicts.items() if k != "new"} == {
        "replay": 1, "tampered": 4, "empty": 1, "elsewhere": 1, "drill": 1, "expired": 1,
    }  # fmt: skip
    siren.disconnect()


@contextmanager
def channel_to_raw(broker):
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="stranger")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield lambda topic, payload: client.publish(topic, payload, qos=1).wait_for_publish(5)
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_drill_never_reaches_the_broker(channel, broker, key):
    """Behind the gate, which gives such a run no channel at all."""
    siren = Siren(broker, "siren-1", key.public_key()).connect()
    for status in ("Exercise", "Test", ""):
        receipt = send(channel, cap_status=status)
        assert receipt.outcome is Outcome.REFUSED, status
    send(channel, warning_id="w-real")
    siren.wait(lambda s: s.verdicts["new"] == 1)
    assert len(siren.raw) == 1
    siren.disconnect()


def test_an_older_version_never_replaces_a_newer_one(key_file, broker, key):
    with channel_to(key_file, broker) as first:
        assert send(first, version=3).outcome is Outcome.ACCEPTED
        assert send(first, version=2).outcome is Outcome.REFUSED
        assert send(first, version=3).outcome is Outcome.ACCEPTED, "again is harmless"
    with channel_to(key_file, broker) as after_a_restart:
        receipt = send(after_a_restart, version=2)
        assert receipt.outcome is Outcome.REFUSED and "newer" in receipt.detail


def test_a_false_state_at_the_broker_does_not_silence_us(key_file, broker):
    with channel_to_raw(broker) as raw:
        raw(TOPIC, signed(Ed25519PrivateKey.generate(), sequence=999))
    with channel_to(key_file, broker) as channel:
        assert send(channel).outcome is Outcome.ACCEPTED


def test_without_a_broker_nothing_was_sent(key_file, tmp_path):
    broker = Broker(tmp_path)
    with channel_to(key_file, broker, timeout_s=0.5) as channel:
        with pytest.raises(DispatchError, match="no broker"):
            send(channel)
        broker.start()
        end = time.monotonic() + 10
        while True:
            try:
                assert send(channel).outcome is Outcome.ACCEPTED
                break
            except DispatchError:
                assert time.monotonic() < end
        broker.stop()


def test_what_was_published_and_not_answered_is_published_again(key_file, tmp_path, key):
    """The broker is frozen while we publish, then killed and started: the siren hears it."""
    import signal

    broker = Broker(tmp_path)
    broker.start()
    with channel_to(key_file, broker, timeout_s=0.5) as channel:
        send(channel, warning_id="w-before")
        broker.process.send_signal(signal.SIGSTOP)
        receipt = send(channel)
        assert receipt.outcome is Outcome.UNKNOWN
        broker.process.kill()
        broker.process.wait(5)
        broker.start()
        siren = Siren(broker, "siren-1", key.public_key()).connect()
        siren.wait(lambda s: s.history == [("AWAS TSUNAMI",)], 15)
        siren.disconnect()
    broker.stop()


def test_health_by_word_and_by_last_will(channel, broker, key):
    sirens = [Siren(broker, f"siren-{n}", key.public_key()).connect() for n in (1, 2)]
    send(channel)
    wait(lambda: channel.sirens() == {"siren-1": True, "siren-2": True})
    sirens[0].die()
    wait(lambda: channel.sirens() == {"siren-1": False, "siren-2": True})
    sirens[1].disconnect()


def wait(holds, timeout=15.0):
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_acl_keeps_sirens_from_speaking(key_file, tmp_path, key):
    """The list of `docs/push.md`: a siren reads its district and writes its own health alone."""
    text = (Path(__file__).parents[2] / "docs/push.md").read_text()
    (tmp_path / "acl").write_text(text[text.index("user kentongan") :].partition("```")[0])
    words = tmp_path / "words"
    words.touch(mode=0o600)
    for name in ("kentongan", "siren-1"):
        subprocess.run(["mosquitto_passwd", "-b", str(words), name, f"{name}-word"], check=True)
    secret = tmp_path / "secret"
    secret.write_text("kentongan-word\n")
    lines = ("allow_anonymous false", f"password_file {words}", f"acl_file {tmp_path / 'acl'}")
    with Broker(tmp_path, *lines) as broker:
        siren = Siren(broker, "siren-1", key.public_key()).connect("siren-1", "siren-1-word")
        with channel_to(key_file, broker, username="kentongan", password_file=secret) as channel:
            assert send(channel).outcome is Outcome.ACCEPTED
            siren.wait(lambda s: s.history == [("AWAS TSUNAMI",)])
            wait(lambda: channel.sirens() == {"siren-1": True})
            assert siren._client is not None
            siren._client.publish(TOPIC, b"", qos=1, retain=True).wait_for_publish(5)
            late = Siren(broker, "siren-1b", key.public_key()).connect("siren-1", "siren-1-word")
            late.wait(lambda s: s.history == [("AWAS TSUNAMI",)])
            late.disconnect()
        as_siren = {"username": "siren-1", "password_file": tmp_path / "siren-word"}
        (tmp_path / "siren-word").write_text("siren-1-word")
        cannot_send(channel_to(key_file, broker, client_id="thief", timeout_s=1.0, **as_siren))
        siren.disconnect()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_with_certificates_of_both_sides(key_file, tmp_path, key):
    made = certificates(tmp_path)
    lines = (
        f"cafile {made['ca']}", f"certfile {made['broker']}", f"keyfile {made['broker-key']}",
        "require_certificate true", "use_identity_as_username true",
    )  # fmt: skip
    with Broker(tmp_path, *lines) as broker:
        ours = {
            "tls": True, "ca_file": made["ca"], "cert_file": made["us"],
            "cert_key_file": made["us-key"],
        }  # fmt: skip
        with channel_to(key_file, broker, **ours) as channel:
            assert send(channel).outcome is Outcome.ACCEPTED
        stranger = {"tls": True, "ca_file": made["ca"]}
        cannot_send(channel_to(key_file, broker, timeout_s=0.7, **stranger))
        cannot_send(channel_to(key_file, broker, timeout_s=0.7, tls=True))
        gc.collect()


def cannot_send(opening):
    with opening as channel, pytest.raises(DispatchError):
        send(channel)


def certificates(folder):
    """A small authority, a broker for 127.0.0.1 and us, by openssl."""
    made = {}

    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    ca, ca_key = folder / "ca.pem", folder / "ca-key.pem"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run(*new, "-subj", "/CN=ca", "-days", "2", "-out", str(ca), "-keyout", str(ca_key))
    for name in ("broker", "us"):
        crt, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        sign = ["-CA", str(ca), "-CAkey", str(ca_key), "-addext", "subjectAltName=IP:127.0.0.1"]
        run(*new, *sign, "-subj", f"/CN={name}", "-out", str(crt), "-keyout", str(key),
            "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
        made |= {name: crt, f"{name}-key": key}
    return {**made, "ca": ca}


# The receiver, without a broker


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(payload):
    receiver = Receiver(Ed25519PrivateKey.generate().public_key())
    assert receiver.take(TOPIC, payload, NOW) in (Verdict.TAMPERED, Verdict.EMPTY)


_FIELDS = (
    "topic", "sequence", "state", "level", "expires", "texts", "warning_id", "status",
)  # fmt: skip
_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES | st.lists(_VALUES)))
def test_any_fields_that_our_key_signed(changes):
    """Even our own signer at fault breaks no device."""
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    receiver = Receiver(key.public_key())
    receiver.take(TOPIC, signed(key, **changes), NOW)
    assert isinstance(receiver.sounding(NOW), list)


@given(st.data())
def test_one_changed_byte_is_seen(data):
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    whole = bytearray(signed(key))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 6))
    try:
        alert = verify(bytes(whole), key.public_key())
    except Unbelievable:
        return
    assert alert == json.loads(json.loads(signed(key))["alert"]), "the signed text itself is whole"


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=12))
def test_the_highest_sequence_wins_in_any_order(arrivals):
    """Whatever order and however often: the state is that of the highest sequence."""
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    receiver = Receiver(key.public_key())
    first: dict[int, bool] = {}
    for sequence, ended in arrivals:
        ended = first.setdefault(sequence, ended)
        state = "ended" if ended else "alert"
        receiver.take(TOPIC, signed(key, sequence=sequence, state=state), NOW)
    expected = bool(first) and not first[max(first)]
    assert bool(receiver.sounding(NOW)) is expected


def test_a_restart_keeps_what_was_seen(key):
    before = Receiver(key.public_key())
    assert before.take(TOPIC, signed(key, sequence=5, state="ended"), NOW) is Verdict.NEW
    after = Receiver(key.public_key(), before.sequences())
    assert after.take(TOPIC, signed(key, sequence=4), NOW) is Verdict.REPLAY
    assert after.take(TOPIC, signed(key, sequence=5, state="ended"), NOW) is Verdict.NEW


def test_levels_below_the_threshold_are_shown_and_make_no_sound(key):
    receiver = Receiver(key.public_key())
    receiver.take(TOPIC, signed(key, level=2), NOW)
    assert receiver.sounding(NOW) == [] and len(receiver.sounding(NOW, from_level=2)) == 1


def test_what_we_sign_is_what_they_read(key):
    message = outgoing(DISTRICT)
    made = envelope(message, topic_of(message, "ews/v1"), message.not_after, key)
    alert = verify(made, key.public_key())
    assert alert["topic"] == TOPIC and alert["sequence"] == 1 and alert["level"] == 4
    assert json.loads(made)["key_id"] == key_id(key.public_key())
    with pytest.raises(Unbelievable):
        verify(made + b" " * LARGEST, key.public_key())


@pytest.mark.parametrize("address", ["", "id/75/02", "id/75/02/07/#", "id/75/02/+", "x/75/02/07"])
def test_addresses_without_wildcards(address):
    with pytest.raises(DataError):
        topic_of(outgoing(address), "ews/v1")


@pytest.mark.parametrize(
    "change",
    [
        {"host": "broker.example.org"},
        {"username": "x"},
        {"cert_file": "x.pem"},
        {"prefix": "ews/#"},
        {"client_id": "a/b"},
        {"unknown": 1},
    ],
)
def test_routes_that_may_not_be(key_file, change):
    with pytest.raises(ValidationError):
        route(key_file, 1883, **change)


def test_keys_of_another_kind(tmp_path):
    from notify.channels.webpush.vapid import make_key as make_vapid

    other = tmp_path / "vapid.pem"
    other.write_bytes(make_vapid())
    with pytest.raises(SettingsError, match="Ed25519"):
        load_key(other)
    with pytest.raises(SettingsError, match=r"none\.pem"):
        load_key(tmp_path / "none.pem")
