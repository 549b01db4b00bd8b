"""Whether somebody sits at this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from kentongan.settings import Settings

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_local(request: HTTPConnection, settings: Settings) -> bool:
    """Whether somebody sits at this machine, and no proxy may be in between.

    A proxy on the same machine would make every visitor look local: so nobody is local once the
    installation has a public address, or when a request says that it was passed on.
    """
    public = urlsplit(settings.public_url).hostname or ""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    own = (settings.web_host, host, request.client.host if request.client else "")
    unset = public.endswith(".invalid") or is_loopback(public)
    passed_on = any(name in request.headers for name in _FORWARDED)
    return unset and not passed_on and all(map(is_loopback, own))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
