"""The tasks of the DAG `layers`, run as Airflow calls them."""

from __future__ import annotations

import geopandas as gpd
import pytest

from kentongan.errors import LayerError
from orchestration.airflow.layers import check_layers, fetch_layers, renew_layers
from risk.layers.layerset import load_layers


@pytest.fixture
def home(tmp_path, monkeypatch):
    base = load_layers()
    rows = base.within("31.01")
    table = {"kode": base.villages["adm4_code"].iloc[rows].to_numpy()}
    frame = gpd.GeoDataFrame(table, geometry=list(base.geometry[rows]), crs=4326)
    frame.to_parquet(tmp_path / "areas.parquet")
    (tmp_path / "layers.toml").write_text('areas = "areas.parquet"\n')
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KENTONGAN_LAYERS_PLAN", str(tmp_path / "layers.toml"))
    return tmp_path / "home"


def test_a_month_passes(home):
    assert fetch_layers() == []
    assert check_layers()["refuse"] == 0
    assert renew_layers()["swapped"] is True
    assert renew_layers()["swapped"] is False
    assert len(load_layers(home / "layers" / "current").villages) == 6


def test_a_file_that_is_refused_fails_the_task_and_swaps_nothing(home):
    renew_layers()
    before = (home / "layers" / "current").resolve()
    areas = home.parent / "areas.parquet"
    frame = gpd.read_parquet(areas)
    frame.assign(kode=frame["kode"].str.replace(".", "")).to_parquet(areas)
    for task in (check_layers, renew_layers):
        with pytest.raises(LayerError, match="bps-codes"):
            task()
    assert (home / "layers" / "current").resolve() == before
