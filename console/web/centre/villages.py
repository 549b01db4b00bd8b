"""Villages of an event: the newest impact table beside what the warning says and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kentongan.impact import UNASSIGNED
from kentongan.types import Level
from notify.tasks.listing import safe_cell

if TYPE_CHECKING:
    import pandas as pd

    from notify.versions import Version
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent

PAGE = 50
SORTS = {
    "orang": "orang terpapar", "tak-terjangkau": "tak terjangkau", "tingkat": "tingkat",
    "belum-diketahui": "belum diketahui", "nama": "nama",
}  # fmt: skip


@dataclass(frozen=True)
class VillageLine:
    adm4_code: str
    name: str
    district: str
    regency: str
    level: int
    """In the warning; 0: it is not warned."""
    hazard_level: int
    """By the newest knowledge; -1: not known."""
    people: int
    exposed: int
    """As the warning says it; of a village that it does not warn, by the newest knowledge."""
    unknown: int
    """People of whom nothing is known."""
    uncovered: int
    team_minutes: float | None
    value: float | None
    probability: float | None
    decided_by: str
    known_share: float


@dataclass(frozen=True)
class RegencySum:
    """Why the levels of one regency are what they are."""

    code: str
    name: str
    villages: Mapping[int, int]
    """Level -> villages in the warning."""
    decided_by: Mapping[str, int]
    exposed: int
    unknown: int
    uncovered: int
    values: str
    """Lowest and highest value of the field; empty: it has none."""


def village_lines(
    context: CycleContext, stored: StoredEvent, version: Version | None
) -> list[VillageLine]:
    """All villages that are touched or warned, in code order; empty where the table is gone."""
    from orchestration.event_store import read_impact

    if not context.runs.exists(stored.impact_path):
        return []
    impact = read_impact(context.runs, stored.impact_path)
    impact = impact[(impact["adm4_code"] != UNASSIGNED).to_numpy()]
    rows = impact.drop_duplicates("adm4_code").set_index("adm4_code")
    levels = dict(version.body.levels) if version else {}
    said = dict(version.body.exposure) if version else {}
    codes = sorted({*rows.index, *levels})
    why = _why(context, stored, impact)
    columns = {str(k): v for k, v in rows.reindex(codes).to_dict("list").items()}
    places = _places(context, codes)
    rows_of = ({name: values[i] for name, values in columns.items()} for i in range(len(codes)))
    return [
        _line(
            code, row | _as_said(said, code), places[code], levels.get(code, 0), why.get(code, {})
        )
        for code, row in zip(codes, rows_of, strict=True)
    ]


def _as_said(said: Mapping[str, tuple[int, int]], code: str) -> dict[str, int]:
    """The figures that the warning itself carries of a village stand before newer ones."""
    if code not in said:
        return {}
    exposed, uncovered = said[code]
    return {"exposed_people": exposed, "uncovered_people": uncovered}


def _why(
    context: CycleContext, stored: StoredEvent, impact: pd.DataFrame
) -> dict[str, dict[Any, Any]]:
    """Code -> the row of evidence; kept with the drafted version, made again where it was not."""
    from orchestration.deciding import read_evidence
    from risk.decision import village_evidence

    table = read_evidence(context.runs, stored, context.decision)
    if table is None:
        table = village_evidence(
            stored.event, impact, policy=context.levels, rules=context.decision
        )
    kept = table[["adm4_code", "probability", "decided_by"]]
    return {str(row["adm4_code"]): row for row in kept.to_dict("records")}


def _places(context: CycleContext, codes: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Code -> names of village, district, regency; the code itself where the set has no name."""
    names = context.layers.names
    return {
        code: (names.get(code, code), names.get(code[:8], ""), names.get(code[:5], ""))
        for code in codes
    }


def _line(
    code: str,
    row: Mapping[str, object],
    place: tuple[str, str, str],
    level: int,
    why: Mapping[str, object],
) -> VillageLine:
    known = row.get("level")
    return VillageLine(
        code, *place, level=level,
        hazard_level=-1 if _number(known) is None else int(_whole(known)),
        people=_whole(row.get("people")), exposed=_whole(row.get("exposed_people")),
        unknown=_whole(row.get("people_unknown")), uncovered=_whole(row.get("uncovered_people")),
        team_minutes=_number(row.get("team_minutes")), value=_number(row.get("value")),
        probability=_number(why.get("probability")), decided_by=str(why.get("decided_by") or ""),
        known_share=_number(row.get("known_fraction")) or 0.0,
    )  # fmt: skip


def _number(value: object) -> float | None:
    """None for NaN and what is missing."""
    if value is None or value != value:
        return None
    return float(str(value))


def _whole(value: object) -> int:
    return int(_number(value) or 0)


def ordered(lines: Sequence[VillageLine], by: str) -> list[VillageLine]:
    """Largest first; by name in order of the alphabet."""
    keys = {
        "orang": lambda v: (-v.exposed, v.adm4_code),
        "tak-terjangkau": lambda v: (-v.uncovered, -v.exposed, v.adm4_code),
        "tingkat": lambda v: (-v.level, -v.exposed, v.adm4_code),
        "belum-diketahui": lambda v: (-v.unknown, v.adm4_code),
        "nama": lambda v: (v.name, v.adm4_code),
    }
    return sorted(lines, key=keys[by])


def regency_sums(lines: Sequence[VillageLine]) -> list[RegencySum]:
    """By regency, the one with most people first; villages that are warned or not known alone."""
    groups: dict[str, list[VillageLine]] = {}
    for line in lines:
        if line.level >= Level.WASPADA or line.unknown:
            groups.setdefault(line.adm4_code[:5], []).append(line)
    found = [_sum(code, group) for code, group in groups.items()]
    return sorted(found, key=lambda one: (-max(one.villages, default=0), -one.exposed, one.code))


def _sum(code: str, group: Sequence[VillageLine]) -> RegencySum:
    levels: dict[int, int] = {}
    decided: dict[str, int] = {}
    for line in group:
        levels[line.level] = levels.get(line.level, 0) + 1
        word = line.decided_by or "ditahan dari sebelumnya"
        decided[word] = decided.get(word, 0) + 1
    values = [line.value for line in group if line.value is not None]
    return RegencySum(
        code=code, name=group[0].regency, villages=dict(sorted(levels.items(), reverse=True)),
        decided_by=decided, exposed=sum(line.exposed for line in group),
        unknown=sum(line.unknown for line in group),
        uncovered=sum(line.uncovered for line in group),
        values=f"{min(values):.2f} sampai {max(values):.2f}" if values else "",
    )  # fmt: skip


def as_csv(lines: Sequence[VillageLine]) -> str:
    """No cell begins a formula."""
    text = io.StringIO()
    names = list(VillageLine.__dataclass_fields__)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    for line in lines:
        values = asdict(line)
        writer.writerow([_cell(values[name]) for name in names])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else str(value)
