"""The one table of routes: what a reader needs, and what somebody who posts needs.

A route without a line here is refused when the application is made (`guard.check`). The test of
the authorisation matrix walks this table with every role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kentongan.accounts.roles import Act


class Need(StrEnum):
    """What is asked of somebody who is not signed in as a person with a role."""

    PUBLIC = "public"
    """Anybody; nothing personal, nothing that is not released."""
    OWN = "own"
    """It brings its own proof, which the page checks: a signed link, a gateway's secret."""
    LOCAL = "local"
    """A program on this machine, or a signed-in person who may view."""
    PERSON = "person"
    """Somebody with an account, whatever their role: what concerns themselves."""


@dataclass(frozen=True)
class Rule:
    """Of one path. `write` is None where nothing is posted; then only reading exists."""

    read: Need | Act | None
    write: Need | Act | None = None


_VIEW = Rule(Act.VIEW)
_PUBLIC = Rule(Need.PUBLIC)
_OWN = Rule(Need.OWN, Need.OWN)

RULES: Mapping[str, Rule] = {
    # the public
    "/static": _PUBLIC,
    "/vendor/{name}": _PUBLIC,
    "/": _PUBLIC,
    "/warnings": _PUBLIC,
    "/warnings.json": _PUBLIC,
    "/archive": _PUBLIC,
    "/archive/{warning_id}": _PUBLIC,
    "/data": _PUBLIC,
    "/api/v1": _PUBLIC,
    "/feeds": _PUBLIC,
    "/feeds.json": _PUBLIC,
    "/map": _VIEW,  # names teams and who is not reached
    "/health": _PUBLIC,
    "/cap/feed.atom": _PUBLIC,
    "/cap/feed.rss": _PUBLIC,
    "/cap/index.json": _PUBLIC,
    "/cap/{identifier}.xml": _PUBLIC,
    "/cap-exercise/feed.atom": _PUBLIC,
    "/cap-exercise/feed.rss": _PUBLIC,
    "/cap-exercise/index.json": _PUBLIC,
    "/cap-exercise/{identifier}.xml": _PUBLIC,
    "/daftar": Rule(Need.PUBLIC, Need.PUBLIC),
    "/lapor": Rule(Need.PUBLIC, Need.PUBLIC),
    "/lapor/{report_id}": _OWN,
    "/favicon.ico": _PUBLIC,
    "/app": _PUBLIC,
    "/app/": _PUBLIC,
    "/app/bantuan": _PUBLIC,
    "/app/desa": _PUBLIC,
    "/app/desa/{code}": _PUBLIC,
    "/app/places": _PUBLIC,
    "/app/areas": _PUBLIC,
    "/app/config.json": _PUBLIC,
    "/app/points.bin": _PUBLIC,
    "/app/names.txt": _PUBLIC,
    "/app/status/{code}.json": _PUBLIC,
    "/app/static/{name}": _PUBLIC,
    "/app/manifest.webmanifest": _PUBLIC,
    "/app/sw.js": _PUBLIC,
    "/app/push": Rule(None, Need.PUBLIC),
    "/app/push/leave": Rule(None, Need.PUBLIC),
    "/app/lapor": Rule(None, Need.PUBLIC),
    # those who bring their own proof
    "/t/sw.js": _PUBLIC,
    "/t/{token}": _OWN,
    "/t/{token}/tugas.{kind}": _OWN,
    "/t/{token}/{task_id}": _OWN,
    "/hooks/{name}/{what}": _OWN,
    "/hooks/{name}/{secret}/{what}": _OWN,
    "/chat/{name}": _OWN,
    # signing in; what is posted there is asked for its page by the page itself
    "/masuk": Rule(Need.PUBLIC, Need.PUBLIC),
    "/keluar": Rule(Need.PUBLIC, Need.PUBLIC),
    "/masuk/luar": _PUBLIC,
    "/masuk/luar/kembali": Rule(Need.OWN),
    "/akun": Rule(Need.PERSON),
    "/akun/sandi": Rule(None, Need.PERSON),
    "/akun/sesi": Rule(None, Need.PERSON),
    # programs of this machine
    "/metrics": Rule(Need.LOCAL),
    # the command centre
    "/centre": _VIEW,
    "/centre/now": _VIEW,
    "/centre/events": _VIEW,
    "/centre/events/table": _VIEW,
    "/centre/events/{event_id}": _VIEW,
    "/centre/events/{event_id}/now": _VIEW,
    "/centre/events/{event_id}/villages": _VIEW,
    "/centre/events/{event_id}/villages.csv": _VIEW,
    "/centre/events/{event_id}/texts": _VIEW,
    "/centre/events/{event_id}/cap": _VIEW,
    "/centre/events/{event_id}/explain": _VIEW,
    "/centre/events/{event_id}/losses": _VIEW,
    "/centre/approvals": _VIEW,
    "/centre/approvals/queue": _VIEW,
    "/centre/approvals/{warning_id}": _VIEW,
    "/centre/approvals/{warning_id}/still": _VIEW,
    "/centre/approvals/{warning_id}/approve": Rule(None, Act.APPROVE),
    "/centre/approvals/{warning_id}/break-glass": Rule(None, Act.BREAK_GLASS),
    "/centre/approvals/{warning_id}/cancel": Rule(None, Act.CANCEL),
    "/centre/approvals/{warning_id}/cancel-at-once": Rule(None, Act.BREAK_GLASS),
    "/centre/approvals/{warning_id}/all-clear": Rule(None, Act.ALL_CLEAR),
    "/centre/approvals/{warning_id}/review": Rule(None, Act.REVIEW),
    "/centre/dispatch": _VIEW,
    "/centre/dispatch/now": _VIEW,
    "/centre/dispatch/stop": Rule(None, Act.STOP),
    "/centre/dispatch/resume": Rule(None, Act.RESUME),
    "/centre/drills": _VIEW,
    "/centre/drills/check": Rule(None, Act.VIEW),
    "/centre/tasks": _VIEW,
    "/centre/tasks/board": _VIEW,
    "/centre/tasks/{task_id}": _VIEW,
    "/centre/tasks/{task_id}/said": Rule(None, Act.HEAR),
    "/centre/tasks/{task_id}/assign": Rule(None, Act.HEAR),
    "/centre/inbox": _VIEW,
    "/centre/inbox/cases": _VIEW,
    "/centre/inbox/messages": Rule(Act.HEAR),
    "/centre/inbox/messages/{number}/retry": Rule(None, Act.HEAR),
    "/centre/inbox/{case_id}": _VIEW,
    "/centre/inbox/{case_id}/take": Rule(None, Act.HEAR),
    "/centre/inbox/{case_id}/route": Rule(None, Act.HEAR),
    "/centre/inbox/{case_id}/close": Rule(None, Act.HEAR),
    "/centre/sop": _VIEW,
    "/centre/sop/list": _VIEW,
    "/centre/sop/tick": Rule(None, Act.TICK),
    "/centre/feeds": _VIEW,
    "/centre/feeds/table": _VIEW,
    "/centre/audit": Rule(Act.AUDIT),
    "/centre/audit/verify": Rule(None, Act.AUDIT),
    "/centre/places": _VIEW,
    "/centre/map/places.json": _VIEW,
    "/centre/map": _VIEW,
    "/centre/map/panel": _VIEW,
    "/centre/map/frames.json": _VIEW,
    "/centre/map/labels.json": _VIEW,
    "/centre/wall": _VIEW,
    "/centre/wall/slides": _VIEW,
    "/centre/map/tiles/index.json": _VIEW,
    "/centre/map/tiles/{digest}/{name}": _VIEW,
    "/centre/map/state.json": _VIEW,
    "/centre/map/times.json": _VIEW,
    "/centre/map/hazards.json": _VIEW,
    "/centre/map/hazards/{name}": _VIEW,
    "/centre/stream": _VIEW,
    "/tasks": _VIEW,
    "/tasks/{coordinator_id}": _VIEW,
    "/tasks/{coordinator_id}.csv": _VIEW,
    "/operator/lapor": Rule(Act.HEAR, Act.HEAR),
}
