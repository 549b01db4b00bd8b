"""The published equations against independent implementations."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.gmm import ba08, gmice, zhao06
from processing.gmm.coefficients import Ba08, Measure
from processing.gmm.coefficients import ba08 as ba08_row
from processing.gmm.coefficients import zhao06 as zhao06_row
from processing.gmm.motion import GRAVITY_GAL
from processing.gmm.zhao06 import Source, zhao_2006

STRIKE_SLIP: dict[Measure, float] = {"pga": -0.50350, "pgv": 5.04727}
"""e2 of Table 7: the peer takes a rake, not "unspecified"."""
RJB = np.array([0.0, 5.0, 30.0, 150.0])
# ln PGA (g) and ln PGV (cm/s) at RJB, by OpenQuake 3.26.2 BooreAtkinson2008, rake 0.
BA08 = {
    (4.0, 180.0): ([-1.77754387, -2.45565104, -4.00375202, -6.54333166],
                   [1.63245061, 1.15165682, -0.47985512, -2.36432153]),
    (4.0, 425.0): ([-2.07683959, -3.04368209, -4.59525009, -7.13482973],
                   [1.1253358, 0.40283182, -1.23158249, -3.11604889]),
    (5.2, 210.0): ([-1.36375503, -1.78240805, -2.77751884, -5.08604537],
                   [2.73148798, 2.38592053, 1.18279576, -0.50778344]),
    (5.2, 270.0): ([-1.2251353, -1.84536802, -2.99364275, -5.30217578],
                   [2.78230109, 2.2593435, 0.92143447, -0.76915044]),
    (6.8, 425.0): ([-0.56090406, -1.07367561, -1.95241427, -3.89466163],
                   [4.04956301, 3.5516423, 2.42649904, 1.01937284]),
    (6.8, 800.0): ([-0.64159137, -1.20355777, -2.16660186, -4.16708772],
                   [3.73305839, 3.21405417, 2.05278002, 0.62069446]),
}  # fmt: skip
RRUP = np.array([10.0, 50.0, 200.0])
# ln PGA and ln SA(1.0 s), g, at RRUP, by OpenQuake 3.26.2 ZhaoEtAl2006Asc, rake 0.
CRUSTAL = {
    (5.3, 10.0, 200.0): ([-2.14752549, -3.86007333, -6.06763153],
                         [-2.5751307, -4.2160872, -5.92142672]),
    (5.3, 10.0, 600.0): ([-2.22352549, -3.93607333, -6.14363153],
                         [-3.2671307, -4.9080872, -6.61342672]),
    (7.0, 23.0, 300.0): ([-0.79297703, -2.09889149, -4.19103753],
                         [-0.70162366, -2.09349855, -3.74043165]),
    (7.0, 23.0, 800.0): ([-1.03697703, -2.34289149, -4.43503753],
                         [-1.33062366, -2.72249855, -4.36943165]),
}  # fmt: skip


def strike_slip(measure: Measure) -> Ba08:
    return ba08_row(measure).model_copy(update={"e": STRIKE_SLIP[measure]})


@pytest.mark.parametrize(("magnitude", "vs30"), BA08)
def test_boore_atkinson(magnitude: float, vs30: float) -> None:
    for measure, expected in zip(("pga", "pgv"), BA08[magnitude, vs30], strict=True):
        rows = strike_slip(measure), strike_slip("pga")
        found = ba08.median(*rows, magnitude, RJB, np.full(4, vs30))
        assert found == pytest.approx(expected, rel=0, abs=1e-6)


@pytest.mark.parametrize(("magnitude", "depth", "vs30"), CRUSTAL)
def test_zhao_crustal(magnitude: float, depth: float, vs30: float) -> None:
    for period, expected in zip(("pga", "sa1"), CRUSTAL[magnitude, depth, vs30], strict=True):
        gal = zhao_2006(period, Source.CRUSTAL, magnitude, depth, RRUP, np.full(3, vs30))
        assert gal - np.log(GRAVITY_GAL) == pytest.approx(expected, rel=0, abs=1e-6)


def test_zhao_subduction(samples: Path) -> None:
    sources = {"ZhaoEtAl2006SInter": Source.INTERFACE, "ZhaoEtAl2006SSlab": Source.INTRASLAB}
    path = samples / "hazard-refs" / "eq_gmpe_subduction_openquake.csv"
    rows = [r for r in csv.DictReader(path.read_text().splitlines()) if r["model"] in sources]
    assert len(rows) >= 20
    for row in rows:
        r = np.array([float(row["distance_km(rrup; rhypo for AbrahamsonSSlab)"])])
        where = (float(row["mag"]), float(row["hypo_depth_km"]), r, np.array([float(row["vs30"])]))
        for period, name in (("pga", "PGA_g"), ("sa1", "SA1p0_g")):
            found = np.exp(zhao_2006(period, sources[row["model"]], *where)) / GRAVITY_GAL
            assert found[0] == pytest.approx(float(row[name]), rel=1e-6, abs=5.1e-9)


def test_the_intensity_curves(samples: Path) -> None:
    text = (samples / "hazard-refs/eq_gmice_wgrw12_shakelib.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    direct = [r for r in rows if not r["input_type"].startswith("inverse")]
    assert len(direct) >= 35
    for row in direct:
        motion = np.array([float(row["input_value"])])
        if row["input_type"] == "PGA_gal":
            bare, added = gmice.mmi_from_pga(motion), gmice.pga_residual(6.0, np.array([20.0]))
        else:
            bare, added = gmice.mmi_from_pgv(motion), np.array([gmice.pgv_residual(6.0)])
        without, with_terms = row["output_no_residual_terms"], row["output_mmi_with_R20km_M6"]
        assert gmice.clipped(bare)[0] == pytest.approx(float(without), abs=1e-6)
        assert gmice.clipped(bare + added)[0] == pytest.approx(float(with_terms), abs=1e-6)


def test_the_site_term_has_no_steps() -> None:
    """BA08's own nonlinear term, unlike BMKG's, is continuous in the rock motion."""
    for edge in (ba08.A_1, ba08.A_2):
        below, above = ba08.transition(np.array([edge * (1 - 1e-9), edge * (1 + 1e-9)]))
        assert below == pytest.approx(above, abs=1e-6)


def test_the_small_magnitude_factor_ends() -> None:
    """Atkinson & Boore (2011), equation 5: nothing from M 5.77 on, whatever the distance."""
    assert ba08.small_magnitude(5.8, np.array([0.0, 200.0])) == pytest.approx(0.0)
    # By hand, M 4 at 10 km: 10^(3.888 - 2.696 - (2.933 - 2.040) log10 20) = 10^0.03018
    assert np.exp(ba08.small_magnitude(4.0, np.array([10.0]))) == pytest.approx(1.0719, rel=1e-4)


@given(
    magnitude=st.floats(5.3, 8.7), depth=st.floats(0, 150), vs30=st.floats(150, 1500),
    near=st.floats(1, 300), more=st.floats(0.1, 100),
)  # fmt: skip
def test_motion_falls_with_distance(
    magnitude: float, depth: float, vs30: float, near: float, more: float
) -> None:
    r, v = np.array([near, near + more]), np.full(2, vs30)
    for source in Source:
        found = zhao_2006("sa1", source, magnitude, depth, r, v)
        assert found[1] < found[0]


def test_site_classes_meet_their_edges() -> None:
    """Table 2 of Zhao et al. (2006): an edge belongs to the softer class."""
    row = zhao06_row("pga")
    found = zhao06.site_term(row, np.array([200.0, 200.1, 300.0, 600.0, 600.1, 1100.1]))
    assert found.tolist() == [1.420, 1.355, 1.355, 1.344, 1.111, 0.293]
