"""One message of each channel as its peer got it: python -m tests.peers.show_channels

All peers run on 127.0.0.1: an SMSC, a gateway, Debian's gammu-smsd, a push service that decrypts,
stubs of Google's two addresses (no emulator of FCM exists), Debian's mosquitto with a siren, and a
sink for Apprise.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kentongan.keyfiles import key_file
from notify.channels.channel import DeliveryReport, InboundMessage, Outgoing
from notify.channels.fcm import Fcm, FcmRoute
from notify.channels.http.channel import HttpChannel
from notify.channels.http.route import HttpRoute
from notify.channels.modem import GammuChannel, GammuRoute
from notify.channels.mqtt import Mqtt, MqttRoute
from notify.channels.mqtt import signing as siren_keys
from notify.channels.smpp.channel import SmppChannel
from notify.channels.smpp.route import SmppRoute
from notify.channels.staff import Staff, StaffRoute
from notify.channels.webpush import WebPush, WebPushRoute, vapid
from tests.peers.gammu import Modem
from tests.peers.http_stub import Answer, Asked, HttpStub
from tests.peers.mosquitto import Broker, Siren
from tests.peers.outgoing import outgoing
from tests.peers.smsc import Smsc
from tests.peers.webpush import PushService

_DISTRICT = "id/75/02/07"
_PHONE = "+6281234567890"


def web_push(folder: Path) -> dict[str, Any]:
    key = folder / "vapid.pem"
    key_file(key, make=vapid.make_key)
    with PushService() as service:
        channel = WebPush(
            WebPushRoute(
                route="browsers", key_file=key, contact="mailto:duty@example.org", allow_local=True
            )
        )
        address = service.subscribe(channel.public_key)
        [receipt] = channel.transmit([outgoing(address)])
        channel.close()
        return {"receipt": receipt.outcome, "decrypted by the browser": service.shown(address)[0]}


def fcm(folder: Path) -> dict[str, Any]:
    def answer(asked: Asked) -> Answer:
        body = b'{"access_token": "t", "expires_in": 3600, "name": "projects/p/messages/7"}'
        return Answer(200, body, {"Content-Type": "application/json"})

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with HttpStub(answer) as stub:
        account = folder / "account.json"
        fields = {
            "type": "service_account", "client_email": "sender@example.org",
            "private_key": key.decode(), "token_uri": f"{stub.url}/token",
        }  # fmt: skip
        account.write_text(json.dumps(fields))
        channel = Fcm(
            FcmRoute(route="app", project="kentongan-test", account_file=account, base_url=stub.url)
        )
        [receipt] = channel.transmit([outgoing("adm3-750207")])
        channel.close()
        return {"receipt": receipt.outcome, "posted": json.loads(stub.asked[-1].body)}


def siren(folder: Path) -> dict[str, Any]:
    key = folder / "sirens.pem"
    key_file(key, make=siren_keys.make_key)
    with Broker(folder) as broker:
        device = Siren(broker, "siren-1", siren_keys.load_key(key).public_key()).connect()
        channel = Mqtt(
            MqttRoute(
                route="sirens", host="127.0.0.1", port=broker.port, tls=False, sign_key_file=key
            )
        )
        [receipt] = channel.transmit([outgoing(_DISTRICT)])
        device.wait(lambda s: len(s.history) == 1)
        sounds = [one.texts["id"]["title"] for one in device.sounding()]
        ended = {"state": "ended", "level": 0, "title": "SELESAI", "body": "Aman."}
        channel.transmit([outgoing(_DISTRICT, version=2, payload=ended)])
        device.wait(lambda s: len(s.history) == 2)
        channel.close()
        device.disconnect()
        topic, payload = device.raw[0]
        return {
            "receipt": receipt.outcome, "topic": topic, "retained": json.loads(payload),
            "sounds": sounds, "after the end": [list(one) for one in device.history][-1],
        }  # fmt: skip


def staff(folder: Path) -> dict[str, Any]:
    with HttpStub(lambda _: Answer(200)) as sink:
        addresses = folder / "staff.toml"
        addresses.write_text(f'duty = ["{sink.url.replace("http://", "json://")}/"]\n')
        channel = Staff(StaffRoute(route="office", names=("duty",), addresses_file=addresses))
        [receipt] = channel.transmit([outgoing("duty")])
        return {"receipt": receipt.outcome, "posted": json.loads(sink.asked[-1].body)}


class _Nobody:
    """Takes what comes back."""

    def receipts(self, reports: Sequence[DeliveryReport]) -> None: ...

    def inbound(self, message: InboundMessage) -> None: ...

    def gone(self, message: Outgoing) -> None: ...


def _sms(**changes: Any) -> Outgoing:
    return outgoing(_PHONE, channel="sms", **changes)


def smpp(folder: Path) -> dict[str, Any]:
    key_file(folder / "password", make=lambda: b"secret")
    with Smsc.start(folder) as smsc:
        route = SmppRoute(
            kind="smpp", route="operator", channel="sms", host="127.0.0.1", port=smsc.port,
            system_id="kentongan", password_file=folder / "password", source="KEMENSOS",
        )  # fmt: skip
        channel = SmppChannel(route)
        channel.open(_Nobody())
        smsc.wait_for("bind")
        [receipt] = channel.transmit([_sms()])
        channel.close()
        [taken] = smsc.accepted()
        return {"receipt": receipt.outcome, "submit_sm": taken}


def http(folder: Path) -> dict[str, Any]:
    key_file(folder / "token", make=lambda: b"secret")
    with HttpStub(lambda _: Answer(202, b'{"id": "a-1"}')) as gateway:
        route = HttpRoute(
            route="aggregator", channel="sms", url=f"{gateway.url}/send", allow_http=True,
            auth="bearer", token_file=folder / "token", id_json="id",
            json_body={"to": "{to}", "text": "{text}", "ref": "{id}", "ttl": "{validity_min:int}"},
        )  # fmt: skip
        channel = HttpChannel(route)
        [receipt] = channel.transmit([_sms()])
        channel.close()
        [asked] = gateway.asked
        return {"receipt": receipt.outcome, "path": asked.path, "posted": json.loads(asked.body)}


def modem(folder: Path) -> dict[str, Any]:
    device = Modem(folder / "spool")
    device.start()
    try:
        channel = GammuChannel(GammuRoute(kind="gammu", route="modem", spool=device.folder))
        channel.open(_Nobody())
        [receipt] = channel.transmit([_sms()])
        channel.close()
        return {"receipt": receipt.outcome, "said": receipt.detail}
    finally:
        device.close()


CHANNELS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "SMS over SMPP": smpp,
    "SMS over an HTTP gateway": http,
    "SMS over a modem (gammu-smsd)": modem,
    "Web Push": web_push,
    "FCM": fcm,
    "MQTT siren": siren,
    "staff (Apprise)": staff,
}


def main() -> None:
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for name, show in CHANNELS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"== {name}")  # noqa: T201
            print(json.dumps(show(Path(folder)), ensure_ascii=False, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
