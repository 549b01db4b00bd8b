"""Frames that have arrived → the history of rain → one national field of rain.

The best fresh source wins: a ready rain rate before brightness temperature in kelvin, that before
BMKG's picture of classes. A frame is taken in once; what is doubtful keeps its mark, and what
cannot be opened is named.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import KentonganError
from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import AreaRule, HazardEvent, HazardField, attributes
from kentongan.records import SatelliteGrid
from kentongan.times import iso
from kentongan.types import DocumentStatus, HazardId, Level, Quality
from orchestration.rain.applying import apply_curves, evidence_of_curves, with_bands
from orchestration.rain.failures import given_up, note_failure
from orchestration.rain.history import FrameNote, RainHistory
from orchestration.rain.retrieving import (
    GROWTH_WITHIN,
    grown_from_text,
    is_repeated,
    retrieve_frame,
)
from orchestration.rain.sources import MEANS, SOURCES
from processing.rain import product
from processing.rain.product import Observed, Outlook
from processing.rain.retrieve import METHOD as RETRIEVAL
from processing.rain.sums import opened, stored

if TYPE_CHECKING:
    import xarray as xr

    from processing.rain.calibrate_curves import Calibration
    from processing.rain.policy import RainPolicy

Grid2 = npt.NDArray[np.float32]

READY = {"ERR": "noaa-err/1", "GSMAP": "jaxa-gsmap/1"}
"""Method of rates that are put as they are, by product."""
LEADS_FOR = timedelta(minutes=40)
"""A source whose newest frame is not older leads: worse ones are not taken after that frame, since
a change of method from one frame to the next would look like growth."""
LOOK_BACK = timedelta(hours=3)
"""A frame that comes later than that is history, and is not taken in."""
DOUBTFUL = ("all-cold", "all-wet", "implausible")
"""Flags of a frame that makes no rain: it would flood the country."""

ENOUGH_OF_SCAN = 0.75
"""Share of what the fullest source of a time knows, from which a better source counts: ours."""

Open = Callable[[Sequence[SatelliteGrid]], "xr.Dataset"]
"""Opens the records of one scan: one file, or all its segments."""


@dataclass(frozen=True)
class Taken:
    """One scan, and what became of it."""

    time: datetime
    source_id: str
    outcome: str
    """`taken`, `known` or why not."""


def take_in(
    history: RainHistory,
    records: Sequence[SatelliteGrid],
    open_scan: Open,
    *,
    at: datetime,
    policy: RainPolicy,
    grid: Grid = BASE_GRID,
    calibration: Calibration | None = None,
) -> list[Taken]:
    """Retrieve rain from each scan that is new, oldest first.

    Args:
        records: known scans in any order; of one time the best source counts.
        grid: of the history.
        calibration: curves in force; None: rates stay as the retrieval gives them.

    A scan that cannot be used is in the answer with its reason, and the others go on.
    """
    taken = []
    for time, scan in _scans(records, at):
        note = _note(time, scan)
        if _is_known(history, time, note):
            taken.append(Taken(time, note.source_id, "known"))
            continue
        if why := given_up(history.store, time, note.sha256):
            taken.append(Taken(time, note.source_id, f"{why} (not tried again)"))
            continue
        try:
            _take(history, time, note, open_scan(scan), policy, grid, calibration)
        except (KentonganError, ValueError, KeyError, OSError) as error:
            note_failure(history.store, time, note.sha256, str(error))
            taken.append(Taken(time, note.source_id, str(error)))
        else:
            taken.append(Taken(time, note.source_id, "taken"))
    return taken


def _is_known(history: RainHistory, time: datetime, note: FrameNote) -> bool:
    """Whether exactly this scan was taken, by whatever curve.

    One that came before its forerunner is taken again: it could not know growth then.
    """
    have = history.note(time)
    if have is None:
        return False
    better = note.method == RETRIEVAL and grown_from_text(history, time)
    if better and better != have.grew_from:
        return False
    made_alike = have.method.partition("+")[0] == note.method
    return made_alike and note == replace(
        have, method=note.method, calibrated=False, curve="", pooled="", grew_from=""
    )


def _scans(
    records: Sequence[SatelliteGrid], at: datetime
) -> Iterator[tuple[datetime, list[SatelliteGrid]]]:
    fresh = [
        r
        for r in records
        if at - LOOK_BACK <= r.valid_time <= at and not set(r.flags) & set(DOUBTFUL)
    ]
    led = _led(fresh, at)
    led.sort(key=lambda r: (r.valid_time, _rank(r.source_id), r.part or (0, 0), r.key))
    for time, alike in groupby(led, key=lambda r: r.valid_time):
        yield time, best_scan(list(alike))


def best_scan(of_time: Sequence[SatelliteGrid]) -> list[SatelliteGrid]:
    """Of records of one time the best source's: its fullest file, or all its segments.

    A source that lost much of its scan steps back behind one that knows the rest of the country.
    """
    scans = []
    for source in sorted({r.source_id for r in of_time}, key=lambda s: (_rank(s), s)):
        own = [r for r in of_time if r.source_id == source]
        segments = sorted((r for r in own if r.part), key=lambda r: (r.part or (0, 0), r.key))
        scans.append(segments or [max(own, key=lambda r: (r.known_fraction, r.key))])
    known = [sum(r.known_fraction for r in scan) for scan in scans]
    # A mean of an hour tells no motion: it stands in for nothing but silence.
    rivals = [k for s, k in zip(scans, known, strict=True) if s[0].source_id not in MEANS] or known
    enough = ENOUGH_OF_SCAN * max(rivals)
    return next(scan for scan, share in zip(scans, known, strict=True) if share >= enough)


def _led(records: Sequence[SatelliteGrid], at: datetime) -> list[SatelliteGrid]:
    """Without what worse sources have after the newest frame of the best that is fresh."""
    fresh = [r for r in records if r.valid_time >= at - LEADS_FOR]
    if not fresh:
        return list(records)
    leader = min(_rank(r.source_id) for r in fresh)
    newest = max(r.valid_time for r in fresh if _rank(r.source_id) == leader)
    return [r for r in records if r.valid_time <= newest or _rank(r.source_id) == leader]


def _rank(source_id: str) -> int:
    return SOURCES.index(source_id) if source_id in SOURCES else len(SOURCES)


def _note(time: datetime, scan: Sequence[SatelliteGrid]) -> FrameNote:
    worst = Quality.OK if all(r.quality is Quality.OK for r in scan) else Quality.DEGRADED
    return FrameNote(
        time=iso(time),
        source_id=scan[0].source_id,
        method=READY.get(scan[0].product, RETRIEVAL),
        quality=str(worst),
        sha256=tuple(sorted({r.sha256 for r in scan})),
        calibrated=False,
        re_creation=any(r.re_creation for r in scan),
    )


def _take(
    history: RainHistory,
    time: datetime,
    note: FrameNote,
    frame: xr.Dataset,
    policy: RainPolicy,
    grid: Grid,
    calibration: Calibration | None,
) -> None:
    if note.method in READY.values():
        axes = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
        rate = product.on_grid(frame["rain_rate"].to_numpy(), *axes, grid)
        _require_new(history, time, rate)
        history.put(time, rate, note)
        return
    grown = replace(note, grew_from=grown_from_text(history, time))
    retrieve_frame(history, time, frame, sha256=note.sha256, policy=policy, grid=grid)
    apply_curves(history, time, grown, calibration, policy, grid)


def _require_new(history: RainHistory, time: datetime, rate: Grid2) -> None:
    """Refuse a ready rate that is the one of the frame before, cell by cell.

    Raises:
        ValueError: it is.
    """
    nearest, farthest = GROWTH_WITHIN
    for earlier in history.times(since=time - farthest, until=time - nearest)[-1:]:
        before = history.rate(earlier)
        if before is not None and is_repeated(before, opened(stored(rate))):
            raise ValueError(
                f"the very rates of {iso(earlier)}: published again under another time; not taken"
            )


def observed(history: RainHistory, at: datetime, policy: RainPolicy) -> Observed | None:
    """What the history says at `at`; None where its newest frame is too old."""
    oldest = at - timedelta(minutes=policy.nowcast.oldest_frame_minutes)
    times = history.times(since=oldest, until=at)
    sums = history.sums(at) if times else None
    if sums is None:
        return None
    newest = times[-1]
    # Those before it count from its own time: a late newest frame still has its forerunners.
    step = timedelta(minutes=policy.nowcast.step_minutes)
    before = history.times(since=newest - 3 * step, until=newest)
    steady = _of_one_method(history, _steady(before, policy.nowcast.step_minutes))
    rates = [history.rate(t) for t in steady]
    hours = [h for h in sums.windows_h if h in policy.levels.rain_mm]
    return Observed(
        time=newest,
        rates=tuple(r for r in rates if r is not None),
        sums_mm={h: sums.sum_mm(h) for h in hours},
    )


def _steady(times: Sequence[datetime], minutes: float) -> list[datetime]:
    """The newest frames that stand one step apart, up to three, oldest first."""
    step = timedelta(minutes=minutes)
    wanted = [times[-1] - k * step for k in (2, 1, 0)]
    found = [t for t in wanted if t in times]
    return found if times[-1] - step in times else [times[-1]]


def _of_one_method(history: RainHistory, times: Sequence[datetime]) -> list[datetime]:
    """The newest in a row that were made alike: another method is no growth of the rain."""
    notes = [history.note(t) for t in times]
    last = notes[-1]
    kept = list(times)
    for place, note in reversed(list(enumerate(notes))):
        if note is None or last is None or note.method != last.method:
            return kept[place + 1 :] or kept[-1:]
    return kept


def rain_field(
    history: RainHistory,
    *,
    at: datetime,
    policy: RainPolicy,
    grid: Grid = BASE_GRID,
    calibration: Calibration | None = None,
    why_not: str = "no curve was fitted yet",
) -> HazardField | None:
    """The national field of rain at `at`; None where no fresh frame is known.

    None is "not known", and the caller falls back on BMKG's picture, or says so.

    Args:
        calibration: curves in force, as for `take_in`.
        why_not: why there are none, said in the evidence.
    """
    seen = observed(history, at, policy)
    if seen is None:
        return None
    seed = zlib.crc32(iso(seen.time).encode())
    ahead = product.outlook(seen, policy.nowcast, seed=seed)
    found, chance = product.levels(seen, ahead, policy)
    raster = product.dataset(seen, found, chance, policy, grid=grid)
    if ahead is not None:
        raster["rain_next_1h"] = _next_hour(ahead, policy)
    raster = _with_low_bound(raster, history, seen)
    raster = with_bands(raster, history, seen.time, calibration, policy, grid)
    event = _event(history, seen, ahead, raster, policy)
    curves = evidence_of_curves(raster, history.note(seen.time), calibration, why_not)
    bound = raster["rain_rate_low"].attrs["method"] if "rain_rate_low" in raster else None
    said = {**event.evidence, "low_bound": bound, **curves}
    event = event.model_copy(update={"evidence": said})
    return HazardField(
        event=event,
        rule=AreaRule.SHARE_OF_PEOPLE,
        raster=raster.assign_attrs(attributes(event)),
    )


def _with_low_bound(raster: xr.Dataset, history: RainHistory, seen: Observed) -> xr.Dataset:
    """With the rate of the newest frame and, where it is our retrieval, its low bound."""
    note, low = history.note(seen.time), history.low(seen.time)
    if note is None or low is None or note.method.partition("+")[0] != RETRIEVAL:
        return raster
    rate, (bound, method), dims = seen.rates[-1], low, ("latitude", "longitude")
    raster["rain_rate"] = (
        dims, rate, {"long_name": "rain rate of the newest frame", "units": "mm h-1",
                     "method": note.method},
    )  # fmt: skip
    raster["rain_rate_low"] = (
        dims, np.minimum(bound, rate),
        {"long_name": "low bound of the rain rate of the newest frame", "units": "mm h-1",
         "method": method, "comment": "what it rains at least if it rains; never above rain_rate"},
    )  # fmt: skip
    return raster


def _next_hour(ahead: Outlook, policy: RainPolicy) -> tuple[tuple[str, str], Grid2, dict[str, str]]:
    """What the nowcast brings within an hour."""
    minutes = policy.nowcast.step_minutes
    steps = min(policy.nowcast.steps, round(60 / minutes))
    amount = (ahead.rates[:steps].sum(axis=0) * np.float32(minutes / 60)).astype(np.float32)
    about = {"long_name": "rain of the next hour by the nowcast", "units": "mm"}
    return ("latitude", "longitude"), amount, about


def _event(
    history: RainHistory,
    seen: Observed,
    ahead: Outlook | None,
    raster: xr.Dataset,
    policy: RainPolicy,
) -> HazardEvent:
    note = history.note(seen.time)
    minutes = policy.nowcast.steps * policy.nowcast.step_minutes if ahead else 60.0
    return HazardEvent(
        event_id=f"rain-{seen.time:%Y%m%dT%H}00Z",
        hazard_id=HazardId.RAIN,
        level=Level(max(0, int(raster["hazard_level"].max()))),
        onset=seen.time,
        valid_from=seen.time,
        valid_to=seen.time + timedelta(minutes=minutes),
        official=False,
        status=DocumentStatus.ACTUAL,
        re_creation=history.any_re_creation(seen.time),
        title="Perkiraan hujan lebat dari citra Himawari-9",
        method=product.METHOD,
        quality=Quality(note.quality) if note else Quality.DEGRADED,
        observations=note.sha256 if note else (),
        evidence=_evidence(seen, ahead, note),
    )


def _evidence(
    seen: Observed, ahead: Outlook | None, note: FrameNote | None
) -> dict[str, str | float | int | bool | None]:
    known = {hours: float(np.isfinite(mm).mean()) for hours, mm in seen.sums_mm.items()}
    return {
        "frame_time": iso(seen.time),
        "frame_source": note.source_id if note else None,
        "retrieval": note.method if note else None,
        "nowcast": "none: one frame only" if ahead is None else "to three hours",
        **{f"known_share_{hours}h": round(share, 3) for hours, share in known.items()},
        **{f"most_mm_{hours}h": _most(mm) for hours, mm in seen.sums_mm.items()},
        "limits": "estimate from cloud tops, not measured rain",
    }


def _most(amount: Grid2) -> float | None:
    return round(float(np.nanmax(amount)), 1) if np.isfinite(amount).any() else None
