"""What stands beside the live map in words: warnings by urgency, feeds, areas not known.

From tables alone, so that the words of a page do not wait for layers to load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from console import words
from console.warning_lines import by_urgency
from console.web.reading import Reading
from kentongan.db import warning_states
from kentongan.times import iso, parse_instant
from kentongan.types import WarningState
from kentongan.view import FeedLine, UnknownArea, WarningLine
from notify import versions
from notify.versions import Version
from notify.warning import AreaGroup
from orchestration.warning_line import warning_line

OPEN = (WarningState.RELEASED, WarningState.APPROVED, WarningState.DRAFT)
SILENT_S = 180.0
"""A cycle runs each minute; data/policy/deadman.toml gives it the same time."""
LONGEST = timedelta(days=10)
"""No warning holds longer: the search for what held at a past instant goes back so far."""
MOST_ROWS = 200
"""Regencies in the table of a page: the first by urgency; the rest are counted."""

WIDE = ("province", "regency")
_NAMED = {"province": ("adm1_name", 2), "regency": ("adm2_name", 5), "district": ("adm3_name", 8)}
"""Kind of area → column of its name, characters of its code."""


@dataclass(frozen=True)
class Area:
    """The villages of one regency at one level of one warning."""

    warning: WarningLine
    name: str
    province: str
    level: int
    villages: int
    exposed: int
    uncovered: int


@dataclass(frozen=True)
class Held:
    """A warning with its villages and regencies."""

    line: WarningLine
    provinces: tuple[str, ...]
    areas: tuple[Area, ...]
    level_of: Mapping[str, int]
    """adm4_code → level."""

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Level and how many villages have it, the highest first."""
        return sorted(Counter(self.level_of.values()).items(), reverse=True)


@dataclass(frozen=True)
class Beside:
    """All words of one instant."""

    at: datetime
    live: bool
    kind: str
    """`now`, `observed` or `forecast`."""
    held: tuple[Held, ...]
    feeds: tuple[FeedLine, ...]
    unknown_areas: tuple[UnknownArea, ...]
    cycle_at: datetime | None
    """When anything was last worked out; None: never."""

    @property
    def blind(self) -> list[FeedLine]:
        return [feed for feed in self.feeds if words.in_trouble(feed)]

    @property
    def never(self) -> bool:
        """Whether no feed was ever polled."""
        return all(feed.state in ("unknown", words.UNUSED) for feed in self.feeds)

    @property
    def silent(self) -> bool:
        """Whether the machine that looks has stopped: what is shown is old."""
        if not self.live:
            return False
        return self.cycle_at is None or (self.at - self.cycle_at).total_seconds() > SILENT_S

    @property
    def areas(self) -> list[Area]:
        return [area for held in self.held for area in held.areas]

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Level and villages, each village once at the highest of its warnings."""
        highest: dict[str, int] = {}
        for held in self.held:
            for code, level in held.level_of.items():
                highest[code] = max(level, highest.get(code, level))
        return sorted(Counter(highest.values()).items(), reverse=True)

    @property
    def uncovered(self) -> int:
        return sum(held.line.uncovered for held in self.held)


def beside(reading: Reading, at: datetime | None = None) -> Beside:
    """The words for `at`; for now without it."""
    now = reading.clock()
    live = at is None
    instant = at or now
    cycle = reading.newest_cycle()
    return Beside(
        at=instant,
        live=live,
        kind="now" if live else "forecast" if instant > now else "observed",
        held=held_at(reading, instant, live=live),
        feeds=reading.feeds(min(instant, now)),
        unknown_areas=tuple(reading.unknown_areas(min(instant, now))),
        cycle_at=parse_instant(cycle["at"]) if cycle else None,
    )


def held_at(reading: Reading, at: datetime, *, live: bool) -> tuple[Held, ...]:
    """Warnings, the most urgent first.

    Live: whatever is released or waits for release, as everywhere in the command centre. At
    another instant: what was in force then, or what still holds then unless somebody acts.
    """
    with reading.engine.connect() as connection:
        found = _open(connection) if live else _in_force(connection, at)
        held = [_held(connection, version) for version in found]
    return tuple(sorted(held, key=lambda one: by_urgency(one.line)))


def _open(connection: Connection) -> list[Version]:
    every = [v for state in OPEN for v in versions.in_state(connection, state)]
    return [version for version in every if not version.body.is_end]


def _in_force(connection: Connection, at: datetime) -> list[Version]:
    query = select(warning_states.c.warning_id.distinct()).where(
        warning_states.c.state == WarningState.RELEASED,
        warning_states.c.at < iso(at),
        warning_states.c.at >= iso(at - LONGEST),
    )
    ids = connection.execute(query).scalars().all()
    found = [versions.in_force_before(connection, each, at) for each in ids]
    return [v for v in found if v is not None and not v.body.is_end and not v.body.holds_nowhere]


def _held(connection: Connection, version: Version) -> Held:
    line = warning_line(version, versions.alert_of(connection, version.ref))
    groups = [group for group in version.body.groups if group.codes and group.level]
    provinces = tuple(dict.fromkeys(group.adm1_name for group in groups if group.adm1_name))
    return Held(
        line=replace(line, areas=_names(groups)),
        provinces=provinces,
        areas=tuple(_area(line, group) for group in groups),
        level_of=version.body.levels,
    )


def _names(groups: Sequence[AreaGroup]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group.adm2_name for group in groups))


def _area(line: WarningLine, group: AreaGroup) -> Area:
    return Area(
        warning=line,
        name=group.adm2_name,
        province=group.adm1_name,
        level=group.level,
        villages=len(group.codes),
        exposed=group.exposed_people,
        uncovered=group.uncovered_people,
    )


def frames(reading: Reading, found: Beside) -> dict[str, Any]:
    """Where things are: of each warning its box, of each of its villages a point inside.

    Returns:
        `warnings`: warning → west, south, east, north of its villages; `villages`: rows of code,
        longitude, latitude; degrees.
    """
    villages, index = reading.layers.villages, reading.layers.index
    boxes: dict[str, list[float]] = {}
    for held in found.held:
        if held.level_of:
            boxes[held.line.warning_id] = box(villages.iloc[index(list(held.level_of))])
    codes = sorted({code for held in found.held for code in held.level_of})
    rows = villages.iloc[index(codes)] if codes else villages.iloc[:0]
    x, y = rows["longitude"].round(3).tolist(), rows["latitude"].round(3).tolist()
    return {"warnings": boxes, "villages": [list(row) for row in zip(codes, x, y, strict=True)]}


def box(rows: Any) -> list[float]:
    """West, south, east, north of the points of villages, degrees."""
    x, y = rows["longitude"], rows["latitude"]
    return [round(float(edge), 3) for edge in (x.min(), y.min(), x.max(), y.max())]


def labels(reading: Reading, kinds: Sequence[str] = WIDE) -> dict[str, list[list[Any]]]:
    """Kind of area → rows of code, name, longitude and latitude of its middle, degrees."""
    return {kind: _labels(reading, *_NAMED[kind]) for kind in kinds}


def _labels(reading: Reading, column: str, length: int) -> list[list[Any]]:
    villages = reading.layers.villages
    groups = villages.groupby(villages["adm4_code"].str[:length], sort=True)
    table = groups.agg({column: "first", "longitude": "median", "latitude": "median"})
    return [
        [code, name, round(float(x), 3), round(float(y), 3)]
        for code, name, x, y in table.itertuples(name=None)
    ]
