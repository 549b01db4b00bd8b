"""`/api/v1`: open data for other programs, described by `/api/v1/openapi.json`.

Read only, for anybody, from any page (CORS). What is not released is not here, and exercises only
where they are asked for by name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from console import words
from console.web.faults import answer_faults
from console.web.public import build, shapes
from console.web.public.build import Released
from console.web.reading import Reading
from console.web.signup import Paces
from kentongan.view import FeedLine
from notify import published
from notify.registry.web import network_of

PATH = "/api/v1"
PER_S = 10.0
"""Requests of one address; a page that asks each second needs one."""
SHARED = "public, max-age=5"
"""A proxy in front may answer a crowd; five seconds is what a reader waits anyhow."""
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": shapes.Problem, "description": "There is none."},
    429: {"model": shapes.Problem, "description": "Too many requests of this address."},
}
_DESCRIPTION = f"""{shapes.CREDIT}.

Warnings of Kentongan as they were released. **{shapes.UNSAFE}** `blind_feeds` and `unknown_areas`
say what may be missing. CAP 1.2 documents, the authority for each warning, are at `cap_url`.
"""
StatusQuery = Annotated[
    shapes.Status, Query(description="exercise: drills and tests, never real, and only these")
]
Limit = Annotated[int, Query(ge=1, le=published.MOST)]


def application(reading: Reading) -> FastAPI:
    """The API as an application of its own, to be mounted at `PATH`."""
    app = FastAPI(
        title="Kentongan open data",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": PATH}],
        root_path_in_servers=False,
        redirect_slashes=False,
    )
    answer_faults(app)
    paces = Paces(PER_S)

    @app.middleware("http")
    async def bounded(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        if not paces.takes(network_of(request.client.host if request.client else "")):
            headers = {"Retry-After": "1", "Access-Control-Allow-Origin": "*"}
            return JSONResponse({"detail": "too many requests"}, 429, headers)
        response = await call(request)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.setdefault("Cache-Control", SHARED)
        return response

    Api(reading, Released(reading)).add_to(app)
    return app


class GeoJson(JSONResponse):
    media_type = "application/geo+json"


class Api:
    def __init__(self, reading: Reading, released: Released) -> None:
        self.reading = reading
        self.released = released
        self.url = reading.settings.public_url.rstrip("/")

    def add_to(self, app: FastAPI) -> None:
        for path, answer in (
            ("/warnings", self.warnings),
            ("/warnings/{identifier}", self.one),
            ("/archive", self.archive),
            ("/areas", self.areas),
            ("/areas/{code}", self.area),
            ("/feeds", self.feeds),
            ("/quakes", self.quakes),
        ):
            app.get(path, responses=_PROBLEMS)(answer)
        limited: dict[int | str, dict[str, Any]] = {429: _PROBLEMS[429]}
        app.get("/warnings.geojson", responses=limited, response_class=GeoJson)(self.outlines)

    def warnings(
        self,
        status: StatusQuery = "actual",
        hazard: Annotated[shapes.Hazard | None, Query()] = None,
        area: Annotated[shapes.AreaCode | None, Query()] = None,
    ) -> shapes.Warnings:
        """What is in force, the most urgent first; by hazard or by area where asked."""
        at = self.reading.clock()
        held = self.released.now(at, actual=status == "actual")
        doubts = self.reading.not_known(at)
        chosen = [
            one
            for one in held
            if hazard in (None, str(one.version.body.hazard_id))
            and (area is None or build.within([one], area))
        ]
        return shapes.Warnings(
            at=at,
            status=status,
            blind_feeds=tuple(f.source_id for f in self._blind()),
            newest_run=doubts.newest_run,
            unknown_areas=tuple(
                shapes.UnknownArea(
                    province_code=u.province_code, province=u.province, title=u.title, until=u.until
                )
                for u in doubts.areas
            ),
            warnings=tuple(build.warning(one, self.url) for one in chosen),
        )

    def outlines(self, status: StatusQuery = "actual") -> Response:
        """What is in force as GeoJSON, for a map."""
        held = self.released.now(self.reading.clock(), actual=status == "actual")
        return GeoJson(build.outlines(held, self.url))

    def one(self, identifier: Annotated[str, Path(max_length=120)]) -> shapes.OneWarning:
        """One alert, whatever became of it; `status` says whether it was real."""
        found = published.one(self.reading.engine, identifier)
        if found is None:
            raise HTTPException(404, "no released alert has that identifier")
        return shapes.OneWarning(at=self.reading.clock(), warning=build.warning(found, self.url))

    def archive(
        self,
        status: StatusQuery = "actual",
        hazard: Annotated[shapes.Hazard | None, Query()] = None,
        area: Annotated[shapes.AreaCode | None, Query()] = None,
        since: Annotated[shapes.Instant | None, Query()] = None,
        until: Annotated[shapes.Instant | None, Query()] = None,
        limit: Limit = 50,
        page: Annotated[str | None, Query(max_length=300, description="From `next`.")] = None,
    ) -> shapes.Archive:
        """Every alert ever released, the newest first, page by page."""
        lines = published.archive(
            self.reading.engine, actual=status == "actual", before=_place_of(page), since=since,
            until=until, hazard=hazard or "", area=area or "", limit=limit,
        )  # fmt: skip
        asked = {
            "status": status, "hazard": hazard, "area": area, "limit": limit,
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
        }  # fmt: skip
        return shapes.Archive(
            at=self.reading.clock(),
            alerts=tuple(build.archive_line(line, self.url) for line in lines),
            next=self._next(asked, lines[-1]) if len(lines) == limit else None,
        )

    def _next(self, asked: dict[str, Any], last: published.Line) -> str:
        place = base64.urlsafe_b64encode(f"{last.released_at}|{last.identifier}".encode())
        kept = {name: value for name, value in asked.items() if value is not None}
        return f"{self.url}{PATH}/archive?{urlencode({**kept, 'page': place.decode()})}"

    def areas(self, q: Annotated[str, Query(min_length=1, max_length=120)]) -> shapes.Places:
        """Villages that a text may mean: a name with forgiven spelling, a postal code, a code."""
        found = self.reading.places.find(q)
        return shapes.Places(
            at=self.reading.clock(),
            sure=found.sure,
            places=tuple(build.place(place) for place in found.places),
        )

    def area(self, code: shapes.AreaCode, status: StatusQuery = "actual") -> shapes.AreaNow:
        """What is in force in a village, district, regency or province."""
        name = self.reading.layers.names.get(code)
        if name is None:
            raise HTTPException(404, f"no area has the code {code}")
        at = self.reading.clock()
        found = build.within(self.released.now(at, actual=status == "actual"), code)
        blind, doubts = self._blind(), self.reading.not_known(at)
        unknown = any(f.tier == "warning" for f in blind) or build.is_unknown(doubts, code, at)
        level = max((f.level for f in found), default=None if unknown else 0)
        return shapes.AreaNow(
            at=at, code=code, name=name, level=level, warnings=tuple(found),
            blind_feeds=tuple(f.source_id for f in blind), newest_run=doubts.newest_run,
            level_word=build.word(words.LEVELS, -1 if level is None else level),
        )  # fmt: skip

    def feeds(self) -> shapes.Feeds:
        """What Kentongan sees by, and since when it does not."""
        at = self.reading.clock()
        used = [f for f in self.reading.feeds(at) if f.state != words.UNUSED]
        return shapes.Feeds(at=at, feeds=tuple(build.feed(f) for f in used))

    def quakes(self, hours: Annotated[int, Query(ge=1, le=240)] = 24) -> shapes.Quakes:
        """Quakes of the last hours, each once over all of BMKG's lists."""
        from orchestration.quakes import quakes

        at, since = self.reading.clock(), timedelta(hours=hours)
        found = quakes(self.reading.engine, at, since=since)
        recent = [g for g in found if g.best.quake.origin_time > at - since]
        return shapes.Quakes(at=at, quakes=tuple(build.quake(group) for group in recent))

    def _blind(self) -> list[FeedLine]:
        return [f for f in self.reading.feeds(self.reading.clock()) if words.in_trouble(f)]


NO_PAGE = "no such page; take `next` as it stands"


def _place_of(page: str | None) -> tuple[str, str] | None:
    if page is None:
        return None
    try:
        at, _, identifier = base64.urlsafe_b64decode(page.encode()).decode().partition("|")
    except (binascii.Error, ValueError) as error:
        raise HTTPException(404, NO_PAGE) from error
    if not f"{at}{identifier}".isprintable():
        raise HTTPException(404, NO_PAGE)  # no database takes a NUL
    return at, identifier
