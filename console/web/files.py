"""Files as they are: CAP documents, whose bytes never change, their lists, and the map.

`/cap` gives Actual alerts and nothing else; `/cap-exercise` the others. The same files stand
below `public/` for any web server (`notify.cap.public`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from console.web.machine import READ
from console.web.reading import Reading
from kentongan.errors import DataError
from kentongan.store import Store, sha256_hex
from notify.cap.feeds import ATOM, ATOM_TYPE, CAP_TYPE, INDEX, RSS, RSS_TYPE, changed_at
from notify.cap.public import (
    ACTUAL,
    EXERCISE,
    documents,
    entries,
    released,
    released_bytes,
    root_of,
)

PLACES = (("/cap", ACTUAL), ("/cap-exercise", EXERCISE))
_TYPES = {ATOM: ATOM_TYPE, RSS: RSS_TYPE, INDEX: "application/json"}
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "public, max-age=0, must-revalidate"


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    for path, root in PLACES:
        for name in _TYPES:
            answer = partial(_list, reading, root, name)
            found.add_route(f"{path}/{name}", answer, methods=READ)
        found.add_route(f"{path}/{{identifier}}.xml", partial(_alert, reading, root), methods=READ)

    def situation() -> HTMLResponse:
        # The page closes itself by its own policy, which names its scripts by hash.
        headers = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return HTMLResponse(reading.map_page(reading.clock()), headers=headers)

    found.add_api_route("/map", situation, methods=READ)
    return found


def _store(reading: Reading) -> Store:
    return Store(str(reading.settings.home.resolve()))


def _list(reading: Reading, root: str, name: str, request: Request) -> Response:
    at = reading.clock()
    listed = entries(reading.engine, at)[root]
    store, url = _store(reading), reading.settings.public_url
    data = documents(store, root, listed, at=at, public_url=url)[name]
    changed = changed_at(listed, at)
    return unless_known(request, data, media_type=_TYPES[name], changed=changed, cache=_ASK)


def _alert(reading: Reading, root: str, request: Request) -> Response:
    """The document, found by what the table says and checked against its hash.

    The identifier in the address is only compared with the table, never used as a path.
    """
    entry = released(reading.engine, request.path_params["identifier"])
    if entry is None or root_of(entry.status) != root:
        raise HTTPException(404, "no released alert has that identifier")
    try:
        data = released_bytes(_store(reading), entry.path, entry.sha256)
    except OSError as error:
        raise HTTPException(500, "the document is not in the store") from error
    except DataError as error:
        message = "the document was changed after its release; it is not served"
        raise HTTPException(500, message) from error
    return unless_known(request, data, media_type=CAP_TYPE, changed=entry.sent, cache=_FOREVER)


def unless_known(
    request: Request, data: bytes, *, media_type: str, changed: datetime | None, cache: str
) -> Response:
    """The bytes, or 304 where the reader has them (RFC 9110, 13.2.2)."""
    tag = f'"{sha256_hex(data)}"'
    headers = {"Cache-Control": cache, "ETag": tag}
    if changed is not None:
        headers["Last-Modified"] = format_datetime(changed.astimezone(UTC), usegmt=True)
    if _is_known(request, tag, changed):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _is_known(request: Request, tag: str, changed: datetime | None) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {part.strip().removeprefix("W/") for part in known.split(",")}
        return bool(tags & {tag, "*"})
    since = request.headers.get("if-modified-since")
    if since is None or changed is None:
        return False
    try:
        return changed <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
