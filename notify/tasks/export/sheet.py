"""What every file of tasks has in common: order, first line, mark, clean texts, lines of ways."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from kentongan.plan import ROADS, Leg
from notify.firewall.gate import mark_of
from notify.tasks.listing import (
    KINDS,
    TaskLine,
    by_coordinator,
    leg_words,
    moment,
    summary,
    words_of,
)
from notify.wording.phrases import LEVEL_WORDS

SOURCE = "Sumber data: BMKG"
ASKED = "Tugas adalah permintaan; keselamatan tim didahulukan."
TEXT_CHARS = 200
"""Of one name: the longest real name of a village has 38."""
NOTE_CHARS = 1_500
"""Of a note: it holds what keeps a team alive, and must not be cut before that."""
LEG_LINES = 12
"""Legs of a task that are told in words; a map has them all."""
_NOWHERE = datetime.min.replace(tzinfo=UTC)
Point = tuple[float, float]


@dataclass(frozen=True)
class Amounts:
    """Minimum needs of one shelter, as far as this list puts people there."""

    shelter: str
    people: int
    hall_m2: int
    needs: tuple[str, ...]
    """`air minum 1.050 liter tiap minggu`."""


@dataclass(frozen=True)
class Way:
    """One leg on a map."""

    line: TaskLine
    leg: Leg
    points: tuple[Point, ...]
    """Longitude, latitude from the village to the shelter; at least two."""
    thinned: bool
    """Points were left out, so that the file stays small."""

    @property
    def is_straight(self) -> bool:
        return self.leg.way != ROADS


@dataclass(frozen=True)
class Sheet:
    title: str
    lines: tuple[TaskLine, ...]
    at: datetime
    needs: tuple[Amounts, ...] = ()
    left_out: int = 0
    """Less urgent tasks that are not in it."""

    @cached_property
    def status(self) -> str:
        """One line that is not about reality marks the whole."""
        return min((line.cap_status for line in self.lines), key=_REAL_LAST, default="Exercise")

    @property
    def mark(self) -> str:
        """`LATIHAN. `, `TES. `, or nothing."""
        return mark_of(self.status)

    @property
    def zone(self) -> int:
        return self.lines[0].zone_hours if self.lines else 7

    @property
    def first_line(self) -> str:
        left = f" {self.left_out} tugas lain tidak dimuat." if self.left_out else ""
        return f"{self.mark}{summary(self.lines)}{left}"

    @property
    def heading(self) -> str:
        return f"{self.mark}{clean(self.title)}"

    @property
    def made(self) -> str:
        return f"Keadaan {moment(self.at, self.zone)}. {ASKED} {SOURCE}"

    @cached_property
    def groups(self) -> dict[str, list[TaskLine]]:
        """Coordinator -> lines, the most urgent first."""
        return by_coordinator(sorted(self.lines, key=urgency))

    def ways(self, most_points: int) -> Iterator[Way]:
        """Legs that have a line, in the order of `groups`.

        Args:
            most_points: of all ways together; each keeps its two ends at least.
        """
        legs = sum(1 for line in self.lines for leg in line.legs if leg.line)
        most = max(2, most_points // max(1, legs))
        for lines in self.groups.values():
            for line in lines:
                for leg in line.legs:
                    points = tuple(point for point in leg.line if is_place(*point))
                    if len(points) > 1:
                        kept = thinned(points, most)
                        yield Way(line, leg, kept, len(kept) < len(points))


_REAL_LAST = {"Exercise": 0, "Test": 1, "Actual": 2}.__getitem__


def urgency(line: TaskLine) -> tuple[int, datetime, int, str]:
    """Highest level, then the nearest end (none: the hazard is there already), then most people."""
    return -line.level, line.deadline or _NOWHERE, -line.people, line.task_id


def is_place(longitude: float | None, latitude: float | None) -> bool:
    """Whether these are coordinates of WGS 84."""
    if longitude is None or latitude is None:
        return False
    finite = math.isfinite(longitude) and math.isfinite(latitude)
    return finite and abs(longitude) <= 180 and abs(latitude) <= 90


def place_of(line: TaskLine) -> Point | None:
    """Of the village; else where its first way begins."""
    if (
        line.longitude is not None
        and line.latitude is not None
        and is_place(line.longitude, line.latitude)
    ):
        return float(line.longitude), float(line.latitude)
    starts = (leg.line[0] for leg in line.legs if leg.line and is_place(*leg.line[0]))
    return next(starts, None)


def thinned(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """At most `most` of them, evenly, both ends among them."""
    if len(points) <= most:
        return points
    last = len(points) - 1
    return tuple(points[round(i * last / (most - 1))] for i in range(most))


def clean(text: str, *, most: int = TEXT_CHARS) -> str:
    """One line without what cannot be seen: controls, direction marks, halves of characters."""
    seen = (
        " " if c.isspace() else c
        for c in text[: most * 4]
        if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    one = " ".join("".join(seen).split())
    return one if len(one) <= most else f"{one[: most - 1]}…"


def title_of(line: TaskLine) -> str:
    return f"{mark_of(line.cap_status)}{line.task_id} {level_word(line)} {clean(line.village)}"


def level_word(line: TaskLine) -> str:
    return LEVEL_WORDS.get(line.level, str(line.level))


def facts_of(line: TaskLine) -> list[str]:
    """A task in words, one fact a line."""
    people = f"{line.people:,}".replace(",", ".")
    unmet = f"{line.unmet_people:,}".replace(",", ".")
    found = [
        f"{KINDS[line.kind]}, {words_of(line.state)}",
        f"{clean(line.village)}, Kec. {clean(line.district)}, {clean(line.regency)}",
        f"{people} jiwa, belum tertolong {unmet}",
    ]
    if line.deadline is not None:
        found.append(f"Selesai sebelum {moment(line.deadline, line.zone_hours)}")
    found += team_words(line)
    if line.note:
        found.append(f"Catatan: {clean(line.note, most=NOTE_CHARS)}")
    return found


def team_words(line: TaskLine) -> list[str]:
    """Who goes where, one leg a line."""
    eta = "" if line.eta_min is None else f", perjalanan {line.eta_min:.0f} menit"
    found = [f"Tim: {clean(line.team) or 'TIDAK ADA'}{eta}"]
    legs = [clean(leg_words(leg)) for leg in line.legs[:LEG_LINES]]
    if not legs and line.shelter:
        legs = [f"Tempat: {clean(line.shelter)}"]
    more = len(line.legs) - LEG_LINES
    return [*found, *legs, *([f"dan {more} penempatan lain"] if more > 0 else [])]


def shelters_of(ways: Sequence[Way]) -> dict[tuple[str, Point], int]:
    """(Name, place) -> people who are brought there."""
    found: dict[tuple[str, Point], int] = {}
    for way in ways:
        key = clean(way.leg.shelter or way.leg.shelter_id or "tempat tujuan"), way.points[-1]
        found[key] = found.get(key, 0) + way.leg.people
    return found
