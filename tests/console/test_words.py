"""Words and numbers as Indonesians read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console import words
from kentongan.types import FeedState, HazardId, Level, TaskKind, WarningState

AT = datetime(2026, 9, 24, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        pytest.param(AT - timedelta(hours=1), 7, "22.30 WIB", id="same-day"),
        pytest.param(AT + timedelta(hours=1), 7, "25 September 2026 00.30 WIB", id="next-day"),
        pytest.param(AT, 9, "01.30 WIT", id="east"),
        pytest.param(None, 7, "–", id="none"),
    ],
)
def test_clock(value, zone, expected):
    assert words.clock(value, AT, zone) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0 menit"), (119, "119 menit"), (120, "2 jam"), (2880, "2 hari"), (-5, "0 menit")],
)
def test_age(minutes, expected):
    assert words.age(AT - timedelta(minutes=minutes), AT) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(25.4, "25 menit"), (None, "tidak ada tim"), (float("nan"), "tidak ada tim")],
)
def test_travel(minutes, expected):
    assert words.travel(minutes) == expected


def test_numbers_have_dots():
    assert [words.number(n) for n in (0, 999, 1000, 1234567)] == ["0", "999", "1.000", "1.234.567"]


def test_every_term_of_ours_has_words():
    assert set(words.LEVELS) == {-1, *(int(level) for level in Level)}
    assert set(words.HAZARDS) == set(HazardId)
    assert set(words.FEED_STATES) == {*FeedState, "unknown", "unconfigured"}
    assert set(words.WARNING_STATES) == set(WarningState)
    assert set(words.TASKS) == set(TaskKind)


def test_an_unknown_word_stays_visible():
    assert words.indonesian(words.HAZARDS, "volcano") == "volcano"
    assert words.level_word(9) == "9"
