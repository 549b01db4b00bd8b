"""The stages as steps with plain arguments: what a DAG task or the watcher calls.

Each opens its own context from the settings and gives back JSON. `at` is text, ISO 8601
with a zone. Whether a step is live is judged here, against the real clock: a replay can
never lead to an Actual alert, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kentongan.errors import KentonganError
from kentongan.lock import exclusive
from kentongan.settings import Settings
from kentongan.times import parse_instant
from orchestration import stages
from orchestration.context import CycleContext, Draw, is_live, open_context, open_ingest
from orchestration.forecasts import FORECAST
from orchestration.rain.ground import prepare_ground
from orchestration.secondary import note_secondary
from orchestration.shaking import note_people


@contextmanager
def _context(settings: Settings, at: datetime) -> Iterator[CycleContext]:
    with open_context(settings, live=is_live(at, datetime.now(UTC))) as context:
        yield context


def _raise(troubles: list[dict[str, str]]) -> None:
    """Fail the task, after everything else in it was done."""
    if troubles:
        raise KentonganError("; ".join(f"{t['what']}: {t['detail']}" for t in troubles))


def poll_sources(settings: Settings, sources: Sequence[str], at: datetime) -> list[dict[str, Any]]:
    """Poll these sources once each."""
    with open_ingest(settings) as ingest:
        return [stages.poll_one(ingest, source, at) for source in sources]


def poll_support(settings: Settings, source_id: str, at: datetime) -> dict[str, Any]:
    """Poll one supporting source; the forecast asks for the villages that matter most."""
    if source_id != FORECAST:
        return poll_sources(settings, [source_id], at)[0]
    with _context(settings, at) as context:
        return stages.poll_all(context, at, [source_id])[0]


def poll_step(source_id: str, at: str) -> dict[str, Any]:
    """Poll one source: the forecast source asks for the villages that matter most."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context:
        return stages.poll_all(context, when, [source_id])[0]


def overlay_step(at: str) -> dict[str, Any]:
    """Records to hazard fields to impact tables."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context, exclusive(settings.home):
        troubles: list[dict[str, str]] = []
        fields = stages.overlay(context, when, troubles)
        _raise(troubles)
        return {"fields": fields}


def decide_step(at: str) -> dict[str, Any]:
    """Impact tables to drafts."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context, exclusive(settings.home):
        troubles: list[dict[str, str]] = []
        drafts = stages.decide_all(context, when, troubles)
        _raise(troubles)
        return {"drafts": drafts}


def release_step(at: str) -> dict[str, Any]:
    """Drafts to CAP alerts, messages (sent at once) and tasks, as the policy allows."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context, exclusive(settings.home):
        troubles: list[dict[str, str]] = []
        released = stages.release_all(context, when, troubles)
        stages.send(context, when)
        stages.plan_all(context, when, troubles)
        note_secondary(context, when, troubles)
        note_people(context, when, troubles)
        prepare_ground(context, when, troubles)
        _raise(troubles)
        return {"released": released}


def loop_step(at: str) -> dict[str, Any]:
    """What came in, then tasks that nobody has answered; what that says is sent at once."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context, exclusive(settings.home):
        return loop_in(context, when)


def loop_in(context: CycleContext, at: datetime) -> dict[str, Any]:
    troubles: list[dict[str, str]] = []
    heard = stages.hear_all(context, at, troubles)
    climbed = stages.escalate_all(context, at, troubles)
    if heard or climbed:
        stages.send(context, at)
    _raise(troubles)
    return {"heard": heard, "climbed": climbed}


def dispatch_step(at: str) -> dict[str, Any]:
    """The outbox through the channels of the mode."""
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context, exclusive(settings.home):
        messages = stages.send(context, when)
        stages.note_cycle(context, when, {"messages": messages})
        return messages


def send_due(at: str) -> dict[str, Any]:
    """As `dispatch_step`, for the dispatcher: sending is no cycle, and must not look like one.

    It takes no lock of the home: rows are leased, so it may send beside a cycle.
    """
    when, settings = parse_instant(at), Settings()
    with _context(settings, when) as context:
        return stages.send(context, when)


def map_step(at: str, draw: Draw | None = None) -> dict[str, Any]:
    """The situation map, drawn by what the caller brings."""
    when, settings = parse_instant(at), Settings()
    live = is_live(when, datetime.now(UTC))
    with open_context(settings, live=live, draw=draw) as context:
        return dict(stages.draw(context, when))


def advance(at: str) -> dict[str, Any]:
    """Overlay, decide, release and dispatch in one go."""
    when, settings = parse_instant(at), Settings()
    return advance_at(settings, when)


def advance_at(settings: Settings, at: datetime) -> dict[str, Any]:
    with _context(settings, at) as context, exclusive(settings.home):
        return stages.advance(context, at)
