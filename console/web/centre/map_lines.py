"""What stands beside the live map in words: warnings by urgency, feeds, areas not known.

From tables alone, so that the words of a page do not wait for layers to load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, func, select

from console import words
from console.warning_lines import by_urgency
from console.web.reading import Reading
from kentongan.db import warning_states, warnings
from kentongan.times import parse_instant
from kentongan.types import WarningState
from kentongan.view import FeedLine, UnknownArea, WarningLine
from notify import versions
from notify.versions import Version
from notify.warning import AreaGroup, WarningRef
from orchestration.live_map.held import held_at as warnings_at
from orchestration.live_map.moment import Moment
from orchestration.warning_line import warning_line

OPEN = (WarningState.RELEASED, WarningState.APPROVED, WarningState.DRAFT)
SILENT_S = 180.0
"""A cycle runs each minute; data/policy/deadman.toml gives it the same time."""
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
    keys = _open(reading) if live else _then(reading, at)
    with reading.engine.connect() as connection:
        held = [_held(connection, *key) for key in keys]
    found = [one for one in held if one is not None]
    return tuple(sorted(found, key=lambda one: by_urgency(one.line)))


_Key = tuple[str, int, str]
"""Warning, version, its state at the instant."""


def _open(reading: Reading) -> list[_Key]:
    last = (
        select(func.max(warning_states.c.id).label("id"))
        .group_by(warning_states.c.warning_id, warning_states.c.version)
        .subquery()
    )
    columns = (warning_states.c.warning_id, warning_states.c.version, warning_states.c.state)
    query = (
        select(*columns)
        .join(last, last.c.id == warning_states.c.id)
        .where(warning_states.c.state.in_(OPEN))
    )
    with reading.engine.connect() as connection:
        return [(row.warning_id, row.version, row.state) for row in connection.execute(query)]


def _then(reading: Reading, at: datetime) -> list[_Key]:
    found = warnings_at(reading.engine, Moment(at, reading.clock()))
    return [(one.warning_id, one.version, one.state) for one in found]


def _held(connection: Connection, warning_id: str, version: int, state: str) -> Held | None:
    """None: an end, which holds nowhere."""
    hashed = select(warnings.c.content_hash).where(
        warnings.c.warning_id == warning_id, warnings.c.version == version
    )
    slot = _slot(str(connection.execute(hashed).scalar_one()), warning_id, version)
    if not slot:
        slot.append(_read(versions.get(connection, warning_id, version)))
    found = slot[0]
    if found is None:
        return None
    alert = versions.alert_of(connection, WarningRef(warning_id, version, "", ""))
    sent = datetime.fromisoformat(alert.sent) if alert else None
    return replace(found, line=replace(found.line, state=state, sent=sent))


@lru_cache(maxsize=64)
def _slot(_digest: str, _warning_id: str, _version: int) -> list[Held | None]:
    """A version never changes, and one of 55,000 villages takes a second to read."""
    return []


def _read(version: Version) -> Held | None:
    if version.body.is_end or version.body.holds_nowhere:
        return None
    line = warning_line(version, None)
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
