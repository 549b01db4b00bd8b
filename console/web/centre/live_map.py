"""`/centre/map`, the live map with its words and tables; `/centre/wall`, the same for a wall.

Words are made here and complete without scripts; scripts paint the map and fetch the words again
when something changed. What is painted comes from `/centre/map/state.json` and the tiles.
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from console.web.centre.map_lines import MOST_ROWS, WIDE, beside, frames, labels
from console.web.compressed import answer
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.errors import KentonganError
from kentongan.times import iso, parse_instant

MAP = "/centre/map"
WALL = "/centre/wall"


def router(reading: Reading) -> APIRouter:
    found = APIRouter()
    pages = Pages(reading)
    for path, made in (
        (MAP, pages.map),
        (f"{MAP}/panel", pages.panel),
        (f"{MAP}/frames.json", pages.frames),
        (f"{MAP}/labels.json", pages.labels),
        (WALL, pages.wall),
        (f"{WALL}/slides", pages.slides),
    ):
        found.add_api_route(path, made, methods=READ)
    return found


class Pages:
    """One for each application."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._labels: dict[tuple[str, tuple[str, ...]], tuple[bytes, bytes]] = {}

    def map(self, request: Request) -> Response:
        return self._page(request, "centre_map.html")

    def panel(self, request: Request) -> Response:
        """The words alone, for a page that is open; `?at=` of any instant."""
        return self._page(request, "centre_map_panel.html")

    def wall(self, request: Request) -> Response:
        return self._page(request, "centre_wall.html", here=WALL)

    def slides(self, request: Request) -> Response:
        return self._page(request, "centre_wall_slides.html", here=WALL)

    def _page(self, request: Request, template: str, *, here: str = MAP) -> Response:
        found = beside(self.reading, instant(request))
        return page(
            self.reading, request, template, here=here, at=found.at, view=found, most=MOST_ROWS
        )

    def frames(self, request: Request) -> Response:
        """Where to look for each warning."""
        found = beside(self.reading, instant(request))
        return JSONResponse({"at": iso(found.at), **frames(self.reading, found)}, headers=_FRESH)

    def labels(self, request: Request) -> Response:
        """Names and where to write them: of provinces and regencies, `?kind=district` of those.

        They change with the layer set alone.
        """
        kinds = ("district",) if request.query_params.get("kind") == "district" else WIDE
        key = (self.reading.layers.version, kinds)
        if key not in self._labels:
            data = json.dumps(labels(self.reading, kinds), ensure_ascii=False).encode()
            self._labels[key] = (data, gzip.compress(data, mtime=0))
        tag = f"{key[0]}-{len(kinds)}"
        data, packed = self._labels[key]
        return answer(request, data, packed, media_type="application/json", tag=tag, cache=_KEPT)


_FRESH = {"Cache-Control": "private, no-store"}
_KEPT = "private, max-age=3600"


def instant(request: Request) -> datetime | None:
    """`?at=`; None for now.

    Raises:
        HTTPException: 400, it is no instant.
    """
    text = request.query_params.get("at", "")[:40]
    if not text:
        return None
    try:
        return parse_instant(text)
    except (KentonganError, ValueError) as error:
        message = f"at={text}: expected an instant such as 2026-11-22T10:00:00Z"
        raise HTTPException(400, message) from error
