"""The cells of a ShakeMap grid as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import DataError, GridMismatch
from kentongan.shakegrid import MAX_CELLS, decode_grid

FIELDS = ("LON", "LAT", "PGA", "MMI")
LATITUDES = (-7.0, -7.25, -7.5)
LONGITUDES = (108.0, 108.5)


def cells():
    """(lon, lat, pga, mmi), north first; mmi is 1, 2, 3 … in that order."""
    places = [(lon, lat) for lat in LATITUDES for lon in LONGITUDES]
    return [(lon, lat, n / 10, float(n)) for n, (lon, lat) in enumerate(places, start=1)]


def document(rows):
    body = "\n".join(" ".join(f"{value:.4f}" for value in row) for row in rows)
    return f"<shakemap_grid><grid_data>\n{body}\n</grid_data></shakemap_grid>".encode()


def decoded(payload, fields=FIELDS, rows=3, columns=2):
    return decode_grid(payload, fields, rows=rows, columns=columns)


def test_arrays_are_latitude_by_longitude_from_south_and_west():
    found = decoded(document(cells()))
    np.testing.assert_allclose(found.latitude, [-7.5, -7.25, -7.0])
    np.testing.assert_allclose(found.longitude, [108.0, 108.5])
    np.testing.assert_array_equal(found.values["MMI"], [[5, 6], [3, 4], [1, 2]])
    assert set(found.values) == {"PGA", "MMI"}


@given(rows=st.permutations(cells()))
def test_the_order_of_rows_is_not_assumed(rows):
    np.testing.assert_array_equal(decoded(document(rows)).values["MMI"], [[5, 6], [3, 4], [1, 2]])


@pytest.mark.parametrize(
    ("value", "says"),
    [("nan", "nan"), ("1e9", "1e\\+09"), ("inf", "inf"), ("-1", "-1"), ("12.5", "12.5")],
)
def test_an_intensity_that_cannot_be_is_refused(value, says):
    payload = document(cells()).replace(b" 6.0000", f" {value}".encode())
    with pytest.raises(DataError, match=f"MMI: expected 0 to 12, found {says}"):
        decoded(payload)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(cells()[:-1], id="a-cell-missing"),
        pytest.param([*cells(), cells()[0]], id="a-cell-too-many"),
        pytest.param([*cells()[:-1], cells()[0]], id="a-cell-twice"),
        pytest.param([*cells()[:-1], (108.2, -7.5, 0, 1)], id="off-the-grid"),
        pytest.param([(108.0, lat, p, m) for _, lat, p, m in cells()], id="one-longitude"),
    ],
)
def test_cells_that_fill_no_grid_are_refused(rows):
    with pytest.raises(GridMismatch):
        decoded(document(rows))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<grid_data></grid_data>",
        b"<grid_data>1 2 3 4",
        b"<grid_data>a b c d</grid_data>",
        b"<grid_data>1 2 3 4\n1 2 3</grid_data>",
        b"<grid_data>1 2 3 4</grid_data><grid_data>1 2 3 4</grid_data>",
        b"<grid_data>" + b"0" * 2000 + b"</grid_data>",
    ],
)
def test_what_is_no_grid_is_one_clear_error(payload):
    with pytest.raises(DataError) as refused:
        decoded(payload)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 2), (2, 1), (0, 0), (-3, -2), (MAX_CELLS, 2), (10**9, 10**9)]
)
def test_the_size_is_bounded(rows, columns):
    with pytest.raises(DataError, match="not decoded"):
        decoded(document(cells()), rows=rows, columns=columns)


@pytest.mark.parametrize(
    "fields", [("LON", "LAT", "PGA"), ("LON", "LAT", "MMI", "MMI"), (), ("LAT", "MMI")]
)
def test_fields_are_needed_and_each_once(fields):
    with pytest.raises(DataError, match="LON, LAT, MMI"):
        decoded(document(cells()), fields=fields)
