"""`/centre/sop`: the checklists of all warnings that live, what is overdue first."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.web.centre.posting import Fields, name_of, post, within
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.settings import data_dir
from kentongan.sop import ROLE_NAMES, Sop, load_sop
from kentongan.view import WarningLine
from notify.sop import Asked, checklist, living, tick
from notify.versions import newest_released

PATH = "/centre/sop"


@dataclass(frozen=True)
class List:
    """Of one warning."""

    warning_id: str
    title: str
    level: int
    asked: tuple[Asked, ...]
    overdue: int
    done: int


class Checklists:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def sop(self) -> Sop:
        return load_sop(self.reading.settings.sop or data_dir() / "sop")

    def show(self, request: Request) -> Response:
        return self._page(request, "centre_sop.html")

    def part(self, request: Request) -> Response:
        """The lists alone, for a page that is open."""
        return self._page(request, "centre_sop_lists.html")

    def _page(
        self, request: Request, template: str, *, trouble: str = "", status: int = 200
    ) -> Response:
        sop, at = self.sop(), self.reading.clock()
        lines = {line.warning_id: line for line in self.reading.warnings()}
        lists = [self._list(sop, held, lines.get(held)) for held in living(self.reading.engine, at)]
        return page(
            self.reading, request, template, here=PATH, at=at, status=status, trouble=trouble,
            lists=sorted(lists, key=lambda one: (-one.overdue, -one.level, one.warning_id)),
            roles=ROLE_NAMES, unconfirmed=any(map(sop.unconfirmed, sop.by_hazard)),
        )  # fmt: skip

    def _list(self, sop: Sop, warning_id: str, line: WarningLine | None) -> List:
        at = self.reading.clock()
        asked = checklist(self.reading.engine, sop, warning_id, at)
        return List(
            warning_id=warning_id,
            title=line.title if line else f"{warning_id} (selesai)",
            level=line.level if line else 0,
            asked=asked,
            overdue=sum(one.is_overdue(at) for one in asked),
            done=sum(one.tick is not None for one in asked),
        )

    def tick(self, request: Request, fields: Fields) -> str:
        warning_id, step = fields.get("peringatan", "")[:120], fields.get("langkah", "")[:60]
        with self.reading.engine.connect() as connection:
            version = newest_released(connection, warning_id)
        for code in sorted(version.body.levels) if version else ():
            within(request, code)
        tick(
            self.reading.engine, self.sop(), warning_id, step, at=self.reading.clock(),
            actor=name_of(request, fields), note=fields.get("catatan", ""),
        )  # fmt: skip
        return f"{PATH}#{warning_id}"

    def again(self, request: Request, _: Fields, trouble: str) -> Response:
        return self._page(request, "centre_sop.html", trouble=trouble, status=422)


def router(reading: Reading) -> APIRouter:
    found, lists = APIRouter(), Checklists(reading)

    async def ticked(request: Request) -> Response:
        return await post(reading, request, lists.tick, lists.again)

    found.add_api_route(PATH, lists.show, methods=READ)
    found.add_api_route(f"{PATH}/list", lists.part, methods=READ)
    found.add_api_route(f"{PATH}/tick", ticked, methods=["POST"])
    return found
