"""Days into spans, classes out of maps, percentiles of a place, levels with days missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.landslide import (
    DAYS,
    NOT_KNOWN,
    ari7,
    kind_of,
    landslide_estimate,
    least_index,
    percentiles_of_place,
    susceptibility_classes,
    windows,
)
from processing.rain.policy import rain_policy

RULES = rain_policy().landslide.susceptibility


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([0.0, 0.2, 0.334, 0.5, 0.7, 1.0], "index", [1, 2, 2, 4, 5, 5]),
        ([1, 2, 3], "classes-3", [2, 4, 5]),
        ([0, 1, 2, 3, 4], "classes-4", [0, 1, 2, 4, 5]),
        ([1, 2, 3, 4, 5], "classes-5", [1, 2, 3, 4, 5]),
    ],
)
def test_maps_become_classes_by_the_table(values, kind, classes):
    given_ = np.array([*values, np.nan], "f4")
    found, how = susceptibility_classes(given_, RULES)
    assert how == kind and found.tolist() == [*classes, 0]


@pytest.mark.parametrize("values", [[80.0], [1.5, 3.0], [-1.0, 2.0], [np.nan], [0, 1]])
def test_no_such_map_is_refused(values):
    with pytest.raises(ValueError, match="expected an index"):
        kind_of(np.array(values, "f4"), RULES)


def test_the_kind_may_be_named():
    five = RULES.model_copy(update={"kind": "classes-5"})
    assert susceptibility_classes(np.array([3.0]), five)[0].tolist() == [3]


def test_spans_of_24_hours_lie_over_two_days():
    before = [np.full(1, 10.0 * k) for k in range(1, 8)]
    found = windows(np.array([5.0]), before, 0.25)[:, 0]
    assert found[0] == 5
    assert found[1] == pytest.approx(0.25 * 10 + 0.75 * 20)
    assert found[6] == pytest.approx(0.25 * 60 + 0.75 * 70)
    before[2] = None
    assert np.isnan(windows(np.array([5.0]), before, 0.25)[:, 0]).tolist() == [
        False, False, True, True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="yesterday first"):
        windows(np.array([5.0]), before[:3], 0.25)


@given(st.lists(st.one_of(st.none(), st.floats(0, 300)), min_size=DAYS, max_size=DAYS))
def test_the_least_index_is_never_above_the_whole_one(rain):
    days = np.array([[np.nan if mm is None else mm] for mm in rain])
    least, complete = least_index(days)
    whole = ari7(np.where(np.isnan(days), 150.0, days))
    assert least[0] <= whole[0] + 1e-9
    assert complete[0] == (None not in rain)


def test_percentiles_are_those_of_the_index():
    rng = np.random.default_rng(3)
    mm = np.round(rng.gamma(0.5, 20, (200, 4)), 1)
    found = percentiles_of_place((mm * 10 + 0.5).astype(np.uint16), least_days=100)
    index = np.stack([ari7(mm[d - 6 : d + 1][::-1]) for d in range(6, 200)])
    for one, share in zip(found, (95, 99), strict=True):
        want = np.percentile(index, share, axis=0, method="inverted_cdf")
        np.testing.assert_allclose(one, want, atol=1e-3)


def test_days_that_are_not_known_count_for_no_percentile():
    mm = np.full((120, 1), 50, np.uint16)
    mm[60] = NOT_KNOWN
    assert np.isfinite(percentiles_of_place(mm, least_days=107)[0][0])
    assert np.isnan(percentiles_of_place(mm, least_days=108)[0][0])


def estimate(index, complete, susceptibility, shaken=None):
    one = np.array([float(index)])
    return landslide_estimate(
        one, np.array([complete]), np.array([60.0]), np.array([100.0]),
        np.array([susceptibility], np.int8), None if shaken is None else np.array([shaken]),
        at_most=3,
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("index", "complete", "susceptibility", "shaken", "level"),
    [
        (70, True, 3, None, 2),
        (70, False, 3, None, 2),  # what the known days give stands
        (10, True, 3, None, 0),
        (10, False, 3, None, -1),  # the missing day may have been the wet one
        (10, False, 2, None, 0),  # firm ground, however wet
        (10, False, 0, None, -1),
        (120, True, 5, None, 3),  # 4 by the tree, and an estimate alone says 3
        (120, True, 5, True, 4),
        (120, True, 3, True, 4),
        (120, True, 3, False, 3),
    ],
)
def test_levels_with_days_missing_and_after_shaking(index, complete, susceptibility, shaken, level):
    assert estimate(index, complete, susceptibility, shaken) == level
