"""From a text to a case: stored, placed, joined, asked back, answered once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from kentongan.db import inbound
from kentongan.sealing import blind
from notify.inbox.handling import work
from notify.reports.kinds import Category
from notify.wording.gsm7 import fits_one_part
from tests.notify.reports.conftest import BUDI, KEYS, RINA, SARI

PLACE = "desa Mananggu 1 kec Mananggu"


def test_a_report_becomes_a_case_with_a_receipt(line):
    said = line.says(f"LAPOR banjir {PLACE}, air selutut")
    report, case = line.reports()[0], line.cases()[0]
    assert (report["category"], report["adm4_code"]) == ("flood", "75.02.07.2001")
    assert (case["unit"], case["state"], case["urgency"]) == ("pskba", "open", 1)
    assert case["case_id"] in said and "diterima untuk PSKBA" in said and "112" in said
    assert line.steps(case["case_id"]) == ["opened", "routed"]
    assert any("banjir" in why for why in report["reasons"]["category"])
    assert report["caller_blind"] == blind(KEYS, RINA)


def test_danger_to_life_says_112_first_and_is_handed_over(line):
    said = line.says(f"tolong ibu saya tertimbun longsor di {PLACE}")
    case = line.cases()[0]
    assert said.removeprefix("LATIHAN. ").startswith("Ada bahaya jiwa? TELEPON 112 SEKARANG")
    assert (case["urgency"], case["unit"]) == (3, "handover-112")
    assert "handover" in line.steps(case["case_id"])


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_neighbours_join_and_a_second_victim_does_not(line):
    line.says(f"banjir di {PLACE}", RINA)
    said = line.says(f"rumah kami terendam, {PLACE}", BUDI, minutes=5)
    assert len(line.cases()) == 1 and "sudah kami catat" in said
    line.says(f"banjir {PLACE}", SARI, minutes=40)
    assert len(line.cases()) == 2
    line.says(f"anak saya terjebak di rumah {PLACE}", RINA, minutes=41)
    line.says(f"bapak tertimpa pohon pingsan {PLACE}", BUDI, minutes=42)
    assert [c["category"] for c in line.cases()].count("danger") == 2


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_a_place_is_asked_for_once_and_its_answer_completes_the_case(line):
    asked = line.says("banjir pak air masuk rumah")
    assert "Di desa, kecamatan dan kabupaten mana?" in asked
    assert line.cases()[0]["adm4_code"] is None
    said = line.says("Mananggu 2 kec Mananggu", minutes=3)
    assert "Ds.Desa Mananggu 2" in said or "Mananggu 2" in said
    assert line.cases()[0]["adm4_code"] == "75.02.07.2002"
    assert len(line.cases()) == 1
    assert [r["state"] for r in line.reports()] == ["routed", "routed"]
    assert line.says("airnya naik terus", minutes=6) == ""


def test_curses_and_laughter_are_kept_and_open_nothing(line):
    assert line.says("wkwkwk") == ""
    assert line.says("goblok", BUDI) == ""
    assert line.cases() == [] and [r["state"] for r in line.reports()] == ["noise", "noise"]
    assert [r["kind"] for r in line.inbox()] == ["noise", "noise"]
    line.says(f"anjing banjir lagi di {PLACE}", SARI)
    assert line.cases()[0]["category"] == "flood"


def test_a_curse_or_a_map_among_unknown_words_is_no_noise(line):
    line.says("anjing ini gimana bapak e ora obah blas neng njero kono", RINA)
    line.says("kami di sini https://maps.app.goo.gl/xyz", BUDI)
    assert [r["state"] for r in line.reports()] == ["routed", "asked"]
    assert len(line.cases()) == 2


def test_a_flood_from_one_number_are_one_case_and_one_answer(line):
    answers = [line.says(f"banjir {PLACE} ke {i}", minutes=i / 600) for i in range(40)]
    assert sum(bool(a) for a in answers) == 1
    assert len(line.cases()) == 1 and len(line.reports()) == 40


def test_told_twice_is_one_report(line):
    line.says(f"banjir {PLACE}")
    with line.engine.begin() as connection:
        connection.execute(update(inbound).values(state="new"))
    work(line.engine, KEYS, line.handlers, at=line.world.at + timedelta(minutes=1))
    assert len(line.reports()) == len(line.cases()) == 1


ODD = (
    "",
    "👍",
    '=HYPERLINK("http://x")',
    "x" * 1600,
    "1",
    "\x00\x1b[31m",
    "tolong " * 200,
    "' OR 1=1",
)


@pytest.mark.parametrize("text", ODD)
def test_no_text_breaks_the_line(line, text):
    said = line.says(text)
    assert len(line.reports()) == 1 and line.inbox()[0]["state"] == "done"
    assert not said or fits_one_part(said)
    assert line.reports()[0]["category"] in set(map(str, Category))
