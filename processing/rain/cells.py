"""Convective cells in brightness temperature: found at nested thresholds, followed in time.

The method of tobac (Heikenfeld et al. 2019, Geosci. Model Dev. 12, 4551-4570): a feature is a
connected region colder than a threshold; where a colder threshold finds regions inside it, these
stand in its place. Written anew with scipy, because a national frame must take below a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Tb = npt.NDArray[np.float32]


class CellRules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    thresholds_k: tuple[float, ...] = (241.0, 235.0, 221.0, 215.0)
    """Warmest first. 241 and 235 K bound cold cloud, 221 and 215 K its convective cores."""
    min_cells: int = Field(default=4, ge=1)
    max_speed_m_s: float = Field(default=30.0, gt=0)
    """A cell that would have to move faster is another one."""
    top_colder_k: float = Field(default=6.5, gt=0)
    """Overshooting top: colder than the anvil around it (after Bedka et al. 2010, J. Appl. Meteor.
    Climatol. 49; the figures were not re-checked)."""
    top_below_k: float = 215.0
    anvil_cells: int = Field(default=5, ge=2)
    """Radius of the surroundings that a top is held against: about 11 km."""
    longest_gap_minutes: float = Field(default=20.0, gt=0)
    """Between two frames; beyond it every track ends: nobody saw what became of a cell."""
    split_within_km: float = Field(default=10.0, ge=0)
    """Between the rims of two cells of successive frames, for one to have split from the other or
    to have merged into it; ten minutes at 15 m/s."""


DEFAULT_RULES = CellRules()


@dataclass(frozen=True)
class Cell:
    row: float
    """Mean place, weighted by how much colder than the threshold; in rows of the frame."""
    column: float
    cells: int
    """Size in cells of the frame."""
    threshold_k: float
    min_k: float
    mean_k: float
    tops: int = 0
    """Candidates of overshooting tops."""
    cloud_cells: int = 0
    """Size of the region colder than the warmest threshold that it stands in, in cells."""
    at_edge: bool = False
    """It reaches the rim of the frame or what is not known: its size is the least that it has."""
    track: int = 0
    """The same number for the same cell in successive frames; 0: not followed yet."""
    cooling_k_h: float | None = None
    """Fall of the minimum since the frame before; None: first seen."""
    age_minutes: float = 0.0


def find_cells(temperature: Tb, rules: CellRules = DEFAULT_RULES) -> list[Cell]:
    """Cells of one frame, by place.

    Args:
        temperature: brightness temperature of the window band, K, shape (rows, columns); NaN: not
            known, never part of a cell.
    """
    field = np.where(np.isfinite(temperature), temperature, np.inf).astype(np.float32)
    tops = _tops(field, rules)
    edge = _edge(field)
    done: list[Cell] = []
    open_: dict[int, Cell] = {}
    outer = np.zeros(field.shape, dtype=np.int32)
    for threshold in sorted(rules.thresholds_k, reverse=True):
        labels, found, places = _regions(field, tops, edge, threshold, rules.min_cells)
        # A region with a colder one inside gives its place to that.
        inside = [open_.get(int(outer[place])) for place in places]
        found = {
            label: replace(cell, cloud_cells=parent.cloud_cells if parent else cell.cells)
            for (label, cell), parent in zip(found.items(), inside, strict=True)
        }
        parents = {int(outer[place]) for place in places}
        done += [cell for label, cell in open_.items() if label not in parents]
        outer, open_ = labels, found
    return sorted([*done, *open_.values()], key=lambda c: (c.row, c.column))


def _regions(
    field: Tb,
    tops: npt.NDArray[np.bool_],
    edge: npt.NDArray[np.bool_],
    threshold: float,
    least: int,
) -> tuple[npt.NDArray[np.int32], dict[int, Cell], list[tuple[int, int]]]:
    """Connected regions colder than a threshold, their cells by label, and one place in each."""
    from scipy import ndimage

    labels, _ = ndimage.label(field < threshold, structure=np.ones((3, 3), dtype=np.int8))
    cells: dict[int, Cell] = {}
    places = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        if np.count_nonzero(inside) < least:
            continue
        origin = (box[0].start, box[1].start)
        cell = _cell(field[box], inside, tops[box], origin, threshold)
        cells[label] = replace(cell, at_edge=bool((edge[box] & inside).any()))
        row, column = np.unravel_index(int(inside.argmax()), inside.shape)
        places.append((origin[0] + int(row), origin[1] + int(column)))
    return labels, cells, places


def _edge(field: Tb) -> npt.NDArray[np.bool_]:
    """Cells at the rim or beside one that is not known."""
    from scipy import ndimage

    unknown = ~np.isfinite(field)
    edge: npt.NDArray[np.bool_] = np.zeros(field.shape, dtype=bool)
    if unknown.any():
        edge |= ndimage.maximum_filter(unknown, 3)
    edge[[0, -1]], edge[:, [0, -1]] = True, True
    return edge


def _cell(
    part: Tb,
    inside: npt.NDArray[np.bool_],
    tops: npt.NDArray[np.bool_],
    origin: tuple[int, int],
    threshold: float,
) -> Cell:
    rows, columns = np.nonzero(inside)
    kelvin = part[inside].astype(float)
    weight = np.maximum(threshold - kelvin, 1e-9)
    return Cell(
        row=origin[0] + float(np.average(rows, weights=weight)),
        column=origin[1] + float(np.average(columns, weights=weight)),
        cells=int(rows.size),
        threshold_k=threshold,
        min_k=float(kelvin.min()),
        mean_k=float(kelvin.mean()),
        tops=int(np.count_nonzero(tops & inside)),
    )


def _tops(field: Tb, rules: CellRules) -> npt.NDArray[np.bool_]:
    """Local minima that stand well above the anvil around them."""
    from scipy import ndimage

    cold = field < rules.top_below_k
    found = np.zeros(field.shape, dtype=bool)
    for box in ndimage.find_objects(ndimage.label(cold)[0]):
        wide = tuple(
            slice(max(s.start - rules.anvil_cells, 0), s.stop + rules.anvil_cells) for s in box
        )
        found[wide] |= _tops_in(field[wide], rules) & cold[wide]
    return found


def _tops_in(part: Tb, rules: CellRules) -> npt.NDArray[np.bool_]:
    from scipy import ndimage

    size = 2 * rules.anvil_cells + 1
    cloud = np.isfinite(part)
    # Means of what is known; beyond the rim nothing is.
    share = ndimage.uniform_filter(cloud.astype(np.float32), size, mode="constant")
    total = ndimage.uniform_filter(np.where(cloud, part, 0.0), size, mode="constant")
    mean = total / np.maximum(share, 1e-6)
    lowest = ndimage.minimum_filter(part, size, mode="nearest") == part
    found: npt.NDArray[np.bool_] = lowest & (part <= mean - rules.top_colder_k)
    return found


def follow(
    before: Sequence[Cell],
    now: Sequence[Cell],
    *,
    earlier: datetime,
    later: datetime,
    cell_m: float,
    rules: CellRules = DEFAULT_RULES,
) -> list[Cell]:
    """The cells of now with the tracks of those before: nearest first, over all pairs at once.

    Args:
        before: cells of the frame before, with their tracks (see `started`).
        cell_m: side of a cell of the frame, m.

    Returns:
        The cells of `now` in their order; a new one has a number above all that were.
    """
    minutes = (later - earlier).total_seconds() / 60
    reach = rules.max_speed_m_s * 60 * minutes / cell_m
    partner = partners(before, now, reach)
    fresh = max((c.track for c in before), default=0)
    found = []
    for place, cell in enumerate(now):
        if place in partner:
            found.append(_continued(before[partner[place]], cell, minutes))
        else:
            fresh += 1
            found.append(replace(cell, track=fresh))
    return found


def started(cells: Sequence[Cell], first: int = 1) -> list[Cell]:
    """The cells of a first frame, each with a track of its own."""
    return [replace(cell, track=first + k) for k, cell in enumerate(cells)]


def partners(before: Sequence[Cell], now: Sequence[Cell], reach: float) -> dict[int, int]:
    """Place in `now` -> place in `before`: least sum of squares among pairs within reach."""
    from scipy.optimize import linear_sum_assignment

    if not before or not now:
        return {}
    was = np.array([(c.row, c.column) for c in before])
    there = np.array([(c.row, c.column) for c in now])
    away = np.hypot(*(there[:, None, k] - was[None, :, k] for k in (0, 1)))
    cost = np.where(away <= reach, away**2, 4 * reach**2 + 1.0)
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return {int(i): int(j) for i, j in pairs if away[i, j] <= reach}


def _continued(before: Cell, now: Cell, minutes: float) -> Cell:
    return replace(
        now,
        track=before.track,
        cooling_k_h=(before.min_k - now.min_k) * 60 / minutes,
        age_minutes=before.age_minutes + minutes,
    )
