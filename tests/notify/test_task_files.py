"""Lists of tasks as files: read back by other programs, the same bytes for the same input."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
import warnings
import zlib
from base64 import a85decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from kentongan.errors import DataError
from kentongan.plan import Leg
from kentongan.types import TaskKind
from notify.tasks.export import FORMATS, LARGEST, Amounts, Sheet, fitting, make
from notify.tasks.export.scale import Scale
from notify.tasks.export.sheet import clean, thinned, urgency
from notify.tasks.export.xml_maps import GPX_NS, KML_NS
from notify.tasks.listing import STRAIGHT_WORDS, TaskLine

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
EVIL = (
    '=cmd|"/c calc"!A1 <script>alert(1)</script> &amp; \u202egnp.exe\x00\x1b[31m ]]> Pak\u2019e 村'
)
SECONDS_PER_1000 = 15.0
"""Of a PDF of 1,000 tasks on a loaded machine; 3 s on a quiet one."""


def say(text):
    """A measured figure, for whoever runs the tests with -s."""
    sys.stdout.write(f"{text}\n")


def leg(**changes):
    values = {
        "people": 420, "team_id": "t-1", "team": "Tagana 1", "members": 12, "shelter_id": "s-1",
        "shelter": "SDN 2", "way_min": 34.0, "line": ((107.1, -6.8), (107.11, -6.82)),
    }  # fmt: skip
    return Leg(**{**values, **changes})


def line(number=482173, **changes):
    values = {
        "task_id": f"T{number:06d}", "coordinator_id": "c-32.03", "level": 4,
        "kind": TaskKind.EVACUATE, "village": "Cijedil", "district": "Cugenang",
        "regency": "Kab. Cianjur", "zone_hours": 7, "people": 4210, "unmet_people": 10,
        "team": "Tagana 1", "shelter": "SDN 2", "eta_min": 25.0, "note": "", "state": "sent",
        "cap_status": "Exercise", "warning_id": "w-1", "adm4_code": "32.03.24.2001",
        "latitude": -6.8, "longitude": 107.1, "deadline": AT + timedelta(hours=1), "legs": (leg(),),
        "steps": ((AT, "sent"),),
    }  # fmt: skip
    return TaskLine(**{**values, **changes})


def sheet(*lines, **changes):
    needs = (Amounts("SDN 2", 420, 1838, ("air 1.050 liter",)),)
    return replace(Sheet("Tugas Tagana", lines or (line(),), AT, needs), **changes)


def pdf_text(data):
    """Texts that a PDF draws, page by page joined."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        raw = zlib.decompress(a85decode(stream.strip().removesuffix(b"~>"), adobe=False))
        found += re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", raw)
    joined = b" ".join(found).decode("cp1252")
    joined = re.sub(r"\\(\d{3})", lambda m: bytes([int(m[1], 8)]).decode("cp1252"), joined)
    return re.sub(r"\\(.)", r"\1", joined)


def read(data, suffix, tmp_path, **kwargs):
    path = tmp_path / f"tugas.{suffix}"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyogrio.read_dataframe(path, **kwargs)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_input_gives_the_same_bytes(kind):
    assert make(kind, sheet()).data == make(kind, sheet()).data


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_carries_its_mark_and_its_source(kind):
    for status, word in (("Exercise", "LATIHAN"), ("Test", "TES")):
        data = make(kind, sheet(line(cap_status=status))).data
        text = pdf_text(data) if kind == "pdf" else data.decode("utf-8-sig")
        assert word in text and (kind == "csv" or "Sumber data: BMKG" in text)
    real = make(kind, sheet(line(cap_status="Actual"))).data
    text = pdf_text(real) if kind == "pdf" else real.decode("utf-8-sig")
    assert "LATIHAN" not in text and "TES " not in text


def test_one_line_of_a_drill_marks_the_whole():
    assert sheet(line(cap_status="Actual"), line(1, cap_status="Exercise")).mark == "LATIHAN. "


def test_the_pdf_says_all_that_a_team_needs():
    text = pdf_text(make("pdf", sheet(line(note="Perlu 2 perahu"))).data)
    for said in (
        "BELUM TERTOLONG: 10 jiwa", "T482173 AWAS Bantu evakuasi: Cijedil", "Kec. Cugenang",
        "4.210 jiwa, belum tertolong 10", "selesai sebelum 22 November 2026 16.00 WIB",
        "Tim: Tagana 1, perjalanan 25 menit", "420 jiwa ke SDN 2 oleh Tagana 1 (12 orang), 34",
        STRAIGHT_WORDS, "Perlu 2 perahu", "Diterima", "Paraf", "Halaman 1 dari 1",
        "LATIHAN - BUKAN KEJADIAN NYATA", "air 1.050 liter", "km. Utara di atas",
    ):  # fmt: skip
        assert said in text, said


def test_a_long_note_keeps_its_last_rule():
    rule = "jangan masuk zona sebelum PD-4"
    note = f"{'Tunggu warga di balai desa; ' * 30}{rule}"
    made = {kind: make(kind, sheet(line(note=note))).data for kind in FORMATS}
    assert rule in " ".join(pdf_text(made["pdf"]).split())
    assert all(rule in made[kind].decode("utf-8-sig") for kind in ("csv", "geojson", "gpx", "kml"))


def test_every_page_of_the_pdf_has_band_and_number():
    lines = [line(n, coordinator_id=f"c-{n % 3}") for n in range(30)]
    text = pdf_text(make("pdf", sheet(*lines)).data)
    pages = int(re.search(r"Halaman 1 dari (\d+)", text)[1])
    assert pages >= 6
    assert text.count("LATIHAN - BUKAN KEJADIAN NYATA") == pages
    assert all(f"Halaman {n} dari {pages}" in text for n in range(1, pages + 1))
    assert text.index("Koordinator c-0") < text.index("Koordinator c-1")


def test_the_most_urgent_stands_first():
    late, soon = AT + timedelta(hours=3), AT + timedelta(minutes=9)
    lines = [
        line(1, level=3, deadline=None), line(2, deadline=late), line(3, deadline=soon),
        line(4, deadline=None), line(5, deadline=soon, people=9000),
    ]  # fmt: skip
    assert [one.task_id[-1] for one in sorted(lines, key=urgency)] == ["4", "5", "3", "2", "1"]


def test_a_thousand_tasks_take_seconds_and_a_link_gives_two_megabytes_at_most():
    way = tuple((107 + n / 1000, -6.8) for n in range(80))
    lines = [line(n, legs=(leg(line=way), leg(line=way, way="roads"))) for n in range(1000)]
    whole = sheet(*lines)
    for kind in FORMATS:
        start = time.perf_counter()
        size = len(make(kind, whole).data)
        took = time.perf_counter() - start
        say(f"{kind}: 1,000 tasks, {took:.2f} s, {size:,} bytes")
        assert took < SECONDS_PER_1000
        cut = fitting(kind, whole)
        assert len(cut.data) <= LARGEST
    assert b"500 tugas lain tidak dimuat" in fitting("csv", whole).data


def test_what_does_not_fit_is_said():
    lines = [line(n, people=n) for n in range(100)]
    made = fitting("csv", sheet(*lines), largest=4_000)
    text = made.data.decode("utf-8-sig")
    assert len(made.data) <= 4_000 and "tugas lain tidak dimuat" in text
    assert "T000099" in text and "T000001" not in text
    with pytest.raises(DataError, match="at most 10 bytes"):
        fitting("csv", sheet(*lines), largest=10)
    with pytest.raises(DataError, match="expected one of pdf"):
        make("docx", sheet())


def test_geojson_is_read_by_gdal_in_the_right_place(tmp_path):
    data = make("geojson", sheet(line(), line(2, legs=(leg(way="roads"),)))).data
    document = json.loads(data)
    assert document["bbox"] == [107.1, -6.82, 107.11, -6.8]
    assert "crs" not in document  # RFC 7946, 4: WGS 84 alone
    found = read(data, "geojson", tmp_path)
    assert found.crs.to_epsg() == 4326 and len(found) == 5  # two villages, two ways, one shelter
    ways = found[found["jenis"] == "jalur"]
    assert sorted(ways["cara"]) == [STRAIGHT_WORDS, "lewat jalan"]
    assert ways.geometry.iloc[0].coords[0] == (107.1, -6.8)
    assert found[found["jenis"] == "tempat"]["jiwa"].item() == 840


def test_gpx_follows_its_schema_and_gdal_reads_it(tmp_path):
    data = make("gpx", sheet()).data
    root = etree.fromstring(data)
    names = [etree.QName(child).localname for child in root]
    assert root.get("version") == "1.1" and root.get("creator")
    assert names == ["metadata", "wpt", "wpt", "rte"]  # the schema's order
    order = [etree.QName(child).localname for child in root.find(f"{{{GPX_NS}}}rte")]
    assert order == ["name", "desc", "src", "number", "type", "rtept", "rtept"]
    order = [etree.QName(child).localname for child in root.find(f"{{{GPX_NS}}}wpt")]
    assert order == ["name", "desc", "sym", "type"]
    points = read(data, "gpx", tmp_path, layer="waypoints")
    routes = read(data, "gpx", tmp_path, layer="routes")
    assert list(points["name"]) == ["LATIHAN. T482173 AWAS Cijedil", "LATIHAN. SDN 2"]
    assert routes.geometry.iloc[0].coords[1] == (107.11, -6.82)
    assert STRAIGHT_WORDS in routes["name"].item()


def test_kml_is_read_by_libkml_and_marks_straight_lines(tmp_path):
    data = make("kml", sheet()).data
    layers = pyogrio.list_layers(io.BytesIO(data))
    assert [name for name, _ in layers] == ["LATIHAN. Koordinator c-32.03",
                                           "LATIHAN. Jalur dan tempat"]  # fmt: skip
    ways = read(data, "kml", tmp_path, layer="LATIHAN. Jalur dan tempat")
    assert list(ways.geometry.geom_type) == ["LineString", "Point"]
    root = etree.fromstring(data)
    [straight] = root.findall(f".//{{{KML_NS}}}LineString")
    assert straight.getparent().find(f"{{{KML_NS}}}styleUrl").text == "#lurus"
    styles = {f"#{one.get('id')}" for one in root.iter(f"{{{KML_NS}}}Style")}
    assert {one.text for one in root.iter(f"{{{KML_NS}}}styleUrl")} <= styles


def test_hostile_names_are_harmless_everywhere(tmp_path):
    evil = line(village=EVIL, note=EVIL, team=EVIL, coordinator_id=EVIL,
                legs=(leg(shelter=EVIL, team=EVIL),))  # fmt: skip
    made = {kind: make(kind, sheet(evil)).data for kind in FORMATS}
    etree.fromstring(made["gpx"])
    root = etree.fromstring(made["kml"])
    for said in root.iter(f"{{{KML_NS}}}description"):
        assert "<script" not in said.text  # a viewer reads it as HTML
    assert len(read(made["geojson"], "geojson", tmp_path)) == 3
    cells = [c for row in csv.reader(io.StringIO(made["csv"].decode("utf-8-sig"))) for c in row]
    assert not [c for c in cells if c.lstrip()[:1] in ("=", "+", "-", "@", "|", "%")]
    for kind in ("geojson", "gpx", "kml"):
        assert "\u202e" not in made[kind].decode() and "\x1b" not in made[kind].decode()
    text = pdf_text(made["pdf"])
    assert "<script>" in text and b"/JavaScript" not in made["pdf"] and b"/URI" not in made["pdf"]


@pytest.mark.parametrize(
    "changes",
    [
        {"latitude": None, "longitude": None, "legs": ()},
        {"latitude": float("nan"), "longitude": 107.0},
        {"legs": (leg(line=((181.0, 0.0), (107.0, 91.0))),)},
        {"legs": (leg(line=(), shelter=""),)},
        {"legs": (leg(shelter_id=None, shelter="", line=(), way_min=None, people=0),)},
        {"legs": tuple(leg() for _ in range(200))},
        {"village": "x" * 50_000},
        {"eta_min": None, "deadline": None, "team": "", "shelter": ""},
        {"level": 9},
    ],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_missing_or_wrong_breaks_no_file(kind, changes):
    data = make(kind, sheet(line(**changes))).data
    assert data and b"NaN" not in data


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80))
def test_no_text_breaks_a_file(kind, text):
    one = line(village=text, district=text, note=text, team=text, legs=(leg(shelter=text),))
    data = make(kind, sheet(one)).data
    if kind in ("gpx", "kml"):
        etree.fromstring(data)
    elif kind == "geojson":
        json.loads(data)


@given(st.lists(st.tuples(st.floats(90, 145), st.floats(-12, 7)), min_size=2, max_size=300),
       st.integers(2, 50))  # fmt: skip
def test_a_thinned_way_keeps_its_ends(points, most):
    kept = thinned(tuple(points), most)
    assert len(kept) <= max(most, 2) and (kept[0], kept[-1]) == (points[0], points[-1])


@given(st.lists(st.tuples(st.floats(90, 145), st.floats(-12, 7)), min_size=1, max_size=20))
def test_every_point_lies_within_the_picture(points):
    scale = Scale.of(points, width=320, height=220, margin=18)
    for point in points:
        x, y = scale.at(*point)
        assert -0.1 <= x <= 320.1 and -0.1 <= y <= 220.1
    assert 0 < scale.bar_km * scale.per_km <= 320 / 3 + 0.1


def test_clean_leaves_names_as_they_are():
    assert clean("Désa  Adat\tĶ") == "Désa Adat Ķ" and len(clean("x" * 999)) == 200
