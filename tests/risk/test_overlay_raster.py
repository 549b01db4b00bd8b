"""Levels from rasters: a share of the people decides, and what is not known stays so."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import GridMismatch
from kentongan.grid import BASE_GRID
from kentongan.impact import PEOPLE_BY_LEVEL
from risk.operator import PARTS
from risk.overlay import impact_table, to_base_grid
from risk.raster_share import level_of

WEST, SOUTH, STEP = 120.5, 0.5, 0.02
# One village of ten cells in one grid row, one of a single cell far away.
ROWS = [
    ("75.02.05.2001", "Satu", (WEST, SOUTH, WEST + 10 * STEP, SOUTH + STEP), 1000),
    ("75.02.05.2002", "Satu", (WEST + 1, SOUTH, WEST + 1 + STEP, SOUTH + STEP), 70),
]


def raster(ten: list[int], *, value: list[float] | None = None, outside: str = "none"):
    """A window of the base grid: one row of ten cells over the first village, and one above."""
    level = np.array([ten, [0] * 10], dtype=np.int8)
    mmi = np.array([value or [0.0] * 10, [0.0] * 10], dtype=np.float32)
    dims = ("latitude", "longitude")
    return xr.Dataset(
        {"hazard_level": (dims, level), "mmi": (dims, mmi)},
        coords={
            "latitude": SOUTH + (np.arange(2) + 0.5) * STEP,
            "longitude": WEST + (np.arange(10) + 0.5) * STEP,
        },
        attrs={"value_variable": "mmi", "outside": outside},
    )


@pytest.mark.parametrize(
    ("cells", "level"),
    [
        pytest.param([4, *[0] * 9], 4, id="a-tenth-is-enough"),
        pytest.param([4, 3, *[0] * 8], 4, id="highest-with-a-tenth"),
        pytest.param([2] * 10, 2, id="all-alike"),
        pytest.param([1, *[-1] * 9], 1, id="unknown-does-not-dilute"),
    ],
)
def test_level_of_a_village(make_layers, raster_field, policy, cells, level):
    table = impact_table(raster_field(raster(cells)), make_layers(ROWS), policy)
    assert table["level"].iloc[0] == level


def test_less_than_a_tenth_gives_the_level_below():
    tenth = -(-PARTS // 10)
    nearly = np.array([[0, PARTS - tenth + 1, 0, tenth - 1, 0, 0]])
    assert level_of(nearly, 10).tolist() == [1]
    assert level_of(np.array([[0, PARTS - tenth, 0, tenth, 0, 0]]), 10).tolist() == [3]


def test_unknown_is_neither_safe_nor_hit(make_layers, raster_field, policy):
    table = impact_table(raster_field(raster([-1] * 4 + [0] * 6)), make_layers(ROWS), policy)
    first = table.iloc[0]
    assert (first["level"], first["people_unknown"], first["people_0"]) == (0, 400, 600)
    assert first["known_fraction"] == pytest.approx(0.6, abs=1e-5)


def test_beyond_the_field_is_not_known_unless_it_says_none(make_layers, raster_field, policy):
    layers = make_layers(ROWS)
    clear = impact_table(raster_field(raster([2] * 10)), layers, policy)
    assert "75.02.05.2002" not in set(clear["adm4_code"])
    blind = impact_table(raster_field(raster([2] * 10, outside="not known")), layers, policy)
    assert blind.set_index("adm4_code").loc["75.02.05.2002", "people_unknown"] == 70


def test_the_value_is_the_one_that_a_tenth_of_the_people_reach(make_layers, raster_field, policy):
    values = [7.9, 6.0, 5.5, *[4.6] * 7]
    table = impact_table(
        raster_field(raster([4, 2, 2, *[1] * 7], value=values)), make_layers(ROWS), policy
    )
    assert table["value"].iloc[0] == pytest.approx(7.9)
    assert table["level"].iloc[0] == 4


def test_a_field_with_a_chance_gives_the_village_its_own(make_layers, raster_field, policy):
    field = raster([2] * 10)
    chance = np.array([[0.9, 0.4, *[0.1] * 8], [0.0] * 10], dtype=np.float32)
    field["probability"] = (("latitude", "longitude"), chance)
    table = impact_table(raster_field(field), make_layers(ROWS), policy)
    assert table["probability"].iloc[0] == pytest.approx(0.9)
    assert np.isnan(table["probability"].iloc[-1])
    plain = impact_table(raster_field(raster([2] * 10)), make_layers(ROWS), policy)
    assert "probability" not in plain


def test_a_level_without_a_chance_never_takes_that_of_its_surroundings(
    make_layers, raster_field, policy
):
    # A tenth of the people stand where level 2 is seen already; around them hardly any is to come.
    field = raster([2, *[0] * 9])
    chance = np.array([[np.nan, *[0.01] * 9], [0.0] * 10], dtype=np.float32)
    field["probability"] = (("latitude", "longitude"), chance)
    table = impact_table(raster_field(field), make_layers(ROWS), policy)
    assert table["level"].iloc[0] == 2 and np.isnan(table["probability"].iloc[0])


@settings(max_examples=25)
@given(st.lists(st.integers(-1, 4), min_size=10, max_size=10))
def test_classes_of_a_row_add_up_to_its_people(make_layers, raster_field, policy, cells):
    table = impact_table(raster_field(raster(cells)), make_layers(ROWS), policy)
    assert (table[[*PEOPLE_BY_LEVEL, "people_unknown"]].sum(axis=1) == table["people"]).all()


def test_the_base_grid_is_left_as_it_is():
    rng = np.random.default_rng(1)
    level = rng.integers(-1, 5, (BASE_GRID.rows, BASE_GRID.columns)).astype(np.int8)
    same = xr.Dataset(
        {"hazard_level": (("latitude", "longitude"), level)},
        coords={"latitude": BASE_GRID.latitude, "longitude": BASE_GRID.longitude},
    )
    np.testing.assert_array_equal(to_base_grid(same)["hazard_level"], level)


def test_another_grid_is_brought_over_by_the_nearest_cell():
    coarse = xr.Dataset(
        {"hazard_level": (("latitude", "longitude"), np.array([[1, 2], [3, 4]], dtype=np.int8))},
        coords={"latitude": [0.0, 0.1], "longitude": [120.0, 120.1]},
    )
    fine = to_base_grid(coarse)["hazard_level"]
    points = [(0.01, 120.01), (0.01, 120.09), (0.09, 120.01), (0.13, 120.13), (0.3, 120.0)]
    at = [fine.sel(latitude=y, longitude=x, method="nearest").item() for y, x in points]
    assert at == [1, 2, 3, 4, -1]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(raster([1] * 10).isel(latitude=slice(None, None, -1)), id="north-first"),
        pytest.param(raster([1] * 10).transpose("longitude", "latitude"), id="transposed"),
        pytest.param(raster([9] * 10), id="class-nine"),
        pytest.param(raster([1] * 10).isel(latitude=[0]), id="one-row"),
    ],
)
def test_a_raster_of_another_shape_is_refused(make_layers, raster_field, policy, broken):
    with pytest.raises(GridMismatch):
        impact_table(raster_field(broken), make_layers(ROWS), policy)
