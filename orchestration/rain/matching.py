"""Matched samples in operation: two sources at one time, kept by the day, each pair once.

One file a day, written whole or not at all; a pair whose frame was published again takes its own
place. Frames of band 13 that no forecast needed, because a ready rate led, are opened here.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from kentongan.errors import KentonganError
from kentongan.grid import Grid
from kentongan.records import SatelliteGrid
from kentongan.store import Store
from kentongan.times import iso, parse_instant
from orchestration.rain.failures import given_up, note_failure
from orchestration.rain.history import DAMAGED, KEPT_RETRIEVED, RainHistory
from orchestration.rain.retrieving import retrieve_frame
from orchestration.rain.step import DOUBTFUL, Open, best_scan
from processing.rain.calibrate_samples import (
    CalibrationRules,
    Samples,
    coarse_grid,
    matched,
    mean_between,
)
from processing.rain.ensemble import coarsened
from processing.rain.policy import RainPolicy
from processing.rain.product import on_grid
from processing.rain.retrieve import METHOD as RETRIEVAL
from processing.rain.sums import opened

Grid2 = npt.NDArray[np.float32]
_T = TypeVar("_T")
log = logging.getLogger(__name__)

MEANS_OF = {"jaxa-gsmap": timedelta(hours=1)}
"""References that are means, centred on their time; others are of an instant."""
_FOLDER = "rain/calibration/samples"


@dataclass(frozen=True)
class Pair:
    """One frame of a reference that samples were taken of."""

    time: str
    sha256: tuple[str, ...]
    """Of both sources' files, sorted: other files are another pair."""
    samples: int


@dataclass(frozen=True)
class Day:
    """All pairs of one reference and day (UTC), oldest first, and their samples in that order."""

    pairs: tuple[Pair, ...]
    samples: Samples


@dataclass(frozen=True)
class Collected:
    """What one cycle added."""

    retrieved: int
    """Frames of band 13 that were opened for this alone."""
    pairs: int
    samples: int
    refused: tuple[str, ...] = ()
    """Frames that could not be used, with the reason."""


def collect(
    history: RainHistory,
    store: Store,
    records: Sequence[SatelliteGrid],
    open_scan: Open,
    *,
    at: datetime,
    policy: RainPolicy,
    grid: Grid,
) -> Collected:
    """Take the samples of every pair that is new.

    Args:
        records: known scans of all sources, in any order.
    """
    rules = policy.calibration
    usable = [r for r in records if r.valid_time <= at and not set(r.flags) & set(DOUBTFUL)]
    refused: list[str] = []
    wanted = _references(usable, store, at, rules)
    if not wanted:
        return Collected(0, 0, 0)
    spans = [_span(s[0].source_id, t, rules) for t, s in wanted]
    opened_now = _retrieve_missing(history, usable, open_scan, spans, at, policy, grid, refused)
    pairs = samples = 0
    for time, scan in wanted:
        if pairs >= rules.most_frames_a_cycle:
            break
        found = _tried(
            store, time, scan, refused,
            partial(_pair, history, time, scan, open_scan, policy, grid),
        )  # fmt: skip
        if found is not None and _add(store, scan[0].source_id, time, *found):
            pairs += 1
            samples += len(found[1])
    return Collected(opened_now, pairs, samples, tuple(refused))


def _tried(
    store: Store,
    time: datetime,
    scan: Sequence[SatelliteGrid],
    refused: list[str],
    work: Callable[[], _T],
) -> _T | None:
    """Do what opens a scan; a failure is counted and named."""
    digests = [r.sha256 for r in scan]
    if given_up(store, time, digests) is not None:
        return None
    try:
        return work()
    except (KentonganError, ValueError, KeyError, OSError) as error:
        note_failure(store, time, digests, str(error))
        refused.append(f"{iso(time)} {scan[0].source_id}: {error}")
        return None


def _references(
    records: Sequence[SatelliteGrid], store: Store, at: datetime, rules: CalibrationRules
) -> list[tuple[datetime, list[SatelliteGrid]]]:
    """Scans of references within reach whose files were not matched yet, oldest first."""
    found = []
    pairs_of = cache(partial(_pairs, store))
    for source in rules.references:
        own = [r for r in records if r.source_id == source and r.valid_time > at - KEPT_RETRIEVED]
        own.sort(key=lambda r: (r.valid_time, r.key))
        for time, alike in groupby(own, key=lambda r: r.valid_time):
            scan = best_scan(list(alike))
            digests = {r.sha256 for r in scan}
            day = pairs_of(source, time.astimezone(UTC).date())
            have = [p for p in day if p.time == iso(time)]
            if not any(digests <= set(p.sha256) for p in have):
                found.append((time, scan))
    return sorted(found, key=lambda f: (f[0], f[1][0].source_id))


def _span(source: str, time: datetime, rules: CalibrationRules) -> tuple[datetime, datetime]:
    half = MEANS_OF.get(source, timedelta()) / 2 or timedelta(minutes=rules.match_minutes)
    return time - half, time + half


def _retrieve_missing(
    history: RainHistory, records: Sequence[SatelliteGrid], open_scan: Open,
    spans: Sequence[tuple[datetime, datetime]], at: datetime, policy: RainPolicy, grid: Grid,
    refused: list[str],
) -> int:  # fmt: skip
    """Open what of band 13 is wanted and not retrieved yet, oldest first, so many a cycle."""
    band = [r for r in records if r.variable == "brightness_temperature"]
    band.sort(key=lambda r: (r.valid_time, r.key))
    have = set(history.retrieved_times(since=at - KEPT_RETRIEVED, until=at))
    done = 0
    for time, alike in groupby(band, key=lambda r: r.valid_time):
        near = any(start <= time <= end for start, end in spans)
        if time in have or not near or done >= policy.calibration.most_frames_a_cycle:
            continue
        scan = best_scan(list(alike))
        digests = sorted({r.sha256 for r in scan})
        if given_up(history.store, time, digests) is not None:
            continue
        work = partial(_retrieve, history, time, scan, open_scan, policy, grid)
        _tried(history.store, time, scan, refused, work)
        done += 1
    return done


def _retrieve(
    history: RainHistory,
    time: datetime,
    scan: Sequence[SatelliteGrid],
    open_scan: Open,
    policy: RainPolicy,
    grid: Grid,
) -> None:
    digests = sorted({r.sha256 for r in scan})
    frame = open_scan(scan)
    retrieve_frame(history, time, frame, sha256=digests, policy=policy, grid=grid)


def _pair(
    history: RainHistory, time: datetime, scan: list[SatelliteGrid], open_scan: Open,
    policy: RainPolicy, grid: Grid,
) -> tuple[tuple[str, ...], Samples] | None:  # fmt: skip
    """Files and samples of one reference; None where ours has nothing of that time."""
    source, rules = scan[0].source_id, policy.calibration
    ours = _ours(history, source, time, rules)
    if ours is None:
        return None
    cells = max(1, round(max(r.step for r in scan) / grid.step))
    coarse = coarse_grid(grid, cells)
    frame = open_scan(scan)
    theirs = on_grid(
        frame["rain_rate"].to_numpy(),
        frame["latitude"].to_numpy(),
        frame["longitude"].to_numpy(),
        coarse,
    )
    field = ours[1] if cells == 1 else coarsened(ours[1], cells)
    found = matched(field, theirs, time=time, source_id=source, grid=coarse, rules=rules)
    digests = tuple(sorted({*ours[0], *(r.sha256 for r in scan)}))
    if not len(found):
        raise ValueError("no cell is known to both")
    return digests, found


def _ours(
    history: RainHistory, source: str, time: datetime, rules: CalibrationRules
) -> tuple[set[str], Grid2] | None:
    """Our retrieval of the same time or span, before calibration, and the files behind it."""
    start, end = _span(source, time, rules)
    times = history.retrieved_times(since=start - timedelta(microseconds=1), until=end)
    if source not in MEANS_OF:
        times = sorted(times, key=lambda t: (abs(t - time), t))[:1]
    rates = [(t, history.retrieved(t)) for t in times]
    frames = [(t, opened(raw)) for t, raw in rates if raw is not None]
    if not frames:
        return None
    digests = {one for t, _ in frames for one in history.retrieved_from(t)}
    field = frames[0][1] if source not in MEANS_OF else mean_between(frames, start, end)
    return None if field is None else (digests, field)


# --- the files ---------------------------------------------------------------------------


def _path(source: str, day: date) -> str:
    return f"{_FOLDER}/{source}/{day:%Y%m%d}.npz"


def _pairs(store: Store, source: str, day: date) -> tuple[Pair, ...]:
    """As `read_day`, without the samples."""
    path = _path(source, day)
    if not store.exists(path):
        return ()
    try:
        with np.load(io.BytesIO(store.read(path)), allow_pickle=False) as found:
            return _told(json.loads(found["note"].tobytes()))
    except DAMAGED:
        return ()


def _told(about: dict[str, Any]) -> tuple[Pair, ...]:
    if about["retrieval"] != RETRIEVAL:
        raise ValueError(f"samples of the retrieval {about['retrieval']}, expected {RETRIEVAL}")
    return tuple(Pair(p["time"], tuple(p["sha256"]), int(p["samples"])) for p in about["pairs"])


def read_day(store: Store, source: str, day: date) -> Day:
    """What was kept of one day; nothing where the file is not there or damaged."""
    path = _path(source, day)
    if not store.exists(path):
        return Day((), Samples.joined([]))
    try:
        with np.load(io.BytesIO(store.read(path)), allow_pickle=False) as found:
            pairs = _told(json.loads(found["note"].tobytes()))
            samples = Samples.of(**{n: found[n] for n in found.files if n != "note"})
        if sum(p.samples for p in pairs) != len(samples):
            raise ValueError("not as many samples as its pairs say")
    except DAMAGED as error:
        log.warning("%s: not used, its samples are gone: %s", path, error)
        store.remove(path)
        return Day((), Samples.joined([]))
    return Day(pairs, samples)


def _add(
    store: Store, source: str, time: datetime, digests: tuple[str, ...], samples: Samples
) -> bool:
    """Put one pair into its day; False if exactly this one is there."""
    of = time.astimezone(UTC).date()
    day = read_day(store, source, of)
    new = Pair(iso(time), digests, len(samples))
    if new in day.pairs:
        return False
    parts = {pair.time: (pair, part) for pair, part in _parts(day)}
    parts[new.time] = (new, samples)
    ordered = [parts[key] for key in sorted(parts)]
    store.write(_path(source, of), _packed([p for p, _ in ordered], [s for _, s in ordered]))
    return True


def _parts(day: Day) -> Iterator[tuple[Pair, Samples]]:
    start = 0
    for pair in day.pairs:
        yield pair, day.samples.taken(np.arange(start, start + pair.samples))
        start += pair.samples


def _packed(pairs: Sequence[Pair], samples: Sequence[Samples]) -> bytes:
    about: dict[str, Any] = {
        "retrieval": RETRIEVAL,
        "pairs": [{"time": p.time, "sha256": list(p.sha256), "samples": p.samples} for p in pairs],
    }
    note = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    columns: dict[str, Any] = {**Samples.joined(list(samples)).columns, "note": note}
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def days_of(store: Store, source: str) -> list[date]:
    """Days with samples of a reference, oldest first."""
    found = []
    for path in store.paths(f"{_FOLDER}/{source}/"):
        stem = path.rsplit("/", 1)[-1].removesuffix(".npz")
        if len(stem) == 8 and stem.isdigit():
            found.append(date.fromisoformat(stem))
    return sorted(found)


def forget(store: Store, source: str, before: date) -> int:
    """Delete days before a day; returns how many."""
    old = [day for day in days_of(store, source) if day < before]
    for day in old:
        store.remove(_path(source, day))
    return len(old)


def times_of(day: Day) -> list[datetime]:
    return [parse_instant(pair.time) for pair in day.pairs]
