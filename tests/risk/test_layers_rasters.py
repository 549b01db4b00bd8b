"""People rasters and others that are not what they seem; named after the defect."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine

from kentongan.errors import LayerError
from risk.layers.check.finding import Severity
from risk.layers.check.people import examine_people
from risk.layers.check.reference import reference
from risk.layers.check.run import Role, check_file
from risk.layers.people_raster import PeopleKind, people_raster
from risk.layers.rasters import write_cropped
from risk.stripes import PeopleStripes

NETCDF_FILL = np.float32(9.969209968386869e36)
CIANJUR = (106.76, -6.58, 107.50, -7.52)
"""West, north, east, south of the regency 32.03 and a little around it."""


def write(path, values, *, west=107.0, north=-6.8, step=1 / 1200, crs=4326, nodata=-9999.0, **more):
    values = np.asarray(values)
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1,
        dtype=values.dtype, crs=crs, nodata=nodata,
        transform=Affine(step, 0, west, 0, -step, north), **more,
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


def total(stripes):
    return sum(float(np.nansum(s.people, dtype=np.float64)) for s in stripes.stripes())


@pytest.fixture(scope="module")
def cianjur(tmp_path_factory):
    """Synthetic people of one regency at 100 m: those of the register, none in half the cells."""
    west, north, east, south = CIANJUR
    cells = reference().cell_people.reshape(900, 2350)
    rows = slice(round((south + 11.5) / 0.02), round((north + 11.5) / 0.02))
    columns = slice(round((west - 94.5) / 0.02), round((east - 94.5) / 0.02))
    people = np.kron(cells[rows, columns][::-1], np.full((24, 24), 1 / 576))
    chance = np.random.default_rng(3).random(people.shape)
    values = np.where(chance > 0.5, people * chance * 8 / 3, 0).astype(np.float32)
    path = tmp_path_factory.mktemp("people") / "idn_ppp_cianjur.tif"
    return write(path, values, west=west, north=north)


def by_check(findings):
    return {f.check: f for f in findings}


def examined(path, kind=None):
    return examine_people(path, kind, reference())


def test_a_plausible_raster_passes(cianjur):
    found = examined(cianjur)
    assert found.kind is PeopleKind.COUNT
    assert {f.severity for f in found.findings} <= {Severity.INFO}


def test_asiapop_repeats_coarse_counts_on_a_fine_grid(samples):
    found = by_check(examined(samples / "geo" / "pop_jakarta_asiapop_clip.tif").findings)
    assert found["implausible-total"].severity is Severity.REFUSE
    assert "3,701,787,874" in found["implausible-total"].found
    assert found["repeated-values"].severity is Severity.REFUSE
    assert "no-nodata" in found


def test_hkv_has_one_value_a_district_and_no_unit(samples):
    found = by_check(examined(samples / "geo" / "pop_jakarta_hkv_geographic.tif").findings)
    assert found["implausible-total"].severity is Severity.REFUSE
    assert "42 different values" in found["repeated-values"].found


def test_hkv_resampled_rings_below_zero(samples):
    found = examined(samples / "geo" / "pop_jakarta_hkv_utm48n.tif")
    negative = by_check(found.findings)["negative-values"]
    assert negative.severity is Severity.REFUSE
    assert "3 cells below 0, down to -19812.8 (ringing" in negative.found


def test_hkv_may_still_share_out_a_register(samples):
    found = examined(samples / "geo" / "pop_jakarta_hkv_geographic.tif", PeopleKind.WEIGHT)
    assert {f.severity for f in found.findings} == {Severity.FLAG}
    assert found.kind is PeopleKind.WEIGHT


def test_inundation_depths_taken_for_people(samples):
    path = samples / "geo" / "flood_depth_current_jakarta.tif"
    assert by_check(check_file(path, Role.PEOPLE))["implausible-total"].severity is Severity.REFUSE


@pytest.mark.parametrize(
    "name",
    [
        "flood_depth_current_jakarta", "inasafe_jakarta_continuous_flood",
        "tsunami_maumere_depth", "shakemap_lembang_68", "ashload_gede_vei4",
    ],
)  # fmt: skip
def test_hazard_rasters_as_they_are_pass(samples, name):
    findings = check_file(samples / "geo" / f"{name}.tif")
    assert [f.check for f in findings] == ["read-as"]


def test_ash_with_netcdf_fill_values(samples, tmp_path):
    with rasterio.open(samples / "geo" / "ashload_gede_vei4.tif") as source:
        values, profile = source.read(1), source.profile
    values[values == -9999] = NETCDF_FILL
    path = tmp_path / "ash.tif"
    with rasterio.open(path, "w", **{**profile, "nodata": None}) as out:
        out.write(values, 1)
    fill = by_check(check_file(path))["undeclared-nodata"]
    assert fill.severity is Severity.REFUSE
    assert "265 cells hold 9.96921e+36 (netCDF" in fill.found


@pytest.mark.parametrize("fill", [-9999.0, -3.4028234663852886e38, 1e20, -32768.0])
def test_undeclared_nodata(tmp_path, fill):
    values = np.full((20, 20), 3.0, dtype=np.float32)
    values[:5] = fill
    path = write(tmp_path / "pop.tif", values, nodata=None)
    assert by_check(examined(path).findings)["undeclared-nodata"].severity is Severity.REFUSE
    values[:5] = -9999
    declared = write(tmp_path / "pop2.tif", values, nodata=-9999.0)
    assert "undeclared-nodata" not in by_check(examined(declared).findings)


@pytest.mark.parametrize("value", [np.inf, 5e12])
def test_impossible_values(tmp_path, value):
    values = np.full((20, 20), 3.0, dtype=np.float32)
    values[3, 3] = value
    assert "impossible-values" in by_check(check_file(write(tmp_path / "a.tif", values)))


def test_a_density_taken_for_counts(cianjur, tmp_path):
    with rasterio.open(cianjur) as source:
        counts = source.read(1)
    density = (counts / 0.0085).astype(np.float32)
    path = write(tmp_path / "dichte.tif", density, west=CIANJUR[0], north=CIANJUR[1])
    found = examined(path)
    assert found.kind is PeopleKind.PER_KM2
    assert found.people == pytest.approx(counts.sum(dtype=np.float64), rel=0.01)
    assert "read as a density" in by_check(found.findings)["density"].remedy
    stated = by_check(examined(path, PeopleKind.COUNT).findings)["density-as-counts"]
    assert stated.severity is Severity.REFUSE
    assert "--people-kind per-km2" in stated.remedy


def test_people_per_hectare_and_per_cell_of_a_hectare_look_alike(cianjur, tmp_path):
    nameless = tmp_path / "x.tif"
    nameless.write_bytes(cianjur.read_bytes())
    assert by_check(examined(nameless).findings)["kind-unclear"].severity is Severity.REFUSE
    assert examined(nameless, PeopleKind.COUNT).kind is PeopleKind.COUNT
    pph = tmp_path / "idn_pph.tif"
    pph.write_bytes(cianjur.read_bytes())
    assert examined(pph).kind is PeopleKind.PER_HA


def test_totals_far_from_the_register(cianjur, tmp_path):
    with rasterio.open(cianjur) as source:
        values = source.read(1) * np.float32(2.4)
    path = write(tmp_path / "idn_ppp.tif", values, west=CIANJUR[0], north=CIANJUR[1])
    refused = by_check(examined(path, PeopleKind.COUNT).findings)
    assert refused["implausible-total"].severity is Severity.REFUSE


def test_a_raster_without_coordinate_system(samples):
    path = samples / "peer-cases" / "inasafe" / "population.asc"
    refusal = by_check(check_file(path))["no-crs"]
    assert refusal.severity is Severity.REFUSE
    assert "look like degrees of Indonesia" in refusal.found


def test_swapped_axes_of_a_raster(tmp_path):
    path = write(tmp_path / "pop.tif", np.ones((50, 50), np.float32), west=-6.8, north=107.0)
    assert "swapped-axes" in by_check(check_file(path))


@pytest.mark.parametrize(
    ("role", "value"), [(Role.ELEVATION, 9000.0), (Role.SUSCEPTIBILITY, 255.0)]
)
def test_values_out_of_the_range_of_their_role(tmp_path, role, value):
    path = write(tmp_path / "x.tif", np.full((9, 9), value, np.float32))
    assert "out-of-range" in by_check(check_file(path, role))


@pytest.mark.parametrize("content", [b"", b"II*\x00garbage", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["p.tif", "p.zip"])
def test_files_that_are_no_rasters(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert [f.check for f in check_file(tmp_path / name)] == ["unreadable"]


def test_several_bands_are_refused(tmp_path):
    path = tmp_path / "two.tif"
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 2, "dtype": "float32"}
    with rasterio.open(path, "w", crs=4326, transform=Affine(1, 0, 107, 0, -1, -6), **profile):
        pass
    assert "2 bands" in check_file(path)[0].found


CRS = ["EPSG:4326", "EPSG:32748", "ESRI:54009", "EPSG:3857", "EPSG:9470", "EPSG:4813"]


def synthetic(path, crs, seed=1, shape=(150, 170), **more):
    values = np.random.default_rng(seed).integers(0, 40, shape).astype(np.float32)
    values[::3] = -9999
    step = 1 / 1200 if pyproj.CRS(crs).is_geographic else 100.0
    at = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(106.9, -6.7)
    write(path, values, west=at[0], north=at[1], step=step, crs=crs, **more)
    return values[values > 0].sum(dtype=np.float64)


@pytest.mark.parametrize("crs", CRS)
def test_people_are_conserved_from_any_coordinate_system(tmp_path, crs):
    people = synthetic(tmp_path / "p.tif", crs)
    stripes = people_raster(tmp_path / "p.tif")
    assert isinstance(stripes, PeopleStripes)
    assert total(stripes) == pytest.approx(people, rel=1e-9)


@given(seed=st.integers(0, 1000), rows=st.integers(1, 90), columns=st.integers(1, 90))
def test_mollweide_conserves_any_raster(tmp_path_factory, seed, rows, columns):
    path = tmp_path_factory.mktemp("m") / "p.tif"
    people = synthetic(path, "ESRI:54009", seed, (rows, columns))
    assert total(people_raster(path)) == pytest.approx(people, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("crs", ["EPSG:32748", "ESRI:54009"])
def test_people_stay_where_they_are(tmp_path, crs):
    """One full cell: nobody moves by more than a cell of the source."""
    values = np.zeros((101, 101), np.float32)
    values[50, 50] = 1000
    at = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    west, north = at.transform(107.0, -6.8)
    path = write(tmp_path / "p.tif", values, west=west, north=north, step=100.0, crs=crs)
    lon, lat = at.transform(west + 5050, north - 5050, direction="INVERSE")
    grid = people_raster(path)
    for stripe in grid.stripes():
        row, column = np.nonzero(stripe.people)
        y = grid.north - (stripe.first_row + row + 0.5) * grid.dy
        x = grid.west + (column + 0.5) * grid.dx
        assert np.abs(y - lat).max(initial=0) < 0.0014
        assert np.abs(x - lon).max(initial=0) < 0.0014


@pytest.mark.parametrize("crs", CRS[:4])
def test_density_times_true_area(tmp_path, crs):
    """Constant density: people are density times the geodesic area of the frame."""
    shape = (150, 170)
    step = 1 / 1200 if crs == "EPSG:4326" else 100.0
    at = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    west, north = at.transform(106.9, -6.7)
    path = write(
        tmp_path / "d.tif", np.full(shape, 50.0, np.float32), west=west, north=north, step=step,
        crs=crs,
    )  # fmt: skip
    n = 40
    edge_x = np.concatenate([np.linspace(0, shape[1], n), np.full(n, shape[1]),
                             np.linspace(shape[1], 0, n), np.zeros(n)])  # fmt: skip
    edge_y = np.concatenate([np.zeros(n), np.linspace(0, shape[0], n),
                             np.full(n, shape[0]), np.linspace(shape[0], 0, n)])  # fmt: skip
    lon, lat = at.transform(west + edge_x * step, north - edge_y * step, direction="INVERSE")
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    people = total(people_raster(path, PeopleKind.PER_KM2))
    assert people == pytest.approx(50 * abs(area) / 1e6, rel=2e-5)


def test_nodata_zero_and_nan_are_nobody(tmp_path):
    values = np.array([[1.0, np.nan, -9999, 0]], np.float32)
    assert total(people_raster(write(tmp_path / "p.tif", values))) == 1


def test_a_raster_from_south_to_north_is_turned(tmp_path):
    values = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    path = tmp_path / "p.tif"
    transform = Affine(0.1, 0, 107.0, 0, 0.1, -7.0)
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", crs=4326, transform=transform, **profile) as out:
        out.write(values, 1)
    grid = people_raster(path)
    assert grid.north == pytest.approx(-6.8)
    assert np.concatenate([s.people for s in grid.stripes()]).tolist() == [[3, 4], [1, 2]]


def test_integer_rasters_and_scales(tmp_path):
    values = np.array([[1, 65535, 7]], np.uint16)
    path = write(tmp_path / "p.tif", values, nodata=65535)
    assert total(people_raster(path)) == 8
    with rasterio.open(path, "r+") as out:
        out.scales = (0.5,)
    assert total(people_raster(path)) == 4


def test_cropped_rasters_keep_their_cells_and_their_bytes(tmp_path):
    values = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    path = write(tmp_path / "dem.tif", values, west=107.0, north=-6.0, step=0.01)
    bounds = (107.105, -6.255, 107.295, -6.105)
    for name in ("a.tif", "b.tif"):
        write_cropped(tmp_path / name, path, bounds, "bilinear")
    with rasterio.open(tmp_path / "a.tif") as out:
        assert np.array_equal(out.read(1), values[10:26, 10:30])
        assert out.transform.c == pytest.approx(107.10)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_cropping_where_nothing_is_refuses(tmp_path):
    path = write(tmp_path / "dem.tif", np.ones((9, 9), np.float32))
    with pytest.raises(LayerError, match="expected the area of the villages"):
        write_cropped(tmp_path / "a.tif", path, (120.0, 0.0, 121.0, 1.0), "bilinear")
