from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.sources.bmkg_forecast import BmkgForecast, village_of
from kentongan.errors import NotPublishedYet, SourceBlocked, SourceChanged

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)

PATH = "/publik/prakiraan-cuaca?adm4=33.01.01.2001"


@pytest.fixture
def document(feeds):
    return json.loads((feeds / "forecast.json").read_bytes())


@pytest.fixture
def read(read_context):
    def run(document, path=PATH):
        payload = json.dumps(document).encode()
        return BmkgForecast().read(payload, read_context("bmkg-forecast", path))

    return run


def test_slots_and_analysis_time(document, read):
    (forecast,) = read(document).records
    assert forecast.analysis_time == datetime(2026, 11, 20, tzinfo=UTC) == forecast.document_time
    assert (forecast.adm4_code, len(forecast.slots)) == ("33.01.01.2001", 20)
    assert forecast.slots[0].valid_time == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert forecast.slots[1].weather_desc == "Hujan Ringan"
    assert forecast.slots[1].precipitation_mm == 0.1


def test_a_bad_slot_is_left_out_and_the_others_stay(document, read):
    day = document["data"][0]["cuaca"][1]
    day[0]["datetime"] = "soon"
    day[1]["t"] = 400
    day[2] = "text"
    day[3]["hu"] = None
    reading = read(document)
    assert len(reading.records[0].slots) == 17
    assert len(reading.rejected) == 3


def test_an_answer_for_another_village_is_refused(document, read):
    with pytest.raises(SourceChanged, match=r"expected the answer for 33\.01\.01\.2002"):
        read(document, PATH.replace("2001", "2002"))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("lokasi"),
        lambda d: d["lokasi"].update(adm4="3301012001"),
        lambda d: d["lokasi"].update(lat=None),
        lambda d: d["lokasi"].update(lat=108.9, lon=-7.4),
        lambda d: d["data"].clear(),
        lambda d: d["data"][0].update(cuaca=[]),
        lambda d: d["data"][0].update(cuaca="x"),
    ],
)
def test_what_is_no_forecast_is_refused(document, read, change):
    change(document)
    with pytest.raises(SourceChanged):
        read(document)


def test_only_village_codes_are_asked_for():
    paths = BmkgForecast().paths(["33.01.01.2001", "33.01", "../../x", "33.01.01.2001&x=1"], AT)
    assert list(paths) == [PATH]
    assert village_of(PATH) == "33.01.01.2001"
    assert village_of("/alerts/nowcast/id") == ""


def moved(document, hours):
    """The document with its analysis moved by hours."""
    text = json.dumps(document)
    analysis = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hours)
    return json.loads(text.replace("2026-11-20T00:00:00", f"{analysis:%Y-%m-%dT%H:%M:%S}"))


def test_an_analysis_of_the_future_is_refused_with_a_reason(document, read):
    with pytest.raises(SourceChanged, match=r"analysis_date: expected a time up to 10 min after"):
        read(moved(document, 12))


def test_an_analysis_that_ran_out_is_kept_and_said_so(document, read):
    reading = read(moved(document, -72))
    assert reading.document_time == datetime(2026, 11, 17, tzinfo=UTC)
    assert "counts as not assessed" in reading.notes[0]
    assert read(moved(document, -60)).notes == ()


def test_two_model_runs_in_one_document_are_named(document, read):
    document["data"][0]["cuaca"][0][0]["analysis_date"] = "2026-11-19T12:00:00"
    reading = read(document)
    assert reading.records[0].analysis_time == datetime(2026, 11, 19, 12, tzinfo=UTC)
    assert "2 model runs" in reading.notes[0]


OLD_FORM = """<?xml version="1.0" encoding="UTF-8" ?>
<data source="meteofactory" productioncenter="NC Jakarta">
<forecast domain='local'><issue><timestamp>20230816022250</timestamp></issue></forecast></data>
"""


@pytest.mark.parametrize("before", ["", "\ufeff", "\n  "])
def test_the_dead_form_is_refused_by_its_name(read_context, before):
    context = read_context("bmkg-forecast", PATH)
    with pytest.raises(SourceChanged, match=r"DigitalForecast .* stopped in July 2024"):
        BmkgForecast().read((before + OLD_FORM).encode(), context)


def test_a_not_found_text_under_status_200_is_not_assessed(read):
    with pytest.raises(NotPublishedYet, match="not assessed"):
        read({"message": "Data not found", "error": "Not Found", "statusCode": 404})


def test_a_block_page_is_a_block_page(read_context):
    page = b"<!doctype html><html><head><title>Laman diblokir</title></head></html>"
    with pytest.raises(SourceBlocked, match="Laman diblokir"):
        BmkgForecast().read(page, read_context("bmkg-forecast", PATH))


def test_fields_that_the_reader_does_not_know_are_named(document, read):
    assert read(document).unknown_fields == ()
    assert "cuaca.analysis_date" in read(document).fields
    document["lokasi"]["kodepos"] = "1"
    document["data"][0]["cuaca"][0][0]["uv"] = 3
    document["versi"] = 2
    assert read(document).unknown_fields == ("cuaca.uv", "lokasi.kodepos", "versi")
