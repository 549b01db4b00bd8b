"""What a quake sets off, on values: when we watch a coast, which ground was shaken, how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import NaiveTime
from kentongan.types import Level
from processing.secondary.pre_alert import PreAlert, pre_alert, stands
from processing.secondary.shaken_ground import (
    NO,
    NOT_KNOWN,
    PRONE,
    ground_classes,
    raised_until,
    shaken_cells,
)

AT = datetime(2018, 9, 28, 10, 2, 45, tzinfo=UTC)
NAN = float("nan")


@pytest.mark.parametrize(
    ("magnitude", "depth_km", "coast_km", "watched"),
    [
        pytest.param(7.5, 20, 0, True, id="palu"),
        pytest.param(6.5, 70, 25, True, id="all-three-on-the-edge"),
        pytest.param(6.4, 10, 0, False, id="too-small"),
        pytest.param(7.5, 71, 0, False, id="too-deep"),
        pytest.param(7.5, 10, 25.1, False, id="too-far-inland"),
        pytest.param(None, 10, 0, True, id="magnitude-not-known"),
        pytest.param(7.0, None, 0, True, id="depth-not-known"),
        pytest.param(7.0, 10, None, True, id="place-not-known"),
        pytest.param(5.6, 11, 60, False, id="cianjur"),
    ],
)
def test_when_a_coast_is_watched(policy, magnitude, depth_km, coast_km, watched):
    found = pre_alert(
        magnitude=magnitude, depth_km=depth_km, coast_km=coast_km, origin=AT,
        rules=policy.tsunami.pre_alert,
    )  # fmt: skip
    assert (found is not None) is watched


@given(
    magnitude=st.none() | st.floats(0, 10),
    depth=st.none() | st.floats(0, 700),
    coast=st.none() | st.floats(0, 2000),
)
def test_never_above_a_watch_and_never_quieter_for_a_worse_quake(policy, magnitude, depth, coast):
    def found(m, z, km):
        return pre_alert(
            magnitude=m, depth_km=z, coast_km=km, origin=AT, rules=policy.tsunami.pre_alert
        )

    one = found(magnitude, depth, coast)
    if one is None:
        return
    assert one.level is Level.WATCH
    assert "InaTEWS" in one.words
    for worse in ((magnitude and magnitude + 1, depth, coast), (magnitude, 0.0, coast),
                  (magnitude, depth, 0.0), (None, None, None)):  # fmt: skip
        assert found(*worse) is not None


def test_a_watch_ends_when_inatews_speaks_or_after_its_time():
    watch = PreAlert(AT + timedelta(minutes=60), "")
    assert stands(watch, AT, inatews_spoke=False)
    assert not stands(watch, AT, inatews_spoke=True)
    assert stands(watch, AT + timedelta(minutes=59, seconds=59), inatews_spoke=False)
    assert not stands(watch, AT + timedelta(minutes=60), inatews_spoke=False)
    with pytest.raises(NaiveTime):
        stands(watch, AT.replace(tzinfo=None), inatews_spoke=False)


def test_slopes_are_loose_for_seven_days(policy):
    end = raised_until(AT, policy.secondary.landslide_days)
    assert end - AT == timedelta(days=7)


@pytest.mark.parametrize(("mmi", "shaken"), [(5.49, False), (5.5, True), (9, True), (NAN, False)])
def test_vi_is_rounded_half_up(mmi, shaken):
    assert bool(shaken_cells(np.array([mmi]), 6)[0]) is shaken


def test_a_map_takes_out_only_what_it_knows():
    mmi = np.array([6.0, 6.0, 6.0, 5.0, NAN])
    index = np.array([0.5, 0.1, NAN, 0.9, 0.9])
    found = ground_classes(mmi, index, at_least=6, prone_from=0.334)
    assert found.tolist() == [PRONE, NO, NOT_KNOWN, NO, NO]
    without = ground_classes(mmi, None, at_least=6, prone_from=1.0)
    assert without.tolist() == [NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NO, NO]
