"""Travel time of the nearest team on duty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from risk.coverage import nearest_team_minutes


def teams(*posts: tuple[float, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(posts, columns=["longitude", "latitude", "on_duty"])


def test_a_degree_of_the_equator_takes_its_detour(policy):
    found = nearest_team_minutes(
        np.array([121.0]), np.array([0.0]), teams((120, 0, True)), policy.coverage
    )
    # 111.195 km x 1.35 / 40 km/h
    assert found[0] == pytest.approx(111.195 * 1.35 / 40 * 60, rel=1e-4)


def test_the_nearest_counts_and_only_on_duty(policy):
    posts = teams((120.0, 0.0, True), (120.9, 0.0, False), (123.0, 0.0, True))
    found = nearest_team_minutes(np.array([121.0, 122.9]), np.zeros(2), posts, policy.coverage)
    assert found[0] == pytest.approx(225.2, abs=0.1)
    assert found[1] == pytest.approx(22.5, abs=0.1)


def test_nobody_on_duty_is_not_a_number(policy):
    found = nearest_team_minutes(
        np.array([121.0]), np.zeros(1), teams((120, 0, False)), policy.coverage
    )
    assert np.isnan(found).all()
