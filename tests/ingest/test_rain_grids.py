"""Ready rain rates: NOAA's Enterprise Rain Rate and JAXA's GSMaP, in the layouts that are known."""

from __future__ import annotations

import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ingest.frames import open_frame
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.errors import SourceBlocked, SourceChanged, SourceError
from kentongan.types import FeedState, Outcome, Quality

make = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "make_frames.py"))
TIME = make["TIME"]
ERR = "RRQPE-INST-GLB-5_v1r1_blend_s202611200710000_e202611200719599_c202611200732101.nc"
GSMAP = "gsmap_now.20261120.0640.nc"
BOX = (90.0, -20.0, 150.0, 20.0)


@pytest.fixture
def err(tmp_path):
    def write(**options):
        given = {"step": 0.25, "box": BOX, **options}
        return make["err_netcdf"](tmp_path / "err.nc", **given).read_bytes()

    return write


@pytest.fixture
def gsmap(tmp_path):
    def write(**options):
        given = {"step": 0.5, "start": TIME - timedelta(minutes=30), **options}
        return make["gsmap_netcdf"](tmp_path / "gsmap.nc", **given).read_bytes()

    return write


@pytest.fixture
def read(read_context):
    def run(payload, path=f"/{ERR}", source_id="noaa-err", **changes):
        return SOURCES[source_id].read(payload, read_context(source_id, path, **changes))

    return run


def test_tenths_of_a_millimetre_from_the_north_become_mm_h(err):
    frame = open_frame(err(), "noaa-err", valid_time=TIME)
    rate = frame["rain_rate"]
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    assert (lat[0], lat[-1], lon[0], lon[-1]) == (-11.5, 6.5, 94.5, 141.5)
    assert (rate.dims, rate.dtype) == (("latitude", "longitude"), np.float32)
    np.testing.assert_allclose(rate, make["storms"](lat, lon), atol=0.051)
    storm = rate.sel(latitude=-7.25, longitude=109.5)
    assert float(storm) == pytest.approx(61.6, abs=0.1)
    assert rate.attrs["units"] == "mm h-1"
    assert (frame.attrs["quality"], frame.attrs["flags"]) == ("ok", "")
    assert frame.attrs["known_fraction"] == 1


def test_the_whole_global_grid_is_read(tmp_path):
    payload = make["err_netcdf"](
        tmp_path / "g.nc", values=np.zeros((6501, 18000), dtype=np.int16)
    ).read_bytes()
    frame = open_frame(payload, "noaa-err", valid_time=TIME)
    assert frame["rain_rate"].shape == (901, 2351)
    assert float(frame["latitude"][0]) == pytest.approx(-11.5, abs=1e-4)
    assert float(frame["rain_rate"].max()) == 0


def test_what_is_missing_or_marked_is_not_known_and_never_dry(err):
    latitude, longitude = np.linspace(20, -20, 161), np.linspace(90, 150, 241)
    values = make["storms"](latitude, longitude)
    values[80:90, 60:80] = np.nan
    marked = np.zeros(values.shape, dtype=bool)
    marked[100:110, 100:110] = True
    frame = open_frame(err(values=values, no_data=marked), "noaa-err", valid_time=TIME)
    assert int(frame["rain_rate"].isnull().sum()) == 200 + 100
    assert set(np.unique(frame["quality"])) == {0, 1}
    assert frame.attrs["flags"] == "gaps"


def test_a_record_says_that_it_is_rain(err, read):
    reading = read(err())
    (record,) = reading.records
    assert (record.kind, record.product, record.variable) == ("satellite_grid", "ERR", "rain_rate")
    assert record.valid_time == record.document_time == TIME
    assert record.key.startswith("ERR-20261120T071000Z")
    assert reading.fields == ("RRQPE",)
    assert reading.unknown_fields == ("DQF",)


@pytest.mark.parametrize(
    ("name", "time"),
    [
        (ERR, TIME),
        ("RRQPE-INST-GLB-5_s202611200710.nc", TIME),
        ("RRQPE-INST-GLB-2_v1r1_blend_s202611200720000_e1_c1.nc", TIME + timedelta(minutes=10)),
    ],
)
def test_the_name_tells_the_time(err, read, name, time):
    (record,) = read(err(), f"/a/b/{name}").records
    assert record.valid_time == time


@pytest.mark.parametrize("name", ["rain.nc", "RRQPE-INST-GLB-5_s202613200710.nc"])
def test_without_a_time_it_is_refused(err, read, name):
    with pytest.raises(SourceChanged, match="tells the time"):
        read(err(), f"/{name}")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param({"units": "K"}, "expected mm/h", id="kelvin"),
        pytest.param({"units": "kg m-2 s-1"}, "expected mm/h", id="a-second"),
        pytest.param({"stated": False}, "cannot be placed", id="no-attributes"),
        pytest.param({"box": (0.0, -20.0, 60.0, 20.0)}, "no part of Indonesia", id="africa"),
        pytest.param({"values": np.full((161, 241), np.nan)}, "can be believed", id="nothing"),
        pytest.param({"values": np.full((161, 241), 900.0)}, "can be believed", id="impossible"),
    ],
)
def test_another_grid_unit_or_nothing_at_all_is_refused(err, options, reason):
    with pytest.raises(SourceChanged, match=reason):
        open_frame(err(**options), "noaa-err", valid_time=TIME)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        pytest.param(lambda d: d.fill(40.0), "all-wet", id="rain-everywhere"),
        pytest.param(lambda d: d[60:70].fill(900.0), "implausible", id="a-band-of-900"),
        pytest.param(lambda d: d[:80].fill(np.nan), "gaps", id="half-missing"),
    ],
)
def test_what_is_doubtful_is_flagged(err, read, change, flag):
    values = np.zeros((161, 241))
    change(values)
    (record,) = read(err(values=values)).records
    assert flag in record.flags
    assert record.quality is Quality.DEGRADED


def odd(path, build):
    with netCDF4.Dataset(path, "w") as out:
        build(out)
    return path.read_bytes()


def geostationary(out):
    out.createDimension("y", 500)
    out.createDimension("x", 500)
    out.createVariable("RRQPE", "i2", ("y", "x"))[:] = 0


def other_size(out):
    out.createDimension("Rows", 90)
    out.createDimension("Columns", 100)
    for name in ("lat", "lon"):
        out.setncattr(f"geospatial_{name}_min", -10.0)
        out.setncattr(f"geospatial_{name}_max", 10.0)
        out.setncattr(f"geospatial_{name}_resolution", 1.0)
    out.createVariable("RRQPE", "i2", ("Rows", "Columns"))[:] = 0


def huge(out):
    out.createDimension("Rows", 6501)
    out.createDimension("Columns", 2_000_000_000)
    out.createVariable("RRQPE", "i2", ("Rows", "Columns"), zlib=True)


def texts(out):
    out.createDimension("Rows", 3)
    out.createDimension("Columns", 3)
    out.createVariable("RRQPE", str, ("Rows", "Columns"))


def nothing(out):
    out.createDimension("Rows", 3)


@pytest.mark.parametrize("build", [geostationary, other_size, huge, texts, nothing])
@pytest.mark.parametrize("product", ["noaa-err", "jaxa-gsmap"])
def test_hostile_and_foreign_files_are_refused(tmp_path, build, product):
    payload = odd(tmp_path / "odd.nc", build)
    with pytest.raises(SourceChanged):
        open_frame(payload, product, valid_time=TIME)


def test_a_web_page_is_no_grid():
    with pytest.raises(SourceBlocked):
        open_frame(b"<html><body>blocked", "noaa-err", valid_time=TIME)


def test_a_damaged_file_never_does_more_than_be_refused(err):
    payload = err(step=0.5)
    dice = np.random.default_rng(3)
    for _ in range(40):
        broken = bytearray(payload)
        for place in dice.integers(0, len(payload), 8):
            broken[place] = dice.integers(0, 256)
        try:
            frame = open_frame(bytes(broken), "noaa-err", valid_time=TIME)
        except SourceError as error:
            assert len(str(error)) < 1000
            continue
        rate = frame["rain_rate"].to_numpy()
        assert not ((rate < 0) | (rate > 400)).any()


def test_gsmaps_hour_stands_at_its_middle(gsmap, read):
    reading = read(gsmap(), f"/now/netcdf/2026/11/20/{GSMAP}", "jaxa-gsmap")
    (record,) = reading.records
    assert (record.product, record.variable, record.valid_time) == ("GSMAP", "rain_rate", TIME)
    assert "hourlyPrecipRateGC" in reading.unknown_fields


def test_gsmap_by_its_content_alone(gsmap, read):
    (record,) = read(gsmap(), "/gsmap_latest.nc", "jaxa-gsmap").records
    assert record.valid_time == TIME


def test_a_name_that_contradicts_the_content_is_refused(gsmap, read):
    with pytest.raises(SourceChanged, match="not believed"):
        read(gsmap(), "/gsmap_now.20261120.0140.nc", "jaxa-gsmap")


def test_gsmap_rates_are_those_of_the_file(gsmap):
    frame = open_frame(gsmap(), "jaxa-gsmap")
    lat, lon = frame["latitude"].to_numpy(), frame["longitude"].to_numpy()
    np.testing.assert_allclose(frame["rain_rate"], make["storms"](lat, lon), atol=1e-3)


def test_the_addresses_of_a_mirror():
    at = datetime(2026, 11, 20, 7, 34, tzinfo=UTC)
    assert SOURCES["noaa-err"].paths((), at) == [
        "/RRQPE-INST-GLB-5_s202611200710.nc",
        "/RRQPE-INST-GLB-5_s202611200700.nc",
    ]
    assert SOURCES["jaxa-gsmap"].paths((), at) == [
        "/now/netcdf/2026/11/20/gsmap_now.20261120.0630.nc"
    ]


def test_a_folder_of_noaas_own_names_is_taken_in(err, tmp_path, make_context):
    folder = tmp_path / "mirror" / "BLEND"
    folder.mkdir(parents=True)
    (folder / ERR).write_bytes(err())
    old = (TIME + timedelta(minutes=20)).timestamp()
    os.utime(folder / ERR, (old, old))
    context = make_context("http://127.0.0.1:9", rain_rate_url=str(folder))
    report = poll("noaa-err", at=TIME + timedelta(minutes=25), context=context)
    assert (report.outcome, report.state, report.new_records) == (
        Outcome.NEW, FeedState.FRESH, 1,
    )  # fmt: skip


def test_over_http_the_newest_scan_counts(err, serve, make_context):
    server = serve({"/RRQPE-INST-GLB-5_s202611200710.nc": err()})
    context = make_context(server.url, rain_rate_url=server.url)
    report = poll("noaa-err", at=TIME + timedelta(minutes=24), context=context)
    assert (report.outcome, report.state) == (Outcome.NEW, FeedState.FRESH)
