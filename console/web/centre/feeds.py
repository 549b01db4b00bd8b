"""`/centre/feeds`: what we see by, what we are blind to, what was refused."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.web.machine import READ
from console.web.pages import feed_values
from console.web.reading import Reading
from console.web.rendering import page

PATH = "/centre/feeds"
SHOWN = 50


class Feeds:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def show(self, request: Request) -> Response:
        return self._page(request, "centre_feeds.html")

    def part(self, request: Request) -> Response:
        """The tables alone, for a page that is open."""
        return self._page(request, "centre_feeds_table.html")

    def _page(self, request: Request, template: str) -> Response:
        from ingest.keep.quarantine import listed

        reading, at = self.reading, self.reading.clock()
        with reading.engine.connect() as connection:
            refused = listed(connection)
        return page(
            reading, request, template, here=PATH, at=at, pulse=reading.pulse(),
            refused=refused[:SHOWN], refused_count=len(refused), **feed_values(reading, at),
        )  # fmt: skip


def router(reading: Reading) -> APIRouter:
    found, feeds = APIRouter(), Feeds(reading)
    found.add_api_route(PATH, feeds.show, methods=READ)
    found.add_api_route(f"{PATH}/table", feeds.part, methods=READ)
    return found
