"""Which addresses are the real feeds: only what comes from them can lead to an Actual alert.

Everything else may be a recording, a scenario or a test, on this machine or on another one.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOME = "bmkg.go.id"
INATEWS = "bmkg-content-inatews.storage.googleapis.com"
"""Where BMKG publishes the bulletins of InaTEWS."""


def is_bmkg(url: str, trusted: Collection[str] = ()) -> bool:
    """Whether an address is BMKG's own, over TLS, or of a host that the operator vouches for."""
    host = _host(url)
    if host in trusted:
        return not is_this_machine(url)
    own = host in (_HOME, INATEWS) or host.endswith(f".{_HOME}")
    return own and urlsplit(url).scheme == "https"


def is_this_machine(url: str) -> bool:
    """Whether an address leads to a server on this machine, as far as its text tells."""
    host = _host(url).rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
