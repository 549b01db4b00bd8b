"""The rain image's drafts: one event per province and hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from kentongan.hazard import HazardEvent
from kentongan.impact import UNASSIGNED
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.provinces import split_by_province

IMAGE = datetime(2026, 9, 24, 7, 40, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy() -> LevelPolicy:
    return load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)


def rain(valid_from: datetime = IMAGE) -> HazardEvent:
    return HazardEvent(
        event_id="rain-image",
        hazard_id=HazardId.RAIN,
        level=Level.SIAGA,
        onset=valid_from,
        valid_from=valid_from,
        valid_to=valid_from + timedelta(hours=1),
        official=False,
        status=DocumentStatus.ACTUAL,
        title="Potensi hujan",
        method="rp/1",
        observations=("a" * 64,),
    )


def villages(province: str, levels: list[int]) -> list[tuple[str, int]]:
    return [(f"{province}.01.01.{2001 + n}", level) for n, level in enumerate(levels)]


def table(rows: list[tuple[str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["adm4_code", "level"])


def test_only_provinces_with_enough_villages_get_an_event(policy):
    enough = policy.rain_image.min_villages
    rows = [
        *villages("75", [2] * enough + [0, 1]),
        *villages("53", [2] * (enough - 1) + [1] * 9),
        *villages("11", [3] + [2] * enough),
        (UNASSIGNED, 4),
    ]
    found = split_by_province(rain(), table(rows), policy=policy)
    assert [event.event_id for event, _ in found] == [
        "rain-11-20260924T0700Z",
        "rain-75-20260924T0700Z",
    ]
    assert [event.province_codes for event, _ in found] == [("11",), ("75",)]
    assert [len(part) for _, part in found] == [enough + 1, enough + 2]


def test_images_of_one_hour_are_one_event_whatever_their_zone(policy):
    rows = table(villages("75", [2] * 5))
    wita = IMAGE.astimezone(timezone(timedelta(hours=8))) + timedelta(minutes=10)
    names = {split_by_province(rain(t), rows, policy=policy)[0][0].event_id for t in (IMAGE, wita)}
    assert names == {"rain-75-20260924T0700Z"}


def test_no_rows_make_no_events(policy):
    assert split_by_province(rain(), table([]), policy=policy) == []
    assert split_by_province(rain(), table([(UNASSIGNED, 2)]), policy=policy) == []
