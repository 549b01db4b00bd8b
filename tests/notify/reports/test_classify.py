"""Reading a text: reasons, negation, causes, languages; no text breaks it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notify.reports.classify import classify
from notify.reports.kinds import Category
from notify.reports.routing import Routing, Unit, routing

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "category", "urgency"),
    [
        ("banjir selutut", "flood", 1),
        ("bnjir dras sgt", "flood", 1),
        ("tidak ada banjir", "clear", 0),
        ("trauma sejak gempa", "vulnerable", 1),
        ("anjing banjir lagi", "flood", 1),
        ("haha tolong anak saya tertimbun", "danger", 3),
        ("longsor tapi tidak ada orang yang tertimbun", "landslide", 1),
        ("=cmd|'/c calc'!A0", "unclear", 2),
        ("rumah roboh belum ada bantuan, orang tertimbun", "danger", 3),
        ("", "prank", 0),
        ("kang ustad teh mboten sios rawuh", "unclear", 2),
    ],
)
def test_what_a_text_is_about(text, category, urgency):
    found = classify(text)
    assert (found.category, found.urgency) == (category, urgency), found


def test_the_words_that_decided_are_named():
    found = classify("tulung pak omahku kebanjirn")
    best = found.reasons[0]
    assert (best.category, best.said, best.known) == (Category.FLOOD, "kebanjirn", "kebanjiran")
    assert "kebanjirn (kebanjiran)" in str(best) and found.language == "jv"


@given(st.text(max_size=1_600))
def test_no_text_breaks_the_reader(text):
    found = classify(text)
    assert 0 <= found.urgency <= 3 and 0 <= found.confidence <= 1
    assert found == classify(text)


@given(st.text(alphabet="abc xyz?!", max_size=60))
def test_signs_of_danger_win_whatever_stands_around_them(around):
    assert classify(f"{around} . anak saya tertimbun longsor").category is Category.DANGER


def test_units_change_with_the_day():
    old = Unit(
        code="old", name="o", short="o", directorate="", valid_from=date(2020, 1, 1),
        valid_to=date(2026, 11, 22), categories=("flood",), minutes=(9, 9, 9, 9),
    )  # fmt: skip
    rules = routing().model_copy(update={"unit": (old, *routing().unit)})
    assert rules.unit_for(Category.FLOOD, at=AT - timedelta(days=1)).code == "old"
    assert rules.unit_for(Category.FLOOD, at=AT).code == "pskba"


def test_key_words_and_areas_route_but_never_a_danger_to_life():
    local = Unit(
        code="local", name="l", short="l", directorate="", valid_from=date(2020, 1, 1),
        categories=("needs",), keywords=("tenda",), areas=("32.04",), minutes=(9, 9, 9, 9),
    )  # fmt: skip
    rules = routing().model_copy(update={"unit": (local, *routing().unit)})
    area, words = "32.04.12.2006", ("tenda", "roboh")
    assert rules.unit_for(Category.STORM, at=AT, area=area, words=words).code == "local"
    assert rules.unit_for(Category.STORM, at=AT, area="75.02", words=words).code == "pskba"
    danger = rules.unit_for(Category.DANGER, at=AT, area=area, words=words)
    assert danger.code == "handover-112"


def test_a_file_without_somebody_for_everything_is_refused():
    whole = routing().model_dump()
    with pytest.raises(ValidationError, match="takes '\\*'"):
        Routing(**{**whole, "unit": whole["unit"][:-1]})
