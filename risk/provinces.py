"""One event per province and hour out of a national field: the rain image's drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kentongan.impact import UNASSIGNED
from kentongan.times import require_aware
from kentongan.types import Level

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy


def split_by_province(
    event: HazardEvent, impact: pd.DataFrame, *, policy: LevelPolicy, least: int | None = None
) -> list[tuple[HazardEvent, pd.DataFrame]]:
    """The provinces that earn a draft of their own, in code order.

    Args:
        event: a national event whose `valid_from` is the image's time.
        impact: its impact table.
        least: villages at level 2 or above that a province needs; `rain_image.min_villages` if
            not given.

    Returns:
        For each province with so many villages at level 2 or above: its event
        `rain-<PP>-<yyyymmddTHH00Z>` and its rows of the impact table. The `unassigned` row stays
        with the national table.
    """
    if len(impact) == 0:
        return []
    villages = impact[impact["adm4_code"] != UNASSIGNED]
    provinces = villages["adm4_code"].str[:2]
    warned = provinces[villages["level"] >= Level.WASPADA].value_counts()
    wanted = policy.rain_image.min_villages if least is None else least
    enough = sorted(warned[warned >= wanted].index)
    return [_province(event, code, villages[provinces == code]) for code in enough]


def _province(
    event: HazardEvent, code: str, rows: pd.DataFrame
) -> tuple[HazardEvent, pd.DataFrame]:
    changes = {
        "event_id": f"{event.hazard_id}-{code}-{require_aware(event.valid_from):%Y%m%dT%H00Z}",
        "level": Level(int(rows["level"].max())),
        "province_codes": (code,),
    }
    return event.model_copy(update=changes), rows.reset_index(drop=True)
