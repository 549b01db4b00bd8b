"""Files as they are: CAP documents, whose bytes never change, and the situation map."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from console.web.machine import READ
from console.web.reading import Reading
from kentongan.store import Store, sha256_hex

CAP_TYPE = "application/cap+xml"
_FOREVER = "public, max-age=31536000, immutable"


def router(reading: Reading) -> APIRouter:
    found = APIRouter()

    def index() -> JSONResponse:
        return JSONResponse({"alerts": [_listed(row) for row in reading.alerts()]})

    def cap(identifier: str) -> Response:
        row = reading.alert(identifier)
        if row is None:
            raise HTTPException(404, "no released alert has that identifier")
        headers = {"Cache-Control": _FOREVER, "ETag": f'"{row["sha256"]}"'}
        return Response(_bytes(reading, row), media_type=CAP_TYPE, headers=headers)

    def situation() -> HTMLResponse:
        # The page closes itself by its own policy, which names its scripts by hash.
        headers = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return HTMLResponse(reading.map_page(reading.clock()), headers=headers)

    found.add_api_route("/cap/index.json", index, methods=READ)
    found.add_api_route("/cap/{identifier}.xml", cap, methods=READ)
    found.add_api_route("/map", situation, methods=READ)
    return found


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("identifier", "warning_id", "version", "sender", "sent", "expires", "sha256")
    return {**{name: row[name] for name in kept}, "url": f"/cap/{row['identifier']}.xml"}


def _bytes(reading: Reading, row: dict[str, Any]) -> bytes:
    """The document, found by what the table says and checked against its hash.

    The identifier in the address is only compared with the table, never used as a path.
    """
    try:
        data = Store(str(reading.settings.home.resolve())).read(row["path"])
    except OSError as error:
        raise HTTPException(500, "the document is not in the store") from error
    if sha256_hex(data) != row["sha256"]:
        raise HTTPException(500, "the document was changed after its release; it is not served")
    return data
