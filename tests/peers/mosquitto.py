"""Debian's mosquitto on 127.0.0.1, and a siren that listens to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from notify.channels.mqtt.receiver import Receiver, State

BINARY = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Broker:
    """with Broker(tmp_path, "allow_anonymous true") as broker: …; `lines` are of its own file."""

    def __init__(self, folder: Path, *lines: str) -> None:
        if not Path(BINARY).exists():
            assert os.environ.get("REQUIRE_PEERS") != "1", "mosquitto is missing: apt-get install"
            pytest.skip("no broker: mosquitto is missing; run: apt-get install mosquitto")
        self.port = free_port()
        self.file = folder / "mosquitto.conf"
        # As root mosquitto changes to its own user, who may not read a test's folder.
        user = ["user root"] if os.geteuid() == 0 else []
        whole = [f"listener {self.port} 127.0.0.1", *(lines or ("allow_anonymous true",)), *user]
        self.file.write_text("\n".join(whole) + "\n")
        self.log = folder / "mosquitto.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "-c", str(self.file), "-v"], stdout=log, stderr=log
            )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Siren:
    """A device: persistent session, last will, and the receiver of the reference.

    It acts `settle` seconds after the last message; `history` is what it did, in order.
    """

    def __init__(
        self,
        broker: Broker,
        name: str,
        key: Ed25519PublicKey,
        district: str = "id/75/02/07",
        settle: float = 0.2,
    ) -> None:
        self.broker, self.name, self.settle = broker, name, settle
        self.filter = f"ews/v1/{district}/alert/#"
        self.health = f"ews/v1/health/{name}"
        self.receiver = Receiver(key)
        self.verdicts: Counter[str] = Counter()
        self.raw: list[tuple[str, bytes]] = []
        self.history: list[tuple[str, ...]] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._subscribed = threading.Event()
        self._client: paho.Client | None = None

    def connect(self, username: str = "", password: str = "") -> Siren:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self.name, protocol=paho.MQTTv5)
        if username:
            client.username_pw_set(username, password)
        client.will_set(self.health, b"offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        lasting: Any = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 86_400
        self._subscribed.clear()
        client.connect(
            "127.0.0.1", self.broker.port, clean_start=False, properties=lasting, keepalive=5
        )
        client.loop_start()
        self._client = client
        assert self._subscribed.wait(5)
        return self

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(self.filter, 1)
        client.publish(self.health, b"online", qos=1, retain=True)

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        with self._lock:
            self.raw.append((message.topic, bytes(message.payload)))
            verdict = self.receiver.take(message.topic, bytes(message.payload), datetime.now(UTC))
            self.verdicts[str(verdict)] += 1
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(self.settle, self._act)
            self._timer.start()

    def _act(self) -> None:
        with self._lock:
            now = tuple(one.texts["id"]["title"] for one in self.sounding())
            if not self.history or self.history[-1] != now:
                self.history.append(now)

    def sounding(self) -> list[State]:
        return self.receiver.sounding(datetime.now(UTC))

    def wait(self, holds: Callable[[Siren], bool], timeout: float = 5.0) -> None:
        end = time.monotonic() + timeout
        while not holds(self):
            assert time.monotonic() < end, (dict(self.verdicts), self.history)
            time.sleep(0.02)

    def disconnect(self) -> None:
        """In good order: no last will."""
        if self._client is not None:
            self._client.disconnect()
            self._end()

    def die(self) -> None:
        """The cable is cut: the broker publishes the last will."""
        assert self._client is not None
        sock: Any = self._client.socket()
        self._client.loop_stop()
        sock.close()
        self._end()

    def _end(self) -> None:
        assert self._client is not None
        self._client.loop_stop()
        self._client = None
        if self._timer is not None:
            self._timer.join()
