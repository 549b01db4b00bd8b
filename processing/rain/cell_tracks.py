"""Cells of one frame with their history: how fast they cool and move, what they came from.

A track has a name by the frame that it began in, so it is the same after any restart. A cell that
no cell of the frame before can have become begins one of its own, and says how: *new* (the place
was seen before, without it), *split* (out of a cell that lives on), *unseen* (nothing is known of
the frame before: no age, no trend). What becomes of a cell that has no follower is said too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from kentongan.grid import BASE_GRID, Grid
from kentongan.times import compact
from processing.rain.cells import Cell, CellRules, find_cells, partners
from processing.rain.parallax import HIMAWARI, Orbit, corrected
from processing.rain.retrieve import DEFAULT_RULES as RETRIEVAL_RULES
from processing.rain.retrieve import RetrievalRules, top_km

Tb = npt.NDArray[np.float32]

KM_A_DEGREE = 111.2
"""Of latitude, on a sphere of 6,371 km."""
COOLING_MINUTES = 15.0
MOTION_BACK_MINUTES = 30.0
"""Motion is told over so long, if the track is as old: the mean place of a cell jumps when a
colder threshold takes over."""

NEW, SPLIT, UNSEEN = "new", "split", "unseen"
FADED, MERGED, LOST, GAP = "faded", "merged", "not seen", "gap"


@dataclass(frozen=True)
class TrackedCell:
    """A cell of one frame; every figure that is not known is None."""

    track: str
    """`<time of its first frame>-<number>`."""
    begun: str
    """`new`, `split` or `unseen`: how its track began."""
    parent: str
    """Track that it split from; empty: none."""
    merged: str
    """Tracks that ended in it with this frame, by commas."""
    row: float
    column: float
    """Where the satellite sees its mean, in cells of the grid."""
    latitude: float
    longitude: float
    """Below its mean top: parallax taken out."""
    area_km2: float
    cloud_km2: float
    """Of the region colder than the warmest threshold that it stands in."""
    threshold_k: float
    min_k: float
    mean_k: float
    tops: int
    """Candidates of overshooting tops."""
    at_edge: bool
    """It reaches the rim or what is not known: areas are least ones."""
    age_minutes: float | None
    """Since its first frame; at least so long where `begun` is `unseen`."""
    cooling_k_15min: float | None
    """Fall of its minimum since the frame before; below 0: it warms."""
    east_m_s: float | None
    north_m_s: float | None


@dataclass(frozen=True)
class Ended:
    """A track of the frame before that has no cell in this one."""

    track: str
    how: str
    """`faded`, `merged into <track>`, `not seen` (its place is not known now) or `gap`."""


@dataclass(frozen=True)
class CellFrame:
    """Cells of one frame, coldest first."""

    time: datetime
    cells: tuple[TrackedCell, ...]
    ended: tuple[Ended, ...]
    gap_minutes: float | None
    """Since the frame before where that is too long to follow anything; None: followed, or no
    frame before is known."""
    known_share: float
    """Of the frame."""


def cells_of(
    temperature: Tb,
    time: datetime,
    before: Sequence[CellFrame] = (),
    earlier: Tb | None = None,
    *,
    grid: Grid = BASE_GRID,
    orbit: Orbit = HIMAWARI,
    rules: CellRules,
    retrieval: RetrievalRules = RETRIEVAL_RULES,
) -> CellFrame:
    """Find the cells of a frame and follow them from the frames before.

    Args:
        temperature: of the window band, K, shape of the grid, as the satellite sees it; NaN: not
            known.
        before: frames with their tracks, oldest first, all earlier than `time`; the last one is
            the frame before, older ones tell motion.
        earlier: temperature of the frame before; where it is not known, a cell is `unseen` and
            not `new`.

    Raises:
        ValueError: a temperature of another shape, a frame that is not earlier.
    """
    if temperature.shape != (grid.rows, grid.columns):
        raise ValueError(
            f"frame of {temperature.shape}, expected the grid's {(grid.rows, grid.columns)}"
        )
    if before and before[-1].time >= time:
        raise ValueError(f"frame of {before[-1].time} does not come before that of {time}")
    found = find_cells(temperature, rules)
    placed = _placed(found, grid, orbit, retrieval)
    share = float(np.isfinite(temperature).mean())
    gap = _gap(before, time)
    if gap is None or gap > rules.longest_gap_minutes:
        ended = tuple(Ended(c.track, GAP) for c in before[-1].cells) if before else ()
        cells = _named([replace(c, begun=UNSEEN) for c in placed], time)
        return CellFrame(time, _ordered(cells), ended, gap, share)
    last = before[-1]
    cell_km = grid.step * KM_A_DEGREE
    followed = _followed(last.cells, placed, found, gap, cell_km, rules)
    named = _named(_with_origin(followed, last, earlier, cell_km, rules), time)
    named, ended = _without_follower(named, last, temperature, cell_km, rules)
    moving = [_moving(cell, before, time) for cell in named]
    return CellFrame(time, _ordered(moving), ended, None, share)


def _gap(before: Sequence[CellFrame], time: datetime) -> float | None:
    return (time - before[-1].time).total_seconds() / 60 if before else None


def _ordered(cells: Sequence[TrackedCell]) -> tuple[TrackedCell, ...]:
    return tuple(sorted(cells, key=lambda c: (c.min_k, c.row, c.column)))


def _placed(
    found: Sequence[Cell], grid: Grid, orbit: Orbit, rules: RetrievalRules
) -> list[TrackedCell]:
    """Cells with their place on the ground, without any history."""
    if not found:
        return []
    seen_lon = grid.west + (np.array([c.column for c in found]) + 0.5) * grid.step
    seen_lat = grid.south + (np.array([c.row for c in found]) + 0.5) * grid.step
    height = top_km(np.array([c.mean_k for c in found], dtype=np.float32), rules)
    longitude, latitude = corrected(seen_lon, seen_lat, height.astype(float), orbit)
    side = grid.step * KM_A_DEGREE
    area = side * side * np.cos(np.radians(seen_lat))
    return [
        TrackedCell(
            track="", begun="", parent="", merged="",
            row=round(cell.row, 3), column=round(cell.column, 3),
            latitude=round(float(latitude[k]), 4), longitude=round(float(longitude[k]), 4),
            area_km2=round(cell.cells * float(area[k]), 1),
            cloud_km2=round(cell.cloud_cells * float(area[k]), 1),
            threshold_k=cell.threshold_k, min_k=round(cell.min_k, 2), mean_k=round(cell.mean_k, 2),
            tops=cell.tops, at_edge=cell.at_edge,
            age_minutes=None, cooling_k_15min=None, east_m_s=None, north_m_s=None,
        )
        for k, cell in enumerate(found)
    ]  # fmt: skip


def _followed(
    last: Sequence[TrackedCell],
    placed: Sequence[TrackedCell],
    found: Sequence[Cell],
    minutes: float,
    cell_km: float,
    rules: CellRules,
) -> list[TrackedCell]:
    """Those of now that a cell of the frame before became; the others without a track."""
    reach = rules.max_speed_m_s * 60 * minutes / (1000 * cell_km)
    was = [Cell(c.row, c.column, 1, c.threshold_k, c.min_k, c.mean_k) for c in last]
    pairs = partners(was, found, reach)
    out = list(placed)
    for place, index in pairs.items():
        old, now = last[index], placed[place]
        out[place] = replace(
            now,
            track=old.track,
            begun=old.begun,
            parent=old.parent,
            age_minutes=round((old.age_minutes or 0.0) + minutes, 2),
            cooling_k_15min=round((old.min_k - now.min_k) * COOLING_MINUTES / minutes, 2),
        )
    return out


def _with_origin(
    cells: Sequence[TrackedCell],
    last: CellFrame,
    earlier: Tb | None,
    cell_km: float,
    rules: CellRules,
) -> list[TrackedCell]:
    """Those without a track: split from one that goes on, new, or out of what nobody saw."""
    living = {c.track for c in cells}
    old = [c for c in last.cells if c.track in living]
    out = []
    for cell in cells:
        parent = None if cell.track else _beside(cell, old, cell_km, rules)
        if cell.track:
            out.append(cell)
        elif parent is not None:
            out.append(replace(cell, begun=SPLIT, parent=parent.track, age_minutes=0.0))
        elif earlier is not None and _seen(earlier, cell):
            out.append(replace(cell, begun=NEW, age_minutes=0.0))
        else:
            out.append(replace(cell, begun=UNSEEN))
    return out


def _beside(
    cell: TrackedCell, others: Sequence[TrackedCell], cell_km: float, rules: CellRules
) -> TrackedCell | None:
    """The nearest whose circle of equal area is near this one's, as the satellite sees them."""
    near = [
        (away, other.track, other)
        for other in others
        if (away := _away(cell, other) * cell_km)
        <= radius_km(cell) + radius_km(other) + rules.split_within_km
    ]
    return min(near)[2] if near else None


def radius_km(cell: TrackedCell) -> float:
    """Of the circle of its area."""
    return float(np.sqrt(cell.area_km2 / np.pi))


def _away(one: TrackedCell, other: TrackedCell) -> float:
    return float(np.hypot(one.row - other.row, one.column - other.column))


def _named(cells: Sequence[TrackedCell], time: datetime) -> list[TrackedCell]:
    """Each without a track gets one of this frame, numbered by place."""
    number, out = 0, []
    for cell in sorted(cells, key=lambda c: (c.row, c.column)):
        if cell.track:
            out.append(cell)
            continue
        number += 1
        out.append(replace(cell, track=f"{compact(time)}-{number:03d}"))
    return out


def _without_follower(
    cells: Sequence[TrackedCell],
    last: CellFrame,
    temperature: Tb,
    cell_km: float,
    rules: CellRules,
) -> tuple[list[TrackedCell], tuple[Ended, ...]]:
    """What became of the tracks that end here, noted also where they went."""
    living = {c.track for c in cells}
    old = {c.track for c in last.cells}
    ended, into = [], dict[str, list[str]]()
    for gone in sorted((c for c in last.cells if c.track not in living), key=lambda c: c.track):
        # Into one that was there before: a cell that is new here did not swallow it.
        heir = _beside(gone, [c for c in cells if c.track in old], cell_km, rules)
        if not _seen(temperature, gone):
            ended.append(Ended(gone.track, LOST))
        elif heir is not None:
            ended.append(Ended(gone.track, f"{MERGED} into {heir.track}"))
            into.setdefault(heir.track, []).append(gone.track)
        else:
            ended.append(Ended(gone.track, FADED))
    out = [replace(c, merged=",".join(into.get(c.track, ()))) for c in cells]
    return out, tuple(ended)


def _seen(temperature: Tb, cell: TrackedCell) -> bool:
    return bool(np.isfinite(temperature[round(cell.row), round(cell.column)]))


def _moving(cell: TrackedCell, before: Sequence[CellFrame], time: datetime) -> TrackedCell:
    """With its motion since the oldest frame of its track within `MOTION_BACK_MINUTES`."""
    for frame in before:
        seconds = (time - frame.time).total_seconds()
        if seconds > MOTION_BACK_MINUTES * 60:
            continue
        was = next((c for c in frame.cells if c.track == cell.track), None)
        if was is not None:
            east, north = away_km(was.latitude, was.longitude, cell.latitude, cell.longitude)
            return replace(
                cell,
                east_m_s=round(east * 1000 / seconds, 2),
                north_m_s=round(north * 1000 / seconds, 2),
            )
    return cell


def away_km(
    latitude: float, longitude: float, to_latitude: float, to_longitude: float
) -> tuple[float, float]:
    """East and north, km, from one place to another some hundred km away at most."""
    narrow = np.cos(np.radians((latitude + to_latitude) / 2))
    east = (to_longitude - longitude) * KM_A_DEGREE * narrow
    return float(east), float((to_latitude - latitude) * KM_A_DEGREE)
