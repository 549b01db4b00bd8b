"""Where a message comes from, by every witness in the tables, each of which can say no alone.

Before a row leaves on a public route the dispatcher asks: does the warning's own column say
Actual; does its body; does the body still have the hash that people and policy released; does the
audit say that exactly this content went out as Actual; is its event real; was every document
behind it? A row that somebody wrote by hand fails at the first table that was forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, select

from kentongan.db import alerts, audit, events, records, warnings
from kentongan.hazard import HazardEvent
from kentongan.types import DocumentStatus
from notify.channels.channel import Origin
from notify.firewall.apart import said
from notify.firewall.gate import document_status
from notify.warning import alert_identifier, hash_of_content

RELEASE = "warning.release"
_CHUNK = 500


def origin_of(connection: Connection, warning_id: str, version: int) -> Origin:
    """What stands behind the messages of a version; a doubt where any witness is missing."""
    query = select(warnings).where(
        warnings.c.warning_id == warning_id, warnings.c.version == version
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return Origin("", (f"{warning_id} v{version} is no warning of this home",))
    doubts = tuple(doubt for ask in WITNESSES.values() for doubt in ask(connection, row))
    return Origin("" if doubts else row["cap_status"], doubts)


def _columns(_: Connection, row: RowMapping) -> Iterator[str]:
    """The table's column and the body that was approved say the same."""
    inside = row["body"].get("status")
    if not row["cap_status"] == inside == "Actual":
        yield f"its warning is {row['cap_status']} by its column and {inside} by its body"


def _content(_: Connection, row: RowMapping) -> Iterator[str]:
    """The body is the one that was drafted."""
    if hash_of_content(row["body"]) != row["content_hash"]:
        yield "its warning's content was changed after it was drafted"


def _released(connection: Connection, row: RowMapping) -> Iterator[str]:
    """The audit says that exactly this went out as Actual, with the bytes that the alert has."""
    identifier = alert_identifier(row["warning_id"], row["version"])
    digest = connection.execute(
        select(alerts.c.sha256).where(alerts.c.identifier == identifier)
    ).scalar()
    query = select(audit.c.body).where(
        audit.c.action == RELEASE,
        audit.c.body.contains(f'"identifier":"{identifier}"', autoescape=True),
    )
    found = [json.loads(body) for body in connection.execute(query).scalars()]
    expected = {"status": "Actual", "content_hash": row["content_hash"], "sha256": digest}
    if digest is None or not any(entry.items() >= expected.items() for entry in found):
        yield "the audit knows no release of this content as Actual"


def _event(connection: Connection, row: RowMapping) -> Iterator[str]:
    """The event is real: its status, its words, and no re-creation."""
    body = connection.execute(
        select(events.c.body).where(events.c.event_id == row["event_id"])
    ).scalar()
    try:
        event = HazardEvent.model_validate_json(body or "")
    except ValidationError:
        yield "its event is not in the books"
        return
    if event.re_creation:
        yield "its event is a re-creation"
    if document_status(event.status, *said(event)) is not DocumentStatus.ACTUAL:
        yield "its event is a drill by its status or its words"


def _input(connection: Connection, row: RowMapping) -> Iterator[str]:
    """Each document behind it holds something real.

    A list of BMKG's holds thirty bulletins, and one of them may be last month's exercise: so a
    document speaks against a warning only where nothing in it is Actual.
    """
    wanted: list[str] = list(row["body"].get("observations", ()))
    said: dict[str, set[str]] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(records.c.sha256, records.c.status).where(
            records.c.sha256.in_(wanted[start : start + _CHUNK])
        )
        for sha256, status in connection.execute(query.distinct()):
            said.setdefault(sha256, set()).add(status)
    drills = sorted({min(found) for found in said.values() if "Actual" not in found})
    if drills:
        yield f"a document behind it is of status {drills[0]}"


Witness = Callable[[Connection, Any], Iterator[str]]
WITNESSES: dict[str, Witness] = {
    "columns": _columns,
    "content": _content,
    "audit": _released,
    "event": _event,
    "input": _input,
}
"""Each alone keeps a message from the public."""
