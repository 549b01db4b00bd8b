"""Whether a call to us is from the gateway: pure, and in constant time where secrets are compared.

A gateway that signs proves it for each call, and an old or repeated one is refused. Most Indonesian
gateways sign nothing: then the address that it calls has a secret part, and its user and password
or its own address are asked for too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from notify.channels.http.route import HttpRoute
from notify.channels.http.secrets import Secrets

NEAR = timedelta(minutes=5)
"""A signed call of another time is somebody's copy, or a clock is wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` 0: it is the gateway."""

    status: int = 0
    reason: str = ""
    nonce: str = ""
    """Of a signed call: what must not come a second time."""


NOBODY = Verdict(404, "unknown route")


def judge(
    route: HttpRoute,
    secrets: Secrets,
    *,
    secret_part: str,
    headers: Mapping[str, str],
    client: str,
    signed: bytes,
    at: datetime,
) -> Verdict:
    """Who calls.

    Args:
        secret_part: of the address; empty where it has none.
        headers: by names in small letters.
        client: the address of the other side; empty where it is not known.
        signed: the raw body, or the raw query of a GET.
    """
    if not _same(secret_part, secrets.hook):
        return NOBODY
    if not _from_its_net(route, client):
        return Verdict(403, "not one of its addresses")
    if route.hook_password_file and not _knows_password(route, secrets, headers):
        return Verdict(401, "user and password")
    if route.sign_file:
        return _judge_signature(route, secrets, headers, signed, at)
    return Verdict()


def _same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode("utf-8", "replace"), expected.encode())


def _from_its_net(route: HttpRoute, client: str) -> bool:
    nets = route.hooks.from_networks
    if not nets:
        return True
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(net) for net in nets)


def _knows_password(route: HttpRoute, secrets: Secrets, headers: Mapping[str, str]) -> bool:
    kind, _, given = headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(f"{route.hook_user}:{secrets.hook_password}".encode()).decode()
    return _same(given.strip(), expected) and kind.lower() == "basic"


def _judge_signature(
    route: HttpRoute, secrets: Secrets, headers: Mapping[str, str], signed: bytes, at: datetime
) -> Verdict:
    said = headers.get(route.hooks.time_header.lower(), "")
    given = headers.get(route.hooks.signature_header.lower(), "").strip().lower()
    given = given.removeprefix("sha256=")
    dot = b"." if route.hooks.signed == "time.body" else b""
    text = said.encode("utf-8", "replace") + dot + signed
    expected = hmac.new(secrets.sign.encode(), text, hashlib.sha256).hexdigest()
    if not _same(given, expected):
        return Verdict(401, "signature")
    if not _is_near(said, at):
        return Verdict(401, "its time is not now")
    return Verdict(nonce=expected)


def _is_near(said: str, at: datetime) -> bool:
    if not (said.isascii() and said.isdigit() and len(said) <= 10):
        return False
    return abs(at - datetime.fromtimestamp(int(said), UTC)) <= NEAR
