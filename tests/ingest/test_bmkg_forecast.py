from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.sources.bmkg_forecast import BmkgForecast, village_of
from kentongan.errors import SourceChanged

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
