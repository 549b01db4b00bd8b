"""Distances on the sphere, and teams that hold a task."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.evacuation.register import busy_teams
from risk.sphere import EARTH_RADIUS_KM, chord_of_km, km_of_chord, unit_vectors

LON, LAT = st.floats(94, 142), st.floats(-12, 7)


def haversine_km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Sinnott 1984, as an independent form."""
    phi1, phi2 = np.radians([lat1, lat2])
    half = np.sin((phi2 - phi1) / 2) ** 2
    half += np.cos(phi1) * np.cos(phi2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return float(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)))


@given(LON, LAT, LON, LAT)
def test_chords_give_great_circle_distances(lon1, lat1, lon2, lat2):
    a, b = unit_vectors([lon1, lon2], [lat1, lat2])
    found = float(km_of_chord(np.linalg.norm(a - b)))
    assert found == pytest.approx(haversine_km(lon1, lat1, lon2, lat2), abs=1e-5)


@given(st.floats(0, 20_000))
def test_a_distance_survives_its_chord(km):
    assert float(km_of_chord(chord_of_km(km))) == pytest.approx(km, abs=1e-3)


def test_one_degree_of_latitude():
    a, b = unit_vectors([107, 107], [-7, -6])
    assert float(km_of_chord(np.linalg.norm(a - b))) == pytest.approx(111.195, abs=1e-3)


def test_busy_teams_are_those_with_open_tasks():
    assert busy_teams({"a": 1, "b": 0}, ()) == {"a"}
