"""The situation at one instant, read from tables and layers, for maps and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from kentongan.db import outbox, tasks
from kentongan.types import HazardId, OutboxState
from kentongan.view import (
    FeedLine,
    FeedPart,
    Mark,
    SituationView,
    TaskLine,
    UnknownArea,
    WarningLine,
)
from orchestration.warning_line import warning_line

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from ingest.health import FeedHealth
    from kentongan.settings import Settings
    from notify.listing import Listed
    from notify.warning import WarningBody
    from orchestration.context import CycleContext
    from risk.layers.layerset import LayerSet

NEAR_KM = 60.0
"""Teams and shelters further from every warned village do not help a reader of the map."""


def situation(context: CycleContext, at: datetime, *, title: str = "") -> SituationView:
    """What is in force, who is reached, and what we are blind to, at `at`."""
    from notify.listing import in_force

    held = in_force(context.engine, at)
    villages = _villages(context, held)
    return SituationView(
        at=at,
        mode=str(context.settings.mode),
        re_creation=context.re_creation,
        title=title or "Situasi bencana menurut Kentongan",
        feeds=feed_lines(context.engine, at, context.settings),
        warnings=tuple(_warning_line(context, w) for w in held),
        villages=villages,
        teams=_near(context.layers.teams, villages),
        shelters=_near(context.layers.shelters, villages),
        tasks=task_lines(context, [w.version.warning_id for w in held]),
        unknown_areas=unknown_area_lines(context, at),
        marks=_marks(context, held),
        layers_note=layers_note(context.layers),
        messages=message_counts(context.engine),
    )


def feed_lines(
    engine: Engine, at: datetime, settings: Settings | None = None
) -> tuple[FeedLine, ...]:
    """Every source of the registry; with `settings`, those that are not polled say so."""
    from ingest.health import feed_health
    from ingest.registry import configured

    polled = None if settings is None else configured(settings)
    return tuple(_feed_line(found) for found in feed_health(engine, at, polled=polled))


def _feed_line(found: FeedHealth) -> FeedLine:
    state = str(found.state) if found.last_poll else "unknown"
    return FeedLine(
        source_id=found.source_id,
        title=found.title,
        state=state if found.configured else "unconfigured",
        newest=found.newest,
        blind_since=found.blind_since,
        detail=found.detail,
        credit=found.credit,
        due_at=found.due_at,
        last_success=found.last_success,
        last_poll=found.last_poll,
        tier=found.tier,
        parts=tuple(
            FeedPart(part.name, str(part.state), part.newest, part.blind_since, part.detail)
            for part in found.parts
        ),
    )


def layers_note(layers: LayerSet) -> str:
    """One line on where people and shapes come from, and which hazards nothing is known of."""
    from orchestration.rain.reasons import NOT_ASSESSED

    kinds = layers.villages["data_quality"].value_counts().to_dict()
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    missing = [words for raster, words in NOT_ASSESSED if layers.raster(raster) is None]
    blind = f". TIDAK DINILAI, jadi bukan berarti aman: {', '.join(missing)}" if missing else ""
    return f"Lapisan {layers.version}: {counts} (desa){blind}."


def unknown_area_lines(context: CycleContext, at: datetime) -> tuple[UnknownArea, ...]:
    """Provinces that BMKG warns while the area is not known to us.

    Nowcast documents that could not be had or have no usable polygon, and zones of bulletins
    whose names lead to no area.
    """
    from ingest.known import unknown_areas

    return (
        *(
            _unknown_area(context, item.province_code, item.title, item.until)
            for item in unknown_areas(context.engine, at)
        ),
        *_unresolved_areas(context),
    )


def _unresolved_areas(context: CycleContext) -> Iterator[UnknownArea]:
    """Of an event that warns nobody, or of a tsunami: there each zone counts."""
    from notify.life import standing
    from orchestration.event_store import active, unresolved_of

    for stored in active(context.engine):
        event = stored.event
        names = unresolved_of(context.runs, stored) if event.official else []
        # A document without a usable polygon is in the list above.
        names = [name for name in names if not name.startswith("polygons of ")]
        held = standing(context.engine, event.event_id) if names else None
        if not names or (held and held.levels and event.hazard_id is not HazardId.TSUNAMI):
            continue
        title = f"{event.title}: {'; '.join(names)}"
        for code in event.province_codes or ("",):
            yield _unknown_area(context, code, title, event.valid_to)


def _unknown_area(
    context: CycleContext, province_code: str, title: str, until: datetime | None
) -> UnknownArea:
    villages = context.layers.villages
    inside = villages[villages["adm4_code"].str.startswith(f"{province_code}.")]
    known = bool(province_code) and len(inside) > 0
    return UnknownArea(
        province_code=province_code,
        province=str(inside["adm1_name"].iloc[0]) if known else title,
        title=title,
        until=until,
        zone_hours=int(inside["utc_offset"].mode().iloc[0]) if known else 7,
        longitude=float(inside["longitude"].median()) if known else None,
        latitude=float(inside["latitude"].median()) if known else None,
    )


def _warning_line(context: CycleContext, held: Listed) -> WarningLine:
    line = warning_line(held.version, held.alert)
    people = int(_rows(context, sorted(held.version.body.levels))["people"].sum())
    return replace(line, people=people)


def _rows(context: CycleContext, codes: Sequence[str]) -> pd.DataFrame:
    return context.layers.villages.iloc[context.layers.index(list(codes))]


def _villages(context: CycleContext, held: Sequence[Listed]) -> gpd.GeoDataFrame:
    """Columns of `kentongan.view.VILLAGES`; the warning with the highest level speaks."""
    import geopandas as gpd
    import pandas as pd

    parts = [_warned(context, listed.version.body) for listed in held]
    table = pd.concat(parts) if parts else _no_villages()
    table = (
        table.sort_values(["adm4_code", "level"], ascending=[True, False], kind="stable")
        .drop_duplicates("adm4_code")
        .reset_index(drop=True)
    )
    places = _rows(context, table["adm4_code"].tolist())
    for column, source in _PLACE_COLUMNS.items():
        table[column] = places[source].to_numpy()
    shapes = context.layers.geometry[context.layers.index(table["adm4_code"])]
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs="EPSG:4326")


_PLACE_COLUMNS = {
    "name": "name",
    "district": "adm3_name",
    "regency": "adm2_name",
    "people": "people",
}


def _no_villages() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "adm4_code": pd.Series(dtype="str"),
            "level": pd.Series(dtype="int8"),
            "hazard_id": pd.Series(dtype="str"),
            "exposed": pd.Series(dtype="int64"),
            "uncovered": pd.Series(dtype="int64"),
            "team_minutes": pd.Series(dtype="float32"),
        }
    )


def _warned(context: CycleContext, body: WarningBody) -> pd.DataFrame:
    """The villages of one warning with the figures of its newest impact table."""
    import pandas as pd

    from orchestration.event_store import read_impact, stored

    levels = pd.Series(body.levels, dtype="int8")
    event = stored(context.engine, body.event_id)
    if event is None or levels.empty:
        return _no_villages()
    impact = read_impact(context.runs, event.impact_path).set_index("adm4_code")
    impact = impact.reindex(levels.index)
    return pd.DataFrame(
        {
            "adm4_code": levels.index.to_numpy(),
            "level": levels.to_numpy(),
            "hazard_id": str(body.hazard_id),
            "exposed": impact["exposed_people"].fillna(0).astype("int64").to_numpy(),
            "uncovered": impact["uncovered_people"].fillna(0).astype("int64").to_numpy(),
            "team_minutes": impact["team_minutes"].astype("float32").to_numpy(),
        }
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
    near: pd.DataFrame = places[np.isfinite(distance)]
    return near


def task_lines(context: CycleContext, warning_ids: Sequence[str]) -> tuple[TaskLine, ...]:
    """Tasks of these warnings, the most urgent first."""
    query = (
        select(tasks)
        .where(tasks.c.warning_id.in_(list(warning_ids)))
        .order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    )
    with context.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    places = _rows(context, [row["adm4_code"] for row in rows])
    names = (places[column].tolist() for column in ("name", "adm3_name", "adm2_name"))
    return tuple(_task_line(dict(row), *place) for row, *place in zip(rows, *names, strict=True))


def _task_line(row: dict[str, Any], village: str, district: str, regency: str) -> TaskLine:
    same = (
        "task_id", "warning_id", "kind", "level", "adm4_code", "people", "unmet_people", "team_id",
        "shelter_id", "coordinator_id", "eta_min", "state",
    )  # fmt: skip
    said = ("team", "shelter", "after", "note")
    return TaskLine(
        **{name: row[name] for name in same},
        **{name: row["body"].get(name, "") for name in said},
        village=village,
        district=district,
        regency=regency,
    )


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


def _marks(context: CycleContext, held: Sequence[Listed]) -> tuple[Mark, ...]:
    """Epicentres of the quakes behind the warnings."""
    from orchestration.event_store import stored

    marks = []
    for warning in held:
        event = stored(context.engine, warning.version.body.event_id)
        evidence = event.event.evidence if event else {}
        latitude, longitude = evidence.get("latitude"), evidence.get("longitude")
        if event and isinstance(latitude, float) and isinstance(longitude, float):
            marks.append(Mark(longitude, latitude, event.event.title))
    return tuple(dict.fromkeys(marks))
