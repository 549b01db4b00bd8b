"""The village of a report: found, asked about, never silently guessed."""

from __future__ import annotations

import pandas as pd
import pytest

from notify.reports.place import Gazette

_JABAR = "Jawa Barat"
_ROWS = (
    ("32.04.12.2006", "Citeureup", "Dayeuhkolot", "Kabupaten Bandung", _JABAR, 107.63, -6.98),
    ("32.04.12.2007", "Dayeuhkolot", "Dayeuhkolot", "Kabupaten Bandung", _JABAR, 107.62, -6.985),
    ("32.13.01.2001", "Dayeuh Kolot", "Sagalaherang", "Kabupaten Subang", _JABAR, 107.7, -6.7),
    ("32.03.01.2003", "Sukamaju", "Cianjur", "Kabupaten Cianjur", _JABAR, 107.1, -6.8),
    ("32.05.01.2003", "Sukamaju", "Cilawu", "Kabupaten Garut", _JABAR, 107.9, -7.2),
    ("16.10.01.2003", "Palu", "Pemulutan", "Kabupaten Ogan Ilir", "Sumatera Selatan", 104.7, -3.1),
    ("72.71.01.1001", "Besusu", "Palu Timur", "Kota Palu", "Sulawesi Tengah", 119.9, -0.9),
    ("32.04.12.2008", "Banjir", "Pacet", "Kabupaten Bandung", _JABAR, 107.635, -6.981),
)  # fmt: skip


@pytest.fixture(scope="module")
def gazette():
    names = ("adm4_code", "name", "adm3_name", "adm2_name", "adm1_name", "longitude", "latitude")
    return Gazette.of(pd.DataFrame(_ROWS, columns=names).assign(kind="Desa"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("banjir di desa citeureup kec dayeuhkolot", "32.04.12.2006"),
        ("banjir ds. Citerup, Dayeuhkolot", "32.04.12.2006"),
        ("kel citeureup air naik", "32.04.12.2006"),
        ("di 32.04.12.2006 banjir", "32.04.12.2006"),
        ("longsor desa sukamju kec cianjur", "32.03.01.2003"),
        ("banjir di dayeuhkolot bandung", "32.04.12.2007"),
        ("banjir dayeuh kolot sagalaherang", "32.13.01.2001"),
        ("gempa di besusu", "72.71.01.1001"),
    ],
)
def test_a_village_that_is_named_is_found(gazette, text, code):
    found = gazette.locate(text)
    assert found.code == code and found.reasons, found


@pytest.mark.parametrize(
    "text",
    ["banjir besar", "gempa di palu", "banjir dekat pasar citeureup", "longsor desa sukamaju",
     "jl sukamaju ambles", "desa xyzzyq", ""],
)  # fmt: skip
def test_what_is_in_doubt_is_not_guessed(gazette, text):
    found = gazette.locate(text)
    assert found.code is None and found.reasons and len(found.choices) <= 3


def test_equal_villages_become_choices_and_the_home_decides_between_them_alone(gazette):
    asked = gazette.locate("longsor desa sukamaju")
    assert asked.choices == ("32.03.01.2003", "32.05.01.2003")
    chosen = gazette.locate("longsor desa sukamaju", home="32.05.01.2009")
    assert chosen.code == "32.05.01.2003" and "registered home" in chosen.reasons[0]
    assert gazette.locate("banjir besar", home="32.05.01.2003").code is None
    far = gazette.locate("longsor desa sukamaju kec cianjur", home="32.05.01.2003")
    assert far.code == "32.03.01.2003"


def test_an_area_without_a_village_is_kept_as_context(gazette):
    found = gazette.locate("banjir di kec dayeuhkolot kab bandung")
    assert (found.code, found.area) == (None, "32.04.12")


def test_near_is_a_distance_between_centres(gazette):
    assert gazette.near("32.04.12.2006", 1.0) == ("32.04.12.2006", "32.04.12.2008")
    assert gazette.near("99.99.99.9999", 1.0) == ("99.99.99.9999",)
