"""What the routes of the app answer with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from console import words
from console.templating import render
from console.web.reading import Reading
from console.web.resident import geography
from console.web.resident.answers import HEADERS, HTML, packed, text_of, told
from console.web.resident.browsers import Browsers, Refused
from console.web.resident.geography import Packed
from console.web.resident.nearby import Nearby
from console.web.resident.search import MAX_CHARS, Finder, Hits
from console.web.resident.shell import Shell
from console.web.resident.standing import Watch
from console.web.resident.status import CREDIT, Village, document
from console.web.signup import Paces
from kentongan.policy import LevelPolicy, load_policy
from kentongan.sealing import secrets_key
from kentongan.settings import data_dir
from kentongan.types import DataQuality
from notify.registry.places import Place, Places
from notify.registry.web import network_of
from notify.reports.intake import Form, Refusal, from_web

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

SEARCHES_PER_S = 10.0
"""Of one address, which a whole village may share; each costs about 5 ms."""
LOOKS_PER_S = 40.0
"""Statuses and lists of areas: a status is made in about 1 ms."""
BIG_PER_S = 6.0
"""Files of the whole nation: 230 and 419 kB, two for each person who asks."""
POSTS_PER_S = 5.0
ONCE_CHARS = 64
TOO_OFTEN = "Terlalu sering. Tunggu sebentar."
SOON = {"Retry-After": "1"}
_DAY = "public, max-age=86400"
_ASK = "public, max-age=0, must-revalidate"


class App:
    """One installation's; villages and shelters are read when the first reader asks."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        settings = reading.settings
        banners = [words.BANNERS[settings.mode]] if settings.mode in words.BANNERS else []
        self.shell = Shell(banners, settings.sms_number)
        self.watch = Watch(reading)
        self.browsers = Browsers(reading)
        self._banners = banners
        self._lock = threading.Lock()
        self._warmed = False
        self._paces = {
            "search": Paces(SEARCHES_PER_S), "look": Paces(LOOKS_PER_S), "big": Paces(BIG_PER_S),
            "post": Paces(POSTS_PER_S),
        }  # fmt: skip

    # what is made once

    @property
    def finder(self) -> Finder:
        with self._lock:
            return _finder(self.reading.places)

    @property
    def nearby(self) -> Nearby:
        return _nearby(self.reading.layers)

    def takes(self, request: Request, kind: str) -> bool:
        return self._paces[kind].takes(network(request))

    def _warm(self) -> None:
        """Names are read while the first reader still types: it takes seconds."""
        if not self._warmed:
            self._warmed = True
            threading.Thread(target=lambda: self.finder, daemon=True).start()

    # pages

    def start(self, request: Request) -> Response:
        self._warm()
        page = self.shell.start
        return packed(request, page.plain, HTML, ready=page.gz, cache="no-cache")

    def help(self, request: Request) -> Response:
        page = self.shell.help
        return packed(request, page.plain, HTML, ready=page.gz, cache="no-cache")

    def choose(self, request: Request) -> Response:
        """Without a script: search, or province, regency, district, village by links."""
        if not self.takes(request, "search"):
            return self._page(request, "app_said.html", 429, text=TOO_OFTEN)
        asked = request.query_params.get("q", "")[:MAX_CHARS].strip()
        within = request.query_params.get("di", "")[:13]
        hits = self.finder.find(asked) if asked else Hits((), 0)
        areas = None if asked else geography.children(self.reading.layers, within)
        return self._page(
            request, "app_choose.html", asked=asked, hits=hits, areas=areas or [], within=within,
            above=self.reading.layers.names.get(within, ""),
        )  # fmt: skip

    def village(self, request: Request, code: str) -> Response:
        if not self.takes(request, "look"):
            return self._page(request, "app_said.html", 429, text=TOO_OFTEN)
        found = self._document(code)
        if found is None:
            return self._page(request, "app_said.html", 404, text="Desa itu tidak dikenal.")
        return self._page(request, "app_village.html", status=found)

    def _page(self, request: Request, name: str, code: int = 200, **values: Any) -> Response:
        text = render(
            name, banners=self._banners, sms_number=self.reading.settings.sms_number,
            here=request.url.path, **values,
        )  # fmt: skip
        return packed(request, text.encode("utf-8", "replace"), HTML, status=code)

    # for the app itself

    def places(self, request: Request) -> Response:
        if not self.takes(request, "search"):
            return told(request, {"error": "too-often"}, 429, SOON)
        hits = self.finder.find(request.query_params.get("q", "")[:MAX_CHARS])
        listed = [_listed(place) for place in hits.places]
        return told(request, {"places": listed, "more": hits.more})

    def areas(self, request: Request) -> Response:
        if not self.takes(request, "look"):
            return told(request, {"error": "too-often"}, 429, SOON)
        code = request.query_params.get("di", "")[:13]
        found = geography.children(self.reading.layers, code)
        if found is None:
            return told(request, {"error": "place"}, 404)
        return told(request, {"areas": found}, headers={"Cache-Control": _DAY})

    def status(self, request: Request, code: str) -> Response:
        if not self.takes(request, "look"):
            return told(request, {"error": "too-often"}, 429, SOON)
        found = self._document(code)
        if found is None:
            return told(request, {"error": "place"}, 404)
        return told(request, found)

    def _document(self, code: str) -> dict[str, Any] | None:
        reading, at = self.reading, self.reading.clock()
        row = reading.places.by_code.get(code)
        if row is None:
            return None
        own = reading.layers.villages.iloc[row]
        village = Village(
            reading.places.rows[row],
            (float(own["longitude"]), float(own["latitude"])),
            int(own["utc_offset"]),
            modelled=str(own["data_quality"]) != DataQuality.MEASURED,
        )
        return document(
            village, self.watch.standing(at), self.watch.seen(at), self.nearby, at=at,
            mode=reading.settings.mode,
        )  # fmt: skip

    def config(self, request: Request) -> Response:
        """What the app must know of this installation."""
        if not self.takes(request, "look"):
            return told(request, {"error": "too-often"}, 429, SOON)
        settings = self.reading.settings
        consent = {
            code: {"version": one.version, "text": " ".join(one.text.split())}
            for code, one in self.browsers.consent().items()
        }
        return told(
            request,
            {
                "key": self.browsers.key(), "consent": consent, "sms_number": settings.sms_number,
                "mode": str(settings.mode), "layers": self.reading.layers.version,
                "credit": CREDIT,
            },
        )  # fmt: skip

    def points(self, request: Request) -> Response:
        return self._big(request, lambda: _points(self.reading.layers), "application/octet-stream")

    def names(self, request: Request) -> Response:
        return self._big(request, lambda: _names(self.reading.places), "text/plain; charset=utf-8")

    def _big(self, request: Request, make: Callable[[], Packed], media_type: str) -> Response:
        if not self.takes(request, "big"):
            return told(request, {"error": "too-often"}, 429, SOON)
        with self._lock:
            found = make()
        return packed(request, found.plain, media_type, ready=found.gz, cache=_DAY)

    # what is posted

    def begin(self, request: Request, posted: dict[str, Any]) -> Response:
        try:
            area = self.browsers.begin(posted, network=network(request))
        except Refused as error:
            return told(request, {"error": error.word}, error.status)
        return told(request, {"area": area}, 201)

    def end(self, request: Request, posted: dict[str, Any]) -> Response:
        try:
            self.browsers.end(posted)
        except Refused as error:
            return told(request, {"error": error.word}, error.status)
        return told(request, {})

    def report(self, request: Request, posted: dict[str, Any]) -> Response:
        """A report; the same `once` again is answered as the first time."""
        reading = self.reading
        once = text_of(posted, "once", ONCE_CHARS)
        if len(once) < ONCE_CHARS // 4:
            return told(request, {"error": "once"}, 422)
        form = Form(
            text=text_of(posted, "text", 1_000), place=text_of(posted, "place", 120),
            number=text_of(posted, "number", 80), trap=text_of(posted, "trap", 40), once=once,
        )  # fmt: skip
        found = from_web(
            reading.engine, secrets_key(reading.settings), reading.desk, form,
            address=network(request), at=reading.clock(),
        )  # fmt: skip
        if isinstance(found, Refusal):
            status = 429 if found is Refusal.TOO_OFTEN else 422
            return told(request, {"error": _REFUSALS[found]}, status)
        return told(request, {"page": f"/lapor/{found.report_id}"}, 201)

    # files

    def file(self, request: Request, name: str) -> Response:
        found = self.shell.files.get(name)
        if found is None:
            return Response("tidak ada", 404, headers=HEADERS)
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers={**HEADERS, "ETag": found.tag})
        headers = {"ETag": found.tag}
        if found.media_type.startswith("image/"):  # packed already
            kept = {**HEADERS, **headers, "Cache-Control": _DAY}
            return Response(found.packed.plain, media_type=found.media_type, headers=kept)
        return packed(
            request, found.packed.plain, found.media_type, ready=found.packed.gz, cache=_ASK,
            headers=headers,
        )  # fmt: skip

    def worker(self, request: Request) -> Response:
        found = self.shell.worker
        return packed(
            request, found.plain, "text/javascript; charset=utf-8", ready=found.gz, cache="no-cache"
        )


# Of the layer set that is in use, and of the one before while somebody still reads it.


@lru_cache(maxsize=2)
def _finder(places: Places) -> Finder:
    return Finder(places)


@lru_cache(maxsize=2)
def _nearby(layers: LayerSet) -> Nearby:
    rules = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy).coverage
    return Nearby(layers, rules)


@lru_cache(maxsize=2)
def _points(layers: LayerSet) -> Packed:
    return Packed.of(geography.points(layers))


@lru_cache(maxsize=2)
def _names(places: Places) -> Packed:
    return Packed.of(geography.names(places))


_REFUSALS = {
    Refusal.EMPTY: "empty", Refusal.TOO_OFTEN: "too-often", Refusal.NUMBER: "number",
}  # fmt: skip


def to_app() -> Response:
    return RedirectResponse("/app/", 308, headers=HEADERS)


def network(request: Request) -> str:
    return network_of(request.client.host if request.client else "")


def _listed(place: Place) -> dict[str, str]:
    return {
        "code": place.code, "name": place.name, "kind": place.kind, "district": place.district,
        "regency": place.regency, "province": place.province,
    }  # fmt: skip
