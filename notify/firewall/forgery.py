"""A scratch home in which every table can be made to lie: the firewall's own self-test.

A drill is laid down as if each step before had failed, down to a real phone number on a public
route. One lie less, and exactly one layer is left to stop it. Nothing here touches the home in
use: the database lives in memory and the wire remembers instead of sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.pool import StaticPool

from kentongan import audit
from kentongan.binding import bind
from kentongan.db import (
    alerts,
    bindings,
    events,
    messages,
    metadata,
    outbox,
    receipts_early,
    recipients,
    records,
    segments,
    switches,
    warning_states,
    warnings,
)
from kentongan.db import audit as audit_rows
from kentongan.hazard import HazardEvent
from kentongan.times import iso
from kentongan.types import DocumentStatus, Level, Mode, OutboxState
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.channels.real import RealChannel
from notify.firewall.gate import channels_for
from notify.firewall.origin import RELEASE
from notify.sending.dispatch import dispatch
from notify.warning import WarningBody, alert_identifier, content_hash, warning_id_of

LIES = frozenset({"column", "body", "hash", "audit", "event", "input", "text", "number", "release"})
"""What a forger would have to change: each is one layer that says no alone."""
NUMBER = "+6281200000000"
"""Looks real; the wire below is none."""
_BYTES = "5" * 64
_TABLES = (
    alerts, audit_rows, bindings, events, messages, outbox, receipts_early, recipients, records,
    segments, switches, warning_states, warnings,
)  # fmt: skip


class Wire(RealChannel):
    """A real channel as far as the firewall can see; it keeps what it was given."""

    route = "sms"
    window = 50

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.ACCEPTED)] * len(messages)


class Tape:
    """Stands where the recorder would."""

    route = "recorder"
    window = 50

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sent.extend(messages)
        return [Receipt(Outcome.RECORDED)] * len(messages)


@dataclass
class Forgery:
    """One home with one forged message in it.

    Args:
        event: the drill, as honest as its document.
        lies: which of `LIES` are told; all of them give what a real warning looks like.
    """

    event: HazardEvent
    at: datetime
    lies: frozenset[str] = LIES
    mode: Mode = Mode.ACTUAL
    live: bool = True
    clock: datetime | None = None
    """What the guard's clock shows; None: `at`."""
    bound_live: bool | None = None
    route: str = "sms"
    test_numbers: tuple[str, ...] = (NUMBER,)
    wire: Wire = field(default_factory=Wire)
    recorder: Tape = field(default_factory=Tape)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self.engine, tables=list(_TABLES))
        bind(self.engine, self.mode, live=self.live if self.bound_live is None else self.bound_live)
        self._write()

    def send(self) -> int:
        """Run the dispatcher over it; how many messages reached the wire."""
        now = self.clock or self.at
        found = channels_for(
            self.engine, self.mode, live=self.live, at=self.at, recorder=self.recorder,
            real={"sms": self.wire}, test_numbers=self.test_numbers, clock=lambda: now,
        )  # fmt: skip
        dispatch(self.engine, found, at=self.at)
        return len(self.wire.sent)

    def reason(self) -> str:
        """What the outbox says of the message."""
        with self.engine.connect() as connection:
            row = connection.execute(select(outbox.c.state, outbox.c.last_error)).one()
        state = OutboxState(row.state).name.lower()
        return f"{state}: {row.last_error}" if row.last_error else state

    def audited(self, action: str) -> int:
        query = select(audit_rows.c.seq).where(audit_rows.c.action == action)
        with self.engine.connect() as connection:
            return len(connection.execute(query).all())

    def _status(self, lie: str) -> str:
        return "Actual" if lie in self.lies else "Test"

    def _write(self) -> None:
        body = self._body(self._status("body"))
        warning_id = warning_id_of(self.event.event_id)
        fits = body if "hash" in self.lies else self._body("Test", title="what was approved")
        digest, identifier = content_hash(fits), alert_identifier(warning_id, 1)
        word = "" if "text" in self.lies else "TES. "
        rows: list[tuple[Any, dict[str, Any]]] = [
            (events, self._event_row()),
            (records, self._record_row()),
            (warnings, self._warning_row(warning_id, body, digest)),
            (messages, _message_row(warning_id, f"{word}AWAS tsunami. Naik ke tempat tinggi")),
            (recipients, self._recipient_row()),
            (outbox, self._outbox_row(identifier)),
        ]
        if "release" in self.lies:
            rows.append((alerts, _alert_row(identifier, warning_id, self.at)))
        with self.engine.begin() as connection:
            for table, row in rows:
                connection.execute(table.insert().values(**row))
            said = {
                "identifier": identifier, "sha256": _BYTES, "content_hash": digest,
                "status": self._status("audit"),
            }  # fmt: skip
            audit.append(connection, at=self.at, actor="kentongan", action=RELEASE, body=said)

    def _body(self, status: str, **changes: str) -> WarningBody:
        plain = {"title": "Peringatan dini tsunami", **changes}
        return WarningBody.model_validate(
            {
                "event_id": self.event.event_id, "hazard_id": self.event.hazard_id,
                "title": plain["title"], "action": "alert", "reason": "", "status": status,
                "official": True, "level": 4, "levels": {}, "told": (), "ever_warned": (),
                "groups": (), "valid_from": self.at, "onset": self.at,
                "expires": self.at + timedelta(hours=2), "method": "forged", "quality": "ok",
                "evidence": {}, "observations": (_BYTES,), "exposed_people": 0,
                "uncovered_people": 0,
            }
        )  # fmt: skip

    def _event_row(self) -> dict[str, Any]:
        event = self.event
        if "event" in self.lies:
            event = event.model_copy(
                update={
                    "status": DocumentStatus.ACTUAL, "re_creation": False, "evidence": {},
                    "title": "Peringatan dini tsunami", "place": "",
                }
            )  # fmt: skip
        return {
            "event_id": event.event_id, "hazard_id": str(event.hazard_id), "level": 4,
            "valid_from": iso(self.at), "valid_to": iso(self.at), "state": "active",
            "field_hash": "", "updated_at": iso(self.at), "body": event.model_dump_json(),
        }  # fmt: skip

    def _record_row(self) -> dict[str, Any]:
        return {
            "source_id": "bmkg-inatews", "key": "drill", "kind": "bulletin", "sha256": _BYTES,
            "document_time": iso(self.at), "known_at": iso(self.at),
            "status": self._status("input"), "body": "{}",
        }  # fmt: skip

    def _warning_row(self, warning_id: str, body: WarningBody, digest: str) -> dict[str, Any]:
        return {
            "warning_id": warning_id, "version": 1, "event_id": self.event.event_id,
            "hazard_id": str(self.event.hazard_id), "msg_type": "Alert",
            "cap_status": self._status("column"), "level": int(Level.AWAS),
            "content_hash": digest, "created_at": iso(self.at),
            "expires": iso(self.at + timedelta(hours=2)), "body": body.model_dump(mode="json"),
        }  # fmt: skip

    def _recipient_row(self) -> dict[str, Any]:
        return {
            "recipient_id": "somebody", "role": "resident", "adm4_code": "51.03.01.1001",
            "address": NUMBER, "language": "id", "synthetic": "number" not in self.lies,
        }  # fmt: skip

    def _outbox_row(self, identifier: str) -> dict[str, Any]:
        return {
            "alert_version": identifier, "recipient_id": "somebody", "channel": "sms", "part": 0,
            "message_id": "forged", "route": self.route, "prio": 0, "state": 0, "attempts": 0,
            "created_at": iso(self.at), "due": iso(self.at),
            "not_after": iso(self.at + timedelta(hours=2)),
        }  # fmt: skip


def _message_row(warning_id: str, text: str) -> dict[str, Any]:
    return {
        "message_id": "forged", "purpose": "alert", "warning_id": warning_id, "version": 1,
        "channel": "sms", "language": "id", "area_code": "51.03", "level": int(Level.AWAS),
        "text": text, "payload": None,
    }  # fmt: skip


def _alert_row(identifier: str, warning_id: str, at: datetime) -> dict[str, Any]:
    return {
        "identifier": identifier, "warning_id": warning_id, "version": 1, "sender": "x",
        "sent": iso(at), "expires": iso(at + timedelta(hours=2)), "path": "x", "sha256": _BYTES,
    }  # fmt: skip
