"""Answers whose bytes were packed once and are sent to many."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response


def answer(
    request: Request, data: bytes, packed: bytes, *, media_type: str, tag: str, cache: str
) -> Response:
    """The bytes, packed where the reader can open them, or 304 where it has them.

    Args:
        packed: the same bytes by gzip.
        tag: names this content, e.g. its digest.
    """
    entity = f'W/"{tag}"'
    headers = {"Cache-Control": cache, "ETag": entity, "Vary": "Accept-Encoding"}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    if takes_gzip(request):
        return Response(
            packed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(data, media_type=media_type, headers=headers)


def knows(request: Request, tag: str) -> bool:
    """Whether the reader has this content (RFC 9110, 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return tag in {part.strip().removeprefix("W/").strip('"') for part in known.split(",")}


def takes_gzip(request: Request) -> bool:
    """RFC 9110, 12.5.3, as far as browsers use it: a weight of zero is a no."""
    for part in request.headers.get("accept-encoding", "").split(","):
        coding, _, weight = part.strip().lower().partition(";")
        if coding in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
