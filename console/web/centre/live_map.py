"""`/centre/map`, the live map with its words and tables; `/centre/wall`, the same for a wall.

Words are made here and complete without scripts; scripts paint the map and fetch the words again
when something changed. What is painted comes from `/centre/map/state.json` and the tiles.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.templating import render
from console.web.centre.map_lines import MOST_ROWS, WIDE, Beside, beside, frames, labels
from console.web.compressed import answer
from console.web.machine import READ
from console.web.map_state import asked_instant
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.store import sha256_hex
from kentongan.times import iso

MAP = "/centre/map"
WALL = "/centre/wall"
KEPT_S = 2.0
"""The words of the present are made once for all who ask within it, and anew after a change."""
ASK = "private, no-cache"
HOUR = "private, max-age=3600"
_JSON, _HTML = "application/json", "text/html; charset=utf-8"


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


class Packed:
    """An answer and the same by gzip, for many readers."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        self.packed = gzip.compress(self.data, 5, mtime=0)
        self.tag = sha256_hex(self.data)[:32]


class Words:
    """What stands beside the map at one instant, and its answers as far as they were asked for."""

    def __init__(self, view: Beside, generation: int = 0) -> None:
        self.view = view
        self.generation = generation
        self.made_s = time.monotonic()
        self.answers: dict[str, Packed] = {}

    def holds(self, generation: int) -> bool:
        return self.generation == generation and time.monotonic() - self.made_s < KEPT_S


class Pages:
    """One for each application."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._lock = threading.Lock()
        self._present: Words | None = None
        self._generation = 0
        self._labels: dict[tuple[str, tuple[str, ...]], Packed] = {}
        reading.when_changed(self._forget)

    def _forget(self) -> None:
        """Something was written: what was read before is not the present any more."""
        self._generation += 1

    def words(self, at: datetime | None) -> Words:
        if at is not None:
            return Words(beside(self.reading, at))
        with self._lock:
            have, generation = self._present, self._generation
            if have is None or not have.holds(generation):
                have = self._present = Words(beside(self.reading), generation)
            return have

    def map(self, request: Request) -> Response:
        return self._page(request, "centre_map.html", MAP)

    def wall(self, request: Request) -> Response:
        return self._page(request, "centre_wall.html", WALL)

    def _page(self, request: Request, template: str, here: str) -> Response:
        view = self._asked(request).view
        return page(
            self.reading, request, template, here=here, at=view.at, view=view, most=MOST_ROWS
        )

    def _asked(self, request: Request) -> Words:
        return self.words(asked_instant(request, self.reading.clock()))

    def panel(self, request: Request) -> Response:
        """The words alone, for a page that is open; `?at=` of any instant of the slider."""
        return self._part(request, "centre_map_panel.html")

    def slides(self, request: Request) -> Response:
        return self._part(request, "centre_wall_slides.html")

    def _part(self, request: Request, template: str) -> Response:
        words = self._asked(request)
        have = words.answers.get(template)
        if have is None:
            have = Packed(render(template, view=words.view, most=MOST_ROWS))
            words.answers[template] = have
        return _answer(request, have, _HTML, ASK)

    def frames(self, request: Request) -> Response:
        """Where to look for each warning, and where its villages are."""
        words = self._asked(request)
        have = words.answers.get("frames")
        if have is None:
            found = {"at": iso(words.view.at), **frames(self.reading, words.view)}
            have = words.answers["frames"] = Packed(json.dumps(found, separators=(",", ":")))
        return _answer(request, have, _JSON, ASK)

    def labels(self, request: Request) -> Response:
        """Names and where to write them: of provinces and regencies, `?kind=district` of those.

        They change with the layer set alone.
        """
        kinds = ("district",) if request.query_params.get("kind") == "district" else WIDE
        key = (self.reading.layers.version, kinds)
        if key not in self._labels:
            text = json.dumps(labels(self.reading, kinds), ensure_ascii=False)
            self._labels[key] = Packed(text)
        return _answer(request, self._labels[key], _JSON, HOUR)


def _answer(request: Request, have: Packed, kind: str, cache: str) -> Response:
    return answer(request, have.data, have.packed, media_type=kind, tag=have.tag, cache=cache)
