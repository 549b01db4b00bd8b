"""Cells of the frames of a home: one table a frame, made once, followed from frame to frame.

A table follows from its frame's temperature and from the table before it, and says in its head
which these were: a frame that comes late, or better, makes it and those after it again, and the
same frames give the same bytes in any order and after any restart.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kentongan.grid import BASE_GRID, Grid
from kentongan.store import Store
from kentongan.times import compact, iso, parse_instant
from orchestration.rain.history import KEPT_TEMPERATURE, RainHistory
from processing.rain.cell_tracks import (
    MOTION_BACK_MINUTES,
    CellFrame,
    Ended,
    TrackedCell,
    cells_of,
)
from processing.rain.parallax import orbit_of

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.context import CycleContext
    from processing.rain.policy import RainPolicy

KEPT_CELLS = timedelta(hours=48)
"""For whoever asks tomorrow; what stands in the evidence of an event stays there for good."""
FRESH = timedelta(minutes=20)
"""Cells of a frame that is older by more say nothing of a field of rain."""
_GAP_TOLD = timedelta(hours=24)
"""Well within `KEPT_CELLS`: a table never comes to rest on one that has gone."""
_FOLDER, _HEAD = "runs/rain/cells", b"kentongan"
_MADE_BY = "kentongan-cells/1"
_TEXT = ("track", "begun", "parent", "merged")
_WHOLE = {"tops": "int32", "at_edge": "bool"}


def bring_up(
    history: RainHistory,
    runs: Store,
    at: datetime,
    policy: RainPolicy,
    *,
    most: int | None = None,
    grid: Grid = BASE_GRID,
) -> list[datetime]:
    """Make the tables that are missing or rest on something else by now, oldest first.

    Args:
        most: where more are to be made, none is; None: all.

    Returns:
        Times of the tables made.
    """
    times = history.seen_times(since=at - KEPT_TEMPERATURE, until=at)
    shelf = _Shelf(history, runs, policy, _times(runs))
    first = next((k for k, t in enumerate(times) if not shelf.stands(t)), None)
    if first is None or (most is not None and len(times) - first > most):
        return []
    return [time for time in times[first:] if not shelf.stands(time) and shelf.make(time, grid)]


def thin(runs: Store, at: datetime) -> int:
    """Delete tables that are too old; returns how many."""
    old = [path for path in runs.paths(f"{_FOLDER}/") if _too_old(path, at)]
    for path in old:
        runs.remove(path)
    return len(old)


def _too_old(path: str, at: datetime) -> bool:
    time = _time_of(path)
    return time is not None and time <= at - KEPT_CELLS


@dataclass
class _Shelf:
    """The tables of a home, listed once."""

    history: RainHistory
    runs: Store
    policy: RainPolicy
    times: list[datetime]

    def make(self, time: datetime, grid: Grid) -> bool:
        """False where the temperature cannot be read: there is no table then."""
        kelvin, head = self.history.temperature(time), self._head(time)
        if kelvin is None or head is None:
            return False
        trail = self._trail(time)
        frame = cells_of(
            kelvin, time, trail, self.history.temperature(trail[-1].time) if trail else None,
            grid=grid, orbit=orbit_of(head["satellite"]), rules=self.policy.cells,
            retrieval=self.policy.retrieval,
        )  # fmt: skip
        self.runs.write(_path(time), packed(frame, head))
        self.times = sorted({*self.times, time})
        return True

    def stands(self, time: datetime) -> bool:
        """Whether the table of a time is there and rests on what there is now."""
        have = _head_of(self.runs, time)
        return have is not None and have == self._head(time)

    def _head(self, time: datetime) -> dict[str, Any] | None:
        """What a table of this time would rest on; None: its temperature is gone."""
        seen = self.history.seen_from(time)
        if seen is None:
            return None
        last = self._before(time)
        figures = self.policy.cells.model_dump_json() + self.policy.retrieval.model_dump_json()
        return {
            "made_by": _MADE_BY,
            "frames": list(seen[0]),
            "satellite": seen[1],
            "before": f"{iso(last)} {_digest(self.runs.read(_path(last)))}" if last else "",
            "figures": _digest(figures.encode()),
        }

    def _before(self, time: datetime) -> datetime | None:
        """Time of the table before, if it is not older than what a gap is told over."""
        earlier = [t for t in self.times if time - _GAP_TOLD <= t < time]
        return earlier[-1] if earlier else None

    def _trail(self, time: datetime) -> list[CellFrame]:
        """The table before, and older ones that tell motion, oldest first."""
        last = self._before(time)
        if last is None:
            return []
        since = min(last, time - timedelta(minutes=MOTION_BACK_MINUTES))
        wanted = [t for t in self.times if since <= t < time]
        return [frame for t in wanted if (frame := read(self.runs, t)) is not None]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _times(runs: Store) -> list[datetime]:
    found = (_time_of(path) for path in runs.paths(f"{_FOLDER}/"))
    return sorted(t for t in found if t is not None)


def _path(time: datetime) -> str:
    return f"{_FOLDER}/{compact(time)}.parquet"


def _time_of(path: str) -> datetime | None:
    stem = path.rsplit("/", 1)[-1].removesuffix(".parquet")
    try:
        return datetime.strptime(stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def packed(frame: CellFrame, head: dict[str, Any]) -> bytes:
    """A table as Parquet: a row a cell; what is said of the frame stands in its schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [asdict(cell) for cell in frame.cells]
    table = pa.Table.from_pylist(rows, schema=_schema())
    said = {
        **head,
        "time": iso(frame.time),
        "gap_minutes": frame.gap_minutes,
        "known_share": frame.known_share,
        "ended": [[one.track, one.how] for one in frame.ended],
    }
    table = table.replace_schema_metadata({_HEAD: json.dumps(said, sort_keys=True).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _schema() -> pa.Schema:
    import pyarrow as pa

    def kind(name: str) -> pa.DataType:
        if name in _TEXT:
            return pa.string()
        return {"int32": pa.int32(), "bool": pa.bool_()}.get(_WHOLE.get(name, ""), pa.float64())

    return pa.schema([(field.name, kind(field.name)) for field in fields(TrackedCell)])


def read(runs: Store, time: datetime) -> CellFrame | None:
    """The table of a time; None: none that can be read. A damaged one is made again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _path(time)
    if not runs.exists(path):
        return None
    try:
        table = pq.read_table(io.BytesIO(runs.read(path)))
        said = json.loads(table.schema.metadata[_HEAD])
        return CellFrame(
            time=parse_instant(said["time"]),
            cells=tuple(TrackedCell(**row) for row in table.to_pylist()),
            ended=tuple(Ended(track, how) for track, how in said["ended"]),
            gap_minutes=said["gap_minutes"],
            known_share=said["known_share"],
        )
    except (pa.ArrowException, ValueError, KeyError, TypeError, OSError):
        return None


def _head_of(runs: Store, time: datetime) -> dict[str, Any] | None:
    """What the table of a time says that it rests on; None: no table that can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not runs.exists(_path(time)):
        return None
    try:
        said = json.loads(pq.read_schema(io.BytesIO(runs.read(_path(time)))).metadata[_HEAD])
        return {k: said[k] for k in ("made_by", "frames", "satellite", "before", "figures")}
    except (pa.ArrowException, ValueError, KeyError, TypeError, OSError):
        return None


def newest(runs: Store, at: datetime, within: timedelta) -> CellFrame | None:
    """The newest table at or before `at` that is not older than `within`."""
    times = [t for t in _times(runs) if at - within <= t <= at]
    return next((found for t in reversed(times) if (found := read(runs, t)) is not None), None)


def cells_now(context: CycleContext, at: datetime) -> list[datetime]:
    """Cells of the frame just taken in; a backlog waits until the messages are out."""
    return _up(context, at, most=1)


def prepare_cells(context: CycleContext, at: datetime) -> list[datetime]:
    """Whatever is missing, and the old ones away; after the messages of a cycle."""
    made = _up(context, at, most=None)
    thin(context.runs, at)
    return made


def _up(context: CycleContext, at: datetime, *, most: int | None) -> list[datetime]:
    from orchestration.rain.live import history_of
    from processing.rain.policy import rain_policy

    history = history_of(str(context.settings.home.resolve()))
    return bring_up(history, context.runs, at, rain_policy(), most=most)


def cells_for(context: CycleContext, time: datetime) -> CellFrame | None:
    """Cells of a frame at this time or shortly before it."""
    return newest(context.runs, time, FRESH)
