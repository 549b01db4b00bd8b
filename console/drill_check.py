"""The firewall, layer by layer, against one drill: each alone must stop it.

Every row is one layer with all the others made to fail: a document whose words are gone, a status
that lies, a row that somebody wrote into the outbox. The last row is the control: the same message
with every table lying reaches the wire of the scratch home, so the rows above prove something.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kentongan.errors import DataError, KentonganError, RuleViolation
from kentongan.types import DocumentStatus, HazardId, Level, Mode

if TYPE_CHECKING:
    from ingest.source import Reading
    from kentongan.hazard import HazardEvent
    from kentongan.records import Record
    from notify.firewall.forgery import Forgery

PLACES = (
    ("bmkg-inatews", "/datagempa.json"),
    ("bmkg-inatews", "/last30tsunamievent.xml"),
    ("bmkg-quakes", "/DataMKG/TEWS/autogempa.json"),
    ("bmkg-nowcast", "/alerts/nowcast/id/CXX20260101001_alert.xml"),
)
"""Readers and paths under which a file may be one of BMKG's documents."""
_STATUS = re.compile(rb'("status"\s*:\s*"|<status>)[^"<]*')
_WORDS = re.compile(rb"\b(?:TES|TEST|LATIHAN|EXERCISE)\b[\s:.]*", re.IGNORECASE)
_MARKS = re.compile(rb"reka(?:an)?[\s_-]ulang", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    layer: str
    alone: str
    """What was made to fail before it."""
    stopped: bool
    said: str


@dataclass(frozen=True)
class Drill:
    """A document that is a drill, and the event that it would make."""

    payload: bytes
    source_id: str
    path: str
    record: Record
    event: HazardEvent

    @property
    def at(self) -> datetime:
        return self.record.document_time


def read_drill(payload: bytes) -> Drill:
    """The first document of a file that speaks of a quake, a tsunami or a nowcast.

    Raises:
        DataError: no reader of ours finds one, or it is no drill.
    """
    for source_id, path in PLACES:
        for record in _records(payload, source_id, path):
            if record.status is DocumentStatus.ACTUAL and not record.re_creation:
                raise DataError(
                    f"the document {record.key} says Actual, and nothing in it speaks of a drill: "
                    "there is nothing here that the firewall should stop"
                )
            return Drill(payload, source_id, path, record, _event(record))
    raise DataError("none of BMKG's documents that we know; expected a bulletin, quake or nowcast")


def _records(payload: bytes, source_id: str, path: str) -> Iterator[Record]:
    for record in _read(payload, source_id, path).records:
        if record.kind in ("bulletin", "quake", "nowcast"):
            yield record


def _read(payload: bytes, source_id: str, path: str) -> Reading:
    from ingest.registry import SOURCES
    from ingest.source import ReadContext, Reading

    sha256 = hashlib.sha256(payload).hexdigest()
    context = ReadContext(source_id, path, sha256, datetime.now(UTC), re_creation=False)
    try:
        return SOURCES[source_id].read(payload, context)
    except KentonganError:
        return Reading()


def _event(record: Record) -> HazardEvent:
    from kentongan.hazard import HazardEvent

    hazard = {"bulletin": HazardId.TSUNAMI, "nowcast": HazardId.THUNDERSTORM}.get(
        record.kind, HazardId.SHAKING
    )
    words = [v for v in record.model_dump(mode="json").values() if isinstance(v, str)]
    return HazardEvent(
        event_id=f"{hazard}-drill",
        hazard_id=hazard,
        level=Level.AWAS,
        onset=record.document_time,
        valid_from=record.document_time,
        valid_to=record.document_time + timedelta(hours=2),
        official=True,
        status=record.status,
        re_creation=record.re_creation,
        title=next((w for w in words if _WORDS.search(w.encode())), f"{hazard} {record.key}"),
        method="drill-check/1",
        observations=(record.sha256,),
    )


def verdicts(drill: Drill) -> list[Verdict]:
    """Every layer alone, then the control."""
    rows = [*_of_reader(drill), *_of_making(drill), *_of_tables(drill), *_of_wire(drill)]
    from notify.firewall.forgery import Forgery

    forged = Forgery(drill.event, drill.at)
    sent = forged.send()
    control = Verdict(
        "control", "every layer and every table lies", not sent, f"{sent} message on the wire"
    )
    return [*rows, control]


# --- the document -----------------------------------------------------------------------


def _of_reader(drill: Drill) -> Iterator[Verdict]:
    cases: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = (
        ("its status", "no word of a drill, no mark", lambda p: _no_words(_no_mark(p))),
        ("its words", "status Actual, no mark", lambda p: _says_actual(_no_mark(p))),
        ("its mark", "status Actual, no word", lambda p: _says_actual(_no_words(p))),
    )
    for layer, alone, change in cases:
        found = list(_records(change(drill.payload), drill.source_id, drill.path))
        told = [f"read as {r.status}{', re-creation' * r.re_creation}" for r in found[:1]]
        stopped = bool(found) and all(
            r.status is not DocumentStatus.ACTUAL or r.re_creation for r in found
        )
        yield Verdict(f"document: {layer}", alone, stopped, "".join(told) or "not read")


def _says_actual(payload: bytes) -> bytes:
    return _STATUS.sub(rb"\1Actual", payload)


def _no_words(payload: bytes) -> bytes:
    status = _STATUS.search(payload)
    kept = status.group() if status else b""
    return _STATUS.sub(kept, _WORDS.sub(b"", payload)) if kept else _WORDS.sub(b"", payload)


def _no_mark(payload: bytes) -> bytes:
    return _MARKS.sub(b"", payload)


# --- making a warning of it -------------------------------------------------------------


def _of_making(drill: Drill) -> Iterator[Verdict]:
    from notify.firewall.gate import Routes, all_routes, cap_status, document_status

    event = drill.event
    test = DocumentStatus.TEST if event.status is DocumentStatus.ACTUAL else event.status

    def status(**changes: Any) -> str:
        given = {"live": True, "status": DocumentStatus.ACTUAL, "re_creation": False, **changes}
        return cap_status(Mode.ACTUAL, **given)

    yield _stops("draft: status of the input", "live, mode actual", lambda: status(status=test))
    yield _differs("draft: re-creation", "status lies Actual", lambda: status(re_creation=True))
    yield _differs("draft: replay or scenario", "input lies Actual", lambda: status(live=False))
    said = document_status(DocumentStatus.ACTUAL, f"TES {event.title}")
    yield Verdict(
        "draft: words of the event", "status lies Actual", said is not DocumentStatus.ACTUAL, said
    )
    yield _live_row(drill)
    yield _stops("home: kind of run", "a replay opens the real home", _replay_in_real_home)
    yield _stops("warning: exercise apart", "a drill updates a real warning", _mixed(drill))
    opened = all_routes(Mode.ACTUAL, live=True).open_to("Test")
    yield Verdict(
        "outbox: routes by status", "a live actual run fills it",
        not opened.real, "recorder only" if not opened.real else "real routes",
    )  # fmt: skip
    yield _stops("outbox: routes by type", "code asks for them", lambda: Routes(real=True))


def _stops(layer: str, alone: str, act: Callable[[], Any]) -> Verdict:
    try:
        found = act()
    except RuleViolation as error:
        return Verdict(layer, alone, True, str(error))
    return Verdict(layer, alone, False, str(found))


def _differs(layer: str, alone: str, act: Callable[[], str]) -> Verdict:
    found = act()
    return Verdict(layer, alone, found != "Actual", f"status {found}, every text marked")


def _live_row(drill: Drill) -> Verdict:
    from kentongan.settings import Settings
    from orchestration.context import is_live

    clock = is_live(drill.at, datetime.now(UTC))
    local = Settings(_env_file=None).with_feed_server("http://127.0.0.1:1").feeds_are_local
    said = f"its time is the present: {clock}; a feed server is BMKG: {not local}"
    return Verdict("run: clock and host of the feed", "mode actual", local and not clock, said)


def _replay_in_real_home() -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    from kentongan.binding import bind
    from kentongan.db import metadata

    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    bind(engine, Mode.ACTUAL, live=True)
    bind(engine, Mode.ACTUAL, live=False)


def _mixed(drill: Drill) -> Callable[[], None]:
    from kentongan.decision import Action
    from notify.firewall.apart import keep_apart
    from notify.warning import warning_id_of

    def act() -> None:
        forged = _forged(drill)
        with forged.engine.begin() as connection:
            from kentongan.db import warning_states

            warning_id = warning_id_of(drill.event.event_id)
            connection.execute(
                warning_states.insert().values(
                    warning_id=warning_id, version=1, state="released", at="", actor="", reason=""
                )
            )
            keep_apart(connection, warning_id, "Test", Action.UPDATE)

    return act


# --- a row in the outbox, every table but one lying -------------------------------------

_TABLES = {
    "column": "dispatch: status of the warning",
    "body": "dispatch: status inside its body",
    "hash": "dispatch: hash of what was approved",
    "audit": "dispatch: the audit's word at release",
    "release": "dispatch: an alert behind it",
    "event": "dispatch: its event",
    "input": "dispatch: documents behind it",
    "text": "dispatch: words in the text",
    "number": "dispatch: made-up recipient",
}


def _forged(drill: Drill, *, without: str = "", **changes: Any) -> Forgery:
    from notify.firewall.forgery import LIES, Forgery

    return Forgery(drill.event, drill.at, lies=LIES - {without}, **changes)


def _of_tables(drill: Drill) -> Iterator[Verdict]:
    for lie, layer in _TABLES.items():
        forged = _forged(drill, without=lie)
        sent = forged.send()
        yield Verdict(layer, "all other tables lie Actual", not sent, forged.reason())


# --- at the wire ------------------------------------------------------------------------


def _of_wire(drill: Drill) -> Iterator[Verdict]:
    from notify.sending.switches import throw

    cases = (
        ("clearance: mode", "all tables lie", {"mode": Mode.EXERCISE}),
        ("clearance: live run", "all tables lie", {"live": False, "bound_live": True}),
        ("clearance: kind of the home", "all tables lie", {"bound_live": False}),
        ("clearance: the guard's own clock", "all tables lie, `at` too",
         {"clock": drill.at + timedelta(minutes=11)}),
    )  # fmt: skip
    for layer, alone, changes in cases:
        forged = _forged(drill, **changes)
        sent = forged.send()
        yield Verdict(layer, alone, not sent, f"no real channel exists; row {forged.reason()}")
    yield _guard_row(drill)
    yield _wire_row(drill)
    forged = _forged(drill)
    throw(forged.engine, is_open=False, at=drill.at, actor="drill", reason="drill", route=None)
    sent = forged.send()
    yield Verdict("kill switch", "all tables lie", not sent, f"row {forged.reason()}")


def _guard_row(drill: Drill) -> Verdict:
    """A message handed past the dispatcher to the guard."""
    from notify.channels.channel import Outcome
    from notify.firewall.forgery import Tape
    from notify.firewall.gate import channels_for

    forged = _forged(drill)
    guard = channels_for(
        forged.engine, Mode.ACTUAL, live=True, at=drill.at, recorder=Tape(),
        real={"sms": forged.wire}, clock=lambda: drill.at,
    )["sms"]  # fmt: skip
    (receipt,) = guard.send([_outgoing()])
    stopped = receipt.outcome is Outcome.REFUSED and not forged.wire.sent
    return Verdict("guard: origin of a message", "dispatcher passed by", stopped, receipt.detail)


def _wire_row(drill: Drill) -> Verdict:
    """A plain message handed to the real channel itself, against the types."""
    wire = _forged(drill).wire
    plain: Any = [_outgoing()]
    return _stops("channel: cleared messages only", "guard passed by", lambda: wire.send(plain))


def _outgoing() -> Any:
    from notify.channels.channel import Outgoing
    from notify.firewall.forgery import NUMBER

    return Outgoing(
        outbox_id=1, message_id="m", warning_id="w", version=1, channel="sms",
        recipient_id="somebody", address=NUMBER, text="AWAS tsunami", payload=None, level=4,
        cap_status="Actual",
    )  # fmt: skip


def read_file(path: Path) -> Drill:
    """As `read_drill`.

    Raises:
        DataError: unreadable, or no drill.
    """
    try:
        return read_drill(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error}") from error
