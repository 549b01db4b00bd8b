"""Phone numbers: the published numbering plan, traps that were seen, and hostile text."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.registry.numbers import Fault, Refused, masked, mobile_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("081234567890", "+6281234567890"),
        ("+62 812-3456-7890", "+6281234567890"),
        ("0062 812 3456 7890", "+6281234567890"),
        ("812 3456 7890", "+6281234567890"),
        ("+62(0)81234567890", "+6281234567890"),
        ("'081234567890", "+6281234567890"),
        ("tel:+6281234567890", "+6281234567890"),
        ("０８１２３４５６７８９０", "+6281234567890"),
        ("०८१२३४५६७८९०", "+6281234567890"),
        ("0812\u200b3456\u200b7890", "+6281234567890"),
        # libphonenumber alone reads these two as fixed lines of North Sumatra.
        ("62811123456", "+62811123456"),
        ("62 811 123 456", "+62811123456"),
    ],
)
def test_one_number_has_one_spelling(text, number):
    assert mobile_number(text) == number


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("112", Fault.SHORT),
        ("14045", Fault.SHORT),
        ("021171", Fault.SHORT),
        ("0213456789", Fault.FIXED),
        ("+62-22-7208000", Fault.FIXED),
        ("08091234567", Fault.PREMIUM),
        ("0800123456", Fault.PREMIUM),
        ("+6281112345", Fault.INVALID),
        ("+628111234567890", Fault.INVALID),
        ("+6591234567", Fault.FOREIGN),
        ("+999750207200111", Fault.MADE_UP),
        ("0999750207200", Fault.MADE_UP),
        ("0812-3456-7890 / 0813-1111-2222", Fault.SEVERAL),
        ("08123456789 ext 4", Fault.LETTERS),
        ("=cmd|' /C calc'!A0", Fault.FORMULA),
        ('="081234567890"', Fault.FORMULA),
        ("+cmd|x!A1", Fault.FORMULA),
        ("@SUM(1+1)", Fault.FORMULA),
        ("6.28123E+12", Fault.POWER),
        ("081234567890\x00", Fault.HIDDEN),
        ("08123\n4567890", Fault.HIDDEN),
        ("8" * 2000, Fault.LONG),
    ],
)
def test_what_is_no_mobile_number_is_refused_with_its_reason(text, fault):
    found = mobile_number(text)
    assert isinstance(found, Refused) and found.fault is fault
    assert "\n" not in found.line


def test_people_by_duty_may_have_a_number_of_another_country():
    assert mobile_number("+6591234567", foreign=True) == "+6591234567"
    assert isinstance(mobile_number("+6567654321", foreign=True), Refused)


def test_a_mask_shows_the_operator_and_three_digits():
    assert masked("+6281234567890") == "62812****890"
    assert masked("0811123456") == "081****56"
    assert masked("112") == "(3 characters)" and masked("") == "(empty)"


@given(st.integers(10**8, 10**12 - 1).map(lambda n: f"+62{n}"))
def test_the_short_way_says_what_libphonenumber_says(number):
    parsed = phonenumbers.parse(number, "ID")
    kind = phonenumbers.number_type(parsed)
    mobile = kind == phonenumbers.PhoneNumberType.MOBILE
    found = mobile_number(number)
    if number.startswith(("+620", "+62999")):
        return
    assert isinstance(found, str) == mobile, (number, kind, found)


SPELLINGS = ("0{}", "62{}", "+62{}", "{}", "0062{}", "+62 {}", " 0{} ", "+62(0){}")


@given(
    st.integers(0, 10**8 - 1),
    st.sampled_from(["811", "812", "852", "877", "896"]),
    st.sampled_from(SPELLINGS),
)
def test_every_spelling_of_a_number_is_the_same_number(rest, operator, spelling):
    bare = f"{operator}{rest:08d}"
    assert mobile_number(spelling.format(bare)) == f"+62{bare}"


@given(st.text(max_size=60) | st.from_regex(r"[\d+()\-. /]{0,30}", fullmatch=True))
def test_any_text_is_a_number_or_refused_and_never_shown_whole(text):
    found = mobile_number(text, foreign=True)
    if isinstance(found, str):
        assert mobile_number(found, foreign=True) == found
        assert phonenumbers.is_valid_number(phonenumbers.parse(found))
        return
    digits = "".join(c for c in text if c.isascii() and c.isdigit())
    assert len(digits) < 6 or digits not in found.line
    assert found.line.isprintable()
