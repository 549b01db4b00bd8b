"""People in no village stand in the table, and a field off the grid is cut, never resampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
import xarray as xr

from kentongan.grid import BASE_GRID
from kentongan.hazard import AreaRule
from kentongan.impact import UNASSIGNED
from risk.operator import Unassigned
from risk.overlay import impact_table, roll_up

WEST, SOUTH, STEP = 120.5, 0.5, 0.02
ROWS = [("75.02.05.2001", "Satu", (WEST, SOUTH, WEST + 10 * STEP, SOUTH + STEP), 1000)]


def cell_of(x: float, y: float) -> int:
    row, column = int((y - BASE_GRID.south) / STEP), int((x - BASE_GRID.west) / STEP)
    return row * BASE_GRID.columns + column


@pytest.fixture
def layers(make_layers):
    made = make_layers(ROWS)
    cells = np.array([cell_of(WEST + 0.03, SOUTH + 0.01), cell_of(WEST + 3, SOUTH)], np.int32)
    left = Unassigned(cells, np.array([40, 2]))
    operator = replace(made.operator, unassigned=left)
    changed = replace(made, operator=operator)
    changed.__dict__["geometry"] = made.geometry
    return changed


def raster(level: int, *, shift: float = 0.0, outside: str = "none") -> xr.Dataset:
    levels = np.full((3, 10), level, dtype=np.int8)
    return xr.Dataset(
        {"hazard_level": (("latitude", "longitude"), levels)},
        coords={
            "latitude": SOUTH + (np.arange(3) - 0.5) * STEP,
            "longitude": WEST + shift + (np.arange(10) + 0.5) * STEP,
        },
        attrs={"outside": outside},
    )


def test_people_in_no_village_have_a_row_and_count_in_every_sum(layers, raster_field, policy):
    table = impact_table(raster_field(raster(3)), layers, policy)
    row = table.set_index("adm4_code").loc[UNASSIGNED]
    assert (row["people"], row["people_3"], row["people_0"]) == (42, 40, 2)
    assert row["share_inside"] == pytest.approx(40 / 42)
    for level in range(5):
        sums = roll_up(table, level)
        assert sums["people"].sum() == 1042
        assert sums["people_3"].sum() == 1040


def test_beyond_a_blind_field_they_are_not_known(layers, raster_field, policy):
    table = impact_table(raster_field(raster(3, outside="not known")), layers, policy)
    row = table.set_index("adm4_code").loc[UNASSIGNED]
    assert (row["people_3"], row["people_unknown"]) == (40, 2)
    assert row["known_fraction"] == pytest.approx(40 / 42)


def test_under_a_zone_they_are_in_the_level_of_their_cell(layers, zone_field, policy):
    here = shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1)
    table = impact_table(zone_field(AreaRule.NOWCAST, {"geometry": here}), layers, policy)
    row = table.set_index("adm4_code").loc[UNASSIGNED]
    assert (row["people_2"], row["people_0"]) == (40, 2)


def test_a_field_off_the_grid_is_cut_along_its_own_cells(layers, raster_field, policy):
    table = impact_table(raster_field(raster(3, shift=STEP / 4)), layers, policy)
    assert table.attrs["method"] == "cells, cut by area"
    # A quarter of the first of ten cells lies before the field.
    assert table["people_3"].iloc[0] == 975
    assert impact_table(raster_field(raster(3)), layers, policy).attrs["method"] == "cells"
