"""What every page with a form does: see who posts it, and read it within bounds."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.requests import ClientDisconnect

READ_S = 10.0
"""A form or a call of some hundred bytes comes at once; who drips it holds a place."""
MOST_DIGITS = 12
"""Of a stated length that is read as a number."""


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


async def body_of(request: Request, *, largest: int) -> bytes | int:
    """What was sent, or the status that refuses it.

    413: longer than `largest` bytes, told before it is read where the length is stated.
    408: it did not come within `READ_S`.
    400: the sender went away before the end, or states a length that is none.
    """
    stated = request.headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdigit()):
        return 400
    if len(stated) > MOST_DIGITS or int(stated) > largest:
        return 413
    found = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                found += part
                if len(found) > largest:
                    return 413
    except TimeoutError:
        return 408
    except ClientDisconnect:
        return 400
    return bytes(found)


async def posted(request: Request, *, largest: int, most: int) -> dict[str, str] | None:
    """The fields of a posted form; None where `form_of` has none."""
    found = await form_of(request, largest=largest, most=most)
    return None if isinstance(found, int) else found


async def form_of(request: Request, *, largest: int, most: int) -> dict[str, str] | int:
    """The fields of a posted form, without the NUL that no database keeps; of a name that comes
    twice the last one.

    Else the status that refuses it: as `body_of`, and 400 for what is no form or has more than
    `most` fields.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return 400
    body = await body_of(request, largest=largest)
    if isinstance(body, int):
        return body
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=most, keep_blank_values=True)
    except ValueError:
        return 400
    return {name: value.replace("\x00", "") for name, value in pairs}
