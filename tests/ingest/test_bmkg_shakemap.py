from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from ingest.sources.bmkg_shakemap import BmkgShakemap
from kentongan.errors import SourceChanged
from kentongan.shakegrid import decode_grid
from kentongan.types import DocumentStatus


@pytest.fixture
def text(feeds):
    return (feeds / "grid.xml").read_text(encoding="ascii")


@pytest.fixture
def read(read_context):
    def run(text, **changes):
        context = read_context("bmkg-shakemap", "/x_grid.xml", **changes)
        return BmkgShakemap().read(text.encode(), context)

    return run


def test_the_head_of_a_grid(text, read):
    reading = read(text)
    (grid,) = reading.records
    assert grid.origin_time == datetime(2026, 11, 20, 7, 10, 5, tzinfo=UTC), "WIB text"
    assert grid.document_time == datetime(2026, 11, 20, 7, 18, 40, tzinfo=UTC), "UTC"
    assert (grid.magnitude, grid.depth_km, grid.max_mmi) == (5.1, 12.0, 6.2)
    assert (grid.south, grid.north, grid.west, grid.east) == (-7.8, -7.05, 108.4, 109.4)
    assert (grid.rows, grid.columns) == (4, 5)
    assert [(f.name, f.unit) for f in grid.fields][2:5] == [
        ("PGA", "pctg"),
        ("PGV", "cms"),
        ("MMI", "intensity"),
    ]
    assert (grid.status, grid.exercise, grid.doubts) == (DocumentStatus.ACTUAL, False, ())
    assert (reading.rejected, reading.unknown_fields) == ((), ())


def test_the_record_says_how_to_decode_the_archived_bytes(text, read):
    (grid,) = read(text).records
    names = [field.name for field in grid.fields]
    arrays = decode_grid(text.encode(), names, rows=grid.rows, columns=grid.columns)
    assert arrays.values["MMI"].max() == grid.max_mmi
    row, column = np.unravel_index(arrays.values["MMI"].argmax(), (4, 5))
    assert (arrays.latitude[row], arrays.longitude[column]) == (-7.55, 108.9)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("07:18:40Z", "06:50:00Z", "20 min before its own origin", id="before-origin"),
        pytest.param("20261120141005", "20261120140000", "round time", id="full-hour"),
        pytest.param("20261120141005", "20261120121212", "round time", id="12-12-12"),
        pytest.param('event_type="ACTUAL"', 'event_type="SCENARIO"', "not ACTUAL", id="scenario"),
    ],
)
def test_an_exercise_that_says_actual_is_a_test_with_its_reason(text, read, old, new, says):
    reading = read(text.replace(old, new))
    (grid,) = reading.records
    assert (grid.status, grid.exercise) == (DocumentStatus.TEST, True)
    assert says in grid.doubts[0]
    assert says in reading.notes[0]
    assert grid.key.endswith("-test")


def test_words_of_a_drill_in_the_description(text, read):
    named = text.replace('description="Contoh"', 'description="LATIHAN Contoh"')
    assert read(named).records[0].status is DocumentStatus.TEST


def test_a_decimal_comma_is_read_and_named(text, read):
    (grid,) = read(text.replace('magnitude="5.1"', 'magnitude="5,1"')).records
    assert grid.magnitude == 5.1
    assert "decimal comma" in grid.doubts[0]
    assert grid.status is DocumentStatus.ACTUAL


def test_a_grid_of_another_event_is_named(text, read):
    (grid,) = read(text.replace("20261120141005", "20261120141911")).records
    assert "its id says 2026-11-20T07:19:11Z" in grid.doubts[0]


def test_a_missing_field_that_is_not_needed_is_named(text, read):
    (grid,) = read(text.replace('name="URAT"', 'name="PSA03"')).records
    assert grid.doubts == ("fields missing: URAT",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param('name="MMI"', 'name="MM"', "expected LON, LAT, MMI", id="no-mmi"),
        pytest.param('magnitude="5.1" ', "", "magnitude: expected a value", id="no-magnitude"),
        pytest.param('nlat="4"', 'nlat="5"', "25 cells", id="other-size"),
        pytest.param('nlon="5"', 'nlon="99999"', "nlon", id="huge"),
        pytest.param('lat_min="-7.8', 'lat_min="-7.9', "the head says", id="other-edge"),
        pytest.param('units="pctg"', 'units="g"', "expected pctg, found 'g'", id="other-unit"),
        pytest.param('index="3"', 'index="4"', "indices 1, 2, 3", id="index-twice"),
        pytest.param("<event ", "<event1 ", "one <event>, found 0", id="no-event"),
        pytest.param(" 6.2 ", " 1e9 ", "MMI: expected 0 to 12", id="fill-value"),
        pytest.param(" 6.2 ", " NaN ", "MMI: expected 0 to 12", id="nan"),
        pytest.param("2026-11-20T07:18:40Z", "2026-11-20T14:18:40Z", "after it was", id="ahead"),
        pytest.param("T14:10:05WIB", "T14:10:05", "a time with a zone", id="origin-without-zone"),
    ],
)
def test_a_broken_grid_is_quarantined_with_its_reason(text, read, old, new, says):
    reading = read(text.replace(old, new))
    assert reading.records == ()
    (line,) = reading.rejected
    assert says in line
    assert line.startswith("shakemap 20261120141005: ")
    assert "\n" not in line


def test_another_document_in_the_folder_is_refused(read):
    with pytest.raises(SourceChanged, match="shakemap_grid"):
        read('<info evid="20171016085300"/>')


def test_recorded_grids(samples, read_context):
    """Exercises by BMKG's own clocks, as the list beside the recordings says."""
    folder = samples / "shakemaps" / "raw"
    expected = {"20120118231512": False, "20171016085300": False}
    expected |= {"20171016085302": True, "20210810230422": True}
    for event_id, exercise in expected.items():
        payload = (folder / f"{event_id}_grid.xml").read_bytes()
        started = time.perf_counter()
        reading = BmkgShakemap().read(payload, read_context("bmkg-shakemap", "/x"))
        assert time.perf_counter() - started < 5
        (grid,) = reading.records
        assert (reading.rejected, reading.unknown_fields) == ((), ())
        assert (grid.exercise, grid.status == "Test") == (exercise, exercise), event_id


def test_a_recorded_grid_agrees_with_its_compact_copy(samples, read_context):
    payload = (samples / "shakemaps" / "raw" / "20171016085302_grid.xml").read_bytes()
    (grid,) = BmkgShakemap().read(payload, read_context("bmkg-shakemap", "/x")).records
    names = [field.name for field in grid.fields]
    arrays = decode_grid(payload, names, rows=grid.rows, columns=grid.columns)
    copy = np.load(samples / "shakemaps" / "grids" / "20171016085302.npz")
    north_first = copy["mmi_x100"] / 100
    np.testing.assert_allclose(arrays.values["MMI"], north_first[::-1], atol=0.006)
