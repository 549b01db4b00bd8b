"""Names as BMKG writes them lead to the right areas, or are said to lead nowhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.codes import adm_level
from kentongan.errors import DataError, SettingsError
from kentongan.settings import data_dir
from processing.gazetteer import SIDES, Gazetteer, ZoneArea, read_table


def spellings(name: str) -> list[str]:
    plain = re.sub(r"^(KABUPATEN|KAB\.?) |ADMINISTRASI |ADM\. ", "", name.upper())
    plain = re.sub(r"^KABUPATEN ", "", plain)
    return [plain, plain.replace(" ", "-"), plain.replace(" ", ""), plain.replace("-", " ")]


def test_all_514_regencies_resolve_in_bmkg_spelling(gazetteer, regencies):
    assert len(regencies) == 514
    everyone = {code for code, _ in regencies}
    lost = [
        (code, name, spelling)
        for code, name in regencies
        for spelling in spellings(name)
        if gazetteer.resolve(gazetteer.province_name(code[:2]), spelling, named=everyone).areas
        != (ZoneArea((code,)),)
    ]
    assert lost == []


def test_every_part_of_every_regency_resolves_to_that_regency_and_side(gazetteer, regencies):
    for code, name in regencies:
        for direction, side in (("UTARA", "N"), ("SELATAN", "S"), ("BARAT DAYA", "SW")):
            text = f"{spellings(name)[1]} BAGIAN {direction}"
            first = gazetteer.resolve(gazetteer.province_name(code[:2]), text).areas[0]
            assert code in first.adm_codes, text
            assert first.side == side, text


@pytest.mark.parametrize(
    ("short", "codes"),
    [
        ("NTT", ("53",)),
        ("SULUT", ("71",)),
        ("MALUT", ("82",)),
        ("DI Yogyakarta", ("34",)),
        ("PAPUA", ("91", "93", "94", "95")),
        ("PAPUABAR", ("92", "96")),
        ("Provinsi", ()),
        ("", ()),
    ],
)
def test_provinces(gazetteer, short, codes):
    assert gazetteer.province_codes(short) == codes


@pytest.mark.parametrize(
    ("province", "district", "expected"),
    [
        ("NTB", "KOTA-BIMA BAGIAN UTARA", [(("52.72",), "N")]),
        ("NTB", "BIMA", [(("52.06",), "")]),
        ("SULTRA", "KOTA-BAU-BAU", [(("74.72",), "")]),
        ("SULTRA", "BAUBAU", [(("74.72",), "")]),
        ("PAPUABAR", "RAJAAMPAT BAGIAN UTARA", [(("96.03",), "N")]),
        ("PAPUA", "BIAKNUMFOR", [(("91.06",), "")]),
        ("MALUT", "HALMAHERA-TENGAH", [(("82.02",), "")]),
        ("MALUKU", "SERAM-BAGIAN-TIMUR", [(("81.05",), "")]),
        ("MALUT", "PULAU MOROTAI", [(("82.07",), "")]),
        ("NTT", "PULAU ENDE", [(("53.08.02",), "")]),
        ("NTB", "BIMA PULAU SANGIANG", [(("52.06.07.2007",), "")]),
        ("NTB", "BIMA PULAU GILI", [(("52.06.06.2014",), "")]),
        ("KALSEL", "KOTABARU", [(("63.02",), "")]),
        ("SUMBAR", "PADANG", [(("13.71",), "")]),
        ("SUMBAR", "PADANGPARIAMAN", [(("13.05",), "")]),
        ("SULSEL", "PANGKEP", [(("73.10",), "")]),
        ("SULSEL", "SELAYAR", [(("73.01",), "")]),
        ("BENGKULU", "BENGKULU-UTARA PULAU ENGGANO", [(("17.03.01",), "")]),
        ("LAMPUNG", "LAMPUNG-BARAT PESISIR-SELATAN", [(("18.04", "18.13"), "S")]),
        ("SUMUT", "NIAS-SELATAN PULAU TELLO", [(("12.14",), "")]),
        ("NTT", "PULAU ENDE BAGIAN UTARA", [(("53.08.02",), "N")]),
        ("NTT", "NGADA BAGIAN UTARA", [(("53.09", "53.16"), "N")]),
        ("SULSEL", "LUWU BAGIAN TIMUR", [(("73.17",), "E"), (("73.24",), "")]),
        ("SULSEL", "LUWU-TIMUR", [(("73.24",), "")]),
        ("Provinsi", "Kota", []),
        ("NTT", "ATLANTIS", []),
        ("NTT", "PULAU ATLANTIS", []),
        ("NTT", "", []),
        ("NTB", "NGADA", []),
    ],
)
def test_zones(gazetteer, province, district, expected):
    found = gazetteer.resolve(province, district).areas
    assert [(area.adm_codes, area.side) for area in found] == expected


def test_islands_are_found_by_the_names_of_their_districts(gazetteer):
    siberut = gazetteer.resolve("SUMBAR", "KEPULAUAN-MENTAWAI PULAU SIBERUT").areas[0]
    assert {code[:5] for code in siberut.adm_codes} == {"13.09"}
    assert len(siberut.adm_codes) == 5


def test_an_unknown_island_widens_to_its_regency_and_says_so(gazetteer):
    found = gazetteer.resolve("BANTEN", "PANDEGLANG PULAU PANAITAN")
    assert found.areas == (ZoneArea(("36.01",)),)
    assert found.widened
    assert "PANAITAN" in found.note


def test_a_child_named_in_the_same_bulletin_is_not_meant_by_its_parent(gazetteer):
    zones = [("NTT", "NGADA BAGIAN UTARA"), ("NTT", "NAGEKEO")]
    named = gazetteer.named(zones)
    assert named == {"53.09", "53.16"}
    assert gazetteer.resolve(*zones[0], named=named).areas == (ZoneArea(("53.09",), "N"),)


def test_every_zone_of_the_flores_sequence_resolves(samples, gazetteer):
    path = samples / "bmkg" / "inatews" / "last30tsunamievent-2026-08-15-M7.7.xml"
    pattern = r"<province>(.*?)</province>\s*<district>(.*?)</district>"
    zones = set(re.findall(pattern, path.read_text(encoding="utf-8")))
    assert len(zones) == 22
    assert [zone for zone in zones if not gazetteer.resolve(*zone).areas] == []
    codes = {
        code for zone in zones for area in gazetteer.resolve(*zone).areas for code in area.adm_codes
    }
    assert {"53.16", "53.19"} <= codes, "Nagekeo and Manggarai Timur lie between named coasts"


def test_every_zone_of_the_2021_exercise_resolves(samples, gazetteer):
    path = samples / "bmkg" / "inatews" / "datagempa-2021-02-05-exercise-status-TES-PD1.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["info"]["wzarea"]
    found = {row["district"]: gazetteer.resolve(row["province"], row["district"]) for row in rows}
    lost = {name for name, one in found.items() if not one.areas}
    assert lost <= {"Kota"}, "only the row that a stranger edited"


def test_hand_made_rows_name_areas_that_exist(areas, gazetteer):
    table = read_table(data_dir() / "gazetteer.toml")
    known = {str(code)[:n] for code in areas.adm4_code for n in (2, 5, 8, 13)}
    rows = [code for row in (*table.alias, *table.place) for code in row.codes]
    rows += [row.code for row in table.province]
    rows += [code for row in table.former_province for code in row.codes]
    rows += [code for row in table.split for code in (row.parent, *row.children)]
    assert [code for code in rows if code not in known] == []
    assert len(table.province) == 38


def test_children_lie_beside_or_off_their_parent(areas, gazetteer):
    """Split-off regencies keep the province, Tambrauw apart, which was drawn from two."""
    for row in read_table(data_dir() / "gazetteer.toml").split:
        for child in row.children:
            assert child[:2] == row.parent[:2] or child == "96.04"


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_text_leads_to_areas_or_to_none_but_never_fails(gazetteer, province, district):
    found = gazetteer.resolve(province, district)
    for area in found.areas:
        assert area.side in {"", *SIDES.values()}
        assert all(adm_level(code) >= 2 for code in area.adm_codes)


@given(st.sampled_from(sorted(SIDES)), st.data())
def test_no_zone_is_ever_a_whole_province(gazetteer, regencies, direction, data):
    code, name = data.draw(st.sampled_from(regencies))
    text = f"{name} BAGIAN {direction}"
    found = gazetteer.resolve(gazetteer.province_name(code[:2]), text)
    codes = {c for area in found.areas for c in area.adm_codes}
    assert 1 <= len(codes) <= 6


def test_a_table_with_an_unknown_key_is_refused(tmp_path: Path):
    path = tmp_path / "gazetteer.toml"
    path.write_text('author = "x"\ndate = 2026-01-01\nprovinces = []\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="gazetteer"):
        read_table(path)


@pytest.mark.parametrize("rows", [[], [("5316", "Nagekeo")], [("53", "Nusa Tenggara Timur")]])
def test_regencies_must_be_given_with_dotted_codes(rows):
    with pytest.raises(DataError):
        Gazetteer.build(rows)
