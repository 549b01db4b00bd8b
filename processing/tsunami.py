"""Tsunami: InaTEWS' bulletins relayed. Nothing here without a bulletin, ever.

Levels rise with each bulletin and fall only with PD-4: a zone's absence from a later bulletin
is no all-clear, and a zone written twice counts once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.policy import LevelPolicy, TsunamiRules
from kentongan.records import Bulletin, GaugeReading, Record, TsunamiZone
from kentongan.types import HazardId, Level, TsunamiStatus
from processing.gazetteer import Gazetteer, ZoneArea
from processing.quakes import NO_PAST, Past, QuakeGroup, magnitude_words, quake_groups, same_origin
from processing.zones import ZoneRow, zones_frame

METHOD = "inatews-relay/1"
PREFIX = "tsunami-"
LEVELS = {
    TsunamiStatus.WASPADA: Level.WASPADA,
    TsunamiStatus.SIAGA: Level.SIAGA,
    TsunamiStatus.AWAS: Level.AWAS,
}
"""InaTEWS' words are another scale than ours; this is the only place where they meet."""


@dataclass(frozen=True)
class _Reading:
    """Zones of every bulletin of one event, resolved and gathered."""

    rows: tuple[ZoneRow, ...]
    unresolved: tuple[str, ...]
    notes: tuple[str, ...]
    names: int


def tsunami_groups(records: Sequence[Record], *, past: Past = NO_PAST) -> list[QuakeGroup]:
    """Bulletins gathered by origin (30 s, 100 km; the magnitude may move freely)."""
    bulletins = [record for record in records if isinstance(record, Bulletin)]
    return quake_groups(bulletins, same=same_origin, past=past, prefix=PREFIX)


def tsunami_fields(
    records: Sequence[Record],
    *,
    at: datetime,
    policy: LevelPolicy,
    gazetteer: Gazetteer,
    past: Past = NO_PAST,
) -> list[HazardField]:
    """One field for each quake that InaTEWS has issued a bulletin for."""
    return [
        _field(group, at, policy.tsunami, gazetteer) for group in tsunami_groups(records, past=past)
    ]


def _bulletins(group: QuakeGroup) -> list[Bulletin]:
    return [s.bulletin for s in group.solutions if s.bulletin is not None]


def ended(bulletins: Sequence[Bulletin]) -> bool:
    """Whether the last word is PD-4. A bulletin sent at or after it re-opens the warning."""
    ends = [b.sent for b in bulletins if b.all_clear]
    others = [b.sent for b in bulletins if not b.all_clear]
    return bool(ends) and (not others or max(ends) > max(others))


def valid_to(sent: datetime, at: datetime, rules: TsunamiRules) -> datetime:
    """`sent` + `valid_hours`, prolonged by as many whole terms as silence demands.

    Silence never ends a tsunami warning, so the end moves on before it comes nearer than
    `renew_before_minutes`; between two such moments it stays the same.
    """
    term = timedelta(hours=rules.valid_hours)
    overdue = at + timedelta(minutes=rules.renew_before_minutes) - (sent + term)
    return sent + term * (1 + max(0, math.ceil(overdue / term)))


def _field(
    group: QuakeGroup, at: datetime, rules: TsunamiRules, gazetteer: Gazetteer
) -> HazardField:
    bulletins = _bulletins(group)
    reading = read_zones(bulletins, gazetteer)
    event = _event(group, bulletins, reading, at=at, rules=rules)
    return HazardField(
        event=event,
        rule=AreaRule.COAST_STRIP,
        zones=zones_frame(reading.rows),
        unresolved=reading.unresolved,
    )


def read_zones(bulletins: Sequence[Bulletin], gazetteer: Gazetteer) -> _Reading:
    """Rows by zone and area: highest level and earliest arrival over all bulletins.

    A name that leads nowhere goes to `unresolved` with its level; it is never spread over its
    province.
    """
    levels: dict[tuple[str, ZoneArea], Level] = {}
    arrivals: dict[str, datetime] = {}
    unresolved: dict[str, Level] = {}
    notes: dict[str, str] = {}
    for bulletin in bulletins:
        named = gazetteer.named((zone.province, zone.district) for zone in bulletin.zones)
        for zone in bulletin.zones:
            name, level = f"{zone.province}/{zone.district}", LEVELS[zone.level]
            found = gazetteer.resolve(zone.province, zone.district, named=named)
            for area in found.areas:
                levels[name, area] = max(level, levels.get((name, area), Level.NONE))
            if found.widened or not found.areas:
                unresolved[name] = max(level, unresolved.get(name, Level.NONE))
            if found.note:
                notes[name] = found.note
            _keep_earliest(arrivals, name, zone)
    return _Reading(
        rows=tuple(_rows(levels, arrivals)),
        unresolved=tuple(_unresolved(unresolved, notes)) or _nothing_named(bulletins),
        notes=tuple(f"{name}: {notes[name]}" for name in sorted(notes)),
        names=len({name for name, _ in levels} | set(unresolved)),
    )


def _keep_earliest(arrivals: dict[str, datetime], name: str, zone: TsunamiZone) -> None:
    if zone.arrival is not None:
        arrivals[name] = min(zone.arrival, arrivals.get(name, zone.arrival))


def _rows(
    levels: Mapping[tuple[str, ZoneArea], Level], arrivals: Mapping[str, datetime]
) -> list[ZoneRow]:
    ordered = sorted(levels, key=lambda one: (one[0], one[1].adm_codes, one[1].side))
    return [
        ZoneRow(
            zone=name,
            level=levels[name, area],
            adm_codes=area.adm_codes,
            side=area.side,
            onset=arrivals.get(name),
        )
        for name, area in ordered
    ]


def _unresolved(levels: Mapping[str, Level], notes: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {levels[name].name}: {notes.get(name, 'name not known')}"
        for name in sorted(levels)
    ]


def _nothing_named(bulletins: Sequence[Bulletin]) -> tuple[str, ...]:
    if any(bulletin.zones for bulletin in bulletins) or all(b.all_clear for b in bulletins):
        return ()
    return (f"zones of {bulletins[-1].label}: the bulletin names none",)


def _event(
    group: QuakeGroup,
    bulletins: Sequence[Bulletin],
    reading: _Reading,
    *,
    at: datetime,
    rules: TsunamiRules,
) -> HazardEvent:
    quake, newest, end = group.best.quake, bulletins[-1], ended(bulletins)
    arrivals = [z.arrival for b in bulletins for z in b.zones if z.arrival is not None]
    term = newest.sent + timedelta(hours=rules.valid_hours)
    return HazardEvent(
        event_id=f"{PREFIX}{group.event_key}",
        hazard_id=HazardId.TSUNAMI,
        level=_highest(bulletins),
        onset=min(arrivals, default=quake.origin_time),
        valid_from=newest.sent,
        valid_to=term if end else valid_to(newest.sent, at, rules),
        official_end=end,
        official=True,
        status=group.status,
        re_creation=group.re_creation,
        title=f"Peringatan dini tsunami, {magnitude_words(quake)}, {quake.place}",
        place=quake.place,
        method=METHOD,
        observations=group.observations,
        province_codes=_provinces(reading.rows),
        evidence=_evidence(group, bulletins, reading),
    )


def _highest(bulletins: Sequence[Bulletin]) -> Level:
    """Over every zone of every bulletin, found or not; a bulletin without zones is Waspada."""
    levels = [LEVELS[zone.level] for bulletin in bulletins for zone in bulletin.zones]
    warned = any(not bulletin.all_clear for bulletin in bulletins)
    return max(levels, default=Level.WASPADA if warned else Level.NONE)


def _provinces(rows: Sequence[ZoneRow]) -> tuple[str, ...]:
    return tuple(sorted({code[:2] for row in rows for code in row.adm_codes}))


def _evidence(
    group: QuakeGroup, bulletins: Sequence[Bulletin], reading: _Reading
) -> dict[str, str | float | int | bool | None]:
    newest, quake = bulletins[-1], group.best.quake
    highest = max(
        (gauge for bulletin in bulletins for gauge in bulletin.gauges),
        key=lambda gauge: (gauge.height_m, gauge.location),
        default=None,
    )
    return {
        "bulletin": newest.label,
        "bulletins": len({(b.label, b.sent) for b in bulletins}),
        "sent": newest.sent.isoformat(),
        "zones": reading.names,
        "zones_unresolved": len(reading.unresolved),
        "magnitude": quake.magnitude,
        "depth_km": quake.depth_km,
        "level_rule": "InaTEWS Waspada/Siaga/Awas = 2/3/4, highest of all bulletins until PD-4",
        "notes": "; ".join(reading.notes),
        **_gauge(highest),
    }


def _gauge(reading: GaugeReading | None) -> dict[str, str | float | int | bool | None]:
    if reading is None:
        return {"gauge_max_m": None, "gauge_max_place": None}
    return {"gauge_max_m": reading.height_m, "gauge_max_place": reading.location}
