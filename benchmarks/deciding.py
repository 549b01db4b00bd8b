"""From an impact table to a drafted warning: 2,000 villages and the nation."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import PAIRS, Bench, Result, seconds, within

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardEvent

VILLAGES = 2_000
VILLAGES_S = 1.0
NATION_S = 10.0
LEVELS_S = 1.0
"""Levels alone, without a word of text, for every village of the nation."""
AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


def _event(number: int) -> HazardEvent:
    from kentongan.hazard import HazardEvent
    from kentongan.types import DocumentStatus, HazardId, Level

    return HazardEvent(
        event_id=f"flood-benchmark-{number}",
        hazard_id=HazardId.FLOOD,
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


def _impact(codes: list[str]) -> pd.DataFrame:
    """Levels 1 to 4 in turn, every fourth village below a public word; probabilities of all
    classes."""
    import numpy as np
    import pandas as pd

    number = np.arange(len(codes))
    return pd.DataFrame(
        {
            "adm4_code": codes,
            "level": (number % 4 + 1).astype(np.int8),
            "rule": "share-of-people",
            "probability": (number % 97) / 96,
            "exposed_people": 1000,
            "uncovered_people": 10,
            "known_fraction": np.float32(1),
            "value": np.float32("nan"),
            "onset": pd.Series(pd.NaT, index=range(len(codes)), dtype="datetime64[us, UTC]"),
            "data_quality": "modelled",
        }
    )


def decide() -> Iterator[Result]:
    """Levels, decision and draft on the embedded layers: SQLite, texts and areas included."""
    from risk.layers.layerset import load_layers

    layers = load_layers()
    codes = layers.villages["adm4_code"].tolist()
    work = _Work(layers)
    for name, chosen, most in (
        ("warnings.decide.2000", codes[:VILLAGES], VILLAGES_S),
        ("warnings.decide.nation", codes, NATION_S),
    ):
        impact = _impact(chosen)
        work.whole(impact)
        taken = [seconds(lambda table=impact: work.whole(table)) for _ in range(PAIRS)]  # type: ignore[misc]
        middle = statistics.median(t for t, _ in taken)
        note = f"{len(chosen)} villages, {taken[0][1]} warned"
        yield within(name, middle, "s", at_most=most, seconds=middle, note=note)
    impact = _impact(codes)
    taken = [seconds(lambda: work.levels(impact)) for _ in range(PAIRS)]
    middle = statistics.median(t for t, _ in taken)
    yield within(
        "warnings.levels.nation", middle, "s", at_most=LEVELS_S, seconds=middle,
        note=f"{len(codes)} villages, levels with their evidence",
    )  # fmt: skip


class _Work:
    """A database in a folder of its own; each call is another event."""

    def __init__(self, layers: Any) -> None:
        from kentongan.db import make_engine, metadata
        from kentongan.decision_policy import DecisionPolicy
        from kentongan.policy import LevelPolicy, load_policy
        from kentongan.settings import data_dir

        self._folder = tempfile.TemporaryDirectory()
        self.engine = make_engine(f"sqlite:///{Path(self._folder.name) / 'k.sqlite'}")
        metadata.create_all(self.engine)
        policy = data_dir() / "policy"
        self.rules = load_policy(policy / "decision.toml", DecisionPolicy)
        self.policy = load_policy(policy / "levels.toml", LevelPolicy)
        self.layers, self.number = layers, 0

    def levels(self, impact: pd.DataFrame) -> dict[str, int]:
        from risk.decision import village_evidence, warned_levels

        evidence = village_evidence(_event(0), impact, policy=self.policy, rules=self.rules)
        return warned_levels(evidence)

    def whole(self, impact: pd.DataFrame) -> int:
        """Villages of the drafted version."""
        from kentongan.types import Mode
        from notify.life import draft
        from risk.decision import decide as decide_event

        self.number += 1
        event = _event(self.number)
        decision = decide_event(
            event, self.levels(impact), None, at=AT, policy=self.policy, rules=self.rules
        )
        layers = self.layers
        ref = draft(
            self.engine, decision, event, impact, layers.villages, at=AT, mode=Mode.EXERCISE,
            live=False,
            geometry=lambda codes: layers.geometry[layers.index(list(codes))],
        )  # fmt: skip
        if ref is None:
            raise AssertionError("nothing was drafted")
        return len(decision.levels)


BENCHES: dict[str, Bench] = {"warnings.decide": decide}
