"""One plan for 5,000 warned villages on the embedded layers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.harness import PAIRS, Bench, Result, seconds, within

if TYPE_CHECKING:
    from kentongan.decision import Decision
    from kentongan.hazard import HazardEvent

VILLAGES = 5_000
PLAN_S = 3.0  # exact for every team, with its proof
AT = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def _event() -> HazardEvent:
    from kentongan.hazard import HazardEvent
    from kentongan.types import DocumentStatus, HazardId, Level

    return HazardEvent(
        event_id="shaking-benchmark",
        hazard_id=HazardId.SHAKING,
        level=Level.AWAS,
        onset=AT,
        valid_from=AT,
        valid_to=AT + timedelta(hours=6),
        official=False,
        status=DocumentStatus.EXERCISE,
        title="Latihan",
        method="benchmark/1",
        observations=(),
    )


def _decision(codes: list[str]) -> Decision:
    from kentongan.decision import Action, Decision

    return Decision(
        event_id="shaking-benchmark",
        action=Action.ALERT,
        levels={code: 3 + number % 2 for number, code in enumerate(codes)},
        told=tuple(codes),
        expires=AT + timedelta(hours=6),
        reason="",
    )


def plan() -> Iterator[Result]:
    """The 5,000 villages nearest to a point in West Java, all at level 3 or 4."""
    import numpy as np
    import pandas as pd

    from kentongan.policy import LevelPolicy, load_policy
    from kentongan.settings import data_dir
    from risk.evacuation import plan_tasks
    from risk.layers.layerset import load_layers

    layers = load_layers()
    policy = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
    villages = layers.villages
    apart = (villages["longitude"] - 107.0) ** 2 + (villages["latitude"] + 6.8) ** 2
    near = villages.iloc[np.sort(np.argsort(apart.to_numpy())[:VILLAGES])]
    impact = pd.DataFrame(
        {"adm4_code": near["adm4_code"], "people_3": near["people"], "people_4": 0}
    ).assign(exposed_people=near["people"])
    decision, event = _decision(near["adm4_code"].tolist()), _event()

    def work() -> object:
        return plan_tasks(event, impact, decision, layers, at=AT, policy=policy, busy={})

    work()
    taken = [seconds(work) for _ in range(PAIRS)]
    assert all(answer == taken[0][1] for _, answer in taken)
    middle = statistics.median(t for t, _ in taken)
    yield within("evacuation.plan", middle, "s", at_most=PLAN_S, seconds=middle)


BENCHES: dict[str, Bench] = {"evacuation.plan": plan}
