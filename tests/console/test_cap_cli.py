"""`kentongan cap` as a user types it: anybody's documents, keys, signatures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli.app import app

GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{name}</identifier><sender>pos@example.invalid</sender>
<sent>2026-09-24T15:{minute}:00+08:00</sent><status>Actual</status><msgType>{kind}</msgType>
<scope>Public</scope>{references}
<info><language>id-ID</language><category>Met</category><event>Petir</event>
<responseType>Avoid</responseType><urgency>Immediate</urgency><severity>Severe</severity>
<certainty>Likely</certainty><expires>2026-09-24T17:27:00+08:00</expires>
<senderName>Pos</senderName><headline>Awas petir</headline><description>Petir.</description>
<instruction>Masuk rumah.</instruction><web>https://example.invalid/</web><contact>112</contact>
<area><areaDesc>Kab. Boalemo</areaDesc><circle>0.5,122.1 12</circle></area></info>
</alert>
"""


def document(name: str, minute: int, *refers: str) -> str:
    triplets = " ".join(f"pos@example.invalid,{r}" for r in refers)
    references = f"<references>{triplets}</references>" if refers else ""
    kind = "Update" if refers else "Alert"
    return GOOD.format(name=name, minute=minute, kind=kind, references=references)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, ["cap", *map(str, arguments)], **more)


def test_a_valid_document_is_told_in_one_line(run, tmp_path):
    (tmp_path / "a.xml").write_text(document("a", 10), encoding="utf-8")
    done = run("check", "a.xml")
    assert done.exit_code == 0
    assert done.stdout == "a.xml: valid\n1 document: 1 valid, 0 not\n"


def test_a_folder_gives_its_cap_and_counts_the_rest(run, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.xml").write_text(document("a", 10), encoding="utf-8")
    (tmp_path / "in" / "deep" / "b.xml").write_text(document("b", 10), encoding="utf-8")
    (tmp_path / "in" / "feed.xml").write_text("<rss/>", encoding="utf-8")
    done = run("check", "in")
    assert done.exit_code == 0
    assert "2 documents: 2 valid, 0 not; 1 other XML files passed over" in done.stdout


def test_what_is_the_same_in_many_places_is_told_once_with_its_lines(run, tmp_path):
    text = document("a", 10).replace("<contact>112</contact>", "")
    info = text[text.index("<info>") : text.index("</info>") + 7]
    (tmp_path / "a.xml").write_text(text.replace("</alert>", info + "</alert>"), encoding="utf-8")
    done = run("check", "a.xml")
    assert "advice ADVISED              info without contact  [2 times: line 6, 12]" in done.stdout


def test_an_error_names_line_and_element_and_makes_status_1(run, tmp_path):
    (tmp_path / "a.xml").write_text(document("a", 10).replace("0.5,122.1 12", "122.1,0.5 12"))
    done = run("check", "a.xml")
    assert done.exit_code == 1
    assert "a.xml: NOT VALID, 1 error" in done.stdout
    assert "it is written lon,lat  [line 11, alert/info/area/circle]" in done.stdout


def test_a_thread_that_leaves_an_alert_out_is_not_valid(run, tmp_path):
    first = document("a", 10)
    second = document("b", 20, "a,2026-09-24T15:10:00+08:00")
    third = document("c", 30, "b,2026-09-24T15:20:00+08:00")
    for name, text in (("1.xml", first), ("2.xml", second), ("3.xml", third)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run("check", "1.xml", "2.xml", "3.xml").exit_code == 0
    done = run("check", "--thread", "1.xml", "2.xml", "3.xml", "--json")
    assert done.exit_code == 1
    files = json.loads(done.stdout)["files"]
    assert [[f["rule"] for f in file["findings"]] for file in files] == [
        [], [], ["REFERENCES-COMPLETE"],
    ]  # fmt: skip


def test_standard_input_and_a_clock(run):
    done = run("check", "-", "--at", "2026-09-25T00:00:00Z", input=document("a", 10))
    assert done.exit_code == 0
    assert "EXPIRED" in done.stdout


def test_what_cannot_be_read_is_status_2_and_the_others_are_judged(run, tmp_path):
    (tmp_path / "a.xml").write_text(document("a", 10), encoding="utf-8")
    done = run("check", "none.xml", "a.xml")
    assert done.exit_code == 2
    assert "a.xml: valid" in done.stdout
    assert "none.xml: NOT READ" in done.stderr


def test_every_rule_is_printed_with_its_source(run):
    from notify.cap.rules import RULES

    lines = run("rules").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(RULES)


def test_a_new_key_signs_what_its_certificate_verifies(run, tmp_path):
    from notify.cap.signature import load_signer, sign

    assert run("keygen", "keys", "--name", "Uji").exit_code == 0
    again = run("keygen", "keys")
    assert again.exit_code != 0
    keys = tmp_path / "keys"
    signer = load_signer(keys / "cap-key.pem", keys / "cap-certificate.pem")
    (tmp_path / "s.xml").write_bytes(sign(document("a", 10).encode(), signer))
    assert run("check", "s.xml").exit_code == 0
    good = run("verify", "s.xml", "--certificate", keys / "cap-certificate.pem")
    assert good.exit_code == 0
    assert "verified, signed by CN=Uji" in good.stdout
    (tmp_path / "s.xml").write_bytes((tmp_path / "s.xml").read_bytes().replace(b"petir", b"hujan"))
    bad = run("verify", "s.xml", "--certificate", keys / "cap-certificate.pem", "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["verified"] is False


def test_publishing_a_new_home_makes_an_empty_list(run, tmp_path):
    done = run("publish", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["in_force"] == {"public-exercise/cap": 0}
    assert (tmp_path / "home" / "public-exercise" / "cap" / "feed.atom").exists()
    assert not (tmp_path / "home" / "public").exists()


def test_judging_loads_no_table_library(tmp_path):
    """A check at night must answer at once."""
    (tmp_path / "a.xml").write_text(document("a", 10), encoding="utf-8")
    code = (
        "import sys; from console.cap_judging import judge; "
        "judge(['a.xml'], thread=True, at=None); "
        "print(sorted({'pandas', 'xarray', 'geopandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
