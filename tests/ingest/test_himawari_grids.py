from __future__ import annotations

import math
import os
import runpy
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.frames import open_frame, worker
from ingest.frames.judge import judged
from ingest.frames.raw import About, RawWindow
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.errors import SourceBlocked, SourceChanged, SourceError
from kentongan.types import FeedState, Outcome, Quality

make = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "make_frames.py"))
TIME = make["TIME"]
NAME = "/H08_B13_Indonesia_202611200710.nc"


@pytest.fixture
def bmkg(tmp_path):
    def write(**options):
        return make["bmkg_netcdf"](tmp_path / "frame.nc", **{"step": 0.25, **options}).read_bytes()

    return write


@pytest.fixture
def read(read_context):
    def run(payload, path=NAME, source_id="himawari-b13", **changes):
        return SOURCES[source_id].read(payload, read_context(source_id, path, **changes))

    return run


def near(frame, latitude, longitude):
    cell = frame["brightness_temperature"].sel(
        latitude=latitude, longitude=longitude, method="nearest"
    )
    return float(cell)


def test_a_frame_in_kelvin_cut_to_indonesia(bmkg):
    frame = open_frame(bmkg(), "himawari-b13")
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    assert (lat[0], lat[-1], lon[0], lon[-1]) == (-11.5, 6.5, 94.5, 141.5)
    values = frame["brightness_temperature"]
    assert (values.dims, values.dtype, values.attrs["units"]) == (
        ("latitude", "longitude"),
        np.float32,
        "K",
    )
    np.testing.assert_allclose(values, make["clouds"](lat, lon), atol=1e-3)
    assert near(frame, -7.25, 109.5) < 210
    assert str(frame["time"].values)[:16] == "2026-11-20T07:10"
    assert (frame.attrs["quality"], frame.attrs["flags"]) == ("ok", "")
    assert frame.attrs["known_fraction"] == 1


def test_rows_from_the_north_are_turned(bmkg):
    turned, plain = (open_frame(bmkg(descending=d), "himawari-b13") for d in (True, False))
    assert turned["latitude"][0] < turned["latitude"][-1]
    np.testing.assert_array_equal(turned["brightness_temperature"], plain["brightness_temperature"])


def test_jaxas_scaled_integers_and_days_since_1858(feeds):
    name = "NC_H09_20261120_0710_R21_FLDK.00241_00241.nc"
    frame = open_frame((feeds / name).read_bytes(), "himawari-ptree")
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    np.testing.assert_allclose(
        frame["brightness_temperature"], make["clouds"](lat, lon), atol=0.006
    )
    assert str(frame["time"].values)[:16] == "2026-11-20T07:10"


@pytest.mark.parametrize(
    ("path", "time"),
    [
        (NAME, TIME),
        ("/H08_B13_Indonesia_20261120.Z0710.nc", TIME),
        ("/eH08_B13_Indonesia_202611200710.nc", TIME),
        ("/H09_B13_Indonesia_202611200710.nc?x=1", TIME),
        ("/day/H08_B13_Indonesia_202611200720.nc", TIME + timedelta(minutes=10)),
    ],
)
def test_both_forms_of_name_tell_the_time(bmkg, read, path, time):
    (record,) = read(bmkg(time=None), path).records
    assert record.valid_time == record.document_time == time


def test_without_a_telling_name_the_content_does(bmkg, read):
    (record,) = read(bmkg(time=TIME + timedelta(seconds=21)), "/latest_B13_Indonesia_.nc").records
    assert record.valid_time == TIME


@pytest.mark.parametrize(
    ("path", "time", "reason"),
    [
        pytest.param("/x_B13_Indonesia_.nc", None, "neither", id="no-time"),
        pytest.param("/H08_B13_Indonesia_202613200710.nc", None, "neither", id="month-13"),
        pytest.param(NAME, TIME - timedelta(days=1), "not believed", id="yesterdays-content"),
    ],
)
def test_a_time_that_cannot_be_told_or_contradicts_is_refused(bmkg, read, path, time, reason):
    with pytest.raises(SourceChanged, match=reason):
        read(bmkg(time=time), path)


def test_the_record_says_what_there_is(bmkg, read):
    reading = read(bmkg())
    (record,) = reading.records
    assert (record.kind, record.product, record.shape) == ("satellite_grid", "B13", (73, 189))
    assert record.bounds == (94.375, -11.625, 141.625, 6.625)
    assert (record.step, record.known_fraction, record.quality) == (0.25, 1.0, Quality.OK)
    assert (reading.notes, reading.unknown_fields) == ((), ())
    assert reading.fields == ("IR", "latitude", "longitude", "time")


def test_other_bytes_of_one_scan_are_another_record(bmkg, read):
    one, other = (read(bmkg(), sha256=digit * 64).records[0].key for digit in "12")
    assert one != other
    assert one.startswith("B13-20261120T071000Z")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param({"units": "degC"}, "Celsius", id="celsius-by-unit"),
        pytest.param({"units": "mW m-2"}, "expected kelvin", id="radiance"),
        pytest.param({"variable": "I2"}, "no variable IR", id="band-15"),
        pytest.param({"box": (0.0, -5.0, 20.0, 5.0)}, "no part of Indonesia", id="africa"),
        pytest.param({"box": (90.0, 20.0, 145.0, 40.0)}, "no part of Indonesia", id="north"),
    ],
)
def test_frames_of_something_else_are_refused(bmkg, options, reason):
    with pytest.raises(SourceChanged, match=reason):
        open_frame(bmkg(**options), "himawari-b13")


def values_of(change):
    latitude, longitude = np.arange(-15.0, 10.1, 0.25), np.arange(90.0, 145.1, 0.25)
    data = make["clouds"](latitude, longitude)
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda d: d.__isub__(273.15), "degrees Celsius", id="celsius-by-value"),
        pytest.param(lambda d: d.fill(287.0), "can be believed", id="one-value"),
        pytest.param(lambda d: d.fill(0.0), "can be believed", id="zeros"),
        pytest.param(lambda d: d.fill(np.nan), "can be believed", id="all-missing"),
        pytest.param(lambda d: d.fill(1e30), "can be believed", id="huge"),
    ],
)
def test_frames_without_a_believable_value_are_refused(bmkg, change, reason):
    with pytest.raises(SourceChanged, match=reason):
        open_frame(bmkg(values=values_of(change), units=None), "himawari-b13")


def cold(data):
    data -= 85


def half(data):
    data[:50] = np.nan


def striped(data):
    data[40], data[:, 60] = 250.0, data[:, 60] - 60


def impossible(data):
    data[30:34, 30:70] = 90.0


@pytest.mark.parametrize(
    ("change", "flag", "known"),
    [
        pytest.param(cold, "all-cold", 1.0, id="all-cold"),
        pytest.param(half, "gaps", 0.5, id="half-missing"),
        pytest.param(striped, "stripes", 0.98, id="a-row-and-a-column"),
        pytest.param(impossible, "implausible", 0.99, id="below-150-k"),
    ],
)
def test_what_is_doubtful_is_flagged_and_not_filled(bmkg, read, change, flag, known):
    payload = bmkg(values=values_of(change))
    frame = open_frame(payload, "himawari-b13")
    assert flag in frame.attrs["flags"].split()
    assert frame.attrs["quality"] == "degraded"
    assert frame.attrs["known_fraction"] == pytest.approx(known, abs=0.012)
    believed = frame["quality"] == 0
    assert bool((frame["brightness_temperature"].notnull() == believed).all())
    reading = read(payload)
    assert reading.records[0].quality is Quality.DEGRADED
    assert flag in reading.notes[0]


def test_a_stripe_is_not_known_and_its_neighbours_are(bmkg):
    frame = open_frame(bmkg(values=values_of(striped)), "himawari-b13")
    row = frame["quality"].sel(latitude=-5.0).to_numpy()
    column = frame["quality"].sel(longitude=105.0).to_numpy()
    assert set(row) == set(column) == {3}
    assert int((frame["quality"] == 3).sum()) == row.size + column.size - 1


def test_a_file_without_unit_is_read_and_flagged(bmkg):
    frame = open_frame(bmkg(units=None), "himawari-b13")
    assert frame.attrs["flags"] == "unit-not-stated"


def test_a_smaller_file_says_how_little_it_covers(bmkg):
    frame = open_frame(bmkg(box=(95.0, -11.0, 140.0, 6.0)), "himawari-b13")
    assert frame.attrs["flags"] == "outside-not-covered"
    assert frame.attrs["quality"] == "ok"
    assert frame.attrs["known_fraction"] == pytest.approx(45.25 * 17.25 / (47 * 18), abs=1e-3)


def test_classic_netcdf_is_read_and_refused_when_cut_short(bmkg):
    payload = bmkg(file_format="NETCDF3_CLASSIC")
    whole = open_frame(payload, "himawari-b13")
    assert whole.attrs["known_fraction"] == 1
    with pytest.raises(SourceChanged, match="cut short"):
        open_frame(payload[: len(payload) // 2], "himawari-b13")


@pytest.mark.parametrize("length", [9, 100, 4000, 30_000, 61_000])
def test_a_file_cut_short_is_refused(feeds, length):
    payload = (feeds / NAME[1:]).read_bytes()[:length]
    with pytest.raises(SourceChanged):
        open_frame(payload, "himawari-b13")


def test_what_is_no_netcdf_is_refused():
    with pytest.raises(SourceBlocked):
        open_frame(b"<html><body>blocked", "himawari-b13")
    for payload in (b"x", b"\x89PNG\r\n\x1a\n" + bytes(90), b"\x89HDF\r\n\x1a\n" + bytes(90)):
        with pytest.raises(SourceChanged):
            open_frame(payload, "himawari-b13")


def odd_file(path, build):
    with netCDF4.Dataset(path, "w") as out:
        build(out)
    return path.read_bytes()


def axes(out, rows=200, columns=400):
    for name, size, low, high in (("latitude", rows, -12, 8), ("longitude", columns, 92, 144)):
        out.createDimension(name, size)
        out.createVariable(name, "f8", (name,))[:] = np.linspace(low, high, size)


def bomb(out):
    axes(out)
    out.createDimension("big", 2_000_000_000)
    out.createVariable("IR", "f8", ("big", "latitude", "longitude"), zlib=True)


def big_chunk(out):
    out.createDimension("latitude", 12_000)
    out.createDimension("longitude", 12_000)
    for name, low, high in (("latitude", -12, 8), ("longitude", 92, 144)):
        out.createVariable(name, "f8", (name,))[:] = np.linspace(low, high, 12_000)
    chunks = (12_000, 12_000)
    out.createVariable("IR", "f4", ("latitude", "longitude"), zlib=True, chunksizes=chunks)


def long_axis(out):
    out.createDimension("latitude", 500_000_000)
    out.createDimension("longitude", 10)
    for name in ("latitude", "longitude"):
        out.createVariable(name, "f8", (name,), zlib=True)
    out.createVariable("IR", "f4", ("latitude", "longitude"), zlib=True)


def transposed(out):
    axes(out)
    out.createVariable("IR", "f4", ("longitude", "latitude"))[:] = 290


def two_times(out):
    axes(out)
    out.createDimension("time", 2)
    out.createVariable("IR", "f4", ("time", "latitude", "longitude"))[:] = 290


def texts(out):
    axes(out)
    out.createVariable("IR", str, ("latitude", "longitude"))


def uneven(out):
    axes(out)
    out["latitude"][:] = np.linspace(-3.4, 2.8, 200) ** 3 / 3
    out.createVariable("IR", "f4", ("latitude", "longitude"))[:] = 290


def no_scale(out):
    axes(out)
    variable = out.createVariable("IR", "i2", ("latitude", "longitude"))
    variable.scale_factor, variable.add_offset = math.nan, 0.0


def no_axis(out):
    out.createDimension("y", 10)
    out.createVariable("IR", "f4", ("y",))


def many(out):
    axes(out, 4, 4)
    for number in range(300):
        out.createVariable(f"v{number}", "f4", ("latitude",))


@pytest.mark.parametrize(
    "build",
    [bomb, big_chunk, long_axis, transposed, two_times, texts, uneven, no_scale, no_axis, many],
)
def test_hostile_and_foreign_files_are_refused_before_they_are_read(tmp_path, build):
    payload = odd_file(tmp_path / "odd.nc", build)
    assert len(payload) < 5_000_000
    with pytest.raises(SourceChanged):
        open_frame(payload, "himawari-b13", valid_time=TIME)


def test_a_process_that_dies_refuses_one_file_and_serves_the_next(feeds, bmkg):
    payload = (feeds / NAME[1:]).read_bytes()
    open_frame(payload, "himawari-b13")
    process = worker._current[0]._popen
    process.kill()
    process.wait()
    with pytest.raises(SourceChanged, match="crashed"):
        open_frame(payload, "himawari-b13")
    assert open_frame(payload, "himawari-b13").attrs["known_fraction"] == 1


def test_a_process_that_hangs_is_ended(feeds, monkeypatch):
    payload = (feeds / NAME[1:]).read_bytes()
    open_frame(payload, "himawari-b13")
    process = worker._current[0]._popen
    os.kill(process.pid, 19)
    monkeypatch.setitem(worker.PATIENCE_S, "netcdf", 0.2)
    with pytest.raises(SourceChanged, match="within"):
        open_frame(payload, "himawari-b13")
    assert process.poll() is not None


def test_the_process_gets_no_settings(monkeypatch):
    monkeypatch.setenv("KENTONGAN_BMKG_RADAR_KEY", "secret")
    assert "secret" not in worker._environment().values()


def test_a_damaged_file_never_does_more_than_be_refused(feeds):
    payload = (feeds / NAME[1:]).read_bytes()
    dice = np.random.default_rng(11)
    read = 0
    for _ in range(60):
        broken = bytearray(payload)
        for place in dice.integers(0, len(payload), 8):
            broken[place] = dice.integers(0, 256)
        try:
            frame = open_frame(bytes(broken), "himawari-b13", valid_time=TIME)
        except SourceError as error:
            assert len(str(error)) < 1000
            continue
        read += 1
        values = frame["brightness_temperature"].to_numpy()
        assert not ((values < 150) | (values > 340)).any()
    assert read < 60


@settings(max_examples=30)
@given(st.floats(100, 400), st.integers(0, 72), st.integers(0, 188))
def test_only_plausible_temperatures_are_known(value, row, column):
    values = make["clouds"](np.linspace(-11.5, 6.5, 73), np.linspace(94.5, 141.5, 189))
    values[row, column] = value
    window = RawWindow(
        values, np.linspace(-11.5, 6.5, 73), np.linspace(94.5, 141.5, 189), About("IR", "K")
    )
    frame = judged(window, where="x", source_id="x", satellite="", valid_time=TIME)
    known = bool(frame["brightness_temperature"].notnull()[row, column])
    assert known == (150 <= np.float32(value) <= 340)


def test_scans_of_the_last_minutes_are_asked_for():
    at = datetime(2026, 11, 20, 7, 34, tzinfo=UTC)
    assert SOURCES["himawari-b13"].paths((), at) == [
        "/H08_B13_Indonesia_202611200710.nc",
        "/H08_B13_Indonesia_202611200700.nc",
    ]
    assert SOURCES["himawari-ptree"].paths((), at)[0] == (
        "/jma/netcdf/202611/20/NC_H09_20261120_0700_R21_FLDK.02401_02401.nc"
    )
    hsd = SOURCES["himawari-hsd"].paths((), at)
    assert hsd[1] == (
        "/AHI-L1b-FLDK/2026/11/20/0710/HS_H09_20261120_0710_B13_FLDK_R20_S0610.DAT.bz2"
    )
    assert len(hsd) == 6


def test_little_memory_is_taken_by_a_declared_giant(tmp_path):
    payload = odd_file(tmp_path / "odd.nc", long_axis)
    with pytest.raises(SourceChanged, match="expected 2 to"):
        open_frame(payload, "himawari-b13", valid_time=TIME)
    used = Path(f"/proc/{worker._current[0]._popen.pid}/status")
    if used.exists():
        (peak,) = (line for line in used.read_text().splitlines() if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 500_000


def test_signature_alone_is_not_believed():
    with pytest.raises(SourceChanged):
        open_frame(b"CDF\x01" + struct.pack(">I", 2**31) * 20, "himawari-b13", valid_time=TIME)


def test_over_http_the_newest_published_scan_counts(feeds, serve, make_context):
    served = {NAME: (feeds / NAME[1:]).read_bytes()}
    server = serve(served)
    context = make_context(server.url, himawari_b13_url=server.url)
    first = poll("himawari-b13", at=TIME + timedelta(minutes=24), context=context)
    assert (first.outcome, first.state, first.new_records) == (Outcome.NEW, FeedState.FRESH, 1)
    second = poll("himawari-b13", at=TIME + timedelta(minutes=34), context=context)
    assert second.state is FeedState.FRESH
    assert "202611200720" in second.detail
    third = poll("himawari-b13", at=TIME + timedelta(minutes=54), context=context)
    assert (third.outcome, third.state) == (Outcome.DOWN, FeedState.DOWN)
