"""The groups of a version, one for each regency and level: area, people, and what is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kentongan.reach import NOTHING_KNOWN, Help, Reach, VillageReach
from kentongan.types import HazardId, Level
from notify.area.cover import cover
from notify.area.geocodes import Counts, coarsest, count
from notify.area.names import plain_name, short_regency
from notify.area.villages import Geometry, rows_of, split
from notify.warning import AreaGroup, Broadcast, Ring, WarningBody, Wording
from notify.wording import texts
from notify.wording.language import FALLBACK, facts, spoken_languages

if TYPE_CHECKING:
    import pandas as pd

Facts = Mapping[str, Mapping[str, Any]]
"""adm4_code -> exposed_people, uncovered_people, onset, data_quality."""

MAX_POINTS = 60
"""Assembly points named in one group; villages of further ones are told to go without a name.
It bounds how many texts a warning has: 514 regencies, three levels, two languages."""
_WORKERS = 2
_MANY = 8
"""Groups from which polygons are worth two threads (shapely lets go of the lock)."""


class Place(NamedTuple):
    district: str
    regency: str
    province: str
    utc_offset: int


class AreaBook:
    """Names, counts and polygons of villages; polygons of the version before where unchanged."""

    def __init__(
        self,
        areas: pd.DataFrame,
        *,
        geometry: Geometry | None = None,
        before: WarningBody | None = None,
    ) -> None:
        self._areas, self._geometry = areas, geometry
        self.counts: Counts = count(areas["adm4_code"].tolist())
        self._known = {g.codes: g.polygons for g in before.groups} if before else {}

    def places(self, codes: Sequence[str]) -> dict[str, Place]:
        rows = rows_of(self._areas, codes)
        names = ("adm3_name", "adm2_name", "adm1_name", "utc_offset")
        columns = (rows[name].tolist() for name in names)
        return dict(zip(codes, map(Place, *columns), strict=True))

    def polygons(self, parts: Iterable[tuple[str, ...]]) -> list[tuple[Ring, ...]]:
        """Rings of each part."""
        wanted = list(parts)
        if len(wanted) < _MANY:
            return [self._rings(codes) for codes in wanted]
        with ThreadPoolExecutor(_WORKERS) as pool:
            return list(pool.map(self._rings, wanted))

    def _rings(self, codes: tuple[str, ...]) -> tuple[Ring, ...]:
        known = self._known.get(codes)
        if known:
            return known
        return cover(self._geometry(codes)) if self._geometry is not None else ()


def grouped(
    body: WarningBody,
    known: Facts,
    book: AreaBook,
    *,
    at: datetime,
    again: set[str],
    reach: Reach,
) -> tuple[AreaGroup, ...]:
    """One group for each regency and level, with its texts.

    Args:
        known: of every village that the body names.
        again: villages that were warned before.
    """
    told = set(body.told)
    parts = split([*{*body.levels, *told}], body.levels)
    places = book.places(sorted(known))
    rings = book.polygons(tuple(codes) for codes in parts.values())
    plain = [
        _group(level, {c: places[c] for c in codes}, known, told=told, again=again, book=book)
        for (_, level), codes in parts.items()
    ]
    whole = _whole_provinces(plain, book.counts)
    return tuple(
        _said(
            body,
            group.model_copy(
                update={
                    "polygons": shape,
                    "whole_province": (group.codes[0][:2], group.level) in whole,
                }
            ),
            at=at,
            reach=reach,
        )
        for group, shape in zip(plain, rings, strict=True)
    )


def _group(
    level: int,
    places: Mapping[str, Place],
    known: Facts,
    *,
    told: set[str],
    again: set[str],
    book: AreaBook,
) -> AreaGroup:
    codes = tuple(places)
    adm2_code, first = codes[0][:5], places[codes[0]]
    districts = {code[:8]: place.district for code, place in places.items()}
    arrivals = [known[c]["onset"] for c in codes if known[c]["onset"] is not None]
    return AreaGroup(
        adm2_code=adm2_code,
        adm2_name=short_regency(first.regency),
        adm1_name=first.province,
        geocodes=tuple(coarsest(codes, book.counts)),
        level=level,
        codes=codes,
        told=tuple(code for code in codes if code in told),
        districts=tuple(dict.fromkeys(districts.values())),
        whole_regency=len(districts) == book.counts.districts[adm2_code],
        utc_offset=first.utc_offset,
        exposed_people=sum(known[c]["exposed_people"] for c in codes) if level else 0,
        uncovered_people=sum(known[c]["uncovered_people"] for c in codes) if level else 0,
        arrival=min(arrivals, default=None),
        again=any(code in again for code in codes),
    )


def _whole_provinces(groups: Sequence[AreaGroup], counts: Counts) -> set[tuple[str, int]]:
    """(adm1_code, level) of which every regency is wholly warned at that level."""
    whole: dict[tuple[str, int], int] = {}
    for group in groups:
        if group.geocodes == (group.adm2_code,):
            key = (group.adm2_code[:2], group.level)
            whole[key] = whole.get(key, 0) + 1
    return {key for key, number in whole.items() if number == counts.regencies[key[0]]}


def _said(body: WarningBody, group: AreaGroup, *, at: datetime, reach: Reach) -> AreaGroup:
    """The group with everything that is said of it."""
    if body.hazard_id is not HazardId.TSUNAMI or (group.arrival and group.arrival <= at):
        group = group.model_copy(update={"arrival": None})
    audiences = _audiences(body, group, reach)
    own = texts.speaker(body, group, at=at)
    ready = group.told and (body.is_end or body.action != "renew")
    update: dict[str, Any] = {
        "sms": own.text(reach=audiences[0][1]),
        "push_title": own.title(),
        "push_body": own.text(texts.PUSH_BODY, audiences[0][1]),
        "readiness": texts.readiness(body, group, at=at) if ready else "",
        "wordings": tuple(_wordings(body, group, audiences, at=at)),
    }
    if ready and group.uncovered_people and group.level >= Level.SIAGA:
        update["neighbours"] = reach.neighbours.get(group.adm2_code, ())
        update["gap"] = texts.gap(body, group, at=at)
        update["bpbd"] = texts.bpbd(body, group, at=at)
    return group.model_copy(update=update)


def broadcasts(
    body: WarningBody, groups: Sequence[AreaGroup], *, at: datetime
) -> tuple[Broadcast, ...]:
    """For each level, highest first, and each language. Villages that an update leaves hear of it
    by message; only where nothing holds any more is that said to all."""
    holds = any(group.level for group in groups)
    said = [group for group in groups if group.level or not holds]
    levels = dict.fromkeys(group.level for group in said)
    return tuple(
        _broadcast(body, [g for g in said if g.level == level], code, at=at)
        for level in levels
        for code in spoken_languages()
    )


def _broadcast(
    body: WarningBody, groups: Sequence[AreaGroup], code: str, *, at: datetime
) -> Broadcast:
    one = texts.level_speaker(body, groups, at=at, code=code)
    return Broadcast(
        level=groups[0].level,
        language=code,
        short=one.brief(),
        long=one.text(texts.CB_LONG),
        speech=one.speech(),
    )


_SAID = (Help.COMING, Help.CLEARED)
"""What is said to those alone for whom it is true."""
Audience = tuple[tuple[str, ...], VillageReach]
"""Villages (none named: all others), and what is known of them."""


def _audiences(body: WarningBody, group: AreaGroup, reach: Reach) -> list[Audience]:
    """Who is told the same; the first entry is for all whom no other names.

    Villages count as alike by help and assembly point. What is told to most is told to all
    others too only where it is no promise and names no place.
    """
    leave = facts()[body.hazard_id].leave
    if leave is None or not leave <= group.level or not reach.villages:
        return [((), NOTHING_KNOWN)]
    alike: dict[tuple[str, str], list[str]] = {}
    for code in group.codes:
        found = reach.of(code)
        told_where = found.help not in (Help.COMING, Help.CLEARED)
        point = plain_name(found.point) if found.point and told_where else ""
        alike.setdefault((str(found.help), point), []).append(code)
    rest = VillageReach(help=Help.ALONE)
    named = sorted(
        (item for item in alike.items() if item[0][0] in _SAID or item[0][1]),
        key=lambda item: (-len(item[1]), item[0]),
    )
    return [
        ((), rest),
        *(
            (tuple(codes), VillageReach(help=Help(help_), point=point))
            for (help_, point), codes in named[:MAX_POINTS]
        ),
    ]


def _wordings(
    body: WarningBody, group: AreaGroup, audiences: Sequence[Audience], *, at: datetime
) -> Iterable[Wording]:
    """All but the Indonesian text for the rest, which is the group's own."""
    for code in spoken_languages():
        one = texts.speaker(body, group, at=at, code=code)
        title = one.title()
        for villages, known in audiences:
            if code == FALLBACK and not villages:
                continue
            yield Wording(
                language=code,
                villages=villages,
                help=str(known.help) if villages else "",
                point=known.point,
                sms=one.text(reach=known),
                push_title=title,
                push_body=one.text(texts.PUSH_BODY, known),
            )
