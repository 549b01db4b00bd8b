"""Whether somebody sits at this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from kentongan.settings import Settings

_FORWARDED = (
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via",
)  # fmt: skip


def is_local(request: HTTPConnection, settings: Settings) -> bool:
    """Whether somebody sits at this machine, and no proxy may be in between.

    A proxy on the same machine would make every visitor look local: so nobody is local once the
    installation has a public address, or when a request says that it was passed on.
    """
    public = host_of(settings.public_url)
    own = (settings.web_host, _asked_host(request), request.client.host if request.client else "")
    unset = public.endswith(".invalid") or is_loopback(public)
    return unset and not was_passed_on(request) and all(map(is_loopback, own))


def was_passed_on(request: HTTPConnection) -> bool:
    """Whether a proxy says that it stands in between."""
    return any(name in request.headers for name in _FORWARDED)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Lower case, without port; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _asked_host(request: HTTPConnection) -> str:
    return host_of(f"//{request.headers.get('host', '')}")
