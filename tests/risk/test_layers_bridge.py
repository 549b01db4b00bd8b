"""Kemendagri codes for other lists: by names and by shapes, ambiguous ones left out."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from kentongan.errors import LayerError
from risk.layers.bridge import bridge_file
from risk.layers.check.run import check_file


@pytest.fixture
def cianjur(samples):
    return gpd.read_parquet(samples / "geo" / "adm4_villages_cianjur.parquet")


def as_bps(frame):
    """The same villages as HDX writes them: names of four levels and codes of BPS."""
    codes = [f"ID3203{i:06d}" for i in range(len(frame))]
    return gpd.GeoDataFrame(
        {
            "ADM4_PCODE": codes,
            "ADM4_EN": frame["name"].str.upper().to_numpy(),
            "ADM3_EN": frame["district"].to_numpy(),
            "ADM2_EN": "Cianjur",
            "ADM1_EN": "JAWA BARAT",
        },
        geometry=frame.geometry.to_numpy(),
        crs=4326,
    )


def test_names_lead_to_the_right_codes(cianjur, tmp_path):
    as_bps(cianjur).to_parquet(tmp_path / "bps.parquet")
    assert any(f.check == "bps-codes" for f in check_file(tmp_path / "bps.parquet"))
    done = bridge_file(tmp_path / "bps.parquet", tmp_path / "out.parquet")
    out = gpd.read_parquet(tmp_path / "out.parquet")
    assert (done.features, done.matched, done.left_out) == (360, 360, ())
    assert (out["adm4_code"].to_numpy() == cianjur["code"].to_numpy()).all()
    assert not any(f.severity == "refuse" for f in check_file(tmp_path / "out.parquet"))


def test_what_is_ambiguous_or_unknown_is_left_out_and_told(tmp_path):
    """Sukamaju stands in several districts of Cianjur."""
    table = pd.DataFrame(
        {"desa": ["Sukamaju", "Sayang", "Tiada"], "kabupaten": "Kabupaten Cianjur", "people": 1}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    done = bridge_file(tmp_path / "t.csv", tmp_path / "out.csv")
    assert done.matched == 1
    assert "row 0: Sukamaju, Kabupaten Cianjur: ambiguous: 32.03.01.2003" in done.left_out[0]
    assert "row 2: Tiada, Kabupaten Cianjur: unknown" in done.left_out[1]


def test_kab_and_kota_are_told_apart(tmp_path):
    """Kota Bogor and Kabupaten Bogor; a bare name fits where only one has the district."""
    table = pd.DataFrame(
        {"desa": ["Cibuluh", "Cibuluh"], "kabupaten": ["Kota Bogor", "Kabupaten Bogor"]}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    bridge_file(tmp_path / "t.csv", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert out["adm4_code"].str[:5].tolist() == ["32.71"]


def test_two_features_of_one_code_belong_to_neither(cianjur, tmp_path):
    twice = as_bps(cianjur.iloc[[0, 0, 1]])
    twice.to_parquet(tmp_path / "t.parquet")
    done = bridge_file(tmp_path / "t.parquet", tmp_path / "out.parquet")
    assert (done.matched, len(done.left_out)) == (1, 2)


def test_shapes_lead_to_the_right_codes(samples, cianjur, tmp_path):
    moved = cianjur[["geometry"]].iloc[:40].copy()
    moved["geometry"] = shapely.transform(moved.geometry.to_numpy(), lambda p: p + 2e-4)
    moved.to_parquet(tmp_path / "m.parquet")
    done = bridge_file(
        tmp_path / "m.parquet", tmp_path / "out.parquet", by="shapes",
        reference_areas=samples / "geo" / "adm4_villages_cianjur.parquet",
    )  # fmt: skip
    out = gpd.read_parquet(tmp_path / "out.parquet")
    assert done.matched == 40
    assert (out["adm4_code"].to_numpy() == cianjur["code"].to_numpy()[: len(out)]).all()


def test_a_shape_over_two_villages_is_left_out(samples, cianjur, tmp_path):
    both = shapely.union_all(cianjur.geometry.to_numpy()[:2])
    one = cianjur.geometry.to_numpy()[3]
    gpd.GeoDataFrame(geometry=[both, one], crs=4326).to_parquet(tmp_path / "b.parquet")
    done = bridge_file(
        tmp_path / "b.parquet", tmp_path / "out.parquet", by="shapes",
        reference_areas=samples / "geo" / "adm4_villages_cianjur.parquet",
    )  # fmt: skip
    assert (done.matched, len(done.left_out)) == (1, 1)
    assert "ambiguous" in done.left_out[0]


def test_old_kelurahan_of_osm_by_names(samples, tmp_path):
    """261 kelurahan of Jakarta in spellings of 2012."""
    done = bridge_file(samples / "geo" / "kelurahan_jakarta_osm.parquet", tmp_path / "out.parquet")
    assert done.matched > 200
    assert done.matched + len(done.left_out) == 261
    out = gpd.read_parquet(tmp_path / "out.parquet")
    assert out["adm4_code"].str.startswith("31.").all()
    assert not any(f.check == "places-elsewhere" for f in check_file(tmp_path / "out.parquet"))


@pytest.mark.parametrize(("by", "words"), [("names", "needs a column"), ("luck", "--by luck")])
def test_what_cannot_be_bridged(tmp_path, by, words):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LayerError, match=words):
        bridge_file(tmp_path / "t.csv", tmp_path / "o.csv", by=by)
