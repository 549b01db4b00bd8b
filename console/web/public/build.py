"""From the tables to the documents of the open data. Pure but for `Released`, which keeps what it
read until a warning changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from console import words
from console.web.public import shapes
from console.web.public.shapes import Area, InForce, Warning, Word
from console.web.reading import Reading
from kentongan.types import WarningState
from notify.published import Line, Published, in_force, watermark
from notify.warning import AreaGroup

if TYPE_CHECKING:
    from kentongan.view import FeedLine
    from notify.registry.places import Place as KnownPlace
    from orchestration.live_map.not_known import NotKnown
    from processing.quakes import QuakeGroup


AHEAD = timedelta(minutes=5)
"""Clocks of two machines; a warning is not withheld because ours is late."""


class Released:
    """Warnings in force, read anew where a warning changed."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._lock = threading.Lock()
        self._kept: dict[bool, tuple[int, tuple[Published, ...]]] = {}

    def now(self, at: datetime, *, actual: bool) -> tuple[Published, ...]:
        with self.reading.engine.connect() as connection:
            mark = watermark(connection)
        with self._lock:
            kept = self._kept.get(actual)
            if kept is None or kept[0] != mark:
                found = tuple(in_force(self.reading.engine, actual=actual))
                kept = self._kept[actual] = (mark, found)
        return tuple(one for one in kept[1] if datetime.fromisoformat(one.alert.sent) <= at + AHEAD)


def word(table: dict[Any, tuple[str, str]], key: Any) -> Word:
    indonesian, english = table.get(key, (str(key), str(key)))
    return Word(id=indonesian, en=english)


def cap_path(status: str, identifier: str) -> str:
    return f"/cap{'' if status == 'Actual' else '-exercise'}/{identifier}.xml"


def warning(one: Published, url: str) -> Warning:
    """Args: url: of this installation, without a slash at its end."""
    body, alert = one.version.body, one.alert
    return Warning(
        identifier=alert.identifier,
        warning_id=one.version.warning_id,
        version=one.version.version,
        status=body.status,
        msg_type=body.msg_type,
        all_clear=body.action == "all-clear",
        state=one.version.state,
        in_force=one.version.state == WarningState.RELEASED and not body.is_end,
        hazard=cast(shapes.Hazard, str(body.hazard_id)),
        hazard_word=word(words.HAZARDS, str(body.hazard_id)),
        level=body.level,
        level_word=word(words.LEVELS, body.level),
        title=body.title,
        official=body.official,
        sent=datetime.fromisoformat(alert.sent),
        onset=body.onset,
        expires=body.expires,
        villages=len(body.levels),
        people_exposed=body.exposed_people,
        areas=tuple(_area(group) for group in body.groups),
        unresolved=body.unresolved,
        cap_url=f"{url}{cap_path(body.status, alert.identifier)}",
    )


def _area(group: AreaGroup) -> Area:
    return Area(
        code=group.adm2_code,
        name=group.adm2_name,
        province=group.adm1_name,
        level=group.level,
        villages=len(group.codes),
        people_exposed=group.exposed_people,
        geocodes=group.geocodes,
        districts=group.districts,
        text=group.sms,
        arrival=group.arrival,
    )


def archive_line(line: Line, url: str) -> shapes.ArchiveLine:
    return shapes.ArchiveLine(
        identifier=line.identifier,
        warning_id=line.warning_id,
        version=line.version,
        status=cast(Any, line.status),
        msg_type=cast(Any, line.msg_type),
        all_clear=line.all_clear,
        state=line.state,
        hazard=cast(shapes.Hazard, line.hazard_id),
        level=line.level,
        title=line.title,
        sent=line.sent,
        expires=line.expires,
        url=f"{url}/api/v1/warnings/{line.identifier}",
        cap_url=f"{url}{cap_path(line.status, line.identifier)}",
    )


def is_unknown(doubts: NotKnown, code: str, at: datetime) -> bool:
    """Whether something may be in force in an area that no warning tells of."""
    if doubts.is_old(at) or any(code.startswith(area.province_code) for area in doubts.areas):
        return True
    return any(f"{village}.".startswith(f"{code}.") for village in doubts.villages)


def within(held: Iterable[Published], code: str) -> list[InForce]:
    """What is in force in an area, each warning once, at its highest level there."""
    found = []
    for one in held:
        groups = [g for g in one.version.body.groups if g.level > 0 and _touches(g, code)]
        if groups:
            highest = max(groups, key=lambda group: group.level)
            found.append(_in_force(one, highest))
    return sorted(found, key=lambda f: (f.hazard != "tsunami", -f.level, f.identifier))


def _touches(group: AreaGroup, code: str) -> bool:
    """Whether any village of a group lies in an area."""
    if not (f"{group.adm2_code}.".startswith(f"{code}.") or code.startswith(group.adm2_code)):
        return False
    return any(f"{village}.".startswith(f"{code}.") for village in group.codes)


def _in_force(one: Published, group: AreaGroup) -> InForce:
    body = one.version.body
    return InForce(
        identifier=one.alert.identifier,
        hazard=cast(shapes.Hazard, str(body.hazard_id)),
        level=group.level,
        title=body.title,
        expires=body.expires,
        text=group.sms,
    )


def outlines(held: Sequence[Published], url: str) -> dict[str, Any]:
    """GeoJSON (RFC 7946): a feature for each area with a level, outlines as in CAP."""
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[[[x, y] for y, x in ring]] for ring in group.polygons],
            },
            "properties": {
                **_in_force(one, group).model_dump(mode="json"),
                "code": group.adm2_code,
                "area": group.adm2_name,
                "status": one.version.body.status,
                "cap_url": f"{url}{cap_path(one.version.body.status, one.alert.identifier)}",
                "credit": shapes.CREDIT,
            },
        }
        for one in held
        for group in one.version.body.groups
        if group.level > 0
    ]
    return {"type": "FeatureCollection", "features": features}


def feed(line: FeedLine) -> shapes.Feed:
    return shapes.Feed(
        source_id=line.source_id,
        title=words.feed_title(line),
        credit=line.credit,
        state=line.state,
        newest=line.newest,
        blind_since=line.blind_since,
    )


def place(known: KnownPlace) -> shapes.Place:
    return shapes.Place(
        code=known.code,
        name=known.name,
        kind=known.kind,
        district=known.district,
        regency=known.regency,
        province=known.province,
    )


def quake(group: QuakeGroup) -> shapes.Quake:
    best = group.best.quake
    return shapes.Quake(
        key=group.event_key,
        status=str(group.status),
        origin_time=best.origin_time,
        magnitude=best.magnitude,
        depth_km=best.depth_km,
        longitude=best.longitude,
        latitude=best.latitude,
        place=best.place,
    )
