"""The bundled scenarios as files: format, marks, schema, size, and that they can be remade."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from ingest.registry import SOURCES
from ingest.source import ReadContext, Source
from kentongan.errors import SourceBlocked
from kentongan.scenario import Scenario, load_scenario
from kentongan.settings import data_dir

SCENARIOS = data_dir() / "scenarios"
NAMES = ("blind-night", "cianjur", "flores", "thunderstorm")
LIMIT_BYTES = 3_000_000
MAIN_PATHS = {
    "/DataMKG/TEWS/autogempa.json",
    "/DataMKG/TEWS/gempaterkini.json",
    "/DataMKG/TEWS/gempadirasakan.json",
    "/datagempa.json",
    "/last30tsunamievent.xml",
    "/alerts/nowcast/id",
    "/IMAGE/HIMA/H08_RP_Indonesia.png",
}
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
PALETTE = {
    (127, 255, 255): "Slight",
    (85, 255, 85): "Moderate",
    (255, 255, 85): "Heavy",
    (255, 42, 85): "Very Heavy",
    (255, 226, 171): "land",
    (151, 86, 67): "coast",
    (255, 255, 255): "sea",
    (153, 153, 153): "grid",
}


@pytest.fixture(params=NAMES)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return load_scenario(SCENARIOS / request.param)


def payloads(scenario: Scenario, suffix: str) -> list[Path]:
    return sorted(p for p in scenario.folder.iterdir() if p.suffix == suffix)


def served(scenario: Scenario, path: str) -> list[tuple[datetime, Path]]:
    """Time and file of each step that changes `path`."""
    return [(s.at, scenario.folder / s.serve[path]) for s in scenario.steps if path in s.serve]


def test_the_four_are_bundled():
    assert sorted(p.parent.name for p in SCENARIOS.glob("*/scenario.toml")) == list(NAMES)


def test_all_scenarios_together_are_small():
    folders = [*(SCENARIOS / name for name in NAMES), SCENARIOS, SCENARIOS / "generator"]
    size = sum(f.stat().st_size for folder in folders for f in folder.iterdir() if f.is_file())
    assert size < LIMIT_BYTES


def test_each_is_marked_as_a_re_creation(scenario):
    assert scenario.re_creation
    assert scenario.title
    assert all(step.note for step in scenario.steps)


def test_the_first_step_serves_every_main_path(scenario):
    assert set(scenario.steps[0].serve) >= MAIN_PATHS
    assert not scenario.steps[0].fail


def test_no_file_lies_idle(scenario):
    named = {name for step in scenario.steps for name in step.serve.values()}
    assert {p.name for p in scenario.folder.iterdir()} == named | {"scenario.toml"}


def test_every_json_and_xml_says_that_it_is_a_re_creation(scenario):
    for path in payloads(scenario, ".json"):
        assert json.loads(path.read_bytes())["_catatan"] == "rekaan ulang"
    for path in payloads(scenario, ".xml"):
        assert "rekaan ulang" in path.read_text(encoding="utf-8")


def test_quake_documents_have_bmkgs_fields_as_text(scenario):
    for name in ("autogempa", "gempaterkini", "gempadirasakan"):
        for _, file in served(scenario, f"/DataMKG/TEWS/{name}.json"):
            gempa = json.loads(file.read_bytes())["Infogempa"]["gempa"]
            assert isinstance(gempa, dict if name == "autogempa" else list)
            for row in [gempa] if isinstance(gempa, dict) else gempa:
                assert all(isinstance(value, str) for value in row.values())
                assert ("Potensi" in row) == (name != "gempadirasakan")
                latitude = float(row["Coordinates"].split(",")[0])
                sign = -1 if row["Lintang"].endswith("LS") else 1
                assert latitude == sign * float(row["Lintang"].split()[0])


def test_no_document_is_newer_than_its_step(scenario):
    for at, file in served(scenario, "/alerts/nowcast/id"):
        if file.suffix == ".xml":
            built = ElementTree.parse(file).findtext("channel/lastBuildDate")
            assert datetime.strptime(built, "%a, %d %b %Y %H:%M:%S %z") <= at
    for at, file in served(scenario, "/datagempa.json"):
        sent = json.loads(file.read_bytes())["info"]["timesent"].removesuffix("WIB") + "+0700"
        assert datetime.strptime(sent, "%d/%m/%Y %H:%M:%S%z") <= at


def test_the_list_of_warnings_names_the_documents_that_are_served(scenario):
    dead = {path for step in scenario.steps for path in step.fail}
    known: set[str] = set()
    for step in scenario.steps:
        known |= set(step.serve)
        feed = scenario.folder / step.serve.get("/alerts/nowcast/id", "scenario.toml")
        if feed.suffix == ".xml":
            links = [e.text for e in ElementTree.parse(feed).iterfind("channel/item/link")]
            assert {link.removeprefix("https://www.bmkg.go.id") for link in links} <= known | dead


def test_nowcast_polygons_are_closed_rings_with_three_decimals(scenario):
    files = {f for s in scenario.steps for p, f in s.serve.items() if p.endswith("_alert.xml")}
    for name in files:
        root = ElementTree.parse(scenario.folder / name).getroot()
        rings = [e.text.split() for e in root.iter(f"{CAP}polygon")]
        assert rings
        for ring in rings:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
            assert all(len(n.split(".")[1]) == 3 for point in ring for n in point.split(","))


def test_pictures_have_bmkgs_size_and_palette(scenario):
    for path in payloads(scenario, ".png"):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (1674, 1118))
            colours = colours_of(np.asarray(image)[70:1040, 140:1520])
        assert colours <= set(PALETTE)
        assert {(255, 255, 255), (255, 226, 171), (151, 86, 67), (153, 153, 153)} <= colours


def test_the_picture_is_fresh_until_it_is_meant_to_freeze(scenario):
    pictures = served(scenario, "/IMAGE/HIMA/H08_RP_Indonesia.png")
    for at, file in pictures:
        scan = datetime.strptime(f"{at:%Y-%m-%d} {file.stem[-4:]} +0000", "%Y-%m-%d %H%M %z")
        age = (at - scan) % timedelta(days=1)
        assert timedelta(minutes=14) <= age < timedelta(minutes=30)
    if scenario.name == "blind-night":
        assert scenario.steps[-1].at - pictures[-1][0] > timedelta(hours=1)
    else:
        assert len(pictures) == len(scenario.steps)


def reader_of(path: str) -> Source | None:
    """The connector that polls this path."""
    if path.startswith("/alerts/nowcast/"):
        return SOURCES["bmkg-nowcast"]
    village = [path.partition("adm4=")[2]]
    return next((s for s in SOURCES.values() if path in s.paths(village, datetime.now(UTC))), None)


def test_our_connectors_read_every_payload_without_a_complaint(scenario):
    for step in scenario.steps:
        for path, name in step.serve.items():
            data = (scenario.folder / name).read_bytes()
            source = reader_of(path)
            assert source is not None, path
            context = ReadContext(source.info.source_id, path, "0" * 64, step.at, True)
            if name == "block-page.html":
                with pytest.raises(SourceBlocked):
                    source.read(data, context)
                continue
            reading = source.read(data, context)
            assert (reading.rejected, reading.notes) == ((), ()), name
            assert reading.records or reading.empty
            assert all(r.re_creation and r.document_time <= step.at for r in reading.records)


def test_the_time_of_every_picture_is_read_from_its_title(scenario):
    for at, file in served(scenario, "/IMAGE/HIMA/H08_RP_Indonesia.png"):
        context = ReadContext("himawari-rp", "/IMAGE", "0" * 64, at, True)
        record = SOURCES["himawari-rp"].read(file.read_bytes(), context).records[0]
        assert record.time_source == "title"
        assert f"{record.valid_time:%H%M}" == file.stem[-4:]


def test_an_alert_comes_back_under_a_new_guid_with_the_same_code():
    scenario = load_scenario(SCENARIOS / "thunderstorm")
    guids: dict[str, set[str]] = {}
    for _, file in served(scenario, "/alerts/nowcast/id"):
        for item in ElementTree.parse(file).iterfind("channel/item"):
            guids.setdefault(item.findtext("link"), set()).add(item.findtext("guid"))
    assert len(guids) == 6
    assert all(len(found) > 1 for found in guids.values())


def test_the_doubled_zone_and_the_exchanged_gauges_are_there():
    scenario = load_scenario(SCENARIOS / "flores")
    bulletins = {}
    for _, file in served(scenario, "/datagempa.json"):
        info = json.loads(file.read_bytes())["info"]
        bulletins[info["subject"]] = info
    first, second = bulletins["Warning Tsunami PD-1"], bulletins["Warning Tsunami PD-2"]
    assert [z["district"] for z in first["wzarea"]] == ["NGADA BAGIAN UTARA"] * 2
    assert len(second["wzarea"]) == 22
    assert sum(z["level"] == "SIAGA" for z in second["wzarea"]) == 8
    swapped = bulletins["Warning Tsunami PD-3.2"]["obsarea"]
    assert len(swapped) == 7
    assert all(float(g["loclatitude"]) > 90 for g in swapped)
    assert all(float(g["loclatitude"]) < 0 for g in bulletins["Warning Tsunami PD-3.4"]["obsarea"])
    assert "wzarea" not in bulletins["Warning Tsunami PD-4"]


def test_the_generator_gives_the_same_files_again(tmp_path):
    """Texts to the byte; pictures to the pixel, as libraries may pack them otherwise."""
    subprocess.run([sys.executable, SCENARIOS / "make.py", tmp_path], check=True, timeout=250)
    for name in NAMES:
        made = {p.name: p for p in (tmp_path / name).iterdir()}
        kept = {p.name: p for p in (SCENARIOS / name).iterdir()}
        assert made.keys() == kept.keys()
        for file, path in made.items():
            if path.suffix == ".png":
                assert differing_pixels(path, kept[file]) < 50
            else:
                assert path.read_bytes() == kept[file].read_bytes(), file


def colours_of(pixels: np.ndarray) -> set[tuple[int, int, int]]:
    packed = pixels.astype(np.int64) @ (65536, 256, 1)
    return {(n >> 16, n >> 8 & 255, n & 255) for n in np.unique(packed).tolist()}


def differing_pixels(a: Path, b: Path) -> int:
    with Image.open(a) as left, Image.open(b) as right:
        return int((np.asarray(left) != np.asarray(right)).any(-1).sum())
