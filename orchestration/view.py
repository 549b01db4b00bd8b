"""The situation at one instant, read from tables and layers, for maps and pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from kentongan.db import outbox, tasks
from kentongan.times import iso
from kentongan.types import OutboxState
from kentongan.view import (
    FeedLine,
    Mark,
    SituationView,
    TaskLine,
    UnknownArea,
    WarningLine,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from notify.life import ActiveWarning

    from orchestration.context import CycleContext

NEAR_KM = 60.0
"""Teams and shelters further from every warned village do not help a reader of the map."""


def situation(context: CycleContext, at: datetime, *, title: str = "") -> SituationView:
    """What is in force, who is reached, and what we are blind to, at `at`."""
    from notify.life import active_warnings

    held = active_warnings(context.engine, at)
    villages = _villages(context, held)
    return SituationView(
        at=at,
        mode=str(context.settings.mode),
        re_creation=context.re_creation,
        title=title or f"Situasi {iso(at)}",
        feeds=feed_lines(context.engine, at),
        warnings=tuple(_warning_line(context, w) for w in held),
        villages=villages,
        teams=_near(context.layers.teams, villages),
        shelters=_near(context.layers.shelters, villages),
        tasks=task_lines(context, [w.warning_id for w in held]),
        unknown_areas=unknown_area_lines(context, at),
        marks=_marks(context, held),
        layers_note=layers_note(context),
        messages=message_counts(context.engine),
    )


def feed_lines(engine: Engine, at: datetime) -> tuple[FeedLine, ...]:
    from ingest.health import feed_health

    return tuple(
        FeedLine(
            source_id=h.source_id,
            title=h.title,
            state=str(h.state) if h.last_poll else "unknown",
            newest=h.newest,
            blind_since=h.blind_since,
            detail=h.detail,
            credit=h.credit,
        )
        for h in feed_health(engine, at)
    )


def layers_note(context: CycleContext) -> str:
    """One line on where people and shapes come from."""
    kinds = context.layers.villages["data_quality"].value_counts().to_dict()
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    return f"Lapisan {context.layers.version}: {counts} (desa)"


def unknown_area_lines(context: CycleContext, at: datetime) -> tuple[UnknownArea, ...]:
    """Provinces that BMKG warns while the area is not known to us."""
    from ingest.known import unknown_areas

    return tuple(_unknown_area(context, item) for item in unknown_areas(context.engine, at))


def _unknown_area(context: CycleContext, item: Any) -> UnknownArea:
    villages = context.layers.villages
    inside = villages[villages["adm4_code"].str.startswith(f"{item.province_code}.")]
    known = bool(item.province_code) and len(inside) > 0
    return UnknownArea(
        province_code=item.province_code,
        province=str(inside["adm1_name"].iloc[0]) if known else item.title,
        title=item.title,
        until=item.until,
        zone_hours=int(inside["utc_offset"].mode().iloc[0]) if known else 7,
        longitude=float(inside["longitude"].median()) if known else None,
        latitude=float(inside["latitude"].median()) if known else None,
    )


def _warning_line(context: CycleContext, held: ActiveWarning) -> WarningLine:
    codes = sorted(held.levels)
    rows = _rows(context, codes)
    return WarningLine(
        warning_id=held.warning_id,
        version=held.version,
        event_id=held.event_id,
        hazard_id=held.hazard_id,
        title=held.body.title,
        level=held.level,
        state=held.state,
        msg_type=held.msg_type,
        cap_status=held.cap_status,
        sent=held.sent,
        expires=held.expires,
        villages=len(codes),
        people=int(rows["people"].sum()),
        exposed=held.body.exposed_people,
        uncovered=held.body.uncovered_people,
        identifier=held.identifier,
        cap_path=held.cap_path,
        areas=tuple(dict.fromkeys(rows["adm2_name"].astype(str))),
        zone_hours=int(rows["utc_offset"].mode().iloc[0]) if len(rows) else 7,
        notes=_notes(held),
    )


def _notes(held: ActiveWarning) -> tuple[str, ...]:
    notes = [held.body.reason]
    if held.body.unresolved:
        notes.append("wilayah tidak dikenali: " + "; ".join(held.body.unresolved))
    if held.body.linked_event_id:
        notes.append(f"terkait {held.body.linked_event_id}")
    return tuple(notes)


def _rows(context: CycleContext, codes: Sequence[str]) -> pd.DataFrame:
    return context.layers.villages.iloc[context.layers.index(list(codes))]


def _villages(context: CycleContext, held: Sequence[ActiveWarning]) -> gpd.GeoDataFrame:
    """Columns of `kentongan.view.VILLAGES`, the highest level of any warning."""
    import geopandas as gpd
    import numpy as np
    import pandas as pd

    from orchestration.event_store import read_impact, stored

    table: dict[str, dict[str, Any]] = {}
    for warning in held:
        event = stored(context.engine, warning.event_id)
        impact = read_impact(context.runs, event.impact_path) if event else pd.DataFrame()
        impact = impact.set_index("adm4_code") if len(impact) else impact
        for code, level in warning.levels.items():
            if code in table and table[code]["level"] >= level:
                continue
            row = impact.loc[code] if code in impact.index else {}
            table[code] = {
                "level": level,
                "hazard_id": warning.hazard_id,
                "exposed": int(row.get("exposed_people", 0)),
                "uncovered": int(row.get("uncovered_people", 0)),
                "team_minutes": float(row.get("team_minutes", np.nan)),
            }
    codes = sorted(table)
    rows = _rows(context, codes)
    index = context.layers.index(codes)
    return gpd.GeoDataFrame(
        {
            "adm4_code": codes,
            "name": rows["name"].to_numpy(),
            "district": rows["adm3_name"].to_numpy(),
            "regency": rows["adm2_name"].to_numpy(),
            "level": np.array([table[c]["level"] for c in codes], dtype="int8"),
            "hazard_id": [table[c]["hazard_id"] for c in codes],
            "people": rows["people"].to_numpy(),
            "exposed": np.array([table[c]["exposed"] for c in codes], dtype="int64"),
            "uncovered": np.array([table[c]["uncovered"] for c in codes], dtype="int64"),
            "team_minutes": np.array([table[c]["team_minutes"] for c in codes], dtype="float32"),
        },
        geometry=list(context.layers.geometry[index]),
        crs="EPSG:4326",
    )


def _near(places: pd.DataFrame, villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """Rows of `places` within `NEAR_KM` of a warned village (box of degrees, then distance)."""
    import numpy as np
    from scipy.spatial import cKDTree

    if not len(villages):
        return places.iloc[:0]
    points = villages.geometry.representative_point()
    tree = cKDTree(np.column_stack([points.x, points.y]))
    # 111 km a degree; Indonesia lies within 11 degrees of the equator (2 % in longitude).
    reach = NEAR_KM / 111.0
    distance, _ = tree.query(
        places[["longitude", "latitude"]].to_numpy(), distance_upper_bound=reach
    )
    return places[np.isfinite(distance)]


def task_lines(context: CycleContext, warning_ids: Sequence[str]) -> tuple[TaskLine, ...]:
    """Tasks of these warnings, the most urgent first."""
    query = (
        select(tasks)
        .where(tasks.c.warning_id.in_(list(warning_ids)))
        .order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    )
    with context.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(_task_line(context, dict(row)) for row in rows)


def _task_line(context: CycleContext, row: dict[str, Any]) -> TaskLine:
    village = _rows(context, [row["adm4_code"]]).iloc[0]
    return TaskLine(
        task_id=row["task_id"],
        warning_id=row["warning_id"],
        kind=row["kind"],
        level=row["level"],
        adm4_code=row["adm4_code"],
        village=village["name"],
        district=village["adm3_name"],
        regency=village["adm2_name"],
        people=row["people"],
        unmet_people=row["unmet_people"],
        team_id=row["team_id"],
        team=_name(context.layers.teams, "team_id", row["team_id"]),
        shelter_id=row["shelter_id"],
        shelter=_name(context.layers.shelters, "shelter_id", row["shelter_id"]),
        coordinator_id=row["coordinator_id"],
        eta_min=row["eta_min"],
        state=row["state"],
        after=row["body"].get("after", ""),
        note=row["body"].get("note", ""),
    )


def _name(table: pd.DataFrame, column: str, value: str | None) -> str:
    if value is None:
        return ""
    found = table.loc[table[column] == value, "name"]
    return str(found.iloc[0]) if len(found) else value


def message_counts(engine: Engine) -> dict[str, dict[str, int]]:
    """Channel -> state -> rows of the outbox."""
    query = select(outbox.c.channel, outbox.c.state, func.count()).group_by(
        outbox.c.channel, outbox.c.state
    )
    counts: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for channel, state, number in connection.execute(query):
            counts.setdefault(channel, {})[OutboxState(state).name.lower()] = number
    return counts


def _marks(context: CycleContext, held: Sequence[ActiveWarning]) -> tuple[Mark, ...]:
    """Epicentres of the quakes behind the warnings."""
    from orchestration.event_store import stored

    marks = []
    for warning in held:
        event = stored(context.engine, warning.event_id)
        evidence = event.event.evidence if event else {}
        if isinstance(evidence.get("latitude"), float) and isinstance(
            evidence.get("longitude"), float
        ):
            marks.append(Mark(evidence["longitude"], evidence["latitude"], event.event.title))  # type: ignore[union-attr, arg-type]
    return tuple(dict.fromkeys(marks))
