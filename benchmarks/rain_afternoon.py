"""How our draft from band 13 stands to BMKG's warnings, on the afternoon of *thunderstorm*.

    python -m benchmarks.rain_afternoon [FOLDER]

Makes the scenario, plays it through whole cycles, and prints for each warning of BMKG's when our
estimate first had one of its villages at Waspada, and how many villages each named. The storms are
invented, and so is when BMKG warned of them: this measures our chain's delay on storms of that
growth, not who is better.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from kentongan.db import event_versions, make_engine
from kentongan.decision_policy import DecisionPolicy
from kentongan.hazard import HazardEvent
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import Settings, data_dir
from kentongan.store import Store
from kentongan.times import parse_instant
from kentongan.types import HazardId, Level, Mode
from orchestration.event_store import read_impact
from orchestration.scenarios import run_scenario
from risk.decision import village_evidence

sys.path.insert(0, str(data_dir() / "scenarios"))


@dataclass(frozen=True)
class Named:
    """One version of an event: whom its decision has at Waspada and more, and when."""

    event: HazardEvent
    at: str
    villages: frozenset[str]


def play(folder: Path) -> list[Named]:
    from generator import rain_afternoon
    from generator.places import load_places
    from generator.story import write

    made = write(rain_afternoon.story(load_places()), folder)
    settings = Settings(home=folder / "home").model_copy(update={"mode": Mode.EXERCISE})
    run_scenario(str(made), settings)
    return list(_named(folder / "home" / "scenarios" / made.name))


def _named(home: Path) -> Iterator[Named]:
    rules = load_policy(data_dir() / "policy" / "decision.toml", DecisionPolicy)
    policy = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)
    engine, runs = make_engine(f"sqlite:///{home / 'kentongan.sqlite'}"), Store(str(home))
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(event_versions).order_by(event_versions.c.at)).all()
    finally:
        engine.dispose()
    for row in rows:
        event = HazardEvent.model_validate_json(row.body)
        if event.hazard_id not in (HazardId.RAIN, HazardId.THUNDERSTORM):
            continue
        table = read_impact(runs, row.impact_uri)
        # A level ahead is warned of where its probability is worth the cost.
        decided = village_evidence(event, table, policy=policy, rules=rules)
        codes = decided["adm4_code"][decided["level"] >= Level.WASPADA]
        yield Named(event, row.at, frozenset(codes.tolist()))


def table(found: list[Named]) -> str:
    """Markdown: one line a warning of BMKG's."""
    ours = [n for n in found if n.event.hazard_id is HazardId.RAIN and not n.event.official]
    lines = [
        "| BMKG's warning | known at | ours at | earlier, min | villages, BMKG | of these ours "
        "| ours besides, same regencies |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    seen: set[str] = set()
    for theirs in (n for n in found if n.event.official):  # the first version of each
        if theirs.event.event_id in seen:
            continue
        seen.add(theirs.event.event_id)
        lines.append(_line(theirs, ours))
    return "\n".join(lines)


def _line(theirs: Named, ours: list[Named]) -> str:
    start = parse_instant(theirs.at) - timedelta(hours=2)
    near = [n for n in ours if start <= parse_instant(n.at) <= theirs.event.valid_to]
    hits = [n for n in near if n.villages & theirs.villages]
    both = frozenset().union(*(n.villages & theirs.villages for n in hits))
    regencies = {code[:5] for code in theirs.villages}
    around = frozenset().union(*(n.villages for n in hits)) - theirs.villages
    more = {code for code in around if code[:5] in regencies}
    earlier = "–"
    if hits:
        gap = parse_instant(theirs.at) - parse_instant(hits[0].at)
        earlier = f"{gap.total_seconds() / 60:.0f}"
    first = hits[0].at[11:16] if hits else "never"
    return (
        f"| {theirs.event.event_id} | {theirs.at[11:16]} | {first} | {earlier} "
        f"| {len(theirs.villages)} | {len(both)} | {len(more)} |"
    )


def main() -> None:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        folder.mkdir(parents=True, exist_ok=True)
        sys.stdout.write(table(play(folder)) + "\n")
        return
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.write(table(play(Path(made))) + "\n")


if __name__ == "__main__":
    main()
