"""Answers of the app: packed for slow networks, closed by our own policy; bodies read in bounds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from console.web.compressed import takes_gzip
from console.web.forms import body_of
from console.web.rendering import PAGE_POLICY

HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    # The app itself may ask for the position, which it keeps in the phone.
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    # With no-referrer a browser posts `Origin: null`, which would look like a foreign page.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
SMALL = 400
"""Bytes that are not worth packing."""
HTML = "text/html; charset=utf-8"
JSON = "application/json"


def packed(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    cache: str = "no-store",
    ready: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`body`, by gzip where the browser reads it; `ready` is the same already packed."""
    own = {**HEADERS, "Cache-Control": cache, **(headers or {})}
    if len(body) > SMALL and takes_gzip(request):
        body = ready if ready is not None else gzip.compress(body, 6)
        own["Content-Encoding"] = "gzip"
    return Response(body, status, media_type=media_type, headers=own)


def told(
    request: Request, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return packed(request, body, JSON, status=status, headers=headers)


async def posted_json(request: Request, *, largest: int) -> dict[str, Any] | None:
    """The object that was posted; None: another kind, too long or slow, or no JSON object."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        return None
    body = await body_of(request, largest=largest)
    if isinstance(body, int):
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text_of(value: Mapping[str, Any], name: str, most: int) -> str:
    """A text of at most `most` characters that a database takes; empty where there is none."""
    found = value.get(name)
    if not isinstance(found, str):
        return ""
    return found[:most].encode("utf-8", "replace").decode().replace("\x00", "")
