"""Times by the clock of the place; numbers and abbreviations for a voice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.wording.clock import arrival_ways, moment, when_ways
from notify.wording.language import language
from notify.wording.speech import number, spoken

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("17.27 WITA", "pukul tujuh belas dua puluh tujuh Waktu Indonesia Tengah"),
        ("02.05 WIB", "pukul dua lewat lima menit Waktu Indonesia Barat"),
        ("00.00 WIT", "pukul nol Waktu Indonesia Timur"),
        ("mulai 15.27 sampai 17.27 WITA",
         "mulai pukul lima belas dua puluh tujuh sampai pukul tujuh belas dua puluh tujuh "
         "Waktu Indonesia Tengah"),
        ("Kec. Dengilo & Mananggu, Kab. Boalemo (3 kec.)",
         "Kecamatan Dengilo dan Mananggu, Kabupaten Boalemo, tiga kecamatan"),
        ("128.456 jiwa", "seratus dua puluh delapan ribu empat ratus lima puluh enam jiwa"),
        ("1,6 km", "satu koma enam kilometer"),
        ("Sumber: BMKG", "Sumber: B M K G"),
        ("26 September", "dua puluh enam September"),
        ("AWAS TSUNAMI! SEKARANG", "Awas Tsunami! Sekarang"),
        ("SDN 1", "SDN satu"),
    ],
)  # fmt: skip
def test_indonesian(text, said):
    assert spoken(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("until 17:05 WITA", "until seventeen oh five Central Indonesia Time"),
        ("26 Sep 02:10 WIB", "twenty-six September two ten Western Indonesia Time"),
        ("3,500 people", "three thousand five hundred people"),
        ("08:00 WIT", "eight hours Eastern Indonesia Time"),
    ],
)
def test_english(text, said):
    assert spoken(text, "en") == said


@pytest.mark.parametrize(
    ("value", "indonesian", "english"),
    [
        (0, "nol", "zero"), (11, "sebelas", "eleven"), (19, "sembilan belas", "nineteen"),
        (100, "seratus", "one hundred"), (1000, "seribu", "one thousand"),
        (2021, "dua ribu dua puluh satu", "two thousand twenty-one"),
        (1_000_000, "satu juta", "one million"),
        (284_973_643, "dua ratus delapan puluh empat juta sembilan ratus tujuh puluh tiga ribu "
         "enam ratus empat puluh tiga", "two hundred eighty-four million nine hundred "
         "seventy-three thousand six hundred forty-three"),
    ],
)  # fmt: skip
def test_numbers_in_words(value, indonesian, english):
    assert (number(value), number(value, "en")) == (indonesian, english)


@given(st.text(max_size=120), st.sampled_from(["id", "en"]))
def test_nothing_that_is_said_holds_a_digit(text, code):
    ascii_digits = set("0123456789")
    assert not ascii_digits & set(spoken(text, code))


def test_a_number_beyond_is_an_error():
    with pytest.raises(ValueError, match="999999999"):
        number(-1)


@pytest.mark.parametrize(
    ("ahead", "zone", "said"),
    [
        (timedelta(hours=2), 8, "17.10 WITA"),
        (timedelta(hours=2), 9, "18.10 WIT"),
        (timedelta(hours=12), 7, "besok 02.10 WIB"),
        (timedelta(hours=9), 7, "23.10 WIB"),
        (timedelta(hours=9), 8, "besok 00.10 WITA"),
        (timedelta(days=2), 7, "26 September 14.10 WIB"),
    ],
)
def test_days_by_the_clock_of_the_place(ahead, zone, said):
    assert moment(AT + ahead, at=AT, zone=zone, words=language("id")) == said


def test_english_times():
    words = language("en")
    assert moment(AT + timedelta(hours=12), at=AT, zone=7, words=words) == "tomorrow 02:10 WIB"
    ways = when_ways(
        AT + timedelta(minutes=17), AT + timedelta(hours=2), at=AT, zone=8, words=words
    )
    assert ways == ["from 15:27 until 17:10 WITA", "until 17:10 WITA"]
    assert arrival_ways(AT, at=AT, zone=7, words=words) == [""]
