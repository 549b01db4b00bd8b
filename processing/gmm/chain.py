"""What BMKG's runs do where the papers leave a choice, read off its maps: `data/gmm/bmkg.toml`.

ShakeMap 3.5 was run without stations, so each map is a formula. The file is written by
`python -m processing.gmm.fit`; no figure in it belongs to a single event.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from pydantic import Field, model_validator

from kentongan.settings import data_dir
from processing.gmm.coefficients import Strict, read
from processing.gmm.zhao06 import Source


class Model(StrEnum):
    BA08 = "ba08"
    CRUSTAL = "zhao06-crustal"
    INTERFACE = "zhao06-interface"
    INTRASLAB = "zhao06-intraslab"


SOURCES = {
    Model.CRUSTAL: Source.CRUSTAL,
    Model.INTERFACE: Source.INTERFACE,
    Model.INTRASLAB: Source.INTRASLAB,
}


class Choice(Strict):
    """Borders between the models; each lies in a gap between two maps that were seen."""

    zhao_from_magnitude: float
    interface_from_magnitude: float
    crustal_to_km: float
    interface_to_km: float


class Ba08Terms(Strict):
    """ln terms that BMKG's BA08 maps have beside the paper's, of one measure."""

    offset: float
    per_magnitude: float
    """About magnitude 5."""
    below_m4: float
    middle: float
    """Times the paper's cubic in the middle zone of the site term, at any Vs30."""
    near: float
    near_slope: float


class Ba08Fit(Strict):
    min_distance_km: float = Field(ge=0)
    zone_ln_scale: float
    zone_per_magnitude: float
    """pga4nl of BMKG's site term: ln offset at magnitude 5, and per magnitude."""
    pga: Ba08Terms
    pgv: Ba08Terms


class Distance(Strict):
    """From hypocentral distance to the mean logarithmic distance of unknown ruptures."""

    ln_length_m6: float
    ln_length_per_magnitude: float
    least_km: float = Field(ge=0)
    magnitudes: tuple[float, ...] = Field(min_length=2)
    distances_km: tuple[float, ...] = Field(min_length=2)
    ln_correction: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _shape(self) -> Distance:
        rows = len(self.ln_correction) == len(self.magnitudes)
        columns = all(len(row) == len(self.distances_km) for row in self.ln_correction)
        if not rows or not columns:
            raise ValueError("ln_correction: expected one row a magnitude, one figure a distance")
        for axis in (self.magnitudes, self.distances_km):
            if list(axis) != sorted(set(axis)) or axis[0] <= 0:
                raise ValueError("magnitudes and distances_km: expected positive and ascending")
        return self


class Chain(Strict):
    component_factor: float = Field(gt=0)
    """From the mean of the two horizontal components to the larger."""
    pgv_per_sa1: float = Field(gt=0)
    """cm/s from g at 1.0 s, for the models without PGV (Newmark & Hall 1982)."""
    choice: Choice
    ba08: Ba08Fit
    distance: Distance


@cache
def bmkg_chain() -> Chain:
    """The chain as fitted and committed."""
    return read(data_dir() / "gmm" / "bmkg.toml", Chain)


def choose(magnitude: float, depth_km: float, choice: Choice) -> Model:
    """The ground-motion model that BMKG's run takes."""
    if magnitude < choice.zhao_from_magnitude:
        return Model.BA08
    if magnitude >= choice.interface_from_magnitude and depth_km <= choice.interface_to_km:
        return Model.INTERFACE
    return Model.CRUSTAL if depth_km <= choice.crustal_to_km else Model.INTRASLAB
