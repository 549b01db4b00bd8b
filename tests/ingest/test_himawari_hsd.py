from __future__ import annotations

import bz2
import runpy
import struct
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ingest.frames import hsd, open_frame
from ingest.registry import SOURCES
from kentongan.errors import SourceBlocked, SourceChanged, SourceDown

make = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "make_frames.py"))
TIME = make["TIME"]
PLACES = ((-6.2, 106.8), (3.6, 98.7), (-8.5, 140.4), (1.49, 124.84), (-10.2, 123.6))
"""Jakarta, Medan, Merauke, Manado, Kupang: a cold cell is drawn over each."""
with_satpy = pytest.mark.skipif(
    find_spec("satpy") is None, reason="needs the extra: pip install 'kentongan[satpy]'"
)


@pytest.fixture(scope="module")
def scan():
    """Segment number → bytes: 290 K with noise, 210 K in 7 x 7 pixels over some places."""
    noise = np.random.default_rng(5)
    lines = {n: 290 + 2 * noise.standard_normal((550, 5500)) for n in (5, 6, 7)}
    for latitude, longitude in PLACES:
        line, column = (round(at) - 1 for at in make["pixel"](latitude, longitude))
        part = lines[line // 550 + 1]
        top = line % 550
        part[max(0, top - 3) : top + 4, column - 3 : column + 4] = 210
    return {n: make["hsd_segment"](make["counts"](data), n) for n, data in lines.items()}


@pytest.fixture(scope="module")
def segment(scan):
    return scan[6]


def changed(data, at, form, *values):
    body = bytearray(data)
    struct.pack_into(form, body, at, *values)
    return bytes(body)


def test_the_header_says_what_it_is(segment):
    found = hsd.segment_of(segment, "x")
    assert (found.satellite, found.number, found.total) == ("Himawari-9", 6, 10)
    assert found.valid_time == TIME
    assert found.file_name == "HS_H09_20261120_0710_B13_FLDK_R20_S0610.DAT"


def test_a_scan_around_midnight_keeps_its_day():
    lines = np.zeros((550, 5500), "u2")
    for time in (
        datetime(2026, 11, 20, 0, 0, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 50, tzinfo=UTC),
    ):
        data = make["hsd_segment"](lines, 7, time=time)
        assert hsd.segment_of(data, "x").valid_time == time


B2, B3, B5, B7 = 282, 332, 598, 1004


@pytest.mark.parametrize(
    ("at", "form", "value", "reason"),
    [
        pytest.param(5, "<B", 1, "byte order", id="big-endian"),
        pytest.param(6, "<16s", b"GOES-16", "area", id="another-satellite"),
        pytest.param(38, "<4s", b"JP01", "area", id="a-region"),
        pytest.param(44, "<H", 1530, "differ", id="timeline-of-another-hour"),
        pytest.param(44, "<H", 65535, "no scan time", id="no-timeline"),
        pytest.param(46, "<d", float("nan"), "no scan time", id="start-not-a-number"),
        pytest.param(46, "<d", 1e300, "no scan time", id="start-never"),
        pytest.param(74, "<I", 10, "cut short or padded", id="another-length"),
        pytest.param(B2 + 5, "<H", 11000, "bits, columns", id="columns-of-1-km"),
        pytest.param(B2 + 7, "<H", 549, "cut short or padded", id="a-line-less"),
        pytest.param(B2 + 9, "<B", 1, "bits, columns", id="packed"),
        pytest.param(B3 + 3, "<d", 128.2, "expected 140.7 E", id="over-another-longitude"),
        pytest.param(B3 + 11, "<I", 40932549, "CFAC", id="another-projection"),
        pytest.param(B2 + 1, "<H", 9, "block at byte", id="blocks-out-of-step"),
        pytest.param(B2 + 1, "<H", 65535, "block at byte", id="block-beyond"),
    ],
)
def test_headers_that_do_not_fit_are_refused(segment, at, form, value, reason):
    with pytest.raises(SourceChanged, match=reason):
        hsd.segment_of(changed(segment, at, form, value), "x")


def test_another_band_or_place_is_refused(segment):
    places = hsd._blocks(segment, "x")
    with pytest.raises(SourceChanged, match="band"):
        hsd.segment_of(changed(segment, places[5] + 3, "<H", 7), "x")
    for at, form, value in ((places[7] + 4, "<B", 5), (places[7] + 5, "<H", 1)):
        with pytest.raises(SourceChanged, match="segment"):
            hsd.segment_of(changed(segment, at, form, value), "x")


@pytest.mark.parametrize("length", [0, 10, 281, 500, 1400, 100_000, -1])
def test_a_segment_cut_short_is_refused(segment, length):
    with pytest.raises(SourceChanged):
        hsd.segment_of(segment[:length], "x")


def test_bz2_is_unpacked_within_bounds(segment):
    assert hsd.unpacked(bz2.compress(segment[:5000]), "x") == segment[:5000]
    packed = bz2.compress(segment[:50_000])
    for broken in (packed[:-9], packed + b"more", packed[:30] + b"\0" * 9 + packed[39:]):
        with pytest.raises(SourceChanged, match="damaged bz2"):
            hsd.unpacked(broken, "x")
    with pytest.raises(SourceChanged, match="unpacks to more"):
        hsd.unpacked(bz2.compress(bytes(hsd.MAX_BYTES + 1)), "x")
    with pytest.raises(SourceBlocked):
        hsd.unpacked(b"<html>", "x")


@pytest.mark.skipif(find_spec("satpy") is not None, reason="satpy is installed")
def test_without_satpy_the_feed_is_down_and_says_what_to_install(segment, read_context):
    with pytest.raises(SourceDown, match=r"pip install 'kentongan\[satpy\]'"):
        SOURCES["himawari-hsd"].read(segment, read_context("himawari-hsd", "/x.DAT"))


def test_a_file_named_as_another_segment_is_refused(segment, read_context):
    name = "/HS_H09_20261120_0710_B13_FLDK_R20_S0510.DAT.bz2"
    with pytest.raises(SourceChanged, match="named wrongly"):
        SOURCES["himawari-hsd"].read(segment, read_context("himawari-hsd", name))


def test_segments_of_different_scans_are_refused(scan):
    late = make["hsd_segment"](np.zeros((550, 5500), "u2"), 6, time=TIME + timedelta(minutes=10))
    for parts in ([scan[5], late], [scan[6], scan[6]]):
        with pytest.raises(SourceChanged, match="one scan"):
            open_frame(parts, "himawari-hsd")


@with_satpy
def test_three_segments_make_indonesia(scan):
    frame = open_frame([bz2.compress(scan[6], 1), scan[7], scan[5]], "himawari-hsd")
    values = frame["brightness_temperature"]
    assert values.shape == (900, 2350)
    assert values.dtype == np.float32
    assert (frame.attrs["platform"], frame.attrs["flags"]) == ("Himawari-9", "")
    assert frame.attrs["segments"] == "5/10 6/10 7/10"
    assert frame.attrs["known_fraction"] == 1
    assert float(values.median()) == pytest.approx(290, abs=0.1)
    for latitude, longitude in PLACES:
        cell = values.sel(latitude=latitude, longitude=longitude, method="nearest")
        assert float(cell) == pytest.approx(210, abs=0.1)
    cold = values.where(values < 230, drop=False).notnull()
    assert 30 * len(PLACES) < int(cold.sum()) < 90 * len(PLACES)


@with_satpy
def test_a_missing_segment_is_not_known(scan):
    frame = open_frame([scan[5], scan[7]], "himawari-hsd")
    values = frame["brightness_temperature"]
    middle = values.sel(latitude=slice(-8, 0))
    assert "part-of-scan" in frame.attrs["flags"]
    assert int(middle.sel(longitude=slice(130, 141)).notnull().sum()) == 0
    assert frame.attrs["known_fraction"] < 0.6


@with_satpy
def test_a_segment_is_a_record(segment, read_context):
    path = "/HS_H09_20261120_0710_B13_FLDK_R20_S0610.DAT.bz2"
    packed = bz2.compress(segment, 1)
    reading = SOURCES["himawari-hsd"].read(packed, read_context("himawari-hsd", path))
    (record,) = reading.records
    assert (record.part, record.valid_time, record.satellite) == ((6, 10), TIME, "Himawari-9")
    assert 0.4 < record.known_fraction < 0.7
    assert reading.notes == ()


@with_satpy
def test_error_and_outside_counts_are_not_known(scan):
    counts = np.full((550, 5500), make["ERROR_COUNT"], "u2")
    counts[:, 2000:2200] = make["counts"](np.random.default_rng(1).normal(280, 2, (550, 200)))
    frame = open_frame([make["hsd_segment"](counts, 6)], "himawari-hsd")
    known = frame["brightness_temperature"].notnull()
    assert 0 < int(known.sum()) < 300_000
