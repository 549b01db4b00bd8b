"""Rain in a cycle: frames of this home taken in, and the field of the newest one, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from kentongan.grid import BASE_GRID
from kentongan.records import SatelliteGrid
from kentongan.store import Store
from kentongan.times import iso
from orchestration.rain.applying import recalibrate
from orchestration.rain.calibration import in_force, renew
from orchestration.rain.history import KEPT_RETRIEVED, RainHistory
from orchestration.rain.matching import Collected, collect
from orchestration.rain.step import LOOK_BACK, Taken, rain_field, take_in
from processing.rain.policy import RainPolicy, rain_policy

if TYPE_CHECKING:
    import xarray as xr

    from kentongan.hazard import HazardField
    from orchestration.context import CycleContext

log = logging.getLogger(__name__)
_DONE = "rain/field-of"
"""Holds the time of the frame whose field was made last."""


@dataclass(frozen=True)
class RainNow:
    """What frames say of rain."""

    fresh: bool
    """A frame is fresh enough: BMKG's picture of classes is not asked then."""
    field: HazardField | None
    """Of the newest frame, if it was not made before."""
    taken: tuple[Taken, ...] = ()


def rain_now(context: CycleContext, at: datetime) -> RainNow:
    """Take in what has arrived, and make the field of a new frame."""
    policy = rain_policy()
    history = history_of(str(context.settings.home.resolve()))
    curves = in_force(store_of(context), at, policy.calibration)
    taken = take_in(
        history,
        _scans(context, at, LOOK_BACK),
        _opener(context),
        at=at,
        policy=policy,
        calibration=curves.calibration,
    )
    for one in taken:
        if one.outcome not in ("taken", "known"):
            log.warning("frame %s of %s not used: %s", iso(one.time), one.source_id, one.outcome)
    newest = _newest(history, at, policy)
    if newest is None:
        return RainNow(fresh=False, field=None, taken=tuple(taken))
    done = _mark(newest, history)
    if context.runs.exists(_DONE) and context.runs.read(_DONE).decode() == done:
        return RainNow(fresh=True, field=None, taken=tuple(taken))
    field = rain_field(
        history, at=at, policy=policy, calibration=curves.calibration, why_not=curves.why_not
    )
    context.runs.write(_DONE, done.encode())
    history.close_days(at)
    history.thin(at)
    return RainNow(fresh=True, field=field, taken=tuple(taken))


@lru_cache(maxsize=4)
def history_of(home: str) -> RainHistory:
    """One for each home and process: the sums stay in memory from cycle to cycle."""
    return RainHistory(Store(home))


def store_of(context: CycleContext) -> Store:
    """Where the history and the calibration of this home lie."""
    return Store(str(context.settings.home.resolve()))


def calibrate(context: CycleContext, at: datetime) -> Collected:
    """Match what two sources saw at one time, fit curves when due, and use them from now on.

    After the messages of a cycle: nothing of it is needed for a warning of this one.
    """
    policy, store = rain_policy(), store_of(context)
    history = history_of(str(context.settings.home.resolve()))
    records = _scans(context, at, KEPT_RETRIEVED)
    opener = _opener(context)
    found = collect(history, store, records, opener, at=at, policy=policy, grid=BASE_GRID)
    for words in found.refused:
        log.warning("frame not matched: %s", words)
    for made in renew(store, at, policy.calibration):
        log.info("new curves of rain: %s, %d frames", made.id, made.frames)
    now = in_force(store, at, policy.calibration).calibration
    recalibrate(history, now, at=at, since=LOOK_BACK, policy=policy, grid=BASE_GRID)
    return found


def _scans(context: CycleContext, at: datetime, back: timedelta) -> list[SatelliteGrid]:
    from ingest.known import known

    found = known(
        context.engine, at, kinds=("satellite_grid",), since=at - back, include_history=True
    )
    return [r for r in found if isinstance(r, SatelliteGrid)]


def _newest(history: RainHistory, at: datetime, policy: RainPolicy) -> datetime | None:
    oldest = at - timedelta(minutes=policy.nowcast.oldest_frame_minutes)
    times = history.times(since=oldest, until=at)
    return times[-1] if times else None


def _mark(newest: datetime, history: RainHistory) -> str:
    """Changes with the newest frame, and with any frame that came late or better."""
    note = history.note(newest)
    # From the newest frame's time: one that leaves the window while nothing comes is no change.
    count = len(history.times(since=newest - LOOK_BACK, until=newest))
    return f"{iso(newest)} {','.join(note.sha256) if note else ''} {count}"


def _opener(context: CycleContext) -> _Opener:
    return _Opener(context)


class _Opener:
    """Opens the archived bytes of one scan."""

    def __init__(self, context: CycleContext) -> None:
        self._context = context

    def __call__(self, scan: Sequence[SatelliteGrid]) -> xr.Dataset:
        from ingest.frames import open_frame
        from ingest.known import read_payload

        context, first = self._context, scan[0]
        with context.engine.connect() as connection:
            payloads = [
                read_payload(connection, context.archive, r.source_id, r.sha256) for r in scan
            ]
        return open_frame(payloads, first.source_id, valid_time=first.valid_time, where=first.key)
