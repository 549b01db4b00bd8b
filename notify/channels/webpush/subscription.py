"""A browser's subscription as the registry keeps it. All of it is hostile input.

Whoever signs up chooses the endpoint, so it could name a machine of ours (server-side request
forgery): https alone, a public host, and `guard.py` looks at the address itself at each connection.
"""

from __future__ import annotations

import binascii
import ipaddress
import json
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from kentongan.errors import DataError

_LONGEST = 4096
"""Characters of a whole subscription; those of browsers have 200 to 700."""
_POINT_BYTES, _AUTH_BYTES = 65, 16
"""RFC 8291, 3.1 and 3.2: an uncompressed point on P-256, and 16 random bytes."""


@dataclass(frozen=True, slots=True)
class Subscription:
    endpoint: str
    p256dh: bytes
    auth: bytes

    @property
    def origin(self) -> str:
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


def read_subscription(
    text: str, *, hosts: Sequence[str] = (), allow_local: bool = False
) -> Subscription:
    """The subscription, as `PushSubscription.toJSON()` writes it, seen to be usable.

    Raises:
        DataError: no subscription, or an endpoint to which nothing may be sent. The endpoint, which
            is a secret of its owner, does not stand in the message.
    """
    found = _json(text)
    keys = found.get("keys")
    keys = keys if isinstance(keys, dict) else {}
    endpoint = found.get("endpoint")
    if not isinstance(endpoint, str):
        raise DataError("push subscription: expected the text `endpoint`")
    require_allowed(endpoint, hosts=hosts, allow_local=allow_local)
    p256dh, auth = _bytes(keys, "p256dh", _POINT_BYTES), _bytes(keys, "auth", _AUTH_BYTES)
    _require_point(p256dh)
    return Subscription(endpoint, p256dh, auth)


def _json(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise DataError(f"push subscription: expected at most {_LONGEST} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("push subscription: expected JSON") from error
    if not isinstance(found, dict):
        raise DataError("push subscription: expected an object")
    return found


def _bytes(keys: dict[str, Any], name: str, length: int) -> bytes:
    text = keys.get(name)
    if isinstance(text, str):
        try:
            found = urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
        except (binascii.Error, ValueError):
            found = b""
        if len(found) == length:
            return found
    raise DataError(f"push subscription: expected keys.{name}, {length} bytes in base64url")


def _require_point(point: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise DataError("push subscription: keys.p256dh is no point on P-256") from error


def require_allowed(endpoint: str, *, hosts: Sequence[str], allow_local: bool) -> None:
    """See that a message may be posted to this endpoint, as far as its text tells.

    Raises:
        DataError: it may not.
    """
    parts = _parts(endpoint)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme != "https" and not (allow_local and parts.scheme == "http"):
        raise DataError("push endpoint: expected https")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise DataError("push endpoint: expected a host, no user, no fragment")
    if not allow_local and parts.port not in (None, 443):
        raise DataError("push endpoint: expected port 443")
    if not allow_local and (_is_address(host) or "." not in host):
        raise DataError("push endpoint: expected the name of a public host, found an address")
    if hosts and not any(host == one or host.endswith(f".{one}") for one in hosts):
        raise DataError("push endpoint: not one of the push services of this route")


def _parts(endpoint: str) -> SplitResult:
    try:
        endpoint.encode("ascii")
        if any(c <= " " or c in "\\\x7f" for c in endpoint):
            raise ValueError("a blank")
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError as error:
        raise DataError("push endpoint: not an address in plain ASCII") from error
    return parts


def _is_address(host: str) -> bool:
    """Also the odd spellings that resolvers take: `2130706433`, `0x7f.1`."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rsplit(".", 1)[-1]
        return last.isdigit() or last.startswith("0x")
    return True
