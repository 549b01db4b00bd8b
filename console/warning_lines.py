"""Warnings as lines for pages and the terminal, read from the tables alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from console.words import level_word, number, urgency
from kentongan.db import alerts, warning_states, warnings
from kentongan.errors import DataError
from kentongan.times import iso
from kentongan.types import WarningState
from kentongan.view import WarningLine
from notify import versions
from notify.versions import Version
from notify.warning import AreaGroup
from orchestration.warning_line import warning_line

OPEN = (WarningState.RELEASED, WarningState.APPROVED, WarningState.DRAFT)


def open_warnings(engine: Engine) -> list[WarningLine]:
    """Every version that is released or waits for release, the most urgent first.

    A released warning past its end stays here until a cycle closes it: if nothing closes
    it, nobody has looked, and that is no reason to hide it.
    """
    with engine.connect() as connection:
        lines = [
            _line(connection, version)
            for state in OPEN
            for version in versions.in_state(connection, state)
            if not version.body.is_end
        ]
    return sorted(lines, key=by_urgency)


def by_urgency(line: WarningLine) -> tuple[bool, int, int, str, int]:
    key = urgency(line.hazard_id, line.level, line.exposed)
    return (*key, line.warning_id, line.version)


def _line(connection: Connection, version: Version) -> WarningLine:
    line = warning_line(version, versions.alert_of(connection, version.ref))
    return replace(line, areas=tuple(area_text(group) for group in version.body.groups))


def area_text(group: AreaGroup) -> str:
    """`Kab. Boalemo (Waspada, 14 desa): Dengilo, Mananggu`."""
    head = f"{group.adm2_name} ({level_word(group.level)}, {number(len(group.codes))} desa)"
    return f"{head}: {', '.join(group.districts)}" if group.districts else head


def jsonable(line: Any) -> dict[str, Any]:
    """A line of `kentongan.view` with its times as text."""
    return {name: _jsonable(value) for name, value in asdict(line).items()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {name: _jsonable(part) for name, part in value.items()}
    return [_jsonable(part) for part in value] if isinstance(value, tuple) else value


def history(engine: Engine, warning_id: str) -> dict[str, Any]:
    """All versions of a warning, oldest first.

    Raises:
        DataError: no such warning.
    """
    query = select(warnings).where(warnings.c.warning_id == warning_id)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(warnings.c.version)).mappings().all()
        found = [_history_entry(connection, dict(row)) for row in rows]
    if not found:
        raise DataError(f"warning {warning_id!r}: none of that name; see: kentongan warning list")
    return {"warning_id": warning_id, "versions": found}


def _history_entry(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    of_version = (
        warning_states.c.warning_id == row["warning_id"],
        warning_states.c.version == row["version"],
    )
    columns = (warning_states.c.state, warning_states.c.at, warning_states.c.actor)
    states = connection.execute(select(*columns).where(*of_version).order_by(warning_states.c.id))
    cap = select(alerts.c.path).where(
        alerts.c.warning_id == row["warning_id"], alerts.c.version == row["version"]
    )
    return {
        **{key: row[key] for key in ("version", "content_hash", "created_at", "body")},
        "states": [dict(state) for state in states.mappings()],
        "cap": connection.execute(cap).scalar() or "",
    }
