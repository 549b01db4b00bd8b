"""Polygons and places that are not what they seem; each test is named after the defect."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from risk.layers.areas_file import examine_areas
from risk.layers.check.cover import covered
from risk.layers.check.finding import Severity
from risk.layers.check.places import examine_places
from risk.layers.check.reference import reference
from risk.layers.check.run import check_file
from risk.layers.check.shapes import examine_coverage, examine_shapes, km2

CODES = np.array(["32.03.01.1006", "32.03.01.1007", "32.03.01.1008"], dtype=object)
PLACE = (107.13, -6.82)


def box(i=0, size=0.02):
    x, y = PLACE[0] + i * size, PLACE[1]
    return shapely.box(x, y, x + size, y + size)


def written(tmp_path, codes, shapes, *, crs=4326, name="a.parquet", **columns):
    frame = gpd.GeoDataFrame({"kode": codes, **columns}, geometry=list(shapes), crs=crs)
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_file(path, engine="pyogrio")
    return path


def by_check(findings):
    return {f.check: f for f in findings}


def test_124_invalid_regencies(samples):
    areas = examine_areas(samples / "geo" / "adm2_invalid_raw_124.parquet")
    told = [f for f in areas.findings if f.check == "invalid-shape"]
    assert areas.repaired == len(told) == 124
    reasons = pd.Series([f.found.split("[")[0] for f in told]).value_counts().to_dict()
    assert reasons == {
        "Nested shells": 119, "Ring Self-intersection": 3, "Hole lies outside shell": 1,
        "Self-intersection": 1,
    }  # fmt: skip
    assert all("repaired" in f.remedy for f in told)
    assert shapely.is_valid(areas.geometry).all()
    assert len(areas.code) == 124


def test_23_invalid_villages(samples):
    areas = examine_areas(samples / "geo" / "adm4_invalid_raw_23.parquet")
    told = [f for f in areas.findings if f.check == "invalid-shape"]
    assert len(told) == 23
    assert {f.severity for f in told} == {Severity.INFO}
    assert shapely.is_valid(areas.geometry).all()


def test_a_repair_that_changes_the_area_is_flagged():
    bow = shapely.Polygon([(107, -7), (107.1, -6.9), (107.1, -7), (107, -6.9)])
    repaired = examine_shapes(np.array([bow], dtype=object), CODES[:1], "f")
    finding = by_check(repaired.findings)["invalid-shape"]
    assert (finding.severity, finding.codes) == (Severity.FLAG, ("32.03.01.1006",))
    assert "Self-intersection" in finding.found


def test_krb_zones_with_one_invalid_shape(samples):
    findings = check_file(samples / "geo" / "volcano_krb.parquet")
    assert sum(f.check == "invalid-shape" for f in findings) == 1


def test_real_villages_overlap_a_little(samples):
    """Cianjur: 0.80 km2 of 3,634."""
    areas = examine_areas(samples / "geo" / "adm4_villages_cianjur.parquet")
    overlap = by_check(areas.findings)["overlaps"]
    assert overlap.severity is Severity.INFO
    assert float(overlap.found.split()[0]) == pytest.approx(0.80, abs=0.02)


def test_regencies_that_share_thousands_of_km2_are_flagged(samples):
    """96.01 Sorong and 96.04 Tambrauw, as simplified by their publisher."""
    frame = gpd.read_parquet(samples / "geo" / "adm2_regencies_514.parquet")
    some = frame[frame["code"].isin(["96.01", "96.04"])]
    found = examine_coverage(some.geometry.to_numpy(), some["code"].to_numpy(object), "f")
    overlap = by_check(found)["overlaps"]
    assert (overlap.severity, overlap.codes) == (Severity.FLAG, ("96.01", "96.04"))


def test_an_overlap_is_told_with_both_names():
    shapes = np.array([box(0), box(0.5)], dtype=object)
    overlap = by_check(examine_coverage(shapes, CODES[:2], "f"))["overlaps"]
    assert overlap.severity is Severity.FLAG
    assert overlap.feature == "32.03.01.1006 and 32.03.01.1007"


def test_a_gap_is_told_with_its_neighbour():
    ring = box(0, 0.06).difference(box(1, 0.02).buffer(0))
    west = shapely.box(107.13, -6.82, 107.16, -6.76)
    hole = shapely.box(107.15, -6.80, 107.17, -6.78)
    parts = np.array([west.difference(hole), ring.difference(west).difference(hole)], dtype=object)
    gap = by_check(examine_coverage(parts, CODES[:2], "f"))["gaps"]
    assert gap.severity is Severity.FLAG
    assert float(gap.found.split()[0]) == pytest.approx(float(km2(np.array([hole]))[0]), rel=0.01)


def test_cover_counts_each_cell_once_and_twice():
    grid_box = shapely.box(110.0, -7.0, 110.2, -6.8)
    assert covered(np.array([grid_box]))[225:235, 775:785].min() == pytest.approx(1, abs=1e-4)
    assert covered(np.array([grid_box, grid_box])).max() == pytest.approx(2, abs=1e-4)


def test_many_overlaps_and_gaps_are_found_on_cells(monkeypatch):
    monkeypatch.setattr("risk.layers.check.shapes._OVER_FEATURES", 1)
    shapes = np.array([shapely.box(110 + i / 5, -7, 110.2 + i / 5, -6.8) for i in (0, 1, 1.5)])
    found = by_check(examine_coverage(shapes, CODES, "f"))
    assert float(found["overlaps"].found.split()[2]) == pytest.approx(
        float(km2(np.array([shapely.box(110.3, -7, 110.4, -6.8)]))[0]), rel=0.01
    )


def test_multi_island_villages(samples):
    areas = examine_areas(samples / "geo" / "adm4_villages_jakarta_31.parquet")
    parts = by_check(areas.findings)["several-parts"]
    assert parts.found.startswith("10 areas in several parts, at most 54")
    assert "never the centroid" in parts.remedy


def test_a_point_inside_each_island_village(samples, tmp_path):
    areas = examine_areas(samples / "geo" / "adm4_villages_jakarta_31.parquet")
    inside = shapely.contains(areas.geometry, shapely.point_on_surface(areas.geometry))
    assert inside.all()


def test_3d_and_measured_shapes(tmp_path):
    deep = shapely.force_3d(box(), 12.0)
    path = written(tmp_path, CODES[:1], [deep], name="a.gpkg")
    areas = examine_areas(path)
    assert "extra-dimensions" in by_check(areas.findings)
    assert not shapely.has_z(areas.geometry).any()


def test_geometry_collections():
    mixed = shapely.GeometryCollection([box(), shapely.LineString([(107, -7), (108, -7)])])
    repaired = examine_shapes(np.array([mixed], dtype=object), CODES[:1], "f")
    assert by_check(repaired.findings)["mixed-geometry"].severity is Severity.INFO
    assert repaired.geometry[0].area == pytest.approx(box().area)


def test_points_are_no_areas(tmp_path):
    path = written(tmp_path, CODES[:2], [shapely.Point(PLACE), shapely.Point(PLACE)])
    assert by_check(examine_areas(path).findings)["no-polygons"].severity is Severity.REFUSE


@pytest.mark.parametrize("lost", [None, shapely.Polygon()])
def test_a_village_without_a_path(tmp_path, lost):
    """96.01.05.1012 Malagusa has none in one source."""
    areas = examine_areas(written(tmp_path, CODES[:2], [box(), lost]))
    finding = by_check(areas.findings)["no-shape"]
    assert (finding.severity, finding.codes) == (Severity.FLAG, ("32.03.01.1007",))
    assert areas.without_shape == ("32.03.01.1007",)


def test_provinces_in_web_mercator(samples, tmp_path):
    frame = gpd.read_parquet(samples / "geo" / "adm1_provinces_38.parquet").iloc[:3]
    path = tmp_path / "prov.parquet"
    frame.to_crs(3857).to_parquet(path)
    areas = examine_areas(path)
    assert "EPSG:3857" in by_check(areas.findings)["other-crs"].found
    assert shapely.total_bounds(areas.geometry)[0] == pytest.approx(frame.total_bounds[0], abs=1e-5)


def test_metres_that_say_they_are_degrees(tmp_path):
    metres = gpd.GeoSeries([box()], crs=4326).to_crs(3857).set_crs(4326, allow_override=True)
    path = written(tmp_path, CODES[:1], metres)
    assert by_check(examine_areas(path).findings)["no-crs"].severity is Severity.REFUSE


def test_swapped_axes(samples, tmp_path):
    """One source writes [latitude, longitude]."""
    frame = gpd.read_parquet(samples / "geo" / "adm4_villages_cianjur.parquet").iloc[:20]
    swapped = shapely.transform(frame.geometry.to_numpy(), lambda p: p[:, ::-1])
    path = written(tmp_path, frame["code"].to_numpy(), swapped)
    assert by_check(examine_areas(path).findings)["swapped-axes"].severity is Severity.REFUSE


def test_inverted_latitudes_of_villages(samples, tmp_path):
    frame = gpd.read_parquet(samples / "geo" / "adm4_villages_cianjur.parquet").iloc[:20]
    mirrored = shapely.transform(frame.geometry.to_numpy(), lambda p: p * [1, -1])
    path = written(tmp_path, frame["code"].to_numpy(), mirrored)
    assert "inverted-latitude" in by_check(examine_areas(path).findings)


@pytest.mark.parametrize("coded", [True, False])
def test_inverted_latitudes_of_islands(samples, tmp_path, coded):
    """A whole table of islands is published with the sign of its latitudes turned."""
    table = pd.read_parquet(samples / "geo" / "islands_idn_area_data_4.0.1.parquet")
    table = table.drop(columns=[] if coded else ["code", "regency_code"]).iloc[::10]
    right, wrong = tmp_path / "right.csv", tmp_path / "wrong.csv"
    table.to_csv(right, index=False)
    table.assign(lat=-table["lat"]).to_csv(wrong, index=False)
    assert "inverted-latitude" not in by_check(check_file(right))
    assert by_check(check_file(wrong))["inverted-latitude"].severity is Severity.REFUSE


def test_islands_1900_km_from_their_regency(samples):
    findings = check_file(samples / "geo" / "islands_idn_area_data_4.0.1.parquet")
    astray = by_check(findings)["places-astray"]
    assert "82.04" in astray.feature


def test_codes_of_elsewhere_are_known_by_their_places():
    x, y = np.full(3, 140.7), np.full(3, -2.5)
    found = examine_places(CODES, x, y, "f", reference())
    assert [f.check for f in found] == ["places-elsewhere"]


def test_parts_of_one_code_under_two_names(tmp_path):
    path = written(
        tmp_path, [CODES[0], CODES[0]], [box(0), box(2)], name="a.gpkg", nama=["Satu", "Dua"]
    )
    finding = by_check(examine_areas(path).findings)["duplicate-codes"]
    assert (finding.severity, finding.codes) == (Severity.FLAG, (CODES[0],))


def test_villages_of_the_decree_that_a_file_lacks(samples):
    areas = examine_areas(samples / "geo" / "adm4_villages_cianjur.parquet")
    assert "missing-areas" not in by_check(areas.findings)
    assert areas.level == 4


@pytest.mark.parametrize(
    "name", ["kelurahan_jakarta_osm", "rw_jakarta_osm", "districts_osm_jakarta"]
)
def test_areas_without_codes_are_refused_and_shown_the_bridge(samples, name):
    findings = check_file(samples / "geo" / f"{name}.parquet")
    refusal = by_check(findings)["no-codes"]
    assert refusal.severity is Severity.REFUSE
    assert "layers bridge" in refusal.remedy


def test_34_provinces_by_name(tmp_path):
    new = {"Papua Selatan", "Papua Tengah", "Papua Pegunungan", "Papua Barat Daya"}
    names = [reference().names[c] for c in sorted(reference().codes[1])]
    old = [n for n in names if n not in new]
    shapes = [box(i % 3) for i in range(len(old))]
    frame = gpd.GeoDataFrame({"provinsi": old}, geometry=shapes, crs=4326)
    frame.to_parquet(tmp_path / "p.parquet")
    assert "old-provinces" in by_check(check_file(tmp_path / "p.parquet"))
