"""Words of a drill, and ordinary words of BMKG's that are none."""

from __future__ import annotations

import time

import pytest

from kentongan.drills import is_drill, is_re_creation


@pytest.mark.parametrize(
    "text",
    [
        "TES Peringatan Dini Tsunami",
        "tes: gempa",
        "Test",
        "TESTING 1 2 3",
        "TES1",
        "[TES] Peringatan",
        "*** TES ***",
        "_TES_",
        "(TES)",
        "Peringatan Dini (TES)",
        "Ini adalah TES. Peringatan dini tsunami",
        "Ini hanyalah latihan",
        "INI ADALAH: UJI COBA",
        "This is an exercise",
        "This is only a test",
        "UJI COBA Peringatan dini tsunami",
        "ujicoba sistem",
        "LATIHAN Peringatan",
        "Simulasi tsunami",
        "GLADI bersih",
        "Geladi resik",
        "EXERCISE EXERCISE EXERCISE",
        "[InaTEWS] TES Peringatan",
        "[Info] *** LATIHAN ***",
        "Warning Tsunami PD-2 (LATIHAN IOWAVE)",
        "Warning Tsunami PD-2 (untuk latihan saja)",
        "Peringatan dini IOWave20",
        "iowave_1.mmi.jpg",
        "\uff34\uff25\uff33 gempa",
        "\ufeff\n TES gempa",
        "Uji  coba",
        "\u0422\u0415\u0405 Peringatan dini",  # Cyrillic
        "t\u0435s gempa",
        "T\u200bE\u200cS gempa",  # zero width
        "\u00adT\u2060ES gempa",
        "T\u3164E\u3164S gempa",  # a filler that is a letter
        "T\u00c9S gempa",
        "\U0001d413\U0001d404\U0001d412 gempa",  # mathematical bold
        "\U0001f183\U0001f174\U0001f182 gempa",  # on squares
        "\u1d1b\u1d07\ua731 gempa",  # small capitals
        "\ua4d4\ua4f0\ua4e2 gempa",  # Lisu
        "\u202eSET\u202c gempa",  # turned round
        "T\x00ES gempa",
        "T E S gempa",
        "L.A.T.I.H.A.N gempa",
        "\u041b\u0410 (\u053cATIHAN)",
        "Peringatan dini - TEST",
        "Peringatan dini: LATIHAN.",
        "Peringatan **TES** dini",
    ],
)
def test_a_drill_says_so(text):
    assert is_drill(text)
    assert is_drill("Peringatan dini", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "Tesa, 12 km barat",
        "Testamen",
        "Latihannya",
        "Peringatan dini tsunami untuk NTB, NTT akibat gempa M7.7, 15-Agu-26 04:58:24 WIB",
        "12 km BaratDaya TES-LEBONG-BENGKULU",
        "Hujan Lebat disertai Petir di Bengkulu, khususnya di Tes, Lebong Selatan",
        "Pusat gempa berada di darat 10 km barat daya Kab. Cianjur (Jawa Barat)",
        "Informasi ini mengutamakan kecepatan, sehingga hasil pengolahan data belum stabil",
        "Ini adalah peringatan dini tsunami",
        "[InaTEWS] Peringatan dini tsunami",
        "Segera latih evakuasi mandiri",
        "20260815050037.mmi.jpg",
        "Warning Tsunami PD-1",
        "Tidak berpotensi tsunami",
        "Radio wave",
        "Te Sungai",
        "Uji Tanjung",
        "Peringatan dini cuaca Bengkulu - Tes",
        "Banda Ac\u00e9h, \u5730\u9707, \u0433\u043e\u0440\u043e\u0434",
    ],
)
def test_ordinary_words_do_not(text):
    assert not is_drill(text)
    assert not is_re_creation(text)


@pytest.mark.parametrize(
    "text",
    ["(rekaan ulang)", "Reka Ulang 2022", "rekaan  ulang.", "a re-creation of", "REKA-ULANG"],
)
def test_a_re_creation_says_so(text):
    assert is_re_creation("x", text)
    assert not is_drill(text)


@pytest.mark.parametrize("text", ["rekreasi", "recreational boats", "merekam ulang", "ulang"])
def test_recreation_of_another_kind(text):
    assert not is_re_creation(text)


@pytest.mark.parametrize(
    "unit",
    ["(", "[", "*", "(x", "[x]", "( ", "_ ", "ini adalah ", "re-", "T ", "\u202e", "\u0422 "],
)
def test_no_text_takes_long(unit):
    started = time.monotonic()
    is_drill(unit * 200_000)
    is_re_creation(unit * 200_000)
    assert time.monotonic() - started < 1.0
