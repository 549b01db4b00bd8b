"""One warning taken apart: what was seen, when, by whom, how it became levels and people."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from kentongan.db import feed_log, records
from kentongan.errors import DataError
from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.store import Store, archive_path
from kentongan.times import parse_instant
from kentongan.types import HazardId
from orchestration.event_store import StoredEvent, folder, read_impact, stored

if TYPE_CHECKING:
    import pandas as pd

    from notify.versions import Version
    from orchestration.context import CycleContext
    from risk.decision import LevelAccount
    from risk.explain import VillageAccount

_RULES = {HazardId.TSUNAMI: AreaRule.COAST_STRIP, HazardId.THUNDERSTORM: AreaRule.NOWCAST}


@dataclass(frozen=True)
class SourceLine:
    """One document that the warning rests on."""

    sha256: str
    source_id: str
    url: str
    received_at: datetime | None
    document_time: datetime | None
    """The newest time that the document states of itself."""
    age_minutes: float | None
    """Of the content when the warning version was made."""
    kept: bool
    """Whether the archive still holds the bytes."""


@dataclass(frozen=True)
class Explanation:
    version: Version
    event: HazardEvent
    field_hash: str
    layers_version: str
    same_layers: bool
    """Whether the set that is loaded now is the one that the warning was computed with."""
    sources: tuple[SourceLine, ...]
    villages: int
    village: VillageAccount
    local: dict[str, Any]
    """What the field of an estimate says over the village itself; empty for other hazards."""
    decision: LevelAccount
    relations: tuple[dict[str, str], ...]
    """Rows of `event_links`, oldest first."""
    notes: tuple[str, ...]


def explain(context: CycleContext, warning_id: str, village: str | None = None) -> Explanation:
    """The newest version of a warning; one village of it in full.

    Args:
        village: adm4 code; none: the warned village with most people.

    Raises:
        DataError: no such warning, village, or the event's files are gone.
    """
    from notify.versions import newest
    from risk.explain import account

    with context.engine.connect() as connection:
        version = newest(connection, warning_id)
    if version is None:
        raise DataError(f"warning {warning_id}: not found; see: kentongan warning list")
    event = stored(context.engine, version.body.event_id)
    if event is None or not context.runs.exists(event.impact_path):
        raise DataError(
            f"event {version.body.event_id}: its impact table is gone; restore the home from a "
            "backup"
        )
    impact = read_impact(context.runs, event.impact_path)
    made_with = str(impact.attrs.get("layers", ""))
    row = _row(impact, version, village)
    same = made_with in ("", context.layers.version)
    field = load_field(context.runs, event)
    return Explanation(
        version=version,
        event=event.event,
        field_hash=event.field_hash,
        layers_version=made_with or context.layers.version,
        same_layers=same,
        sources=_sources(context, version),
        villages=len(version.body.levels),
        village=account(field, context.layers, row),
        local=_local(context, field, str(row["adm4_code"])),
        decision=_decision(context, event, version, impact, str(row["adm4_code"])),
        relations=_relations(context, event),
        notes=_notes(event, version, same=same),
    )


def _local(context: CycleContext, field: HazardField, code: str) -> dict[str, Any]:
    from orchestration.rain.cells import cells_for
    from orchestration.rain.fusion import ESTIMATES
    from orchestration.rain.local import near_villages, over_villages
    from processing.rain.policy import rain_policy

    if field.raster is None or field.event.official or field.event.hazard_id not in ESTIMATES:
        return {}
    found = over_villages(field.raster, context.layers, [code], rain_policy().levels)
    if field.event.hazard_id is not HazardId.RAIN:
        return found
    cells = cells_for(context, field.event.onset)
    return found | near_villages(cells, context.layers, [code])


def _decision(
    context: CycleContext, event: StoredEvent, version: Version, impact: pd.DataFrame, code: str
) -> LevelAccount:
    """The evidence that was kept with the drafted version; made again where it was not."""
    from notify.life import raised_at
    from orchestration.deciding import read_evidence
    from orchestration.event_runs import seen_runs
    from risk.decision import level_account, village_evidence

    rules, known = context.decision, event.event
    evidence = read_evidence(context.runs, event, rules)
    if evidence is None:
        evidence = village_evidence(known, impact, policy=context.levels, rules=rules)
    made = parse_instant(version.created_at)
    return level_account(
        code,
        evidence,
        impact,
        levels=version.body.levels,
        raised_at=raised_at(context.engine, version.warning_id, version.version, [code]).get(code),
        runs=seen_runs(context.engine, known.event_id, rules.hold.seen_cycles),
        rules=rules,
        source=known.method,
        age_minutes=(made - known.valid_from).total_seconds() / 60,
        never_falls=known.hazard_id in rules.hold.never_lowered,
    )


def _relations(context: CycleContext, event: StoredEvent) -> tuple[dict[str, str], ...]:
    from orchestration.event_runs import links_of

    with context.engine.connect() as connection:
        return tuple(links_of(connection, [event.event.event_id]))


def _row(impact: pd.DataFrame, version: Version, village: str | None) -> dict[str, Any]:
    wanted = village or _most_people(impact, version)
    found = impact[impact["adm4_code"] == wanted]
    if found.empty:
        raise DataError(
            f"village {wanted}: not touched by event {version.body.event_id}; expected one of "
            f"{len(impact) - 1} villages, e.g. {impact['adm4_code'].iloc[0]}"
        )
    return {str(key): value for key, value in found.iloc[0].items()}


def _most_people(impact: pd.DataFrame, version: Version) -> str:
    warned = impact[impact["adm4_code"].isin(list(version.body.levels))]
    table = warned if len(warned) else impact
    order = table.sort_values(
        ["level", "exposed_people", "adm4_code"], ascending=[False, False, True]
    )
    return str(order["adm4_code"].iloc[0])


def load_field(store: Store, event: StoredEvent) -> HazardField:
    """The stored hazard field of an event.

    Raises:
        DataError: it is gone.
    """
    import geopandas as gpd
    import xarray as xr

    place = folder(event.event, event.field_hash)
    if store.exists(f"{place}/field.nc"):
        raster = xr.open_dataset(
            io.BytesIO(store.read(f"{place}/field.nc")), engine="scipy", mask_and_scale=False
        ).load()
        return HazardField(event.event, AreaRule.SHARE_OF_PEOPLE, raster=raster)
    if store.exists(f"{place}/zones.parquet"):
        zones = gpd.read_parquet(io.BytesIO(store.read(f"{place}/zones.parquet")))
        rule = _RULES.get(event.event.hazard_id, AreaRule.NOWCAST)
        return HazardField(event.event, rule, zones=zones)
    raise DataError(f"{store.uri(place)}: no field is stored there; restore it from a backup")


def _sources(context: CycleContext, version: Version) -> tuple[SourceLine, ...]:
    made = parse_instant(version.created_at)
    with context.engine.connect() as connection:
        lines = [
            _source(connection, context.archive, digest, made)
            for digest in version.body.observations
        ]
    return tuple(sorted(lines, key=lambda line: (line.source_id, line.sha256)))


def _source(connection: Connection, archive: Store, digest: str, made: datetime) -> SourceLine:
    from ingest.registry import SOURCES

    row = connection.execute(
        select(feed_log.c.source_id, feed_log.c.url, feed_log.c.polled_at)
        .where(feed_log.c.source_id.in_(list(SOURCES)), feed_log.c.sha256 == digest)
        .order_by(feed_log.c.id)
        .limit(1)
    ).first()
    if row is None:
        return SourceLine(digest, "?", "", None, None, None, kept=False)
    received = parse_instant(row.polled_at)
    stated = connection.execute(
        select(func.max(records.c.document_time)).where(
            records.c.source_id == row.source_id, records.c.sha256 == digest
        )
    ).scalar()
    when = parse_instant(stated) if stated else None
    age = (made - when).total_seconds() / 60 if when else None
    kept = archive.exists(archive_path(row.source_id, received, digest))
    return SourceLine(digest, row.source_id, row.url, received, when, age, kept)


def _notes(event: StoredEvent, version: Version, *, same: bool) -> tuple[str, ...]:
    notes = []
    if not same:
        notes.append(
            "the layer set that is loaded now is another one: cells and zones were counted again "
            "with it, levels and people are as stored"
        )
    if version.body.observations != event.event.observations:
        notes.append("the event is known better since this version: the newest field is shown")
    if version.body.unresolved:
        notes.append(f"names without an area: {', '.join(version.body.unresolved)}")
    return tuple(notes)
