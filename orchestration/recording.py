"""Record a live session: poll as the watcher does, without warning anybody, and write often."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.play.recorder import Recording, record, recordable
from ingest.visit import IngestContext
from orchestration.stages import poll_one
from orchestration.watch import INTERVALS_S, SUPPORT_INTERVALS_S

log = logging.getLogger(__name__)

WRITE_EVERY = timedelta(seconds=30)
"""Between two writings: a session that is killed loses no more, and nothing that
`--from … --to …` could not bring back."""
_TICK_S = 0.5


def record_live(
    context: IngestContext,
    write: Callable[[datetime], Recording],
    sources: Sequence[str],
    *,
    until: datetime | None,
    stop: threading.Event,
    clock: Callable[[], datetime],
    polling: bool = True,
) -> Recording:
    """Poll until `until` or `stop`; `write` keeps everything up to an instant.

    The polls go into the home like any others: leases, rate limits and the archive are shared
    with a watcher that runs beside it.

    Args:
        polling: False: another process polls this home, and only its log is kept.

    Raises:
        SettingsError: nothing was polled in all that time.
    """
    wanted, _ = recordable(context.settings, sources)
    intervals = {**INTERVALS_S, **SUPPORT_INTERVALS_S}
    due = dict.fromkeys(wanted if polling else (), datetime.min.replace(tzinfo=UTC))
    written = clock()
    while not stop.is_set() and (until is None or clock() < until):
        for source_id in [s for s, when in due.items() if when <= clock()]:
            due[source_id] = clock() + timedelta(seconds=intervals[source_id])
            _poll(context, source_id, clock())
        if clock() - written >= WRITE_EVERY:
            written = clock()
            _write(write, written)
        stop.wait(_TICK_S)
    return write(clock())


def _poll(context: IngestContext, source_id: str, at: datetime) -> None:
    try:
        poll_one(context, source_id, at)
    except Exception:
        log.exception("poll of %s failed; the recording goes on", source_id)


def _write(write: Callable[[datetime], Recording], at: datetime) -> None:
    try:
        write(at)
    except Exception:
        log.exception("writing failed; the recording goes on")


def recorder(
    context: IngestContext, folder: Path, sources: Sequence[str], start: datetime
) -> Callable[[datetime], Recording]:
    """What writes the recording from `start` to a given instant."""
    return lambda end: record(context, folder, sources, start=start, end=end)
