"""Pages for anybody, complete without scripts: the front, what is in force, the archive, the data.

Only what was released is shown; an installation in exercise or test mode shows its exercises under
the banner that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from console import words
from console.templating import render
from console.web.machine import READ
from console.web.pages import feed_values
from console.web.public import build, shapes
from console.web.public.build import Released
from console.web.reading import Reading
from kentongan.types import HazardId, Mode
from notify import published
from orchestration.warning_line import clock_of

PER_PAGE = 50
MSG_TYPES = {"Alert": "peringatan", "Update": "pembaruan", "Cancel": "pembatalan"}


@dataclass(frozen=True)
class Wanted:
    """What of the archive is asked for, by the address."""

    hazard: str = ""
    area: str = ""
    since: str = ""
    until: str = ""
    before: tuple[str, str] | None = None

    @classmethod
    def of(cls, request: Request) -> Wanted:
        query = request.query_params
        hazard, area = query.get("bahaya", "")[:20], query.get("wilayah", "")[:13].strip()
        at, _, identifier = query.get("sebelum", "")[:200].partition("|")
        return cls(
            hazard=hazard if hazard in set(HazardId) else "",
            area=area if all(part.isdecimal() for part in area.split(".")) else "",
            since=query.get("dari", "")[:10],
            until=query.get("sampai", "")[:10],
            before=(at, identifier) if identifier else None,
        )


class PublicPages:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.released = Released(reading)

    @property
    def actual(self) -> bool:
        return self.reading.settings.mode is Mode.ACTUAL

    def front(self, _: Request) -> Response:
        return self._page("start.html", "/", **self._now())

    def warnings(self, _: Request) -> Response:
        return self._page("warnings.html", "/warnings", **self._now())

    def _now(self) -> dict[str, Any]:
        at = self.reading.clock()
        held, doubts = self.released.now(at, actual=self.actual), self.reading.not_known(at)
        return {
            **feed_values(self.reading, at),
            "held": [(build.warning(one, ""), clock_of(one.version.body.groups)) for one in held],
            "unknown_areas": doubts.areas,
            "asleep": doubts.is_old(at),
            "newest_run": doubts.newest_run,
        }

    def archive(self, request: Request) -> Response:
        wanted = Wanted.of(request)
        lines = published.archive(
            self.reading.engine, actual=self.actual, before=wanted.before,
            since=_midnight(wanted.since), until=_midnight(wanted.until, days=1),
            hazard=wanted.hazard, area=wanted.area, limit=PER_PAGE,
        )  # fmt: skip
        more = lines[-1] if len(lines) == PER_PAGE else None
        return self._page(
            "archive.html", "/archive", lines=lines, wanted=wanted, more=more, types=MSG_TYPES,
            cap_path=build.cap_path,
        )  # fmt: skip

    def thread(self, warning_id: str) -> Response:
        found = published.thread(self.reading.engine, warning_id[:100], actual=self.actual)
        if not found:
            raise HTTPException(404, "no released warning has that name")
        shown = [
            (build.warning(one, ""), clock_of(one.version.body.groups)) for one in reversed(found)
        ]
        return self._page("archive_warning.html", "/archive", shown=shown, types=MSG_TYPES)

    def data(self, _: Request) -> Response:
        return self._page(
            "data.html", "/data", credit=shapes.CREDIT, url=self.reading.settings.public_url
        )

    def _page(self, name: str, here: str, **values: Any) -> HTMLResponse:
        mode = self.reading.settings.mode
        banners = [words.BANNERS[mode]] if mode in words.BANNERS else []
        text = render(name, at=self.reading.clock(), here=here, banners=banners, **values)
        return HTMLResponse(text, headers={"Cache-Control": "public, max-age=5"})


def _midnight(text: str, *, days: int = 0) -> datetime | None:
    """Of a day as people of Jakarta count it; None: no day."""
    try:
        day = date.fromisoformat(text)
        start = datetime.combine(day + timedelta(days=days), time(), tzinfo=UTC)
        return start - timedelta(hours=7)
    except (ValueError, OverflowError):
        return None


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), PublicPages(reading)
    found.add_api_route("/", pages.front, methods=READ)
    found.add_api_route("/warnings", pages.warnings, methods=READ)
    found.add_api_route("/archive", pages.archive, methods=READ)
    found.add_api_route("/archive/{warning_id}", pages.thread, methods=READ)
    found.add_api_route("/data", pages.data, methods=READ)
    return found
