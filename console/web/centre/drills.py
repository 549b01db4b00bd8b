"""`/centre/drills`: does each layer of the firewall stop a drill alone; what was exercised here.

Nothing on this page sends anything: the check runs in scratch databases in memory, with a wire of
its own that leads nowhere.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from console.web.centre.context import show
from console.web.centre.held import Home, homes, night_table
from console.web.centre.posting import Fields, post
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.binding import bound_to
from kentongan.db import alerts, audit, warnings
from kentongan.errors import RuleViolation
from kentongan.settings import data_dir

if TYPE_CHECKING:
    from console.drill_check import Verdict

PATH = "/centre/drills"
AGAIN_AFTER = timedelta(seconds=30)
"""The check takes seconds of a core; its answer does not change from one second to the next."""


@dataclass(frozen=True)
class Result:
    at: datetime
    by: str
    file: str
    seconds: float
    layers: tuple[Verdict, ...]
    control: Verdict

    @property
    def stopped(self) -> int:
        return sum(layer.stopped for layer in self.layers)

    @property
    def holds(self) -> bool:
        """Every layer stops it alone, and the control shows that the check proves something."""
        return self.stopped == len(self.layers) and not self.control.stopped


@dataclass
class Check:
    """The last result; one check at a time."""

    result: Result | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, by: str) -> None:
        """Raises:
        RuleViolation: one is running.
        """
        from console.drill_check import read_file, verdicts

        if self.is_fresh():
            return
        if not self._lock.acquire(blocking=False):
            raise RuleViolation("Pemeriksaan sedang berjalan; tunggu beberapa detik. (It runs.)")
        try:
            path, started = data_dir() / "drills" / "2021-05-27.json", datetime.now(UTC)
            *layers, control = verdicts(read_file(path))
            took = (datetime.now(UTC) - started).total_seconds()
            self.result = Result(started, by, path.name, took, tuple(layers), control)
        finally:
            self._lock.release()

    def is_fresh(self) -> bool:
        return self.result is not None and datetime.now(UTC) - self.result.at < AGAIN_AFTER


class Drills:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.check = Check()

    def show(self, request: Request) -> Response:
        return self._page(request)

    def _page(self, request: Request, *, trouble: str = "", status: int = 200) -> Response:
        reading = self.reading
        found = homes(reading.settings.home)
        return show(
            reading, request, "centre_drills.html", here=PATH, status=status, trouble=trouble,
            result=self.check.result, kind=bound_to(reading.engine),
            mode=str(reading.settings.mode),
            released=self._released(), suppressed=self._suppressed(), homes=found,
            night=self._night(request, found),
        )  # fmt: skip

    def _night(self, request: Request, found: list[Home]) -> tuple[str, list[list[str]]]:
        """Name and hours of the simulated night that is asked for."""
        wanted = request.query_params.get("malam", "")
        for one in found:
            if one.hours and one.name == wanted:
                return one.name, night_table(one)
        return "", []

    def _released(self) -> list[tuple[str, int, str]]:
        """CAP status, alerts, the newest."""
        query = (
            select(warnings.c.cap_status, func.count(), func.max(alerts.c.sent))
            .join(
                alerts,
                (alerts.c.warning_id == warnings.c.warning_id)
                & (alerts.c.version == warnings.c.version),
            )
            .group_by(warnings.c.cap_status)
            .order_by(warnings.c.cap_status)
        )
        with self.reading.engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def _suppressed(self) -> int:
        """Times that the firewall took rows out of the outbox."""
        query = select(func.count()).where(audit.c.action == "firewall.suppressed")
        with self.reading.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def run(self, request: Request, _: Fields) -> str:
        from console.web.access.who import who

        reader = who(request)
        self.check.run(reader.account_id or reader.name)
        return f"{PATH}#hasil"

    def again(self, request: Request, _: Fields, trouble: str) -> Response:
        return self._page(request, trouble=trouble, status=409)


def router(reading: Reading) -> APIRouter:
    found, pages = APIRouter(), Drills(reading)

    async def checked(request: Request) -> Response:
        return await post(reading, request, pages.run, pages.again)

    def answer(request: Request) -> Any:
        return pages.show(request)

    found.add_api_route(PATH, answer, methods=READ)
    found.add_api_route(f"{PATH}/check", checked, methods=["POST"])
    return found
