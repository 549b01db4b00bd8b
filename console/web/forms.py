"""What every page with a form does: see who posts it, and read it within bounds."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from fastapi import Request


def is_own(request: Request, public_url: str) -> bool:
    """Whether a page of ours posts: by `Sec-Fetch-Site` (Fetch Metadata), else by `Origin`.

    A browser too old for both may post: nothing of a visitor (no session, no cookie) could be
    abused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return True
    own = {request.headers.get("host", ""), urlsplit(public_url).netloc}
    try:
        return urlsplit(origin).netloc in own - {""}
    except ValueError:
        return False


async def posted(request: Request, *, largest: int, most: int) -> dict[str, str] | None:
    """The fields of a posted form; None: above `largest` bytes or `most` fields, or no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            return None
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=most, keep_blank_values=True)
    except ValueError:
        return None
    return dict(pairs)
