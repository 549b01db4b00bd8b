"""What a warning would send, before anybody says yes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from console.words import number
from kentongan.errors import DataError
from notify import versions
from notify.dispatcher.config import Routes, read_routes
from notify.dispatcher.plan import plan
from notify.release.binding import Bound

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.context import CycleContext


def routes_of(path: Path | None) -> Routes:
    """Those that can be read; who sends says what is wrong with the others."""
    return Routes(None) if path is None else read_routes(path)[0]


def plan_document(connection: Connection, bound: Bound, routes: Routes) -> list[dict[str, Any]]:
    """By channel: people, messages, cost, minutes."""
    return [one.as_json() for one in plan(connection, bound.messages, routes)]


def plan_of(context: CycleContext, warning_id: str, *, at: datetime) -> dict[str, Any]:
    """Of the newest version of a warning.

    Raises:
        DataError: no such warning.
    """
    from orchestration.by_hand import desk_of

    with context.engine.connect() as connection:
        version = versions.newest(connection, warning_id)
        if version is None:
            raise DataError(f"warning {warning_id!r}: none of that name; see: warning list")
        bound = desk_of(context).bind(connection, version, at)
        found = plan_document(connection, bound, routes_of(context.settings.routes))
    ends = version.body.expires
    return {
        "warning_id": warning_id, "version": version.version, "state": str(version.state),
        "minutes_left": round((ends - at).total_seconds() / 60, 1),
        "is_end": version.body.is_end,
        "addressed": dict(bound.binding.messages), "channels": found,
    }  # fmt: skip


def plan_lines(found: dict[str, Any]) -> list[str]:
    left = found["minutes_left"]
    head = f"{found['warning_id']} v{found['version']} ({found['state']}): "
    head += f"{left:.0f} minutes to its end" if left > 0 else "its end has passed"
    if found["is_end"]:
        counts = ", ".join(f"{number(n)} {name}" for name, n in sorted(found["addressed"].items()))
        return [head, f"  an end: goes to exactly those who were told: {counts or 'nobody'}"]
    return [head, *channel_lines(found["channels"], left)]


def channel_lines(channels: list[dict[str, Any]], minutes_left: float | None) -> list[str]:
    return [f"  {_channel_line(one, minutes_left)}" for one in channels] or ["  no message"]


def _channel_line(one: dict[str, Any], minutes_left: float | None) -> str:
    people = f"{one['channel']}: {number(one['people'])} people"
    if one["made_up"]:
        people += f" (and {number(one['made_up'])} made-up ones, to the recorder)"
    if not one["routes"]:
        return f"{people}; no route is configured: nothing real would be sent"
    parts = f", {number(one['messages'])} messages of up to {one['longest_parts']} parts"
    cost = f", Rp{number(one['rupiah'])}" if one["rupiah"] else ""
    took = one["minutes"]
    how = f", {_minutes(took)} over {' and '.join(one['routes'])}"
    late = minutes_left is not None and took > minutes_left > 0
    return people + parts + cost + how + (": LONGER THAN THE WARNING LASTS" if late else "")


def _minutes(value: float) -> str:
    return "less than a minute" if value < 1 else f"{number(value)} minutes"
