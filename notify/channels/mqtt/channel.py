"""MQTT as a channel: publish retained with QoS 1, expire at the broker, read the sirens' health.

What stands at the broker is a state: a later version takes the place of an earlier one, an end
replaces the alert, and the broker itself throws away what has expired (MQTT 5, 3.3.2.3.3), also
while we are down. A message that was published and not answered stays with the client library,
which publishes it again, in order, as soon as the broker is back.
"""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kentongan.errors import DataError, DispatchError, SettingsError
from kentongan.keyfiles import key_file
from notify.channels.answers import seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt, Sink
from notify.channels.mqtt.receiver import Unbelievable, verify
from notify.channels.mqtt.route import MqttRoute
from notify.channels.mqtt.signing import envelope, load_key, topic_of
from notify.channels.real import RealChannel
from notify.firewall.clearance import real_clock

log = logging.getLogger(__name__)

_HEALTH = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_SIRENS = 100_000
_MOST_TOPICS = 500_000
_NOBODY_LISTENS = 0x10
"""MQTT 5, 3.4.2.1: taken, and no subscriber is there now."""
ONLINE, OFFLINE = b"online", b"offline"


@dataclass
class _Known:
    """What the broker told us; its thread writes, others read."""

    sequences: dict[str, int] = field(default_factory=dict)
    """Topic -> of what stands there."""
    sirens: dict[str, bool] = field(default_factory=dict)
    """Device -> whether it is online."""
    codes: dict[int, int] = field(default_factory=dict)
    """Message id -> reason code of the broker's answer."""
    given_up: set[int] = field(default_factory=set)
    """Message ids whose answer nobody waits for any more; the numbers come again."""


class Mqtt(RealChannel):
    """One broker. `send` may be called from any one thread at a time."""

    def __init__(
        self, config: MqttRoute, *, clock: Callable[[], datetime] = real_clock, guest: bool = False
    ) -> None:
        """
        Args:
            guest: looks for a moment and leaves no word of its own health at the broker.

        Raises:
            SettingsError: a key, certificate or password file cannot be used.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._clock = clock
        self._last_word = b"" if guest else OFFLINE
        self._key = load_key(config.sign_key_file)
        self._known = _Known()
        self._ready = threading.Event()
        self._answered = threading.Condition()
        self._client = self._made()
        self._started = False

    def open(self, sink: Sink) -> None:  # noqa: ARG002 a broker has no receipts but its answers
        """Connect in the background; a broker that is away is tried again for ever."""
        self._start()

    def close(self) -> None:
        if self._started:
            self._client.publish(self._own, self._last_word, qos=1, retain=True)
            self._client.disconnect()
            self._client.loop_stop()
            self._started = False

    def sirens(self) -> dict[str, bool]:
        """Device -> whether it is online, by its own word or by its last will."""
        with self._answered:
            return dict(sorted(self._known.sirens.items()))

    def is_ready(self, within_s: float) -> bool:
        """Whether the broker took us and told what stands there."""
        self._start()
        return self._ready.wait(within_s) and self._client.is_connected()

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        if not self.is_ready(self.config.timeout_s):
            raise DispatchError(f"route {self.route}: no broker at {self.config.host}")
        ends = time.monotonic() + self.config.timeout_s
        tried = [self._publish(message) for message in messages]
        return [one if isinstance(one, Receipt) else self._answer(one, ends) for one in tried]

    def _publish(self, message: Outgoing) -> Receipt | int:
        """Its message id, or why it was not published."""
        if message.cap_status != "Actual":
            return Receipt(Outcome.REFUSED, f"{message.cap_status}: sirens take Actual alone")
        left = seconds_left(message, self._clock())
        if left is None or left < 1:
            return Receipt(
                Outcome.REFUSED, "no end is known" if left is None else "its end is past"
            )
        try:
            topic = topic_of(message, self.config.prefix)
            end = (self._clock() + timedelta(seconds=left)).astimezone(UTC)
            content = envelope(message, topic, message.not_after or end, self._key)
        except DataError as error:
            return Receipt(Outcome.REFUSED, str(error))
        with self._answered:
            if message.version < self._known.sequences.get(topic, 0):
                return Receipt(Outcome.REFUSED, "a newer version stands at the broker")
            self._known.sequences[topic] = message.version
        lasting: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        lasting.MessageExpiryInterval = left
        sent = self._client.publish(topic, content, qos=1, retain=True, properties=lasting)
        if sent.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_NO_CONN):
            return Receipt(Outcome.RETRY, f"not queued: {paho.error_string(sent.rc)}", counts=False)
        return sent.mid

    def _answer(self, mid: int, ends: float) -> Receipt:
        with self._answered:
            self._answered.wait_for(
                lambda: mid in self._known.codes, max(0.0, ends - time.monotonic())
            )
            code = self._known.codes.pop(mid, None)
            if code is None:
                self._known.given_up.add(mid)
        if code is None:
            return Receipt(Outcome.UNKNOWN, "published, no answer of the broker")
        if code == _NOBODY_LISTENS:
            return Receipt(Outcome.ACCEPTED, "retained; no device is connected now")
        if code >= 0x80:
            return Receipt(Outcome.RETRY, f"the broker refuses: reason {code:#04x}; see its ACL")
        return Receipt(Outcome.ACCEPTED)

    @property
    def _own(self) -> str:
        return f"{self.config.prefix}/health/{self.config.client_id}"

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._client.connect_async(self.config.host, self.config.port, keepalive=30)
            self._client.loop_start()

    def _made(self) -> paho.Client:
        config = self.config
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=config.client_id, protocol=paho.MQTTv5
        )
        if config.tls:
            client.tls_set_context(_context(config))
        if config.password_file is not None:
            word = key_file(config.password_file, make=None).decode().strip()
            client.username_pw_set(config.username, word)
        client.max_inflight_messages_set(config.window)
        client.reconnect_delay_set(1, 30)
        client.will_set(self._own, self._last_word, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            log.error("route %s: the broker refuses us: %s", self.route, code)
            return
        filters = [(f"{self.config.prefix}/id/#", 1), (f"{self.config.prefix}/health/+", 1)]
        client.subscribe(filters)
        # Comes back after everything that is retained: then we know what stands there.
        client.publish(self._own, ONLINE, qos=1, retain=True)

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        self._ready.clear()
        if code.is_failure:
            log.warning("route %s: connection to the broker lost: %s", self.route, code)

    def _on_publish(self, _c: Any, _u: Any, mid: int, code: Any, _p: Any) -> None:
        with self._answered:
            if mid in self._known.given_up:
                self._known.given_up.discard(mid)
                return
            self._known.codes[mid] = code.value
            self._answered.notify_all()

    def _on_message(self, client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        name = message.topic.removeprefix(f"{self.config.prefix}/health/")
        if message.topic == self._own and message.payload == ONLINE and not message.retain:
            client.unsubscribe(f"{self.config.prefix}/id/#")
            self._ready.set()
        elif name != message.topic:
            self._note_health(name, bytes(message.payload))
        else:
            self._note_standing(message.topic, bytes(message.payload))

    def _note_health(self, name: str, payload: bytes) -> None:
        with self._answered:
            sirens = self._known.sirens
            if name == self.config.client_id or not _HEALTH.fullmatch(name):
                return
            if not payload:
                sirens.pop(name, None)
            elif name in sirens or len(sirens) < _MOST_SIRENS:
                sirens[name] = payload == ONLINE

    def _note_standing(self, topic: str, payload: bytes) -> None:
        """What we ourselves signed tells which version stands there; all else is passed by."""
        try:
            alert = verify(payload, self._key.public_key()) if payload else {}
        except Unbelievable:
            log.warning(
                "route %s: something that is not ours stands at %s", self.route, topic[:120]
            )
            return
        sequence = alert.get("sequence")
        with self._answered:
            known = self._known.sequences
            if alert.get("topic") != topic or type(sequence) is not int:
                return
            if topic in known or len(known) < _MOST_TOPICS:
                known[topic] = max(sequence, known.get(topic, 0))


def _context(config: MqttRoute) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None:
            context.load_cert_chain(config.cert_file, config.cert_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"route {config.route}: certificates: {error}") from error
    return context
