"""Which solutions are the same quake, and which of them is the best.

BMKG re-issues a quake with a changed origin, place and magnitude; identity is therefore a
window, never an exact time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from kentongan.records import Bulletin, CatalogueQuake, Detection, Felt, Quake, Record, ShakeGrid
from kentongan.times import compact
from kentongan.types import DocumentStatus
from processing.quake_history import Found, Statement, in_order, statement

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the IUGG sphere."""

SAME_ORIGIN_SECONDS = 30.0
SAME_PLACE_KM = 100.0
SAME_MAGNITUDE = 1.0
"""Window of one quake: measured between BMKG and USGS over West Java, 2008-2023, recall 98.5 %,
1.71 false merges per 1,000 (ramirezzServer/siaga ADR 0008). Revisions within BMKG lie closer
(10 s, 50 km), but fast solutions of great quakes move further: Flores, 15 August 2026, by 0.7 in
magnitude."""

MAGNITUDES = (0.0, 9.5)
"""9.5 is the largest on record (Chile 1960); above it the intensity equation is not monotone."""
DEPTHS_KM = (0.0, 800.0)
"""The deepest quakes on record lie near 700 km."""

_STATUS_RANK = {DocumentStatus.ACTUAL: 0, DocumentStatus.EXERCISE: 1, DocumentStatus.TEST: 2}
Floats = npt.NDArray[np.float64]
Located = Quake | Found
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Past:
    """What earlier cycles know, so that a quake keeps its name and the newest word wins."""

    issued_ids: frozenset[str] = frozenset()
    """Event ids given before: a quake that had one keeps it."""
    known_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """(source_id, key) of a record → when it was first read. The quake lists carry no time of
    issue; without this the later origin counts as the newer solution."""


NO_PAST = Past()


@dataclass(frozen=True)
class Solution:
    """One author's statement of one quake."""

    quake: Quake
    issued: datetime
    """When it was said: `sent` of a bulletin, else when first read, else the document's time; where
    another feed said the same figures before, as of then: a feed that lags brings nothing newer."""
    known: datetime
    """When it was first read, else `issued`."""
    received: datetime | None
    """When it was first read; None: not on record."""
    key: str
    """Of the record that carries it: the bulletin's, or the quake's own."""
    source_id: str
    sha256: str
    status: DocumentStatus
    re_creation: bool
    bulletin: Bulletin | None = None


@dataclass(frozen=True)
class KnownGrid:
    grid: ShakeGrid
    known: datetime
    """When it was first read, else when it was processed."""


@dataclass(frozen=True)
class QuakeGroup:
    """All that is known of one quake; `solutions` from the first to the newest."""

    event_key: str
    """`20260814T215823Z`: origin of the first known solution; `-test` if not actual."""
    solutions: tuple[Solution, ...]
    unannounced: tuple[Statement, ...] = ()
    """Detections, ShakeMaps and catalogue rows that are of it; no figure of these is used."""
    grids: tuple[KnownGrid, ...] = ()
    """BMKG's ShakeMap grids of it, no exercises."""

    @property
    def best(self) -> Solution:
        """The newest whose figures can be of a quake; if there is none, the newest."""
        return best_of(self.solutions) or self.solutions[-1]

    @property
    def history(self) -> tuple[Statement, ...]:
        """Every solution from every feed, in the order in which it was said."""
        said = (statement(s.bulletin or s.quake, s.received) for s in self.solutions)
        return in_order([*said, *self.unannounced])

    @property
    def felt(self) -> tuple[Felt, ...]:
        entries = {(f.place, f.mmi_low, f.mmi_high) for s in self.solutions for f in s.quake.felt}
        return tuple(Felt(place=p, mmi_low=a, mmi_high=b) for p, a, b in sorted(entries))

    @property
    def status(self) -> DocumentStatus:
        return worst_status([solution.status for solution in self.solutions])

    @property
    def re_creation(self) -> bool:
        return any(solution.re_creation for solution in self.solutions)

    @property
    def observations(self) -> tuple[str, ...]:
        return tuple(sorted({solution.sha256 for solution in self.solutions}))


def distance_km(
    latitude: Floats | float,
    longitude: Floats | float,
    *,
    to_latitude: float,
    to_longitude: float,
) -> Floats:
    """Great-circle distance on the sphere (haversine), km; degrees in, any shape."""
    north, other = np.radians(latitude), math.radians(to_latitude)
    half_north = np.sin((north - other) / 2) ** 2
    half_east = np.sin(np.radians(np.asarray(longitude) - to_longitude) / 2) ** 2
    chord = half_north + np.cos(north) * math.cos(other) * half_east
    arc: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return arc


def worst_status(statuses: Sequence[DocumentStatus]) -> DocumentStatus:
    """Test before Exercise before Actual."""
    return max(statuses, key=_STATUS_RANK.__getitem__)


def plausible(quake: Quake) -> bool:
    """Whether the figures are known and can be of a quake at all; shaking needs both."""
    if quake.magnitude is None or quake.depth_km is None:
        return False
    return (
        MAGNITUDES[0] <= quake.magnitude <= MAGNITUDES[1]
        and DEPTHS_KM[0] <= quake.depth_km <= DEPTHS_KM[1]
        and abs(quake.latitude) <= 90
        and abs(quake.longitude) <= 180
    )


def can_shake(quake: Quake) -> bool:
    """Whether an intensity can be computed: a depth that is not published can be assumed."""
    depth = DEPTHS_KM[0] if quake.depth_km is None else quake.depth_km
    return plausible(quake.model_copy(update={"depth_km": depth}))


def best_of(said: Sequence[Solution]) -> Solution | None:
    """The newest whose figures can be of a quake, of those without a depth if need be."""
    for usable in (plausible, can_shake):
        found = [one for one in said if usable(one.quake)]
        if found:
            return found[-1]
    return None


def same_origin(a: Located, b: Located) -> bool:
    """Within 30 s and 100 km."""
    if abs((a.origin_time - b.origin_time).total_seconds()) > SAME_ORIGIN_SECONDS:
        return False
    apart = distance_km(a.latitude, a.longitude, to_latitude=b.latitude, to_longitude=b.longitude)
    return bool(apart <= SAME_PLACE_KM)


def same_quake(a: Located, b: Located) -> bool:
    """Within 30 s, 100 km and 1.0 in magnitude; an unknown magnitude speaks for no difference."""
    if a.magnitude is None or b.magnitude is None:
        return same_origin(a, b)
    return same_origin(a, b) and abs(a.magnitude - b.magnitude) <= SAME_MAGNITUDE + 1e-9


def figures(quake: Quake) -> tuple[float, float]:
    """Magnitude and depth (km) of a plausible quake.

    Raises:
        DataError: either is not known.
    """
    if quake.magnitude is None or quake.depth_km is None:
        raise DataError(f"quake {quake.key}: expected magnitude and depth, found one not known")
    return quake.magnitude, quake.depth_km


def connected(items: Sequence[_Item], same: Callable[[_Item, _Item], bool]) -> list[list[_Item]]:
    """Groups in which each item is the same as some other; independent of the order of items."""
    groups: list[list[_Item]] = []
    for item in items:
        joined = [group for group in groups if any(same(item, other) for other in group)]
        rest = [group for group in groups if not any(group is one for one in joined)]
        groups = [*rest, [member for group in joined for member in group] + [item]]
    return groups


def solutions(records: Sequence[Record], past: Past = NO_PAST) -> list[Solution]:
    """Every bulletin, and every statement of a quake that can shake, each once, oldest first."""
    said = [one for one in records if isinstance(one, Quake | Bulletin)]
    once = {(one.source_id, one.key, one.sha256): one for one in said}
    found = [_solution(one, past) for one in once.values()]
    usable = [one for one in found if one.bulletin or can_shake(one.quake)]
    return sorted(_said_first(usable), key=_order)


def _said_first(found: Sequence[Solution]) -> list[Solution]:
    """The same, each quake issued when another feed said its figures first.

    A bulletin keeps its own time, and so does a feed that comes back to figures of its own.
    """
    first: dict[tuple[object, ...], Solution] = {}
    for one in sorted(found, key=_order):
        first.setdefault(_said(one), one)
    return [_as_first(one, first[_said(one)]) for one in found]


def _as_first(one: Solution, first: Solution) -> Solution:
    own = one.bulletin is not None or one.source_id == first.source_id
    return one if own else replace(one, issued=first.issued)


def _said(solution: Solution) -> tuple[object, ...]:
    quake = solution.quake
    where = quake.latitude, quake.longitude, quake.depth_km
    return solution.status, quake.origin_time, *where, quake.magnitude


def _solution(record: Quake | Bulletin, past: Past) -> Solution:
    bulletin = record if isinstance(record, Bulletin) else None
    known = past.known_at.get((record.source_id, record.key))
    issued = bulletin.sent if bulletin else known or record.document_time
    quake = record.quake if isinstance(record, Bulletin) else record
    return Solution(
        quake=quake,
        issued=issued,
        known=known or issued,
        received=known,
        key=record.key,
        source_id=record.source_id,
        sha256=record.sha256,
        status=worst_status([record.status, quake.status]),
        re_creation=record.re_creation or quake.re_creation,
        bulletin=bulletin,
    )


def _order(solution: Solution) -> tuple[datetime, datetime, str, str, str]:
    return solution.issued, solution.known, solution.source_id, solution.key, solution.sha256


def quake_groups(
    records: Sequence[Record],
    *,
    same: Callable[[Located, Located], bool] = same_quake,
    past: Past = NO_PAST,
    prefix: str = "shaking-",
) -> list[QuakeGroup]:
    """Solutions gathered into quakes, in order of `event_key`.

    Documents of different status never meet: a test can neither raise nor silence what is
    actual. Detections, ShakeMaps and rows of the catalogue join the nearest quake that they may be
    of; alone they make none.

    Args:
        records: any records; what is of no quake is passed over.
        same: whether two statements are of one quake.
        past: ids and times of earlier cycles.
        prefix: of the ids.
    """
    every = solutions(records, past)
    groups = [
        QuakeGroup(_event_key(members, past, prefix), tuple(members))
        for status in DocumentStatus
        for group in connected(
            [s for s in every if s.status is status], lambda a, b: same(a.quake, b.quake)
        )
        for members in [sorted(group, key=_order)]
    ]
    groups = _with_unannounced(groups, records, same=same, past=past)
    return sorted(groups, key=lambda group: (group.event_key, _order(group.solutions[0])))


def _with_unannounced(
    groups: Sequence[QuakeGroup],
    records: Sequence[Record],
    *,
    same: Callable[[Located, Located], bool],
    past: Past,
) -> list[QuakeGroup]:
    joined: dict[int, list[Statement]] = {}
    grids: dict[int, dict[str, KnownGrid]] = {}
    for record in records:
        if not isinstance(record, Detection | CatalogueQuake | ShakeGrid):
            continue
        received = past.known_at.get((record.source_id, record.key))
        for index in _nearest(groups, record, same):
            joined.setdefault(index, []).append(statement(record, received))
            if isinstance(record, ShakeGrid) and not record.exercise:
                known = KnownGrid(record, received or record.document_time)
                grids.setdefault(index, {})[record.sha256] = known
    return [
        replace(group, unannounced=in_order(joined[index]), grids=_by_time(grids.get(index, {})))
        if index in joined
        else group
        for index, group in enumerate(groups)
    ]


def _by_time(grids: Mapping[str, KnownGrid]) -> tuple[KnownGrid, ...]:
    return tuple(grids[name] for name in sorted(grids, key=lambda name: (grids[name].known, name)))


def _nearest(
    groups: Sequence[QuakeGroup], found: Found, same: Callable[[Located, Located], bool]
) -> list[int]:
    """Index of the group with the nearest origin among those of which `found` may be; or none."""
    apart = {
        index: min(abs(s.quake.origin_time - found.origin_time) for s in group.solutions)
        for index, group in enumerate(groups)
        if group.status is found.status and any(same(s.quake, found) for s in group.solutions)
    }
    return sorted(apart, key=lambda index: (apart[index], groups[index].event_key))[:1]


def _event_key(members: Sequence[Solution], past: Past, prefix: str) -> str:
    keys = [_key_of(member) for member in sorted(members, key=lambda s: (s.known, _order(s)))]
    return next((key for key in keys if f"{prefix}{key}" in past.issued_ids), keys[0])


def _key_of(solution: Solution) -> str:
    origin = compact(solution.quake.origin_time)
    if solution.status is DocumentStatus.ACTUAL:
        return origin
    return f"{origin}-{solution.status.lower()}"


def magnitude_words(quake: Quake) -> str:
    """`Gempa M5,6 kedalaman 11 km`; `tidak diketahui` for what is not known."""
    magnitude = "magnitudo tidak diketahui"
    if quake.magnitude is not None:
        magnitude = f"M{quake.magnitude:.1f}".replace(".", ",")
    depth = "tidak diketahui" if quake.depth_km is None else f"{quake.depth_km:.0f} km"
    return f"Gempa {magnitude} kedalaman {depth}"
