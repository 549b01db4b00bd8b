"""The chain against BMKG's recorded maps; Vs30 merged from them; the folder's two forms."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kentongan.errors import DataError
from processing.gmm import vs30 as sites_map
from processing.gmm.bmkg import QuakeFacts
from processing.gmm.chain import Chain, bmkg_chain
from processing.gmm.coefficients import parse
from processing.gmm.fit import document, held_out, model_of
from processing.gmm.fit import main as fit_main
from processing.gmm.folder import ShakeMap, shakemaps
from processing.gmm.judged import versions
from processing.gmm.vs30 import UNKNOWN, merge, slope_of, vs30_from_slope


@pytest.fixture(scope="module")
def maps(samples: Path) -> list[ShakeMap]:
    return list(shakemaps(samples / "shakemaps"))


@pytest.fixture(scope="module")
def merged(maps: list[ShakeMap]) -> sites_map.Vs30Map:
    """From the events that the fit used, only."""
    out = held_out(maps)
    return merge(m for m in maps if m.event_id not in out)


def test_held_out_maps_are_met(maps: list[ShakeMap], merged: sites_map.Vs30Map) -> None:
    """Asked for: 0.25 MMI within 150 km from M 5, 0.35 for M 4 to 5; found is a tenth of it."""
    out = held_out(maps)
    judged = [m for m in maps if m.event_id in out and m.magnitude >= 4.0][::2]
    assert len(judged) >= 30
    for one in judged:
        found = versions(one, merged)
        near = found.distance_km < 150.0
        off = np.abs(found.merged - found.bmkg)[near]
        assert off.mean() < (0.10 if one.magnitude >= 5 else 0.15), one.event_id
        assert np.abs(found.own - found.bmkg)[near].mean() < 0.05, one.event_id
        shaken = near & (found.bmkg >= 2.0)
        if shaken.any():
            assert np.abs(found.own - found.bmkg)[shaken].mean() < 0.03, one.event_id


def test_the_recorded_choice_of_model(maps: list[ShakeMap]) -> None:
    names = {"BA08": "ba08", "Zhao06_crustal": "zhao06-crustal"}
    names |= {"Zhao06_interface": "zhao06-interface", "Zhao06_intraslab": "zhao06-intraslab"}
    wrong = [m.event_id for m in maps if names[m.model] != model_of(m)]
    assert wrong == []


def test_the_held_out_events_never_change(maps: list[ShakeMap]) -> None:
    assert held_out(maps) == held_out(maps[::-1])
    assert len(held_out(maps)) == len(maps) // 3


def test_both_forms_of_a_folder_say_the_same(samples: Path, maps: list[ShakeMap]) -> None:
    unreadable: list[str] = []
    read = {m.event_id: m for m in shakemaps(samples / "shakemaps/raw", unreadable=unreadable)}
    both = [(read[m.event_id], m) for m in maps if m.event_id in read]
    assert both
    for document_, stored in both:
        assert document_.magnitude == stored.magnitude
        assert document_.latitude[0] < document_.latitude[-1]
        assert stored.latitude[0] > stored.latitude[-1]
        assert np.allclose(document_.mmi, stored.mmi[::-1], atol=0.011)
        assert np.allclose(document_.vs30, stored.vs30[::-1], atol=1)
        assert (document_.exercise, document_.model) == (stored.exercise, stored.model)
    assert {document_.exercise for document_, _ in both} == {True, False}
    assert unreadable == []


def test_rows_from_the_south_give_the_same_map(
    maps: list[ShakeMap], merged: sites_map.Vs30Map
) -> None:
    one = next(m for m in maps if m.magnitude > 6 and m.latitude_of < 5)
    turned = replace(
        one,
        **{n: getattr(one, n)[::-1] for n in ("latitude", "mmi", "pga_pctg", "pgv_cms", "vs30")},
    )
    assert np.array_equal(versions(one, merged).merged, versions(turned, merged).merged)
    assert np.array_equal(merge([one]).values, merge([turned]).values)


def _map(vs30: np.ndarray, *, west: float = 107.0) -> ShakeMap:
    rows, columns = vs30.shape
    nothing = np.ones(vs30.shape)
    return ShakeMap(
        "made", 5.0, 10.0, -7.0, 107.0, exercise=False, model="",
        latitude=-7.0 + 0.0125 + 0.025 * np.arange(rows),
        longitude=west + 0.0125 + 0.025 * np.arange(columns),
        mmi=nothing, pga_pctg=nothing, pgv_cms=nothing, vs30=vs30,
    )  # fmt: skip


def test_the_most_frequent_value_of_a_cell_wins() -> None:
    grids = [_map(np.array([[v, w]])) for v, w in ((300.0, 600.0), (600.0, 300.0), (300.0, 600.0))]
    grids.append(_map(np.array([[np.nan, 1e9]])))
    found = merge(grids).on(np.array([-6.99]), np.array([107.01, 107.03, 107.06, 200.0]))
    assert found.tolist() == [[300, 600, UNKNOWN, UNKNOWN]]
    tie = merge(grids[:2]).on(np.array([-6.99]), np.array([107.01]))
    assert tie.tolist() == [[300]]  # of equals the softest: it shakes more


def test_a_folder_without_site_data_is_refused() -> None:
    with pytest.raises(DataError, match="SVEL"):
        merge([_map(np.zeros((2, 2)))])


def test_a_merged_map_survives_the_disk(tmp_path: Path) -> None:
    found = merge([_map(np.full((3, 3), 270.0))])
    sites_map.save(found, tmp_path / "vs30.npz")
    assert np.array_equal(sites_map.load(tmp_path / "vs30.npz").values, found.values)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 not a map")
    for name in ("bad.npz", "missing.npz"):
        with pytest.raises(DataError, match="Vs30"):
            sites_map.load(tmp_path / name)


def test_the_script_builds_a_map(samples: Path, tmp_path: Path) -> None:
    for path in (samples / "shakemaps/raw").glob("2017*_grid.xml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "broken.xml").write_text("<shakemap_grid>")
    assert sites_map.main([str(tmp_path), str(tmp_path / "out.npz")]) == 0
    known = sites_map.load(tmp_path / "out.npz").values
    assert known[known > 0].min() >= 180 and known.max() <= 1300
    with pytest.raises(DataError, match="neither"):
        list(shakemaps(tmp_path / "nowhere"))


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_scripts_without_maps_say_so_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = str(tmp_path / folder)
    assert sites_map.main([given, str(tmp_path / "out.npz")]) == fit_main([given]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all("found neither" in line for line in said)
    assert not (tmp_path / "out.npz").exists()


def test_vs30_of_slopes() -> None:
    """Wald & Allen (2007), Table 2, active: classes by slope, m/m."""
    slope = np.array([0.0, 1e-4, 2.2e-3, 0.01, 0.03, 0.07, 0.12, 0.2, np.nan])
    expected = [180.0, 210.0, 270.0, 330.0, 425.0, 555.0, 690.0, 800.0]
    assert vs30_from_slope(slope)[:-1].tolist() == expected
    assert np.isnan(vs30_from_slope(slope)[-1])


def test_slope_of_a_plane() -> None:
    latitude, step = -6.0 + 0.01 * np.arange(5), 0.01
    metre = np.radians(step) * 6_371_008.8
    rise = 0.05 * metre * np.arange(5)
    assert slope_of(rise[:, None] * np.ones((5, 5)), latitude, step) == pytest.approx(0.05)
    east = slope_of(rise[None, :] * np.cos(np.radians(latitude))[:, None], latitude, step)
    assert east == pytest.approx(0.05, rel=1e-3)


def test_the_written_document_is_the_chain() -> None:
    chain = bmkg_chain()
    assert parse(document(chain, 1, "a test"), Chain, "written") == chain


def test_the_worst_known_quake_is_named() -> None:
    """Cianjur 2022: BMKG's chain stays far below what was felt (VII to VIII); see the docs."""
    from processing.gmm.bmkg import mmi_grid, sites

    quake = QuakeFacts(5.6, 11.0, -6.84, 107.05)
    axis = np.array([0.0])
    found = mmi_grid(quake, sites(axis - 6.84, axis + 107.05, np.full((1, 1), 270)))
    assert 5.0 < float(found[0, 0]) < 6.5
