"""Cookies of the command centre: for our own pages alone, never for scripts, never in a log.

Over TLS their names begin with `__Host-`: browsers then take them only from this host, with
`Secure` and for all paths. Before the screen of a machine without TLS they have their plain names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from console.web.access.local import host_of, is_local

if TYPE_CHECKING:
    from kentongan.settings import Settings

SESSION = "kentongan"
DEVICE = "kentongan-device"
ELSEWHERE = "kentongan-oidc"
LONGEST = 4_096
"""Bytes that browsers keep of one cookie."""


def needs_tls(request: Request, settings: Settings) -> bool:
    """Whether a session here needs TLS: everywhere but before the screen of this machine."""
    return request.url.scheme == "https" or not is_local(request, settings)


def tls_is_missing(request: Request, settings: Settings) -> bool:
    """Whether a browser would throw our cookies away: no TLS here, and none in front of us."""
    public = urlsplit(settings.public_url)
    in_front = public.scheme == "https" and not host_of(settings.public_url).endswith(".invalid")
    return needs_tls(request, settings) and request.url.scheme != "https" and not in_front


def read(request: Request, settings: Settings, base: str) -> str:
    """The value, or an empty text."""
    return request.cookies.get(_name(request, settings, base), "")[:LONGEST]


def put(
    response: Response, request: Request, settings: Settings, base: str, value: str,
    *, seconds: int | None = None,
) -> None:  # fmt: skip
    """Set a cookie; without `seconds` it goes when the browser is closed."""
    response.set_cookie(
        _name(request, settings, base), value, max_age=seconds, path="/", httponly=True,
        secure=needs_tls(request, settings), samesite="lax",
    )  # fmt: skip


def drop(response: Response, request: Request, settings: Settings, base: str) -> None:
    put(response, request, settings, base, "", seconds=0)


def _name(request: Request, settings: Settings, base: str) -> str:
    return f"__Host-{base}" if needs_tls(request, settings) else base
