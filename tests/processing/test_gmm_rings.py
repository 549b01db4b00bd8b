"""Rings of a distance-only intensity: no cell differs from the continuous form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import DataError
from processing.gmm.rings import reach_km, ring_classes
from processing.quakes import distance_km
from processing.shaking.allen import allen_2012_hypo

LEVELS = (4.5, 5.5, 6.5, 7.5)


def allen(magnitude: float, depth: float):
    return lambda km: allen_2012_hypo(magnitude, np.hypot(km, max(depth, 1.0)))[0]


def both(intensity, edges, latitude, longitude, place):
    to = {"to_latitude": place[0], "to_longitude": place[1]}
    found = ring_classes(reach_km(intensity, edges), latitude, longitude, **to)
    r = distance_km(latitude[:, None], longitude[None, :], **to)
    return found, np.digitize(intensity(r), edges)


@settings(max_examples=60, deadline=None)
@given(
    magnitude=st.floats(0, 9.5), depth=st.floats(0, 800),
    latitude=st.floats(-90, 90), longitude=st.floats(-180, 180),
)  # fmt: skip
def test_no_cell_differs(magnitude, depth, latitude, longitude) -> None:
    rows, columns = np.arange(-11.5, 6.5, 0.25), np.arange(94.5, 141.5, 0.25)
    found, plain = both(allen(magnitude, depth), LEVELS, rows, columns, (latitude, longitude))
    assert np.array_equal(found, plain)


def test_a_fine_grid_of_a_million_cells() -> None:
    rows, columns = (c + (np.arange(1080) - 540) / 120 for c in (-6.84, 107.05))
    found, plain = both(allen(7.0, 12.0), LEVELS, rows, columns, (-6.84, 107.05))
    assert np.count_nonzero(found != plain) == 0
    assert set(np.unique(found)) == {0, 1, 2, 3, 4}


def test_round_the_earth_past_the_antipode() -> None:
    rows, columns = np.arange(-90.0, 90.5, 1.5), np.arange(-180.0, 179.0, 1.5)
    edges = (-2.0, 0.5, 2.0)
    found, plain = both(allen(9.5, 10.0), edges, rows, columns, (3.0, 95.0))
    assert np.array_equal(found, plain)


def test_an_edge_that_is_reached_nowhere_or_everywhere() -> None:
    reach = reach_km(allen(5.0, 10.0), (-9.0, 1.0, 12.0))
    assert reach[0] == pytest.approx(20_015.2) and reach[2] == -1.0
    assert allen(5.0, 10.0)(reach[1:2])[0] == pytest.approx(1.0, abs=1e-9)


def test_no_cells_and_edges_that_do_not_ascend() -> None:
    reach = reach_km(allen(5.0, 10.0), LEVELS)
    nothing = ring_classes(reach, np.zeros(0), np.zeros(0), to_latitude=0.0, to_longitude=0.0)
    assert nothing.shape == (0, 0)
    with pytest.raises(DataError, match="ascending"):
        reach_km(allen(5.0, 10.0), (5.5, 4.5))
    with pytest.raises(DataError, match="falls with distance"):
        reach_km(lambda km: km, LEVELS)
