"""A field of flood: rain of the catchment now and in the coming hour, on ground that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kentongan.types import Quality
from processing.rasters import QUALITIES
from processing.water.flood import Edges, FloodRules, effective_mm, flood_level, rain_class
from processing.water.ground import FloodGround
from processing.water.runoff import API_FACTOR_PER_DAY, api
from processing.water.terrain import Catchments

Grid2 = npt.NDArray[np.float32]
Levels = npt.NDArray[np.int8]
Positions = npt.NDArray[np.int64]

METHOD = "kentongan-flood/1"


@dataclass(frozen=True)
class Rain:
    """On its own grid, rows from south to north; NaN: not known."""

    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    now_mm: Mapping[int, Grid2]
    """Hours -> rain up to now."""
    next_hour_mm: Grid2 | None = None
    """What the nowcast brings; None: there is none."""
    api_mm: Grid2 | None = None
    """`wetness_of`; None: not known anywhere."""
    edges_mm: Mapping[int, npt.NDArray[np.float32]] | None = None
    """Hours -> amounts of 2, 5, 10 and 25 years at each place, shape (4, rows, columns)."""


@dataclass(frozen=True)
class FloodEstimate:
    """On the ground's grid, rows from north to south."""

    level: Levels
    quality: Levels
    catchment_mm: Grid2
    """Rain on the catchment, counted by its wetness, of the duration that decided."""
    hours: npt.NDArray[np.int8]
    """That duration; 0: none is known."""


@dataclass(frozen=True)
class Onto:
    """Cell of one grid for each row and column of another; -1: it lies outside."""

    rows: Positions
    columns: Positions

    @classmethod
    def of(
        cls,
        have: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
        want: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    ) -> Onto:
        """Args:
        have, want: latitude and longitude of centres; `have` ascending with an even step.
        """
        rows, columns = (_position(h, w) for h, w in zip(have, want, strict=True))
        return cls(rows, columns)

    def laid(self, field: Grid2) -> Grid2:
        """The field on the other grid; NaN outside."""
        taken = field[np.ix_(np.maximum(self.rows, 0), np.maximum(self.columns, 0))]
        out: Grid2 = taken.astype(np.float32)
        out[self.rows < 0] = np.nan
        out[:, self.columns < 0] = np.nan
        return out


def _position(have: npt.NDArray[np.float64], want: npt.NDArray[np.float64]) -> Positions:
    if have.size < 2 or not (np.diff(have) > 0).all():
        raise ValueError("rain: expected at least two ascending cell centres in degrees")
    step = (have[-1] - have[0]) / (have.size - 1)
    found = np.floor((want - have[0]) / step + 0.5).astype(np.int64)
    return np.where((found >= 0) & (found < have.size), found, -1)


def wetness_of(days_mm: npt.NDArray[np.float32], rules: FloodRules) -> Grid2:
    """The wetness before today; NaN where missing days leave it open.

    Args:
        days_mm: totals, oldest first, shape (days, rows, columns); NaN: not known.

    Missing days count as dry; where the rest alone is wet the ground is wet all the same, and
    elsewhere it is not known.
    """
    least = api(np.nan_to_num(days_mm, nan=0.0).astype(float), API_FACTOR_PER_DAY)[-1]
    complete = np.isfinite(days_mm).all(axis=0)
    sure = complete | (least > rules.wet_above_api_mm)
    return np.where(sure, least, np.nan).astype(np.float32)


def flood_estimate(
    ground: FloodGround, rain: Rain, onto: Onto, rules: FloodRules, *, at_most: int
) -> FloodEstimate:
    """Level of each cell of the ground; -1 where its rain or its height is not known.

    Args:
        onto: from the rain's grid to the ground's.
        at_most: what an estimate may say alone.
    """
    edges, catchments = _edges(rain, onto, rules), Catchments(ground.terrain)
    now, worst, hours = _classes(ground, catchments, rain, onto, rules, edges, rain.now_mm)
    found = flood_level(now, ground.terrain, rules)
    some_unknown = ~np.all([np.isfinite(onto.laid(mm)) for mm in rain.now_mm.values()], axis=0)
    degraded = some_unknown | (ground.cell_m > rules.fine_enough_m)
    quality = np.where(degraded, _number(Quality.DEGRADED), _number(Quality.OK))
    if rain.next_hour_mm is not None:
        coming = {h: _in_an_hour(h, mm, rain.next_hour_mm) for h, mm in rain.now_mm.items()}
        then, amount, which = _classes(ground, catchments, rain, onto, rules, edges, coming)
        ahead = flood_level(then, ground.terrain, rules)
        more = (ahead > found) & (found >= 0)
        found, quality = (
            np.where(more, ahead, found),
            np.where(more, _number(Quality.EXTRAPOLATED), quality),
        )
        worst, hours = np.where(more, amount, worst), np.where(more, which, hours)
    level = np.where(ground.holes, -1, np.minimum(found, at_most)).astype(np.int8)
    return FloodEstimate(
        level=ground.over_the_edge(level).astype(np.int8),
        quality=quality.astype(np.int8),
        catchment_mm=ground.over_the_edge(worst.astype(np.float32)).astype(np.float32),
        hours=hours.astype(np.int8),
    )


def _number(quality: Quality) -> int:
    return QUALITIES.index(quality)


def _in_an_hour(hours: int, past: Grid2, coming: Grid2) -> Grid2:
    """Rain of the span that ends in an hour; what leaves it at its start is not told apart."""
    left = past * np.float32(1 - 1 / hours) if hours > 1 else np.float32(0)
    return np.asarray(coming + left, dtype=np.float32)


def _classes(
    ground: FloodGround,
    catchments: Catchments,
    rain: Rain,
    onto: Onto,
    rules: FloodRules,
    edges: Mapping[int, Edges | npt.NDArray[np.float32]],
    amounts: Mapping[int, Grid2],
) -> tuple[Levels, Grid2, npt.NDArray[np.int8]]:
    """Class of the catchment's rain, the amount that gave it, and its hours."""
    shape = ground.terrain.hand.shape
    worst = np.full(shape, -1, dtype=np.int8)
    amount, hours = np.full(shape, np.nan, dtype=np.float32), np.zeros(shape, dtype=np.int8)
    for span in sorted(set(amounts) & set(edges)):
        mm = amounts[span]
        dry = np.full(mm.shape, np.nan, np.float32) if rain.api_mm is None else rain.api_mm
        fallen = onto.laid(effective_mm(mm, dry, rules))
        fallen[ground.holes] = np.nan
        mean = catchments.mean(fallen)
        found = rain_class({span: mean}, {span: edges[span]})
        more = found > worst
        worst[more], amount[more], hours[more] = found[more], mean[more], span
    return worst, amount, hours


def _edges(
    rain: Rain, onto: Onto, rules: FloodRules
) -> Mapping[int, Edges | npt.NDArray[np.float32]]:
    """Amounts of the place where they are known, else the general ones."""
    if not rain.edges_mm:
        return rules.rain_mm
    out = {}
    for hours, general in rules.rain_mm.items():
        shape = (onto.rows.size, onto.columns.size)
        local = rain.edges_mm.get(hours)
        laid = [
            np.full(shape, np.nan, np.float32) if local is None else onto.laid(local[k])
            for k in range(4)
        ]
        known = np.isfinite(laid).all(axis=0)
        out[hours] = np.stack(
            [np.where(known, one, np.float32(g)) for one, g in zip(laid, general, strict=True)]
        )
    return out
