"""Coverage of whole areas: whom Tagana reaches, with how many members, whom it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.errors import DataError
from risk.access.reach import members_who_come
from risk.access.supply import members_per_person
from risk.coverage import LevelsOn, access_policy, coverage_of

if TYPE_CHECKING:
    from kentongan.policy import CoverageRules
    from risk.layers.layerset import LayerSet

_LENGTHS = (0, 2, 5, 8, 13)
"""Of the codes of nation, province, regency, district, village."""
_I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CoverageTable:
    """Attributes:
    villages: one row a village: `adm4_code`, `name`, `people`, `people_30min`, `people_60min`,
        `team_minutes` (float32, mobilisation apart), `members_per_10000`, `exposed_people` (all
        people without an event), `uncovered_people` (exposed, no team within 60 minutes).
    areas: the same summed by area: `code`, `name`, `villages`, sums, `members_on_duty` (expected
        to come at this hour), `members_per_10000` (mean over people).
    travel: how times were worked out.
    """

    villages: pd.DataFrame
    areas: pd.DataFrame
    travel: str
    night: bool
    mobilisation_minutes: float


def coverage_table(
    layers: LayerSet,
    area: str,
    rules: CoverageRules,
    *,
    night: bool,
    levels_on: LevelsOn | None = None,
    exposed: pd.Series | None = None,
) -> CoverageTable:
    """Coverage of an area of any level.

    Args:
        area: a code; empty for the whole set. Sums are by regency in a province or the nation, by
            district in a regency, by village in a district.
        levels_on: a hazard that closes roads.
        exposed: exposed people by adm4 code; None: everybody.

    Raises:
        DataError: no village in the area.
    """
    rows = _rows(layers, area)
    table = layers.villages.iloc[rows]
    people = table["people"].to_numpy(np.int64)
    hit = people if exposed is None else _exposed(table, exposed)
    access = access_policy()
    covered = coverage_of(rows, layers, rules, levels_on=levels_on, first=hit > 0, night=night)
    supply = members_per_person(rows, layers, rules, access, night=night, levels_on=levels_on)
    villages = pd.DataFrame(
        {
            "adm4_code": table["adm4_code"].to_numpy(),
            "name": table["name"].to_numpy(),
            "people": people,
            "people_30min": _whole(people * covered.share_30),
            "people_60min": _whole(people * covered.share_60),
            "team_minutes": covered.minutes,
            "members_per_10000": np.round(supply * 10_000, 3),
            "exposed_people": hit,
            "uncovered_people": covered.uncovered(hit),
        }
    )
    duty = layers.teams[layers.teams["on_duty"].to_numpy(dtype=bool)]
    come = members_who_come(duty["members"].to_numpy(np.float64), night=night, rules=access)
    members = pd.Series(come, index=duty["adm4_code"].to_numpy())
    return CoverageTable(
        villages=villages,
        areas=_by_area(villages, members, layers, area),
        travel=covered.travel,
        night=night,
        mobilisation_minutes=(
            rules.mobilisation_night_minutes if night else rules.mobilisation_day_minutes
        ),
    )


def _rows(layers: LayerSet, area: str) -> _I64:
    some = layers.within(area) if area else slice(0, len(layers.villages))
    if some.start == some.stop or len(area) not in _LENGTHS:
        raise DataError(
            f"area {area!r}: no village of the layer set {layers.version}; expected a dotted code, "
            "e.g. 32 (province), 32.03 (regency) or 32.03.07 (district)"
        )
    return np.arange(some.start, some.stop, dtype=np.int64)


def _exposed(table: pd.DataFrame, exposed: pd.Series) -> _I64:
    found = exposed.reindex(table["adm4_code"].to_numpy()).fillna(0)
    people: _I64 = found.to_numpy(np.int64)
    return people


def _whole(people: NDArray[np.float64]) -> _I64:
    """Rounded half up, village by village; sums are of these."""
    out: _I64 = np.floor(people + 0.5).astype(np.int64)
    return out


def _by_area(
    villages: pd.DataFrame, members: pd.Series, layers: LayerSet, area: str
) -> pd.DataFrame:
    length = {0: 5, 2: 5, 5: 8}.get(len(area), 13)
    code = villages["adm4_code"].str[:length].rename("code")
    weighted = villages.assign(
        villages=1, members_per_10000=villages["members_per_10000"] * villages["people"]
    )
    sums = weighted.groupby(code, sort=True)[
        [
            "villages", "people", "people_30min", "people_60min", "exposed_people",
            "uncovered_people", "members_per_10000",
        ]
    ].sum()  # fmt: skip
    mean = sums["members_per_10000"] / sums["people"].clip(lower=1)
    duty = members.groupby(members.index.astype("str").str[:length]).sum()
    out = sums.assign(
        members_per_10000=mean.round(3), members_on_duty=duty.reindex(sums.index).fillna(0).round(1)
    ).reset_index()
    out.insert(1, "name", [layers.names.get(str(c), str(c)) for c in out["code"]])
    return out
