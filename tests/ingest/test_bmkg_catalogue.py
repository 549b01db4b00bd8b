from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.known import known
from ingest.run import poll
from ingest.sources.bmkg_catalogue import BmkgCatalogue
from kentongan.errors import SourceChanged
from orchestration.stages import KINDS

PATH = "/katalog_gempa.json"


@pytest.fixture
def document(feeds):
    return json.loads((feeds / "katalog_gempa.json").read_bytes())


@pytest.fixture
def read(read_context):
    def run(document):
        payload = json.dumps(document).encode()
        return BmkgCatalogue().read(payload, read_context("bmkg-catalogue", PATH))

    return run


def test_rows_are_history_in_utc_with_felt_places_by_semicolon(document, read):
    reading = read(document)
    first, _, oldest = reading.records
    assert first.origin_time == datetime(2026, 5, 2, 19, 15, 30, tzinfo=UTC)
    assert (first.latitude, first.longitude, first.damage) == (-7.9, 107.1, "")
    assert [(f.place, f.mmi_low, f.mmi_high) for f in first.felt] == [
        ("Contoh", 4, 4),
        ("Misal", 3, 4),
        ("Umpama", 2, 2),
    ]
    assert (oldest.tsunami, oldest.damage) == ("Ya", "15 orang")
    assert (reading.rejected, reading.notes, reading.unknown_fields) == ((), (), ())


def test_an_id_that_disagrees_with_its_year_is_kept_and_named(document, read):
    document["features"][1]["properties"]["id_event"] = "rsk20240118090500"
    reading = read(document)
    assert len(reading.records) == 3
    (line,) = reading.notes
    assert "its id says 2024-01-18T02:05:00Z, its row 2025-01-18T02:05:00Z" in line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"date": "18-01-1825"}, "at most 120.0 years", id="two-centuries-ago"),
        pytest.param({"date": "18-01-2027"}, "after it was received", id="next-year"),
        pytest.param({"date": "2025-01-18"}, "dd-mm-yyyy", id="another-form"),
        pytest.param({"ot_utc": "25:00:00"}, "dd-mm-yyyy", id="no-such-hour"),
        pytest.param({"mag": "besar"}, "mag", id="magnitude-in-words"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_others_go_on(document, read, change, says):
    document["features"][1]["properties"].update(change)
    reading = read(document)
    assert len(reading.records) == 2
    assert says in reading.rejected[0]


def test_other_documents_are_refused(read):
    for document in ({}, [], {"features": None}, {"features": [1] * 5001}):
        with pytest.raises(SourceChanged):
            read(document)


def test_nothing_of_it_is_announced(serve, feeds, make_context, now):
    context = make_context(serve({PATH: (feeds / "katalog_gempa.json").read_bytes()}).url)
    assert poll("bmkg-catalogue", at=now, context=context).new_records == 3
    assert known(context.engine, now, kinds=KINDS, include_history=True) == []
    assert known(context.engine, now, kinds=["catalogue_quake"]) == [], "all of it is history"
