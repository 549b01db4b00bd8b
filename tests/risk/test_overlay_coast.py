"""Tsunami zones: the coast strip on the named side, never the mountains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kentongan.hazard import AreaRule
from kentongan.impact import UNASSIGNED
from risk.layers.layerset import load_layers
from risk.overlay import impact_table

NAN = float("nan")
ROWS = [
    ("53.10.01.2001", "Pantai", (120.0, -8.0, 120.1, -7.9), 1000),
    ("53.10.01.2002", "Pantai", (120.0, -9.0, 120.1, -8.9), 900),
    ("53.10.02.2001", "Gunung", (120.0, -8.5, 120.1, -8.4), 800),
    ("53.10.03.2001", "Pulau", (120.5, -8.5, 120.51, -8.49), 3),
    ("53.15.01.2001", "Lain", (119.0, -8.0, 119.1, -7.9), 700),
]
SHARE = [0.25, 0.5, 0.0, 0.1, 0.4]
AZIMUTH = [10.0, 185.0, NAN, NAN, 300.0]


@pytest.fixture
def layers(make_layers):
    return make_layers(ROWS, coast_share=SHARE, azimuth=AZIMUTH)


@pytest.mark.parametrize(
    ("codes", "side", "expected"),
    [
        pytest.param("53.10", "", ["01.2001", "01.2002", "03.2001"], id="whole-coast-no-mountain"),
        pytest.param("53.10", "N", ["01.2001", "03.2001"], id="north-and-the-island"),
        pytest.param("53.10", "S", ["01.2002", "03.2001"], id="south-and-the-island"),
        pytest.param("53.10.01", "", ["01.2001", "01.2002"], id="a-district"),
        pytest.param(
            "53.10.01.2002, 53.15", "", ["01.2002", "01.2001"], id="a-village-and-a-regency"
        ),
        pytest.param("53.15", "N", ["01.2001"], id="sixty-degrees-off-is-still-north"),
    ],
)
def test_villages_of_a_zone(layers, zone_field, policy, codes, side, expected):
    field = zone_field(AreaRule.COAST_STRIP, {"adm_codes": codes, "side": side, "hazard_level": 3})
    table = impact_table(field, layers, policy)
    assert table["adm4_code"].iloc[:-1].str[6:].tolist() == expected
    assert (table["level"].iloc[:-1] == 3).all()
    assert table["no_elevation"].iloc[:-1].all()


def test_where_no_shore_faces_the_side_its_half_of_the_coast_is_meant(
    make_layers, zone_field, policy
):
    souths = [-8.5, -8.4, -8.3, -8.2]
    bay = [
        (f"52.72.01.200{i}", "Bima", (118.7, south, 118.71, south + 0.01), 10)
        for i, south in enumerate(souths)
    ]
    layers = make_layers(bay, coast_share=[0.5] * 4, azimuth=[250.0] * 4)
    field = zone_field(AreaRule.COAST_STRIP, {"adm_codes": "52.72", "side": "N"})
    table = impact_table(field, layers, policy)
    assert table["adm4_code"].iloc[:-1].tolist() == ["52.72.01.2002", "52.72.01.2003"]
    assert set(table["rule"].iloc[:-1]) == {"coast-strip-any-side"}


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(0.001, ["01.2001"], id="only-brushed-faces-as-its-neighbour-on-the-south"),
        pytest.param(0.3, ["01.2001", "01.2003"], id="a-cape-of-its-own-faces-every-side"),
    ],
)
def test_a_village_that_the_strip_only_brushes(make_layers, zone_field, policy, share, expected):
    rows = [*ROWS[:2], ("53.10.01.2003", "Pantai", (120.0, -8.88, 120.1, -8.8), 500)]
    layers = make_layers(rows, coast_share=[0.25, 0.5, share], azimuth=[10.0, 185.0, NAN])
    field = zone_field(AreaRule.COAST_STRIP, {"adm_codes": "53.10", "side": "N"})
    table = impact_table(field, layers, policy)
    assert table["adm4_code"].iloc[:-1].str[6:].tolist() == expected


def test_people_of_the_strip_and_at_least_one(layers, zone_field, policy):
    field = zone_field(AreaRule.COAST_STRIP, {"adm_codes": "53.10", "hazard_level": 4})
    table = impact_table(field, layers, policy)
    assert table["people_4"].tolist() == [250, 450, 1, 0]
    assert table["people_0"].tolist() == [750, 450, 2, 0]


def test_highest_level_and_earliest_onset_and_doubled_zones_once(layers, zone_field, policy):
    early, late = pd.Timestamp("2026-08-14T22:02Z"), pd.Timestamp("2026-08-14T22:20Z")
    field = zone_field(
        AreaRule.COAST_STRIP,
        {"adm_codes": "53.10", "side": "N", "hazard_level": 3, "onset": late},
        {"adm_codes": "53.10", "side": "N", "hazard_level": 3, "onset": late},
        {"adm_codes": "53.10.01", "hazard_level": 2, "onset": early},
        {"adm_codes": "53.15", "hazard_level": 2, "onset": pd.NaT},
    )
    table = impact_table(field, layers, policy).set_index("adm4_code")
    assert table["level"].to_dict() == {
        "53.10.01.2001": 3, "53.10.01.2002": 2, "53.10.03.2001": 3, "53.15.01.2001": 2,
        UNASSIGNED: 0,
    }  # fmt: skip
    assert table.loc["53.10.01.2001", "onset"] == early
    assert table.loc["53.10.03.2001", "onset"] == late
    assert pd.isna(table.loc["53.15.01.2001", "onset"])
    assert table["exposed_people"].sum() == 250 + 450 + 1 + 280


def test_a_zone_without_a_village_is_told(layers, zone_field, policy):
    field = zone_field(
        AreaRule.COAST_STRIP,
        {"zone": "ATLANTIS", "adm_codes": "99.01"},
        {"zone": "GUNUNG", "adm_codes": "53.10.02"},
        {"zone": "TANPA KODE", "adm_codes": ""},
    )
    table = impact_table(field, layers, policy)
    assert table.attrs["unresolved"] == ["ATLANTIS", "GUNUNG", "TANPA KODE"]
    assert len(table) == 1


def test_a_strip_of_another_width_than_compiled_is_visible(layers, zone_field, policy):
    wide = policy.model_copy(
        update={"tsunami": policy.tsunami.model_copy(update={"coast_strip_km": 3.0})}
    )
    table = impact_table(zone_field(AreaRule.COAST_STRIP, {"adm_codes": "53.15"}), layers, wide)
    assert table["rule"].iloc[0] == "coast-strip (2 km, policy 3 km)"


@pytest.mark.parametrize(
    ("code", "where", "low", "high"),
    [
        pytest.param("53.10.11.1017", "Reo, north coast of Flores", 292, 68, id="north"),
        pytest.param("53.10.05.2024", "Legu, south coast of Flores", 112, 248, id="south"),
        pytest.param("13.71.04", "Padang Barat, west coast of Sumatra", 202, 338, id="west"),
    ],
)
def test_the_embedded_set_knows_where_the_sea_is(code, where, low, high):
    layers = load_layers()
    rows = layers.villages.iloc[layers.within(code)]
    azimuth = rows["sea_azimuth_deg"][rows["coast_share"] > 0].to_numpy()
    inside = (
        (azimuth >= low) & (azimuth <= high) if low < high else (azimuth >= low) | (azimuth <= high)
    )
    assert azimuth.size and inside.mean() > 0.7, where


def test_mountain_villages_have_no_coast():
    layers = load_layers()
    bandung = layers.villages.iloc[layers.within("32.73")]
    assert (bandung["coast_share"] == 0).all()
    assert np.isnan(bandung["sea_azimuth_deg"]).all()
