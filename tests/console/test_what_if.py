"""`kentongan what-if`: figures or BMKG's text through the whole chain, nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli.app import app
from orchestration.what_if import Figures

PALU = ("-m", "7.5", "--depth", "20", "--lat=-0.256", "--lon", "119.846", "--tsunami")
RUN = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def palu(tmp_path_factory: pytest.TempPathFactory) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KENTONGAN_HOME", str(tmp_path_factory.mktemp("palu") / "home"))
        done = RUN.invoke(app, ["what-if", *PALU, "--at", "2018-09-28T10:02:45Z", "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_large_quake_from_figures_to_tasks(palu: dict) -> None:
    assert palu["at"] == "2018-09-28T10:07:45Z"
    assert 7.0 < palu["mmi_max"]["bmkg_chain"] < 8.5
    assert palu["villages"]["4"] > 20 and palu["people"]["4"] > 10_000
    assert sum(palu["people_by_mmi"]["people"]["level"].values()) > 1_000_000
    assert palu["warnings"][0]["status"] == "Exercise"
    assert palu["troubles"] == []
    assert all("LATIHAN" in text["sms"] for text in palu["texts"])
    assert {text["regency"] for text in palu["texts"]} & {"Kota Palu", "Kab. Sigi"}
    assert sum(palu["tasks"].values()) > 0


def test_its_times_are_of_the_same_pass(palu: dict) -> None:
    for found in (palu["seconds"], palu["seconds_first"]):
        assert found["text_to_villages"] > 0
        assert found["text_to_messages"] <= found["text_to_tasks"]
    assert palu["seconds"]["text_to_villages"] < 5.0


def test_the_report_of_a_file_says_units_and_leaves_no_trace(tmp_path: Path, home: Path) -> None:
    from datetime import UTC, datetime

    file = tmp_path / "autogempa.json"
    origin = datetime(2006, 5, 26, 22, 53, 58, tzinfo=UTC)
    file.write_bytes(Figures(origin, 6.3, 12.5, -7.961, 110.446, "Yogyakarta").text())
    done = RUN.invoke(app, ["what-if", str(file), "--texts", "1"])
    assert done.exit_code == 0, done.output
    for words in ("strongest MMI", "people by whole MMI", "Siaga", "tasks for Tagana", "34 min"):
        assert words in done.output
    assert not home.exists()


@pytest.mark.parametrize(
    "figures",
    [
        ("-m", "0", "--lat=-7", "--lon", "110"),
        ("-m", "7", "--lat", "30", "--lon=-150"),
    ],
)
def test_a_quake_that_nobody_here_feels(figures: tuple[str, ...]) -> None:
    done = RUN.invoke(app, ["what-if", *figures, "--at", "2018-09-28T10:02:45Z"])
    assert done.exit_code == 0, done.output
    assert "nobody is warned" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--magnitude"),
        (("-m", "6", "--lat", "0"), "--magnitude"),
        (("-m", "10", "--lat", "0", "--lon", "120"), "--magnitude"),
        (("-m", "6", "--lat", "0", "--lon", "120", "--depth", "900"), "--depth"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], words: str) -> None:
    done = RUN.invoke(app, ["what-if", *arguments])
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'{"Infogempa":{"gempa":{"Magnitude":"x"}}}', b"\xff"]
)
def test_a_text_that_is_none(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(text)
    done = RUN.invoke(app, ["what-if", str(file)])
    assert done.exit_code != 0
    said = f"{done.output}{done.exception}"
    assert "could not be read" in said
    assert "127.0.0.1" not in said


def test_figures_or_a_file_but_not_both(tmp_path: Path) -> None:
    file = tmp_path / "any.json"
    file.write_bytes(b"{}")
    assert RUN.invoke(app, ["what-if", str(file), "-m", "6"]).exit_code == 2
    file.write_bytes(b" " * 100_001)
    done = RUN.invoke(app, ["what-if", str(file)])
    assert done.exit_code != 0 and "at most" in f"{done.output}{done.exception}"


def test_the_text_is_of_bmkgs_schema() -> None:
    from datetime import UTC, datetime

    origin = datetime(2018, 8, 5, 11, 46, 38, tzinfo=UTC)
    said = json.loads(Figures(origin, 6.9, 34, -8.258, 116.438).text())["Infogempa"]["gempa"]
    assert said["Tanggal"] == "05 Agu 2018" and said["Jam"] == "18:46:38 WIB"
    assert said["Coordinates"] == "-8.26,116.44" and said["Lintang"] == "8.26 LS"
    assert said["Kedalaman"] == "34 km" and said["Potensi"] == "Tidak berpotensi tsunami"
    assert all(isinstance(value, str) for value in said.values())
