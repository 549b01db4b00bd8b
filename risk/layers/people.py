"""How many people live in each village, and where within it: rasters and tables together.

1. A village that a table names has that number (`measured`).
2. A regency, district or province that a table names has that number in all: what its named
   villages leave is shared out over its other villages.
3. Shares come from the people raster, else from the embedded model (kind and area of village).
4. Without such a total a village has what the raster counts in it; people of the raster in no
   village stay visible as unassigned.
5. Weights are no counts: with `PeopleKind.WEIGHT` each regency has its registered people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.types import DataQuality
from risk.exposure.operator import PARTLY
from risk.layers.areas_file import code_column
from risk.layers.check.finding import Finding, Severity
from risk.layers.check.people import examine_people, regency_findings
from risk.layers.check.reference import LENGTH, Reference
from risk.layers.check.tables import PeopleTable, examine_people_table
from risk.layers.people_raster import PeopleKind, people_raster
from risk.layers.progress import Advance, silent
from risk.layers.rasters import is_raster
from risk.layers.stripe_views import Times, Told
from risk.layers.vectors import has_shapes, read_features, read_table
from risk.operator import ExposureOperator, compile_operator
from risk.stripes import PeopleStripes

NEAREST_KM = 2.0
"""People of a raster this near to a village, in no village, are that village's: coasts of 100 m
cells and of surveyed borders differ by some hundred metres, generalised ones by more."""
_I64 = NDArray[np.int64]
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class PeopleFiles:
    """What a deployment knows of its people; every part may be missing.

    Attributes:
        by_area: tables by level of their codes, each a whole number by dotted code.
        total: sum of the raster by its kind, for comparison.
    """

    raster: Path | None = None
    kind: PeopleKind | None = None
    total: float = 0.0
    by_area: tuple[PeopleTable, ...] = ()
    findings: tuple[Finding, ...] = ()

    def table(self, level: int) -> pd.Series:
        found = [t.people for t in self.by_area if t.level == level]
        return found[0] if found else pd.Series(dtype=np.int64)

    @property
    def has_totals(self) -> bool:
        return self.kind is PeopleKind.WEIGHT or any(t.level < 4 for t in self.by_area)


@dataclass(frozen=True)
class Counted:
    """People of the villages, and the operator that spreads them."""

    operator: ExposureOperator
    quality: NDArray[np.object_]
    findings: tuple[Finding, ...]
    method: str


def read_people_files(
    paths: tuple[Path, ...],
    kind: PeopleKind | None,
    known: Reference,
    advance: Advance = silent,
) -> PeopleFiles:
    """Check all files of people; at most one raster and one table a level.

    Raises:
        LayerError: a file that cannot be read at all.
    """
    rasters = [p for p in paths if is_raster(p)]
    tables = [p for p in paths if not is_raster(p)]
    findings: list[Finding] = [_second(p) for p in rasters[1:]]
    read = [_table(p, known) for p in tables]
    findings += [f for t in read for f in t.findings]
    twice = pd.Series([t.level for t in read], dtype=np.int64).duplicated()
    findings += [_second(p) for p, again in zip(tables, twice, strict=True) if again]
    if not rasters:
        return PeopleFiles(by_area=tuple(read), findings=tuple(findings))
    checked = examine_people(rasters[0], kind, known, advance)
    return PeopleFiles(
        rasters[0], checked.kind, checked.people, tuple(read), (*checked.findings, *findings)
    )


def _table(path: Path, known: Reference) -> PeopleTable:
    table = read_features(path).drop(columns="geometry") if has_shapes(path) else read_table(path)
    return examine_people_table(table, code_column(table, None), path.name, known)


def _second(path: Path) -> Finding:
    return Finding(
        Severity.REFUSE, "two-sources", path.name, "", "a second source of the same kind",
        "one people raster and one table a level", "leave one out",
    )  # fmt: skip


def count_people(
    code: NDArray[np.object_],
    geometry: NDArray[np.object_],
    modelled: _I64,
    given: PeopleFiles,
    known: Reference,
    *,
    nearest_km: float = NEAREST_KM,
    advance: Advance = silent,
) -> Counted:
    """People of each village and their places.

    Args:
        code: dotted village codes, ascending, shape (villages,).
        geometry: polygons, EPSG:4326, valid.
        modelled: people by the embedded model, shape (villages,).
        given: checked files.
        nearest_km: see `NEAREST_KM`.
    """
    operator = _operator(geometry, modelled, given, nearest_km, advance)
    weight = operator.people if given.raster else modelled
    findings: list[Finding] = []
    village = given.table(4)
    measured = pd.Index(village.index).get_indexer(pd.Index(code))
    people = np.where(measured >= 0, village.to_numpy()[measured] if len(village) else 0, weight)
    people = people.astype(np.int64)
    fixed = measured >= 0
    for level in (3, 2, 1):
        totals = _present(_totals(level, given, known), level, code, modelled, known)
        people, found = scaled_to(totals, people, fixed, weight, modelled, code, level)
        fixed = fixed | pd.Series(code).str[: LENGTH[level]].isin(totals.index).to_numpy()
        findings += found
    findings += _raster_findings(operator, code, given, people)
    quality = np.full(len(code), str(DataQuality.MODELLED), dtype=object)
    quality[measured >= 0] = str(DataQuality.MEASURED)
    counted = given.raster is not None and not given.has_totals
    unassigned = operator.unassigned if counted else type(operator.unassigned)()
    return Counted(
        replace(operator, people=people, unassigned=unassigned), quality, tuple(findings),
        _method(given),
    )  # fmt: skip


def _operator(
    geometry: NDArray[np.object_],
    modelled: _I64,
    given: PeopleFiles,
    nearest_km: float,
    advance: Advance,
) -> ExposureOperator:
    if given.raster is None or given.kind is None:
        return compile_operator(geometry, modelled)
    stripes: PeopleStripes = people_raster(given.raster, given.kind)
    if given.kind is PeopleKind.WEIGHT:
        # Weights of any size, brought to people so that whole numbers keep their shares.
        stripes = Times(stripes, float(modelled.sum()) / max(given.total, 1e-12))
    raster = Told(stripes, advance)
    return compile_operator(geometry, None, raster=raster, nearest_km=nearest_km)


def _totals(level: int, given: PeopleFiles, known: Reference) -> pd.Series:
    table = given.table(level)
    if level != 2 or given.kind is not PeopleKind.WEIGHT:
        return table
    register = known.regency_people
    both: pd.Series = pd.concat([table, register[~register.index.isin(table.index)]])
    return both


def _present(
    totals: pd.Series, level: int, code: NDArray[np.object_], modelled: _I64, known: Reference
) -> pd.Series:
    """Totals of the areas of the set; of one that it holds in part, the part by the model."""
    if totals.empty:
        return totals
    length = LENGTH[level]
    have = pd.Series(modelled).groupby(pd.Series(code).str[:length].to_numpy()).agg(["sum", "size"])
    villages = known.layers.villages
    every = villages.groupby(villages["adm4_code"].str[:length])["people"].agg(["sum", "size"])
    here: pd.Series = totals[totals.index.isin(have.index)]
    have, every = have.reindex(here.index), every.reindex(here.index)
    part = (have["sum"] / every["sum"]).where(have["size"] < every["size"], 1.0).fillna(1.0)
    scaled: pd.Series = (here * part.clip(upper=1.0)).round().astype(np.int64)
    return scaled


def scaled_to(
    totals: pd.Series,
    people: _I64,
    fixed: NDArray[np.bool_],
    weight: _I64,
    modelled: _I64,
    code: NDArray[np.object_],
    level: int,
) -> tuple[_I64, list[Finding]]:
    """Villages of each area with a total, scaled to it to the person; fixed ones stay.

    Args:
        totals: whole people by code of `level`.
    """
    people = people.copy()
    area = pd.Series(code).str[: LENGTH[level]].to_numpy()
    short: list[str] = []
    rows_of: dict[Any, Any] = dict(pd.Series(np.arange(len(code))).groupby(area).indices)
    for name, total in totals.items():
        rows = rows_of.get(str(name))
        if rows is None:
            continue
        rows = np.asarray(rows)
        free = rows[~fixed[rows]]
        rest = int(total) - int(people[rows[fixed[rows]]].sum())
        if rest < 0:
            short.append(str(name))
        if free.size:
            some = weight[free] if weight[free].sum() > 0 else np.maximum(modelled[free], 1)
            people[free] = shared_out(max(rest, 0), some.astype(np.float64))
    return people, [_short(short, level)] if short else []


def shared_out(total: int, weight: _F64) -> _I64:
    """Whole people by largest remainder; they add up to `total`."""
    exact = total * (weight / weight.sum())
    out: _I64 = np.floor(exact).astype(np.int64)
    order = np.lexsort((np.arange(out.size), -(exact - out)))
    out[order[: total - int(out.sum())]] += 1
    return out


def _short(codes: list[str], level: int) -> Finding:
    return Finding(
        Severity.FLAG, "totals-disagree", f"table of level {level}", ", ".join(codes[:3]),
        f"{len(codes)} areas with fewer people than their villages have in the village table",
        "totals not below the sum of their villages",
        "the villages' numbers stand; the other villages there get nobody", tuple(codes),
    )  # fmt: skip


def _raster_findings(
    operator: ExposureOperator,
    code: NDArray[np.object_],
    given: PeopleFiles,
    people: _I64,
) -> list[Finding]:
    if given.raster is None or operator.spread is None:
        return []
    file = given.raster.name
    found = _spread_findings(operator, code, people, file)
    unassigned = int(operator.unassigned.people.sum())
    if unassigned and not given.has_totals:
        found.append(
            Finding(
                Severity.INFO, "unassigned-people", file, "",
                f"{unassigned:,} people of the raster in no village",
                "everybody in a village", "they are counted apart, as unassigned",
            )
        )  # fmt: skip
    return found


def _spread_findings(
    operator: ExposureOperator, code: NDArray[np.object_], people: _I64, file: str
) -> list[Finding]:
    found: list[Finding] = []
    partly = np.asarray(operator.spread == PARTLY)
    empty = operator.by_area & (people > 0)
    if partly.any():
        codes = tuple(str(c) for c in code[partly])
        found.append(
            Finding(
                Severity.FLAG, "raster-too-small", file, ", ".join(codes[:3]),
                f"{len(codes)} villages reach out of the raster",
                "a raster over all of each village", "people outside it are missing", codes,
            )
        )  # fmt: skip
    if empty.any():
        codes = tuple(str(c) for c in code[empty])
        found.append(
            Finding(
                Severity.FLAG, "raster-empty-villages", file, ", ".join(codes[:3]),
                f"{len(codes)} villages with people in which the raster has nobody",
                "people of the raster in each village",
                "their people are spread evenly over the area", codes,
            )
        )  # fmt: skip
    return found


def compared(code: NDArray[np.object_], people: _I64, known: Reference) -> list[Finding]:
    """People of the set by regency against the register, for regencies that it has whole."""
    regency = pd.Series(code).str[:5]
    total = pd.Series(people).groupby(regency.to_numpy()).sum()
    whole = regency.value_counts()
    complete = whole.index[whole >= known.regency_villages.reindex(whole.index)]
    return regency_findings(total[total.index.isin(complete)], known, "people of the set")


def _method(given: PeopleFiles) -> str:
    parts = []
    levels = sorted(t.level for t in given.by_area)
    if 4 in levels:
        parts.append("villages of the table have its numbers")
    upper = [str(level) for level in levels if level < 4]
    if given.kind is PeopleKind.WEIGHT:
        parts.append("regencies have the registered number (Dukcapil), the raster shares it out")
    elif given.raster and upper:
        parts.append(f"totals of level {', '.join(upper)} scale, the raster shares them out")
    elif given.raster:
        parts.append(f"villages have what the raster counts in them ({given.kind})")
    elif upper:
        parts.append(f"totals of level {', '.join(upper)} shared out by the embedded model")
    else:
        parts.append("regency register of 2024 shared out by kind and area of the village")
    return "; ".join(parts)
