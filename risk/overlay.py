"""Hazard field x layers -> impact table (`kentongan.impact`): who lives where it hits.

One row per touched village: a level, people in a level, or people for whom the hazard is not
known. People are whole; the classes of a row add up to its people.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import GridMismatch
from kentongan.hazard import AreaRule, HazardField
from kentongan.impact import COLUMNS, PEOPLE_BY_LEVEL, UNASSIGNED
from kentongan.policy import LevelPolicy
from kentongan.types import DataQuality, Level
from risk.coast_strip import coast_findings
from risk.coverage import at_night, closing, coverage_of
from risk.exposure.zones import unassigned_in_zones
from risk.findings import Findings
from risk.layers.layerset import LayerSet
from risk.nowcast_area import nowcast_findings
from risk.operator import UNKNOWN, whole_people
from risk.raster_share import raster_findings, to_base_grid

__all__ = ["impact_table", "roll_up", "to_base_grid"]

NATION = "ID"
_CODE_LENGTH = {1: 2, 2: 5, 3: 8, 4: 13}
_SUMS = (
    "people",
    *PEOPLE_BY_LEVEL,
    "people_unknown",
    "exposed_people",
    "uncovered_people",
)


def impact_table(field: HazardField, layers: LayerSet, policy: LevelPolicy) -> pd.DataFrame:
    """People by level for each village that the field touches.

    Returns:
        Columns of `kentongan.impact.COLUMNS`, rows in code order, then the `unassigned` row.
        `attrs["unresolved"]`: names of the field that led to no village; for the duty officer.
        `attrs["travel"]`: "roads", "straight-line" or both, for the columns of coverage.
        `attrs["method"]`: how the field met the people.

    Raises:
        GridMismatch: a raster without ascending coordinates or with classes outside -1..4.
    """
    findings = _findings(field, layers, policy)
    table = _table(field, findings, layers, policy)
    table.attrs["unresolved"] = [*field.unresolved, *findings.unresolved]
    table.attrs["layers"] = layers.version
    table.attrs["method"] = findings.method
    return table


def _findings(field: HazardField, layers: LayerSet, policy: LevelPolicy) -> Findings:
    if field.raster is not None:
        return raster_findings(field.raster, field.event.onset, layers, policy.raster)
    if field.zones is None or field.zones.empty:
        return Findings.nothing()
    if field.rule is AreaRule.COAST_STRIP:
        return _with_unassigned(coast_findings(field.zones, layers, policy.tsunami), field, layers)
    if field.rule is AreaRule.NOWCAST:
        return _with_unassigned(
            nowcast_findings(field.zones, layers, policy.nowcast), field, layers
        )
    raise GridMismatch(
        f"event {field.event.event_id}: rule {field.rule} needs a raster, found zones"
    )


def _with_unassigned(found: Findings, field: HazardField, layers: LayerSet) -> Findings:
    """People in no village: in the zone of their cell; a zone without shape leaves them unknown."""
    if field.zones is None or not layers.operator.unassigned.people.size:
        return found
    shapes, level = field.zones.geometry.to_numpy(), field.zones["hazard_level"].to_numpy()
    counts = unassigned_in_zones(layers.operator, shapes, level)
    if shapely.is_empty(shapes).any() or shapely.is_missing(shapes).any():
        counts[UNKNOWN] += counts[0]
        counts[0] = 0
    return replace(found, unassigned=counts)


def _table(
    field: HazardField, found: Findings, layers: LayerSet, policy: LevelPolicy
) -> pd.DataFrame:
    villages = layers.villages.iloc[found.rows]
    people = villages["people"].to_numpy(np.int64)
    counts = found.counts if found.counts is not None else whole_people(people, found.parts)
    total = np.maximum(found.parts.sum(axis=1), 1)
    exposed = np.where(found.level >= Level.WASPADA, counts[:, 2:UNKNOWN].sum(axis=1), 0)
    warned = found.level >= Level.WASPADA
    covered = coverage_of(
        found.rows,
        layers,
        policy.coverage,
        levels_on=closing(field),
        first=warned,
        night=at_night(field, layers, found.rows),
    )
    columns = {
        "adm4_code": villages["adm4_code"].to_numpy(),
        "level": found.level.astype(np.int8),
        "rule": found.rule,
        "people": people,
        **{name: counts[:, i] for i, name in enumerate(PEOPLE_BY_LEVEL)},
        "people_unknown": counts[:, UNKNOWN],
        "exposed_people": exposed,
        "known_fraction": (1 - found.parts[:, UNKNOWN] / total).astype(np.float32),
        "share_inside": (found.parts[:, 1:UNKNOWN].sum(axis=1) / total).astype(np.float32),
        "value": found.value,
        "onset": found.onset,
        "team_minutes": covered.minutes,
        "reachable_30min": covered.reached(covered.share_30),
        "reachable_60min": covered.reached(covered.share_60),
        "uncovered_people": covered.uncovered(exposed),
        "no_elevation": found.no_elevation,
        "data_quality": villages["data_quality"].to_numpy(),
    }
    table = pd.DataFrame({name: columns[name] for name in COLUMNS})
    if found.probability is not None:
        table["probability"] = found.probability
    order = np.argsort(found.rows, kind="stable")
    rows = [table.iloc[order], _unassigned(found.unassigned)]
    whole = _typed(pd.concat(rows, ignore_index=True))
    whole.attrs["travel"] = covered.travel
    return whole


def _unassigned(counts: NDArray[np.int64]) -> pd.DataFrame:
    """People outside every village: none in a set whose people live in villages."""
    people = int(counts.sum())
    row: dict[str, object] = dict.fromkeys(COLUMNS, 0)
    row |= {
        "adm4_code": UNASSIGNED,
        "rule": "",
        "people": people,
        **{name: int(counts[i]) for i, name in enumerate(PEOPLE_BY_LEVEL)},
        "people_unknown": int(counts[UNKNOWN]),
        "known_fraction": 1 - int(counts[UNKNOWN]) / max(people, 1),
        "share_inside": int(counts[1:UNKNOWN].sum()) / max(people, 1),
        "value": np.nan,
        "onset": pd.NaT,
        "team_minutes": np.nan,
        "reachable_30min": False,
        "reachable_60min": False,
        "no_elevation": False,
        "data_quality": str(DataQuality.MODELLED),
    }
    return _typed(pd.DataFrame([row]))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    kinds: dict[str, str] = {}
    for name, meaning in COLUMNS.items():
        word = meaning.split()[0].rstrip(",:")
        kinds[name] = {"text": "str", "UTC": "datetime64[us, UTC]"}.get(word, word)
    table["onset"] = pd.to_datetime(table["onset"], utc=True)
    return table.astype(kinds)


def roll_up(impact: pd.DataFrame, level: int) -> pd.DataFrame:
    """Sums of the villages of each area.

    Args:
        impact: an impact table.
        level: 0 nation, 1 province, 2 regency, 3 district, 4 village.

    Returns:
        `code`, `level` (the highest), `villages` (rows), `warned_villages` (level >= 2) and the
        sums of all columns of people; `unassigned` stays a row of its own.
    """
    code = impact["adm4_code"].astype("str")
    lost = code == UNASSIGNED
    area = code.str[: _CODE_LENGTH[level]] if level else pd.Series(NATION, index=code.index)
    keyed = impact.assign(
        code=area.where(~lost, UNASSIGNED),
        villages=(~lost).astype(np.int64),
        warned_villages=(impact["level"] >= Level.WASPADA).astype(np.int64),
    )
    groups = keyed.groupby("code", sort=True)
    sums = groups[["villages", "warned_villages", *_SUMS]].sum()
    return groups[["level"]].max().join(sums).reset_index()
