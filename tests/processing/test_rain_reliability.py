"""Shares of members to probabilities: by hand, and on samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from kentongan.errors import SettingsError
from kentongan.policy import load_policy
from processing.rain.policy import rain_policy
from processing.rain.reliability import Reliability, Table, probability, reliability
from processing.rain.reliability_fit import Samples, corrected, diagram, fitted, summary


def known(*tables):
    return Reliability(
        author="x", date="2026-11-22", fitted_on="by hand", confirmed=False, table=tables
    )


HALF = Table(lead_minutes=60, rain_mm_h=10, share=(0, 0.5, 1), observed=(0.02, 0.2, 0.6))


def test_between_the_knots_it_is_linear():
    share = np.array([0, 0.25, 0.5, 0.75, 1, np.nan], dtype=np.float32)
    found = probability(share, 60, 10.0, known(HALF))
    np.testing.assert_allclose(found, [0.02, 0.11, 0.2, 0.4, 0.6, np.nan], atol=1e-6)
    assert found.dtype == np.float32


def test_an_event_without_a_table_keeps_its_share():
    share = np.array([0.3, np.nan], dtype=np.float32)
    for lead, mm_h in ((50, 10.0), (60, 12.0)):
        np.testing.assert_array_equal(probability(share, lead, mm_h, known(HALF)), share)


@pytest.mark.parametrize(
    "change",
    [
        {"share": (0, 0.6, 0.5)},
        {"share": (0.1, 0.5, 1)},
        {"observed": (0.1, 0.05, 0.2)},
        {"observed": (0, 0.5, 1.1)},
        {"observed": (0, 1)},
    ],
)
def test_a_table_that_falls_or_leaves_its_bounds_is_refused(change):
    with pytest.raises(ValueError, match="expected"):
        Table.model_validate({**HALF.model_dump(), **change})


def test_the_tables_that_come_along_serve_the_policy():
    policy, tables = rain_policy(), reliability()
    assert tables.confirmed is False
    edge = policy.levels.rain_mm[1][1]
    for lead in (30, 60, 120, 180):
        assert tables.of(lead, edge) is not None
    # Ever less may be promised, the farther ahead.
    sure = [tables.of(lead, edge).observed[-1] for lead in (30, 60, 120, 180)]
    assert sure == sorted(sure, reverse=True)


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "reliability.toml"
    path.write_text("author = 'x'\n")
    with pytest.raises(SettingsError, match=r"reliability\.toml"):
        load_policy(path, Reliability)


def too_sure(seed, count=40_000):
    """Shares of 24 members of an event that happens at 0.7 of the share."""
    random = np.random.default_rng(seed)
    share = random.integers(0, 25, count) / 24
    return Samples(share, random.uniform(size=count) < 0.7 * share)


def test_a_fit_makes_other_samples_reliable():
    table = fitted(60, 10, too_sure(1))
    raw = too_sure(2)
    mended = corrected({(60, 10.0): raw}, known(table))[60, 10.0]
    assert raw.off == pytest.approx(0.15, abs=0.01)
    assert mended.off < 0.02
    assert mended.brier < raw.brier
    assert mended.skill > raw.skill
    for _, _, said, came in mended.bins():
        assert said == pytest.approx(came, abs=0.03)


def test_few_cells_are_joined_and_noise_never_makes_it_fall():
    random = np.random.default_rng(3)
    share = random.integers(0, 25, 300) / 24
    table = fitted(60, 10, Samples(share, random.uniform(size=300) < 0.5))
    assert len(table.share) < 12
    assert list(table.observed) == sorted(table.observed)


def test_brier_and_skill_by_hand():
    given = Samples(np.array([0.0, 0.5, 1.0, 0.5]), np.array([False, True, True, False]))
    # (0 + 0.25 + 0 + 0.25) / 4, against 0.25 of always saying one half.
    assert given.brier == pytest.approx(0.125)
    assert given.skill == pytest.approx(0.5)
    assert given.off == pytest.approx(0.0)


def test_tables_for_people():
    raw = too_sure(5, 2000)
    words = summary({(60, 10.0): raw}, {(60, 10.0): raw})
    assert "| 10 | 60 | 2000 |" in words
    assert len(diagram(raw, raw).splitlines()) == 12
