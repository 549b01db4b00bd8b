"""A set made anew is put in place only if it passed everything."""

from __future__ import annotations

import geopandas as gpd
import pytest

from kentongan.errors import LayerError, SettingsError, SourceDown
from risk.layers.layerset import load_layers
from risk.layers.refresh import refresh

REGENCY = "31.01"
"""Six villages on islands."""


@pytest.fixture
def folder(tmp_path):
    """A plan with the villages of one regency."""
    base = load_layers()
    rows = base.within(REGENCY)
    table = {"kode": base.villages["adm4_code"].iloc[rows].to_numpy()}
    frame = gpd.GeoDataFrame(table, geometry=list(base.geometry[rows]), crs=4326)
    frame.to_parquet(tmp_path / "areas.parquet")
    (tmp_path / "layers.toml").write_text('areas = "areas.parquet"\npeople = ["kab.csv"]\n')
    people(tmp_path, 30_000)
    return tmp_path


def people(folder, count):
    (folder / "kab.csv").write_text(f"adm2_code,people\n{REGENCY},{count}\n")


def run(folder):
    return refresh(folder / "layers.toml", folder / "sets")


def counted(folder):
    return int(load_layers(folder / "sets" / "current").villages["people"].sum())


def test_the_first_set_and_a_better_one_come_into_use(folder):
    first = run(folder)
    assert (first.swapped, counted(folder)) == (True, 30_000)
    people(folder, 31_000)
    second = run(folder)
    assert (second.swapped, counted(folder)) == (True, 31_000)
    assert first.path.is_dir()
    assert first.version != second.version


def test_nothing_new_changes_nothing(folder):
    first = run(folder)
    again = run(folder)
    assert (again.swapped, again.version) == (False, first.version)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        pytest.param(lambda f: people(f, 3), "far-from-register", id="refused"),
        pytest.param(lambda f: people(f, 40_000), "at most 20 % more or fewer", id="jump"),
        pytest.param(lambda f: (f / "kab.csv").unlink(), "kab.csv", id="lost"),
        pytest.param(lambda f: (f / "areas.parquet").write_bytes(b"x"), "areas", id="broken"),
    ],
)
def test_a_set_that_fails_is_never_swapped_in(folder, break_it, words):
    first = run(folder)
    break_it(folder)
    with pytest.raises(LayerError, match=words):
        run(folder)
    assert (folder / "sets" / "current").resolve() == first.path
    assert counted(folder) == 30_000
    assert sorted(p.name for p in (folder / "sets").iterdir()) == [first.version, "current"]


def test_lost_villages_stop_the_swap(folder):
    run(folder)
    frame = gpd.read_parquet(folder / "areas.parquet")
    frame.iloc[: len(frame) // 3].to_parquet(folder / "areas.parquet")
    with pytest.raises(LayerError, match="expected at least 99 %"):
        run(folder)


def test_a_source_that_cannot_be_reached_changes_nothing(folder):
    first = run(folder)
    (folder / "own.toml").write_text(
        '[[source]]\nname = "people"\ntitle = "t"\nkind = "file"\nurl = "http://127.0.0.1:9/p.tif"\n'
        'role = "people"\nmegabytes = 1\nlicence = "x"\ncredit = "y"\n'
    )
    plan = folder / "layers.toml"
    plan.write_text('sources = "own.toml"\nfetch = ["people"]\n' + plan.read_text())
    with pytest.raises(SourceDown, match="cannot reach"):
        run(folder)
    assert (folder / "sets" / "current").resolve() == first.path


def test_old_sets_are_kept_for_a_while(folder, monkeypatch):
    monkeypatch.setattr("risk.layers.refresh.KEPT", 2)
    for count in (30_000, 30_001, 30_002):
        people(folder, count)
        run(folder)
    assert len(list((folder / "sets").glob("built-*"))) == 2
    assert counted(folder) == 30_002


@pytest.mark.parametrize("text", ["areas = 1", 'areas = "a"\nunknown = 1', "{", ""])
def test_a_plan_with_mistakes_is_refused(tmp_path, text):
    (tmp_path / "layers.toml").write_text(text)
    with pytest.raises(SettingsError, match="layer plan"):
        refresh(tmp_path / "layers.toml", tmp_path / "sets")
