"""Headers that close every answer; a page that needs more sets its own."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from kentongan.settings import Settings

YEAR_S = 365 * 24 * 3600
_NO_DEVICES = "camera=(), microphone=(), usb=(), serial=(), payment=(), display-capture=()"
CLOSED: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": f"geolocation=(), {_NO_DEVICES}",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cache-Control": "no-store",
}
"""Put on every answer that does not set the header itself."""
WITH_POSITION = f"geolocation=(self), {_NO_DEVICES}"
"""The resident's app asks the phone where it is, and keeps it there."""
APP, STATIC = "/app", "/static"


def closing(settings: Settings, path: str) -> dict[str, str]:
    """What an answer for `path` carries unless it says otherwise."""
    found = dict(CLOSED)
    if path == APP or path.startswith(f"{APP}/"):
        found["Permissions-Policy"] = WITH_POSITION
    if path.startswith(f"{STATIC}/"):
        found["Cache-Control"] = "no-cache"  # kept, and asked for by its ETag each time
    public = urlsplit(settings.public_url)
    if public.scheme == "https" and not (public.hostname or "").endswith(".invalid"):
        # Not for subdomains: others may answer there.
        found["Strict-Transport-Security"] = f"max-age={YEAR_S}"
    return found
