"""Killed at any moment and started again, a centre ends with the tables of one that never died."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kentongan.types import HazardId
from tests.notify.life_centre import CODES, T0, Centre, Killed

EXAMPLES = int(os.environ.get("RESTART_EXAMPLES", "5"))
EVENTS = {
    "flood-1": HazardId.FLOOD,
    "flood-2": HazardId.FLOOD,
    "shaking-1": HazardId.SHAKING,
    "thunderstorm-CGT001": HazardId.THUNDERSTORM,
    "thunderstorm-CGT002": HazardId.THUNDERSTORM,
    "tsunami-1": HazardId.TSUNAMI,
}


@dataclass(frozen=True)
class News:
    """New knowledge of one event that a cycle finds."""

    event_id: str
    levels: dict[str, int]
    unknown: tuple[str, ...]
    official_end: bool


@dataclass(frozen=True)
class Cycle:
    gap_minutes: int
    """Below nothing: the clock has jumped back."""
    news: tuple[News, ...]
    dies_at: tuple[int, ...]
    """Statement before which each try dies; the next try is of the same instant."""


LEVELS = st.dictionaries(st.sampled_from(CODES), st.integers(0, 4), max_size=6)
NEWS = st.builds(
    News,
    st.sampled_from(sorted(EVENTS)),
    LEVELS,
    st.lists(st.sampled_from(CODES), max_size=2).map(tuple),
    st.sampled_from([False] * 7 + [True]),
)
FORWARD = (1, 10, 10, 30, 45, 60)
LEASE_IS_OVER = timedelta(seconds=61)
"""What a dispatcher that died held is free then; one that lives looks every second."""


def histories(gaps: Sequence[int]) -> st.SearchStrategy[list[Cycle]]:
    """Cycles so many minutes apart, each with its news and the writes at which it is killed."""
    return st.lists(
        st.builds(
            Cycle,
            st.sampled_from(gaps),
            st.lists(NEWS, max_size=3, unique_by=lambda news: news.event_id).map(tuple),
            st.lists(st.integers(1, 60), max_size=2).map(tuple),
        ),
        min_size=2,
        max_size=7,
    )


def play(cycles: Sequence[Cycle], *, dying: bool) -> dict[str, list[dict[str, object]]]:
    with tempfile.TemporaryDirectory() as home:
        centre = Centre(Path(home))
        at = newest = T0
        for one in cycles:
            at += timedelta(minutes=one.gap_minutes)
            newest = max(newest + timedelta(seconds=1), at)
            for news in one.news:
                centre.see(
                    news.event_id, news.levels, newest, hazard=EVENTS[news.event_id],
                    unknown=news.unknown, official_end=news.official_end, known_at=at,
                    valid_to=T0 + timedelta(hours=3),
                )  # fmt: skip
            for statement in one.dies_at if dying else ():
                try:
                    with centre.dies_at(statement):
                        centre.cycle(at, strict=False)
                except Killed:
                    pass
            centre.cycle(at, strict=False)
            centre.send(at + LEASE_IS_OVER)
        tables = centre.tables()
        centre.engine.dispose()
        return tables


RULES = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # to shrink a case takes minutes
)


def same_end(cycles: Sequence[Cycle]) -> None:
    calm, rough = play(cycles, dying=False), play(cycles, dying=True)
    for name in calm:
        assert rough[name] == calm[name], name


@RULES
@given(histories(FORWARD))
def test_a_restart_at_any_point_equals_an_uninterrupted_run(cycles):
    same_end(cycles)


@RULES
@given(histories((*FORWARD, -20)))
def test_a_restart_after_the_clock_went_back_equals_an_uninterrupted_run(cycles):
    same_end(cycles)
