"""`kentongan overlay` and `kentongan coverage` as a person and as a program use them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from console.overlay_files import write_overlay
from console.overlay_map import overlay_page
from kentongan.errors import DataError
from risk.analyst.overlay import Overlay, overlay


def raster(path: Path, values: np.ndarray) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype="float32", crs="EPSG:4326", transform=Affine(0.01, 0, 107, 0, -0.01, -6),
    ) as out:  # fmt: skip
        out.write(values.astype("float32"), 1)
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    hazard = raster(tmp_path / "h.tif", np.array([[0, 1], [2, np.nan]]))
    people = raster(tmp_path / "p.tif", np.full((2, 2), 25))
    where = gpd.GeoDataFrame(
        {"kode": ["32.03.01.2001", "32.03.01.2002"], "nama": ["=SUM(A1)", "Desa <b>"]},
        geometry=[shapely.box(107, -6.02, 107.01, -6), shapely.box(107.01, -6.01, 107.02, -6)],
        crs=4326,
    )
    where.to_file(tmp_path / "areas.geojson", driver="GeoJSON")
    return hazard, people, tmp_path / "areas.geojson"


@pytest.fixture
def found(files) -> Overlay:
    return overlay(*files)


def kentongan(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from console.cli import main; main()", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={"KENTONGAN_HOME": str(home / "var"), "PATH": "/usr/bin:/bin", "HOME": str(home)},
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_one_document_and_nothing_else(files, tmp_path):
    hazard, people, where = files
    done = kentongan(
        tmp_path, "overlay", hazard, "--people", people, "--areas", where, "--area-id", "kode",
        "--json", "--out", tmp_path / "o.csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"total_people", "by_class", "areas", "unassigned", "warnings"}
    assert document["by_class"] == {"0": 25, "1": 25, "2": 25, "unknown": 25}
    assert document["unassigned"] == 25
    assert "o.csv" in done.stderr


def test_wrong_use_is_two_and_a_bad_file_is_one(files, tmp_path):
    hazard, people, _ = files
    wrong = kentongan(tmp_path, "overlay", hazard, "--thresholds", "3,1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "ascending" in wrong.stderr
    lost = kentongan(tmp_path, "overlay", tmp_path / "no.tif", "--people", people, "--json")
    assert lost.returncode == 1
    assert "no such file" in json.loads(lost.stdout)["error"]


def test_coverage_of_a_district(tmp_path):
    done = kentongan(tmp_path, "coverage", "32.03.01", "--at", "2026-11-22T05:00Z", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["travel"] == "straight-line"
    assert sum(v["people"] for v in document["villages"]) == sum(
        a["people"] for a in document["areas"]
    )


@pytest.mark.parametrize("kind", ["raster", "polygons"])
def test_coverage_says_for_whom_a_hazard_file_is_not_known(tmp_path, kind):
    path = tmp_path / ("h.tif" if kind == "raster" else "h.geojson")
    if kind == "raster":
        with rasterio.open(
            path, "w", driver="GTiff", height=1, width=1, count=1, dtype="float32",
            crs="EPSG:4326", transform=Affine(0.02, 0, 107.13, 0, -0.02, -6.81),
        ) as out:  # fmt: skip
            out.write(np.full((1, 1, 1), 3, dtype="float32"))
    else:
        box = shapely.box(107.13, -6.83, 107.15, -6.81)
        gpd.GeoDataFrame({"level": [3]}, geometry=[box], crs=4326).to_file(path)
    at = ["--at", "2026-11-22T05:00Z", "--json"]
    done = kentongan(tmp_path, "coverage", "32.03.01", "--hazard", str(path), *at)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    people = sum(v["people"] for v in document["villages"])
    exposed = sum(v["exposed_people"] for v in document["villages"])
    assert 0 < exposed < people
    if kind == "raster":
        assert document["unknown_people"] == people - exposed
        assert "not counted as exposed" in document["warnings"][-1]
    else:
        assert document["unknown_people"] == 0


def test_a_csv_for_offices(found, tmp_path):
    path = write_overlay(found, tmp_path / "o.csv", "uji")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[:3] == ["kode_desa", "nama_desa", "penduduk"]
    assert {"terpapar_kelas_2", "penduduk_bahaya_tidak_diketahui"} <= set(rows[0])
    assert rows[0]["nama_desa"] == "'=SUM(A1)"
    assert rows[-1]["kode_desa"] == "tanpa_wilayah"
    assert sum(int(row["penduduk"]) for row in rows) == found.total_people


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
def test_layers_for_a_map_program(found, tmp_path, suffix):
    path = write_overlay(found, tmp_path / f"o{suffix}", "uji")
    read = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path)
    assert read["people"].sum() + found.unassigned == found.total_people
    assert read.crs.to_epsg() == 4326
    assert list(read["area_id"]) == ["32.03.01.2001", "32.03.01.2002"]


def test_another_ending_is_refused_before_the_work(found, tmp_path):
    with pytest.raises(DataError, match=r"\.parquet"):
        write_overlay(found, tmp_path / "o.xlsx", "uji")


def test_the_map_runs_nothing_from_outside(found):
    page = overlay_page(found, "</script><script>alert(1)")
    assert "<b>" not in page.split('id="areas"')[1].split("</script>")[0]
    assert "<script>alert(1)" not in page
    assert "Content-Security-Policy" in page
    assert overlay_page(found, "x") == overlay_page(found, "x")
