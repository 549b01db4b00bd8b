"""Every route, every kind of asker, reading and writing: what the application answers.

    python -m tests.console.access_matrix          the matrix as a Markdown table

Requests go into the ASGI application itself; an answer is taken when its head is there, so a
stream that never ends is asked like any page.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import update
from starlette.routing import Mount

from console.web import create_app
from console.web.access.guard import path_of
from console.web.access.rules import RULES, Need
from kentongan.accounts import registry, sessions
from kentongan.accounts.roles import PERMISSIONS, Act, Role
from kentongan.db import accounts, make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.times import iso

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
HOST = "pusat.example.org"
FORM = "application/x-www-form-urlencoded"
LIMITS = sessions.Limits(timedelta(hours=8), timedelta(hours=24))
WRITES = ("POST", "PUT", "PATCH", "DELETE")
LAST = "/keluar"
"""Whoever posts there is not signed in afterwards."""
NOBODY, MACHINE, DISABLED, EXPIRED = "nobody", "machine", "disabled", "expired"
HARMLESS = {"identifier": "none", "kind": "csv", "what": "receipt", "number": "1", "code": "00"}
"""Values of path parameters that name nothing; others are `x`."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]

    @property
    def sends_to_sign_in(self) -> bool:
        return self.status == 303 and self.headers.get("location", "").startswith("/masuk?ke=")


@dataclass(frozen=True)
class Asker:
    """Who sends a request, as the application sees it."""

    name: str
    app: FastAPI
    role: Role | None = None
    cookie: str = ""

    @property
    def machine(self) -> bool:
        return self.name == MACHINE

    def answer(self, method: str, path: str, **more: str) -> Answer:
        return asyncio.run(self.ask(method, path, **more))

    async def ask(self, method: str, path: str, **more: str) -> Answer:
        """`more` are headers, with `_` for `-`; `sec_fetch_site=""` leaves that one out."""
        host = "127.0.0.1:8080" if self.machine else HOST
        told = {"host": host, **({"cookie": self.cookie} if self.cookie else {})}
        if method in WRITES:
            told |= {"sec-fetch-site": "same-origin", "content-type": FORM, "content-length": "0"}
        told |= {name.replace("_", "-"): value for name, value in more.items()}
        headers = [(k.encode(), v.encode("latin-1")) for k, v in told.items() if v]
        return await _ask(self.app, self._scope(method, path, headers))

    def _scope(self, method: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        path, _, query = path.partition("?")
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "root_path": "", "headers": headers, "scheme": "http" if self.machine else "https",
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1" if self.machine else "203.0.113.9", 50_000), "state": {},
        }  # fmt: skip


async def _ask(app: FastAPI, scope: dict[str, Any]) -> Answer:
    head: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    bodies = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in bodies:
            return message
        await asyncio.wait({head})
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not head.done():
            headers = {k.decode().lower(): v.decode("latin-1") for k, v in message["headers"]}
            head.set_result(Answer(message["status"], headers))

    running = asyncio.create_task(app(scope, receive, send))
    await asyncio.wait({running, head}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    done, _ = await asyncio.wait({running}, timeout=0.2)
    if not done:
        running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
    except BaseException:
        if not head.done():
            raise
    return head.result()


@dataclass(frozen=True)
class Case:
    """One way to ask one route, and what the table says of it."""

    method: str
    path: str
    need: Need | Act | None

    @property
    def filled(self) -> str:
        return re.sub(
            r"\{(\w+)(:\w+)?\}", lambda found: HARMLESS.get(found[1], "x"), self.path
        )  # fmt: skip

    def allows(self, asker: Asker) -> bool:
        if self.need in (Need.PUBLIC, Need.OWN):
            return True
        if asker.machine:
            machine = self.need is not Need.PERSON
            return machine and self.need not in (Act.ACCOUNTS, Act.REGISTRY)
        if asker.role is None or self.need is None:
            return False
        if self.need is Need.PERSON:
            return True
        act = Act.VIEW if self.need is Need.LOCAL else Act(self.need)
        return act in PERMISSIONS[asker.role]

    def trouble(self, asker: Asker, found: Answer) -> str:
        """Empty, or how the answer differs from what the table says."""
        allowed, status = self.allows(asker), found.status
        if status >= 500 and status != 503:
            return f"fails with {status}"
        if allowed and self.need is not Need.OWN:
            turned = found.sends_to_sign_in or status == 403
            unknown = status == 401 and self.path != "/masuk"
            return f"expected to be let in, found {status}" if turned or unknown else ""
        if allowed:
            return "expected no sign-in" if found.sends_to_sign_in else ""
        return self._refusal_trouble(asker, found)

    def _refusal_trouble(self, asker: Asker, found: Answer) -> str:
        if self.need is Need.LOCAL:
            right = found.status == 404
        elif self.method not in WRITES and asker.role is None:
            right = found.sends_to_sign_in
        else:
            right = found.status == 403
        return "" if right else f"expected a refusal, found {found.status}"

    def cell(self, asker: Asker, found: Answer) -> str:
        if self.trouble(asker, found):
            return f"{found.status}!"
        if self.need is Need.OWN:
            return "proof"
        if self.allows(asker):
            return "yes"
        return "sign in" if found.sends_to_sign_in else str(found.status)


def cases(app: FastAPI) -> list[Case]:
    """What may be asked of an application: each route by each of its methods; HEAD goes as GET."""
    found = set()
    for route in app.routes:
        path = path_of(route)
        rule = RULES[path]
        if isinstance(route, Mount):
            found.add(Case("GET", f"{path}/page.css", rule.read))
            continue
        for method in set(getattr(route, "methods", None) or ()) - {"HEAD"}:
            found.add(Case(method, path, rule.write if method in WRITES else rule.read))
    return sorted(found, key=lambda case: (case.path == LAST, case.path, case.method))


@dataclass
class World:
    """Two installations: one with accounts of every kind, one that has none yet."""

    url: str
    """Of the database of the first."""
    askers: list[Asker] = field(default_factory=list)

    def asker(self, name: str) -> Asker:
        return next(asker for asker in self.askers if asker.name == name)


@contextlib.contextmanager
def world(folder: Path, clock: Callable[[], datetime] = lambda: AT) -> Iterator[World]:
    fresh = Settings(_env_file=None, home=folder / "fresh", sources=("bmkg-quakes",))
    settings = fresh.model_copy(
        update={"home": folder / "home", "public_url": f"https://{HOST}"}
    )  # fmt: skip
    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    app, machine = (create_app(one, clock=clock) for one in (settings, fresh))
    found = World(settings.resolved_database_url, [Asker(NOBODY, app), Asker(MACHINE, machine)])
    with engine.begin() as connection:
        for role in Role:
            found.askers.append(Asker(role, app, role, _signed_in(connection, str(role), role, AT)))
        long_ago = AT - timedelta(hours=9)
        cookie = _signed_in(connection, DISABLED, Role.APPROVER, AT)
        connection.execute(
            update(accounts).where(accounts.c.account_id == DISABLED).values(disabled_at=iso(AT))
        )
        found.askers.append(Asker(DISABLED, app, cookie=cookie))
        cookie = _signed_in(connection, EXPIRED, Role.APPROVER, long_ago)
        found.askers.append(Asker(EXPIRED, app, cookie=cookie))
    try:
        yield found
    finally:
        engine.dispose()
        for one in (app, machine):
            _close(one)


def _close(app: FastAPI) -> None:
    async def through() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(through())


def _signed_in(connection: Any, name: str, role: Role, at: datetime) -> str:
    registry.add(
        connection, name, name=name, role=role, areas=(), sealed_secret=None, at=at, by="test"
    )
    token, _ = sessions.start(
        connection, name, via="password", agent="test", network="test", limits=LIMITS, at=at
    )
    return f"__Host-kentongan={token}"


async def asked(found: World) -> list[tuple[Case, list[tuple[Asker, Answer]]]]:
    """Every case by every asker."""
    every = cases(found.askers[0].app)
    return [
        (case, [(asker, await asker.ask(case.method, case.filled)) for asker in found.askers])
        for case in every
    ]


def as_markdown(rows: list[tuple[Case, list[tuple[Asker, Answer]]]]) -> str:
    names = [asker.name for asker, _ in rows[0][1]]
    lines = [f"| route | method | needs | {' | '.join(names)} |", "| --- " * (len(names) + 3) + "|"]
    for case, answers in rows:
        cells = [case.cell(asker, answer) for asker, answer in answers]
        lines.append(f"| `{case.path}` | {case.method} | {case.need} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as found:
        rows = asyncio.run(asked(found))
    print(as_markdown(rows))  # noqa: T201 it is a command
    troubles = [
        f"{case.method} {case.path} by {asker.name}: {case.trouble(asker, answer)}"
        for case, answers in rows
        for asker, answer in answers
        if case.trouble(asker, answer)
    ]
    print("\n".join(troubles), file=sys.stderr)  # noqa: T201
    return bool(troubles)


if __name__ == "__main__":
    sys.exit(main())
