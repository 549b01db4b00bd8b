"""What the nowcast is worth on storms whose rain is known; and the scores themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from processing.rain.skill import (
    Counts,
    calibration,
    growing,
    moving,
    persistence,
    scores,
    table,
)
from processing.rain.synthetic import afternoon


@pytest.fixture(scope="module")
def found():
    given = {"ours": growing, "ours, no trend": moving, "persistence": persistence}
    return scores((1, 2), given, calibration((101,)))


def test_better_than_persistence_from_half_an_hour_on(found):
    for threshold in (1.0, 5.0, 10.0):
        for lead in (3, 6, 9):
            ours, still = (found.at(n, threshold, lead) for n in ("ours", "persistence"))
            assert ours.csi > still.csi
            assert ours.fss > still.fss


def test_skill_falls_with_the_lead(found):
    csi = [found.at("ours", 5.0, lead).csi for lead in (1, 3, 6, 12)]
    assert csi == sorted(csi, reverse=True)


def test_the_table_has_a_line_for_each(found):
    assert len(table(found).splitlines()) == 2 + 3 * 7 * 3


def test_the_same_seed_is_the_same_afternoon():
    one, other = afternoon(5, frames=3), afternoon(5, frames=3)
    assert np.array_equal(one.rain, other.rain)
    assert np.array_equal(one.temperature, other.temperature)


def test_a_perfect_and_a_useless_forecast():
    truth = np.zeros((40, 40), dtype=np.float32)
    truth[10:20, 10:20] = 5
    good, bad = Counts(), Counts()
    good.add(truth, truth, 1.0)
    bad.add(np.roll(truth, 20, axis=1), truth, 1.0)
    assert (good.pod, good.far, good.csi, good.bias, good.fss) == (1, 0, 1, 1, 1)
    assert (bad.pod, bad.far, bad.csi, bad.bias) == (0, 1, 0, 1)
    assert bad.fss == pytest.approx(0.0)


def reference(samples):
    return json.loads((samples / "hazard-refs" / "verification.json").read_text("utf-8"))


def test_contingency_tables_of_the_reference(samples):
    for case in reference(samples)["contingency"]:
        made = Counts(case["hits"], case["misses"], case["false_alarms"])
        expected = case["scores"]
        assert made.pod == pytest.approx(expected["probability_of_detection"])
        assert made.far == pytest.approx(expected["false_alarm_ratio"])
        assert made.bias == pytest.approx(expected["frequency_bias"])


def test_fractions_skill_of_the_reference(samples):
    y, x = np.mgrid[0:40, 0:40].astype(float)
    truth, forecast = (
        30 * np.exp(-((y - 20) ** 2 + (x - column) ** 2) / 32) for column in (20, 25)
    )
    for case in reference(samples)["fss"]["values"]:
        if case["window_px"] != 5:
            continue
        made = Counts()
        made.add(forecast, truth, case["thr_mm"])
        assert made.fss == pytest.approx(case["scores"], rel=1e-6)


def test_value_of_acting_by_hand():
    from processing.rain.acting import Found

    base = {"ratio": 0.2}
    assert Found(10, 0, 0, 90).value(**base) == pytest.approx(1)
    assert Found(0, 10, 0, 90).value(**base) == pytest.approx(0)  # never, where it is rare
    # 8 of 10 caught, 20 false: (0.1 - 20/90*0.2*0.9 + 0.8*0.1*0.8 - 0.1) / (0.1 - 0.02)
    assert Found(8, 2, 20, 70).value(**base) == pytest.approx(0.3)


def test_acting_at_the_ratio_of_cost_to_loss_is_worth_more_than_at_one_half():
    from processing.rain.acting import measured, table
    from processing.rain.skill import calibration

    found = measured(seeds=(1, 2), limits=(0.2, 0.5), curve=calibration((101,)))
    assert found[0.2].value(0.2) > found[0.5].value(0.2)
    assert found[0.2].pod > found[0.5].pod
    assert "| 20% |" in table(found)
