"""Matched samples of our retrieval and a ready rain rate: a bounded, fair, repeatable choice.

Of each region and frame the cells with the least ranks are taken, and of each region and local
hour again the least ranks of all frames. A rank is a hash of frame and cell, so it has nothing to
do with the rain: the choice is a fair sample, the same in any order of arrival and at a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from kentongan.grid import Grid
from processing.rain.calibrate import LEAST_SAMPLES, local_hour
from processing.rain.sums import LEAST_COVERAGE, LONGEST_GAP

Grid2 = npt.NDArray[np.float32]
Regions = npt.NDArray[np.int8]
Box = tuple[float, float, float, float]

ELSEWHERE = "elsewhere"
"""Region of what no box holds: open sea, mostly."""
HOURS = 24
_COLUMNS: dict[str, Any] = {
    "region": np.int8, "hour": np.int8, "rank": np.uint32, "ours": np.uint16, "theirs": np.uint16,
}  # fmt: skip


class CalibrationRules(BaseModel):
    """`[calibration]` of a rain policy; every figure is ours and unconfirmed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    references: tuple[str, ...] = Field(min_length=1)
    """Sources that the retrieval is held against; the first with enough samples counts."""
    match_minutes: float = Field(ge=0, le=15)
    """How far apart two frames of one time may be."""
    samples_a_frame: int = Field(ge=1)
    """Of each region."""
    most_samples: int = Field(ge=100)
    """Kept for a fit, of each region and local hour."""
    keep_days: int = Field(ge=1)
    """Of samples; older ones say little of this season."""
    least_samples: int = Field(ge=LEAST_SAMPLES)
    least_wet: int = Field(ge=1)
    """Pairs in which our retrieval rains."""
    least_days: int = Field(ge=1)
    """Different days: the pixels of one storm are one witness."""
    least_rank_correlation: float = Field(ge=0, le=1)
    """Between the two in all pairs: with less they do not see the same rain."""
    mean_mm_h: tuple[float, float]
    """Within which the reference's mean over all pairs lies; else its unit or scale is another."""
    renew_hours: float = Field(gt=0)
    """A curve is fitted anew after so long."""
    oldest_days: float = Field(gt=0)
    """A curve whose last sample is older is not used."""
    most_frames_a_cycle: int = Field(ge=1)
    """Frames of the second source opened in one cycle, after the messages."""
    regions: Mapping[str, Box]
    """Name -> west, south, east, north; the first that holds a cell counts."""

    @field_validator("regions")
    @classmethod
    def _boxes(cls, regions: Mapping[str, Box]) -> Mapping[str, Box]:
        for name, (west, south, east, north) in regions.items():
            if west >= east or south >= north or name == ELSEWHERE or " " in name:
                raise ValueError(f"region {name!r}: expected a word, west < east and south < north")
        return regions

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.regions, ELSEWHERE)


def regions_of(
    latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64], rules: CalibrationRules
) -> Regions:
    """Place in `rules.names` of each cell, shape (rows, columns)."""
    found = np.full((latitude.size, longitude.size), len(rules.regions), dtype=np.int8)
    for place, (west, south, east, north) in reversed(list(enumerate(rules.regions.values()))):
        rows = (latitude >= south) & (latitude < north)
        columns = (longitude >= west) & (longitude < east)
        found[np.ix_(rows, columns)] = place
    return found


@dataclass(frozen=True)
class Samples:
    """One row a pair of rates, hundredths of mm/h."""

    columns: Mapping[str, npt.NDArray[Any]]

    def __post_init__(self) -> None:
        if set(self.columns) != set(_COLUMNS):
            raise ValueError(f"samples: expected the columns {', '.join(_COLUMNS)}")
        if len({len(c) for c in self.columns.values()}) != 1:
            raise ValueError("samples: columns of several lengths")

    def __len__(self) -> int:
        return len(self.columns["rank"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def taken(self, rows: npt.NDArray[Any]) -> Samples:
        return Samples({name: column[rows] for name, column in self.columns.items()})

    @classmethod
    def of(cls, **columns: npt.NDArray[Any]) -> Samples:
        return cls({name: np.asarray(columns[name], dtype=kind) for name, kind in _COLUMNS.items()})

    @classmethod
    def joined(cls, parts: list[Samples]) -> Samples:
        return cls.of(
            **{
                name: np.concatenate([p[name] for p in parts]) if parts else np.empty(0, kind)
                for name, kind in _COLUMNS.items()
            }
        )


def coarse_grid(grid: Grid, cells: int) -> Grid:
    """Cells of `cells` by `cells` of a grid; what stands over at the end is left out."""
    return Grid(
        west=grid.west, south=grid.south, step=grid.step * cells,
        columns=grid.columns // cells, rows=grid.rows // cells,
    )  # fmt: skip


def matched(
    ours: Grid2, theirs: Grid2, *, time: datetime, source_id: str, grid: Grid,
    rules: CalibrationRules,
) -> Samples:  # fmt: skip
    """The pairs that are kept of one frame.

    Args:
        ours, theirs: rates of the same cells, mm/h, on `grid`; NaN: not known.
        time: of the frame; with `source_id` it makes the ranks.

    Raises:
        ValueError: fields of another shape.
    """
    shape = (grid.rows, grid.columns)
    if ours.shape != shape or theirs.shape != shape:
        raise ValueError(f"rates of {ours.shape} and {theirs.shape}: expected {shape}")
    cell = np.flatnonzero(np.isfinite(ours) & np.isfinite(theirs))
    region = regions_of(grid.latitude, grid.longitude, rules).ravel()[cell]
    rank = _ranks(cell, f"{source_id} {time.astimezone(UTC):%Y%m%dT%H%M}")
    order = np.lexsort((cell, rank, region))
    place = np.arange(order.size) - np.searchsorted(region[order], region[order])
    chosen = order[place < rules.samples_a_frame]
    now = time.astimezone(UTC)
    hour = local_hour(now.hour + now.minute / 60, grid.longitude)
    return Samples.of(
        region=region[chosen],
        hour=hour[cell[chosen] % grid.columns],
        rank=rank[chosen],
        ours=_hundredths(ours.ravel()[cell[chosen]]),
        theirs=_hundredths(theirs.ravel()[cell[chosen]]),
    )


def _hundredths(rate: Grid2) -> npt.NDArray[np.uint16]:
    whole: npt.NDArray[np.uint16] = np.clip(np.rint(rate * np.float32(100)), 0, 65_534).astype(
        np.uint16
    )
    return whole


def _ranks(cell: npt.NDArray[np.intp], frame: str) -> npt.NDArray[np.uint32]:
    """Numbers without any order, the same on every machine: the finaliser of SplitMix64 (Steele,
    Lea & Flood 2014, OOPSLA) over the cell, begun with a hash of the frame."""
    import hashlib

    seed = np.uint64(int.from_bytes(hashlib.sha256(frame.encode()).digest()[:8], "big"))
    x = cell.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + seed
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(32)).astype(np.uint32)


def mean_between(
    frames: list[tuple[datetime, Grid2]], start: datetime, end: datetime
) -> Grid2 | None:
    """Mean rate of a span from instantaneous ones, mm/h; None where too little of it is known.

    The trapezoid over the real times, for what gives means (GSMaP: an hour). NaN where any frame
    is; a gap of more than 20 minutes, or less than three quarters of the span, gives none.
    """
    inside = sorted((f for f in frames if start <= f[0] <= end), key=lambda f: f[0])
    if len(inside) < 2 or any(b[0] - a[0] > LONGEST_GAP for a, b in pairwise(inside)):
        return None
    known = inside[-1][0] - inside[0][0]
    if known < LEAST_COVERAGE * (end - start):
        return None
    total = np.zeros(inside[0][1].shape, dtype=np.float64)
    for (a, rate_a), (b, rate_b) in pairwise(inside):
        total += (rate_a.astype(np.float64) + rate_b) * ((b - a) / known / 2)
    return total.astype(np.float32)


@dataclass
class Reservoir:
    """Samples by region and local hour, at most so many of each, of many days."""

    most: int
    parts: dict[tuple[int, int], Samples] = field(default_factory=dict)
    days: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, of_a_day: Samples) -> None:
        """Take in the samples of one day; a day comes once."""
        keys = of_a_day["region"].astype(np.int64) * HOURS + of_a_day["hour"]
        for key in np.unique(keys).tolist():
            place = divmod(int(key), HOURS)
            new = of_a_day.taken(np.flatnonzero(keys == key))
            have = [self.parts[place]] if place in self.parts else []
            self.parts[place] = _least(Samples.joined([*have, new]), self.most)
            self.days[place] = self.days.get(place, 0) + 1


def _least(samples: Samples, most: int) -> Samples:
    order = np.lexsort((samples["theirs"], samples["ours"], samples["rank"]))
    return samples.taken(order[:most])
