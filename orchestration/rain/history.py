"""The rolling history of rain: one file of rates a frame, one of the total a day.

Each file is written whole or not at all, so a restart finds what was there; a frame that comes
late or again takes its own place, whatever the order. Sums follow from the frames alone; what is
kept of them only saves the time to build them.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError, GridMismatch
from kentongan.store import Store
from kentongan.times import compact, iso, parse_instant
from processing.rain.sums import Increment, RunningSums, again, increment, opened, running, stored

Amounts = npt.NDArray[np.uint16]
Grid2 = npt.NDArray[np.float32]
_T = TypeVar("_T")

DAMAGED = (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged file of numpy's raises."""
KEPT = timedelta(hours=27)
"""The longest window, and room for a late frame."""
KEPT_TEMPERATURE = timedelta(hours=3)
"""Brightness temperature serves the growth of the frames after it, and cells of late ones."""
KEPT_LOW = timedelta(hours=1)
"""The low bound stands in the field of its own frame, which is made within minutes."""
KEPT_RETRIEVED = timedelta(hours=7)
"""Retrievals of our own before any calibration: means of an hour come some hours late."""
KEPT_DAYS = 400
"""Days of totals: a year and more, for percentiles of the place."""
LEAST_FRAMES_A_DAY = 108
"""Three quarters of a day's 144 frames; with fewer the day is not known."""
_RATES, _TEMPERATURE, _DAYS = "rain/frames", "rain/temperature", "rain/days"
_RETRIEVED, _LOW = "rain/retrieved", "rain/low"
_SUMS = "rain/sums.npz"


@dataclass(frozen=True)
class FrameNote:
    """What is known of a frame besides its rates."""

    time: str
    source_id: str
    method: str
    quality: str
    sha256: tuple[str, ...]
    calibrated: bool
    re_creation: bool = False
    """Made after an event of the past: nothing of it is ever Actual."""
    curve: str = ""
    """Id of the calibration that made these rates; empty: none."""
    pooled: str = ""
    """Over what its curves were pooled, for how much of the rain."""
    grew_from: str = ""
    """Time of the frame that growth was told from; empty: none."""


class RainHistory:
    """Frames on one grid, below `rain/` of a store."""

    def __init__(self, store: Store) -> None:
        self.store = self._store = store
        self._sums: RunningSums | None = None
        self._used: tuple[datetime, ...] = ()
        self._told: dict[str, tuple[tuple[datetime | None, int | None], dict[str, Any]]] = {}

    def put(self, time: datetime, rate: Grid2, note: FrameNote) -> bool:
        """Keep a frame of rates (mm/h); False if exactly this one is there already."""
        if self.note(time) == note:
            return False
        self._write(_RATES, time, stored(rate), asdict(note))
        if self._counted(time):
            self._sums, self._used = None, ()
            self._store.remove(_SUMS)
        return True

    def _counted(self, time: datetime) -> bool:
        """Whether the sums have gone past this time, here or in the process before."""
        if self._sums is None:
            self._recall()
        return bool(self._used) and time <= self._used[-1]

    def put_temperature(
        self, time: datetime, kelvin: Grid2, sha256: Sequence[str] = (), satellite: str = ""
    ) -> None:
        """Keep what the satellite saw, in hundredths of a kelvin, with the frames it came from."""
        about = {"sha256": list(sha256), "satellite": satellite}
        self._write(_TEMPERATURE, time, stored(kelvin), about)

    def seen_from(self, time: datetime) -> tuple[tuple[str, ...], str] | None:
        """Digests of the frames that a temperature came from, and its satellite; None: not kept."""
        about = self._about(_TEMPERATURE, time)
        if about is None:
            return None
        return tuple(about.get("sha256", ())), str(about.get("satellite", ""))

    def temperature(self, time: datetime) -> Grid2 | None:
        found = self._read(_TEMPERATURE, time)
        return None if found is None else opened(found[0])

    def seen_times(self, *, since: datetime, until: datetime) -> list[datetime]:
        """Times of the frames of temperature with since < time <= until, oldest first."""
        return self._times(_TEMPERATURE, since, until)

    def put_retrieved(self, time: datetime, rate: Grid2, sha256: Sequence[str]) -> None:
        """Keep what the retrieval gave before any calibration, with the frames it came from."""
        self._write(_RETRIEVED, time, stored(rate), {"sha256": list(sha256)})

    def put_low(self, time: datetime, rate: Grid2, method: str) -> None:
        """Keep the low bound of a retrieval (mm/h), with the method that it is by."""
        self._write(_LOW, time, stored(rate), {"method": method})

    def low(self, time: datetime) -> tuple[Grid2, str] | None:
        """The low bound of the frame's rate before calibration, and its method; None: not kept."""
        found = self._read(_LOW, time)
        return None if found is None else (opened(found[0]), str(found[1].get("method", "")))

    def retrieved(self, time: datetime) -> Amounts | None:
        """Hundredths of mm/h as the retrieval gave them; None: not kept."""
        found = self._read(_RETRIEVED, time)
        return None if found is None else found[0]

    def retrieved_from(self, time: datetime) -> tuple[str, ...]:
        """Digests of the frames that were retrieved; empty: none is kept."""
        return tuple((self._about(_RETRIEVED, time) or {}).get("sha256", ()))

    def retrieved_times(self, *, since: datetime, until: datetime) -> list[datetime]:
        """Times of the retrievals kept with since < time <= until, oldest first."""
        return self._times(_RETRIEVED, since, until)

    def note(self, time: datetime) -> FrameNote | None:
        """None: no such frame, or one that cannot be read."""
        about = self._about(_RATES, time)
        return None if about is None else FrameNote(**{**about, "sha256": tuple(about["sha256"])})

    def any_re_creation(self, at: datetime) -> bool:
        """Whether any frame that the sums up to `at` rest on was made after the event."""
        notes = (self.note(t) for t in self.times(since=at - KEPT, until=at))
        return any(n.re_creation for n in notes if n is not None)

    def rate(self, time: datetime) -> Grid2 | None:
        found = self._read(_RATES, time)
        return None if found is None else opened(found[0])

    def times(self, *, since: datetime, until: datetime) -> list[datetime]:
        """Times of the frames with since < time <= until, oldest first."""
        return self._times(_RATES, since, until)

    def _times(self, folder: str, since: datetime, until: datetime) -> list[datetime]:
        found = (_time_of(path) for path in self._store.paths(f"{folder}/"))
        return sorted(t for t in found if t is not None and since < t <= until)

    def sums(self, at: datetime) -> RunningSums | None:
        """Sums up to the newest frame at or before `at`; None without any frame.

        From one call to the next only what is new is added; a late frame, or an `at` before the
        last one, builds them again.
        """
        times = tuple(self.times(since=at - KEPT, until=at))
        if not times:
            return None
        if self._sums is None:
            self._recall()
        try:
            self._bring_up(times)
        except DataError:
            # A frame is damaged and gone: what is left counts.
            self._sums, self._used = None, ()
            self._bring_up(tuple(self.times(since=at - KEPT, until=at)))
        return self._sums

    def _bring_up(self, times: tuple[datetime, ...]) -> None:
        if self._sums is None or not _goes_on(self._used, times):
            self._sums = running([(t, partial(self._amounts, t)) for t in times])
        elif new := [t for t in times if t > self._used[-1]]:
            self._add(self._sums, new)
        else:
            return
        self._used = times
        self._remember(self._sums)

    def _add(self, sums: RunningSums, new: list[datetime]) -> None:
        last = self._used[-1]
        for time in new:
            step = increment(self._amounts(last), self._amounts(time), start=last, end=time)
            if step is None:
                sums.skip(time)
            else:
                sums.add(self._between(last, time, step.kept), tell=time == new[-1])
            last = time

    def _remember(self, sums: RunningSums) -> None:
        """So that a process that starts goes on where this one stood."""
        about = {
            "used": [iso(t) for t in self._used],
            "held": [[[iso(k.start), iso(k.end)] for k in part] for part in sums.held()],
        }
        buffer = io.BytesIO()
        note = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        state = sums.state()
        np.savez(buffer, total=state["total"], known=state["known"], note=note)
        self._store.write(_SUMS, buffer.getvalue())

    def _recall(self) -> None:
        if not self._store.exists(_SUMS):
            return
        try:
            with np.load(io.BytesIO(self._store.read(_SUMS)), allow_pickle=False) as kept:
                about = json.loads(kept["note"].tobytes())
                state = {name: kept[name] for name in ("total", "known")}
            used = tuple(parse_instant(t) for t in about["used"])
            held = [
                [self._between(parse_instant(a), parse_instant(b)) for a, b in part]
                for part in about["held"]
            ]
            self._sums = RunningSums.restored(state, held, used[-1])
            self._used = used
        except (*DAMAGED, GridMismatch):
            # Damaged: the sums are built again from the frames.
            self._store.remove(_SUMS)
            self._sums, self._used = None, ()

    def _between(self, start: datetime, end: datetime, kept: Sequence[Amounts] = ()) -> Increment:
        return again(start, end, partial(self._amounts, start), partial(self._amounts, end), kept)

    def _amounts(self, time: datetime) -> Amounts:
        found = self._read(_RATES, time)
        if found is None:
            raise DataError(f"frame of {iso(time)}: gone or damaged; it is left out next time")
        return found[0]

    def close_days(self, at: datetime) -> list[date]:
        """Write the total of each whole day (UTC) that has none yet; returns these days."""
        done = []
        for back in (2, 1):
            day = (at - timedelta(days=back)).astimezone(UTC).date()
            if not self._store.exists(_day_path(day)) and self._close(day):
                done.append(day)
        return done

    def _close(self, day: date) -> bool:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        times = self.times(since=start - timedelta(seconds=1), until=start + timedelta(days=1))
        if len(times) < LEAST_FRAMES_A_DAY:
            return False
        total = running([(t, partial(self._amounts, t)) for t in times], (24,)).sum_mm(24)
        self._store.write(_day_path(day), _packed(total.astype(np.float32), {}))
        return True

    def days(self, until: date, count: int) -> list[Grid2 | None]:
        """Totals of `count` days, `until` first; None where the day is not known."""
        return [self._day(until - timedelta(days=k)) for k in range(count)]

    def known_days(self) -> list[date]:
        """Days that have a total, oldest first."""
        found = (_time_of_day(path) for path in self._store.paths(f"{_DAYS}/"))
        return sorted(time.date() for time in found if time is not None)

    def _day(self, day: date) -> Grid2 | None:
        path = _day_path(day)
        return _unpacked(self._store.read(path))[0] if self._store.exists(path) else None

    def thin(self, at: datetime) -> int:
        """Delete what no window needs any more; returns how many files."""
        old: tuple[tuple[str, Callable[[str], datetime | None], timedelta], ...] = (
            (_RATES, _time_of, KEPT),
            (_TEMPERATURE, _time_of, KEPT_TEMPERATURE),
            (_RETRIEVED, _time_of, KEPT_RETRIEVED),
            (_LOW, _time_of, KEPT_LOW),
            (_DAYS, _time_of_day, timedelta(days=KEPT_DAYS)),
        )
        gone = 0
        for folder, time_of, kept in old:
            for path in self._store.paths(f"{folder}/"):
                time = time_of(path)
                if time is not None and time <= at - kept:
                    self._store.remove(path)
                    self._told.pop(path, None)
                    gone += 1
        return gone

    def _write(self, folder: str, time: datetime, field: Amounts, about: dict[str, Any]) -> None:
        self._store.write(f"{folder}/{compact(time)}.npz", _packed(field, about))

    def _read(self, folder: str, time: datetime) -> tuple[Amounts, dict[str, Any]] | None:
        return self._opened(f"{folder}/{compact(time)}.npz", _unpacked)

    def _about(self, folder: str, time: datetime) -> dict[str, Any] | None:
        """What is said of a file, without its field; read once for each state of the file.

        A frame is 4 MB, and a cycle asks 160 of them what they are.
        """
        path = f"{folder}/{compact(time)}.npz"
        state = self._store.changed_at(path), self._store.size(path)
        if path in self._told and self._told[path][0] == state:
            return self._told[path][1]
        found = self._opened(path, _told)
        self._told.pop(path, None)
        if found is not None:
            self._told[path] = state, found
        return found

    def _opened(self, path: str, how: Callable[[bytes], _T]) -> _T | None:
        if not self._store.exists(path):
            return None
        try:
            return how(self._store.read(path))
        except DAMAGED:
            # A damaged file is a frame that is not there: it is fetched and read again.
            self._store.remove(path)
            return None


def _goes_on(used: tuple[datetime, ...], times: tuple[datetime, ...]) -> bool:
    """Whether the frames counted so far are those of now, but for old ones that have gone."""
    if not used or times[-1] < used[-1]:
        return False
    kept = [t for t in used if t >= times[0]]
    return kept == [t for t in times if t <= used[-1]]


def _packed(field: npt.NDArray[Any], about: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    note = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    np.savez(buffer, field=field, note=note)
    return buffer.getvalue()


def _unpacked(data: bytes) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return found["field"], json.loads(found["note"].tobytes())


def _told(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        about: dict[str, Any] = json.loads(found["note"].tobytes())
        return about


def _day_path(day: date) -> str:
    return f"{_DAYS}/{day:%Y%m%d}.npz"


def _time_of(path: str) -> datetime | None:
    stem = path.rsplit("/", 1)[-1].removesuffix(".npz")
    try:
        return datetime.strptime(stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _time_of_day(path: str) -> datetime | None:
    stem = path.rsplit("/", 1)[-1].removesuffix(".npz")
    try:
        return datetime.strptime(stem, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
