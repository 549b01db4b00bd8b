from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.registry import SOURCES
from kentongan.records import record_from_json
from kentongan.settings import Settings

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
FIXTURES = {
    "bmkg-inatews": ("last30tsunamievent.xml", "/last30tsunamievent.xml"),
    "bmkg-quakes": ("gempaterkini.json", "/DataMKG/TEWS/gempaterkini.json"),
    "bmkg-inatews-lists": ("last30event.xml", "/last30event.xml"),
    "bmkg-nowcast": ("nowcast-cap.xml", "/alerts/nowcast/id/CJT20261120001_alert.xml"),
    "himawari-rp": ("himawari-rp.png", "/IMAGE/HIMA/H08_RP_Indonesia.png"),
    "bmkg-nowcast-en": ("nowcast-cap-en.xml", "/alerts/nowcast/en/CJT20261120001_alert.xml"),
    "bmkg-forecast": ("forecast.json", "/publik/prakiraan-cuaca?adm4=33.01.01.2001"),
    "bmkg-detections": ("live30event.xml", "/live30event.xml"),
    "bmkg-shakemap": ("grid.xml", "/20261120141005_grid.xml"),
    "noaa-err": (
        "RRQPE-INST-GLB-5_v1r1_blend_s202611200710000_e1_c1.nc",
        "/RRQPE-INST-GLB-5_v1r1_blend_s202611200710000_e1_c1.nc",
    ),
    "himawari-b13": (
        "H08_B13_Indonesia_202611200710.nc",
        "/H08_B13_Indonesia_202611200710.nc",
    ),
    "himawari-hsd": (
        "HS_H09_20261120_0710_B13_FLDK_R20_S0610.DAT.bz2",
        "/HS_H09_20261120_0710_B13_FLDK_R20_S0610.DAT.bz2",
    ),
    "himawari-ptree": (
        "NC_H09_20261120_0710_R21_FLDK.00241_00241.nc",
        "/NC_H09_20261120_0710_R21_FLDK.00241_00241.nc",
    ),
    "jaxa-gsmap": ("gsmap_now.20261120.0640.nc", "/gsmap_now.20261120.0640.nc"),
    "himawari-images": ("himawari-eh.png", "/IMAGE/HIMA/H08_EH_Indonesia.png"),
    "himawari-clouds": ("hcai-clc.png", "/IMAGE/HCAI/CLC/HCAI_CLC_Indonesia.png"),
    "bmkg-radar": (
        "radar-arsip.json",
        "/radar/v1/arsip?startTime=202611200625&endTime=202611200725&radar=JAK&product=CMAX",
    ),
    "bmkg-catalogue": ("katalog_gempa.json", "/katalog_gempa.json"),
}


def test_every_source_has_a_fixture():
    assert set(FIXTURES) == set(SOURCES)


@pytest.mark.parametrize("source_id", SOURCES)
def test_what_a_source_says_of_itself(source_id):
    info = SOURCES[source_id].info
    assert info.source_id == source_id
    page = (ROOT / info.documentation).read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert info.provider in page
    assert "Licence" in page
    assert info.base in Settings.model_fields
    assert info.cadence < info.late_after


@pytest.mark.parametrize("source_id", SOURCES)
def test_its_fixture_gives_records_that_survive_storage(source_id, feeds, read_context):
    if source_id == "himawari-hsd":
        pytest.importorskip("satpy", reason="standard data needs the extra satpy")
    name, path = FIXTURES[source_id]
    source = SOURCES[source_id]
    reading = source.read((feeds / name).read_bytes(), read_context(source_id, path))
    assert reading.records
    assert reading.rejected == ()
    keys = [r.key for r in reading.records]
    assert len(keys) == len(set(keys))
    for record in reading.records:
        assert record.source_id == source_id
        assert len(record.key) <= 200
        assert record.document_time.utcoffset().total_seconds() == 0
        assert record_from_json(record.model_dump_json()) == record


@pytest.mark.parametrize("source_id", SOURCES)
def test_first_paths_are_absolute(source_id):
    paths = SOURCES[source_id].paths(["33.01.01.2001"], AT)
    assert paths
    assert all(path.startswith("/") for path in paths)
