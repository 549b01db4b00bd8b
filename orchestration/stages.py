"""The stages of a cycle. Each reads tables and files, and leaves tables and files.

All may be run again: unique keys make the second time harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select

from kentongan.audit.heads import sign_and_keep
from kentongan.db import cycles
from kentongan.db import events as events_table
from kentongan.db import records as records_table
from kentongan.hazard import HazardEvent, HazardField
from kentongan.records import Bulletin, Record
from kentongan.times import compact, iso, parse_instant
from kentongan.types import HazardId
from orchestration import event_store
from orchestration.context import CycleContext
from orchestration.event_store import StoredEvent
from orchestration.heartbeat import CYCLE, beat_if_present
from orchestration.rain.ground import prepare_ground
from orchestration.secondary import note_secondary
from orchestration.shaking import note_people

if TYPE_CHECKING:
    import pandas as pd

    from ingest.run import IngestContext
    from processing.quakes import Past

log = logging.getLogger(__name__)
_T = TypeVar("_T")

HORIZON = timedelta(hours=50)
"""How far back records matter: two hours more than a tsunami stays in sight without PD-4."""
SAME_ORIGIN = timedelta(seconds=30)
"""Origins of one quake in successive bulletins; `processing.tsunami` groups by the same."""
KINDS = ("quake", "bulletin", "nowcast", "satellite_image", "shake_grid")


def poll_one(
    ingest: IngestContext, source_id: str, at: datetime, wanted: Sequence[str] = ()
) -> dict[str, Any]:
    from ingest.run import poll

    return poll(source_id, at=at, context=ingest, wanted=wanted).to_json()


def poll_all(context: CycleContext, at: datetime, sources: Sequence[str]) -> list[dict[str, Any]]:
    """Poll each source once; the forecast asks for the villages that matter most."""
    from orchestration.forecasts import FORECAST, wanted_villages

    return [
        poll_one(context.ingest, s, at, wanted_villages(context, at) if s == FORECAST else ())
        for s in sources
    ]


def advance(context: CycleContext, at: datetime) -> dict[str, Any]:
    """Everything after the polls: what is known becomes what is sent.

    Messages go out before tasks are planned: no plan delays a warning.
    """
    troubles: list[dict[str, str]] = []
    done: dict[str, Any] = {
        "fields": overlay(context, at, troubles),
        "drafts": decide_all(context, at, troubles),
        "released": release_all(context, at, troubles),
    }
    first = send(context, at)
    hear_all(context, at, troubles)
    plan_all(context, at, troubles)
    escalate_all(context, at, troubles)
    note_secondary(context, at, troubles)
    note_people(context, at, troubles)
    prepare_ground(context, at, troubles)
    done["messages"] = added(first, send(context, at))
    done["troubles"] = troubles
    note_cycle(context, at, done)
    return done


def added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Counts by channel and word, summed."""
    return {
        channel: {
            word: one[channel].get(word, 0) + other[channel].get(word, 0)
            for word in sorted({*one[channel], *other[channel]})
        }
        for channel in one
    }


class Tried:
    """`guarded`, and whether anything failed."""

    def __init__(self, troubles: list[dict[str, str]]) -> None:
        self._troubles, self._before = troubles, len(troubles)

    def __call__(self, what: str, work: Callable[[], _T]) -> _T | None:
        return guarded(what, self._troubles, work)

    @property
    def failed(self) -> bool:
        return len(self._troubles) > self._before


def guarded(what: str, troubles: list[dict[str, str]], act: Callable[[], _T]) -> _T | None:
    """Do one thing; if it fails, name it and let the others go on.

    A broken event must not keep the next one from being warned of.
    """
    try:
        return act()
    except Exception as error:
        log.exception("%s failed; the cycle goes on", what)
        troubles.append({"what": what, "detail": f"{type(error).__name__}: {error}"})
        return None


def note_cycle(context: CycleContext, at: datetime, done: dict[str, Any]) -> None:
    """That a cycle came to its end: the web application and the watchdogs look for it.

    What it did is signed (`kentongan.audit.heads`); a copy that cannot be written is a trouble.
    """
    troubles: list[dict[str, str]] = []
    signed = partial(sign_and_keep, context.engine, context.settings, at)
    failed = guarded("audit head", troubles, signed) or ()
    troubles += [{"what": "audit head", "detail": detail} for detail in failed]
    done.setdefault("troubles", []).extend(troubles)
    with context.engine.begin() as connection:
        connection.execute(cycles.insert().values(at=iso(at), document=dict(done)))
    beat_if_present(context.engine, CYCLE, at)


# --- overlay ---------------------------------------------------------------------------


def overlay(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[dict[str, str]]:
    """Known records to hazard fields to impact tables. Returns what is new."""
    troubles = [] if troubles is None else troubles
    changed: list[StoredEvent] = []
    fields = guarded("hazard fields", troubles, lambda: fields_of(context, at)) or []
    rain = guarded("rain from frames", troubles, lambda: _with_rain(context, at, fields, troubles))
    # BMKG's own first: our estimates are compared with what is stored of them.
    for field in sorted(fields if rain is None else rain, key=lambda f: not f.event.official):
        what = f"overlay of {field.event.event_id}"
        changed += guarded(what, troubles, partial(_overlay_one, context, field, at)) or ()
    return [{"event_id": s.event.event_id, "uri": s.impact_path} for s in changed]


def fields_of(context: CycleContext, at: datetime) -> list[HazardField]:
    """Hazard fields of all that is known at an instant, but for rain from frames."""
    from ingest.known import known
    from orchestration.shaking import shaking_inputs
    from processing.run import hazard_fields

    found = known(context.engine, at, kinds=KINDS, since=at - HORIZON)
    found = [*found, *_earlier_bulletins(context, at, found)]
    return hazard_fields(
        found,
        at=at,
        policy=context.levels,
        gazetteer=_gazetteer(context),
        read=lambda record: _read(context, record),
        past=_past(context, at, found),
        shaking=shaking_inputs(context, at, found),
    )


def _with_rain(
    context: CycleContext,
    at: datetime,
    fields: Sequence[HazardField],
    troubles: list[dict[str, str]],
) -> list[HazardField]:
    """Rain from frames in kelvin stands above that from the picture of classes."""
    from orchestration.rain.cells import cells_now
    from orchestration.rain.ground import ground_fields
    from orchestration.rain.live import rain_now

    rain = rain_now(context, at)
    if not rain.fresh:
        return list(fields)
    others = [f for f in fields if f.event.hazard_id is not HazardId.RAIN or f.event.official]
    if rain.field is None:
        return others
    guarded("cells of a frame", troubles, partial(cells_now, context, at))
    return [*others, rain.field, *ground_fields(context, rain.field, at, troubles)]


def _earlier_bulletins(
    context: CycleContext, at: datetime, found: Sequence[Record]
) -> list[Record]:
    """Older bulletins of a tsunami that a fresh one says is still there.

    A centre that starts in mid-event announces nothing old; but where InaTEWS still speaks of
    the event, the zones of its earlier bulletins hold until PD-4.
    """
    from ingest.known import known

    fresh = [r for r in found if isinstance(r, Bulletin)]
    if not any(not r.all_clear for r in fresh):
        return []
    earlier = known(
        context.engine, at, kinds=("bulletin",), since=at - HORIZON, include_history=True
    )
    have = {(r.source_id, r.key) for r in fresh}
    return [
        r
        for r in earlier
        if isinstance(r, Bulletin)
        and (r.source_id, r.key) not in have
        and any(abs(r.quake.origin_time - f.quake.origin_time) <= SAME_ORIGIN for f in fresh)
    ]


def _gazetteer(context: CycleContext) -> Any:
    from orchestration.names import gazetteer_of

    return gazetteer_of(context.layers)


def _read(context: CycleContext, record: Record) -> bytes:
    from ingest.known import read_payload

    with context.engine.connect() as connection:
        return read_payload(connection, context.archive, record.source_id, record.sha256)


def _past(context: CycleContext, at: datetime, found: Sequence[Record]) -> Past:
    from processing.quakes import Past

    query = select(records_table.c.source_id, records_table.c.key, records_table.c.known_at).where(
        records_table.c.kind.in_(("quake", "bulletin", "shake_grid")),
        # No record of `found` is older; all others, of years, need not be looked through.
        records_table.c.document_time >= iso(at - HORIZON),
    )
    keys = {(r.source_id, r.key) for r in found}
    with context.engine.connect() as connection:
        ids = connection.execute(select(events_table.c.event_id)).scalars().all()
        times = {
            (row.source_id, row.key): parse_instant(row.known_at)
            for row in connection.execute(query)
            if (row.source_id, row.key) in keys
        }
    return Past(issued_ids=frozenset(ids), known_at=times)


def _overlay_one(context: CycleContext, field: HazardField, at: datetime) -> list[StoredEvent]:
    from risk.overlay import impact_table

    if field.event.hazard_id is not HazardId.RAIN and _is_stored(context, field.event):
        return []
    impact = impact_table(field, context.layers, context.levels)
    unresolved = sorted({*field.unresolved, *impact.attrs.get("unresolved", ())})
    impact.attrs["unresolved"] = unresolved
    saved = []
    for event, part in _parts(context, field, impact, at):
        if _is_stored(context, event):
            continue
        digest = _digest(context, event)
        saved.append(
            event_store.save(context.engine, context.runs, field, event, part, digest=digest, at=at)
        )
    return saved


def _parts(
    context: CycleContext, field: HazardField, impact: pd.DataFrame, at: datetime
) -> list[tuple[HazardEvent, pd.DataFrame]]:
    from orchestration.rain.cells import cells_for
    from orchestration.rain.fusion import ESTIMATES, compared
    from orchestration.rain.ground import least_villages
    from orchestration.rain.local import with_local_evidence
    from processing.rain.policy import rain_policy
    from risk.provinces import split_by_province

    event = field.event
    if event.hazard_id not in ESTIMATES or event.official:
        return [(event, impact)]
    least = least_villages(event.hazard_id)
    parts = split_by_province(event, impact, policy=context.levels, least=least)
    cells = cells_for(context, event.onset) if parts and event.hazard_id is HazardId.RAIN else None
    parts = with_local_evidence(field, context.layers, parts, rain_policy().levels, cells)
    return compared(context, parts, at)


def _digest(context: CycleContext, event: HazardEvent) -> str:
    return event_store.field_hash(event, context.layers.version, context.levels.model_dump_json())


def _is_stored(context: CycleContext, event: HazardEvent) -> bool:
    before = event_store.stored(context.engine, event.event_id)
    return (
        before is not None
        and before.field_hash == _digest(context, event)
        and context.runs.exists(before.impact_path)
    )


# --- decide ----------------------------------------------------------------------------


def decide_all(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[dict[str, Any]]:
    """Each event that has not ended gets a decision; returns those that say something."""
    from orchestration import decided, deciding

    troubles = [] if troubles is None else troubles

    tried = Tried(troubles)
    found = event_store.active(context.engine, at)
    seen = [
        tried(f"decision on {one.event.event_id}", partial(deciding.look_at, context, one, at))
        for one in found
    ]
    looked = [one for one in seen if one is not None]
    blind = tried("feeds", partial(deciding.blind_hazards, context, at)) or frozenset()
    inputs = decided.fingerprint(context, looked, blind)
    if (already := decided.decided_already(context, at, inputs)) is not None:
        return already
    neighbours = tried("relations", partial(deciding.relate, context, looked, at))
    if neighbours is None:  # each event is then decided by itself: no warning waits for it
        neighbours = deciding.strangers(context, at)
    outcomes = [
        tried(
            f"decision on {one.known.id}",
            partial(deciding.decide_one, context, one, looked, neighbours, blind, at),
        )
        for one in looked
    ]
    return decided.write_all(
        context, [one for one in outcomes if one is not None], neighbours, at, inputs, tried
    )


# --- release, tasks, outbox ------------------------------------------------------------


def release_all(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[dict[str, Any]]:
    """Drafts to alerts and outbox rows, where policy or people allow; then the public lists."""
    from orchestration.publishing import publish_feeds
    from orchestration.releasing import release_pending

    troubles = [] if troubles is None else troubles
    released = guarded("release", troubles, lambda: release_pending(context, at)) or []
    guarded("public feeds", troubles, lambda: publish_feeds(context, at, troubles))
    return released


def plan_all(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> int:
    """Tasks for the warnings in force; returns how many are new or changed."""
    from orchestration.releasing import plan_in_force

    troubles = [] if troubles is None else troubles
    return guarded("plan", troubles, lambda: plan_in_force(context, at)) or 0


def hear_all(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> dict[str, int]:
    """What came in; how many messages became what."""
    from orchestration.hearing import hear

    troubles = [] if troubles is None else troubles
    return guarded("inbox", troubles, lambda: hear(context, at)) or {}


def escalate_all(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[dict[str, str]]:
    """Tasks that nobody has answered; returns who was reached, and for which task."""
    from orchestration.escalating import escalate_due

    troubles = [] if troubles is None else troubles
    climbed = guarded("escalation", troubles, lambda: escalate_due(context, at)) or []
    return [{"task_id": c.task_id, "rung": str(c.rung), "to": c.to_id} for c in climbed]


def send(context: CycleContext, at: datetime, *, urgent: bool = False) -> dict[str, Any]:
    """The outbox through the channels that exist in this run.

    Args:
        urgent: corrections and calls back alone.
    """
    from notify.channels.recorder import Recorder
    from notify.firewall.gate import channels_for
    from notify.sending.dispatch import dispatch
    from notify.sending.switches import load_dispatch_policy

    channels = channels_for(
        context.engine,
        context.settings.mode,
        live=context.live,
        at=at,
        recorder=Recorder(context.settings.home.resolve() / "recorder"),
        test_numbers=context.settings.test_numbers,
    )
    passes = load_dispatch_policy().recalls_pass_a_stop
    sent = dispatch(context.engine, channels, at=at, recalls_pass=passes, urgent=urgent)
    return sent.as_json()


# --- map -------------------------------------------------------------------------------


def draw(context: CycleContext, at: datetime) -> Mapping[str, str | None]:
    """The situation map, where the caller brought something to draw with."""
    from orchestration.view import situation

    if context.draw is None:
        return {"map": None}
    folder = context.settings.home.resolve() / "maps"
    folder.mkdir(parents=True, exist_ok=True)
    path = context.draw(situation(context, at), folder / f"situation-{compact(at)}.html")
    return {"map": str(path), "at": iso(at)}
